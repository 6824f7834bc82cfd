package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.VectorMath32.S;
import static io.github.batchjac.backend.cpu.VectorMath32.ZERO;
import static io.github.batchjac.backend.cpu.VectorMath32.all;
import static io.github.batchjac.backend.cpu.VectorMath32.sumError;
import static io.github.batchjac.backend.cpu.VectorNormaliser32.numerator;
import static io.github.batchjac.backend.cpu.VectorNormaliser32.ties;
import static io.github.batchjac.backend.cpu.VectorScratch32.BASE;
import static io.github.batchjac.backend.cpu.VectorScratch32.LARGEST;
import static io.github.batchjac.backend.cpu.VectorScratch32.LOWEST;
import static io.github.batchjac.backend.cpu.VectorScratch32.OTHERS;
import static io.github.batchjac.backend.cpu.VectorScratch32.PEAK;
import static io.github.batchjac.backend.cpu.VectorScratch32.ROUND;
import static io.github.batchjac.backend.cpu.VectorScratch32.ROWS;
import static io.github.batchjac.backend.cpu.VectorScratch32.SUMS;
import static io.github.batchjac.backend.cpu.VectorScratch32.TIES;
import static jdk.incubator.vector.VectorOperators.NE;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * Rows on the way to softmax: up to as many as there are lanes, each from a whole vector of scratch on. What the lanes of a row have
 * is joined for all rows at once: two vectors become one, which has the halves of each, joined, side by side; and so on with
 * quarters, until there is one vector with a lane for each row. Which lanes meet is the same for all rows, so that a row gives the
 * same bits wherever it lies.
 */
final class VectorRowGroup32 {
    /** Lanes. */
    private static final int L = S.length();

    /** Rows of fewer elements are faster a sample per lane. */
    private static final int SHORTEST = 16;

    /** The shape of a loop: scratch, a result and its offset, an operand and its offset, rows, and their length. */
    static final MethodType TYPE = MethodType.methodType(
            void.class, float[].class, float[].class, int.class, float[].class, int.class, int.class, int.class);

    /** Loops over whole vectors, to be compiled by themselves; see {@link VectorLoops32}. */
    private static final MethodHandle[] LOOPS = VectorLoops32.find(
            MethodHandles.lookup(), TYPE, "peaks joinPeaks exponentials sums joinSums divide tiesOfRows");

    private static final int PEAKS = 0;
    private static final int JOIN_PEAKS = 1;
    private static final int EXPONENTIALS = 2;
    private static final int LANE_SUMS = 3;
    private static final int JOIN_SUMS = 4;
    private static final int DIVIDE = 5;
    private static final int TIES_OF_ROWS = 6;

    /** From L·h on, for h = 1, 2, 4 …: 1 for the lanes whose number has this bit, 0 for others. */
    private static final float[] HAS_BIT = new float[L * L];

    static {
        for (int h = 1; h < L; h *= 2) {
            for (int lane = 0; lane < L; lane++) {
                HAS_BIT[L * h + lane] = (lane & h) == 0 ? 0f : 1f;
            }
        }
    }

    private VectorRowGroup32() {}

    /** Whether to work on rows of n like this: they fit, and fill the vectors that they take to three quarters. */
    static boolean suits(int n) {
        return n >= Math.max(L, SHORTEST) && n <= ROWS && 3 * pitch(n) <= 4 * n;
    }

    /** Rows of n that fit. */
    static int most(int n) {
        return Math.min(L, ROWS / pitch(n));
    }

    /** Elements from a row in scratch to the next. */
    static int pitch(int n) {
        return (n + L - 1) / L * L;
    }

    static void run(MethodHandle loop, float[] scratch, float[] out, int oo, float[] a, int ao, int rows, int n) {
        try {
            loop.invokeExact(scratch, out, oo, a, ao, rows, n);
        } catch (Throwable e) {
            throw VectorLoops32.unchecked(e);
        }
    }

