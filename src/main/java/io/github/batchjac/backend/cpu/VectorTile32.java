package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.VectorLoops32.run;
import static io.github.batchjac.backend.cpu.VectorMath32.ONE;
import static io.github.batchjac.backend.cpu.VectorMath32.S;
import static io.github.batchjac.backend.cpu.VectorMath32.all;
import static io.github.batchjac.backend.cpu.VectorMath32.sumError;
import static io.github.batchjac.backend.cpu.VectorNormaliser32.numerator;
import static io.github.batchjac.backend.cpu.VectorScratch32.BASE;
import static io.github.batchjac.backend.cpu.VectorScratch32.LARGEST;
import static io.github.batchjac.backend.cpu.VectorScratch32.LOWEST;
import static io.github.batchjac.backend.cpu.VectorScratch32.OTHERS;
import static io.github.batchjac.backend.cpu.VectorScratch32.PEAK;
import static io.github.batchjac.backend.cpu.VectorScratch32.ROUND;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.FloatVector;

/** Short rows on the way to softmax: a tile of them in scratch, one sample per lane. */
final class VectorTile32 {
    /** Lanes. */
    private static final int L = S.length();

    /** Loops over whole vectors, to be compiled by themselves; see {@link VectorLoops32}. */
    private static final MethodHandle[] LOOPS = VectorLoops32.find(MethodHandles.lookup(), "exponentials sum");

    private static final int EXPONENTIALS = 0;
    private static final int SUM = 1;

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

    /** x becomes q if so wanted; behind TILE rows come the largest x, then the other numerators over the largest. */
    static void normalise(float[] tile, int n, boolean wanted) {
        largest(tile, n);
        VectorNormaliser32.measure(tile);
        run(LOOPS[EXPONENTIALS], tile, 0, tile, 0, tile, 0, n, 0f, 0f);
        run(LOOPS[SUM], tile, 0, tile, 0, tile, 0, n, 0f, 0f);
        if (wanted) {
            divide(tile, n);
        }
    }

    /** The largest of each lane; NaN if there is one. */
    private static void largest(float[] tile, int n) {
        FloatVector best = FloatVector.fromArray(S, tile, 0);
        for (int j = 1; j < n; j++) {
            best = best.max(FloatVector.fromArray(S, tile, j * L));
        }
        best.intoArray(tile, LARGEST);
    }

    private static void exponentials(
            float[] tile, int to, float[] x, int xo, float[] same, int so, int n, float none, float nothing) {
        FloatVector base = FloatVector.fromArray(S, tile, BASE);
        FloatVector round = FloatVector.fromArray(S, tile, ROUND);
        FloatVector lowest = FloatVector.fromArray(S, tile, LOWEST);
        for (int j = 0; j < n * L; j += L) {
            numerator(FloatVector.fromArray(S, tile, j), base, round, lowest).intoArray(tile, j);
        }
    }

    /** All numerators but one that is largest, over that: those below compensated, the others counted. */
    private static void sum(
            float[] tile, int to, float[] x, int xo, float[] same, int so, int n, float none, float nothing) {
        FloatVector peak = FloatVector.fromArray(S, tile, PEAK);
        FloatVector sum = all(0f);
        FloatVector errors = all(0f);
        FloatVector ties = all(0f);
        for (int j = 0; j < n * L; j += L) {
            FloatVector e = FloatVector.fromArray(S, tile, j);
            FloatVector other = VectorBits.below(e, peak);
            ties = ties.add(e.sub(other));
            FloatVector s = sum.add(other);
            errors = errors.add(sumError(sum, other, s));
            sum = s;
        }
        FloatVector count = ties.div(peak).add(VectorMath32.ROUND).sub(VectorMath32.ROUND);
        sum.add(errors).div(peak).add(count.sub(ONE)).intoArray(tile, OTHERS);
    }

    private static void divide(float[] tile, int n) {
        FloatVector s = VectorNormaliser32.sum(tile);
        for (int j = 0; j < n; j++) {
            FloatVector.fromArray(S, tile, j * L).div(s).intoArray(tile, j * L);
        }
    }
}
