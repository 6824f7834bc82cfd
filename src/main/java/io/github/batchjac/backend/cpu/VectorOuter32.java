package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.VectorMath32.S;
import static io.github.batchjac.backend.cpu.VectorMath32.all;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import jdk.incubator.vector.FloatVector;

/**
 * Multiples of one row, under each other. Up to eight vectors the row stays in registers: with nothing to load, rows of 128 floats
 * are written half as fast again. Some of four or eight vectors may overlap.
 */
final class VectorOuter32 {
    /** Lanes. */
    private static final int L = S.length();

    /** A destination; multipliers, and how many; a sign; a row and its length. */
    private static final MethodType TYPE = MethodType.methodType(
            void.class,
            float[].class,
            int.class,
            float[].class,
            int.class,
            int.class,
            float.class,
            float[].class,
            int.class,
            int.class);

    /** To be compiled by themselves; see {@link VectorLoops32}. */
    private static final MethodHandle[] LOOPS =
            VectorLoops32.find(MethodHandles.lookup(), TYPE, "one two four eight many");

    private VectorOuter32() {}

    /**
     * {@code out[i,:] = ±r_i·x} for {@code rows} rows; {@code sign} is 1 or −1. A row is written in whole vectors where what spills
     * over stays in front of {@code end} and what is read beyond x is in its array; x itself must not lie in out.
     */
    static void outer(float[] out, int oo, int end, float[] r, int ro, int rows, float sign, float[] x, int xo, int n) {
        int vectors = (n + L - 1) / L;
        int room = end - oo - vectors * L;
        int whole = n == 0 || room < 0 || xo > x.length - vectors * L ? 0 : Math.min(rows, room / n + 1);
        if (whole > 0) {
            run(
                    LOOPS[vectors <= 1 ? 0 : vectors <= 2 ? 1 : vectors <= 4 ? 2 : vectors <= 8 ? 3 : 4],
                    out,
                    oo,
                    r,
                    ro,
                    whole,
                    sign,
                    x,
                    xo,
                    n);
        }
        for (int i = whole; i < rows; i++) {
            float c = sign * r[ro + i];
            for (int j = 0; j < n; j++) {
                out[oo + i * n + j] = c * x[xo + j];
            }
        }
    }

    private static void run(
            MethodHandle loop, float[] out, int oo, float[] r, int ro, int rows, float sign, float[] x, int xo, int n) {
        try {
            loop.invokeExact(out, oo, r, ro, rows, sign, x, xo, n);
        } catch (Throwable e) {
            throw VectorLoops32.unchecked(e);
        }
    }

    /** Rows of one vector or less. */
    private static void one(float[] out, int oo, float[] r, int ro, int rows, float sign, float[] x, int xo, int n) {
        FloatVector v = FloatVector.fromArray(S, x, xo).mul(sign);
        int o = oo;
        for (int i = 0; i < rows; i++) {
            v.mul(r[ro + i]).intoArray(out, o);
            o += n;
        }
    }

    /** Rows of two vectors. */
    private static void two(float[] out, int oo, float[] r, int ro, int rows, float sign, float[] x, int xo, int n) {
        FloatVector x0 = FloatVector.fromArray(S, x, xo).mul(sign);
        FloatVector x1 = FloatVector.fromArray(S, x, xo + L).mul(sign);
        int o = oo;
        for (int i = 0; i < rows; i++) {
            FloatVector c = all(r[ro + i]);
            x0.mul(c).intoArray(out, o);
            x1.mul(c).intoArray(out, o + L);
            o += n;
        }
    }

    /** Rows of three or four vectors. */
    private static void four(float[] out, int oo, float[] r, int ro, int rows, float sign, float[] x, int xo, int n) {
        int back = (n + L - 1) / L * L - 2 * L;
        FloatVector x0 = FloatVector.fromArray(S, x, xo).mul(sign);
        FloatVector x1 = FloatVector.fromArray(S, x, xo + L).mul(sign);
        FloatVector x2 = FloatVector.fromArray(S, x, xo + back).mul(sign);
        FloatVector x3 = FloatVector.fromArray(S, x, xo + back + L).mul(sign);
        int o = oo;
        for (int i = 0; i < rows; i++) {
            FloatVector c = all(r[ro + i]);
            x0.mul(c).intoArray(out, o);
            x1.mul(c).intoArray(out, o + L);
            x2.mul(c).intoArray(out, o + back);
            x3.mul(c).intoArray(out, o + back + L);
            o += n;
        }
    }

    /** Rows of five to eight vectors. */
    private static void eight(float[] out, int oo, float[] r, int ro, int rows, float sign, float[] x, int xo, int n) {
        int back = (n + L - 1) / L * L - 4 * L;
        FloatVector x0 = FloatVector.fromArray(S, x, xo).mul(sign);
        FloatVector x1 = FloatVector.fromArray(S, x, xo + L).mul(sign);
        FloatVector x2 = FloatVector.fromArray(S, x, xo + 2 * L).mul(sign);
        FloatVector x3 = FloatVector.fromArray(S, x, xo + 3 * L).mul(sign);
        FloatVector x4 = FloatVector.fromArray(S, x, xo + back).mul(sign);
        FloatVector x5 = FloatVector.fromArray(S, x, xo + back + L).mul(sign);
        FloatVector x6 = FloatVector.fromArray(S, x, xo + back + 2 * L).mul(sign);
        FloatVector x7 = FloatVector.fromArray(S, x, xo + back + 3 * L).mul(sign);
        int o = oo;
        for (int i = 0; i < rows; i++) {
            FloatVector c = all(r[ro + i]);
            x0.mul(c).intoArray(out, o);
            x1.mul(c).intoArray(out, o + L);
            x2.mul(c).intoArray(out, o + 2 * L);
            x3.mul(c).intoArray(out, o + 3 * L);
            x4.mul(c).intoArray(out, o + back);
            x5.mul(c).intoArray(out, o + back + L);
            x6.mul(c).intoArray(out, o + back + 2 * L);
            x7.mul(c).intoArray(out, o + back + 3 * L);
            o += n;
        }
    }

    private static void many(float[] out, int oo, float[] r, int ro, int rows, float sign, float[] x, int xo, int n) {
        int o = oo;
        for (int i = 0; i < rows; i++) {
            FloatVector c = all(sign * r[ro + i]);
            for (int j = 0; j < n; j += L) {
                FloatVector.fromArray(S, x, xo + j).mul(c).intoArray(out, o + j);
            }
            o += n;
        }
    }
}
