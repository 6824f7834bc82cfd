package io.github.batchjac.io;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import io.github.batchjac.graph.Elementwise;
import io.github.batchjac.graph.Elementwise.Kind;
import io.github.batchjac.graph.Functions;
import io.github.batchjac.graph.Op;
import io.github.batchjac.graph.Value;
import io.github.batchjac.io.OnnxOperand.Batched;
import io.github.batchjac.io.OnnxOperand.Shared;
import io.github.batchjac.io.OnnxOperand.Stored;
import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * What each ONNX operator becomes. In ONNX the batch is an axis, the first; here it is implied, and operators that would
 * touch it are refused. Failures are {@link IllegalArgumentException}s whose message completes "node x: …".
 */
final class OnnxOperators {
    private static final Map<String, Kind> ELEMENTWISE = Map.ofEntries(
            Map.entry("Sigmoid", Kind.SIGMOID),
            Map.entry("Tanh", Kind.TANH),
            Map.entry("Relu", Kind.RELU),
            Map.entry("Softplus", Kind.SOFTPLUS),
            Map.entry("Erf", Kind.ERF),
            Map.entry("Exp", Kind.EXP),
            Map.entry("Log", Kind.LOG),
            Map.entry("Sqrt", Kind.SQRT),
            Map.entry("Neg", Kind.NEGATE),
            Map.entry("Reciprocal", Kind.RECIPROCAL),
            Map.entry("Sin", Kind.SIN),
            Map.entry("Cos", Kind.COS));

    private static final Map<String, Op.Arithmetic> ARITHMETIC = Map.of(
            "Add", Op.Arithmetic.ADD,
            "Sub", Op.Arithmetic.SUBTRACT,
            "Mul", Op.Arithmetic.MULTIPLY,
            "Div", Op.Arithmetic.DIVIDE);

    private final long opset;
    private final OptionalLong batch;
    private final Predicate<String> usedOnce;
    /** Results of linear layers that have no bias yet. */
    private final Set<String> unbiased = new HashSet<>();

    /**
     * @param batch the length of the batch axis, if the model fixes it
     * @param usedOnce whether a result is taken by one node and is not the model's output
     */
    OnnxOperators(long opset, OptionalLong batch, Predicate<String> usedOnce) {
        this.opset = opset;
        this.batch = batch;
        this.usedOnce = usedOnce;
    }

    /** The node's first output. */
    OnnxOperand apply(OnnxNode node) {
        Kind kind = ELEMENTWISE.get(node.type());
        if (kind != null) {
            return map(node, Elementwise.of(kind));
        }
        Op.Arithmetic op = ARITHMETIC.get(node.type());
        if (op != null) {
            return arithmetic(node, op);
        }
        return switch (node.type()) {
            case "Gemm" -> gemm(node);
            case "MatMul" -> matMul(node);
            case "LeakyRelu" -> map(node, new Elementwise(Kind.LEAKY_RELU, node.decimal("alpha", 0.01)));
            case "Elu" -> map(node, new Elementwise(Kind.ELU, node.decimal("alpha", 1)));
            case "Gelu" -> map(node, Elementwise.of(gelu(node.text("approximate", "none"))));
            case "Pow" -> pow(node);
            case "Softmax", "LogSoftmax" -> normalise(node);
            case "ReduceSum", "ReduceMean" -> reduce(node);
            case "Identity" -> one(node);
            case "Dropout" -> dropout(node);
            case "Cast" -> cast(node);
            case "Constant" -> constant(node);
            case "Reshape" -> reshape(node);
            case "Flatten" -> flatten(node);
            case "Transpose" -> transpose(node);
            case "Squeeze" -> squeeze(node);
            case "Unsqueeze" -> unsqueeze(node);
            default -> throw new IllegalArgumentException("this operator is not supported");
        };
    }

    private static OnnxOperand one(OnnxNode node) {
        node.requireInputs(1, 1);
        return node.input(0);
    }

    // Elementwise.

    private static OnnxOperand map(OnnxNode node, Elementwise function) {
        OnnxOperand z = one(node);
        return like(z, Functions.map(function, z.value()));
    }

