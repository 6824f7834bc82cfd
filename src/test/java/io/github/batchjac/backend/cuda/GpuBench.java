package io.github.batchjac.backend.cuda;

import io.github.batchjac.backend.cuda.BenchCase.Numbers;
import io.github.batchjac.tensor.Precision;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * Times kernels: checks what came out of the first launch, then takes the median over repeats, by the device's own clock,
 * over memory that no cache holds. Writes a row for each: family, kernel, shape, precision, milliseconds, bytes read,
 * bytes written, floating-point operations, elements checked, what went wrong.
 */
final class GpuBench implements AutoCloseable {
    /** What all others are measured against; on its own, because it also times the first loading of the kernels. */
    static final String CEILINGS = "ceilings";

    static final List<String> FAMILIES = List.of(
            "elementwise", "softmax", "losses", "diagonals", "dense", "reductions", "matrix", "networks", "programs");

    /** More than any level of cache: B200's has 126 MiB. */
    static final long UNCACHED = 512L << 20;

    /** For operands and results, if the device has as much. */
    static final long ROOM = 10L << 30;

    private static final long TINY_ROOM = 16L << 20;

    private final Device device;
    private final boolean tiny;
    private final Path file;
    private final long stream;
    private final long start;
    private final long end;

    /** @param tiny for the interpreter: sizes as small as can be, everything once */
    GpuBench(Device device, boolean tiny, Path file) {
        this.device = device;
        this.tiny = tiny;
        this.file = file;
        stream = device.createStream();
        start = device.createEvent();
        end = device.createEvent();
    }

    /** Times a family on the first device of a driver. */
    static void run(String family, Driver driver, boolean tiny, Path file) throws IOException {
        if (family.equals("programs")) {
            new BenchPrograms(driver, tiny, file).run();
            return;
        }
        try (Device device = driver.open(TestCuda.ordinal());
                GpuBench bench = new GpuBench(device, tiny, file)) {
            if (family.equals(CEILINGS)) {
                bench.ceilings();
            } else {
                bench.family(family);
            }
        }
    }

    private void family(String family) throws IOException {
        long module = device.loadModule(Ptx.text());
        long room = tiny ? TINY_ROOM : Math.min(ROOM, device.freeMemory() / 10 * 8);
        for (Precision precision : Precision.values()) {
            Queue queue = new Queue(device, module, stream, precision);
            Kernels kernels = Kernels.on(queue, null);
            try (BenchMemory memory = new BenchMemory(device, stream, precision, room);
                    CublasProducts cublas = Cublas.get().open(device, stream).orElse(null)) {
                long left = memory.room(Numbers.WORK);
                for (BenchCase of : BenchCases.of(family, precision, tiny, left, cublas)) {
                    time(family, of, memory, kernels, precision);
                }
            }
        }
        device.unloadModule(module);
    }

    private void time(String family, BenchCase of, BenchMemory memory, Kernels kernels, Precision precision)
            throws IOException {
        double ms = Double.NaN;
        int checked = 0;
        String error = "";
        try {
            List<BenchMemory.Places> places = memory.places(of, tiny ? 1 : UNCACHED);
            for (BenchMemory.Places p : places) {
                if (p == places.get(0)) {
                    p.poison();
                }
                of.prepare.on(kernels, p.at);
            }
            of.launch.on(kernels, places.get(0).at);
            checked = places.get(0).check();
            int[] turn = {0};
            ms = milliseconds(() -> of.launch.on(kernels, places.get(turn[0]++ % places.size()).at));
        } catch (RuntimeException | AssertionError e) {
            error = e.toString();
        }
        row(
                family,
                of.kernel,
                of.shape,
                precision.toString(),
                ms,
                of.read(precision),
                of.written(precision),
                of.flops,
                checked,
                error);
        if (error.contains("lost") || error.contains("DriverException")) {
            throw new IllegalStateException(of.kernel + " " + of.shape + ": " + error);
        }
    }

