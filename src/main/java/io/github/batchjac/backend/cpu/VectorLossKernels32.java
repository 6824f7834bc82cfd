package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.PlainSums32.total;
import static io.github.batchjac.backend.cpu.VectorLoops32.run;
import static io.github.batchjac.backend.cpu.VectorMath32.ONE;
import static io.github.batchjac.backend.cpu.VectorMath32.S;
import static io.github.batchjac.backend.cpu.VectorMath32.ZERO;
import static io.github.batchjac.backend.cpu.VectorMath32.all;
import static io.github.batchjac.backend.cpu.VectorNormaliser32.surprise;
import static io.github.batchjac.backend.cpu.VectorScratch32.BLOCK;
import static io.github.batchjac.backend.cpu.VectorScratch32.RESULT;
import static io.github.batchjac.backend.cpu.VectorScratch32.SCRATCH;
import static io.github.batchjac.backend.cpu.VectorScratch32.TILE;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GT;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/** With the vector API. */
final class VectorLossKernels32 extends PlainLossKernels32 {
    /** Lanes. */
    private static final int L = S.length();

    /** Loops over whole vectors, to be compiled by themselves; see {@link VectorLoops32}. */
    private static final MethodHandle[] LOOPS = VectorLoops32.find(MethodHandles.lookup(), "surprises gradients");

    private static final int SURPRISES = 0;
    private static final int GRADIENTS = 1;

    VectorLossKernels32(VectorNormaliser32 normaliser, VectorSums32 sums) {
        super(normaliser, sums);
    }

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
        if (VectorRowGroup32.suits(n)) {
            VectorCrossEntropy32.rowGroups(loss, lo, gradient, go, target, to, logits, xo, batch, n);
        } else if (n < TILE) {
            VectorCrossEntropy32.tiles(loss, lo, gradient, go, target, to, logits, xo, batch, n);
        } else {
            super.softmaxCrossEntropy(loss, lo, gradient, go, target, to, logits, xo, batch, n);
        }
    }

    /** Block by block: the surprises into scratch, then their product with the target. */
    @Override
    float surprises(float[] target, int to, float[] x, int xo, int n, float largest, float log) {
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
        FloatVector logs = all(log);
        for (int i = 0; i < n; i += L) {
            FloatVector s = surprise(FloatVector.fromArray(S, x, xo + i), max, logs);
            s.blend(ZERO, FloatVector.fromArray(S, target, to + i).compare(EQ, ZERO))
                    .intoArray(y, yo + i);
        }
    }

    @Override
    void distributionGradient(float[] q, int qo, float[] target, int to, int n, float total, float rest) {
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
    static FloatVector gradient(FloatVector q, FloatVector t, FloatVector total, FloatVector rest) {
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
