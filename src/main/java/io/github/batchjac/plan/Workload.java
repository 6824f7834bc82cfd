package io.github.batchjac.plan;

import io.github.batchjac.tensor.Precision;

/**
 * The circumstances a plan is made for: they decide which order is cheapest and how large the chunks are.
 *
 * @param batch samples expected; a program runs with any number
 * @param precision what is computed in
 * @param memory bytes that the program's buffers and one chunk of inputs and results may take together
 * @param workers threads that work on different samples at the same time
 */
public record Workload(long batch, Precision precision, long memory, int workers) {
    public Workload {
        if (batch < 0) {
            throw new IllegalArgumentException("batch is " + batch + ", expected 0 or more");
        }
        if (memory <= 0) {
            throw new IllegalArgumentException("memory is " + memory + " bytes, expected more than 0");
        }
        if (workers <= 0) {
            throw new IllegalArgumentException("workers is " + workers + ", expected 1 or more");
        }
    }

    /** A batch in float32, half of the heap, one worker per processor. */
    public static Workload of(long batch) {
        Runtime runtime = Runtime.getRuntime();
        return new Workload(batch, Precision.F32, runtime.maxMemory() / 2, runtime.availableProcessors());
    }

    public Workload in(Precision other) {
        return new Workload(batch, other, memory, workers);
    }

    public Workload within(long bytes) {
        return new Workload(batch, precision, bytes, workers);
    }

    public Workload workers(int n) {
        return new Workload(batch, precision, memory, n);
    }
}
