package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.backend.cuda.ptx.LaunchReport;
import io.github.batchjac.backend.cuda.ptx.PtxMachine;
import io.github.batchjac.backend.cuda.ptx.PtxModule;
import io.github.batchjac.tensor.Precision;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongFunction;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * Runs launchers on the interpreter and looks at what they did. Arrays have exactly the size that is asked for. On a GPU, if
 * that is where tests run (see {@link TestCuda}), numbers are as they are here; a test that asks for more is skipped from
 * there on.
 */
final class Lab implements AutoCloseable {
    /** Sectors against the ideal. */
    static final double SECTORS = 1.05;

    private static final String SHIPPED = "/io/github/batchjac/backend/cuda/batchjac.ptx";

    /** What outputs on a GPU are full of before anything is written: NaN. */
    private static final int POISON_BYTES = 1 << 20;

    private static final long MOST_ON_CARD = 1L << 30;

    private final Device device;
    private final Precision precision;
    private final @Nullable PtxModule module;
    private final Queue queue;
    private final Map<Long, Long> sizes = new HashMap<>();
    private final List<Long> allocations = new ArrayList<>();

    /** With the shipped module. */
    Lab(Precision precision) {
        this.precision = precision;
        if (TestCuda.onCard()) {
            device = TestCuda.card();
            module = null;
            queue = new Queue(device, TestCuda.cardModule(), device.createStream(), precision);
        } else {
            InterpretedDevice interpreted = open();
            device = interpreted;
            module = shipped();
            queue = new Queue(device, interpreted.load(module), device.createStream(), precision);
        }
    }

    /** With another one: a mutant, or a test's own. On the interpreter. */
    Lab(Precision precision, PtxModule module) {
        InterpretedDevice interpreted = open();
        this.precision = precision;
        this.module = module;
        device = interpreted;
        queue = new Queue(device, interpreted.load(module), device.createStream(), precision);
    }

    private static InterpretedDevice open() {
        return new InterpretedDriver().memory(Long.MAX_VALUE / 4).open(0);
    }

    /** The module in the resources. */
    static PtxModule shipped() {
        return Shipped.MODULE;
    }

    static String shippedText() {
        return Shipped.TEXT;
    }

    /** Some megabytes, read once. */
    private static final class Shipped {
        static final String TEXT = read();
        static final PtxModule MODULE = PtxModule.of(TEXT);
    }

