package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.PlainNormaliser32.rest;
import static io.github.batchjac.backend.cpu.VectorLoops32.run;
import static io.github.batchjac.backend.cpu.VectorLossKernels32.gradient;
import static io.github.batchjac.backend.cpu.VectorMath32.ONE;
import static io.github.batchjac.backend.cpu.VectorMath32.S;
import static io.github.batchjac.backend.cpu.VectorMath32.ZERO;
import static io.github.batchjac.backend.cpu.VectorMath32.all;
import static io.github.batchjac.backend.cpu.VectorMath32.sumError;
import static io.github.batchjac.backend.cpu.VectorNormaliser32.surprise;
import static io.github.batchjac.backend.cpu.VectorScratch32.LARGEST;
import static io.github.batchjac.backend.cpu.VectorScratch32.LOG;
import static io.github.batchjac.backend.cpu.VectorScratch32.OTHERS;
import static io.github.batchjac.backend.cpu.VectorScratch32.SCRATCH;
import static io.github.batchjac.backend.cpu.VectorScratch32.TILE_LOGITS;
import static io.github.batchjac.backend.cpu.VectorScratch32.TILE_TARGETS;
import static io.github.batchjac.backend.cpu.VectorScratch32.TOTAL;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.NE;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import org.jspecify.annotations.Nullable;

/** Softmax cross-entropy of targets that are distributions, for rows that are worked on together. Formulas: {@link LossKernels32}. */
final class VectorCrossEntropy32 {
    /** Lanes. */
    private static final int L = S.length();

    private static final FloatVector LANE = all(0f).addIndex(1);

    /** Loops over whole vectors, to be compiled by themselves; see {@link VectorLoops32}. */
    private static final MethodHandle[] ROW_LOOPS =
            VectorLoops32.find(MethodHandles.lookup(), VectorRowGroup32.TYPE, "rowTotals rowSurprises rowGradients");

    private static final int ROW_TOTALS = 0;
    private static final int ROW_SURPRISES = 1;
    private static final int ROW_GRADIENTS = 2;

    private static final MethodHandle[] LOOPS =
            VectorLoops32.find(MethodHandles.lookup(), "tileTotals tileSurprises tileGradients logarithms");

    private static final int TILE_TOTALS = 0;
    private static final int TILE_SURPRISES = 1;
    private static final int TILE_GRADIENTS = 2;
    private static final int LOGARITHMS = 3;

    private VectorCrossEntropy32() {}

    /** Rows as they lie, in {@link VectorRowGroup32}. */
    static void rowGroups(
            float @Nullable [] loss,
            int lo,
            float @Nullable [] gradient,
            int go,
            float[] target,
            int to,
            float[] logits,
            int xo,
            int batch,
            int n) {
        float[] scratch = SCRATCH.get();
        int most = VectorRowGroup32.most(n);
        for (int b = 0; b < batch; b += most) {
            int rows = Math.min(most, batch - b);
            int row = b * n;
            VectorRowGroup32.numerators(scratch, logits, xo + row, rows, n);
            if (gradient != null) {
                VectorRowGroup32.run(ROW_LOOPS[ROW_TOTALS], scratch, scratch, 0, target, to + row, rows, n);
            }
            VectorRowGroup32.joinSums(scratch, gradient == null ? 1 : 2);
            VectorRowGroup32.others(scratch, rows, n);
            if (gradient != null) {
                VectorRowGroup32.run(ROW_LOOPS[ROW_GRADIENTS], scratch, gradient, go + row, target, to + row, rows, n);
            }
            if (loss != null) {
                run(LOOPS[LOGARITHMS], scratch, 0, scratch, 0, scratch, 0, L, 0f, 0f);
                VectorRowGroup32.run(ROW_LOOPS[ROW_SURPRISES], scratch, logits, xo + row, target, to + row, rows, n);
                VectorRowGroup32.joinSums(scratch, 1);
                losses(rowSums(scratch, 0), scratch).intoArray(scratch, TOTAL);
                System.arraycopy(scratch, TOTAL, loss, lo + b, rows);
            }
        }
    }

