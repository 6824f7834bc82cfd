package io.github.batchjac.bench;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Backends;
import io.github.batchjac.tensor.Precision;

/**
 * What this machine's CPU allows, measured when a run begins.
 *
 * @param store bytes per second written to 256 MB, on one thread
 * @param storeAll on all threads
 * @param copy bytes per second read and written, 128 MB to 128 MB, on one thread
 * @param copyAll on all threads
 * @param flops32 float32 operations per second: multiply-adds in registers or a large matrix product, whichever is faster
 * @param flops64 the same for float64
 */
record Limits(double store, double storeAll, double copy, double copyAll, double flops32, double flops64) {
    private static final double LARGE = 256e6;
    private static final double MS = 300;

    static Limits measure(int threads, boolean quick) {
        double large = quick ? LARGE / 256 : LARGE;
        return new Limits(
                LimitWorker.bytesPerSecond(0, large, 1),
                LimitWorker.bytesPerSecond(0, large, threads),
                LimitWorker.bytesPerSecond(large / 2, large / 2, 1),
                LimitWorker.bytesPerSecond(large / 2, large / 2, threads),
                flops(Precision.F32, threads, quick),
                flops(Precision.F64, threads, quick));
    }

    double flops(Precision precision) {
        return precision == Precision.F32 ? flops32 : flops64;
    }

    private static double flops(Precision precision, int threads, boolean quick) {
        double ms = quick ? 1 : MS;
        double registers;
        try (Team team = new Team(threads)) {
            double[] done = new double[1];
            Runnable call = () -> team.run((part, parts) -> {
                float[] sink = {0.5f, 0};
                double n = precision == Precision.F32 ? VectorLimits.floatPeak(sink) : VectorLimits.doublePeak(sink);
                if (part == 0) {
                    done[0] = n * parts;
                }
            });
            Stopwatch.time(ms, call);
            double ns = Stopwatch.time(ms, call);
            registers = done[0] / ns * 1e9;
        }
        return quick ? registers : Math.max(registers, product(precision, threads));
    }

    private static double product(Precision precision, int threads) {
        Item item = Items.largeProduct(threads);
        try (Backend cpu = Backends.cpu(threads);
                Prepared product = Prepared.of(item, precision, cpu, item.files(precision))) {
            Stopwatch.time(2 * MS, product::run);
            return item.work().flops() / Stopwatch.time(MS, product::run) * 1e9;
        }
    }
}
