package io.github.batchjac.backend.cpu;

import io.github.batchjac.graph.Elementwise;
import io.github.batchjac.graph.Op;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The kernels in plain Java, as the formulas read: the twin of every faster one. */
class PlainKernels32 implements Kernels32 {
    private static final float INFINITY = Float.POSITIVE_INFINITY;

    // Elementwise

    @Override
    public void map(
            Elementwise f,
            float @Nullable [] value,
            int vo,
            float @Nullable [] derivative,
            int d0,
            float[] z,
            int zo,
            int length) {
        mapRange(f, value, vo, derivative, d0, z, zo, 0, length);
    }

    /** Elements {@code from} to {@code to} of {@link #map}. */
    static void mapRange(
            Elementwise f,
            float @Nullable [] value,
            int vo,
            float @Nullable [] derivative,
            int d0,
            float[] z,
            int zo,
            int from,
            int to) {
        Elementwise.Kind kind = f.kind();
        float alpha = (float) f.alpha();
        for (int i = from; i < to; i++) {
            float x = z[zo + i];
            if (value != null) {
                value[vo + i] = Math32.value(kind, alpha, x);
            }
            if (derivative != null) {
                derivative[d0 + i] = Math32.derivative(kind, alpha, x);
            }
        }
    }

    /** In runs in which neither operand starts again; an operand of period 1 is one number. */
    @Override
    public void arithmetic(
            Op.Arithmetic op,
            float[] out,
            int oo,
            float[] a,
            int ao,
            int aPeriod,
            float[] b,
            int bo,
            int bPeriod,
            int length) {
        int run;
        for (int i = 0; i < length; i += run) {
            int ai = aPeriod == 1 ? 0 : i % aPeriod;
            int bi = bPeriod == 1 ? 0 : i % bPeriod;
            run = Math.min(aPeriod == 1 ? length - i : aPeriod - ai, bPeriod == 1 ? length - i : bPeriod - bi);
            run(op, out, oo + i, a, ao + ai, aPeriod == 1 ? 0 : 1, b, bo + bi, bPeriod == 1 ? 0 : 1, run);
        }
    }

    private static void run(
            Op.Arithmetic op,
            float[] out,
            int oo,
            float[] a,
            int ao,
            int aStep,
            float[] b,
            int bo,
            int bStep,
            int length) {
        switch (op) {
            case ADD -> {
                for (int i = 0; i < length; i++) {
                    out[oo + i] = a[ao + i * aStep] + b[bo + i * bStep];
                }
            }
            case SUBTRACT -> {
                for (int i = 0; i < length; i++) {
                    out[oo + i] = a[ao + i * aStep] - b[bo + i * bStep];
                }
            }
            case MULTIPLY -> {
                for (int i = 0; i < length; i++) {
                    out[oo + i] = a[ao + i * aStep] * b[bo + i * bStep];
                }
            }
            case DIVIDE -> {
                for (int i = 0; i < length; i++) {
                    out[oo + i] = a[ao + i * aStep] / b[bo + i * bStep];
                }
            }
        }
    }

    @Override
    public void divideDerivatives(
            float @Nullable [] da,
            int dao,
            float @Nullable [] db,
            int dbo,
            float[] a,
            int ao,
            int aPeriod,
            float[] b,
            int bo,
            int bPeriod,
            int length) {
        int ai = 0;
        int bi = 0;
        for (int i = 0; i < length; i++) {
            float x = a[ao + ai];
            float y = b[bo + bi];
            if (da != null) {
                da[dao + i] = 1f / y;
            }
            if (db != null) {
                db[dbo + i] = -(x / y) / y;
            }
            ai = ai + 1 == aPeriod ? 0 : ai + 1;
            bi = bi + 1 == bPeriod ? 0 : bi + 1;
        }
    }

    // Softmax

    /** Samples that are normalised at a time. */
    static final int GROUP = 16;

    /** Per thread, for the samples of a group: the largest input, then from GROUP on the sum of the other numerators. */
    private static final ThreadLocal<float[]> STATISTICS = ThreadLocal.withInitial(() -> new float[2 * GROUP]);

