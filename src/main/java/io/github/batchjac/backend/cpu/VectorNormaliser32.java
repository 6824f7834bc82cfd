package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.VectorLoops32.run;
import static io.github.batchjac.backend.cpu.VectorMath32.LOG2E;
import static io.github.batchjac.backend.cpu.VectorMath32.S;
import static io.github.batchjac.backend.cpu.VectorMath32.ZERO;
import static io.github.batchjac.backend.cpu.VectorMath32.all;
import static io.github.batchjac.backend.cpu.VectorMath32.atLeast;
import static io.github.batchjac.backend.cpu.VectorMath32.expOfRemainder;
import static io.github.batchjac.backend.cpu.VectorMath32.remainder;
import static io.github.batchjac.backend.cpu.VectorMath32.rounded;
import static io.github.batchjac.backend.cpu.VectorMath32.sumError;
import static io.github.batchjac.backend.cpu.VectorScratch32.BASE;
import static io.github.batchjac.backend.cpu.VectorScratch32.BLOCK;
import static io.github.batchjac.backend.cpu.VectorScratch32.LARGEST;
import static io.github.batchjac.backend.cpu.VectorScratch32.LOWEST;
import static io.github.batchjac.backend.cpu.VectorScratch32.OTHERS;
import static io.github.batchjac.backend.cpu.VectorScratch32.PARTIAL;
import static io.github.batchjac.backend.cpu.VectorScratch32.PEAK;
import static io.github.batchjac.backend.cpu.VectorScratch32.RESULT;
import static io.github.batchjac.backend.cpu.VectorScratch32.ROUND;
import static io.github.batchjac.backend.cpu.VectorScratch32.SCRATCH;
import static io.github.batchjac.backend.cpu.VectorScratch32.TAIL;
import static io.github.batchjac.backend.cpu.VectorScratch32.TILE;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.MAX;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/** With the vector API: some rows at a time in {@link VectorRowGroup32}, a sample per lane in {@link VectorTile32}, long rows one by one. */
final class VectorNormaliser32 extends PlainNormaliser32 {
    /** Lanes. */
    private static final int L = S.length();

    /** Loops over whole vectors, to be compiled by themselves; see {@link VectorLoops32}. */
    private static final MethodHandle[] LOOPS =
            VectorLoops32.find(MethodHandles.lookup(), "exponentials lanes measures");

    private static final int EXPONENTIALS = 0;
    private static final int LANES = 1;
    private static final int MEASURES = 2;

    private static final FloatVector FAR = all(PlainNormaliser32.FAR);

    @Override
    float largest(float[] x, int xo, int n) {
        if (n < L) {
            return super.largest(x, xo, n);
        }
        int last = xo + n - L;
        FloatVector best = FloatVector.fromArray(S, x, last);
        for (int i = xo; i < last; i += L) {
            best = best.max(FloatVector.fromArray(S, x, i));
        }
        return best.reduceLanes(MAX);
    }

    @Override
    int find(float[] a, int ao, int n, float value) {
        int i = 0;
        while (i <= n - L
                && !FloatVector.fromArray(S, a, ao + i).compare(EQ, value).anyTrue()) {
            i += L;
        }
        return i + super.find(a, ao + i, n - i, value);
    }

    /** Block by block: numerators into q, or into scratch if there is no q, then the sums of what was written. */
    @Override
    float numerators(float @Nullable [] q, int qo, float[] x, int xo, int n, float largest, float peak) {
        float[] scratch = SCRATCH.get();
        Arrays.fill(scratch, PARTIAL, PARTIAL + 2 * L, 0f);
        int ties = -1;
        int length;
        for (int i = 0; i < n; i += length) {
            length = n - i < 2 * BLOCK ? n - i : BLOCK;
            float[] e = q == null ? scratch : q;
            int eo = q == null ? RESULT : qo + i;
            exponentialsOf(e, eo, x, xo + i, length, largest, scratch);
            run(LOOPS[LANES], scratch, PARTIAL, e, eo, e, eo, length / L * L, peak, 0f);
            ties += ties(scratch, PARTIAL + 2 * L, peak);
            if (length % L != 0) {
                VectorSums32.end(scratch, TAIL, e, eo, length);
                run(LOOPS[LANES], scratch, PARTIAL, scratch, TAIL, scratch, TAIL, L, peak, 0f);
                ties += ties(scratch, PARTIAL + 2 * L, peak);
            }
        }
        return VectorSums32.total(scratch) / peak + ties;
    }

    /** How many numerators have been added up in the lanes from here on, if each is as large as the largest. */
    static int ties(float[] scratch, int at, float peak) {
        float sum = 0f;
        for (int i = at; i < at + L; i++) {
            sum += scratch[i];
        }
        return (int) Math.rint(sum / peak);
    }

    /** The numerators of x, at least one vector. In place: the last x are kept in scratch. */
    private static void exponentialsOf(float[] e, int eo, float[] x, int xo, int n, float largest, float[] scratch) {
        int whole = n / L * L;
        int last = n - L;
        FloatVector.fromArray(S, x, xo + last).intoArray(scratch, 0);
        run(LOOPS[EXPONENTIALS], e, eo, x, xo, x, xo, whole, largest, 0f);
        if (whole < n) {
            run(LOOPS[EXPONENTIALS], e, eo + last, scratch, 0, scratch, 0, L, largest, 0f);
        }
    }