    private static OnnxOperand like(OnnxOperand operand, Value value) {
        return operand.batched() ? new Batched(value) : new Shared(value);
    }

    private static Kind gelu(String approximate) {
        return switch (approximate) {
            case "none" -> Kind.GELU;
            case "tanh" -> Kind.GELU_TANH;
            default ->
                throw new IllegalArgumentException(
                        "its attribute approximate is " + InputFiles.quote(approximate) + ", expected none or tanh");
        };
    }

    private static OnnxOperand pow(OnnxNode node) {
        node.requireInputs(2, 2);
        OnnxOperand z = node.input(0);
        double exponent = node.number(1);
        if (node.input(1).shape().rank() > z.shape().rank() + (z.batched() ? 1 : 0)) {
            throw new IllegalArgumentException(
                    "its exponent has shape " + node.input(1).shape() + ", more axes than " + "its base");
        }
        if (exponent == 2) {
            return like(z, Functions.square(z.value()));
        } else if (exponent == 0.5) {
            return like(z, Functions.sqrt(z.value()));
        }
        throw new IllegalArgumentException("its exponent is " + exponent + ", expected 2 or 0.5");
    }

    private OnnxOperand arithmetic(OnnxNode node, Op.Arithmetic op) {
        node.requireInputs(2, 2);
        OnnxOperand a = node.input(0);
        OnnxOperand b = node.input(1);
        if (op == Op.Arithmetic.ADD) {
            Value fused = a.batched() ? biased(node.inputName(0), a, b) : biased(node.inputName(1), b, a);
            if (fused != null) {
                return new Batched(fused);
            }
        }
        if (op == Op.Arithmetic.MULTIPLY && a instanceof Batched u && b instanceof Batched v) {
            Value gate = isSigmoidOf(u.value(), v.value()) ? v.value() : u.value();
            if (isSigmoidOf(u.value(), v.value()) || isSigmoidOf(v.value(), u.value())) {
                return new Batched(Functions.silu(gate));
            }
        }
        if (!a.batched() && !b.batched()) {
            return new Shared(broadcast(op, a.value(), b.value()));
        }
        return new Batched(broadcast(op, perSample(a, b), perSample(b, a)));
    }

    /** {@code Wx + b} in one, where {@code x ↦ Wx} has no other use: what torch exports for batches of rank 3. */
    private @Nullable Value biased(String name, OnnxOperand product, OnnxOperand b) {
        if (!unbiased.contains(name) || !usedOnce.test(name) || b.batched() || !product.batched()) {
            return null;
        }
        Value linear = product.value();
        Shape shape = b.shape();
        boolean fits = shape.equals(linear.shape())
                || (shape.rank() == 2 && shape.equals(linear.shape().prepend(1)));
        if (!fits || !(linear.op() instanceof Op.Linear l)) {
            return null;
        }
        return linear(l.rowForm(), linear.operand(1), linear.operand(0), OnnxOperand.as(b.value(), linear.shape()));
    }

    private static boolean isSigmoidOf(Value h, Value z) {
        return h.op() instanceof Op.Map m && m.function().kind() == Kind.SIGMOID && h.operand(0) == z;
    }

    /** {@code a} without the batch axis, when it meets {@code other}, of which at least one has a batch axis. */
    private static Value perSample(OnnxOperand a, OnnxOperand other) {
        int rank = other.shape().rank();
        if (a.batched()) {
            if (other.batched() && a.shape().rank() != rank) {
                throw new IllegalArgumentException("its operands have shapes " + withBatch(a) + " and "
                        + withBatch(other) + ", whose batch axes do not align");
            }
            return a.value();
        }
        Shape shape = a.shape();
        if (shape.rank() == rank + 1 && shape.axis(0) == 1) {
            return OnnxOperand.as(a.value(), shape.tail());
        }
        if (shape.rank() > rank) {
            throw new IllegalArgumentException("its operands have shapes " + withBatch(a) + " and " + withBatch(other)
                    + ": a constant may not extend along the batch");
        }
        return a.value();
    }

    private static String withBatch(OnnxOperand operand) {
        if (!operand.batched()) {
            return operand.shape().toString();
        }
        String axes = operand.shape().toString();
        return operand.shape().rank() == 0 ? "(B,)" : "(B, " + axes.substring(1).replace(",)", ")");
    }

