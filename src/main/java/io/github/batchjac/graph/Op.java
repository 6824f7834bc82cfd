package io.github.batchjac.graph;

import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;
import java.util.Locale;

/** What a {@link Value} is: where it comes from, or which operation makes it from its operands. */
public sealed interface Op {

    /** A named value given anew for every sample: numbers, or one class index when {@code index}. */
    record Input(String name, boolean index) implements Op {}

    /** A named value that the whole batch shares and that one may differentiate with respect to. */
    record Parameter(String name, Tensor value) implements Op {}

    /** A value that the whole batch shares. */
    record Constant(Tensor value) implements Op {}

    /** {@code φ(z)}, elementwise. */
    record Map(Elementwise function) implements Op {}

    /**
     * Two operands of the same shape, or one that is repeated along the other's leading axes: {@code X + 1y},
     * {@code X·diag(y)}.
     */
    enum Arithmetic implements Op {
        ADD,
        SUBTRACT,
        MULTIPLY,
        DIVIDE;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * Operands {@code x (n), W[, b (m)]}: {@code z = Wx + b} with {@code W (m, n)}, or with {@code rowForm}
     * {@code z = xW + b} with {@code W (n, m)}.
     */
    record Linear(boolean rowForm) implements Op {}

    /** One vector to a vector of probabilities or of their logarithms. */
    enum Normalise implements Op {
        SOFTMAX,
        LOG_SOFTMAX;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    /** All components to one number. */
    enum Reduce implements Op {
        SUM,
        MEAN,
        /** ½‖z‖². */
        HALF_SQUARED_NORM;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT).replace('_', ' ');
        }
    }

    /** {@code uᵀv}. */
    record Dot() implements Op {}

    /** The same components under another shape. */
    record Reshape(Shape shape) implements Op {}

    /** Operands {@code target, prediction}; differentiable with respect to the prediction only. */
    enum Loss implements Op {
        /** ½Σ(y−ŷ)². */
        SQUARED_ERROR,
        /** −Σ p log p̂. */
        CROSS_ENTROPY,
        /** logsumexp(θ)·Σp − pᵀθ; the target is a distribution or a class index. */
        SOFTMAX_CROSS_ENTROPY;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    /** The operation's name in messages. */
    default String title() {
        if (this instanceof Input in) {
            return "input " + in.name();
        } else if (this instanceof Parameter p) {
            return "parameter " + p.name();
        } else if (this instanceof Map m) {
            return m.function().toString();
        } else if (this instanceof Linear l) {
            return l.rowForm() ? "linear xW" : "linear Wx";
        } else if (this instanceof Constant) {
            return "constant";
        } else if (this instanceof Dot) {
            return "dot";
        } else if (this instanceof Reshape) {
            return "reshape";
        }
        return toString();
    }
}