    private static String read() {
        try (InputStream in = Lab.class.getResourceAsStream(SHIPPED)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Queue queue() {
        return queue;
    }

    private boolean interpreted() {
        return device instanceof InterpretedDevice;
    }

    InterpretedDevice device() {
        if (!interpreted()) {
            TestCuda.interpreterOnly("the device itself");
        }
        return (InterpretedDevice) device;
    }

    PtxModule module() {
        if (module == null) {
            TestCuda.interpreterOnly("the module itself");
        }
        return module;
    }

    PtxMachine machine() {
        return device().machine();
    }

    /** Approximate instructions are off by up to 2 ulp from here on. */
    Lab jitter(long seed) {
        machine().jitter(seed);
        return this;
    }

    /** Given the number of blocks of a launch, those that run, in that order; null for all, ascending. */
    Lab order(LongFunction<long[]> chosen) {
        machine().order(chosen);
        return this;
    }

    /** Blocks run from the last to the first. */
    Lab backwards() {
        return order(count -> {
            long[] all = new long[(int) count];
            for (int i = 0; i < all.length; i++) {
                all[i] = count - 1 - i;
            }
            return all;
        });
    }

    /** Runs as many blocks at once. */
    Lab workers(int count) {
        machine().workers(count);
        return this;
    }

    /** These numbers in this precision. */
    long numbers(double... values) {
        return numbers(0, values);
    }

    /** These numbers, from {@code misalignment} elements after an address that is aligned to 256. */
    long numbers(int misalignment, double... values) {
        long address = room(misalignment, values.length, bytes());
        fill(address, 0, values);
        return address;
    }

    /** So many numbers, of which only the first are there. */
    long partly(long elements, double... values) {
        long address = output(elements);
        fill(address, 0, values);
        return address;
    }

    /** Writes these numbers, the first as number {@code first} from the address on. */
    void fill(long address, long first, double... values) {
        ByteBuffer buffer = ByteBuffer.allocate(values.length * bytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (double value : values) {
            if (precision == Precision.F32) {
                buffer.putFloat((float) value);
            } else {
                buffer.putDouble(value);
            }
        }
        copyIn(address + first * bytes(), buffer.flip());
    }

    long labels(long... values) {
        long address = room(0, values.length, Long.BYTES);
        ByteBuffer buffer = ByteBuffer.allocate(values.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (long value : values) {
            buffer.putLong(value);
        }
        copyIn(address, buffer.flip());
        return address;
    }

    long integers(int... values) {
        long address = room(0, values.length, Integer.BYTES);
        ByteBuffer buffer = ByteBuffer.allocate(values.length * Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (int value : values) {
            buffer.putInt(value);
        }
        copyIn(address, buffer.flip());
        return address;
    }

    /** Numbers in this precision, never written. */
    long output(long elements) {
        return output(0, elements);
    }

    long output(int misalignment, long elements) {
        return room(misalignment, elements, bytes());
    }

    private int bytes() {
        return precision == Precision.F32 ? Float.BYTES : Double.BYTES;
    }

    private long room(int misalignment, long elements, int bytes) {
        long base = allocate((misalignment + elements) * bytes);
        long address = base + (long) misalignment * bytes;
        sizes.put(address, elements);
        return address;
    }

    private long allocate(long bytes) {
        if (interpreted()) {
            return machine().memory().allocate(bytes);
        }
        if (bytes > MOST_ON_CARD) {
            TestCuda.interpreterOnly("arrays of more than a GiB");
        }
        long base = device.allocate(Math.max(1, bytes));
        allocations.add(base);
        ByteBuffer poison = ByteBuffer.allocateDirect((int) Math.min(bytes, POISON_BYTES));
        while (poison.hasRemaining()) {
            poison.put((byte) 0xff);
        }
        for (long done = 0; done < bytes; done += poison.capacity()) {
            device.copyIn(base + done, poison, 0, (int) Math.min(bytes - done, poison.capacity()), queue.stream());
        }
        device.synchronize(queue.stream());
        return base;
    }

    /** Writes what remains of a buffer. */
    private void copyIn(long address, ByteBuffer bytes) {
        if (interpreted()) {
            machine().memory().copyIn(address, bytes);
        } else if (bytes.hasRemaining()) {
            ByteBuffer direct = ByteBuffer.allocateDirect(bytes.remaining()).put(bytes);
            device.copyIn(address, direct, 0, direct.capacity(), queue.stream());
            device.synchronize(queue.stream());
        }
    }

    /** Fills what remains of a buffer. */
    private void copyOut(ByteBuffer bytes, long address) {
        if (interpreted()) {
            machine().memory().copyOut(bytes, address);
        } else if (bytes.hasRemaining()) {
            ByteBuffer direct = ByteBuffer.allocateDirect(bytes.remaining());
            device.copyOut(direct, 0, address, direct.capacity(), queue.stream());
            device.synchronize(queue.stream());
            bytes.put(direct);
        }
    }

    /** A whole array; fails if an element was never written. */
    double[] read(long address) {
        return read(address, 0, Math.toIntExact(sizes.get(address)));
    }

    /** {@code count} elements from element {@code first} on. */
    double[] read(long address, long first, int count) {
        ByteBuffer buffer = ByteBuffer.allocate(count * bytes()).order(ByteOrder.LITTLE_ENDIAN);
        copyOut(buffer, address + first * bytes());
        buffer.flip();
        double[] values = new double[count];
        for (int i = 0; i < count; i++) {
            values[i] = precision == Precision.F32 ? buffer.getFloat() : buffer.getDouble();
        }
        return values;
    }

    long[] readLabels(long address) {
        long[] values = new long[Math.toIntExact(sizes.get(address))];
        ByteBuffer buffer = ByteBuffer.allocate(values.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        copyOut(buffer, address);
        buffer.flip().asLongBuffer().get(values);
        return values;
    }

    /** Of the launches since the last call. A GPU gives none: let what a test says of numbers come first. */
    List<LaunchReport> reports() {
        if (!interpreted()) {
            TestCuda.interpreterOnly(TestCuda.FIGURES);
        }
        return machine().reports();
    }

    /** Every launch since the last call moves few sectors beyond the ideal, in at most so many instructions a sector, by kernel. */
    void holdFigures(String what, ToDoubleFunction<String> instructions) {
        for (LaunchReport report : reports()) {
            print(what, report);
            assertThat(report.sectorRatio()).as("%s %s", what, report).isLessThanOrEqualTo(SECTORS);
            assertThat(report.instructionsPerSector())
                    .as("%s %s", what, report)
                    .isLessThanOrEqualTo(instructions.applyAsDouble(report.kernel()));
        }
    }

    /** With {@code -Dbatchjac.worst=true}. */
    static void print(String what, LaunchReport report) {
        if (Boolean.getBoolean("batchjac.worst")) {
            System.err.printf(
                    "%-10s %-50s sectors %.3f instructions %.2f banks %.2f%n",
                    what,
                    report.kernel(),
                    report.sectorRatio(),
                    report.instructionsPerSector(),
                    report.bankConflictRatio());
        }
    }

    @Override
    public void close() {
        if (interpreted()) {
            device.close();
        } else {
            allocations.forEach(device::free);
            device.destroyStream(queue.stream());
        }
    }
}