    /** Of each row the logarithm of the sum of its numerators. */
    private static void logarithms(
            float[] scratch, int none, float[] x, int xo, float[] same, int so, int n, float no, float nothing) {
        VectorMath32.log1p(FloatVector.fromArray(S, scratch, OTHERS)).intoArray(scratch, LOG);
    }

    /** The plain sum where that is not finite. */
    private static FloatVector totals(FloatVector sum, FloatVector errors) {
        return sum.add(errors.blend(
                ZERO, sum.abs().compare(LT, Float.POSITIVE_INFINITY).not()));
    }

    /** NaN where the logarithm is. */
    private static FloatVector losses(FloatVector sums, float[] scratch) {
        FloatVector logs = FloatVector.fromArray(S, scratch, LOG);
        return sums.blend(logs, logs.compare(NE, logs));
    }

    private static FloatVector rowSums(float[] scratch, int set) {
        int sums = VectorRowGroup32.sums(set);
        return totals(FloatVector.fromArray(S, scratch, sums), FloatVector.fromArray(S, scratch, sums + L * L));
    }

    /** The lanes of a row's last vector that the one before it has too. */
    private static VectorMask<Float> seen(int n) {
        return LANE.compare(LT, (float) (VectorRowGroup32.pitch(n) - n));
    }

    /** The sums of targets, compensated, as set 1. */
    private static void rowTotals(float[] scratch, float[] none, int no, float[] target, int to, int rows, int n) {
        int last = n - L;
        VectorMask<Float> seen = seen(n);
        for (int r = 0; r < rows; r++) {
            int row = to + r * n;
            FloatVector sum = FloatVector.fromArray(S, target, row + last).blend(ZERO, seen);
            FloatVector errors = all(0f);
            for (int j = row; j < row + last; j += L) {
                FloatVector t = FloatVector.fromArray(S, target, j);
                FloatVector s = sum.add(t);
                errors = errors.add(sumError(sum, t, s));
                sum = s;
            }
            VectorRowGroup32.putSums(scratch, 1, r, sum, errors);
        }
    }

    /** The lanes' losses, compensated, as set 0. */
    private static void rowSurprises(float[] scratch, float[] x, int xo, float[] target, int to, int rows, int n) {
        int last = n - L;
        VectorMask<Float> seen = seen(n);
        for (int r = 0; r < rows; r++) {
            FloatVector max = all(scratch[LARGEST + r]);
            FloatVector log = all(scratch[LOG + r]);
            int xr = xo + r * n;
            int tr = to + r * n;
            FloatVector t = FloatVector.fromArray(S, target, tr + last).blend(ZERO, seen);
            FloatVector sum = term(FloatVector.fromArray(S, x, xr + last), t, max, log);
            FloatVector errors = all(0f);
            for (int j = 0; j < last; j += L) {
                t = FloatVector.fromArray(S, target, tr + j);
                FloatVector term = term(FloatVector.fromArray(S, x, xr + j), t, max, log);
                FloatVector s = sum.add(term);
                errors = errors.add(sumError(sum, term, s));
                sum = s;
            }
            VectorRowGroup32.putSums(scratch, 0, r, sum, errors);
        }
    }

    /** A target of 0 adds 0. */
    private static FloatVector term(FloatVector x, FloatVector t, FloatVector max, FloatVector log) {
        return surprise(x, max, log).mul(t).blend(ZERO, t.compare(EQ, ZERO));
    }

    private static void rowGradients(
            float[] scratch, float[] gradient, int go, float[] target, int to, int rows, int n) {
        int pitch = VectorRowGroup32.pitch(n);
        int last = n - L;
        rowSums(scratch, 1).intoArray(scratch, TOTAL);
        for (int r = 0; r < rows; r++) {
            float others = scratch[OTHERS + r];
            FloatVector s = all(VectorRowGroup32.sum(scratch, r));
            FloatVector rest = all(rest(others));
            FloatVector total = all(scratch[TOTAL + r]);
            for (int j = 0; j < n; j += L) {
                int at = Math.min(j, last);
                FloatVector q =
                        FloatVector.fromArray(S, scratch, r * pitch + at).div(s);
                FloatVector t = FloatVector.fromArray(S, target, to + r * n + at);
                gradient(q, t, total, rest).intoArray(gradient, go + r * n + at);
            }
        }
    }

