package io.github.batchjac.backend.cpu;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;

/** {@link Bits} for vectors, once per precision. */
final class VectorBits {
    private VectorBits() {}

    /** Bits of the vectors this machine prefers. */
    static int preferredBits() {
        return FloatVector.SPECIES_PREFERRED.vectorBitSize();
    }

    /** {@link Bits#scale(float, float)}. */
    static FloatVector scale(FloatVector p, FloatVector rounded) {
        IntVector both = rounded.reinterpretAsInts().add(62);
        IntVector half = both.lanewise(VectorOperators.LSHR, 1);
        return p.mul(half.lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats())
                .mul(both.sub(half).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats());
    }

    /** {@link Bits#biasedPower(float)}. */
    static FloatVector biasedPower(FloatVector rounded) {
        return rounded.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
    }

    /** {@link Bits#scaleToBias(float, float)}. */
    static FloatVector scaleToBias(FloatVector p, FloatVector rounded) {
        return p.mul(biasedPower(rounded));
    }

    /** {@link Bits#scale(double, double)}. */
    static DoubleVector scale(DoubleVector p, DoubleVector rounded) {
        LongVector both = rounded.reinterpretAsLongs().add(510);
        LongVector half = both.lanewise(VectorOperators.LSHR, 1);
        return p.mul(half.lanewise(VectorOperators.LSHL, 52).reinterpretAsDoubles())
                .mul(both.sub(half).lanewise(VectorOperators.LSHL, 52).reinterpretAsDoubles());
    }

    /** {@link Bits#biasedPower(double)}. */
    static DoubleVector biasedPower(DoubleVector rounded) {
        return rounded.reinterpretAsLongs().lanewise(VectorOperators.LSHL, 52).reinterpretAsDoubles();
    }

    /** {@link Bits#scaleToBias(double, double)}. */
    static DoubleVector scaleToBias(DoubleVector p, DoubleVector rounded) {
        return p.mul(biasedPower(rounded));
    }

    /** {@link Bits#mantissa(float)}. */
    static FloatVector mantissa(FloatVector x) {
        return x.reinterpretAsInts()
                .add(Bits.TO_ONE_INT)
                .and(0x7fffff)
                .add(Bits.ROOT_INT)
                .reinterpretAsFloats();
    }

    /** {@link Bits#exponent(float)}: an integer becomes a float as the last bits of 2²³. */
    static FloatVector exponent(FloatVector x) {
        return x.reinterpretAsInts()
                .add(Bits.TO_ONE_INT)
                .lanewise(VectorOperators.LSHR, 23)
                .or(Float.floatToRawIntBits(0x1p23f))
                .reinterpretAsFloats()
                .sub(0x1p23f + 127f);
    }

    /** {@link Bits#mantissa(double)}. */
    static DoubleVector mantissa(DoubleVector x) {
        return x.reinterpretAsLongs()
                .add(Bits.TO_ONE_LONG)
                .and(0xfffffffffffffL)
                .add(Bits.ROOT_LONG)
                .reinterpretAsDoubles();
    }

    /** {@link Bits#exponent(double)}. */
    static DoubleVector exponent(DoubleVector x) {
        return x.reinterpretAsLongs()
                .add(Bits.TO_ONE_LONG)
                .lanewise(VectorOperators.LSHR, 52)
                .or(Double.doubleToRawLongBits(0x1p52))
                .reinterpretAsDoubles()
                .sub(0x1p52 + 1023d);
    }

    /** x where x < limit, else 0, of numbers that are not negative; without a mask, which on Java 17 is slow. Of NaN either. */
    static FloatVector below(FloatVector x, FloatVector limit) {
        IntVector bits = x.reinterpretAsInts();
        IntVector below = bits.sub(limit.reinterpretAsInts()).lanewise(VectorOperators.LSHR, 31);
        return bits.and(below.neg()).reinterpretAsFloats();
    }

    /** As {@link #below(FloatVector, FloatVector)}. */
    static DoubleVector below(DoubleVector x, DoubleVector limit) {
        LongVector bits = x.reinterpretAsLongs();
        LongVector below = bits.sub(limit.reinterpretAsLongs()).lanewise(VectorOperators.LSHR, 63);
        return bits.and(below.neg()).reinterpretAsDoubles();
    }

    /** The magnitude, which is not negative or −0, with z's sign. */
    static FloatVector copySign(FloatVector magnitude, FloatVector z) {
        return magnitude
                .abs()
                .reinterpretAsInts()
                .or(z.reinterpretAsInts().and(Integer.MIN_VALUE))
                .reinterpretAsFloats();
    }

    /** The magnitude, which is not negative or −0, with z's sign. */
    static DoubleVector copySign(DoubleVector magnitude, DoubleVector z) {
        return magnitude
                .abs()
                .reinterpretAsLongs()
                .or(z.reinterpretAsLongs().and(Long.MIN_VALUE))
                .reinterpretAsDoubles();
    }
}
