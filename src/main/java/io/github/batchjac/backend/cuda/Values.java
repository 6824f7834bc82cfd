package io.github.batchjac.backend.cuda;

import static io.github.batchjac.backend.cuda.Actions.count;

import io.github.batchjac.graph.Op;
import io.github.batchjac.plan.Slot;
import io.github.batchjac.plan.Step;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Launches that compute the values of the graph, and beside them what their Jacobians need. */
final class Values {
    private Values() {}

    static Action of(Step.Evaluate s) {
        Op op = s.value().op();
        if (op instanceof Op.Map map) {
            Slot z = s.operands().get(0);
            @Nullable Slot out = s.out();
            @Nullable Slot derivative = s.derivative(0);
            return (k, f, piece) -> k.elementwise()
                    .map(map.function(), f.at(out), f.at(derivative), f.at(z), count(z, piece) * z.size());
        } else if (op instanceof Op.Arithmetic arithmetic) {
            return arithmetic(s, arithmetic);
        } else if (op instanceof Op.Linear linear) {
            return linear(s, linear);
        } else if (op instanceof Op.Normalise normalise) {
            return normalise(s, normalise == Op.Normalise.LOG_SOFTMAX);
        } else if (op instanceof Op.Reduce reduce) {
            return reduce(Objects.requireNonNull(s.out()), s.operands().get(0), reduce);
        } else if (op instanceof Op.Dot) {
            Slot out = Objects.requireNonNull(s.out());
            Slot u = s.operands().get(0);
            Slot v = s.operands().get(1);
            return (k, f, piece) -> k.reductions().dot(f.at(out), f.of(u), f.of(v), count(out, piece), u.size());
        } else if (op instanceof Op.Loss loss) {
            return loss(s, loss);
        }
        throw new IllegalStateException("no kernel for " + s.value());
    }

    private static Action arithmetic(Step.Evaluate s, Op.Arithmetic op) {
        Slot a = s.operands().get(0);
        Slot b = s.operands().get(1);
        @Nullable Slot out = s.out();
        @Nullable Slot derivative = s.derivative(0);
        int n = s.value().size();
        return (k, f, piece) -> {
            if (out != null) {
                arithmetic(op, out, a, b).launch(k, f, piece);
            }
            if (derivative != null) {
                k.elementwise()
                        .divideDerivative(
                                f.at(derivative), n, f.of(a), a.size(), f.of(b), b.size(), count(derivative, piece));
            }
        };
    }

    /** {@code out = a ∘ b}, either of them repeated over {@code out}'s components or shared. */
    static Action arithmetic(Op.Arithmetic op, Slot out, Slot a, Slot b) {
        return (k, f, piece) -> k.elementwise()
                .arithmetic(op, f.at(out), out.size(), f.of(a), a.size(), f.of(b), b.size(), count(out, piece));
    }

    private static Action linear(Step.Evaluate s, Op.Linear linear) {
        Slot x = s.operands().get(0);
        Slot w = s.operands().get(1);
        @Nullable Slot bias = s.operands().size() > 2 ? s.operands().get(2) : null;
        Slot out = Objects.requireNonNull(s.out());
        return (k, f, piece) -> k.shared()
                .multiply(
                        f.at(out),
                        f.of(x),
                        count(out, piece),
                        1,
                        x.size(),
                        Strided.NONE,
                        f.at(w),
                        !linear.rowForm(),
                        out.size(),
                        f.at(bias));
    }

    private static Action normalise(Step.Evaluate s, boolean log) {
        Slot x = s.operands().get(0);
        @Nullable Slot y = log ? s.out() : null;
        @Nullable Slot q = log ? s.derivative(0) : s.out();
        @Nullable Slot rest = s.derivative(log ? 1 : 0);
        return (k, f, piece) -> {
            if (log) {
                k.softmax().logSoftmax(f.at(y), f.at(q), f.at(rest), f.at(x), count(x, piece), x.size());
            } else {
                k.softmax().softmax(f.at(q), f.at(rest), f.at(x), count(x, piece), x.size());
            }
        };
    }

    private static Action reduce(Slot out, Slot x, Op.Reduce op) {
        int n = x.size();
        return switch (op) {
            case SUM -> (k, f, piece) -> k.reductions().sumComponents(f.at(out), f.at(x), count(x, piece), n, 1);
            case MEAN -> (k, f, piece) -> k.reductions().sumComponents(f.at(out), f.at(x), count(x, piece), n, 1.0 / n);
            case HALF_SQUARED_NORM ->
                (k, f, piece) -> k.reductions().halfSquaredNorms(f.at(out), f.at(x), count(x, piece), n);
        };
    }

    private static Action loss(Step.Evaluate s, Op.Loss op) {
        Slot target = s.operands().get(0);
        Slot prediction = s.operands().get(1);
        @Nullable Slot loss = s.out();
        @Nullable Slot gradient = s.derivative(0);
        Slot any = Objects.requireNonNull(loss == null ? gradient : loss);
        int n = prediction.size();
        boolean labels = target.role() == Slot.Role.LABELS;
        return (k, f, piece) -> {
            long l = f.at(loss);
            long g = f.at(gradient);
            Strided t = f.of(target);
            Strided p = f.of(prediction);
            long batch = count(any, piece);
            if (labels) {
                k.losses().softmaxCrossEntropyLabels(l, g, t, p, batch, n);
                return;
            }
            switch (op) {
                case SQUARED_ERROR -> k.losses().squaredError(l, g, t, p, batch, n);
                case CROSS_ENTROPY -> k.losses().crossEntropy(l, g, t, p, batch, n);
                case SOFTMAX_CROSS_ENTROPY -> k.losses().softmaxCrossEntropy(l, g, t, p, batch, n);
            }
        };
    }
}
