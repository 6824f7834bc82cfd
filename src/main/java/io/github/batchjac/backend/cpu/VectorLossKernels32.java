package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.PlainSums32.total;
import static io.github.batchjac.backend.cpu.VectorLoops32.run;
import static io.github.batchjac.backend.cpu.VectorMath32.ONE;
import static io.github.batchjac.backend.cpu.VectorMath32.S;
import static io.github.batchjac.backend.cpu.VectorMath32.ZERO;
import static io.github.batchjac.backend.cpu.VectorMath32.all;
import static io.github.batchjac.backend.cpu.VectorMath32.sumError;
import static io.github.batchjac.backend.cpu.VectorNormaliser32.surprise;
import static io.github.batchjac.backend.cpu.VectorScratch32.BLOCK;
import static io.github.batchjac.backend.cpu.VectorScratch32.RESULT;
import static io.github.batchjac.backend.cpu.VectorScratch32.SCRATCH;
import static io.github.batchjac.backend.cpu.VectorScratch32.TILE;
import static io.github.batchjac.backend.cpu.VectorScratch32.TILE_ERRORS;
import static io.github.batchjac.backend.cpu.VectorScratch32.TILE_LARGEST;
import static io.github.batchjac.backend.cpu.VectorScratch32.TILE_LOG;
import static io.github.batchjac.backend.cpu.VectorScratch32.TILE_OTHERS;
import static io.github.batchjac.backend.cpu.VectorScratch32.TILE_TARGETS;
import static io.github.batchjac.backend.cpu.VectorScratch32.TILE_TOTAL;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.NE;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/** With the vector API. */
final class VectorLossKernels32 extends PlainLossKernels32 {
    /** Lanes. */
    private static final int L = S.length();

    /** Loops over whole vectors, to be compiled by themselves; see {@link VectorLoops32}. */
    private static final MethodHandle[] LOOPS =
            VectorLoops32.find(MethodHandles.lookup(), "surprises gradients tileTotals tileSurprises tileGradients");

    private static final int SURPRISES = 0;
    private static final int GRADIENTS = 1;
    private static final int TILE_TOTALS = 2;
    private static final int TILE_SURPRISES = 3;
    private static final int TILE_GRADIENTS = 4;

    VectorLossKernels32(VectorNormaliser32 normaliser, VectorSums32 sums) {
        super(normaliser, sums);
    }

