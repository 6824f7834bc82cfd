package io.github.batchjac.io;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.AttributeProto.AttributeType;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.google.protobuf.ByteString;
import io.github.batchjac.graph.Elementwise;
import io.github.batchjac.graph.Elementwise.Kind;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Op;
import io.github.batchjac.graph.Value;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.LongStream;

/**
 * Writes a graph as an ONNX file that {@link OnnxModel} reads back as the same function with the same parameters, and that
 * other runtimes run: linear layers, elementwise functions and arithmetic, softmax, log-softmax, sum, mean and reshape.
 * Inputs get a first axis {@code batch}.
 */
public final class OnnxWriter {
    /** The oldest opset with Softmax along one axis and ReduceSum's axes as an input; Gelu came with 20. */
    private static final int OPSET = 13;

    private static final int OPSET_WITH_GELU = 20;
    private static final int IR_VERSION = 7;
    private static final int IR_VERSION_OF_OPSET_20 = 9;

    /** Below protobuf's 2 GiB by room for everything but the numbers. */
    private static final long MOST_BYTES = Integer.MAX_VALUE - (64L << 20);

    private final Precision precision;
    private final GraphProto.Builder out = GraphProto.newBuilder();
    private final Map<Value, String> names = new HashMap<>();
    private final Set<String> taken = new HashSet<>();
    private int opset = OPSET;
    private long storedBytes;

    private OnnxWriter(Precision precision) {
        this.precision = precision;
    }

    /**
     * Writes {@code graph} to {@code file}, which appears whole or not at all.
     *
     * @param precision of inputs and stored numbers
     * @throws IllegalArgumentException naming the operation, if the graph has one that is not written
     * @throws IOException in one sentence, if the file cannot be written; what was there before is then still there
     */
    public static void write(Graph graph, Precision precision, Path file) throws IOException {
        byte[] bytes = bytes(graph, precision);
        try (AtomicFile to = AtomicFile.create(file)) {
            ByteBuffer buffer = ByteBuffer.wrap(bytes);
            try {
                while (buffer.hasRemaining()) {
                    to.channel().write(buffer);
                }
                to.commit();
            } catch (IOException e) {
                FileSystemException named = new FileSystemException(
                        file.toString(),
                        null,
                        "cannot be written: " + InputFiles.reason(e) + " (the file needs " + bytes.length + " bytes)");
                named.initCause(e);
                throw named;
            }
        }
    }

    /** The file's bytes. @throws IllegalArgumentException as {@link #write} */
    public static byte[] bytes(Graph graph, Precision precision) {
        return new OnnxWriter(precision).model(graph).toByteArray();
    }

