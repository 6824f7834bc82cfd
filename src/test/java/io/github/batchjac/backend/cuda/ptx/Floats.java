package io.github.batchjac.backend.cuda.ptx;

import java.math.BigDecimal;

/** Minima, maxima, and arithmetic rounded in any direction, exactly. */
final class Floats {
    private Floats() {}

    /** The smaller; the other one if one is NaN; −0 is less than 0. */
    static float min(float a, float b) {
        return Double.isNaN(a) ? b : Double.isNaN(b) ? a : Math.min(a, b);
    }

    static float max(float a, float b) {
        return Double.isNaN(a) ? b : Double.isNaN(b) ? a : Math.max(a, b);
    }

    static double min(double a, double b) {
        return Double.isNaN(a) ? b : Double.isNaN(b) ? a : Math.min(a, b);
    }

    static double max(double a, double b) {
        return Double.isNaN(a) ? b : Double.isNaN(b) ? a : Math.max(a, b);
    }

    static float flush(float a) {
        return Math.abs(a) < Float.MIN_NORMAL ? Math.copySign(0f, a) : a;
    }

    /** Into [0, 1]; NaN becomes 0. */
    static float saturate(float a) {
        return a > 0 ? Math.min(a, 1f) : 0f;
    }

    static double saturate(double a) {
        return a > 0 ? Math.min(a, 1d) : 0d;
    }

    /** The neighbour of {@code near} that the mode asks for, where the exact value is above (1) or below (−1) it. */
    static float directed(float near, int above, int mode) {
        if (mode == Rounding.NEAREST || above == 0 || Double.isNaN(near)) {
            return near;
        }
        boolean down = mode == Rounding.DOWN || mode == Rounding.ZERO && positive(near, above);
        if (down) {
            return above < 0 ? Math.nextDown(near) : near;
        }
        return above > 0 ? Math.nextUp(near) : near;
    }

    static double directed(double near, int above, int mode) {
        if (mode == Rounding.NEAREST || above == 0 || Double.isNaN(near)) {
            return near;
        }
        boolean down = mode == Rounding.DOWN || mode == Rounding.ZERO && positive(near, above);
        if (down) {
            return above < 0 ? Math.nextDown(near) : near;
        }
        return above > 0 ? Math.nextUp(near) : near;
    }

    private static boolean positive(double near, int above) {
        return near > 0 || near == 0 && above > 0;
    }

    static float fma(float a, float b, float c, int mode) {
        if (mode == Rounding.NEAREST) {
            return Math.fma(a, b, c);
        }
        double product = (double) a * b; // exact
        double sum = product + c;
        if (Double.isNaN(sum) || Double.isInfinite(sum)) {
            return (float) sum;
        }
        if (sum == 0) {
            return (float) zero(product, c, sum, mode);
        }
        double other = sum - product;
        double error = (product - (sum - other)) + (c - other); // Knuth: sum + error is exact
        float near = (float) sum;
        double rest = sum - near;
        return directed(near, (int) Math.signum(rest != 0 ? rest : error), mode);
    }

    /** The sign of an exact zero: −0 when rounding down, unless both terms are +0. */
    private static double zero(double a, double b, double sum, int mode) {
        boolean bothPlus = Double.doubleToRawLongBits(a) == 0 && Double.doubleToRawLongBits(b) == 0;
        return mode == Rounding.DOWN ? bothPlus ? 0d : -0d : sum;
    }

    static float divide(float a, float b, int mode) {
        float near = a / b;
        if (mode == Rounding.NEAREST || b == 0 || Float.isInfinite(a) || Float.isInfinite(b) || Double.isNaN(near)) {
            return near;
        }
        int above;
        if (Float.isInfinite(near)) {
            above = near > 0 ? -1 : 1;
        } else {
            above = Double.compare(a, (double) near * b + 0d);
            above = a == (double) near * b ? 0 : b > 0 ? above : -above;
        }
        return directed(near, above, mode);
    }

    static float squareRoot(float a, int mode) {
        float near = (float) Math.sqrt(a);
        if (!(a > 0) || Float.isInfinite(a)) {
            return near;
        }
        return directed(near, Double.compare(a, (double) near * near), mode);
    }

    static double fma(double a, double b, double c, int mode) {
        double near = Math.fma(a, b, c);
        boolean infinite = Double.isInfinite(a) || Double.isInfinite(b) || Double.isInfinite(c);
        if (mode == Rounding.NEAREST || infinite || Double.isNaN(near)) {
            return near;
        }
        BigDecimal exact = new BigDecimal(a).multiply(new BigDecimal(b)).add(new BigDecimal(c));
        if (exact.signum() == 0) {
            boolean nothing = a == 0 || b == 0;
            return zero(nothing ? a * b : 1, c, near, mode);
        }
        return directed(near, above(exact, near), mode);
    }

    static double multiply(double a, double b, int mode) {
        double near = a * b;
        boolean infinite = Double.isInfinite(a) || Double.isInfinite(b);
        if (mode == Rounding.NEAREST || infinite || Double.isNaN(near)) {
            return near;
        }
        return directed(near, above(new BigDecimal(a).multiply(new BigDecimal(b)), near), mode);
    }

    static double divide(double a, double b, int mode) {
        double near = a / b;
        boolean infinite = Double.isInfinite(a) || Double.isInfinite(b);
        if (mode == Rounding.NEAREST || b == 0 || infinite || Double.isNaN(near)) {
            return near;
        }
        int above = Double.isInfinite(near)
                ? near > 0 ? -1 : 1
                : new BigDecimal(a).compareTo(new BigDecimal(near).multiply(new BigDecimal(b))) * (b > 0 ? 1 : -1);
        return directed(near, above, mode);
    }

    static double squareRoot(double a, int mode) {
        double near = Math.sqrt(a);
        if (mode == Rounding.NEAREST || !(a > 0) || Double.isInfinite(a)) {
            return near;
        }
        BigDecimal root = new BigDecimal(near);
        return directed(near, new BigDecimal(a).compareTo(root.multiply(root)), mode);
    }

    static float narrow(double a, int mode) {
        float near = (float) a;
        return Double.isNaN(a) ? near : directed(near, Double.compare(a + 0d, near + 0d), mode);
    }

    static int above(BigDecimal exact, double near) {
        if (Double.isInfinite(near)) {
            return near > 0 ? -1 : 1;
        }
        return exact.compareTo(new BigDecimal(near));
    }
}
