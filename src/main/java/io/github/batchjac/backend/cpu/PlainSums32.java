package io.github.batchjac.backend.cpu;

import org.jspecify.annotations.Nullable;

/** Sums over a row, for kernels of several families. */
class PlainSums32 {
    /** The compensated sum; where it overflowed the errors are NaN and the plain sum says it all. */
    static float total(float sum, double errors) {
        return Float.isFinite(sum) ? (float) (sum + errors) : sum;
    }

    /** Σ a, compensated. */
    float sum(float[] a, int ao, int n) {
        float sum = 0f;
        double errors = 0;
        for (int i = 0; i < n; i++) {
            float s = sum + a[ao + i];
            errors += Math32.sumError(sum, a[ao + i], s);
            sum = s;
        }
        return total(sum, errors);
    }

    /** Σ u·v; the errors of the products are compensated too. */
    float dot(float[] u, int uo, float[] v, int vo, int n) {
        float sum = 0f;
        double errors = 0;
        for (int i = 0; i < n; i++) {
            float p = u[uo + i] * v[vo + i];
            float s = sum + p;
            errors += Math32.sumError(sum, p, s) + Math.fma(u[uo + i], v[vo + i], -p);
            sum = s;
        }
        return total(sum, errors);
    }

    /** Σ_{i≠m} q_i·g_i; Σ_{i≠m} g_i if there is no q. */
    float dotExcept(float @Nullable [] q, int qo, float[] g, int go, int n, int m) {
        float s = 0f;
        for (int i = 0; i < n; i++) {
            if (i != m) {
                s = q == null ? s + g[go + i] : Math.fma(q[qo + i], g[go + i], s);
            }
        }
        return s;
    }
}
