package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.Actions32.perSampleIf;

import io.github.batchjac.graph.Op;
import io.github.batchjac.graph.Value;
import io.github.batchjac.plan.Slot;
import io.github.batchjac.plan.Step;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Actions that compute the values of the graph, and beside them what their Jacobians need. */
final class Forward32 {
    private final ElementwiseKernels32 elementwise;
    private final SoftmaxKernels32 softmax;
    private final LossKernels32 losses;
    private final ReductionKernels32 reductions;
    private final Weights32 weights;

    Forward32(Kernels32 kernels, Weights32 weights) {
        this.elementwise = kernels.elementwise();
        this.softmax = kernels.softmax();
        this.losses = kernels.losses();
        this.reductions = kernels.reductions();
        this.weights = weights;
    }

    Action32 of(Step.Evaluate s) {
        Op op = s.value().op();
        if (op instanceof Op.Map map) {
            Slot z = s.operands().get(0);
            Slot out = s.out();
            Slot derivative = s.derivative(0);
            return (f, samples) -> elementwise.map(
                    map.function(),
                    f.arrayOrNull(out),
                    f.offsetOrZero(out),
                    f.arrayOrNull(derivative),
                    f.offsetOrZero(derivative),
                    f.array(z),
                    f.offset(z),
                    samples * z.size());
        } else if (op instanceof Op.Arithmetic arithmetic) {
            return arithmetic(s, arithmetic);
        } else if (op instanceof Op.Linear linear) {
            return linear(s, linear);
        } else if (op instanceof Op.Normalise normalise) {
            return normalise(s, normalise);
        } else if (op instanceof Op.Reduce reduce) {
            return reduce(s, reduce);
        } else if (op instanceof Op.Dot) {
            Slot out = Objects.requireNonNull(s.out());
            Slot u = s.operands().get(0);
            Slot v = s.operands().get(1);
            return (f, samples) -> reductions.dot(
                    f.array(out),
                    f.offset(out),
                    f.array(u),
                    f.offset(u),
                    u.shared(),
                    f.array(v),
                    f.offset(v),
                    v.shared(),
                    samples,
                    u.size());
        } else if (op instanceof Op.Loss loss) {
            return loss(s, loss);
        }
        throw new IllegalStateException("no action for " + s.value());
    }

    private Action32 arithmetic(Step.Evaluate s, Op.Arithmetic op) {
        Slot a = s.operands().get(0);
        Slot b = s.operands().get(1);
        Slot out = s.out();
        Slot derivative = s.derivative(0);
        Action32 value = out == null ? Action32.nothing() : arithmetic(elementwise, op, out, a, b);
        if (derivative == null) {
            return value;
        }
        int n = s.value().size();
        Action32 beside = perSampleIf(
                true,
                derivative,
                (f, i, samples) -> elementwise.divideDerivatives(
                        null,
                        0,
                        f.array(derivative),
                        f.offset(derivative, i),
                        f.array(a),
                        f.offset(a, i),
                        a.size(),
                        f.array(b),
                        f.offset(b, i),
                        b.size(),
                        n));
        return (f, samples) -> {
            value.run(f, samples);
            beside.run(f, samples);
        };
    }

    /** {@code out = a ∘ b}, either of them repeated over {@code out}'s components or shared. */
    static Action32 arithmetic(ElementwiseKernels32 kernels, Op.Arithmetic op, Slot out, Slot a, Slot b) {
        int n = out.size();
        // a period within the whole tile: full and per sample, or the same for every sample
        boolean whole = (a.shared() || a.size() == n) && (b.shared() || b.size() == n);
        if (whole) {
            return (f, samples) -> kernels.arithmetic(
                    op,
                    f.array(out),
                    f.offset(out),
                    f.array(a),
                    f.offset(a),
                    a.shared() ? a.size() : samples * n,
                    f.array(b),
                    f.offset(b),
                    b.shared() ? b.size() : samples * n,
                    samples * n);
        }
        return (f, samples) -> {
            for (int i = 0; i < samples; i++) {
                kernels.arithmetic(
                        op,
                        f.array(out),
                        f.offset(out, i),
                        f.array(a),
                        f.offset(a, i),
                        a.size(),
                        f.array(b),
                        f.offset(b, i),
                        b.size(),
                        n);
            }
        };
    }

