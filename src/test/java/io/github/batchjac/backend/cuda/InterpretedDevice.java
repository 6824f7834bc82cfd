package io.github.batchjac.backend.cuda;

import io.github.batchjac.backend.cuda.InterpretedDriver.Call;
import io.github.batchjac.backend.cuda.ptx.PtxFault;
import io.github.batchjac.backend.cuda.ptx.PtxMachine;
import io.github.batchjac.backend.cuda.ptx.PtxModule;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A device that interprets; see {@link InterpretedDriver}. One call at a time. */
final class InterpretedDevice implements Device {
    private static final int NOT_FOUND = 500;
    private static final int INVALID_PTX = 218;

    private final InterpretedDriver driver;
    private final DeviceInfo info;
    private final PtxMachine machine;
    private final boolean graphs;
    private final Map<Long, Long> allocations = new HashMap<>();
    private final Map<ByteBuffer, Boolean> pinned = new IdentityHashMap<>();
    private final Set<Long> streams = new HashSet<>();
    private final Map<Long, Boolean> events = new HashMap<>();
    private final Map<Long, PtxMachine.Loaded> modules = new HashMap<>();
    private final Map<Long, Function> functions = new HashMap<>();
    private final Map<Long, List<Runnable>> captures = new HashMap<>();
    private final Map<Long, List<Runnable>> recorded = new HashMap<>();
    private long free;
    private long nextHandle = 0x1000;
    private int lost;
    private boolean closed;

    private record Function(PtxMachine.Loaded module, long handle, String name) {}

    InterpretedDevice(InterpretedDriver driver, DeviceInfo info, PtxMachine machine, boolean graphs) {
        this.driver = driver;
        this.info = info;
        this.machine = machine;
        this.graphs = graphs;
        free = info.memory();
    }

    /** What executes here. */
    PtxMachine machine() {
        return machine;
    }

    /** What is alive: allocations, pinned buffers, streams, events, graphs and modules. */
    record Alive(int allocations, int pinned, int streams, int events, int graphs, int modules) {
        static final Alive NOTHING = new Alive(0, 0, 0, 0, 0, 0);
    }

    synchronized Alive alive() {
        return new Alive(
                allocations.size(), pinned.size(), streams.size(), events.size(), recorded.size(), modules.size());
    }

    /** Whether {@link #close} was called. */
    synchronized boolean closed() {
        return closed;
    }

    private void enter(Call call, String what) {
        if (closed) {
            throw driver.violation(what + " on a device that was closed");
        }
        int code = driver.called(call);
        if (lost != 0) {
            throw InterpretedDriver.failure(lost, what);
        }
        if (code != 0) {
            DriverException failure = InterpretedDriver.failure(code, what);
            lost = failure.sticky() ? code : 0;
            throw failure;
        }
    }

    private long handle() {
        nextHandle += 0x10;
        return nextHandle;
    }

    private void stream(long stream, String what) {
        if (!streams.contains(stream)) {
            throw driver.violation(what + " on stream " + stream + ", which does not exist");
        }
    }

    private void event(long event, String what) {
        if (!events.containsKey(event)) {
            throw driver.violation(what + " of event " + event + ", which does not exist");
        }
    }

    /** Does it now, or if the stream is being recorded with the graph. */
    private void give(long stream, String what, Runnable work) {
        stream(stream, what);
        List<Runnable> capture = captures.get(stream);
        if (capture != null) {
            capture.add(work);
        } else {
            done(work);
        }
    }

    private void done(Runnable work) {
        try {
            work.run();
        } catch (PtxFault fault) {
            driver.violation(fault.getMessage());
            throw fault;
        }
    }

    private void notRecording(long stream, String what) {
        if (captures.containsKey(stream)) {
            throw driver.violation(what + " of a stream that is being recorded");
        }
    }

    @Override
    public DeviceInfo info() {
        return info;
    }

    @Override
    public synchronized long freeMemory() {
        if (closed) {
            throw driver.violation("free memory of a device that was closed");
        }
        if (lost != 0) {
            throw InterpretedDriver.failure(lost, "free memory");
        }
        return free;
    }

    private static long whole(long bytes) {
        return (bytes + 255) / 256 * 256;
    }

