package io.github.batchjac.backend.cpu;

import org.jspecify.annotations.Nullable;

/** Softmax, its logarithm and their Jacobians J, times panels or dense. Conventions as in {@link Kernels32}. */
interface SoftmaxKernels32 {
    /**
     * {@code q = exp(x − max x)/s} (batch,n); {@code rest} (batch) is 1 minus the largest entry, from the sum of the other
     * numerators, so that it does not cancel. In place.
     *
     * <p>Within 16 / 8 ulp, both. −inf gives exactly 0; a sample with +inf or NaN, or −inf throughout, is NaN, its rest
     * too. n = 1: exactly 1, rest 0.
     */
    void softmax(float[] q, int qo, float @Nullable [] rest, int ro, float[] x, int xo, int batch, int n);

    /**
     * {@code y = x − max x − log1p(sum of the other numerators)}: both terms are negative, nothing cancels. Within 8 ulp.
     * y, or q and rest as of {@link #softmax}, may be null. y in place.
     */
    void logSoftmax(
            float @Nullable [] y,
            int yo,
            float @Nullable [] q,
            int qo,
            float @Nullable [] rest,
            int ro,
            float[] x,
            int xo,
            int batch,
            int n);

    /**
     * {@code out = rows·J}, {@code J = diag q − qqᵀ}; rows, out (batch,k,n). J is symmetric: row r of out is also J times
     * row r. With m the largest entry and {@code s = Σ_{i≠m} q_i g_i}: out_m = q_m(rest·g_m − s), out_i = q_i(g_i − q_m g_m − s).
     * Within (n+8)·u·Σ_k|J_ik||g_k| of J made of q and rest. In place.
     */
    void softmaxTimesRows(
            float[] out,
            int oo,
            float[] rows,
            int go,
            float[] q,
            int qo,
            float[] rest,
            int ro,
            int batch,
            int k,
            int n);

    /** {@code out = J·m}; m, out (batch,n,k). As {@link #softmaxTimesRows}, but not in place. */
    void softmaxTimesColumns(
            float[] out, int oo, float[] m, int mo, float[] q, int qo, float[] rest, int ro, int batch, int n, int k);

    /**
     * {@code out = rows·J}, {@code J = I − 1qᵀ}; (batch,k,n): {@code g − (Σg)q}, but out_m = rest·g_m − q_m·Σ_{i≠m} g_i.
     * Bound as {@link #softmaxTimesRows}. In place.
     */
    void rowsTimesLogSoftmax(
            float[] out,
            int oo,
            float[] rows,
            int go,
            float[] q,
            int qo,
            float[] rest,
            int ro,
            int batch,
            int k,
            int n);

    /** {@code out = rows·Jᵀ}: {@code out_i = g_i − ⟨q,g⟩}, {@code J = I − 1qᵀ}; otherwise as {@link #rowsTimesLogSoftmax}. */
    void rowsTimesLogSoftmaxTransposed(
            float[] out,
            int oo,
            float[] rows,
            int go,
            float[] q,
            int qo,
            float[] rest,
            int ro,
            int batch,
            int k,
            int n);

    /** {@code out = J·m}, {@code J = I − 1qᵀ}; m, out (batch,n,k). Bound as {@link #softmaxTimesRows}. Not in place. */
    void logSoftmaxTimesColumns(
            float[] out, int oo, float[] m, int mo, float[] q, int qo, float[] rest, int ro, int batch, int n, int k);

    /** {@code diag q − qqᵀ}, the diagonal as q_i(1−q_i), above ½ as q_i·rest: 16 / 8 ulp. (batch,n,n). */
    void denseSoftmax(float[] out, int oo, float[] q, int qo, float[] rest, int ro, int batch, int n);

    /** {@code I − 1qᵀ}, the diagonal as 1−q_i, above ½ as rest: 16 / 8 ulp. (batch,n,n). */
    void denseLogSoftmax(float[] out, int oo, float[] q, int qo, float[] rest, int ro, int batch, int n);
}
