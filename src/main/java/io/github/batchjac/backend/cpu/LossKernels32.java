package io.github.batchjac.backend.cpu;

import org.jspecify.annotations.Nullable;

/**
 * Losses: loss (batch), gradient with respect to the prediction (batch,n); either may be null. Neither in place of an operand.
 * Conventions otherwise as in {@link Kernels32}.
 */
interface LossKernels32 {
    /** {@code ½Σ(y−p)²}, compensated: 8 ulp of the value from p − y rounded once; {@code p − y}. */
    void squaredError(
            float @Nullable [] loss,
            int lo,
            float @Nullable [] gradient,
            int go,
            float[] y,
            int yo,
            float[] p,
            int po,
            int batch,
            int n);

    /**
     * {@code −Σ target·log prediction}, within 8u of the sum of the magnitudes; {@code −target/prediction}. A target of 0
     * adds 0 and has gradient 0, whatever prediction ≥ 0.
     */
    void crossEntropy(
            float @Nullable [] loss,
            int lo,
            float @Nullable [] gradient,
            int go,
            float[] target,
            int to,
            float[] prediction,
            int po,
            int batch,
            int n);

    /**
     * {@code Σ_k target_k·(logsumexp θ − θ_k)}, every factor without cancellation: 16 / 8 ulp for targets ≥ 0, whatever where terms of both
     * signs overflow. A target of 0 adds 0. Gradient {@code (Σtarget)q − target} as (Σ_{k≠i}target_k)·q_i − target_i·(1−q_i), within 16 / 8 ulp of the sum of these
     * two magnitudes, given Σ_{k≠i} as Σtarget − target_i.
     */
    void softmaxCrossEntropy(
            float @Nullable [] loss,
            int lo,
            float @Nullable [] gradient,
            int go,
            float[] target,
            int to,
            float[] logits,
            int xo,
            int batch,
            int n);

    /**
     * {@code logsumexp θ − θ_label}, 8 ulp; gradient q, at the label −(the sum of the others)/s, 16 / 8 ulp. Labels are in
     * {@code 0..n−1}.
     */
    void softmaxCrossEntropyLabels(
            float @Nullable [] loss,
            int lo,
            float @Nullable [] gradient,
            int go,
            long[] labels,
            int to,
            float[] logits,
            int xo,
            int batch,
            int n);
}