    /** The largest x of each row, the numerators, and, as set 0 of sums, those of each lane that are below the largest. */
    static void numerators(float[] scratch, float[] x, int xo, int rows, int n) {
        run(LOOPS[PEAKS], scratch, scratch, 0, x, xo, rows, n);
        run(LOOPS[JOIN_PEAKS], scratch, scratch, 0, x, xo, rows, n);
        VectorNormaliser32.measure(scratch);
        run(LOOPS[EXPONENTIALS], scratch, scratch, 0, x, xo, rows, n);
        run(LOOPS[LANE_SUMS], scratch, scratch, 0, x, xo, rows, n);
    }

    /** The first so many sets of sums, which lanes have, become those of rows: the first vectors of a set and of its errors. */
    static void joinSums(float[] scratch, int sets) {
        run(LOOPS[JOIN_SUMS], scratch, scratch, 0, scratch, 0, 0, sets);
    }

    /** All numerators but one that is largest, over that, from set 0. */
    static void others(float[] scratch, int rows, int n) {
        FloatVector.fromArray(S, scratch, SUMS)
                .add(FloatVector.fromArray(S, scratch, SUMS + L * L))
                .div(FloatVector.fromArray(S, scratch, PEAK))
                .intoArray(scratch, OTHERS);
        float peaks = 0f;
        float ties = 0f;
        for (int r = 0; r < L; r++) {
            peaks += r < rows ? scratch[PEAK + r] : 0f;
            ties += scratch[TIES + r];
        }
        // the same, unless a row has several that are largest; NaN is not
        if (!(ties - peaks < 0.25f / Bits.UNBIAS32)) {
            run(LOOPS[TIES_OF_ROWS], scratch, scratch, 0, scratch, 0, rows, n);
            for (int r = 0; r < rows; r++) {
                scratch[OTHERS + r] += ties(scratch, SUMS + r * L, scratch[PEAK + r]) - 1;
            }
        }
    }

    /** The sum of all numerators of row r. */
    static float sum(float[] scratch, int r) {
        return PlainNormaliser32.sum(scratch[PEAK + r], scratch[OTHERS + r]);
    }

    /** q from numerators and {@link #others}. */
    static void quotients(float[] q, int qo, float[] scratch, int rows, int n) {
        run(LOOPS[DIVIDE], scratch, q, qo, scratch, 0, rows, n);
    }

    /** Where the sums of row 0 are. */
    static int sums(int set) {
        return SUMS + set * 2 * L * L;
    }

    /** The sums of row r's lanes, and their errors. */
    static void putSums(float[] scratch, int set, int r, FloatVector sum, FloatVector errors) {
        sum.intoArray(scratch, sums(set) + r * L);
        errors.intoArray(scratch, sums(set) + L * L + r * L);
    }

    /** Rows of x to scratch, −inf behind them; the largest of each lane, NaN if there is one. */
    private static void peaks(float[] scratch, float[] none, int no, float[] x, int xo, int rows, int n) {
        int pitch = pitch(n);
        int last = n - L;
        for (int r = 0; r < rows; r++) {
            int row = r * pitch;
            int from = xo + r * n;
            all(Float.NEGATIVE_INFINITY).intoArray(scratch, row + pitch - L);
            FloatVector best = FloatVector.fromArray(S, x, from);
            best.intoArray(scratch, row);
            for (int j = L; j < n; j += L) {
                int at = Math.min(j, last);
                FloatVector v = FloatVector.fromArray(S, x, from + at);
                v.intoArray(scratch, row + at);
                best = best.max(v);
            }
            best.intoArray(scratch, SUMS + r * L);
        }
    }

    /** The largest x of each row, NaN if there is one. */
    private static void joinPeaks(float[] scratch, float[] none, int no, float[] x, int xo, int rows, int n) {
        for (int h = L / 2; h > 0; h /= 2) {
            VectorMask<Float> high = hasBit(h);
            for (int i = SUMS; i < SUMS + h * L; i += L) {
                lower(scratch, i, h, high).max(upper(scratch, i, h, high)).intoArray(scratch, i);
            }
        }
        FloatVector.fromArray(S, scratch, SUMS).intoArray(scratch, LARGEST);
    }

    private static VectorMask<Float> hasBit(int h) {
        return FloatVector.fromArray(S, HAS_BIT, L * h).compare(NE, ZERO);
    }

