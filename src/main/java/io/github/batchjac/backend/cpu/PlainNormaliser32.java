package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.PlainSums32.total;

import org.jspecify.annotations.Nullable;

/** Rows to softmax: what its kernels and its losses have in common. */
class PlainNormaliser32 {
    private static final float INFINITY = Float.POSITIVE_INFINITY;

    /** Samples that are normalised at a time. */
    static final int GROUP = 16;

    /** Per thread, for the samples of a group: the largest input, then from GROUP on the other numerators over the largest. */
    static final ThreadLocal<float[]> STATISTICS = ThreadLocal.withInitial(() -> new float[2 * GROUP]);

    /** The largest; NaN if one is. */
    float largest(float[] x, int xo, int n) {
        float largest = -INFINITY;
        for (int i = 0; i < n; i++) {
            largest = Math.max(largest, x[xo + i]);
        }
        return largest;
    }

    /** The first largest entry of a softmax; 0 if it is NaN. */
    final int argmax(float[] q, int qo, int n) {
        float largest = largest(q, qo, n);
        return largest > 0f ? find(q, qo, n, largest) : 0;
    }

    /** The first index of a value that is there. */
    int find(float[] a, int ao, int n, float value) {
        int i = 0;
        while (a[ao + i] != value) {
            i++;
        }
        return i;
    }

    /**
     * The numerators of a row are {@code 2^65·exp(x − N·ln 2)} (doubles: 2^513·), N·ln 2 near the largest x, so that none is subnormal
     * and nothing is lost where x and the largest are subtracted: x − n·ln 2 is exact but for the second piece of ln 2. From FAR on the
     * largest is subtracted before; that is exact, as all that counts is within a factor of 2 of it, and then N = 0.
     */
    static final float FAR = 256f; // 32 only
    // 64 only: static final double FAR = 2048d;

    /** What is subtracted before. */
    static float base(float largest) {
        return Math.abs(largest) < FAR ? 0f : largest;
    }

    /** Adding it rounds to an integer n, which then stands in the lowest bits as {@link Bits#biasedPower} of n − N wants it. */
    static float round(float largest) {
        return Math32.ROUND - (Math32.rounded(largest - base(largest)) - Math32.ROUND);
    }

    /** Of differences; numerators below are taken for that of it, which vanishes beside the largest. */
    static float lowest(float largest) {
        return largest - base(largest) + Math32.LOWEST;
    }

    /** Within 1.5u. */
    static float numerator(float x, float base, float round, float lowest) {
        float y = Math32.atLeast(x - base, lowest);
        float t = Math.fma(y, Math32.LOG2E, round);
        return Math32.expOfRemainder(Math32.remainder(y, t - round)) * Bits.biasedPower(t);
    }

    /** The largest numerator. */
    static float peak(float largest) {
        return numerator(largest, base(largest), round(largest), lowest(largest));
    }

    /**
     * Numerators into q unless it is null; returns the sum of all but one that is largest, over that: compensated, and those that are as
     * large counted. In place.
     */
    float numerators(float @Nullable [] q, int qo, float[] x, int xo, int n, float largest, float peak) {
        float base = base(largest);
        float round = round(largest);
        float lowest = lowest(largest);
        float sum = 0f;
        double errors = 0;
        int ties = -1;
        for (int i = 0; i < n; i++) {
            float e = numerator(x[xo + i], base, round, lowest);
            if (q != null) {
                q[qo + i] = e;
            }
            if (e >= peak) {
                ties++;
            } else {
                float s = sum + e;
                errors += Math32.sumError(sum, e, s);
                sum = s;
            }
        }
        return total(sum, errors) / peak + ties;
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
            float largest = largest(x, xo + b * n, n);
            largest = Math.abs(largest) < INFINITY ? largest : Float.NaN;
            float peak = peak(largest);
            float others = numerators(q, qo + b * n, x, xo + b * n, n, largest, peak);
            statistics[b] = largest;
            statistics[GROUP + b] = others;
            if (q != null) {
                divide(q, qo + b * n, n, sum(peak, others));
            }
        }
    }

    /** The sum of all numerators. */
    static float sum(float peak, float others) {
        return Math.fma(peak, others, peak);
    }

    /** The largest entry of a softmax from 1, from the other numerators over the largest. */
    static float rest(float others) {
        return others / (1f + others);
    }

    /** {@code log + largest − x}, within 2u beside the logarithm: both terms of the sum are positive. */
    static float surprise(float x, float largest, float log) {
        return log - (x - largest);
    }
}
