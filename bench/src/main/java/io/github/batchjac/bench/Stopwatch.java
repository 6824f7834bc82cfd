package io.github.batchjac.bench;

import java.util.ArrayList;
import java.util.List;

/** Times a call by running it in batches of calls that are long enough for the clock. */
final class Stopwatch {
    private static final long BATCH_NS = 500_000;

    private Stopwatch() {}

    /** The median, over batches of calls, of the nanoseconds per call; runs for about {@code milliseconds}, at least once. */
    static double time(double milliseconds, Runnable call) {
        long begin = System.nanoTime();
        call.run();
        long once = Math.max(1, System.nanoTime() - begin);
        long calls = Math.max(1, BATCH_NS / once);
        List<Double> batches = new ArrayList<>();
        long end = begin + (long) (milliseconds * 1e6);
        do {
            long start = System.nanoTime();
            for (long i = 0; i < calls; i++) {
                call.run();
            }
            long took = System.nanoTime() - start;
            batches.add(took / (double) calls);
            if (took < BATCH_NS / 2) {
                calls *= 2; // faster than the first, cold call
            }
        } while (System.nanoTime() < end);
        return Statistics.median(batches);
    }
}
