package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.VectorLoops32.run;
import static io.github.batchjac.backend.cpu.VectorMath32.S;
import static io.github.batchjac.backend.cpu.VectorMath32.all;
import static io.github.batchjac.backend.cpu.VectorMath32.expDifference;
import static io.github.batchjac.backend.cpu.VectorMath32.sumError;
import static io.github.batchjac.backend.cpu.VectorScratch32.LARGEST;
import static io.github.batchjac.backend.cpu.VectorScratch32.OTHERS;
import static io.github.batchjac.backend.cpu.VectorScratch32.TILE_ERRORS;
import static jdk.incubator.vector.VectorOperators.EQ;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.FloatVector;

/** Short rows on the way to softmax: a tile of them in scratch, one sample per lane. */
final class VectorTile32 {
    /** Lanes. */
    private static final int L = S.length();

    /** Loops over whole vectors, to be compiled by themselves; see {@link VectorLoops32}. */
    private static final MethodHandle[] LOOPS =
            VectorLoops32.find(MethodHandles.lookup(), "differences exponentials sum");

    private static final int DIFFERENCES = 0;
    private static final int EXPONENTIALS = 1;
    private static final int SUM = 2;

    private VectorTile32() {}

    /** Lanes without a sample keep what they had: nobody reads them. */
    static void transposeIn(float[] tile, int at, float[] x, int xo, int rows, int n) {
        for (int r = 0; r < rows; r++) {
            for (int j = 0; j < n; j++) {
                tile[at + j * L + r] = x[xo + r * n + j];
            }
        }
    }

    static void transposeOut(float[] q, int qo, float[] tile, int rows, int n) {
        for (int r = 0; r < rows; r++) {
            for (int j = 0; j < n; j++) {
                q[qo + r * n + j] = tile[j * L + r];
            }
        }
    }

    /** x becomes q if so wanted; behind TILE rows come the largest x, then the sum of the other numerators. */
    static void normalise(float[] tile, int n, boolean wanted) {
        largest(tile, n);
        run(LOOPS[DIFFERENCES], tile, 0, tile, 0, tile, 0, n, 0f, 0f);
        run(LOOPS[EXPONENTIALS], tile, 0, tile, 0, tile, 0, n, 0f, 0f);
        run(LOOPS[SUM], tile, 0, tile, 0, tile, 0, n, 0f, 0f);
        if (wanted) {
            divide(tile, n);
        }
    }

    /** The largest of each lane; NaN where that is infinite, or if there is one. */
    private static void largest(float[] tile, int n) {
        FloatVector best = FloatVector.fromArray(S, tile, 0);
        for (int j = 1; j < n; j++) {
            best = best.max(FloatVector.fromArray(S, tile, j * L));
        }
        best.blend(Float.NaN, best.abs().compare(EQ, Float.POSITIVE_INFINITY)).intoArray(tile, LARGEST);
    }

    private static void differences(
            float[] tile, int to, float[] x, int xo, float[] same, int so, int n, float none, float nothing) {
        FloatVector best = FloatVector.fromArray(S, tile, LARGEST);
        FloatVector minusBest = best.neg();
        for (int j = 0; j < n * L; j += L) {
            FloatVector v = FloatVector.fromArray(S, tile, j);
            FloatVector difference = v.sub(best);
            sumError(v, minusBest, difference).intoArray(tile, TILE_ERRORS + j);
            difference.intoArray(tile, j);
        }
    }

    private static void exponentials(
            float[] tile, int to, float[] x, int xo, float[] same, int so, int n, float none, float nothing) {
        for (int j = 0; j < n * L; j += L) {
            FloatVector err = FloatVector.fromArray(S, tile, TILE_ERRORS + j);
            expDifference(FloatVector.fromArray(S, tile, j), err).intoArray(tile, j);
        }
    }

    /** Of all numerators but the largest: those below 1, compensated, and all ones but one. */
    private static void sum(
            float[] tile, int to, float[] x, int xo, float[] same, int so, int n, float none, float nothing) {
        FloatVector sum = all(0f);
        FloatVector errors = all(0f);
        FloatVector ones = all(-1f);
        for (int j = 0; j < n * L; j += L) {
            FloatVector e = FloatVector.fromArray(S, tile, j);
            FloatVector other = VectorBits.belowOne(e);
            ones = ones.add(e.sub(other));
            FloatVector s = sum.add(other);
            errors = errors.add(sumError(sum, other, s));
            sum = s;
        }
        FloatVector s = sum.add(ones);
        s.add(errors.add(sumError(sum, ones, s))).intoArray(tile, OTHERS);
    }

    private static void divide(float[] tile, int n) {
        FloatVector s = FloatVector.fromArray(S, tile, OTHERS).add(1f);
        for (int j = 0; j < n; j++) {
            FloatVector.fromArray(S, tile, j * L).div(s).intoArray(tile, j * L);
        }
    }
}