    private void row(
            String family,
            String kernel,
            String shape,
            String precision,
            double ms,
            long read,
            long written,
            double flops,
            int checked,
            String error)
            throws IOException {
        Rows.append(
                file,
                family,
                kernel,
                shape,
                precision,
                Double.toString(ms),
                Long.toString(read),
                Long.toString(written),
                Double.toString(flops),
                Integer.toString(checked),
                error);
    }

    /** Milliseconds of an action that gives work to the stream: the median of several times as many as take 2 ms. */
    private double milliseconds(Runnable action) {
        double once = elapsed(action, 1);
        if (tiny) {
            return once;
        }
        once = Math.min(once, elapsed(action, 1));
        int times = (int) Math.max(1, Math.min(50, 2 / Math.max(once, 1e-3)));
        elapsed(action, times);
        double[] repeats = new double[9];
        for (int i = 0; i < repeats.length; i++) {
            repeats[i] = elapsed(action, times) / times;
        }
        Arrays.sort(repeats);
        return repeats[repeats.length / 2];
    }

    private double elapsed(Runnable action, int times) {
        device.record(start, stream);
        for (int i = 0; i < times; i++) {
            action.run();
        }
        device.record(end, stream);
        device.synchronizeEvent(end);
        return device.milliseconds(start, end);
    }

    /** What the card can do at best: fill, copy, both ways over the bus, launch; and what loading the kernels takes. */
    private void ceilings() throws IOException {
        double before = System.nanoTime();
        long module = device.loadModule(Ptx.text());
        simple("load kernels", "PTX, at first", (System.nanoTime() - before) / 1e6, 0, 0);
        device.unloadModule(module);
        before = System.nanoTime();
        module = device.loadModule(Ptx.text());
        simple("load kernels", "PTX, again", (System.nanoTime() - before) / 1e6, 0, 0);

        long bytes = tiny ? 1 << 20 : Math.min(4L << 30, device.freeMemory() / 4);
        long a = device.allocate(bytes);
        long b = device.allocate(bytes);
        simple("fill", bytes + " bytes", milliseconds(() -> device.zero(a, bytes, stream)), 0, bytes);
        simple("copy", bytes + " bytes", milliseconds(() -> device.copy(b, a, bytes, stream)), bytes, bytes);

        int piece = tiny ? 1 << 16 : 256 << 20;
        ByteBuffer pinned = device.allocatePinned(piece);
        simple(
                "host to device",
                piece + " bytes, pinned",
                milliseconds(() -> device.copyIn(a, pinned, 0, piece, stream)),
                piece,
                0);
        simple(
                "device to host",
                piece + " bytes, pinned",
                milliseconds(() -> device.copyOut(pinned, 0, a, piece, stream)),
                0,
                piece);
        device.freePinned(pinned);

        Kernels kernels = Kernels.on(new Queue(device, module, stream, Precision.F32), null);
        int launches = tiny ? 2 : 1000;
        Runnable launch = () -> kernels.dense().repeat(b, new Strided(a, 0), 1, 1, 32);
        simple("launch", launches + " in a row, each", elapsed(launch, launches) / launches, 0, 0);
        simple(
                "launch and wait",
                "once",
                milliseconds(() -> {
                    launch.run();
                    device.synchronize(stream);
                }),
                0,
                0);
        if (device.graphs()) {
            device.beginCapture(stream);
            for (int i = 0; i < launches; i++) {
                launch.run();
            }
            long graph = device.endCapture(stream);
            simple(
                    "launch in a graph",
                    launches + " in a row, each",
                    milliseconds(() -> device.launchGraph(graph, stream)) / launches,
                    0,
                    0);
            device.synchronize(stream);
            device.destroyGraph(graph);
        }
        device.free(a);
        device.free(b);
        device.unloadModule(module);
    }

    private void simple(String name, String shape, double ms, long read, long written) throws IOException {
        row(CEILINGS, name, shape, "", ms, read, written, 0, 0, "");
    }

    @Override
    public void close() {
        device.destroyEvent(start);
        device.destroyEvent(end);
        device.destroyStream(stream);
    }
}
