package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.Rows32.accumulate;

import java.util.Arrays;

/**
 * Sums. Those over components are compensated: as if in twice the precision, then rounded. The twins differ only in
 * {@link PlainSums32}, which adds up a row. Conventions as in {@link Kernels32}.
 */
final class ReductionKernels32 {
    private final PlainSums32 sums;

    ReductionKernels32(PlainSums32 sums) {
        this.sums = sums;
    }

    /** {@code out[b] = ½Σ_j a[b,j]²}. 4 ulp. */
    void halfSquaredNorms(float[] out, int oo, float[] a, int ao, int batch, int n) {
        for (int b = 0; b < batch; b++) {
            out[oo + b] = 0.5f * sums.dot(a, ao + b * n, a, ao + b * n, n);
        }
    }

    /** {@code out[b] = scale·Σ_j a[b,j]}: within 2u|sum| + n²u²Σ|a|, times scale. */
    void sumComponents(float[] out, int oo, float[] a, int ao, int batch, int n, float scale) {
        for (int b = 0; b < batch; b++) {
            out[oo + b] = scale * sums.sum(a, ao + b * n, n);
        }
    }

    /** {@code out[b] = Σ_j u[b,j]·v[b,j]}: within u|sum| + n²u²Σ|u||v|. */
    void dot(
            float[] out,
            int oo,
            float[] u,
            int uo,
            boolean uShared,
            float[] v,
            int vo,
            boolean vShared,
            int batch,
            int n) {
        for (int b = 0; b < batch; b++) {
            out[oo + b] = sums.dot(u, uShared ? uo : uo + b * n, v, vShared ? vo : vo + b * n, n);
        }
    }

    /** {@code out[j] = Σ_b a[b,j]}, or added to out, in the order of b: cut into accumulating calls, the same bits. batch·u·Σ|a|. */
    void sumRows(float[] out, int oo, float[] a, int ao, int batch, int n, boolean accumulate) {
        if (!accumulate) {
            Arrays.fill(out, oo, oo + n, 0f);
        }
        for (int b = 0; b < batch; b++) {
            accumulate(out, oo, a, ao + b * n, n);
        }
    }
}