    /** The first largest entry; −1 if that is infinite or all are NaN. NaN is passed over: it shows in the sums. */
    int argmax(float[] x, int xo, int n) {
        int m = -1;
        float largest = -INFINITY;
        for (int i = 0; i < n; i++) {
            if (x[xo + i] > largest) {
                largest = x[xo + i];
                m = i;
            }
        }
        return largest == INFINITY ? -1 : m;
    }

    /** {@code e_i = exp(x_i − x_m)} into q unless it is null; returns the sum of all but the m-th, compensated. In place. */
    float numerators(float @Nullable [] q, int qo, float[] x, int xo, int n, int m) {
        float largest = x[xo + m];
        float sum = 0f;
        double errors = 0;
        for (int i = 0; i < n; i++) {
            float difference = x[xo + i] - largest;
            float e = Math32.expDifference(difference, Math32.sumError(x[xo + i], -largest, difference));
            if (q != null) {
                q[qo + i] = e;
            }
            if (i != m) {
                float s = sum + e;
                errors += Math32.sumError(sum, e, s);
                sum = s;
            }
        }
        return total(sum, errors);
    }

    /** {@code a /= s}. */
    void divide(float[] a, int ao, int n, float s) {
        for (int i = 0; i < n; i++) {
            a[ao + i] /= s;
        }
    }

    /** q, unless it is null, and the statistics of at most GROUP samples. Both NaN where a sample has no softmax. In place. */
    void normalise(float[] statistics, float @Nullable [] q, int qo, float[] x, int xo, int batch, int n) {
        for (int b = 0; b < batch; b++) {
            int m = argmax(x, xo + b * n, n);
            statistics[b] = m < 0 ? Float.NaN : x[xo + b * n + m];
            float others = m < 0 ? Float.NaN : numerators(q, qo + b * n, x, xo + b * n, n, m);
            statistics[GROUP + b] = others;
            if (q != null && m >= 0) {
                divide(q, qo + b * n, n, 1f + others);
            } else if (q != null) {
                Arrays.fill(q, qo + b * n, qo + b * n + n, Float.NaN);
            }
        }
    }

    /** The largest entry of a softmax from 1, from the sum of the other numerators. */
    private static float rest(float others) {
        return others / (1f + others);
    }

