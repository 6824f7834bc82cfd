package io.github.batchjac.plan;

import io.github.batchjac.tensor.Precision;

/**
 * The circumstances a plan is made for: they decide which order is cheapest and how large the chunks are.
 *
 * @param batch samples expected; a program runs with any number
 * @param precision what is computed in
 * @param memory bytes that the program's buffers and one chunk of inputs and results may take together
 * @param workers threads that work on different samples at the same time
 * @param once whether the program runs once in a process that has just started: a small job is then done before code that
 *     takes long to compile would pay
 * @param cost what work costs on the machine that does it
 */
public record Workload(long batch, Precision precision, long memory, int workers, boolean once, Cost cost) {
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
        return new Workload(
                batch, Precision.F32, runtime.maxMemory() / 2, runtime.availableProcessors(), false, Cost.CPU);
    }

    public Workload in(Precision other) {
        return new Workload(batch, other, memory, workers, once, cost);
    }

    public Workload within(long bytes) {
        return new Workload(batch, precision, bytes, workers, once, cost);
    }

    public Workload workers(int n) {
        return new Workload(batch, precision, memory, n, once, cost);
    }

    /** This workload, to be run once in a process that has just started. */
    public Workload justOnce() {
        return new Workload(batch, precision, memory, workers, true, cost);
    }

    /** This workload on a machine where work costs this. */
    public Workload at(Cost other) {
        return new Workload(batch, precision, memory, workers, once, other);
    }
}
