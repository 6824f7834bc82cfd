package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.PlainNormaliser32.GROUP;
import static io.github.batchjac.backend.cpu.PlainNormaliser32.STATISTICS;
import static io.github.batchjac.backend.cpu.PlainNormaliser32.rest;
import static io.github.batchjac.backend.cpu.PlainNormaliser32.surprise;
import static io.github.batchjac.backend.cpu.Rows32.multiply;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** In plain Java, as the formulas read. */
class PlainSoftmaxKernels32 implements SoftmaxKernels32 {
    final PlainNormaliser32 normaliser;
    final PlainSums32 sums;

    PlainSoftmaxKernels32(PlainNormaliser32 normaliser, PlainSums32 sums) {
        this.normaliser = normaliser;
        this.sums = sums;
    }

    @Override
    public void softmax(float[] q, int qo, float @Nullable [] rest, int ro, float[] x, int xo, int batch, int n) {
        float[] statistics = STATISTICS.get();
        for (int b = 0; b < batch; b += GROUP) {
            int group = Math.min(GROUP, batch - b);
            normaliser.normalise(statistics, q, qo + b * n, x, xo + b * n, group, n);
            if (rest != null) {
                for (int i = 0; i < group; i++) {
                    rest[ro + b + i] = rest(statistics[GROUP + i]);
                }
            }
        }
    }

    @Override
    public void logSoftmax(
            float @Nullable [] y,
            int yo,
            float @Nullable [] q,
            int qo,
            float @Nullable [] rest,
            int ro,
            float[] x,
            int xo,
            int batch,
            int n) {
        float[] statistics = STATISTICS.get();
        for (int b = 0; b < batch; b += GROUP) {
            int group = Math.min(GROUP, batch - b);
            normaliser.normalise(statistics, q, qo + b * n, x, xo + b * n, group, n);
            for (int i = 0; i < group; i++) {
                float others = statistics[GROUP + i];
                if (rest != null) {
                    rest[ro + b + i] = rest(others);
                }
                if (y != null) {
                    int row = (b + i) * n;
                    logRow(y, yo + row, x, xo + row, n, statistics[i], Math32.log1p(others));
                }
            }
        }
    }

    /** {@code y_i = x_i − largest − log}. In place. */
    void logRow(float[] y, int yo, float[] x, int xo, int n, float largest, float log) {
        for (int i = 0; i < n; i++) {
            y[yo + i] = -surprise(x[xo + i], largest, log);
        }
    }

    @Override
    public void softmaxTimesRows(
            float[] out,
            int oo,
            float[] rows,
            int go,
            float[] q,
            int qo,
            float[] rest,
            int ro,
            int batch,
            int k,
            int n) {
        for (int b = 0; b < batch; b++) {
            int qb = qo + b * n;
            int m = normaliser.argmax(q, qb, n);
            float qm = q[qb + m];
            for (int r = b * k; r < (b + 1) * k; r++) {
                int g = go + r * n;
                int o = oo + r * n;
                float gm = rows[g + m];
                float s = sums.dotExcept(q, qb, rows, g, n, m);
                centred(out, o, rows, g, qm, gm, s, n);
                multiplyBy(out, o, q, qb, n);
                out[o + m] = qm * (rest[ro + b] * gm - s);
            }
        }
    }

    /** {@code out *= d}. */
    private static void multiplyBy(float[] out, int oo, float[] d, int d0, int n) {
        for (int i = 0; i < n; i++) {
            out[oo + i] *= d[d0 + i];
        }
    }

    @Override
    public void rowsTimesLogSoftmaxTransposed(
            float[] out,
            int oo,
            float[] rows,
            int go,
            float[] q,
            int qo,
            float[] rest,
            int ro,
            int batch,
            int k,
            int n) {
        for (int b = 0; b < batch; b++) {
            int qb = qo + b * n;
            int m = normaliser.argmax(q, qb, n);
            float qm = q[qb + m];
            for (int r = b * k; r < (b + 1) * k; r++) {
                int g = go + r * n;
                float gm = rows[g + m];
                float s = sums.dotExcept(q, qb, rows, g, n, m);
                centred(out, oo + r * n, rows, g, qm, gm, s, n);
                out[oo + r * n + m] = rest[ro + b] * gm - s;
            }
        }
    }

    /** {@code out_i = g_i − qm·gm − s}. */
    private static void centred(float[] out, int oo, float[] g, int go, float qm, float gm, float s, int n) {
        for (int i = 0; i < n; i++) {
            out[oo + i] = Math.fma(-qm, gm, g[go + i]) - s;
        }
    }

