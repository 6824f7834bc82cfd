package io.github.batchjac.graph;

import io.github.batchjac.graph.Elementwise.Kind;
import io.github.batchjac.tensor.ElementType;
import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;

/**
 * The vocabulary that graphs are written in, to be imported statically:
 *
 * <pre>{@code
 * Value x = input("x", 64);
 * Graph net = Graph.of(softmax(linear(w2, b2, tanh(linear(w1, b1, x)))));
 * }</pre>
 *
 * <p>Every function checks its operands' shapes and throws {@link IllegalArgumentException} with what came and what was
 * expected. All shapes are per sample.
 */
public final class Functions {
    private Functions() {}

    /** A value given for every sample, of shape {@code axes} (none: a scalar). */
    public static Value input(String name, long... axes) {
        return new Value(new Op.Input(name, false), nonEmpty("input " + name, Shape.of(axes)));
    }

    /** One class index for every sample, 0 ≤ index < the number of classes: a target of softmax cross-entropy. */
    public static Value labels(String name) {
        return new Value(new Op.Input(name, true), Shape.scalar());
    }

    /** A value that the batch shares; the numbers are copied. */
    public static Value parameter(String name, Tensor value) {
        return new Value(new Op.Parameter(name, real("parameter " + name, value)), value.shape());
    }

    /** A value that the batch shares and that nobody differentiates with respect to; the numbers are copied. */
    public static Value constant(Tensor value) {
        return new Value(new Op.Constant(real("constant", value)), value.shape());
    }

    /** The number {@code c}. */
    public static Value constant(double c) {
        return constant(Tensor.of(new double[] {c}));
    }

    // Elementwise functions, n→n.

    /** {@code φ(z)}. */
    public static Value map(Elementwise function, Value z) {
        return new Value(new Op.Map(function), number(function.toString(), z).shape(), z);
    }

    public static Value sigmoid(Value z) {
        return map(Elementwise.of(Kind.SIGMOID), z);
    }

    public static Value tanh(Value z) {
        return map(Elementwise.of(Kind.TANH), z);
    }

    public static Value relu(Value z) {
        return map(Elementwise.of(Kind.RELU), z);
    }

    /** z for z > 0, else {@code slope·z}. */
    public static Value leakyRelu(double slope, Value z) {
        return map(new Elementwise(Kind.LEAKY_RELU, slope), z);
    }

    /** z for z > 0, else {@code alpha·(exp(z)−1)}. */
    public static Value elu(double alpha, Value z) {
        return map(new Elementwise(Kind.ELU, alpha), z);
    }

    public static Value softplus(Value z) {
        return map(Elementwise.of(Kind.SOFTPLUS), z);
    }

    public static Value silu(Value z) {
        return map(Elementwise.of(Kind.SILU), z);
    }

    /** z·Φ(z). */
    public static Value gelu(Value z) {
        return map(Elementwise.of(Kind.GELU), z);
    }

    /** GELU by its tanh approximation. */
    public static Value geluTanh(Value z) {
        return map(Elementwise.of(Kind.GELU_TANH), z);
    }

    public static Value exp(Value z) {
        return map(Elementwise.of(Kind.EXP), z);
    }

    public static Value log(Value z) {
        return map(Elementwise.of(Kind.LOG), z);
    }

    public static Value square(Value z) {
        return map(Elementwise.of(Kind.SQUARE), z);
    }

    public static Value sqrt(Value z) {
        return map(Elementwise.of(Kind.SQRT), z);
    }

    public static Value sin(Value z) {
        return map(Elementwise.of(Kind.SIN), z);
    }

    public static Value cos(Value z) {
        return map(Elementwise.of(Kind.COS), z);
    }

    public static Value reciprocal(Value z) {
        return map(Elementwise.of(Kind.RECIPROCAL), z);
    }

    public static Value negate(Value z) {
        return map(Elementwise.of(Kind.NEGATE), z);
    }

    public static Value erf(Value z) {
        return map(Elementwise.of(Kind.ERF), z);
    }