    private ModelProto model(Graph graph) {
        if (graph.output().shared()) {
            throw new IllegalArgumentException("ONNX export: the output " + graph.output() + " depends on no input");
        }
        opset = graph.values().stream().anyMatch(OnnxWriter::isGelu) ? OPSET_WITH_GELU : OPSET;
        out.setName("batchjac");
        taken.addAll(graph.inputs().keySet());
        taken.addAll(graph.parameters().keySet());
        String y = fresh("y");
        for (Value value : graph.values()) {
            names.put(value, value == graph.output() && isComputed(value) ? y : nameOf(value));
            write(value);
        }
        out.addOutput(info(y, graph.output()));
        if (!isComputed(graph.output())) {
            node("Identity", y, name(graph.output()));
        }
        return ModelProto.newBuilder()
                .setIrVersion(opset == OPSET ? IR_VERSION : IR_VERSION_OF_OPSET_20)
                .setProducerName("batchjac")
                .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(opset))
                .setGraph(out)
                .build();
    }

    private static boolean isGelu(Value value) {
        return value.op() instanceof Op.Map m
                && (m.function().kind() == Kind.GELU || m.function().kind() == Kind.GELU_TANH);
    }

    private static boolean isComputed(Value value) {
        return !(value.op() instanceof Op.Input || value.op() instanceof Op.Parameter);
    }

    private String nameOf(Value value) {
        if (value.op() instanceof Op.Input in) {
            return in.name();
        } else if (value.op() instanceof Op.Parameter p) {
            return p.name();
        }
        return fresh("v" + names.size());
    }

    private String fresh(String stem) {
        String name = stem;
        while (!taken.add(name)) {
            name += "_";
        }
        return name;
    }

    private void write(Value value) {
        Op op = value.op();
        String y = name(value);
        boolean needsBatch = op instanceof Op.Linear || op instanceof Op.Normalise || op instanceof Op.Reduce;
        if ((op instanceof Op.Input in && in.index())
                || (needsBatch && value.operand(0).shared())) {
            throw unsupported(value);
        }
        if (op instanceof Op.Input) {
            out.addInput(info(y, value));
        } else if (op instanceof Op.Parameter p) {
            out.addInitializer(tensor(p.value()).setName(y));
        } else if (op instanceof Op.Constant c) {
            constant(y, tensor(c.value()));
        } else if (op instanceof Op.Linear l) {
            linear(value, l, y);
        } else if (op instanceof Op.Map m) {
            map(m.function(), operand(value, 0), y);
        } else if (op instanceof Op.Arithmetic a) {
            node(arithmetic(a), y, aligned(value, 0), aligned(value, 1));
        } else if (op instanceof Op.Normalise n) {
            node(n == Op.Normalise.SOFTMAX ? "Softmax" : "LogSoftmax", y, operand(value, 0))
                    .addAttribute(integer("axis", -1));
        } else if (op instanceof Op.Reshape r) {
            reshape(y, operand(value, 0), value.shared(), r.shape());
        } else if (op == Op.Reduce.SUM || op == Op.Reduce.MEAN) {
            reduce(value, op == Op.Reduce.SUM, y);
        } else {
            throw unsupported(value);
        }
    }

    private static IllegalArgumentException unsupported(Value value) {
        return new IllegalArgumentException("ONNX export: " + value + " has no equivalent among the operators that are "
                + "written (linear layers, elementwise functions, softmax, sums)");
    }

    private String name(Value value) {
        return Objects.requireNonNull(names.get(value));
    }

    private String operand(Value value, int i) {
        return name(value.operand(i));
    }

    private void linear(Value value, Op.Linear linear, String y) {
        NodeProto.Builder gemm = node("Gemm", y, operand(value, 0), operand(value, 1));
        if (value.operands().size() > 2) {
            gemm.addInput(operand(value, 2));
        }
        gemm.addAttribute(integer("transB", linear.rowForm() ? 0 : 1));
    }

    private void map(Elementwise function, String x, String y) {
        switch (function.kind()) {
            case SQUARE -> {
                String two = fresh(y + "_exponent");
                constant(two, tensor(Tensor.of(new double[] {2}, Shape.scalar())));
                node("Pow", y, x, two);
            }
            case SILU -> {
                String gate = fresh(y + "_gate");
                node("Sigmoid", gate, x);
                node("Mul", y, x, gate);
            }
            case GELU, GELU_TANH -> {
                boolean tanh = function.kind() == Kind.GELU_TANH;
                node("Gelu", y, x)
                        .addAttribute(AttributeProto.newBuilder()
                                .setName("approximate")
                                .setType(AttributeType.STRING)
                                .setS(ByteString.copyFromUtf8(tanh ? "tanh" : "none")));
            }
            case LEAKY_RELU, ELU ->
                node(operator(function.kind()), y, x)
                        .addAttribute(AttributeProto.newBuilder()
                                .setName("alpha")
                                .setType(AttributeType.FLOAT)
                                .setF((float) function.alpha()));
            default -> node(operator(function.kind()), y, x);
        }
    }

    private static String operator(Kind kind) {
        return switch (kind) {
            case IDENTITY -> "Identity";
            case NEGATE -> "Neg";
            case SIGMOID -> "Sigmoid";
            case TANH -> "Tanh";
            case RELU -> "Relu";
            case LEAKY_RELU -> "LeakyRelu";
            case ELU -> "Elu";
            case SOFTPLUS -> "Softplus";
            case EXP -> "Exp";
            case LOG -> "Log";
            case SQRT -> "Sqrt";
            case SIN -> "Sin";
            case COS -> "Cos";
            case RECIPROCAL -> "Reciprocal";
            case ERF -> "Erf";
            case SILU, GELU, GELU_TANH, SQUARE -> throw new IllegalStateException(kind.toString());
        };
    }

    private static String arithmetic(Op.Arithmetic op) {
        return switch (op) {
            case ADD -> "Add";
            case SUBTRACT -> "Sub";
            case MULTIPLY -> "Mul";
            case DIVIDE -> "Div";
        };
    }

    /**
     * Operand {@code i} in a shape that ONNX broadcasts as the graph does: between values with a batch axis the ranks must
     * be equal, or the batch of one would meet a component of the other.
     */
    private String aligned(Value value, int i) {
        Value x = value.operand(i);
        int rank = value.shape().rank();
        boolean aligns = x.shared() ? x.shape().rank() <= rank : x.shape().rank() == rank;
        if (aligns) {
            return name(x);
        }
        long[] axes = new long[rank];
        Arrays.fill(axes, 1);
        int shared = Math.min(rank, x.shape().rank());
        for (int k = 1; k <= shared; k++) {
            axes[rank - k] = x.shape().axis(x.shape().rank() - k);
        }
        String name = fresh(name(x) + "_aligned");
        reshape(name, name(x), x.shared(), Shape.of(axes));
        return name;
    }

    private void reshape(String y, String x, boolean shared, Shape shape) {
        String name = fresh(y + "_shape");
        long[] axes = shared ? shape.axes() : shape.prepend(1).axes();
        if (!shared) {
            axes[0] = -1;
        }
        constant(name, integers(axes));
        node("Reshape", y, x, name);
    }

    private void reduce(Value value, boolean sum, String y) {
        if (value.operand(0).shape().rank() != 1) {
            throw unsupported(value);
        }
        // The axes became an input with opset 13 in ReduceSum, with opset 18 in ReduceMean.
        if (sum || opset >= OPSET_WITH_GELU) {
            String axes = fresh(y + "_axes");
            constant(axes, integers(-1));
            node(sum ? "ReduceSum" : "ReduceMean", y, operand(value, 0), axes).addAttribute(integer("keepdims", 1));
        } else {
            node("ReduceMean", y, operand(value, 0))
                    .addAttribute(integer("keepdims", 1))
                    .addAttribute(AttributeProto.newBuilder()
                            .setName("axes")
                            .setType(AttributeType.INTS)
                            .addInts(-1));
        }
    }

    private NodeProto.Builder node(String operator, String output, String... inputs) {
        return out.addNodeBuilder()
                .setName(output + "/" + operator)
                .setOpType(operator)
                .addAllInput(Arrays.asList(inputs))
                .addOutput(output);
    }

    private void constant(String name, TensorProto.Builder tensor) {
        out.addNode(constantNode(name, tensor));
    }

    private static NodeProto.Builder constantNode(String name, TensorProto.Builder tensor) {
        return NodeProto.newBuilder()
                .setName(name + "/Constant")
                .setOpType("Constant")
                .addOutput(name)
                .addAttribute(AttributeProto.newBuilder()
                        .setName("value")
                        .setType(AttributeType.TENSOR)
                        .setT(tensor));
    }

    private static AttributeProto.Builder integer(String name, long value) {
        return AttributeProto.newBuilder()
                .setName(name)
                .setType(AttributeType.INT)
                .setI(value);
    }

    private static TensorProto.Builder integers(long... values) {
        return TensorProto.newBuilder()
                .setDataType(TensorProto.DataType.INT64_VALUE)
                .addDims(values.length)
                .addAllInt64Data(LongStream.of(values).boxed().toList());
    }

    private TensorProto.Builder tensor(Tensor value) {
        Tensor t = value.to(precision);
        storedBytes += (long) t.size() * precision.bytes();
        if (storedBytes > MOST_BYTES) {
            throw new IllegalArgumentException("ONNX export: the stored numbers have more than " + MOST_BYTES
                    + " bytes, the most that a model file holds");
        }
        int bytes = t.size() * precision.bytes();
        ByteBuffer raw = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
        LittleEndian.put(raw, precision == Precision.F32 ? t.floats() : t.doubles(), 0, t.size());
        TensorProto.Builder proto =
                TensorProto.newBuilder().setDataType(elementType()).setRawData(ByteString.copyFrom(raw.flip()));
        for (long axis : t.shape().axes()) {
            proto.addDims(axis);
        }
        return proto;
    }

    private int elementType() {
        return precision == Precision.F32 ? TensorProto.DataType.FLOAT_VALUE : TensorProto.DataType.DOUBLE_VALUE;
    }

    private ValueInfoProto info(String name, Value value) {
        TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
        shape.addDimBuilder().setDimParam("batch");
        for (long axis : value.shape().axes()) {
            shape.addDimBuilder().setDimValue(axis);
        }
        return ValueInfoProto.newBuilder()
                .setName(name)
                .setType(TypeProto.newBuilder()
                        .setTensorType(TypeProto.Tensor.newBuilder()
                                .setElemType(elementType())
                                .setShape(shape)))
                .build();
    }
}