    @Override
    public void rowsTimesLogSoftmax(
            float[] out,
            int oo,
            float[] rows,
            int go,
            float[] q,
            int qo,
            float[] rest,
            int ro,
            int batch,
            int k,
            int n) {
        for (int b = 0; b < batch; b++) {
            int qb = qo + b * n;
            int m = normaliser.argmax(q, qb, n);
            for (int r = b * k; r < (b + 1) * k; r++) {
                int g = go + r * n;
                float gm = rows[g + m];
                float others = sums.dotExcept(null, 0, rows, g, n, m);
                float sum = others + gm;
                for (int i = 0; i < n; i++) {
                    out[oo + r * n + i] = Math.fma(-sum, q[qb + i], rows[g + i]);
                }
                out[oo + r * n + m] = rest[ro + b] * gm - q[qb + m] * others;
            }
        }
    }

    @Override
    public void softmaxTimesColumns(
            float[] out, int oo, float[] m, int mo, float[] q, int qo, float[] rest, int ro, int batch, int n, int k) {
        if (k == 1) {
            softmaxTimesRows(out, oo, m, mo, q, qo, rest, ro, batch, 1, n);
            return;
        }
        for (int b = 0; b < batch; b++) {
            columns(out, oo + b * n * k, m, mo + b * n * k, q, qo + b * n, rest[ro + b], n, k, true);
        }
    }

    @Override
    public void logSoftmaxTimesColumns(
            float[] out, int oo, float[] m, int mo, float[] q, int qo, float[] rest, int ro, int batch, int n, int k) {
        if (k == 1) {
            rowsTimesLogSoftmaxTransposed(out, oo, m, mo, q, qo, rest, ro, batch, 1, n);
            return;
        }
        for (int b = 0; b < batch; b++) {
            columns(out, oo + b * n * k, m, mo + b * n * k, q, qo + b * n, rest[ro + b], n, k, false);
        }
    }

    /** One sample. The largest entry's row of out holds the sums s (one per column) until it is written last. */
    void columns(float[] out, int oo, float[] m, int mo, float[] q, int qo, float rest, int n, int k, boolean softmax) {
        int peak = normaliser.argmax(q, qo, n);
        float qm = q[qo + peak];
        int sums = oo + peak * k;
        int top = mo + peak * k;
        Arrays.fill(out, sums, sums + k, 0f);
        for (int i = 0; i < n; i++) {
            if (i != peak) {
                accumulateRow(out, sums, q[qo + i], m, mo + i * k, k);
            }
        }
        for (int i = 0; i < n; i++) {
            if (i != peak) {
                columnsRow(out, oo + i * k, softmax ? q[qo + i] : 1f, m, mo + i * k, qm, m, top, out, sums, k);
            }
        }
        float factor = softmax ? qm : 1f;
        for (int j = 0; j < k; j++) {
            out[sums + j] = factor * (rest * m[top + j] - out[sums + j]);
        }
    }

    /** {@code out += c·a}. */
    private static void accumulateRow(float[] out, int oo, float c, float[] a, int ao, int length) {
        for (int j = 0; j < length; j++) {
            out[oo + j] = Math.fma(c, a[ao + j], out[oo + j]);
        }
    }

    /** {@code out = c·(a − qm·top − sums)}. */
    private static void columnsRow(
            float[] out,
            int oo,
            float c,
            float[] a,
            int ao,
            float qm,
            float[] top,
            int to,
            float[] sums,
            int so,
            int length) {
        for (int j = 0; j < length; j++) {
            out[oo + j] = c * (Math.fma(-qm, top[to + j], a[ao + j]) - sums[so + j]);
        }
    }

    @Override
    public void denseSoftmax(float[] out, int oo, float[] q, int qo, float[] rest, int ro, int batch, int n) {
        for (int b = 0; b < batch; b++) {
            int qb = qo + b * n;
            for (int i = 0; i < n; i++) {
                int o = oo + (b * n + i) * n;
                multiply(out, o, -q[qb + i], q, qb, n);
                out[o + i] = q[qb + i] * complement(q[qb + i], rest[ro + b]);
            }
        }
    }

    @Override
    public void denseLogSoftmax(float[] out, int oo, float[] q, int qo, float[] rest, int ro, int batch, int n) {
        for (int b = 0; b < batch; b++) {
            int qb = qo + b * n;
            for (int i = 0; i < n; i++) {
                int o = oo + (b * n + i) * n;
                multiply(out, o, -1f, q, qb, n);
                out[o + i] = complement(q[qb + i], rest[ro + b]);
            }
        }
    }

    /** {@code 1 − q_i}: up to ½ nothing cancels, and only the largest entry is above, whose complement is {@code rest}. */
    static float complement(float q, float rest) {
        return q > 0.5f ? rest : 1f - q;
    }
}