    /** Short rows in {@link VectorTile32}, a sample per lane; otherwise as the plain twin. */
    @Override
    public void softmaxCrossEntropy(
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
        if (n >= TILE) {
            super.softmaxCrossEntropy(loss, lo, gradient, go, target, to, logits, xo, batch, n);
            return;
        }
        float[] tile = SCRATCH.get();
        for (int b = 0; b < batch; b += L) {
            int rows = Math.min(L, batch - b);
            int row = b * n;
            VectorTile32.transposeIn(tile, TILE_TARGETS, target, to + row, rows, n);
            VectorTile32.transposeIn(tile, 0, logits, xo + row, rows, n);
            VectorTile32.normalise(tile, n, false);
            if (loss != null) {
                for (int r = 0; r < rows; r++) {
                    tile[TILE_LOG + r] = (float) Math.log1p(tile[TILE_OTHERS + r]);
                }
                VectorTile32.transposeIn(tile, TILE_ERRORS, logits, xo + row, rows, n);
                run(LOOPS[TILE_SURPRISES], tile, 0, tile, 0, tile, 0, n, 0f, 0f);
                System.arraycopy(tile, TILE_TOTAL, loss, lo + b, rows);
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
        totals(sum, errors).intoArray(tile, TILE_TOTAL);
    }

    /** The losses, compensated, of the x that lie where the rounding errors were; NaN where the logarithm is. */
    private static void tileSurprises(
            float[] tile, int none, float[] x, int xo, float[] same, int so, int n, float no, float nothing) {
        FloatVector max = FloatVector.fromArray(S, tile, TILE_LARGEST);
        FloatVector minusMax = max.neg();
        FloatVector logs = FloatVector.fromArray(S, tile, TILE_LOG);
        FloatVector sum = all(0f);
        FloatVector errors = all(0f);
        for (int j = 0; j < n * L; j += L) {
            FloatVector t = FloatVector.fromArray(S, tile, TILE_TARGETS + j);
            FloatVector term = surprise(FloatVector.fromArray(S, tile, TILE_ERRORS + j), max, minusMax, logs)
                    .mul(t)
                    .blend(ZERO, t.compare(EQ, ZERO));
            FloatVector s = sum.add(term);
            errors = errors.add(sumError(sum, term, s));
            sum = s;
        }
        totals(sum, errors).blend(logs, logs.compare(NE, logs)).intoArray(tile, TILE_TOTAL);
    }

    /** The plain sum where that is not finite. */
    private static FloatVector totals(FloatVector sum, FloatVector errors) {
        return sum.add(errors.blend(
                ZERO, sum.abs().compare(LT, Float.POSITIVE_INFINITY).not()));
    }

    /** As {@link #gradients}, a sample per lane; of numerators. */
    private static void tileGradients(
            float[] tile, int none, float[] x, int xo, float[] same, int so, int n, float no, float nothing) {
        FloatVector sum = FloatVector.fromArray(S, tile, TILE_TOTAL);
        FloatVector others = FloatVector.fromArray(S, tile, TILE_OTHERS);
        FloatVector s = others.add(ONE);
        FloatVector rest = others.div(s);
        for (int j = 0; j < n * L; j += L) {
            FloatVector q = FloatVector.fromArray(S, tile, j).div(s);
            gradient(q, FloatVector.fromArray(S, tile, TILE_TARGETS + j), sum, rest)
                    .intoArray(tile, j);
        }
    }

    /** Block by block: the surprises into scratch, then their product with the target. */
    @Override
    float surprises(float[] target, int to, float[] x, int xo, int n, float largest, float log) {
        if (n < L) {
            return super.surprises(target, to, x, xo, n, largest, log);
        }
        float[] scratch = SCRATCH.get();
        float sum = 0f;
        double errors = 0;
        int length;
        for (int i = 0; i < n; i += length) {
            length = n - i < 2 * BLOCK ? n - i : BLOCK;
            run(LOOPS[SURPRISES], scratch, RESULT, x, xo + i, target, to + i, length / L * L, largest, log);
            if (length % L != 0) {
                int last = i + length - L;
                run(LOOPS[SURPRISES], scratch, RESULT + last - i, x, xo + last, target, to + last, L, largest, log);
            }
            float part = sums.dot(target, to + i, scratch, RESULT, length);
            float s = sum + part;
            errors += Math32.sumError(sum, part, s);
            sum = s;
        }
        return Float.isNaN(log) ? log : total(sum, errors);
    }

    /** 0 where the target is. */
    private static void surprises(
            float[] y, int yo, float[] x, int xo, float[] target, int to, int n, float largest, float log) {
        FloatVector max = all(largest);
        FloatVector minusMax = all(-largest);
        FloatVector logs = all(log);
        for (int i = 0; i < n; i += L) {
            FloatVector s = surprise(FloatVector.fromArray(S, x, xo + i), max, minusMax, logs);
            s.blend(ZERO, FloatVector.fromArray(S, target, to + i).compare(EQ, ZERO))
                    .intoArray(y, yo + i);
        }
    }

    @Override
    void distributionGradient(float[] q, int qo, float[] target, int to, int n, float total, float rest) {
        if (n < L) {
            super.distributionGradient(q, qo, target, to, n, total, rest);
            return;
        }
        float[] scratch = SCRATCH.get();
        int last = n - L;
        FloatVector.fromArray(S, q, qo + last).intoArray(scratch, 0);
        run(LOOPS[GRADIENTS], q, qo, q, qo, target, to, n / L * L, total, rest);
        if (n % L != 0) {
            run(LOOPS[GRADIENTS], q, qo + last, scratch, 0, target, to + last, L, total, rest);
        }
    }

    private static void gradients(
            float[] g, int go, float[] q, int qo, float[] target, int to, int n, float total, float rest) {
        FloatVector sum = all(total);
        FloatVector rests = all(rest);
        for (int i = 0; i < n; i += L) {
            gradient(FloatVector.fromArray(S, q, qo + i), FloatVector.fromArray(S, target, to + i), sum, rests)
                    .intoArray(g, go + i);
        }
    }

    /** {@code (total − t)·q − t·(1 − q)}; see {@link #distributionGradient}. */
    private static FloatVector gradient(FloatVector q, FloatVector t, FloatVector total, FloatVector rest) {
        FloatVector others = ONE.sub(q).blend(rest, q.compare(GT, 0.5f));
        return total.sub(t).mul(q).sub(t.mul(others));
    }

    /** Block by block: the differences, into scratch if nobody wants them, then their squares. */
    @Override
    float squaredErrorRow(float @Nullable [] gradient, int go, float[] y, int yo, float[] p, int po, int n) {
        if (n < L) {
            return super.squaredErrorRow(gradient, go, y, yo, p, po, n);
        }
        float[] scratch = SCRATCH.get();
        float sum = 0f;
        double errors = 0;
        int length;
        for (int i = 0; i < n; i += length) {
            length = n - i < 2 * BLOCK ? n - i : BLOCK;
            float[] r = gradient == null ? scratch : gradient;
            int r0 = gradient == null ? RESULT : go + i;
            int p0 = po + i;
            int y0 = yo + i;
            for (int j = 0; j < length; j++) {
                r[r0 + j] = p[p0 + j] - y[y0 + j];
            }
            float part = sums.dot(r, r0, r, r0, length);
            float s = sum + part;
            errors += Math32.sumError(sum, part, s);
            sum = s;
        }
        return total(sum, errors);
    }
}
