package io.github.batchjac.io;

import io.github.batchjac.graph.Functions;
import io.github.batchjac.graph.Value;
import io.github.batchjac.tensor.Shape;

/** What a name in an ONNX graph stands for. */
sealed interface OnnxOperand {

    /** Differs between samples: ONNX shape {@code (B, value's shape...)}. */
    record Batched(Value value) implements OnnxOperand {}

    /** Computed from stored numbers alone: ONNX shape that of the value. */
    record Shared(Value value) implements OnnxOperand {}

    /**
     * Numbers in the file, seen under {@code shape}.
     *
     * @param transposed whether {@code tensor}, a matrix, is the transpose of what is meant
     */
    record Stored(OnnxTensor tensor, Shape shape, boolean transposed) implements OnnxOperand {
        static Stored of(OnnxTensor tensor) {
            return new Stored(tensor, tensor.numbers().shape(), false);
        }
    }

    default boolean batched() {
        return this instanceof Batched;
    }

    /** The ONNX shape without the batch axis, if there is one. */
    default Shape shape() {
        if (this instanceof Batched b) {
            return b.value().shape();
        } else if (this instanceof Shared s) {
            return s.value().shape();
        }
        return ((Stored) this).shape();
    }

    /** This operand as a value of {@link #shape}. */
    default Value value() {
        if (this instanceof Batched b) {
            return b.value();
        } else if (this instanceof Shared s) {
            return s.value();
        }
        Stored stored = (Stored) this;
        if (stored.transposed()) {
            throw new IllegalArgumentException("the transpose of "
                    + stored.tensor().title() + " is used; it can only be a weight of Gemm or MatMul");
        }
        return as(stored.tensor().value(), stored.shape());
    }

    /** This operand in another shape with as many elements. */
    default OnnxOperand reshaped(Shape shape) {
        if (shape.equals(shape())) {
            return this;
        }
        if (this instanceof Stored stored && !stored.transposed()) {
            if (shape.elements() != stored.shape().elements()) {
                throw new IllegalArgumentException(
                        stored.tensor().title() + " has shape " + stored.shape() + ", which cannot become " + shape);
            }
            return new Stored(stored.tensor(), shape, false);
        }
        Value value = Functions.reshape(value(), shape.axes());
        return batched() ? new Batched(value) : new Shared(value);
    }

    /** {@code value} with its components under {@code shape}. */
    static Value as(Value value, Shape shape) {
        return value.shape().equals(shape) ? value : Functions.reshape(value, shape.axes());
    }
}
