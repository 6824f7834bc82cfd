package io.github.batchjac.tensor;

/** The floating-point type a program computes in. */
public enum Precision {
    /** IEEE binary32, Java {@code float}; unit roundoff 2⁻²⁴. */
    F32(Float.BYTES, 0x1p-24, Float.MIN_VALUE),
    /** IEEE binary64, Java {@code double}; unit roundoff 2⁻⁵³. */
    F64(Double.BYTES, 0x1p-53, Double.MIN_VALUE);

    private final int bytes;
    private final double unitRoundoff;
    private final double smallest;

    Precision(int bytes, double unitRoundoff, double smallest) {
        this.bytes = bytes;
        this.unitRoundoff = unitRoundoff;
        this.smallest = smallest;
    }

    /** Bytes of one element. */
    public int bytes() {
        return bytes;
    }

    /** u, half the distance from 1 to the next larger number: the bound on one rounding's relative error. */
    public double unitRoundoff() {
        return unitRoundoff;
    }

    /** The smallest positive (subnormal) number. */
    public double smallest() {
        return smallest;
    }

    /** The unit in the last place of {@code x} in this precision. */
    public double ulp(double x) {
        return this == F32 ? Math.ulp((float) x) : Math.ulp(x);
    }

    /** "float32" or "float64": as the words are used in files and messages. */
    @Override
    public String toString() {
        return this == F32 ? "float32" : "float64";
    }
}