    private static void exponentials(
            float[] e, int eo, float[] x, int xo, float[] same, int so, int n, float largest, float none) {
        FloatVector base = all(base(largest));
        FloatVector round = all(round(largest));
        FloatVector lowest = all(lowest(largest));
        for (int i = 0; i < n; i += L) {
            numerator(FloatVector.fromArray(S, x, xo + i), base, round, lowest).intoArray(e, eo + i);
        }
    }

    /** {@link PlainNormaliser32#numerator}. */
    static FloatVector numerator(FloatVector x, FloatVector base, FloatVector round, FloatVector lowest) {
        FloatVector y = atLeast(x.sub(base), lowest);
        FloatVector t = y.fma(LOG2E, round);
        return expOfRemainder(remainder(y, t.sub(round))).mul(VectorBits.biasedPower(t));
    }

    /** Adds to the sums of the lanes and to their errors; behind them come the sums of what is largest. */
    private static void lanes(
            float[] out, int oo, float[] e, int eo, float[] same, int so, int n, float peak, float none) {
        FloatVector limit = all(peak);
        FloatVector sum = FloatVector.fromArray(S, out, oo);
        FloatVector errors = FloatVector.fromArray(S, out, oo + L);
        FloatVector ties = all(0f);
        for (int i = 0; i < n; i += L) {
            FloatVector v = FloatVector.fromArray(S, e, eo + i);
            FloatVector other = VectorBits.below(v, limit);
            FloatVector s = sum.add(other);
            errors = errors.add(sumError(sum, other, s));
            ties = ties.add(v.sub(other));
            sum = s;
        }
        sum.intoArray(out, oo);
        errors.intoArray(out, oo + L);
        ties.intoArray(out, oo + 2 * L);
    }

    /** From what is largest in each lane, how its numbers become numerators; NaN where the largest is infinite. */
    static void measure(float[] scratch) {
        run(LOOPS[MEASURES], scratch, 0, scratch, 0, scratch, 0, L, 0f, 0f);
    }

    private static void measures(
            float[] out, int oo, float[] a, int ao, float[] same, int so, int n, float none, float nothing) {
        FloatVector given = FloatVector.fromArray(S, a, LARGEST);
        FloatVector largest = given.blend(Float.NaN, given.abs().compare(EQ, Float.POSITIVE_INFINITY));
        FloatVector base = largest.blend(ZERO, largest.abs().compare(LT, FAR));
        FloatVector difference = largest.sub(base);
        FloatVector round = VectorMath32.ROUND.sub(rounded(difference).sub(VectorMath32.ROUND));
        FloatVector lowest = difference.add(VectorMath32.LOWEST);
        largest.intoArray(out, LARGEST);
        base.intoArray(out, BASE);
        round.intoArray(out, ROUND);
        lowest.intoArray(out, LOWEST);
        numerator(largest, base, round, lowest).intoArray(out, PEAK);
    }

    /** {@link PlainNormaliser32#sum}. */
    static FloatVector sum(float[] scratch) {
        FloatVector peak = FloatVector.fromArray(S, scratch, PEAK);
        return peak.fma(FloatVector.fromArray(S, scratch, OTHERS), peak);
    }

    @Override
    void divide(float[] a, int ao, int n, float s) {
        int last = ao + n - L;
        FloatVector end = FloatVector.fromArray(S, a, last);
        for (int i = ao; i < last; i += L) {
            FloatVector.fromArray(S, a, i).div(s).intoArray(a, i);
        }
        end.div(s).intoArray(a, last);
    }

    @Override
    void normalise(float[] statistics, float @Nullable [] q, int qo, float[] x, int xo, int batch, int n) {
        if (VectorRowGroup32.suits(n)) {
            rowGroups(statistics, q, qo, x, xo, batch, n);
        } else if (n < TILE) {
            tiles(statistics, q, qo, x, xo, batch, n);
        } else {
            super.normalise(statistics, q, qo, x, xo, batch, n);
        }
    }

    private static void rowGroups(
            float[] statistics, float @Nullable [] q, int qo, float[] x, int xo, int batch, int n) {
        float[] scratch = SCRATCH.get();
        int most = VectorRowGroup32.most(n);
        for (int b = 0; b < batch; b += most) {
            int rows = Math.min(most, batch - b);
            VectorRowGroup32.numerators(scratch, x, xo + b * n, rows, n);
            VectorRowGroup32.joinSums(scratch, 1);
            VectorRowGroup32.others(scratch, rows, n);
            keep(statistics, b, scratch, rows);
            if (q != null) {
                VectorRowGroup32.quotients(q, qo + b * n, scratch, rows, n);
            }
        }
    }

    private static void tiles(float[] statistics, float @Nullable [] q, int qo, float[] x, int xo, int batch, int n) {
        float[] tile = SCRATCH.get();
        for (int b = 0; b < batch; b += L) {
            int rows = Math.min(L, batch - b);
            VectorTile32.transposeIn(tile, 0, x, xo + b * n, rows, n);
            VectorTile32.normalise(tile, n, q != null);
            keep(statistics, b, tile, rows);
            if (q != null) {
                VectorTile32.transposeOut(q, qo + b * n, tile, rows, n);
            }
        }
    }

    private static void keep(float[] statistics, int b, float[] scratch, int rows) {
        System.arraycopy(scratch, LARGEST, statistics, b, rows);
        System.arraycopy(scratch, OTHERS, statistics, GROUP + b, rows);
    }

    /** {@link PlainNormaliser32#surprise}. */
    static FloatVector surprise(FloatVector x, FloatVector largest, FloatVector log) {
        return log.sub(x.sub(largest));
    }
}
