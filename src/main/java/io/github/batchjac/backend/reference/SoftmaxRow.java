package io.github.batchjac.backend.reference;

/**
 * The softmax of one vector. With the largest entry {@code x_m}: numerators {@code e_i = exp(x_i − x_m)}, their sum s, and
 * {@code q_i = e_i/s}. {@code 1 − q_i} is never formed by subtraction: it is the sum of the other numerators over s.
 */
final class SoftmaxRow {
    private final double[] x;
    private final double[] numerators;
    private final double sum;
    private final int largest;

    SoftmaxRow(double[] x) {
        this.x = x;
        this.largest = argmax(x);
        this.numerators = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            numerators[i] = expOfDifference(x[i], x[largest]);
        }
        this.sum = sumExcept(-1);
    }

    /** The first largest entry, or the first NaN. */
    private static int argmax(double[] x) {
        int m = 0;
        for (int i = 1; i < x.length; i++) {
            if (x[i] > x[m] || (Double.isNaN(x[i]) && !Double.isNaN(x[m]))) {
                m = i;
            }
        }
        return m;
    }

    /** {@code exp(x − m)}, the rounding error of the difference (by two-sum) made good; 0 for x = −∞. */
    private static double expOfDifference(double x, double m) {
        double d = x - m;
        if (d == Double.NEGATIVE_INFINITY) {
            return 0;
        }
        double back = d - x;
        double error = (x - (d - back)) + (-m - back);
        return Math.exp(d) * (1 + error);
    }

    private double sumExcept(int skipped) {
        double s = 0;
        for (int k = 0; k < numerators.length; k++) {
            if (k != skipped) {
                s += numerators[k];
            }
        }
        return s;
    }

    /** {@code q_i}. */
    double q(int i) {
        return numerators[i] / sum;
    }

    /** {@code 1 − q_i}. */
    double others(int i) {
        return sumExcept(i) / sum;
    }

    /** {@code log Σ exp(x_k) − x_i = log1p(all but the largest) + (x_m − x_i)}: two terms of one sign. */
    double logSumExpMinus(int i) {
        return Math.log1p(sumExcept(largest)) + (x[largest] - x[i]);
    }
}
