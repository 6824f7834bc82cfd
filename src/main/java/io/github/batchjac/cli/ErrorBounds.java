package io.github.batchjac.cli;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Op;
import io.github.batchjac.graph.Value;
import io.github.batchjac.tensor.Precision;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What rounding may do, to first order, to a graph's value and Jacobians at one sample, in whatever order the products are
 * taken.
 *
 * <p>Forward, the error of a value is {@code e = Σ|L_i|e_i + r}: what it inherits from its operands and the rounding of its
 * own operation. Backward, with {@code A} the product of the absolute local Jacobians from the output down to a value,
 * {@code A_i = Σ A|L_i|} and {@code E_i = Σ (E|L_i| + A·dL_i + (k+8)u·A|L_i|)}, where {@code dL_i} is what the operands'
 * errors do to the local Jacobian (and 16u for its own rounding) and k the inner size. The computed Jacobian is within E of
 * the exact one.
 */
final class ErrorBounds {
    private static final double VALUE_ROUNDINGS = 16;
    private static final double PRODUCT_ROUNDINGS = 8;

    private final Backend reference;
    private final Graph graph;
    private final double u;
    private final double tiny;
    private final Map<Value, double[]> values = new HashMap<>();
    private final Map<Value, double[]> errors = new HashMap<>();
    private final Map<Value, double[]> magnitudes = new HashMap<>();
    private final Map<Value, double[]> jacobianErrors = new HashMap<>();

    /**
     * @param inputs one sample's numbers by name
     * @param precision of the computation whose error is bounded
     */
    ErrorBounds(Backend reference, Graph graph, Map<String, double[]> inputs, Precision precision) {
        this.reference = reference;
        this.graph = graph;
        this.u = precision.unitRoundoff();
        this.tiny = precision.smallest();
        forward(inputs);
        backward();
    }

    /** For each component of the output. */
    double[] value() {
        return of(errors, graph.output());
    }

    /** The product of absolute local Jacobians, (output, name). */
    double[] magnitude(String name) {
        return of(magnitudes, graph.named(name));
    }

    /** For each entry of the Jacobian, (output, name). */
    double[] jacobian(String name) {
        return of(jacobianErrors, graph.named(name));
    }

    private static double[] of(Map<Value, double[]> map, Value value) {
        double[] found = map.get(value);
        if (found == null) {
            throw new IllegalStateException("no bound for " + value);
        }
        return found;
    }

    private void forward(Map<String, double[]> inputs) {
        for (Value value : graph.values()) {
            double[] x;
            double[] e = new double[value.size()];
            if (value.op() instanceof Op.Input in) {
                double[] given = inputs.get(in.name());
                if (given == null) {
                    throw new IllegalStateException(in.name());
                }
                x = given;
            } else if (value.op() instanceof Op.Parameter p) {
                x = numbers(p.value());
            } else if (value.op() instanceof Op.Constant c) {
                x = numbers(c.value());
                for (int i = 0; i < e.length; i++) {
                    e[i] = u * Math.abs(x[i]);
                }
            } else {
                LocalAnalysis local = new LocalAnalysis(reference, value);
                List<double[]> operands = all(values, value);
                x = local.value(operands);
                inherit(value, local, operands, x, e);
            }
            values.put(value, x);
            errors.put(value, e);
        }
    }

    private static double[] numbers(io.github.batchjac.tensor.Tensor t) {
        double[] x = new double[t.size()];
        for (int i = 0; i < x.length; i++) {
            x[i] = t.get(i);
        }
        return x;
    }

    private static List<double[]> all(Map<Value, double[]> map, Value value) {
        List<double[]> operands = new ArrayList<>();
        value.operands().forEach(o -> operands.add(of(map, o)));
        return operands;
    }

    /** Weights and biases are exact: their errors, and with them their local Jacobians, do not matter here. */
    private static boolean isWeight(Value value, int i) {
        return value.op() instanceof Op.Linear && i > 0;
    }

    private static boolean isTarget(Value value, int i) {
        return value.op() instanceof Op.Loss && i == 0;
    }

