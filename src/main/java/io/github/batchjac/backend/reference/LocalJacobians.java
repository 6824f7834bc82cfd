package io.github.batchjac.backend.reference;

import io.github.batchjac.graph.Op;
import io.github.batchjac.graph.Value;
import java.util.List;

/** The Jacobian of one operation with respect to one of its operands, for one sample. */
final class LocalJacobians {
    private LocalJacobians() {}

    /**
     * {@code ∂value/∂operand_i}, (components of the value, components of the operand).
     *
     * @param operands the operands' numbers
     * @throws IllegalArgumentException if the operation is not differentiable with respect to that operand
     */
    static Matrix of(Value value, int i, List<double[]> operands) {
        Op op = value.op();
        double[] x = operands.get(i);
        Matrix out = new Matrix(value.size(), x.length);
        if (op instanceof Op.Map map) {
            for (int k = 0; k < x.length; k++) {
                out.add(k, k, ElementwiseFunctions.derivative(map.function(), x[k]));
            }
        } else if (op instanceof Op.Arithmetic arithmetic) {
            arithmetic(out, arithmetic, i, operands.get(0), operands.get(1));
        } else if (op instanceof Op.Linear linear) {
            linear(out, linear.rowForm(), i, operands.get(0), operands.get(1));
        } else if (op instanceof Op.Normalise normalise) {
            normalise(out, normalise, new SoftmaxRow(x));
        } else if (op instanceof Op.Reduce reduce) {
            for (int j = 0; j < x.length; j++) {
                out.add(
                        0,
                        j,
                        switch (reduce) {
                            case SUM -> 1;
                            case MEAN -> 1.0 / x.length;
                            case HALF_SQUARED_NORM -> x[j];
                        });
            }
        } else if (op instanceof Op.Dot) {
            double[] other = operands.get(1 - i);
            for (int j = 0; j < x.length; j++) {
                out.add(0, j, other[j]);
            }
        } else if (op instanceof Op.Reshape) {
            return Matrix.identity(x.length);
        } else if (op instanceof Op.Loss loss && i == 1) {
            double[] target = Losses.target(value, operands.get(0));
            for (int j = 0; j < x.length; j++) {
                out.add(0, j, Losses.gradient(loss, target, x, j));
            }
        } else {
            throw new IllegalArgumentException(op.title() + " has no Jacobian with respect to operand " + i);
        }
        return out;
    }

    /** Component k of the result is made of {@code a[k mod a.length]} and {@code b[k mod b.length]}. */
    private static void arithmetic(Matrix out, Op.Arithmetic op, int i, double[] a, double[] b) {
        for (int k = 0; k < out.rows(); k++) {
            double x = a[k % a.length];
            double y = b[k % b.length];
            double d = switch (op) {
                case ADD -> 1;
                case SUBTRACT -> i == 0 ? 1 : -1;
                case MULTIPLY -> i == 0 ? y : x;
                case DIVIDE -> i == 0 ? 1 / y : -(x / y) / y;
            };
            out.add(k, k % out.cols(), d);
        }
    }

    /** Of {@code z_r = Σ_c W_rc x_c + b_r}: {@code W_rc}; {@code ∂z_r/∂W_rc = x_c}; {@code ∂z_r/∂b_r = 1}. */
    private static void linear(Matrix out, boolean rowForm, int i, double[] x, double[] w) {
        int m = out.rows();
        int n = x.length;
        for (int r = 0; r < m; r++) {
            for (int c = 0; c < n && i < 2; c++) {
                int entry = rowForm ? c * m + r : r * n + c;
                if (i == 0) {
                    out.add(r, c, w[entry]);
                } else {
                    out.add(r, entry, x[c]);
                }
            }
            if (i == 2) {
                out.add(r, r, 1);
            }
        }
    }

    /** {@code diag q − qqᵀ}, or of the logarithm {@code I − 1qᵀ}; zeros are +0. */
    private static void normalise(Matrix out, Op.Normalise op, SoftmaxRow row) {
        for (int r = 0; r < out.rows(); r++) {
            double factor = op == Op.Normalise.SOFTMAX ? row.q(r) : 1;
            for (int c = 0; c < out.cols(); c++) {
                out.add(r, c, r == c ? factor * row.others(r) : 0 - factor * row.q(c));
            }
        }
    }
}