    /** {@code a ∘ b} under ONNX's (NumPy's) broadcasting, as far as {@link Functions#arithmetic} has it. */
    private static Value broadcast(Op.Arithmetic op, Value a, Value b) {
        Shape result = broadcast(a.shape(), b.shape());
        boolean direct = a.shape().isSuffixOf(b.shape())
                || b.shape().isSuffixOf(a.shape())
                || a.shape().elements() == 1
                || b.shape().elements() == 1;
        // Axes of length 1 in front hide a suffix: (1, n) against (m, n).
        Value u = direct ? a : OnnxOperand.as(a, withoutLeadingOnes(a.shape()));
        Value v = direct ? b : OnnxOperand.as(b, withoutLeadingOnes(b.shape()));
        return OnnxOperand.as(Functions.arithmetic(op, u, v), result);
    }

    private static Shape broadcast(Shape a, Shape b) {
        int rank = Math.max(a.rank(), b.rank());
        long[] axes = new long[rank];
        for (int i = 0; i < rank; i++) {
            int ia = i - (rank - a.rank());
            int ib = i - (rank - b.rank());
            long na = ia < 0 ? 1 : a.axis(ia);
            long nb = ib < 0 ? 1 : b.axis(ib);
            if (na != nb && na != 1 && nb != 1) {
                throw new IllegalArgumentException(
                        "its operands have shapes " + a + " and " + b + " for one sample, which do not broadcast");
            }
            axes[i] = na == 1 ? nb : na;
        }
        return Shape.of(axes);
    }

    private static Shape withoutLeadingOnes(Shape shape) {
        Shape s = shape;
        while (s.rank() > 1 && s.axis(0) == 1) {
            s = s.tail();
        }
        return s;
    }

    // Linear layers.

    private OnnxOperand gemm(OnnxNode node) {
        node.requireInputs(2, 3);
        if (node.integer("transA", 0) != 0) {
            throw new IllegalArgumentException("transA would transpose the batch");
        }
        double alpha = node.decimal("alpha", 1);
        double beta = node.decimal("beta", 1);
        OnnxOperand x = node.input(0);
        Value product =
                product(x, node.input(1), node.integer("transB", 0) != 0, alpha == 1 ? biasOf(node, beta) : null);
        if (alpha != 1) {
            product = Functions.multiply(product, Functions.constant(alpha));
        }
        if (node.has(2) && beta != 0 && product.operands().size() < 3) {
            OnnxOperand c = node.input(2);
            Value bias = scaled(perSample(c, new Batched(product)), beta);
            Shape before = product.shape();
            product = broadcast(Op.Arithmetic.ADD, product, bias);
            if (!product.shape().equals(before)) {
                throw new IllegalArgumentException(
                        "C has shape " + c.shape() + ", which does not broadcast to " + before);
            }
        } else if (alpha == 1 && product.operands().size() < 3) {
            unbiased.add(node.output());
        }
        return new Batched(product);
    }

    /** C as the layer's bias {@code (m)}, if it is one: not a number, nor different between samples. */
    private static @Nullable Value biasOf(OnnxNode node, double beta) {
        if (!node.has(2) || beta == 0) {
            return null;
        }
        OnnxOperand c = node.input(2);
        OnnxOperand w = node.input(1);
        if (c.batched() || w.shape().rank() != 2) {
            return null;
        }
        long m = w.shape().axis(node.integer("transB", 0) != 0 ? 0 : 1);
        boolean row = c.shape().rank() == 2 && c.shape().axis(0) == 1;
        Shape bias = Shape.of(m);
        return c.shape().equals(bias) || (row && c.shape().axis(1) == m)
                ? scaled(OnnxOperand.as(c.value(), bias), beta)
                : null;
    }

    private static Value scaled(Value value, double factor) {
        return factor == 1 ? value : Functions.multiply(value, Functions.constant(factor));
    }

    private OnnxOperand matMul(OnnxNode node) {
        node.requireInputs(2, 2);
        unbiased.add(node.output());
        return new Batched(product(node.input(0), node.input(1), false, null));
    }

