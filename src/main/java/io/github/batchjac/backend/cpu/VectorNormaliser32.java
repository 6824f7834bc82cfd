package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.PlainSums32.total;
import static io.github.batchjac.backend.cpu.VectorLoops32.run;
import static io.github.batchjac.backend.cpu.VectorMath32.S;
import static io.github.batchjac.backend.cpu.VectorMath32.all;
import static io.github.batchjac.backend.cpu.VectorMath32.expDifference;
import static io.github.batchjac.backend.cpu.VectorMath32.sumError;
import static io.github.batchjac.backend.cpu.VectorScratch32.BLOCK;
import static io.github.batchjac.backend.cpu.VectorScratch32.ERRORS;
import static io.github.batchjac.backend.cpu.VectorScratch32.LARGEST;
import static io.github.batchjac.backend.cpu.VectorScratch32.OTHERS;
import static io.github.batchjac.backend.cpu.VectorScratch32.RESULT;
import static io.github.batchjac.backend.cpu.VectorScratch32.SCRATCH;
import static io.github.batchjac.backend.cpu.VectorScratch32.TILE;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.MAX;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/** With the vector API: some rows at a time in {@link VectorRowGroup32}, a sample per lane in {@link VectorTile32}, long rows one by one. */
final class VectorNormaliser32 extends PlainNormaliser32 {
    /** Lanes. */
    private static final int L = S.length();

    /** Loops over whole vectors, to be compiled by themselves; see {@link VectorLoops32}. */
    private static final MethodHandle[] LOOPS = VectorLoops32.find(MethodHandles.lookup(), "differences exponentials");

    private static final int DIFFERENCES = 0;
    private static final int EXPONENTIALS = 1;

    private final VectorSums32 sums;

    VectorNormaliser32(VectorSums32 sums) {
        this.sums = sums;
    }

    @Override
    int argmax(float[] x, int xo, int n) {
        if (n < L) {
            return super.argmax(x, xo, n);
        }
        int last = xo + n - L;
        FloatVector best = all(Float.NEGATIVE_INFINITY);
        for (int i = xo; i < last; i += L) {
            FloatVector v = FloatVector.fromArray(S, x, i);
            best = best.blend(v, v.compare(GT, best));
        }
        FloatVector v = FloatVector.fromArray(S, x, last);
        float largest = best.blend(v, v.compare(GT, best)).reduceLanes(MAX);
        return Float.isInfinite(largest) ? -1 : find(x, xo, n, largest);
    }

    /** The first index of a value that is there. */
    private static int find(float[] x, int xo, int n, float value) {
        int i = 0;
        while (i <= n - L
                && !FloatVector.fromArray(S, x, xo + i).compare(EQ, value).anyTrue()) {
            i += L;
        }
        while (x[xo + i] != value) {
            i++;
        }
        return i;
    }

    /**
     * Block by block: exp into q, or into scratch if there is no q, then the sum of what was written, with 0 in the place
     * of the largest, which is 1.
     */
    @Override
    float numerators(float @Nullable [] q, int qo, float[] x, int xo, int n, int m) {
        float[] scratch = SCRATCH.get();
        float largest = x[xo + m];
        float sum = 0f;
        double errors = 0;
        int length;
        for (int i = 0; i < n; i += length) {
            length = n - i < 2 * BLOCK ? n - i : BLOCK;
            float[] e = q == null ? scratch : q;
            int eo = q == null ? RESULT : qo + i;
            exponentialsOf(e, eo, x, xo + i, length, largest, scratch);
            float part;
            if (m >= i && m < i + length) {
                e[eo + m - i] = 0f;
                part = sums.sum(e, eo, length);
                e[eo + m - i] = 1f;
            } else {
                part = sums.sum(e, eo, length);
            }
            float s = sum + part;
            errors += Math32.sumError(sum, part, s);
            sum = s;
        }
        return total(sum, errors);
    }

    /** {@code e = exp(x − largest)}, at least one vector. In place: the last x are kept in scratch. */
    private static void exponentialsOf(float[] e, int eo, float[] x, int xo, int n, float largest, float[] scratch) {
        int whole = n / L * L;
        int last = n - L;
        FloatVector.fromArray(S, x, xo + last).intoArray(scratch, 0);
        run(LOOPS[DIFFERENCES], e, eo, x, xo, scratch, ERRORS, whole, largest, 0f);
        run(LOOPS[EXPONENTIALS], e, eo, e, eo, scratch, ERRORS, whole, 0f, 0f);
        if (whole < n) {
            run(LOOPS[DIFFERENCES], e, eo + last, scratch, 0, scratch, ERRORS, L, largest, 0f);
            run(LOOPS[EXPONENTIALS], e, eo + last, e, eo + last, scratch, ERRORS, L, 0f, 0f);
        }
    }

    /** {@code d = x − largest} and its rounding errors. */
    private static void differences(
            float[] d, int d0, float[] x, int xo, float[] errors, int e0, int n, float largest, float none) {
        FloatVector max = all(largest);
        FloatVector minusMax = all(-largest);
        for (int i = 0; i < n; i += L) {
            FloatVector v = FloatVector.fromArray(S, x, xo + i);
            FloatVector difference = v.sub(max);
            sumError(v, minusMax, difference).intoArray(errors, e0 + i);
            difference.intoArray(d, d0 + i);
        }
    }

    /** {@code e = exp(x + errors)}, x ≤ 0. */
    private static void exponentials(
            float[] e, int eo, float[] x, int xo, float[] errors, int e0, int n, float none, float nothing) {
        for (int i = 0; i < n; i += L) {
            FloatVector v = FloatVector.fromArray(S, x, xo + i);
            expDifference(v, FloatVector.fromArray(S, errors, e0 + i)).intoArray(e, eo + i);
        }
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
    static FloatVector surprise(FloatVector x, FloatVector largest, FloatVector minusLargest, FloatVector log) {
        FloatVector difference = x.sub(largest);
        FloatVector y = log.sub(difference);
        FloatVector error = sumError(x, minusLargest, difference);
        return y.blend(y.sub(error), error.abs().compare(LT, Float.POSITIVE_INFINITY));
    }
}
