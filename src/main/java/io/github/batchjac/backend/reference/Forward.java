package io.github.batchjac.backend.reference;

import io.github.batchjac.graph.Op;
import io.github.batchjac.graph.Value;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntToDoubleFunction;

/** The value of one operation for one sample. */
final class Forward {
    private Forward() {}

    /**
     * The numbers of {@code value}, given its operands'. A class index is one number.
     *
     * @throws IllegalArgumentException if the value is given, not computed
     */
    static double[] of(Value value, List<double[]> operands) {
        Op op = value.op();
        double[] a = operands.get(0);
        if (op instanceof Op.Map map) {
            return each(value.size(), i -> ElementwiseFunctions.value(map.function(), a[i]));
        } else if (op instanceof Op.Arithmetic arithmetic) {
            return arithmetic(arithmetic, value.size(), a, operands.get(1));
        } else if (op instanceof Op.Linear linear) {
            double[] b = operands.size() > 2 ? operands.get(2) : new double[value.size()];
            return linear(linear.rowForm(), value.size(), a, operands.get(1), b);
        } else if (op instanceof Op.Normalise normalise) {
            SoftmaxRow row = new SoftmaxRow(a);
            return each(a.length, i -> normalise == Op.Normalise.SOFTMAX ? row.q(i) : -row.logSumExpMinus(i));
        } else if (op instanceof Op.Reduce reduce) {
            return new double[] {
                switch (reduce) {
                    case SUM -> sum(a.length, i -> a[i]);
                    case MEAN -> sum(a.length, i -> a[i]) / a.length;
                    case HALF_SQUARED_NORM -> 0.5 * sum(a.length, i -> a[i] * a[i]);
                }
            };
        } else if (op instanceof Op.Dot) {
            double[] b = operands.get(1);
            return new double[] {sum(a.length, i -> a[i] * b[i])};
        } else if (op instanceof Op.Reshape) {
            return a;
        } else if (op instanceof Op.Loss loss) {
            return new double[] {Losses.value(loss, Losses.target(value, a), operands.get(1))};
        }
        throw new IllegalArgumentException(op.title() + " is given, not computed");
    }

    /** The shorter operand is repeated. */
    private static double[] arithmetic(Op.Arithmetic op, int size, double[] a, double[] b) {
        return each(size, i -> {
            double x = a[i % a.length];
            double y = b[i % b.length];
            return switch (op) {
                case ADD -> x + y;
                case SUBTRACT -> x - y;
                case MULTIPLY -> x * y;
                case DIVIDE -> x / y;
            };
        });
    }

    /** {@code z_i = Σ_j W_ij x_j + b_i}, or in row form {@code z_i = Σ_j x_j W_ji + b_i}. */
    private static double[] linear(boolean rowForm, int m, double[] x, double[] w, double[] b) {
        int n = x.length;
        return each(m, i -> sum(n, j -> (rowForm ? w[j * m + i] : w[i * n + j]) * x[j]) + b[i]);
    }

    private static double[] each(int n, IntToDoubleFunction f) {
        double[] out = new double[n];
        Arrays.setAll(out, f);
        return out;
    }

    static double sum(int n, IntToDoubleFunction f) {
        double s = 0;
        for (int i = 0; i < n; i++) {
            s += f.applyAsDouble(i);
        }
        return s;
    }
}