    /** {@code x·w}, or {@code x·wᵀ}; on the stored matrix itself, so that derivatives have its shape. */
    private static Value product(OnnxOperand x, OnnxOperand w, boolean transposed, @Nullable Value bias) {
        if (!x.batched()) {
            throw new IllegalArgumentException("its first operand " + x.shape() + " does not depend on the batch");
        }
        if (w.batched()) {
            throw new IllegalArgumentException("both operands depend on the batch, expected a stored matrix");
        }
        if (w instanceof Stored stored && stored.transposed()) {
            return linear(transposed, stored.tensor().value(), x.value(), bias);
        }
        return linear(!transposed, w.value(), x.value(), bias);
    }

    private static Value linear(boolean rowForm, Value w, Value x, @Nullable Value bias) {
        if (bias == null) {
            return rowForm ? Functions.rowLinear(x, w) : Functions.linear(w, x);
        }
        return rowForm ? Functions.rowLinear(x, w, bias) : Functions.linear(w, bias, x);
    }

    // One vector to a vector, or to a number.

    private OnnxOperand normalise(OnnxNode node) {
        OnnxOperand x = one(node);
        requireBatched(x);
        long axis = node.integer("axis", opset < 13 ? 1 : -1);
        if (x.shape().rank() != 1 || (axis != 1 && axis != -1)) {
            throw new IllegalArgumentException("it is taken along axis " + axis + " of shape " + withBatch(x)
                    + ", expected the last axis of (B, n)");
        }
        return new Batched(
                node.type().equals("Softmax") ? Functions.softmax(x.value()) : Functions.logSoftmax(x.value()));
    }

    private static OnnxOperand reduce(OnnxNode node) {
        node.requireInputs(1, 2);
        OnnxOperand x = node.input(0);
        requireBatched(x);
        long[] axes = node.axes(1);
        if (x.shape().rank() != 1 || axes == null || axes.length != 1 || (axes[0] != 1 && axes[0] != -1)) {
            throw new IllegalArgumentException("it reduces "
                    + (axes == null ? "all axes" : "axes " + (axes.length > 8 ? "…" : Arrays.toString(axes)))
                    + " of shape " + withBatch(x) + ", expected the last axis of (B, n)");
        }
        Value number = node.type().equals("ReduceSum") ? Functions.sum(x.value()) : Functions.mean(x.value());
        return new Batched(node.integer("keepdims", 1) != 0 ? number : Functions.reshape(number));
    }

    private static void requireBatched(OnnxOperand x) {
        if (!x.batched()) {
            throw new IllegalArgumentException("its operand " + x.shape() + " does not depend on the batch");
        }
    }

    // What changes no number.

    private static OnnxOperand dropout(OnnxNode node) {
        node.requireInputs(1, 3);
        if (node.has(2) && node.number(2) != 0) {
            throw new IllegalArgumentException("training_mode is true; export the model in evaluation mode");
        }
        return node.input(0);
    }

    private static OnnxOperand cast(OnnxNode node) {
        OnnxOperand x = one(node);
        long to = node.integer("to", TensorProto.DataType.UNDEFINED_VALUE);
        if (to != TensorProto.DataType.FLOAT_VALUE && to != TensorProto.DataType.DOUBLE_VALUE) {
            throw new IllegalArgumentException("it casts to a type that is "
                    + OnnxTensor.typeName((int) Math.max(-1, Math.min(Integer.MAX_VALUE, to)))
                    + ", expected float32 or float64");
        }
        return x instanceof Stored stored ? new Stored(stored.tensor().real(), stored.shape(), stored.transposed()) : x;
    }

    private static OnnxOperand constant(OnnxNode node) {
        node.requireInputs(0, 0);
        AttributeProto value = node.only();
        String name = node.output();
        return Stored.of(
                switch (value.getName()) {
                    case "value" -> OnnxTensor.constant(name, value.getT());
                    case "value_float" -> OnnxTensor.constant(name, Tensor.of(new float[] {value.getF()}));
                    case "value_floats" -> OnnxTensor.constant(name, floats(value));
                    case "value_int" -> OnnxTensor.constant(name, Tensor.of(new long[] {value.getI()}));
                    case "value_ints" ->
                        OnnxTensor.constant(
                                name,
                                Tensor.of(
                                        value.getIntsList().stream()
                                                .mapToLong(Long::longValue)
                                                .toArray(),
                                        value.getIntsCount()));
                    default ->
                        throw new IllegalArgumentException("its attribute is " + InputFiles.quote(value.getName())
                                + ", expected a tensor or numbers");
                });
    }

