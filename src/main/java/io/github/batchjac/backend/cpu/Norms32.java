package io.github.batchjac.backend.cpu;

/** Euclidean norms that neither overflow nor underflow where the norm itself does not. */
final class Norms32 {
    private static final int LANES = 8;

    private Norms32() {}

    /** {@code √Σ a_i²} over n elements, within {@code (n/8 + 8)·2⁻⁵³} relative before the last rounding. */
    static double norm(float[] a, int from, int n) {
        double sum = sumOfSquares(a, from, n, 1);
        // false for NaN too, which is then the answer
        if (sum >= Double.MIN_NORMAL / Math.ulp(1.0) && sum <= Double.MAX_VALUE) {
            return Math.sqrt(sum);
        }
        float largest = 0;
        for (int i = from; i < from + n; i++) {
            largest = Math.max(largest, Math.abs(a[i]));
        }
        if (largest == 0 || Float.isNaN(largest) || Float.isInfinite(largest)) {
            return largest;
        }
        int exponent = Math.getExponent(largest);
        return Math.scalb(Math.sqrt(sumOfSquares(a, from, n, Math.scalb(1.0, -exponent))), exponent);
    }

    /** {@code Σ (scale·a_i)²} in eight interleaved sums, whose order is fixed. */
    private static double sumOfSquares(float[] a, int from, int n, double scale) {
        double s0 = 0;
        double s1 = 0;
        double s2 = 0;
        double s3 = 0;
        double s4 = 0;
        double s5 = 0;
        double s6 = 0;
        double s7 = 0;
        int i = from;
        for (int end = from + n / LANES * LANES; i < end; i += LANES) {
            s0 += square(scale * a[i]);
            s1 += square(scale * a[i + 1]);
            s2 += square(scale * a[i + 2]);
            s3 += square(scale * a[i + 3]);
            s4 += square(scale * a[i + 4]);
            s5 += square(scale * a[i + 5]);
            s6 += square(scale * a[i + 6]);
            s7 += square(scale * a[i + 7]);
        }
        for (; i < from + n; i++) {
            s0 += square(scale * a[i]);
        }
        return ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7));
    }

    private static double square(double x) {
        return x * x;
    }
}
