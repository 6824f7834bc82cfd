package io.github.batchjac.structure;

/**
 * What a step costs: floating-point operations and elements read or written, for every sample and once for the whole
 * batch. Reads of shared operands by per-sample work are not counted: they stay in cache.
 */
public record Work(double flops, double elements, double sharedFlops, double sharedElements) {
    /** No work. */
    public static final Work NONE = new Work(0, 0, 0, 0);

    /** Work done once if {@code shared}, else for every sample. */
    public static Work of(boolean shared, double flops, double elements) {
        return shared ? new Work(0, 0, flops, elements) : new Work(flops, elements, 0, 0);
    }

    public Work plus(Work o) {
        return new Work(
                flops + o.flops, elements + o.elements, sharedFlops + o.sharedFlops, sharedElements + o.sharedElements);
    }

    /** Floating-point operations over a batch. */
    public double flops(double batch) {
        return flops * batch + sharedFlops;
    }

    /** Elements read or written over a batch. */
    public double elements(double batch) {
        return elements * batch + sharedElements;
    }
}