    @Override
    public synchronized long allocate(long bytes) {
        String what = "allocate " + bytes + " bytes";
        enter(Call.ALLOCATE, what);
        if (bytes <= 0) {
            throw InterpretedDriver.failure(1, what);
        }
        if (whole(bytes) > free) {
            throw InterpretedDriver.failure(InterpretedDriver.OUT_OF_MEMORY, what);
        }
        free -= whole(bytes);
        long address = machine.memory().allocate(bytes);
        allocations.put(address, bytes);
        return address;
    }

    @Override
    public synchronized void free(long address) {
        enter(Call.FREE, "free");
        Long bytes = allocations.remove(address);
        if (bytes == null) {
            throw driver.violation("free of " + Long.toHexString(address) + ", which is not allocated");
        }
        machine.memory().free(address);
        free += whole(bytes);
    }

    @Override
    public synchronized ByteBuffer allocatePinned(int bytes) {
        enter(Call.ALLOCATE_PINNED, "allocate " + bytes + " bytes of pinned memory");
        ByteBuffer buffer = ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN);
        pinned.put(buffer, true);
        return buffer;
    }

    @Override
    public synchronized void freePinned(ByteBuffer buffer) {
        enter(Call.FREE_PINNED, "free pinned memory");
        if (pinned.remove(buffer) == null) {
            throw driver.violation("free of pinned memory that is not allocated");
        }
    }

    @Override
    public synchronized long createStream() {
        enter(Call.CREATE_STREAM, "create a stream");
        long stream = handle();
        streams.add(stream);
        return stream;
    }

    @Override
    public synchronized void destroyStream(long stream) {
        enter(Call.DESTROY_STREAM, "destroy a stream");
        stream(stream, "destroy");
        notRecording(stream, "destruction");
        streams.remove(stream);
    }

    @Override
    public synchronized void synchronize(long stream) {
        enter(Call.SYNCHRONIZE, "synchronize");
        stream(stream, "synchronize");
        notRecording(stream, "synchronization");
    }

    @Override
    public synchronized long createEvent() {
        enter(Call.CREATE_EVENT, "create an event");
        long event = handle();
        events.put(event, false);
        return event;
    }

    @Override
    public synchronized void destroyEvent(long event) {
        enter(Call.DESTROY_EVENT, "destroy an event");
        event(event, "destruction");
        events.remove(event);
    }

    @Override
    public synchronized void record(long event, long stream) {
        enter(Call.RECORD, "record an event");
        event(event, "record");
        stream(stream, "record");
        events.put(event, true);
    }

    @Override
    public synchronized void await(long stream, long event) {
        enter(Call.AWAIT, "await an event");
        event(event, "await");
        stream(stream, "await");
    }

    @Override
    public synchronized void synchronizeEvent(long event) {
        enter(Call.SYNCHRONIZE_EVENT, "synchronize with an event");
        event(event, "synchronization");
    }

    @Override
    public synchronized float milliseconds(long from, long to) {
        enter(Call.MILLISECONDS, "time between events");
        event(from, "time");
        event(to, "time");
        if (!events.get(from) || !events.get(to)) {
            throw driver.violation("time between events that were never recorded");
        }
        return 0;
    }

    private void host(ByteBuffer buffer, int offset, int bytes, String what) {
        if (!buffer.isDirect()) {
            throw driver.violation(what + ": a buffer that is not direct");
        }
        if (offset < 0 || bytes < 0 || offset > buffer.capacity() - bytes) {
            throw driver.violation(what + ": bytes " + offset + " to " + (offset + (long) bytes) + " of a buffer of "
                    + buffer.capacity());
        }
    }

    private ByteBuffer piece(ByteBuffer buffer, int offset, int bytes) {
        ByteBuffer piece = buffer.duplicate();
        piece.clear();
        return piece.position(offset).limit(offset + bytes);
    }

    @Override
    public synchronized void copyIn(long to, ByteBuffer from, int offset, int bytes, long stream) {
        String what = "copy " + bytes + " bytes to the device";
        enter(Call.COPY_IN, what);
        host(from, offset, bytes, what);
        give(stream, what, () -> machine.memory().copyIn(to, piece(from, offset, bytes)));
    }

    @Override
    public synchronized void copyOut(ByteBuffer to, int offset, long from, int bytes, long stream) {
        String what = "copy " + bytes + " bytes from the device";
        enter(Call.COPY_OUT, what);
        host(to, offset, bytes, what);
        give(stream, what, () -> machine.memory().copyOut(piece(to, offset, bytes), from));
    }

    @Override
    public synchronized void copy(long to, long from, long bytes, long stream) {
        String what = "copy " + bytes + " bytes on the device";
        enter(Call.COPY, what);
        give(stream, what, () -> machine.memory().copy(to, from, bytes));
    }

    @Override
    public synchronized void zero(long address, long bytes, long stream) {
        String what = "zero " + bytes + " bytes";
        enter(Call.ZERO, what);
        give(stream, what, () -> machine.memory().zero(address, bytes));
    }

    @Override
    public synchronized long loadModule(String ptx) {
        enter(Call.LOAD_MODULE, "load a module");
        if (!ptx.contains(".version") || !ptx.contains(".target")) {
            throw InterpretedDriver.failure(INVALID_PTX, "load a module");
        }
        return load(PtxModule.of(ptx));
    }

    /** Loads a module that was made otherwise: a mutant. */
    synchronized long load(PtxModule parsed) {
        long module = handle();
        modules.put(module, machine.load(parsed));
        return module;
    }

    @Override
    public synchronized void unloadModule(long module) {
        enter(Call.UNLOAD_MODULE, "unload a module");
        PtxMachine.Loaded loaded = modules.remove(module);
        if (loaded == null) {
            throw driver.violation("unload of module " + module + ", which does not exist");
        }
        machine.unload(loaded);
    }

    @Override
    public synchronized long function(long module, String name) {
        enter(Call.FUNCTION, "function " + name);
        PtxMachine.Loaded loaded = modules.get(module);
        if (loaded == null) {
            throw driver.violation("function of module " + module + ", which does not exist");
        }
        if (!loaded.module().has(name)) {
            throw InterpretedDriver.failure(NOT_FOUND, "function " + name);
        }
        long function = handle();
        functions.put(function, new Function(loaded, module, name));
        return function;
    }

    @Override
    public synchronized void launch(
            long function, int blocks, int threads, int sharedBytes, long stream, Arguments arguments) {
        Function called = functions.get(function);
        String what = "launch " + (called == null ? function : called.name());
        enter(Call.LAUNCH, what);
        if (called == null || !modules.containsKey(called.handle())) {
            throw driver.violation(what + ", of a module that is not loaded");
        }
        byte[] bytes = arguments.bytes();
        int[] offsets = new int[arguments.count()];
        for (int i = 0; i < offsets.length; i++) {
            offsets[i] = arguments.offset(i);
        }
        give(
                stream,
                what,
                () -> machine.launch(called.module(), called.name(), blocks, threads, sharedBytes, bytes, offsets));
    }

    @Override
    public boolean graphs() {
        return graphs;
    }

    @Override
    public synchronized void beginCapture(long stream) {
        enter(Call.BEGIN_CAPTURE, "begin a capture");
        stream(stream, "capture");
        notRecording(stream, "capture");
        if (!graphs) {
            throw driver.violation("capture on a device without graphs");
        }
        captures.put(stream, new ArrayList<>());
    }

    @Override
    public synchronized long endCapture(long stream) {
        // a capture whose graph cannot be made has ended nevertheless
        List<Runnable> work = captures.remove(stream);
        enter(Call.END_CAPTURE, "end a capture");
        if (work == null) {
            throw driver.violation("end of a capture that never began");
        }
        long graph = handle();
        recorded.put(graph, work);
        return graph;
    }

    @Override
    public synchronized void launchGraph(long graph, long stream) {
        enter(Call.LAUNCH_GRAPH, "launch a graph");
        List<Runnable> work = recorded.get(graph);
        if (work == null) {
            throw driver.violation("launch of graph " + graph + ", which does not exist");
        }
        give(stream, "graph", () -> work.forEach(Runnable::run));
    }

    @Override
    public synchronized void destroyGraph(long graph) {
        enter(Call.DESTROY_GRAPH, "destroy a graph");
        if (recorded.remove(graph) == null) {
            throw driver.violation("destruction of graph " + graph + ", which does not exist");
        }
    }

    @Override
    public synchronized void close() {
        closed = true;
    }
}