    private Action32 linear(Step.Evaluate s, Op.Linear linear) {
        Slot x = s.operands().get(0);
        Slot out = Objects.requireNonNull(s.out());
        int m = out.size();
        int n = x.size();
        Gemm32.Right32 w = weights.right(s.operands().get(1), !linear.rowForm(), m, n);
        Slot bias = s.operands().size() > 2 ? s.operands().get(2) : null;
        boolean once = out.shared();
        Gemm32 gemm = weights.gemm();
        Slot matrix = s.operands().get(1);
        return (f, samples) -> {
            if (once) {
                // a shared value is computed before the shared matrices are packed
                gemm.multiply(
                        f.array(out),
                        f.offset(out),
                        m,
                        f.array(x),
                        f.offset(x),
                        n,
                        false,
                        f.array(matrix),
                        f.offset(matrix),
                        linear.rowForm() ? m : n,
                        !linear.rowForm(),
                        1,
                        m,
                        n,
                        false);
            } else {
                w.multiply(f.array(out), f.offset(out), m, f.array(x), f.offset(x), n, false, samples, false);
            }
            if (bias != null) {
                int length = samples * m;
                elementwise.arithmetic(
                        Op.Arithmetic.ADD,
                        f.array(out),
                        f.offset(out),
                        f.array(out),
                        f.offset(out),
                        length,
                        f.array(bias),
                        f.offset(bias),
                        m,
                        length);
            }
        };
    }

    private Action32 normalise(Step.Evaluate s, Op.Normalise op) {
        Slot x = s.operands().get(0);
        boolean log = op == Op.Normalise.LOG_SOFTMAX;
        Slot y = log ? s.out() : null;
        Slot q = log ? s.derivative(0) : s.out();
        Slot rest = s.derivative(log ? 1 : 0);
        if (log) {
            return (f, samples) -> softmax.logSoftmax(
                    f.arrayOrNull(y),
                    f.offsetOrZero(y),
                    f.arrayOrNull(q),
                    f.offsetOrZero(q),
                    f.arrayOrNull(rest),
                    f.offsetOrZero(rest),
                    f.array(x),
                    f.offset(x),
                    samples,
                    x.size());
        }
        Slot out = Objects.requireNonNull(q);
        return (f, samples) -> softmax.softmax(
                f.array(out),
                f.offset(out),
                f.arrayOrNull(rest),
                f.offsetOrZero(rest),
                f.array(x),
                f.offset(x),
                samples,
                x.size());
    }

    private Action32 reduce(Step.Evaluate s, Op.Reduce op) {
        Slot x = s.operands().get(0);
        Slot out = Objects.requireNonNull(s.out());
        int n = x.size();
        return switch (op) {
            case SUM ->
                (f, samples) ->
                        reductions.sumComponents(f.array(out), f.offset(out), f.array(x), f.offset(x), samples, n, 1);
            case MEAN ->
                (f, samples) -> reductions.sumComponents(
                        f.array(out), f.offset(out), f.array(x), f.offset(x), samples, n, (float) (1.0 / n));
            case HALF_SQUARED_NORM ->
                (f, samples) ->
                        reductions.halfSquaredNorms(f.array(out), f.offset(out), f.array(x), f.offset(x), samples, n);
        };
    }

    private Action32 loss(Step.Evaluate s, Op.Loss op) {
        Value prediction = s.value().operand(1);
        Slot target = s.operands().get(0);
        Slot p = s.operands().get(1);
        Slot loss = s.out();
        Slot gradient = s.derivative(0);
        int n = prediction.size();
        boolean mixed = target.shared() != p.shared();
        Slot any = Objects.requireNonNull(loss == null ? gradient : loss);
        boolean labels = target.role() == Slot.Role.LABELS;
        return perSampleIf(mixed, any, (f, b, samples) -> {
            float @Nullable [] l = f.arrayOrNull(loss);
            int lo = loss == null ? 0 : f.offset(loss, b);
            float @Nullable [] g = f.arrayOrNull(gradient);
            int go = gradient == null ? 0 : f.offset(gradient, b);
            float[] y = f.array(p);
            int yo = f.offset(p, b);
            int to = f.offset(target, b);
            if (labels) {
                losses.softmaxCrossEntropyLabels(l, lo, g, go, f.labels(target), to, y, yo, samples, n);
                return;
            }
            float[] t = f.array(target);
            switch (op) {
                case SQUARED_ERROR -> losses.squaredError(l, lo, g, go, t, to, y, yo, samples, n);
                case CROSS_ENTROPY -> losses.crossEntropy(l, lo, g, go, t, to, y, yo, samples, n);
                case SOFTMAX_CROSS_ENTROPY -> losses.softmaxCrossEntropy(l, lo, g, go, t, to, y, yo, samples, n);
            }
        });
    }
}
