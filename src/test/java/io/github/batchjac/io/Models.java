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
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Random;

/** Small ONNX models, node by node. Weights are drawn from a fixed seed. */
final class Models {
    final GraphProto.Builder graph = GraphProto.newBuilder().setName("test");
    private final Random random = new Random(5);
    private final int opset;

    Models(int opset) {
        this.opset = opset;
    }

    /** An input {@code (batch, axes...)}. */
    Models input(String name, long... axes) {
        graph.addInput(info(name, axes));
        return this;
    }

    Models output(String name) {
        graph.addOutput(ValueInfoProto.newBuilder()
                .setName(name)
                .setType(TypeProto.newBuilder()
                        .setTensorType(TypeProto.Tensor.newBuilder().setElemType(TensorProto.DataType.FLOAT_VALUE))));
        return this;
    }

    static ValueInfoProto info(String name, long... axes) {
        TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
        shape.addDimBuilder().setDimParam("batch");
        for (long axis : axes) {
            shape.addDimBuilder().setDimValue(axis);
        }
        return ValueInfoProto.newBuilder()
                .setName(name)
                .setType(TypeProto.newBuilder()
                        .setTensorType(TypeProto.Tensor.newBuilder()
                                .setElemType(TensorProto.DataType.FLOAT_VALUE)
                                .setShape(shape)))
                .build();
    }

    /** An initializer with random numbers in [0.5, 1.5). */
    Models weight(String name, long... axes) {
        int n = 1;
        for (long axis : axes) {
            n *= (int) axis;
        }
        float[] data = new float[n];
        for (int i = 0; i < n; i++) {
            data[i] = 0.5f + random.nextFloat();
        }
        return initializer(floats(data, axes).setName(name));
    }

    Models initializer(TensorProto.Builder tensor) {
        graph.addInitializer(tensor);
        return this;
    }

    Models integers(String name, long... values) {
        // raw bytes, as exporters write them; longs() uses the typed field
        ByteBuffer raw = ByteBuffer.allocate(values.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        raw.asLongBuffer().put(values);
        return initializer(longs(values)
                .clearInt64Data()
                .setRawData(ByteString.copyFrom(raw))
                .setName(name));
    }

    static TensorProto.Builder floats(float[] data, long... axes) {
        TensorProto.Builder tensor = TensorProto.newBuilder().setDataType(TensorProto.DataType.FLOAT_VALUE);
        for (long axis : axes) {
            tensor.addDims(axis);
        }
        for (float x : data) {
            tensor.addFloatData(x);
        }
        return tensor;
    }

    static TensorProto.Builder longs(long... values) {
        TensorProto.Builder tensor = TensorProto.newBuilder()
                .setDataType(TensorProto.DataType.INT64_VALUE)
                .addDims(values.length);
        for (long x : values) {
            tensor.addInt64Data(x);
        }
        return tensor;
    }

    Models constant(String name, TensorProto.Builder tensor) {
        return node("Constant", name, "", attribute("value", tensor));
    }

    /** A node named after its output; inputs separated by spaces, {@code _} for one left out. */
    Models node(String operator, String output, String inputs, AttributeProto... attributes) {
        NodeProto.Builder node = NodeProto.newBuilder()
                .setName("make_" + output)
                .setOpType(operator)
                .addOutput(output);
        for (String input : inputs.isEmpty() ? List.<String>of() : List.of(inputs.split(" "))) {
            node.addInput(input.equals("_") ? "" : input);
        }
        graph.addNode(node.addAllAttribute(List.of(attributes)));
        return this;
    }

    static AttributeProto attribute(String name, long value) {
        return AttributeProto.newBuilder()
                .setName(name)
                .setType(AttributeType.INT)
                .setI(value)
                .build();
    }

    static AttributeProto attribute(String name, float value) {
        return AttributeProto.newBuilder()
                .setName(name)
                .setType(AttributeType.FLOAT)
                .setF(value)
                .build();
    }

    static AttributeProto attribute(String name, String value) {
        return AttributeProto.newBuilder()
                .setName(name)
                .setType(AttributeType.STRING)
                .setS(ByteString.copyFromUtf8(value))
                .build();
    }

    static AttributeProto attribute(String name, TensorProto.Builder value) {
        return AttributeProto.newBuilder()
                .setName(name)
                .setType(AttributeType.TENSOR)
                .setT(value)
                .build();
    }

    static AttributeProto ints(String name, Long... values) {
        return AttributeProto.newBuilder()
                .setName(name)
                .setType(AttributeType.INTS)
                .addAllInts(List.of(values))
                .build();
    }

    byte[] bytes() {
        return ModelProto.newBuilder()
                .setIrVersion(opset >= 20 ? 9 : opset < 9 ? 3 : 7)
                .setProducerName("test")
                .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(opset))
                .setGraph(graph)
                .build()
                .toByteArray();
    }
}