    private void inherit(Value value, LocalAnalysis local, List<double[]> operands, double[] x, double[] e) {
        for (int i = 0; i < operands.size(); i++) {
            if (isWeight(value, i) || isTarget(value, i)) {
                continue;
            }
            double[] from = of(errors, value.operand(i));
            double[] moved = local.jacobianError(i, operands, all(errors, value));
            double[] l = local.jacobian(i, operands);
            double[] in = operands.get(i);
            boolean sum =
                    value.op() instanceof Op.Linear || value.op() instanceof Op.Reduce || value.op() instanceof Op.Dot;
            for (int r = 0; r < e.length; r++) {
                for (int c = 0; c < in.length; c++) {
                    double slope = Math.abs(l[r * in.length + c]);
                    e[r] += (slope + moved[r * in.length + c]) * from[c];
                    if (sum) {
                        e[r] += (in.length + 4) * u * slope * Math.abs(in[c]);
                    }
                }
            }
        }
        double spread = value.op() instanceof Op.Loss || value.op() == Op.Normalise.LOG_SOFTMAX ? spread(operands) : 0;
        for (int r = 0; r < e.length; r++) {
            double bias = operands.size() > 2 ? Math.abs(operands.get(2)[r]) : 0;
            e[r] += VALUE_ROUNDINGS * u * (Math.abs(x[r]) + bias + spread) + VALUE_ROUNDINGS * tiny;
        }
    }

    /** The size of what is added up within an entropy. */
    private static double spread(List<double[]> operands) {
        double[] prediction = operands.get(operands.size() - 1);
        double most = 1;
        for (double p : prediction) {
            most = Math.max(most, Math.abs(p));
        }
        return most * prediction.length;
    }

    private void backward() {
        int m = graph.output().size();
        double[] identity = new double[m * m];
        for (int i = 0; i < m; i++) {
            identity[i * m + i] = 1;
        }
        magnitudes.put(graph.output(), identity);
        jacobianErrors.put(graph.output(), new double[m * m]);
        List<Value> order = graph.values();
        for (int k = order.size() - 1; k >= 0; k--) {
            Value value = order.get(k);
            for (int i = 0; i < value.operands().size() && magnitudes.containsKey(value); i++) {
                if (!isTarget(value, i)) {
                    pull(value, i, m);
                }
            }
        }
    }

    private void pull(Value value, int i, int m) {
        Value operand = value.operand(i);
        int n = operand.size();
        double[] a = magnitudes.computeIfAbsent(operand, o -> new double[m * n]);
        double[] e = jacobianErrors.computeIfAbsent(operand, o -> new double[m * n]);
        double[] above = of(magnitudes, value);
        double[] errorAbove = of(jacobianErrors, value);
        int k = value.size();
        if (value.op() instanceof Op.Linear linear && i == 1) {
            outer(
                    linear.rowForm(),
                    m,
                    k,
                    of(values, value.operand(0)),
                    of(errors, value.operand(0)),
                    above,
                    errorAbove,
                    a,
                    e);
            return;
        }
        LocalAnalysis local = new LocalAnalysis(reference, value);
        List<double[]> operands = all(values, value);
        double[] l = local.jacobian(i, operands);
        double[] moved = local.jacobianError(i, operands, all(errors, value));
        double rounding = (k + PRODUCT_ROUNDINGS + VALUE_ROUNDINGS) * u;
        for (int o = 0; o < m; o++) {
            for (int r = 0; r < k; r++) {
                double up = above[o * k + r];
                double eUp = errorAbove[o * k + r];
                for (int c = 0; c < n && (up != 0 || eUp != 0); c++) {
                    double slope = Math.abs(l[r * n + c]);
                    a[o * n + c] += up * slope;
                    e[o * n + c] += eUp * slope + up * (moved[r * n + c] + rounding * slope) + tiny;
                }
            }
        }
    }

    /** The weight's Jacobian has entries x_j, and zeros: A·|x|. */
    private void outer(
            boolean rowForm,
            int m,
            int k,
            double[] x,
            double[] ex,
            double[] above,
            double[] eAbove,
            double[] a,
            double[] e) {
        int n = x.length;
        for (int o = 0; o < m; o++) {
            for (int r = 0; r < k; r++) {
                for (int j = 0; j < n; j++) {
                    int at = o * n * k + (rowForm ? j * k + r : r * n + j);
                    double product = above[o * k + r] * Math.abs(x[j]);
                    a[at] += product;
                    e[at] += eAbove[o * k + r] * (Math.abs(x[j]) + ex[j])
                            + above[o * k + r] * ex[j]
                            + PRODUCT_ROUNDINGS * u * product
                            + tiny;
                }
            }
        }
    }
}