    /** Of each pair of lanes that are h apart, the lower: of the vector at i, then, for the lanes that have the bit, h vectors on. */
    private static FloatVector lower(float[] scratch, int i, int h, VectorMask<Float> high) {
        return FloatVector.fromArray(S, scratch, i).blend(FloatVector.fromArray(S, scratch, i + h * L - h), high);
    }

    /** The upper. */
    private static FloatVector upper(float[] scratch, int i, int h, VectorMask<Float> high) {
        return FloatVector.fromArray(S, scratch, i + h).blend(FloatVector.fromArray(S, scratch, i + h * L), high);
    }

    private static void exponentials(float[] scratch, float[] none, int no, float[] x, int xo, int rows, int n) {
        int pitch = pitch(n);
        for (int r = 0; r < rows; r++) {
            FloatVector base = all(scratch[BASE + r]);
            FloatVector round = all(scratch[ROUND + r]);
            FloatVector lowest = all(scratch[LOWEST + r]);
            int end = (r + 1) * pitch;
            for (int j = r * pitch; j < end; j += L) {
                numerator(FloatVector.fromArray(S, scratch, j), base, round, lowest)
                        .intoArray(scratch, j);
            }
        }
    }

    /** Of each lane, compensated, the numerators below the largest; of all rows together, the sum of what is not. */
    private static void sums(float[] scratch, float[] none, int no, float[] x, int xo, int rows, int n) {
        int pitch = pitch(n);
        FloatVector ties = all(0f);
        for (int r = 0; r < rows; r++) {
            int row = r * pitch;
            FloatVector peak = all(scratch[PEAK + r]);
            FloatVector first = FloatVector.fromArray(S, scratch, row);
            FloatVector sum = VectorBits.below(first, peak);
            FloatVector errors = all(0f);
            ties = ties.add(first.sub(sum));
            for (int j = row + L; j < row + pitch; j += L) {
                FloatVector e = FloatVector.fromArray(S, scratch, j);
                FloatVector other = VectorBits.below(e, peak);
                ties = ties.add(e.sub(other));
                FloatVector s = sum.add(other);
                errors = errors.add(sumError(sum, other, s));
                sum = s;
            }
            putSums(scratch, 0, r, sum, errors);
        }
        ties.intoArray(scratch, TIES);
    }

    /** Of each lane, the sum of what is largest. */
    private static void tiesOfRows(float[] scratch, float[] none, int no, float[] x, int xo, int rows, int n) {
        int pitch = pitch(n);
        for (int r = 0; r < rows; r++) {
            FloatVector peak = all(scratch[PEAK + r]);
            FloatVector ties = all(0f);
            int end = (r + 1) * pitch;
            for (int j = r * pitch; j < end; j += L) {
                FloatVector e = FloatVector.fromArray(S, scratch, j);
                ties = ties.add(e.sub(VectorBits.below(e, peak)));
            }
            ties.intoArray(scratch, SUMS + r * L);
        }
    }

    private static void joinSums(float[] scratch, float[] none, int no, float[] same, int so, int nothing, int sets) {
        for (int h = L / 2; h > 0; h /= 2) {
            VectorMask<Float> high = hasBit(h);
            for (int set = 0; set < sets; set++) {
                for (int i = sums(set); i < sums(set) + h * L; i += L) {
                    FloatVector a = lower(scratch, i, h, high);
                    FloatVector b = upper(scratch, i, h, high);
                    FloatVector s = a.add(b);
                    FloatVector errors = lower(scratch, i + L * L, h, high).add(upper(scratch, i + L * L, h, high));
                    s.intoArray(scratch, i);
                    errors.add(sumError(a, b, s)).intoArray(scratch, i + L * L);
                }
            }
        }
    }

    private static void divide(float[] scratch, float[] q, int qo, float[] same, int so, int rows, int n) {
        int pitch = pitch(n);
        int last = n - L;
        for (int r = 0; r < rows; r++) {
            FloatVector s = all(sum(scratch, r));
            for (int j = 0; j < n; j += L) {
                int at = Math.min(j, last);
                FloatVector.fromArray(S, scratch, r * pitch + at).div(s).intoArray(q, qo + r * n + at);
            }
        }
    }
}
