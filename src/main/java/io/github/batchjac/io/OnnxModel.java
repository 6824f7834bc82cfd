package io.github.batchjac.io;

import ai.onnx.proto.OnnxMl.ModelProto;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnsafeByteOperations;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.tensor.Precision;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A network read from an ONNX file as {@code torch.onnx.export} writes it.
 *
 * <p>Inputs have the batch as their first axis, which the graph leaves out. Initializers become parameters under their own
 * names and in their own shapes: a transposed weight is used by a linear layer in the other form, not copied. {@code
 * Constant} nodes become constants. Understood are Gemm, MatMul, Add, Sub, Mul, Div, Sigmoid, Tanh, Relu, LeakyRelu, Elu,
 * Softplus, Gelu, Erf, Exp, Log, Sqrt, Neg, Reciprocal, Sin, Cos, Pow (2 and ½), Softmax, LogSoftmax, ReduceSum,
 * ReduceMean, Identity, Dropout, Cast, Constant, Reshape, Flatten, Transpose, Squeeze and Unsqueeze, as far as they stay
 * within a sample; everything else is refused by the node's name.
 */
public final class OnnxModel {
    private final Graph graph;
    private final String name;
    private final String producer;
    private final String output;
    private final long opset;
    private final int nodes;
    private final Precision precision;

    private OnnxModel(ModelProto model, @Nullable String output, String where) throws FormatException {
        OnnxImporter importer = new OnnxImporter(model, output, where);
        this.graph = importer.read();
        this.name = model.getGraph().getName();
        this.producer = (model.getProducerName() + " " + model.getProducerVersion()).strip();
        this.output = importer.output();
        this.opset = importer.opset();
        this.nodes = model.getGraph().getNodeCount();
        this.precision = importer.precision();
    }

    /**
     * Reads a model that has one output.
     *
     * @throws FormatException naming the node, its operator and the reason, if the file is not an ONNX model or one that
     *     a graph cannot express
     * @throws IOException if it is missing, unreadable, or not a regular file
     */
    public static OnnxModel read(Path file) throws IOException {
        return read(file, null);
    }

    /**
     * As {@link #read(Path)}, of a model that may have several outputs, one of them {@code output}; what it does not
     * depend on is ignored.
     */
    public static OnnxModel read(Path file, @Nullable String output) throws IOException {
        InputFiles.require(file);
        long size = Files.size(file);
        if (size > Integer.MAX_VALUE - 8) {
            throw new FormatException(file + ": has " + size + " bytes, an ONNX model has less than 2 GiB");
        }
        try {
            return parse(Files.readAllBytes(file), file.toString(), output);
        } catch (OutOfMemoryError e) {
            throw new FormatException(
                    file + ": this model of " + size + " bytes does not fit into the Java heap of "
                            + Runtime.getRuntime().maxMemory() + " bytes (raise -Xmx)",
                    e);
        }
    }

    /**
     * The model in {@code bytes}, which must not change later.
     *
     * @param where what messages call it
     * @throws FormatException as {@link #read(Path)}
     */
    public static OnnxModel parse(byte[] bytes, String where, @Nullable String output) throws FormatException {
        ModelProto model;
        try {
            // Aliasing: weights are copied once, into their tensors. Nesting is limited to 100 by protobuf itself.
            CodedInputStream in = UnsafeByteOperations.unsafeWrap(bytes).newCodedInput();
            in.enableAliasing(true);
            model = ModelProto.parseFrom(in);
            in.checkLastTagWas(0);
        } catch (InvalidProtocolBufferException e) {
            throw new FormatException(where + ": is not an ONNX model, or truncated: " + e.getMessage(), e);
        } catch (IOException e) {
            throw new FormatException(where + ": " + e.getMessage(), e);
        }
        return new OnnxModel(model, output, where);
    }

    /** The function that the model computes. */
    public Graph graph() {
        return graph;
    }

    /** The name that the model's graph carries; may be empty. */
    public String name() {
        return name;
    }

    /** The program that wrote the model, and its version, such as {@code pytorch 1.13.0}; may be empty. */
    public String producer() {
        return producer;
    }

    /** The imported output's name. */
    public String output() {
        return output;
    }

    /** The version of ONNX's operators. */
    public long opset() {
        return opset;
    }

    /** The number of nodes in the file. */
    public int nodes() {
        return nodes;
    }

    /** The precision that the model itself computes in: that of its inputs. */
    public Precision precision() {
        return precision;
    }

    /** {@code torch_jit (pytorch 1.13.0, opset 13, 5 nodes, float32)}. */
    @Override
    public String toString() {
        return name + " (" + (producer.isEmpty() ? "" : producer + ", ") + "opset " + opset + ", " + nodes + " nodes, "
                + precision + ")";
    }
}
