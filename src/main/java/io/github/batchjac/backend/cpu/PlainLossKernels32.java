package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.PlainNormaliser32.GROUP;
import static io.github.batchjac.backend.cpu.PlainNormaliser32.STATISTICS;
import static io.github.batchjac.backend.cpu.PlainNormaliser32.rest;
import static io.github.batchjac.backend.cpu.PlainNormaliser32.surprise;
import static io.github.batchjac.backend.cpu.PlainSums32.total;

import org.jspecify.annotations.Nullable;

/** In plain Java, as the formulas read. */
class PlainLossKernels32 implements LossKernels32 {
    final PlainNormaliser32 normaliser;
    final PlainSums32 sums;

    PlainLossKernels32(PlainNormaliser32 normaliser, PlainSums32 sums) {
        this.normaliser = normaliser;
        this.sums = sums;
    }

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
            normaliser.normalise(statistics, gradient, go + b * n, logits, xo + b * n, group, n);
            for (int i = 0; i < group; i++) {
                int row = (b + i) * n;
                float others = statistics[GROUP + i];
                if (loss != null) {
                    float log = Math32.log1p(others);
                    loss[lo + b + i] = surprises(target, to + row, logits, xo + row, n, statistics[i], log);
                }
                if (gradient != null) {
                    float total = sums.sum(target, to + row, n);
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
            normaliser.normalise(statistics, gradient, go + b * n, logits, xo + b * n, group, n);
            for (int i = 0; i < group; i++) {
                int at = (b + i) * n + (int) labels[to + b + i];
                float others = statistics[GROUP + i];
                if (loss != null) {
                    loss[lo + b + i] = surprise(logits[xo + at], statistics[i], Math32.log1p(others));
                }
                if (gradient != null) {
                    float q = gradient[go + at];
                    gradient[go + at] = q > 0.5f ? -rest(others) : q - 1f;
                }
            }
        }
    }
}
