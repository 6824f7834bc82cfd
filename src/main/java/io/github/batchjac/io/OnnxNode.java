package io.github.batchjac.io;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.AttributeProto.AttributeType;
import ai.onnx.proto.OnnxMl.NodeProto;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A node of an ONNX graph with what its inputs stand for. Failures are {@link IllegalArgumentException}s. */
final class OnnxNode {
    private final NodeProto proto;
    private final Map<String, OnnxOperand> known;

    OnnxNode(NodeProto proto, Map<String, OnnxOperand> known) {
        this.proto = proto;
        this.known = known;
    }

    /** How messages call a node: {@code node "/0/Gemm" (Gemm)}, or by its place where it has no name. */
    static String title(NodeProto proto, int index) {
        return "node " + (proto.getName().isEmpty() ? "#" + index : InputFiles.quote(proto.getName())) + " ("
                + (proto.getDomain().isEmpty() ? "" : InputFiles.quote(proto.getDomain()) + " ")
                + InputFiles.quote(proto.getOpType()).replace("\"", "") + ")";
    }

    String type() {
        return proto.getOpType();
    }

    String inputName(int i) {
        return proto.getInput(i);
    }

    String output() {
        return proto.getOutput(0);
    }

    /** Refuses another number of inputs (a trailing empty name is an input left out). */
    void requireInputs(int least, int most) {
        int n = proto.getInputCount();
        if (n < least || n > most) {
            throw new IllegalArgumentException(
                    "it has " + n + " inputs, expected " + (least == most ? "" : least + " to ") + most);
        }
    }

    boolean has(int i) {
        return i < proto.getInputCount() && !proto.getInput(i).isEmpty();
    }

    OnnxOperand input(int i) {
        if (!has(i)) {
            throw new IllegalArgumentException("its input " + i + " is missing");
        }
        OnnxOperand operand = known.get(proto.getInput(i));
        if (operand == null) {
            throw new IllegalArgumentException("its input " + InputFiles.quote(proto.getInput(i))
                    + " is an output that the importer does not provide (a mask, a second result)");
        }
        return operand;
    }

    /** The integers of an input that must be stored in the file. */
    long[] integers(int i) {
        if (input(i) instanceof OnnxOperand.Stored stored && !stored.transposed()) {
            io.github.batchjac.tensor.Tensor t = stored.tensor().numbers();
            if (t.type() != io.github.batchjac.tensor.ElementType.I64
                    || stored.shape().rank() > 1) {
                throw new IllegalArgumentException(
                        stored.tensor().title() + " is " + t + ", expected a vector of integers");
            }
            return t.longs();
        }
        throw new IllegalArgumentException(
                "its input " + InputFiles.quote(proto.getInput(i)) + " is computed, expected a constant");
    }

    /** The one number of an input that must be stored in the file. */
    double number(int i) {
        if (input(i) instanceof OnnxOperand.Stored stored && stored.shape().elements() == 1) {
            return stored.tensor().numbers().get(0);
        }
        throw new IllegalArgumentException(
                "its input " + InputFiles.quote(proto.getInput(i)) + " is not a constant of one number");
    }

    @Nullable AttributeProto attribute(String name, AttributeType type) {
        for (AttributeProto attribute : proto.getAttributeList()) {
            if (attribute.getName().equals(name)) {
                if (attribute.hasType() && attribute.getType() != type) {
                    throw new IllegalArgumentException(
                            "its attribute " + name + " is " + attribute.getType() + ", expected " + type);
                }
                return attribute;
            }
        }
        return null;
    }

    long integer(String name, long otherwise) {
        AttributeProto attribute = attribute(name, AttributeType.INT);
        return attribute == null ? otherwise : attribute.getI();
    }

    /**
     * A number that is stored in float32. The shortest decimal that is that float is taken: 0.01 was meant, not
     * 0.009999999776482582, and a float64 run shall compute with what was meant.
     */
    double decimal(String name, double otherwise) {
        AttributeProto attribute = attribute(name, AttributeType.FLOAT);
        if (attribute == null) {
            return otherwise;
        }
        double number = Double.parseDouble(Float.toString(attribute.getF()));
        if (!Double.isFinite(number)) {
            throw new IllegalArgumentException(
                    "its attribute " + name + " is " + number + ", expected a finite number");
        }
        return number;
    }

    String text(String name, String otherwise) {
        AttributeProto attribute = attribute(name, AttributeType.STRING);
        return attribute == null ? otherwise : attribute.getS().toStringUtf8();
    }

    long @Nullable [] integersAttribute(String name) {
        AttributeProto attribute = attribute(name, AttributeType.INTS);
        if (attribute == null) {
            return null;
        }
        long[] integers = new long[attribute.getIntsCount()];
        for (int i = 0; i < integers.length; i++) {
            integers[i] = attribute.getInts(i);
        }
        return integers;
    }

    /** Axes from input {@code i} or, as before the opset that made them one, from the attribute; null for none. */
    long @Nullable [] axes(int i) {
        return has(i) ? integers(i) : integersAttribute("axes");
    }

    /** The first attribute, of a Constant. */
    AttributeProto only() {
        if (proto.getAttributeCount() != 1) {
            throw new IllegalArgumentException(
                    "it has " + proto.getAttributeCount() + " attributes, expected one value");
        }
        return proto.getAttribute(0);
    }
}
