package io.github.batchjac.graph;

import io.github.batchjac.tensor.Shape;
import java.util.List;

/**
 * One node of a graph: an operation, the values it takes, and the shape of its result for one sample. Immutable; made by
 * {@link Functions}, which check the shapes. Two values are equal only if they are the same object.
 */
public final class Value {
    private final Op op;
    private final List<Value> operands;
    private final Shape shape;
    private final boolean shared;

    Value(Op op, Shape shape, Value... operands) {
        this.op = op;
        this.operands = List.of(operands);
        this.shape = shape;
        this.shared = !(op instanceof Op.Input) && this.operands.stream().allMatch(Value::shared);
    }

    public Op op() {
        return op;
    }

    public List<Value> operands() {
        return operands;
    }

    public Value operand(int i) {
        return operands.get(i);
    }

    /** The shape for one sample, without the batch axis. */
    public Shape shape() {
        return shape;
    }

    /** The number of components for one sample. */
    public int size() {
        return shape.size();
    }

    /** Whether the value is the same for every sample: it depends on parameters and constants only. */
    public boolean shared() {
        return shared;
    }

    @Override
    public String toString() {
        return op.title() + " " + shape;
    }
}
