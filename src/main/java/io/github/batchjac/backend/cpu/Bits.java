package io.github.batchjac.backend.cpu;

/** Exact scaling by powers of two, once per precision: the bits of a float are an int, those of a double a long. */
final class Bits {
    /** Adding it rounds to an integer, which then stands in the lowest bits. */
    static final float ROUND32 = 0x1.8p23f;

    static final double ROUND64 = 0x1.8p52;

    private Bits() {}

    /** p·2^n for {@code rounded = ROUND32 + n}, |n| ≤ 252. In two steps, so that only the last one can round. */
    static float scale(float p, float rounded) {
        int n = Float.floatToRawIntBits(rounded) - Float.floatToRawIntBits(ROUND32);
        int half = n >> 1;
        return p * Float.intBitsToFloat((half + 127) << 23) * Float.intBitsToFloat((n - half + 127) << 23);
    }

    /** p·2^n for {@code rounded = ROUND64 + n}, |n| ≤ 2044. */
    static double scale(double p, double rounded) {
        long n = Double.doubleToRawLongBits(rounded) - Double.doubleToRawLongBits(ROUND64);
        long half = n >> 1;
        return p * Double.longBitsToDouble((half + 1023) << 52) * Double.longBitsToDouble((n - half + 1023) << 52);
    }
}
