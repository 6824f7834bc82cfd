package io.github.batchjac.bench;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** Loops that do nothing but what a limit is about, on one thread. */
final class VectorLimits {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Double> DOUBLES = DoubleVector.SPECIES_PREFERRED;
    private static final int ROUNDS = 100_000;

    private VectorLimits() {}

    /** Stores {@code to − from} numbers. */
    static void store(float[] out, int from, int to, float value) {
        FloatVector v = FloatVector.broadcast(FLOATS, value);
        int i = from;
        for (; i <= to - FLOATS.length(); i += FLOATS.length()) {
            v.intoArray(out, i);
        }
        for (; i < to; i++) {
            out[i] = value;
        }
    }

    /** Reads {@code to − from} numbers; the sum is returned so that they are read indeed. */
    static float read(float[] in, int from, int to) {
        FloatVector a = FloatVector.zero(FLOATS);
        FloatVector b = a;
        int step = 2 * FLOATS.length();
        int i = from;
        for (; i <= to - step; i += step) {
            a = a.add(FloatVector.fromArray(FLOATS, in, i));
            b = b.add(FloatVector.fromArray(FLOATS, in, i + FLOATS.length()));
        }
        float sum = a.add(b).lane(0);
        for (; i < to; i++) {
            sum += in[i];
        }
        return sum;
    }

    /** Fused multiply-adds that stay in registers: the operations done. */
    static double floatPeak(float[] sink) {
        FloatVector x = FloatVector.broadcast(FLOATS, sink[0]);
        FloatVector a0 = x, a1 = x, a2 = x, a3 = x, a4 = x, a5 = x, a6 = x, a7 = x, a8 = x, a9 = x;
        for (int i = 0; i < ROUNDS; i++) {
            a0 = a0.fma(x, x);
            a1 = a1.fma(x, x);
            a2 = a2.fma(x, x);
            a3 = a3.fma(x, x);
            a4 = a4.fma(x, x);
            a5 = a5.fma(x, x);
            a6 = a6.fma(x, x);
            a7 = a7.fma(x, x);
            a8 = a8.fma(x, x);
            a9 = a9.fma(x, x);
        }
        FloatVector sum = a0.add(a1)
                .add(a2)
                .add(a3)
                .add(a4)
                .add(a5)
                .add(a6)
                .add(a7)
                .add(a8)
                .add(a9);
        sink[1] = sum.lane(0);
        return 2.0 * 10 * ROUNDS * FLOATS.length();
    }

    /** The same for doubles. */
    static double doublePeak(float[] sink) {
        DoubleVector x = DoubleVector.broadcast(DOUBLES, sink[0]);
        DoubleVector a0 = x, a1 = x, a2 = x, a3 = x, a4 = x, a5 = x, a6 = x, a7 = x, a8 = x, a9 = x;
        for (int i = 0; i < ROUNDS; i++) {
            a0 = a0.fma(x, x);
            a1 = a1.fma(x, x);
            a2 = a2.fma(x, x);
            a3 = a3.fma(x, x);
            a4 = a4.fma(x, x);
            a5 = a5.fma(x, x);
            a6 = a6.fma(x, x);
            a7 = a7.fma(x, x);
            a8 = a8.fma(x, x);
            a9 = a9.fma(x, x);
        }
        DoubleVector sum = a0.add(a1)
                .add(a2)
                .add(a3)
                .add(a4)
                .add(a5)
                .add(a6)
                .add(a7)
                .add(a8)
                .add(a9);
        sink[1] = (float) sum.lane(0);
        return 2.0 * 10 * ROUNDS * DOUBLES.length();
    }
}
