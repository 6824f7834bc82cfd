package io.github.batchjac.cli;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Program;
import io.github.batchjac.graph.Functions;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Op;
import io.github.batchjac.graph.Value;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Request;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * One operation on its own, at given operands: its value, its local Jacobians, and how far the latter move when the
 * operands are off by no more than a given error. Computed by the reference.
 */
final class LocalAnalysis {
    private static final String OPERAND = "operand ";

    private final Backend reference;
    private final Value value;
    private final Graph alone;
    private final List<String> names = new ArrayList<>();

    LocalAnalysis(Backend reference, Value value) {
        this.reference = reference;
        this.value = value;
        List<Value> operands = new ArrayList<>();
        for (int i = 0; i < value.operands().size(); i++) {
            names.add(OPERAND + i);
            operands.add(free(value.operand(i), OPERAND + i, value.op() instanceof Op.Linear && i > 0));
        }
        this.alone = Graph.of(apply(value.op(), operands));
    }

    /** The operand as an input, or, where the operation insists, as a parameter. */
    private static Value free(Value operand, String name, boolean parameter) {
        if (operand.op() instanceof Op.Input in && in.index()) {
            return Functions.labels(name);
        }
        return parameter
                ? Functions.parameter(name, Tensor.zeros(io.github.batchjac.tensor.ElementType.F64, operand.shape()))
                : Functions.input(name, operand.shape().axes());
    }

    private static Value apply(Op op, List<Value> x) {
        if (op instanceof Op.Map map) {
            return Functions.map(map.function(), x.get(0));
        } else if (op instanceof Op.Arithmetic arithmetic) {
            return Functions.arithmetic(arithmetic, x.get(0), x.get(1));
        } else if (op instanceof Op.Linear linear) {
            return x.size() == 2
                    ? (linear.rowForm()
                            ? Functions.rowLinear(x.get(0), x.get(1))
                            : Functions.linear(x.get(1), x.get(0)))
                    : (linear.rowForm()
                            ? Functions.rowLinear(x.get(0), x.get(1), x.get(2))
                            : Functions.linear(x.get(1), x.get(2), x.get(0)));
        } else if (op instanceof Op.Normalise n) {
            return n == Op.Normalise.SOFTMAX ? Functions.softmax(x.get(0)) : Functions.logSoftmax(x.get(0));
        } else if (op instanceof Op.Reduce reduce) {
            return switch (reduce) {
                case SUM -> Functions.sum(x.get(0));
                case MEAN -> Functions.mean(x.get(0));
                case HALF_SQUARED_NORM -> Functions.halfSquaredNorm(x.get(0));
            };
        } else if (op instanceof Op.Dot) {
            return Functions.dot(x.get(0), x.get(1));
        } else if (op instanceof Op.Reshape reshape) {
            return Functions.reshape(x.get(0), reshape.shape().axes());
        } else if (op instanceof Op.Loss loss) {
            return Functions.loss(loss, x.get(0), x.get(1));
        }
        throw new Failure("check: no error bound is known for " + op.title());
    }

    /** The value. */
    double[] value(List<double[]> operands) {
        return run(Request.forward(), operands, Request.VALUE);
    }

    /** {@code ∂value/∂operand_i}, row-major. */
    double[] jacobian(int i, List<double[]> operands) {
        return run(Request.jacobian(names.get(i)), operands, names.get(i));
    }

    /** For each entry of that Jacobian, how far it moves within the operands' {@code errors}. */
    double[] jacobianError(int i, List<double[]> operands, List<double[]> errors) {
        double[] centre = jacobian(i, operands);
        double[] move = new double[centre.length];
        Op op = value.op();
        if (op instanceof Op.Reshape || isSum(op)) {
            return move;
        } else if (op instanceof Op.Normalise || op == Op.Loss.SOFTMAX_CROSS_ENTROPY) {
            // every q_i moves by a factor within exp(±2 max e); an entry is a product of at most two such sums
            double most = 0;
            for (double e : errors.get(op instanceof Op.Loss ? 1 : 0)) {
                most = Math.max(most, e);
            }
            for (int k = 0; k < move.length; k++) {
                double size = op instanceof Op.Loss ? 1 : Math.abs(centre[k]);
                move[k] = size * Math.expm1(4 * most);
            }
            return move;
        }
        // an entry depends on one component of each operand, and monotonically: the corners suffice
        for (int corner = 0; corner < 1 << operands.size(); corner++) {
            List<double[]> moved = new ArrayList<>();
            for (int o = 0; o < operands.size(); o++) {
                double sign = (corner >> o & 1) == 0 ? 1 : -1;
                double[] x = operands.get(o).clone();
                for (int k = 0; k < x.length; k++) {
                    x[k] += sign * errors.get(o)[k];
                }
                moved.add(x);
            }
            double[] there = jacobian(i, moved);
            for (int k = 0; k < move.length; k++) {
                move[k] = Math.max(move[k], Math.abs(there[k] - centre[k]));
            }
        }
        return move;
    }

    private static boolean isSum(Op op) {
        return op == Op.Arithmetic.ADD || op == Op.Arithmetic.SUBTRACT || op == Op.Reduce.SUM || op == Op.Reduce.MEAN;
    }

    private double[] run(Request request, List<double[]> operands, String result) {
        Map<String, Tensor> inputs = new LinkedHashMap<>();
        Map<String, Tensor> parameters = new LinkedHashMap<>();
        for (int o = 0; o < operands.size(); o++) {
            Value given = alone.named(names.get(o));
            double[] x = operands.get(o);
            if (given.op() instanceof Op.Parameter) {
                parameters.put(names.get(o), Tensor.of(x, given.shape()));
            } else if (given.op() instanceof Op.Input in && in.index()) {
                inputs.put(names.get(o), Tensor.of(new long[] {(long) x[0]}, 1));
            } else {
                inputs.put(names.get(o), Tensor.of(x, given.shape().prepend(1)));
            }
        }
        Plan plan = Plan.of(alone, request, reference.workload(1).in(Precision.F64));
        try (Program program = reference.prepare(plan)) {
            parameters.forEach(program::bind);
            return Objects.requireNonNull(program.run(inputs).get(result)).doubles();
        }
    }
}
