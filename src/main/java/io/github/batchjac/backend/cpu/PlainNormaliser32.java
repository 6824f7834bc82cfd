package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.PlainSums32.total;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Rows to softmax: what its kernels and its losses have in common. */
class PlainNormaliser32 {
    private static final float INFINITY = Float.POSITIVE_INFINITY;

    /** Samples that are normalised at a time. */
    static final int GROUP = 16;

    /** Per thread, for the samples of a group: the largest input, then from GROUP on the sum of the other numerators. */
    static final ThreadLocal<float[]> STATISTICS = ThreadLocal.withInitial(() -> new float[2 * GROUP]);

    /** The first largest entry; −1 if that is infinite or all are NaN. NaN is passed over: it shows in the sums. */
    int argmax(float[] x, int xo, int n) {
        int m = -1;
        float largest = -INFINITY;
        for (int i = 0; i < n; i++) {
            if (x[xo + i] > largest) {
                largest = x[xo + i];
                m = i;
            }
        }
        return largest == INFINITY ? -1 : m;
    }

    /** The first largest entry of q; 0 if all are NaN. */
    final int peak(float[] q, int qo, int n) {
        return Math.max(0, argmax(q, qo, n));
    }

    /** {@code e_i = exp(x_i − x_m)} into q unless it is null; returns the sum of all but the m-th, compensated. In place. */
    float numerators(float @Nullable [] q, int qo, float[] x, int xo, int n, int m) {
        float largest = x[xo + m];
        float sum = 0f;
        double errors = 0;
        for (int i = 0; i < n; i++) {
            float difference = x[xo + i] - largest;
            float e = Math32.expDifference(difference, Math32.sumError(x[xo + i], -largest, difference));
            if (q != null) {
                q[qo + i] = e;
            }
            if (i != m) {
                float s = sum + e;
                errors += Math32.sumError(sum, e, s);
                sum = s;
            }
        }
        return total(sum, errors);
    }

    /** {@code a /= s}. */
    void divide(float[] a, int ao, int n, float s) {
        for (int i = 0; i < n; i++) {
            a[ao + i] /= s;
        }
    }

    /** q, unless it is null, and the statistics of at most GROUP samples. Both NaN where a sample has no softmax. In place. */
    void normalise(float[] statistics, float @Nullable [] q, int qo, float[] x, int xo, int batch, int n) {
        for (int b = 0; b < batch; b++) {
            int m = argmax(x, xo + b * n, n);
            statistics[b] = m < 0 ? Float.NaN : x[xo + b * n + m];
            float others = m < 0 ? Float.NaN : numerators(q, qo + b * n, x, xo + b * n, n, m);
            statistics[GROUP + b] = others;
            if (q != null && m >= 0) {
                divide(q, qo + b * n, n, 1f + others);
            } else if (q != null) {
                Arrays.fill(q, qo + b * n, qo + b * n + n, Float.NaN);
            }
        }
    }

    /** The largest entry of a softmax from 1, from the sum of the other numerators. */
    static float rest(float others) {
        return others / (1f + others);
    }

    /** {@code log + largest − x}: both terms of the sum are positive. The difference's rounding error is made good where it is finite. */
    static float surprise(float x, float largest, float log) {
        float difference = x - largest;
        float error = Math32.sumError(x, -largest, difference);
        float y = log - difference;
        return Math.abs(error) < INFINITY ? y - error : y;
    }
}
