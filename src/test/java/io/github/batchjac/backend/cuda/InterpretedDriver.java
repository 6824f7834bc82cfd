package io.github.batchjac.backend.cuda;

import io.github.batchjac.backend.cuda.ptx.PtxMachine;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * A driver whose devices are {@link PtxMachine}s. What is given to a stream is done at once. It can be told to fail, and it
 * counts what is alive. Misuse (handles that were destroyed, memory that was freed, a device that was closed) is an
 * {@link AssertionError} and is also remembered in {@link #violations()}, in case somebody swallows it.
 */
final class InterpretedDriver implements Driver {
    static final int OUT_OF_MEMORY = 2;
    static final int ILLEGAL_ADDRESS = 700;
    static final int LAUNCH_FAILED = 719;

    /** What can be told to fail. */
    enum Call {
        OPEN,
        ALLOCATE,
        FREE,
        ALLOCATE_PINNED,
        FREE_PINNED,
        CREATE_STREAM,
        DESTROY_STREAM,
        SYNCHRONIZE,
        CREATE_EVENT,
        DESTROY_EVENT,
        RECORD,
        AWAIT,
        SYNCHRONIZE_EVENT,
        MILLISECONDS,
        COPY_IN,
        COPY_OUT,
        COPY,
        ZERO,
        LOAD_MODULE,
        UNLOAD_MODULE,
        FUNCTION,
        LAUNCH,
        BEGIN_CAPTURE,
        END_CAPTURE,
        LAUNCH_GRAPH,
        DESTROY_GRAPH
    }

    private int version = 12060;
    private int devices = 1;
    private long memory = 16L << 30;
    private int multiprocessors = 8;
    private int sharedPerBlock = 232_448;
    private int major = 9;
    private int minor;
    private boolean graphs = true;
    private Consumer<PtxMachine> setUp = machine -> {};
    private final Map<Call, Long> calls = new EnumMap<>(Call.class);
    private final Map<Call, Long> failAt = new EnumMap<>(Call.class);
    private final Map<Call, Integer> failWith = new EnumMap<>(Call.class);
    private final List<String> violations = new ArrayList<>();
    private final List<InterpretedDevice> open = new ArrayList<>();

    synchronized InterpretedDriver version(int number) {
        version = number;
        return this;
    }

    synchronized InterpretedDriver devices(int count) {
        devices = count;
        return this;
    }

    /** Bytes of each device. */
    synchronized InterpretedDriver memory(long bytes) {
        memory = bytes;
        return this;
    }

    synchronized InterpretedDriver multiprocessors(int count) {
        multiprocessors = count;
        return this;
    }

    synchronized InterpretedDriver sharedPerBlock(int bytes) {
        sharedPerBlock = bytes;
        return this;
    }

    synchronized InterpretedDriver capability(int first, int second) {
        major = first;
        minor = second;
        return this;
    }

    synchronized InterpretedDriver graphs(boolean supported) {
        graphs = supported;
        return this;
    }

    /** Done to the machine of every device that is opened from here on: jitter, order of blocks, workers. */
    synchronized InterpretedDriver machines(Consumer<PtxMachine> options) {
        setUp = options;
        return this;
    }

    /** Makes the k-th call from now on (from 1) of one kind fail; after a sticky code all later calls fail with it as well. */
    synchronized InterpretedDriver fail(Call call, long k, int code) {
        failAt.put(call, calls.getOrDefault(call, 0L) + k);
        failWith.put(call, code);
        return this;
    }

    /** How often a kind of call was made. */
    synchronized long calls(Call call) {
        return calls.getOrDefault(call, 0L);
    }

    /** The code that this call has to fail with; 0 for none. */
    synchronized int called(Call call) {
        long now = calls.merge(call, 1L, Long::sum);
        return failAt.getOrDefault(call, 0L) == now ? failWith.get(call) : 0;
    }

    /** What was done that must never be done. */
    synchronized List<String> violations() {
        return List.copyOf(violations);
    }

    synchronized AssertionError violation(String what) {
        violations.add(what);
        return new AssertionError(what);
    }

    /** The devices that were opened, also those closed since. */
    synchronized List<InterpretedDevice> opened() {
        return List.copyOf(open);
    }

    @Override
    public synchronized int version() {
        return version;
    }

    @Override
    public synchronized int devices() {
        return devices;
    }

    @Override
    public synchronized DeviceInfo info(int ordinal) {
        if (ordinal < 0 || ordinal >= devices) {
            throw failure(101, "info of device " + ordinal);
        }
        return new DeviceInfo(ordinal, "interpreted", major, minor, memory, multiprocessors, sharedPerBlock);
    }

    @Override
    public synchronized InterpretedDevice open(int ordinal) {
        DeviceInfo info = info(ordinal);
        int code = called(Call.OPEN);
        if (code != 0) {
            throw failure(code, "open");
        }
        PtxMachine machine = new PtxMachine(sharedPerBlock);
        setUp.accept(machine);
        InterpretedDevice device = new InterpretedDevice(this, info, machine, graphs);
        open.add(device);
        return device;
    }

    static DriverException failure(int code, String call) {
        String name = switch (code) {
            case 1 -> "CUDA_ERROR_INVALID_VALUE";
            case 2 -> "CUDA_ERROR_OUT_OF_MEMORY";
            case 101 -> "CUDA_ERROR_INVALID_DEVICE";
            case 218 -> "CUDA_ERROR_INVALID_PTX";
            case 500 -> "CUDA_ERROR_NOT_FOUND";
            case 700 -> "CUDA_ERROR_ILLEGAL_ADDRESS";
            case 719 -> "CUDA_ERROR_LAUNCH_FAILED";
            case 999 -> "CUDA_ERROR_UNKNOWN";
            default -> "CUDA_ERROR_" + code;
        };
        return new DriverException(code, name, call);
    }
}