    /** Short rows in {@link VectorTile32}, a sample per lane. */
    static void tiles(
            float @Nullable [] loss,
            int lo,
            float @Nullable [] gradient,
            int go,
            float[] target,
            int to,
            float[] logits,
            int xo,
            int batch,
            int n) {
        float[] tile = SCRATCH.get();
        for (int b = 0; b < batch; b += L) {
            int rows = Math.min(L, batch - b);
            int row = b * n;
            VectorTile32.transposeIn(tile, TILE_TARGETS, target, to + row, rows, n);
            VectorTile32.transposeIn(tile, 0, logits, xo + row, rows, n);
            VectorTile32.normalise(tile, n, false);
            if (loss != null) {
                run(LOOPS[LOGARITHMS], tile, 0, tile, 0, tile, 0, L, 0f, 0f);
                VectorTile32.transposeIn(tile, TILE_LOGITS, logits, xo + row, rows, n);
                run(LOOPS[TILE_SURPRISES], tile, 0, tile, 0, tile, 0, n, 0f, 0f);
                System.arraycopy(tile, TOTAL, loss, lo + b, rows);
            }
            if (gradient != null) {
                run(LOOPS[TILE_TOTALS], tile, 0, tile, 0, tile, 0, n, 0f, 0f);
                run(LOOPS[TILE_GRADIENTS], tile, 0, tile, 0, tile, 0, n, 0f, 0f);
                VectorTile32.transposeOut(gradient, go + row, tile, rows, n);
            }
        }
    }

    /** The sums of targets, compensated. */
    private static void tileTotals(
            float[] tile, int none, float[] x, int xo, float[] same, int so, int n, float no, float nothing) {
        FloatVector sum = all(0f);
        FloatVector errors = all(0f);
        for (int j = 0; j < n * L; j += L) {
            FloatVector t = FloatVector.fromArray(S, tile, TILE_TARGETS + j);
            FloatVector s = sum.add(t);
            errors = errors.add(sumError(sum, t, s));
            sum = s;
        }
        totals(sum, errors).intoArray(tile, TOTAL);
    }

    /** The losses, compensated; NaN where the logarithm is. */
    private static void tileSurprises(
            float[] tile, int none, float[] x, int xo, float[] same, int so, int n, float no, float nothing) {
        FloatVector max = FloatVector.fromArray(S, tile, LARGEST);
        FloatVector log = FloatVector.fromArray(S, tile, LOG);
        FloatVector sum = all(0f);
        FloatVector errors = all(0f);
        for (int j = 0; j < n * L; j += L) {
            FloatVector t = FloatVector.fromArray(S, tile, TILE_TARGETS + j);
            FloatVector term = term(FloatVector.fromArray(S, tile, TILE_LOGITS + j), t, max, log);
            FloatVector s = sum.add(term);
            errors = errors.add(sumError(sum, term, s));
            sum = s;
        }
        losses(totals(sum, errors), tile).intoArray(tile, TOTAL);
    }

    private static void tileGradients(
            float[] tile, int none, float[] x, int xo, float[] same, int so, int n, float no, float nothing) {
        FloatVector sum = FloatVector.fromArray(S, tile, TOTAL);
        FloatVector others = FloatVector.fromArray(S, tile, OTHERS);
        FloatVector rest = others.div(others.add(ONE));
        FloatVector s = VectorNormaliser32.sum(tile);
        for (int j = 0; j < n * L; j += L) {
            FloatVector q = FloatVector.fromArray(S, tile, j).div(s);
            gradient(q, FloatVector.fromArray(S, tile, TILE_TARGETS + j), sum, rest)
                    .intoArray(tile, j);
        }
    }
}