    private static Tensor floats(AttributeProto value) {
        float[] floats = new float[value.getFloatsCount()];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = value.getFloats(i);
        }
        return Tensor.of(floats, floats.length);
    }

    // Shapes.

    private OnnxOperand reshape(OnnxNode node) {
        node.requireInputs(2, 2);
        OnnxOperand x = node.input(0);
        long[] target = node.integers(1);
        boolean copyZero = node.integer("allowzero", 0) == 0;
        if (target.length > NpyHeader.MOST_AXES) {
            throw new IllegalArgumentException("the new shape has " + target.length + " axes");
        }
        if (!x.batched()) {
            return x.reshaped(resolve(target, 0, x.shape(), 0, copyZero));
        }
        if (target.length == 0) {
            throw new IllegalArgumentException("the new shape () has no batch axis");
        }
        Shape rest = resolve(target, 1, x.shape(), 1, copyZero);
        // With the batch known to stay, −1 in another axis is determined; else only the whole sample may be behind it.
        boolean inferred = LongStream.of(target).skip(1).anyMatch(n -> n == -1);
        boolean kept = (target[0] == 0 && copyZero)
                || (target[0] == -1 && !inferred)
                || (target[0] > 0 && (!inferred || batch.equals(OptionalLong.of(target[0]))));
        if (!kept) {
            throw new IllegalArgumentException("the new shape "
                    + Shape.of(LongStream.of(target).map(Math::abs).toArray())
                    + " does not keep the batch axis");
        }
        return x.reshaped(rest);
    }

    /** The axes of {@code target} from {@code from} on, with 0 (copy) and −1 (the rest) resolved. */
    private static Shape resolve(long[] target, int from, Shape source, int batchAxes, boolean copyZero) {
        long[] axes = Arrays.copyOfRange(target, from, target.length);
        int unknown = -1;
        for (int i = 0; i < axes.length; i++) {
            if (axes[i] == 0 && copyZero) {
                int copied = i + from - batchAxes;
                if (copied >= source.rank()) {
                    throw new IllegalArgumentException(
                            "the new shape copies axis " + (i + from) + ", which is not there");
                }
                axes[i] = source.axis(copied);
            } else if (axes[i] == -1 && unknown < 0) {
                unknown = i;
                axes[i] = 1;
            } else if (axes[i] < 0) {
                throw new IllegalArgumentException("the new shape has the axis " + axes[i] + " at place " + (i + from));
            }
        }
        if (unknown >= 0) {
            long others = Shape.of(axes).elements();
            if (others == 0 || source.elements() % others != 0) {
                throw new IllegalArgumentException(
                        "the new shape's axes " + Shape.of(axes) + " do not divide " + source.elements() + " elements");
            }
            axes[unknown] = source.elements() / others;
        }
        return Shape.of(axes);
    }

    private static OnnxOperand flatten(OnnxNode node) {
        OnnxOperand x = one(node);
        int batchAxes = x.batched() ? 1 : 0;
        int rank = x.shape().rank() + batchAxes;
        long axis = node.integer("axis", 1);
        axis = axis < 0 ? axis + rank : axis;
        if (x.batched() ? axis != 1 : axis < 0 || axis > rank) {
            throw new IllegalArgumentException(
                    "it flattens shape " + withBatch(x) + " at axis " + axis + ", expected axis 1");
        }
        if (x.batched()) {
            return x.reshaped(Shape.of(x.shape().elements()));
        }
        long[] axes = x.shape().axes();
        long rows = LongStream.of(axes).limit(axis).reduce(1, Math::multiplyExact);
        long cols = LongStream.of(axes).skip(axis).reduce(1, Math::multiplyExact);
        return x.reshaped(Shape.of(rows, cols));
    }

    private static OnnxOperand transpose(OnnxNode node) {
        OnnxOperand x = one(node);
        int batchAxes = x.batched() ? 1 : 0;
        int rank = x.shape().rank() + batchAxes;
        long[] given = node.integersAttribute("perm");
        long[] perm =
                given == null ? LongStream.range(0, rank).map(i -> rank - 1 - i).toArray() : given;
        if (!Arrays.equals(
                LongStream.of(perm).sorted().toArray(),
                LongStream.range(0, rank).toArray())) {
            throw new IllegalArgumentException("perm is no permutation of the axes of " + withBatch(x));
        }
        if (x.batched() && perm[0] != 0) {
            throw new IllegalArgumentException("perm moves the batch axis");
        }
        long[] axes = new long[rank - batchAxes];
        boolean sameOrder = true;
        int last = -1;
        for (int i = batchAxes; i < rank; i++) {
            int from = (int) perm[i] - batchAxes;
            axes[i - batchAxes] = x.shape().axis(from);
            if (x.shape().axis(from) != 1) {
                sameOrder &= from > last;
                last = from;
            }
        }
        Shape shape = Shape.of(axes);
        if (x instanceof Stored stored && rank == 2 && perm[0] == 1 && isWhole(stored)) {
            return new Stored(stored.tensor(), shape, !stored.transposed());
        }
        if (!sameOrder) {
            throw new IllegalArgumentException(
                    "it reorders the components of shape " + withBatch(x) + ", which only a matrix in the file allows");
        }
        return x.reshaped(shape);
    }

    private static boolean isWhole(Stored stored) {
        return stored.transposed()
                || stored.shape().equals(stored.tensor().numbers().shape());
    }

    private static OnnxOperand squeeze(OnnxNode node) {
        node.requireInputs(1, 2);
        OnnxOperand x = node.input(0);
        int batchAxes = x.batched() ? 1 : 0;
        long[] axes = node.axes(1);
        if (axes == null && x.batched()) {
            throw new IllegalArgumentException("it has no axes, so its result depends on the batch's length");
        }
        boolean[] gone = axes == null
                ? new boolean[x.shape().rank()]
                : marked(axes, x.shape().rank() + batchAxes, batchAxes);
        long[] left = new long[x.shape().rank()];
        int n = 0;
        for (int i = 0; i < left.length; i++) {
            boolean drop = axes == null ? x.shape().axis(i) == 1 : gone[i];
            if (!drop) {
                left[n++] = x.shape().axis(i);
            } else if (x.shape().axis(i) != 1) {
                throw new IllegalArgumentException(
                        "it drops axis " + (i + batchAxes) + " of shape " + withBatch(x) + ", whose length is not 1");
            }
        }
        return x.reshaped(Shape.of(Arrays.copyOf(left, n)));
    }

    private static OnnxOperand unsqueeze(OnnxNode node) {
        node.requireInputs(1, 2);
        OnnxOperand x = node.input(0);
        int batchAxes = x.batched() ? 1 : 0;
        long[] axes = node.axes(1);
        if (axes == null || axes.length > NpyHeader.MOST_AXES) {
            throw new IllegalArgumentException("it has " + (axes == null ? "no" : axes.length) + " axes to insert");
        }
        boolean[] fresh = marked(axes, x.shape().rank() + batchAxes + axes.length, batchAxes);
        long[] all = new long[fresh.length];
        int next = 0;
        for (int i = 0; i < all.length; i++) {
            all[i] = fresh[i] ? 1 : x.shape().axis(next++);
        }
        return x.reshaped(Shape.of(all));
    }

    /** Which per-sample axes {@code axes} (of {@code rank} with the batch's) name; the batch axis is refused. */
    private static boolean[] marked(long[] axes, int rank, int batchAxes) {
        boolean[] marked = new boolean[rank - batchAxes];
        for (long given : axes) {
            long axis = (given < 0 ? given + rank : given) - batchAxes;
            if (axis == -1 && batchAxes == 1) {
                throw new IllegalArgumentException("it would change the batch axis");
            }
            if (axis < 0 || axis >= marked.length || marked[(int) axis]) {
                throw new IllegalArgumentException("its axis " + given + " is out of range or comes twice");
            }
            marked[(int) axis] = true;
        }
        return marked;
    }
}
