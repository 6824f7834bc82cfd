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
    private final String note;
    private boolean closed;

    /**
     * A backend with {@code threads} threads, the caller's among them.
     *
     * @throws IllegalArgumentException if {@code threads} is less than 1 or more than 1024
     */
    public CpuBackend(int threads) {
        this(threads, "");
    }

    /**
     * @param note what the description ends with: why nothing better is used
     * @throws IllegalArgumentException if {@code threads} is less than 1 or more than 1024
     */
    public CpuBackend(int threads, String note) {
        if (threads < 1 || threads > MOST_THREADS) {
            throw new IllegalArgumentException("threads is " + threads + ", expected 1 to " + MOST_THREADS);
        }
        this.workers = new Workers(threads);
        this.note = note.isEmpty() ? "" : "; " + note;
    }

    @Override
    public String name() {
        return "cpu";
    }

    @Override
    public String description() {
        return describe(KernelProvider.get());
    }

    private String describe(KernelProvider kernels) {
        int n = workers.count();
        return "cpu: " + n + (n == 1 ? " thread" : " threads") + "; " + kernels.reason() + note;
    }

    /** {@code vector API: 512 bits}, or {@code vector API off: } and why. */
    public static String vectorApi() {
        return KernelProvider.get().reason();
    }

    /** {@code OpenBLAS on, one thread}, or {@code OpenBLAS off: } and why. Loads it. */
    public static String openBlas() {
        return Blas.availability();
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
        KernelProvider kernels = KernelProvider.of(plan);
        String description = describe(kernels);
        return new Program(
                plan,
                plan.workload().precision() == Precision.F32
                        ? new CpuEngine32(plan, workers, kernels, description)
                        : new CpuEngine64(plan, workers, kernels, description));
    }

    @Override
    public void close() {
        closed = true;
        workers.close();
    }
}
