package io.github.batchjac.io;

import ai.onnx.proto.OnnxMl.TensorProto;
import io.github.batchjac.graph.Functions;
import io.github.batchjac.graph.Value;
import io.github.batchjac.tensor.ElementType;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * Numbers stored in an ONNX file: an initializer, which becomes a parameter, or a constant. Decoded when first needed;
 * failures are {@link IllegalArgumentException}s that name the tensor.
 */
final class OnnxTensor {
    private final String title;
    private final String name;
    private final boolean parameter;
    private @Nullable TensorProto proto;
    private @Nullable Tensor tensor;
    private @Nullable Value value;
    private @Nullable OnnxTensor real;

    private OnnxTensor(String name, boolean parameter, @Nullable TensorProto proto, @Nullable Tensor tensor) {
        this.title = (parameter ? "initializer " : "constant ") + InputFiles.quote(name);
        this.name = name;
        this.parameter = parameter;
        this.proto = proto;
        this.tensor = tensor;
    }

    static OnnxTensor initializer(TensorProto proto) {
        return new OnnxTensor(proto.getName(), true, proto, null);
    }

    static OnnxTensor constant(String name, TensorProto proto) {
        return new OnnxTensor(name, false, proto, null);
    }

    static OnnxTensor constant(String name, Tensor tensor) {
        return new OnnxTensor(name, false, null, tensor);
    }

    String title() {
        return title;
    }

    /** The numbers; booleans and int32 as int64. */
    Tensor numbers() {
        Tensor t = tensor;
        if (t == null) {
            TensorProto p = proto;
            if (p == null) {
                throw new IllegalStateException(title);
            }
            t = decode(p, title);
            tensor = t;
            proto = null;
        }
        return t;
    }

    /** The numbers as a parameter or constant of their own shape; always the same object. */
    Value value() {
        Value v = value;
        if (v == null) {
            if (numbers().type() == ElementType.I64) {
                throw new IllegalArgumentException(title + " holds integers, expected float32 or float64");
            }
            v = parameter ? Functions.parameter(name, numbers()) : Functions.constant(numbers());
            value = v;
        }
        return v;
    }

    /** These numbers cast to a float type: integers become constants, reals stay what they are. */
    OnnxTensor real() {
        if (numbers().type() != ElementType.I64) {
            return this;
        }
        OnnxTensor r = real;
        if (r == null) {
            r = constant(name, numbers().to(Precision.F64));
            real = r;
        }
        return r;
    }

    private static Tensor decode(TensorProto proto, String title) {
        if (proto.getDataLocation() == TensorProto.DataLocation.EXTERNAL || proto.getExternalDataCount() > 0) {
            throw new IllegalArgumentException(
                    title + " lies in another file (external data), expected one that the model contains");
        }
        if (proto.hasSegment()) {
            throw new IllegalArgumentException(title + " is stored in segments, expected a whole tensor");
        }
        Shape shape = shape(proto, title);
        int n = (int) shape.elements();
        return switch (proto.getDataType()) {
            case TensorProto.DataType.FLOAT_VALUE -> floats(proto, title, shape, n);
            case TensorProto.DataType.DOUBLE_VALUE -> doubles(proto, title, shape, n);
            case TensorProto.DataType.INT64_VALUE, TensorProto.DataType.INT32_VALUE, TensorProto.DataType.BOOL_VALUE ->
                integers(proto, title, shape, n);
            default ->
                throw new IllegalArgumentException(
                        title + " is " + typeName(proto.getDataType()) + ", expected float32 or float64");
        };
    }

    private static Shape shape(TensorProto proto, String title) {
        int rank = proto.getDimsCount();
        if (rank > NpyHeader.MOST_AXES) {
            throw new IllegalArgumentException(
                    title + " has " + rank + " axes, at most " + NpyHeader.MOST_AXES + " are accepted");
        }
        long[] axes = new long[rank];
        for (int i = 0; i < rank; i++) {
            axes[i] = proto.getDims(i);
        }
        try {
            Shape shape = Shape.of(axes);
            NpyHeader.requireCountable(shape, Double.BYTES);
            shape.size();
            return shape;
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw new IllegalArgumentException(title + ": " + e.getMessage(), e);
        }
    }

    private static Tensor floats(TensorProto proto, String title, Shape shape, int n) {
        ByteBuffer raw = raw(proto, title, shape, Float.BYTES, proto.getFloatDataCount());
        float[] data = new float[n];
        if (raw != null) {
            raw.asFloatBuffer().get(data);
        } else {
            for (int i = 0; i < n; i++) {
                data[i] = proto.getFloatData(i);
            }
        }
        return Tensor.of(data, shape);
    }

    private static Tensor doubles(TensorProto proto, String title, Shape shape, int n) {
        ByteBuffer raw = raw(proto, title, shape, Double.BYTES, proto.getDoubleDataCount());
        double[] data = new double[n];
        if (raw != null) {
            raw.asDoubleBuffer().get(data);
        } else {
            for (int i = 0; i < n; i++) {
                data[i] = proto.getDoubleData(i);
            }
        }
        return Tensor.of(data, shape);
    }

    private static Tensor integers(TensorProto proto, String title, Shape shape, int n) {
        boolean wide = proto.getDataType() == TensorProto.DataType.INT64_VALUE;
        int bytes = wide ? Long.BYTES : proto.getDataType() == TensorProto.DataType.INT32_VALUE ? Integer.BYTES : 1;
        int typed = wide ? proto.getInt64DataCount() : proto.getInt32DataCount();
        ByteBuffer raw = raw(proto, title, shape, bytes, typed);
        long[] data = new long[n];
        for (int i = 0; i < n; i++) {
            if (raw == null) {
                data[i] = wide ? proto.getInt64Data(i) : proto.getInt32Data(i);
            } else {
                data[i] = wide ? raw.getLong(i * bytes) : bytes == 1 ? raw.get(i) : raw.getInt(i * bytes);
            }
        }
        return Tensor.of(data, shape);
    }

    /** The raw bytes, or null where the typed field holds the numbers. Either must hold exactly the shape's elements. */
    private static @Nullable ByteBuffer raw(TensorProto proto, String title, Shape shape, int bytes, int typed) {
        long n = shape.elements();
        if (proto.hasRawData() && typed == 0) {
            if (proto.getRawData().size() != n * bytes) {
                throw new IllegalArgumentException(title + " has shape " + shape + " and "
                        + proto.getRawData().size() + " bytes of data, expected " + n * bytes);
            }
            // a slice: the buffer is a window on the whole file, and absolute reads count from its start
            return proto.getRawData().asReadOnlyByteBuffer().slice().order(ByteOrder.LITTLE_ENDIAN);
        }
        if (typed != n || proto.hasRawData()) {
            throw new IllegalArgumentException(title + " has shape " + shape + " and " + typed + " numbers"
                    + (proto.hasRawData() ? " beside raw data" : "") + ", expected " + n);
        }
        return null;
    }

    /** How messages call an ONNX element type. */
    static String typeName(int type) {
        TensorProto.DataType known = TensorProto.DataType.forNumber(type);
        return known == null
                ? "of the unknown ONNX type " + type
                : switch (known) {
                    case FLOAT -> "float32";
                    case DOUBLE -> "float64";
                    default -> known.name().toLowerCase(java.util.Locale.ROOT);
                };
    }
}
