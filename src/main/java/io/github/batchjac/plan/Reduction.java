package io.github.batchjac.plan;

/** What happens to per-sample gradients over the batch. Never implied. */
public enum Reduction {
    /** One gradient per sample, {@code (B, shape...)}. */
    NONE,
    /** The sum over the batch, {@code (shape...)}. */
    SUM,
    /** The sum divided by B, {@code (shape...)}; NaN for B = 0. */
    MEAN
}