    @Override
    public void softmax(float[] q, int qo, float @Nullable [] rest, int ro, float[] x, int xo, int batch, int n) {
        float[] statistics = STATISTICS.get();
        for (int b = 0; b < batch; b += GROUP) {
            int group = Math.min(GROUP, batch - b);
            normalise(statistics, q, qo + b * n, x, xo + b * n, group, n);
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
            normalise(statistics, q, qo + b * n, x, xo + b * n, group, n);
            for (int i = 0; i < group; i++) {
                float others = statistics[GROUP + i];
                if (rest != null) {
                    rest[ro + b + i] = rest(others);
                }
                if (y != null) {
                    int row = (b + i) * n;
                    logRow(y, yo + row, x, xo + row, n, statistics[i], (float) Math.log1p(others));
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

    /** {@code log + largest − x}: both terms of the sum are positive. The difference's rounding error is made good. */
    static float surprise(float x, float largest, float log) {
        float difference = x - largest;
        float error = Math32.sumError(x, -largest, difference);
        float y = log - difference;
        return difference == -INFINITY ? y : y - error;
    }

    /** The first largest entry of q; 0 if all are NaN. */
    final int peak(float[] q, int qo, int n) {
        return Math.max(0, argmax(q, qo, n));
    }

    /** Σ_{i≠m} q_i·g_i; Σ_{i≠m} g_i if there is no q. */
    float dotExcept(float @Nullable [] q, int qo, float[] g, int go, int n, int m) {
        float s = 0f;
        for (int i = 0; i < n; i++) {
            if (i != m) {
                s = q == null ? s + g[go + i] : Math.fma(q[qo + i], g[go + i], s);
            }
        }
        return s;
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
            int m = peak(q, qb, n);
            float qm = q[qb + m];
            for (int r = b * k; r < (b + 1) * k; r++) {
                int g = go + r * n;
                int o = oo + r * n;
                float gm = rows[g + m];
                float s = dotExcept(q, qb, rows, g, n, m);
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
            int m = peak(q, qb, n);
            float qm = q[qb + m];
            for (int r = b * k; r < (b + 1) * k; r++) {
                int g = go + r * n;
                float gm = rows[g + m];
                float s = dotExcept(q, qb, rows, g, n, m);
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
            int m = peak(q, qb, n);
            for (int r = b * k; r < (b + 1) * k; r++) {
                int g = go + r * n;
                float gm = rows[g + m];
                float others = dotExcept(null, 0, rows, g, n, m);
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
    private void columns(
            float[] out, int oo, float[] m, int mo, float[] q, int qo, float rest, int n, int k, boolean softmax) {
        int peak = peak(q, qo, n);
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
    void accumulateRow(float[] out, int oo, float c, float[] a, int ao, int length) {
        for (int j = 0; j < length; j++) {
            out[oo + j] = Math.fma(c, a[ao + j], out[oo + j]);
        }
    }

    /** {@code out = c·(a − qm·top − sums)}. */
    void columnsRow(
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

    // Losses

    @Override
    public void squaredError(
            float @Nullable [] loss,
            int lo,
            float @Nullable [] gradient,
            int go,
            float[] y,
            int yo,
            float[] p,
            int po,
            int batch,
            int n) {
        for (int b = 0; b < batch; b++) {
            int row = b * n;
            float sum = squaredErrorRow(gradient, go + row, y, yo + row, p, po + row, n);
            if (loss != null) {
                loss[lo + b] = 0.5f * sum;
            }
        }
    }

    /** Σ(y−p)², compensated; {@code p − y} into the gradient unless it is null. In place. */
    float squaredErrorRow(float @Nullable [] gradient, int go, float[] y, int yo, float[] p, int po, int n) {
        float sum = 0f;
        double errors = 0;
        for (int i = 0; i < n; i++) {
            float r = p[po + i] - y[yo + i];
            if (gradient != null) {
                gradient[go + i] = r;
            }
            float square = r * r;
            float s = sum + square;
            errors += Math32.sumError(sum, square, s);
            sum = s;
        }
        return total(sum, errors);
    }

    /** The compensated sum; where it overflowed the errors are NaN and the plain sum says it all. */
    static float total(float sum, double errors) {
        return Float.isFinite(sum) ? (float) (sum + errors) : sum;
    }

    @Override
    public void crossEntropy(
            float @Nullable [] loss,
            int lo,
            float @Nullable [] gradient,
            int go,
            float[] target,
            int to,
            float[] prediction,
            int po,
            int batch,
            int n) {
        for (int b = 0; b < batch; b++) {
            float sum = 0f;
            double errors = 0;
            for (int i = b * n; i < (b + 1) * n; i++) {
                float p = prediction[po + i];
                float t = target[to + i];
                boolean absent = t == 0f && p >= 0f;
                if (loss != null) {
                    float term = absent ? 0f : t * (float) Math.log(p);
                    float s = sum + term;
                    errors += Math32.sumError(sum, term, s);
                    sum = s;
                }
                if (gradient != null) {
                    gradient[go + i] = absent ? 0f : -t / p;
                }
            }
            if (loss != null) {
                loss[lo + b] = 0f - total(sum, errors);
            }
        }
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
        float[] statistics = STATISTICS.get();
        for (int b = 0; b < batch; b += GROUP) {
            int group = Math.min(GROUP, batch - b);
            normalise(statistics, gradient, go + b * n, logits, xo + b * n, group, n);
            for (int i = 0; i < group; i++) {
                int row = (b + i) * n;
                float others = statistics[GROUP + i];
                if (loss != null) {
                    float log = (float) Math.log1p(others);
                    loss[lo + b + i] = surprises(target, to + row, logits, xo + row, n, statistics[i], log);
                }
                if (gradient != null) {
                    float total = sum(target, to + row, n);
                    distributionGradient(gradient, go + row, target, to + row, n, total, rest(others));
                }
            }
        }
    }

    /** Σ_i target_i·(log + largest − x_i), compensated; NaN if log is. */
    float surprises(float[] target, int to, float[] x, int xo, int n, float largest, float log) {
        float sum = 0f;
        double errors = 0;
        for (int i = 0; i < n; i++) {
            float t = target[to + i];
            float term = t == 0f ? 0f : t * surprise(x[xo + i], largest, log);
            float s = sum + term;
            errors += Math32.sumError(sum, term, s);
            sum = s;
        }
        return Float.isNaN(log) ? log : total(sum, errors);
    }

    /** q becomes {@code (total − t_i)·q_i − t_i·(1 − q_i)}; a q above ½ is the largest, and then 1 − q_i is the rest. */
    void distributionGradient(float[] q, int qo, float[] target, int to, int n, float total, float rest) {
        for (int i = 0; i < n; i++) {
            float t = target[to + i];
            float p = q[qo + i];
            q[qo + i] = (total - t) * p - t * (p > 0.5f ? rest : 1f - p);
        }
    }

    @Override
    public void softmaxCrossEntropyLabels(
            float @Nullable [] loss,
            int lo,
            float @Nullable [] gradient,
            int go,
            long[] labels,
            int to,
            float[] logits,
            int xo,
            int batch,
            int n) {
        float[] statistics = STATISTICS.get();
        for (int b = 0; b < batch; b += GROUP) {
            int group = Math.min(GROUP, batch - b);
            normalise(statistics, gradient, go + b * n, logits, xo + b * n, group, n);
            for (int i = 0; i < group; i++) {
                int at = (b + i) * n + (int) labels[to + b + i];
                float others = statistics[GROUP + i];
                if (loss != null) {
                    loss[lo + b + i] = surprise(logits[xo + at], statistics[i], (float) Math.log1p(others));
                }
                if (gradient != null) {
                    float q = gradient[go + at];
                    gradient[go + at] = q > 0.5f ? -rest(others) : q - 1f;
                }
            }
        }
    }

    // Diagonals times dense

    @Override
    public void scaleColumns(
            float[] out,
            int oo,
            float[] a,
            int ao,
            boolean aShared,
            float[] d,
            int d0,
            boolean dShared,
            int batch,
            int rows,
            int cols) {
        for (int b = 0; b < batch; b++) {
            int db = dShared ? d0 : d0 + b * cols;
            int ab = aShared ? ao : ao + b * rows * cols;
            for (int i = 0; i < rows; i++) {
                int o = oo + (b * rows + i) * cols;
                for (int j = 0; j < cols; j++) {
                    out[o + j] = a[ab + i * cols + j] * d[db + j];
                }
            }
        }
    }

    @Override
    public void scaleRows(
            float[] out,
            int oo,
            float[] d,
            int d0,
            boolean dShared,
            float[] a,
            int ao,
            boolean aShared,
            int batch,
            int rows,
            int cols) {
        for (int b = 0; b < batch; b++) {
            int ab = aShared ? ao : ao + b * rows * cols;
            for (int i = 0; i < rows; i++) {
                multiply(
                        out,
                        oo + (b * rows + i) * cols,
                        d[dShared ? d0 + i : d0 + b * rows + i],
                        a,
                        ab + i * cols,
                        cols);
            }
        }
    }

    @Override
    public void scaleSamples(float[] out, int oo, float[] c, int co, float[] a, int ao, int batch, int n) {
        scaleRows(out, oo, c, co, false, a, ao, false, batch, 1, n);
    }

    /** {@code out = c·a}. */
    private static void multiply(float[] out, int oo, float c, float[] a, int ao, int length) {
        for (int j = 0; j < length; j++) {
            out[oo + j] = c * a[ao + j];
        }
    }

    @Override
    public void foldRows(
            float[] out,
            int oo,
            float[] a,
            int ao,
            boolean aShared,
            float @Nullable [] d,
            int d0,
            boolean dShared,
            int batch,
            int rows,
            int repeat,
            int n) {
        for (int b = 0; b < batch; b++) {
            for (int i = 0; i < rows; i++) {
                int o = oo + (b * rows + i) * n;
                int row = ao + ((aShared ? 0 : b * rows) + i) * repeat * n;
                Arrays.fill(out, o, o + n, 0f);
                for (int r = 0; r < repeat; r++) {
                    int ar = row + r * n;
                    if (d == null) {
                        accumulate(out, o, a, ar, n);
                    } else {
                        int dr = d0 + ((dShared ? 0 : b * repeat) + r) * n;
                        for (int j = 0; j < n; j++) {
                            out[o + j] = Math.fma(a[ar + j], d[dr + j], out[o + j]);
                        }
                    }
                }
            }
        }
    }

    @Override
    public void tileRows(
            float[] out,
            int oo,
            float @Nullable [] d,
            int d0,
            boolean dShared,
            float[] a,
            int ao,
            boolean aShared,
            int batch,
            int repeat,
            int n,
            int cols) {
        for (int b = 0; b < batch; b++) {
            int ab = aShared ? ao : ao + b * n * cols;
            for (int r = 0; r < repeat; r++) {
                int block = b * repeat + r;
                int o = oo + block * n * cols;
                if (d == null) {
                    System.arraycopy(a, ab, out, o, n * cols);
                } else {
                    scaleRows(out, o, d, d0 + (dShared ? r : block) * n, true, a, ab, true, 1, n, cols);
                }
            }
        }
    }

    // Dense forms

    @Override
    public void denseDiagonal(
            float[] out, int oo, float @Nullable [] d, int d0, boolean dShared, int batch, int repeat, int n) {
        int rows = repeat * n;
        for (int b = 0; b < batch; b++) {
            int o = oo + b * rows * n;
            Arrays.fill(out, o, o + rows * n, 0f);
            for (int r = 0; r < repeat; r++) {
                for (int j = 0; j < n; j++) {
                    float value = d == null ? 1f : d[d0 + ((dShared ? 0 : b * repeat) + r) * n + j];
                    out[o + (r * n + j) * n + j] = value;
                }
            }
        }
    }

    @Override
    public void denseSoftmax(float[] out, int oo, float[] q, int qo, float[] rest, int ro, int batch, int n) {
        for (int b = 0; b < batch; b++) {
            int qb = qo + b * n;
            int m = peak(q, qb, n);
            for (int i = 0; i < n; i++) {
                float qi = q[qb + i];
                int o = oo + (b * n + i) * n;
                multiply(out, o, -qi, q, qb, n);
                out[o + i] = qi * (i == m ? rest[ro + b] : 1f - qi);
            }
        }
    }

    @Override
    public void denseLogSoftmax(float[] out, int oo, float[] q, int qo, float[] rest, int ro, int batch, int n) {
        for (int b = 0; b < batch; b++) {
            int qb = qo + b * n;
            int m = peak(q, qb, n);
            for (int i = 0; i < n; i++) {
                int o = oo + (b * n + i) * n;
                multiply(out, o, -1f, q, qb, n);
                out[o + i] = i == m ? rest[ro + b] : 1f - q[qb + i];
            }
        }
    }

    @Override
    public void outer(
            float[] out,
            int oo,
            float[] r,
            int ro,
            boolean rShared,
            float[] x,
            int xo,
            boolean xShared,
            int batch,
            int m,
            int n) {
        for (int b = 0; b < batch; b++) {
            int xb = xShared ? xo : xo + b * n;
            for (int i = 0; i < m; i++) {
                multiply(out, oo + (b * m + i) * n, r[rShared ? ro + i : ro + b * m + i], x, xb, n);
            }
        }
    }

    @Override
    public void accumulateOuter(
            float[] out,
            int oo,
            float c,
            float[] r,
            int ro,
            boolean rShared,
            float[] x,
            int xo,
            boolean xShared,
            int batch,
            int m,
            int n) {
        for (int b = 0; b < batch; b++) {
            int xb = xShared ? xo : xo + b * n;
            for (int i = 0; i < m; i++) {
                accumulateRow(out, oo + (b * m + i) * n, c * r[rShared ? ro + i : ro + b * m + i], x, xb, n);
            }
        }
    }

    @Override
    public void kroneckerIdentity(float[] out, int oo, float[] x, int xo, int batch, int m, int n, boolean rowForm) {
        for (int b = 0; b < batch; b++) {
            int xb = xo + b * n;
            for (int i = 0; i < m; i++) {
                int o = oo + (b * m + i) * m * n;
                Arrays.fill(out, o, o + m * n, 0f);
                if (rowForm) {
                    for (int k = 0; k < n; k++) {
                        out[o + k * m + i] = x[xb + k];
                    }
                } else {
                    System.arraycopy(x, xb, out, o + i * n, n);
                }
            }
        }
    }

    @Override
    public void kronecker(
            float[] out,
            int oo,
            float[] a,
            int ao,
            boolean aShared,
            float[] x,
            int xo,
            int batch,
            int k,
            int m,
            int n,
            boolean rowForm) {
        if (!rowForm) {
            outer(out, oo, a, ao, aShared, x, xo, false, batch, k * m, n);
            return;
        }
        for (int b = 0; b < batch; b++) {
            for (int i = 0; i < k; i++) {
                int row = ao + ((aShared ? 0 : b * k) + i) * m;
                outer(out, oo + (b * k + i) * m * n, x, xo + b * n, true, a, row, true, 1, n, m);
            }
        }
    }

    /** In tiles: a cache line that is read column by column is used up before it leaves the cache. */
    @Override
    public void transpose(float[] out, int oo, float[] a, int ao, int batch, int rows, int cols) {
        int tile = 16;
        for (int b = 0; b < batch; b++) {
            int o = oo + b * rows * cols;
            int s = ao + b * rows * cols;
            for (int i0 = 0; i0 < rows; i0 += tile) {
                int i1 = Math.min(i0 + tile, rows);
                for (int j = 0; j < cols; j++) {
                    for (int i = i0; i < i1; i++) {
                        out[o + j * rows + i] = a[s + i * cols + j];
                    }
                }
            }
        }
    }

    @Override
    public void add(float[] out, int oo, float[] a, int ao, float[] b, int bo, int length) {
        for (int i = 0; i < length; i++) {
            out[oo + i] = a[ao + i] + b[bo + i];
        }
    }

    @Override
    public void accumulate(float[] out, int oo, float[] a, int ao, int length) {
        for (int i = 0; i < length; i++) {
            out[oo + i] += a[ao + i];
        }
    }

    @Override
    public void broadcast(float[] out, int oo, float[] a, int ao, int batch, int size) {
        for (int b = 0; b < batch; b++) {
            System.arraycopy(a, ao, out, oo + b * size, size);
        }
    }

    // Reductions

    /** Σ a, compensated. */
    float sum(float[] a, int ao, int n) {
        float sum = 0f;
        double errors = 0;
        for (int i = 0; i < n; i++) {
            float s = sum + a[ao + i];
            errors += Math32.sumError(sum, a[ao + i], s);
            sum = s;
        }
        return total(sum, errors);
    }

    /** Σ u·v; the errors of the products are compensated too. */
    float dot(float[] u, int uo, float[] v, int vo, int n) {
        float sum = 0f;
        double errors = 0;
        for (int i = 0; i < n; i++) {
            float p = u[uo + i] * v[vo + i];
            float s = sum + p;
            errors += Math32.sumError(sum, p, s) + Math.fma(u[uo + i], v[vo + i], -p);
            sum = s;
        }
        return total(sum, errors);
    }

    @Override
    public void squaredNorms(float[] out, int oo, float[] a, int ao, int batch, int n, boolean accumulate) {
        for (int b = 0; b < batch; b++) {
            float sum = dot(a, ao + b * n, a, ao + b * n, n);
            out[oo + b] = accumulate ? out[oo + b] + sum : sum;
        }
    }

    @Override
    public void halfSquaredNorms(float[] out, int oo, float[] a, int ao, int batch, int n) {
        for (int b = 0; b < batch; b++) {
            out[oo + b] = 0.5f * dot(a, ao + b * n, a, ao + b * n, n);
        }
    }

    @Override
    public void sumComponents(float[] out, int oo, float[] a, int ao, int batch, int n, float scale) {
        for (int b = 0; b < batch; b++) {
            out[oo + b] = scale * sum(a, ao + b * n, n);
        }
    }

    @Override
    public void dot(
            float[] out,
            int oo,
            float[] u,
            int uo,
            boolean uShared,
            float[] v,
            int vo,
            boolean vShared,
            int batch,
            int n) {
        for (int b = 0; b < batch; b++) {
            out[oo + b] = dot(u, uShared ? uo : uo + b * n, v, vShared ? vo : vo + b * n, n);
        }
    }

    @Override
    public void sumRows(float[] out, int oo, float[] a, int ao, int batch, int n, boolean accumulate) {
        if (!accumulate) {
            Arrays.fill(out, oo, oo + n, 0f);
        }
        for (int b = 0; b < batch; b++) {
            accumulate(out, oo, a, ao + b * n, n);
        }
    }
}
