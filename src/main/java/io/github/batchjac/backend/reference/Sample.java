package io.github.batchjac.backend.reference;

import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Op;
import io.github.batchjac.graph.Value;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** A graph at one sample: the numbers of all its values, and the Jacobians of its output. */
final class Sample {
    private final Graph graph;
    private final Map<Value, double[]> numbers = new HashMap<>();

    /**
     * Computes all values.
     *
     * @param given the numbers of every input and parameter, by name
     */
    Sample(Graph graph, Map<String, double[]> given) {
        this.graph = graph;
        for (Value value : graph.values()) {
            Op op = value.op();
            if (op instanceof Op.Input in) {
                numbers.put(value, given(given, in.name()));
            } else if (op instanceof Op.Parameter p) {
                numbers.put(value, given(given, p.name()));
            } else if (op instanceof Op.Constant c) {
                double[] constant = new double[value.size()];
                Arrays.setAll(constant, c.value()::get);
                numbers.put(value, constant);
            } else {
                numbers.put(value, Forward.of(value, operands(value)));
            }
        }
    }

    private static double[] given(Map<String, double[]> given, String name) {
        return Objects.requireNonNull(given.get(name), name);
    }

    double[] value(Value value) {
        return Objects.requireNonNull(numbers.get(value));
    }

    List<double[]> operands(Value value) {
        return value.operands().stream().map(this::value).toList();
    }

    /**
     * {@code J = ∂output/∂source} (components of the output, components of the source), by the multi-path chain rule:
     * {@code J(v) = Σ_i ∂v/∂operand_i · J(operand_i)}, from the source on. Absent throughout if there is no path.
     */
    Matrix jacobian(Value source) {
        Map<Value, Matrix> jacobians = new HashMap<>();
        for (Value value : graph.values()) {
            for (int i = 0; i < value.operands().size(); i++) {
                Value operand = value.operand(i);
                if (operand == source) {
                    // J(source) is the identity, which for a weight matrix would be large
                    accumulate(jacobians, value, LocalJacobians.of(value, i, operands(value)));
                } else if (jacobians.containsKey(operand)) {
                    Matrix local = LocalJacobians.of(value, i, operands(value));
                    accumulate(jacobians, value, local.times(Objects.requireNonNull(jacobians.get(operand))));
                }
            }
        }
        Value output = graph.output();
        if (output == source) {
            return Matrix.identity(output.size());
        }
        Matrix jacobian = jacobians.get(output);
        return jacobian == null ? new Matrix(output.size(), source.size()) : jacobian;
    }

    private static void accumulate(Map<Value, Matrix> jacobians, Value value, Matrix term) {
        Matrix sum = jacobians.get(value);
        if (sum == null) {
            jacobians.put(value, term);
        } else {
            sum.add(term);
        }
    }
}