    // Two operands: the same shape, or one repeated along the other's leading axes.

    /** {@code a + b}; with a matrix and a vector the broadcast sum {@code X + 1y}. */
    public static Value add(Value a, Value b) {
        return arithmetic(Op.Arithmetic.ADD, a, b);
    }

    public static Value subtract(Value a, Value b) {
        return arithmetic(Op.Arithmetic.SUBTRACT, a, b);
    }

    /** {@code a ⊙ b}; with a matrix and a vector the broadcast product {@code X·diag(y)}. */
    public static Value multiply(Value a, Value b) {
        return arithmetic(Op.Arithmetic.MULTIPLY, a, b);
    }

    public static Value divide(Value a, Value b) {
        return arithmetic(Op.Arithmetic.DIVIDE, a, b);
    }

    /** {@code a ∘ b} for one of the four operations. */
    public static Value arithmetic(Op.Arithmetic op, Value a, Value b) {
        number(op.toString(), a);
        number(op.toString(), b);
        boolean repeatB = b.shape().isSuffixOf(a.shape()) || (b.size() == 1 && a.size() > 1);
        boolean repeatA = a.shape().isSuffixOf(b.shape()) || (a.size() == 1 && b.size() > 1);
        if (!repeatA && !repeatB) {
            throw new IllegalArgumentException(op + ": the operands have shapes " + a.shape() + " and " + b.shape()
                    + "; expected equal shapes, one number, or one that ends the other");
        }
        return new Value(op, repeatB ? a.shape() : b.shape(), a, b);
    }

    // Linear layers.

    /** {@code z = Wx}; W (m, n), x (n). */
    public static Value linear(Value w, Value x) {
        return linear(false, w, null, x);
    }

    /** {@code z = Wx + b}; W (m, n), b (m), x (n). */
    public static Value linear(Value w, Value b, Value x) {
        return linear(false, w, b, x);
    }

    /** {@code z = xW}; x (n), W (n, m). */
    public static Value rowLinear(Value x, Value w) {
        return linear(true, w, null, x);
    }

    /** {@code z = xW + b}; x (n), W (n, m), b (m). */
    public static Value rowLinear(Value x, Value w, Value b) {
        return linear(true, w, b, x);
    }

    private static Value linear(boolean rowForm, Value w, @org.jspecify.annotations.Nullable Value b, Value x) {
        String form = rowForm ? "linear xW" : "linear Wx";
        number(form, x);
        if (!(w.op() instanceof Op.Parameter || w.op() instanceof Op.Constant)) {
            throw new IllegalArgumentException(form + ": W is " + w + "; expected a parameter or a constant");
        }
        if (w.shape().rank() != 2) {
            throw new IllegalArgumentException(form + ": W has shape " + w.shape() + ", expected a matrix");
        }
        long n = w.shape().axis(rowForm ? 0 : 1);
        long m = w.shape().axis(rowForm ? 1 : 0);
        if (x.shape().rank() != 1 || x.size() != n) {
            throw new IllegalArgumentException(
                    form + ": x has shape " + x.shape() + ", W " + w.shape() + " expects (" + n + ",)");
        }
        Op.Linear op = new Op.Linear(rowForm);
        if (b == null) {
            return new Value(op, Shape.of(m), x, w);
        }
        if (!b.shared() || b.shape().rank() != 1 || b.size() != m) {
            throw new IllegalArgumentException(form + ": b is " + b + ", W " + w.shape()
                    + " expects a parameter or a constant of shape (" + m + ",)");
        }
        return new Value(op, Shape.of(m), x, w, b);
    }

    // One vector to a vector, or to a number.

    /** {@code q_i = exp(x_i)/Σ exp(x_k)}. */
    public static Value softmax(Value x) {
        return new Value(Op.Normalise.SOFTMAX, vector("softmax", x).shape(), x);
    }

    /** {@code x_i − log Σ exp(x_k)}. */
    public static Value logSoftmax(Value x) {
        return new Value(Op.Normalise.LOG_SOFTMAX, vector("log-softmax", x).shape(), x);
    }

