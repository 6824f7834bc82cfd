package io.github.batchjac.backend.cpu;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Program;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Workload;
import io.github.batchjac.tensor.Precision;

/**
 * The CPU: the batch in tiles over threads, each tile taken through all steps while it is in cache; structure exploited;
 * the vector API and OpenBLAS where they are to be had and pay.
 */
public final class CpuBackend implements Backend {
    private static final int MOST_THREADS = 1024;

    private final Workers workers;
    private boolean closed;

    /**
     * A backend with {@code threads} threads, the caller's among them.
     *
     * @throws IllegalArgumentException if {@code threads} is less than 1 or more than 1024
     */
    public CpuBackend(int threads) {
        if (threads < 1 || threads > MOST_THREADS) {
            throw new IllegalArgumentException("threads is " + threads + ", expected 1 to " + MOST_THREADS);
        }
        this.workers = new Workers(threads);
    }

    @Override
    public String name() {
        return "cpu";
    }

    @Override
    public String description() {
        return describe(workers, KernelProvider.get());
    }

    static String describe(Workers workers, KernelProvider kernels) {
        int n = workers.count();
        return "cpu: " + n + (n == 1 ? " thread" : " threads") + "; " + kernels.reason();
    }

    @Override
    public Workload workload(long batch) {
        return Workload.of(batch).workers(workers.count());
    }

    @Override
    public Program prepare(Plan plan) {
        if (closed) {
            throw new IllegalStateException("the backend is closed");
        }
        return new Program(
                plan,
                plan.workload().precision() == Precision.F32
                        ? new CpuEngine32(plan, workers)
                        : new CpuEngine64(plan, workers));
    }

    @Override
    public void close() {
        closed = true;
        workers.close();
    }
}
