package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.PlainDenseKernels32.FILL;
import static io.github.batchjac.backend.cpu.VectorLoops32.run;
import static io.github.batchjac.backend.cpu.VectorMath32.S;
import static io.github.batchjac.backend.cpu.VectorMath32.all;
import static io.github.batchjac.backend.cpu.VectorNormaliser32.surprise;
import static io.github.batchjac.backend.cpu.VectorScratch32.SCRATCH;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.FloatVector;

/** With the vector API. */
final class VectorSoftmaxKernels32 extends PlainSoftmaxKernels32 {
    /** Lanes. */
    private static final int L = S.length();

    /** Loops over whole vectors, to be compiled by themselves; see {@link VectorLoops32}. */
    private static final MethodHandle[] LOOPS = VectorLoops32.find(MethodHandles.lookup(), "logarithms");

    private static final int LOGARITHMS = 0;

    VectorSoftmaxKernels32(VectorNormaliser32 normaliser, VectorSums32 sums) {
        super(normaliser, sums);
    }

    @Override
    void logRow(float[] y, int yo, float[] x, int xo, int n, float largest, float log) {
        if (n < L) {
            super.logRow(y, yo, x, xo, n, largest, log);
            return;
        }
        float[] scratch = SCRATCH.get();
        int last = n - L;
        FloatVector.fromArray(S, x, xo + last).intoArray(scratch, 0);
        run(LOOPS[LOGARITHMS], y, yo, x, xo, x, xo, n / L * L, largest, log);
        if (n % L != 0) {
            run(LOOPS[LOGARITHMS], y, yo + last, scratch, 0, x, xo, L, largest, log);
        }
    }

    /** As the plain twin's, but with the sums of one vector of columns after the other in a register. */
    @Override
    void columns(float[] out, int oo, float[] m, int mo, float[] q, int qo, float rest, int n, int k, boolean softmax) {
        if (k < L) {
            super.columns(out, oo, m, mo, q, qo, rest, n, k, softmax);
            return;
        }
        int peak = normaliser.argmax(q, qo, n);
        for (int c = 0; c < k; c += L) {
            // the last columns overlap those before
            int at = Math.min(c, k - L);
            FloatVector sum = all(0f);
            for (int i = 0; i < peak; i++) {
                sum = FloatVector.fromArray(S, m, mo + i * k + at).fma(all(q[qo + i]), sum);
            }
            for (int i = peak + 1; i < n; i++) {
                sum = FloatVector.fromArray(S, m, mo + i * k + at).fma(all(q[qo + i]), sum);
            }
            FloatVector top = FloatVector.fromArray(S, m, mo + peak * k + at);
            FloatVector mean = top.fma(all(q[qo + peak]), sum);
            for (int i = 0; i < n; i++) {
                FloatVector row = FloatVector.fromArray(S, m, mo + i * k + at).sub(mean);
                row.mul(softmax ? q[qo + i] : 1f).intoArray(out, oo + i * k + at);
            }
            FloatVector row = top.mul(rest).sub(sum);
            row.mul(softmax ? q[qo + peak] : 1f).intoArray(out, oo + peak * k + at);
        }
    }

    private static void logarithms(
            float[] y, int yo, float[] x, int xo, float[] same, int so, int n, float largest, float log) {
        FloatVector max = all(largest);
        FloatVector logs = all(log);
        for (int i = 0; i < n; i += L) {
            surprise(FloatVector.fromArray(S, x, xo + i), max, logs).neg().intoArray(y, yo + i);
        }
    }

    @Override
    public void denseSoftmax(float[] out, int oo, float[] q, int qo, float[] rest, int ro, int batch, int n) {
        int end = oo + batch * n * n;
        int block = Math.max(1, FILL / n);
        for (int b = 0; b < batch; b++) {
            int qb = qo + b * n;
            int o = oo + b * n * n;
            for (int from = 0; from < n; from += block) {
                int to = Math.min(n, from + block);
                VectorOuter32.outer(out, o + from * n, end, q, qb + from, to - from, -1f, q, qb, n);
                diagonal(out, o, q, qb, rest[ro + b], from, to, n);
            }
        }
    }

    /** Rows that are still in the first-level cache. */
    private static void diagonal(float[] out, int oo, float[] q, int qo, float rest, int from, int to, int n) {
        for (int i = from; i < to; i++) {
            float qi = q[qo + i];
            out[oo + i * n + i] = qi * complement(qi, rest);
        }
    }
}