    /** The sum of all components. */
    public static Value sum(Value x) {
        return new Value(Op.Reduce.SUM, Shape.of(1), number("sum", x));
    }

    /** The mean of all components. */
    public static Value mean(Value x) {
        return new Value(Op.Reduce.MEAN, Shape.of(1), number("mean", x));
    }

    /** {@code ½‖x‖²}. */
    public static Value halfSquaredNorm(Value x) {
        return new Value(Op.Reduce.HALF_SQUARED_NORM, Shape.of(1), number("half squared norm", x));
    }

    /** {@code uᵀv}. */
    public static Value dot(Value u, Value v) {
        number("dot", u);
        number("dot", v);
        if (!u.shape().equals(v.shape())) {
            throw new IllegalArgumentException(
                    "dot: the operands have shapes " + u.shape() + " and " + v.shape() + "; expected equal shapes");
        }
        return new Value(new Op.Dot(), Shape.of(1), u, v);
    }

    /** The same components in another shape. */
    public static Value reshape(Value x, long... axes) {
        Shape shape = Shape.of(axes);
        number("reshape", x);
        if (shape.elements() != x.shape().elements()) {
            throw new IllegalArgumentException("reshape: " + x.shape() + " has "
                    + x.shape().elements() + " components, " + shape + " has " + shape.elements());
        }
        return new Value(new Op.Reshape(shape), shape, x);
    }

    // Losses: one number per sample, differentiable with respect to the prediction.

    /** {@code ½Σ(y−ŷ)²}, summed over the components; gradient {@code ŷ−y}. */
    public static Value squaredError(Value y, Value prediction) {
        return loss(Op.Loss.SQUARED_ERROR, y, prediction);
    }

    /** {@code −Σ p log p̂}; gradient {@code −p/p̂}. */
    public static Value crossEntropy(Value p, Value prediction) {
        return loss(Op.Loss.CROSS_ENTROPY, p, prediction);
    }

    /** {@code logsumexp(θ)·Σp − pᵀθ}; gradient {@code (Σp)q − p}. The target: a distribution p, or {@link #labels}. */
    public static Value softmaxCrossEntropy(Value target, Value logits) {
        return loss(Op.Loss.SOFTMAX_CROSS_ENTROPY, target, logits);
    }

    /** The loss of {@code prediction} against {@code target}. */
    public static Value loss(Op.Loss loss, Value target, Value prediction) {
        vector(loss.toString(), prediction);
        boolean index = target.op() instanceof Op.Input in && in.index();
        if (index ? loss != Op.Loss.SOFTMAX_CROSS_ENTROPY : !target.shape().equals(prediction.shape())) {
            throw new IllegalArgumentException(loss + ": the target is " + (index ? "a class index" : target.shape())
                    + ", the prediction has shape " + prediction.shape() + "; expected equal shapes"
                    + (index ? " (class indices go with softmax-cross-entropy)" : ""));
        }
        return new Value(loss, Shape.of(1), target, prediction);
    }

    private static Value vector(String where, Value x) {
        if (number(where, x).shape().rank() != 1) {
            throw new IllegalArgumentException(where + ": the operand has shape " + x.shape() + ", expected a vector");
        }
        return x;
    }

    private static Value number(String where, Value x) {
        if (x.op() instanceof Op.Input in && in.index()) {
            throw new IllegalArgumentException(
                    where + ": " + in.name() + " holds class indices, which are targets of softmax-cross-entropy only");
        }
        return x;
    }

    private static Shape nonEmpty(String where, Shape shape) {
        if (shape.elements() == 0) {
            throw new IllegalArgumentException(where + ": shape " + shape + " has no components");
        }
        return shape;
    }

    private static Tensor real(String where, Tensor value) {
        if (value.type() == ElementType.I64) {
            throw new IllegalArgumentException(where + ": is int64, expected float32 or float64");
        }
        nonEmpty(where, value.shape());
        return value.copy();
    }
}
