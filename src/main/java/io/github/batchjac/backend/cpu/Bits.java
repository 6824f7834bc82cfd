package io.github.batchjac.backend.cpu;

/** Powers of two, put in and taken out, once per precision: the bits of a float are an int, those of a double a long. */
final class Bits {
    /**
     * Adding it rounds to an integer n, which then stands in the lowest bits as n + 192: shifted into the exponent's place they are
     * 2^(n+65). It is even, so that ties go where they go without the 192.
     */
    static final float ROUND32 = 0x1.8p23f + 192f;

    /** As {@link #ROUND32}: n + 1536, 2^(n+513). */
    static final double ROUND64 = 0x1.8p52 + 1536d;

    static final float BIAS32 = 0x1p65f;

    static final float UNBIAS32 = 0x1p-65f;

    static final double BIAS64 = 0x1p513;

    static final double UNBIAS64 = 0x1p-513;

    /** √½, and what takes it to 1. */
    static final int ROOT_INT = 0x3f3504f3;

    static final int TO_ONE_INT = 0x3f800000 - ROOT_INT;

    static final long ROOT_LONG = 0x3fe6a09eL << 32;
    static final long TO_ONE_LONG = (0x3ff00000L << 32) - ROOT_LONG;

    private Bits() {}

    /**
     * p·2^n for {@code rounded = ROUND32 + n}, |n| ≤ 190. In two steps, so that only the last one can round: n + 254 and its half have
     * the bias of one power of two and of each of two.
     */
    static float scale(float p, float rounded) {
        int both = Float.floatToRawIntBits(rounded) + 62;
        int half = both >>> 1;
        return p * Float.intBitsToFloat(half << 23) * Float.intBitsToFloat((both - half) << 23);
    }

    /** 2^(n+65) for {@code rounded = ROUND32 + n}, −191 ≤ n ≤ 62. */
    static float biasedPower(float rounded) {
        return Float.intBitsToFloat(Float.floatToRawIntBits(rounded) << 23);
    }

    /** BIAS32·p·2^n for {@code rounded = ROUND32 + n}, −191 ≤ n ≤ 62. */
    static float scaleToBias(float p, float rounded) {
        return p * biasedPower(rounded);
    }

    /** As {@link #scale(float, float)}, |n| ≤ 1534. */
    static double scale(double p, double rounded) {
        long both = Double.doubleToRawLongBits(rounded) + 510;
        long half = both >>> 1;
        return p * Double.longBitsToDouble(half << 52) * Double.longBitsToDouble((both - half) << 52);
    }

    /** 2^(n+513) for {@code rounded = ROUND64 + n}, −1535 ≤ n ≤ 510. */
    static double biasedPower(double rounded) {
        return Double.longBitsToDouble(Double.doubleToRawLongBits(rounded) << 52);
    }

    /** BIAS64·p·2^n for {@code rounded = ROUND64 + n}, −1535 ≤ n ≤ 510. */
    static double scaleToBias(double p, double rounded) {
        return p * biasedPower(rounded);
    }

    /** m of x = m·2^k, √½ ≤ m < √2, for a normal x > 0. */
    static float mantissa(float x) {
        return Float.intBitsToFloat(((Float.floatToRawIntBits(x) + TO_ONE_INT) & 0x7fffff) + ROOT_INT);
    }

    /** k of {@link #mantissa(float)}. */
    static float exponent(float x) {
        return ((Float.floatToRawIntBits(x) + TO_ONE_INT) >>> 23) - 127;
    }

    /** As {@link #mantissa(float)}. */
    static double mantissa(double x) {
        return Double.longBitsToDouble(((Double.doubleToRawLongBits(x) + TO_ONE_LONG) & 0xfffffffffffffL) + ROOT_LONG);
    }

    /** k of {@link #mantissa(double)}. */
    static double exponent(double x) {
        return ((Double.doubleToRawLongBits(x) + TO_ONE_LONG) >>> 52) - 1023;
    }
}
