package io.github.batchjac.structure;

import io.github.batchjac.graph.Op;
import io.github.batchjac.graph.Value;
import io.github.batchjac.structure.Structure.Dense;
import io.github.batchjac.structure.Structure.Diagonal;
import io.github.batchjac.structure.Structure.Kronecker;
import io.github.batchjac.structure.Structure.LogSoftmax;
import io.github.batchjac.structure.Structure.Softmax;

/** The structure that an operation declares for its Jacobian with respect to one operand. */
public final class LocalJacobian {
    private LocalJacobian() {}

    /**
     * The Jacobian of {@code value} with respect to operand {@code i}: {@code value.size()} rows, {@code
     * value.operand(i).size()} columns.
     *
     * @throws IllegalArgumentException if the operation is not differentiable with respect to that operand (a target)
     */
    public static Structure of(Value value, int i) {
        Value operand = value.operand(i);
        int n = operand.size();
        Op op = value.op();
        if (op instanceof Op.Map map) {
            return switch (map.function().kind()) {
                case IDENTITY -> Structure.identity(n);
                case NEGATE -> Structure.diagonal(n, true);
                default -> Structure.diagonal(n, operand.shared());
            };
        } else if (op instanceof Op.Arithmetic arithmetic) {
            int repeat = value.size() / n;
            return switch (arithmetic) {
                case ADD -> Structure.tiledIdentity(repeat, n);
                case SUBTRACT -> i == 0 ? Structure.tiledIdentity(repeat, n) : new Diagonal(repeat, n, false, true);
                case MULTIPLY ->
                    new Diagonal(repeat, n, false, value.operand(1 - i).shared());
                // a/b: diag 1/b, diag −a/b²
                case DIVIDE ->
                    new Diagonal(repeat, n, false, i == 0 ? value.operand(1).shared() : value.shared());
            };
        } else if (op instanceof Op.Linear linear) {
            Value x = value.operand(0);
            return switch (i) {
                case 0 -> new Dense(value.size(), n, true);
                case 1 -> new Kronecker(Structure.identity(value.size()), x.size(), linear.rowForm(), x.shared());
                default -> Structure.identity(n);
            };
        } else if (op instanceof Op.Normalise normalise) {
            return normalise == Op.Normalise.SOFTMAX
                    ? new Softmax(n, operand.shared())
                    : new LogSoftmax(n, operand.shared());
        } else if (op instanceof Op.Reduce reduce) {
            return new Dense(1, n, reduce != Op.Reduce.HALF_SQUARED_NORM || operand.shared());
        } else if (op instanceof Op.Dot) {
            return new Dense(1, n, value.operand(1 - i).shared());
        } else if (op instanceof Op.Reshape) {
            return Structure.identity(n);
        } else if (op instanceof Op.Loss loss) {
            if (i == 0) {
                throw new IllegalArgumentException(
                        loss + " is not differentiable with respect to its target; only to its prediction");
            }
            return new Dense(1, n, value.shared());
        }
        throw new IllegalArgumentException(op.title() + " has no operands");
    }
}
