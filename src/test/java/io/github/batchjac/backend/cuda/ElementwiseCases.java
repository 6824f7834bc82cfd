package io.github.batchjac.backend.cuda;

import io.github.batchjac.backend.Erf;
import io.github.batchjac.backend.cuda.BenchCase.Near;
import io.github.batchjac.backend.cuda.BenchCase.Numbers;
import io.github.batchjac.graph.Elementwise;
import io.github.batchjac.graph.Elementwise.Kind;
import io.github.batchjac.graph.Op;
import io.github.batchjac.tensor.Precision;
import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Functions and arithmetic, with their derivatives. */
final class ElementwiseCases extends BenchCases {
    private static final Set<Kind> POSITIVE = EnumSet.of(Kind.LOG, Kind.SQRT, Kind.RECIPROCAL);

    ElementwiseCases(Precision precision, boolean tiny, long room) {
        super(precision, tiny, room);
    }

    @Override
    void addAll() {
        long count = batch(1) * (tiny ? 67 : 1);
        for (Kind kind : Kind.values()) {
            boolean sloped = kind == Kind.LEAKY_RELU || kind == Kind.ELU;
            Elementwise f = new Elementwise(kind, sloped ? 0.25 : 0);
            add("map " + f, "%d elements, value and derivative", count)
                    .reads(count, POSITIVE.contains(kind) ? Numbers.POSITIVE : Numbers.NORMAL)
                    .writes(count, (g, i) -> value(kind, g.at(0, i)))
                    .writes(count, (g, i) -> derivative(kind, g.at(0, i)))
                    .launch((k, at) -> k.elementwise().map(f, at[1], at[2], at[0], count));
        }
        for (int n : widths()) {
            for (Op.Arithmetic op : Op.Arithmetic.values()) {
                arithmetic(op, batch(2L * n), n, n);
                arithmetic(op, batch(n), n, 1);
            }
            arithmetic(null, batch(2L * n), n, n);
            arithmetic(null, batch(n), n, 1);
        }
    }

    /** @param op null for the derivative of a quotient with respect to the divisor */
    private void arithmetic(Op.@Nullable Arithmetic op, long batch, int n, int nb) {
        String form = nb == n ? "" : ", one number each";
        add(op == null ? "divide_derivative" : op.toString(), "B=%d n=%d%s", batch, n, form)
                .reads(batch * n)
                .reads(batch * nb, Numbers.POSITIVE)
                .writes(batch * n, (g, i) -> {
                    double a = g.at(0, i);
                    double b = g.at(1, i / n * nb + i % nb);
                    if (op == null) {
                        return Near.within(4, -a / square(b));
                    }
                    return Near.exactly(rounded(
                            switch (op) {
                                case ADD -> a + b;
                                case SUBTRACT -> a - b;
                                case MULTIPLY -> a * b;
                                case DIVIDE -> a / b;
                            }));
                })
                .launch((k, at) -> {
                    Strided a = each(at[0], n);
                    Strided b = each(at[1], nb);
                    if (op == null) {
                        k.elementwise().divideDerivative(at[2], n, a, n, b, nb, batch);
                    } else {
                        k.elementwise().arithmetic(op, at[2], n, a, n, b, nb, batch);
                    }
                });
    }

    /** Within 16 roundings, beside those of a term that cancels. */
    private static Near value(Kind kind, double z) {
        double value = switch (kind) {
            case IDENTITY -> z;
            case NEGATE -> -z;
            case SIGMOID -> 1 / (1 + Math.exp(-z));
            case TANH -> Math.tanh(z);
            case RELU -> Math.max(z, 0);
            case LEAKY_RELU -> z > 0 ? z : z / 4;
            case ELU -> z > 0 ? z : Math.expm1(z) / 4;
            case SOFTPLUS -> Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
            case SILU -> z / (1 + Math.exp(-z));
            case GELU -> z * Erf.normal(z);
            case GELU_TANH -> z / 2 * (1 + Math.tanh(inner(z)));
            case EXP -> Math.exp(z);
            case LOG -> Math.log(z);
            case SQUARE -> z * z;
            case SQRT -> Math.sqrt(z);
            case SIN -> Math.sin(z);
            case COS -> Math.cos(z);
            case RECIPROCAL -> 1 / z;
            case ERF -> Erf.erf(z);
        };
        return new Near(value, 16 * Math.max(Math.abs(value), kind == Kind.GELU_TANH ? Math.abs(z) : 0));
    }

    private static double inner(double z) {
        return Math.sqrt(2 / Math.PI) * (z + 0.044715 * z * z * z);
    }

    private static Near derivative(Kind kind, double z) {
        double e = Math.exp(-Math.abs(z));
        double sigmoid = 1 / (1 + Math.exp(-z));
        double t = Math.tanh(inner(z));
        double value = switch (kind) {
            case IDENTITY -> 1;
            case NEGATE -> -1;
            case SIGMOID -> e / square(1 + e);
            case TANH -> 4 * e * e / square(1 + e * e);
            case RELU -> z > 0 ? 1 : 0;
            case LEAKY_RELU -> z > 0 ? 1 : 0.25;
            case ELU -> z > 0 ? 1 : Math.exp(z) / 4;
            case SOFTPLUS -> sigmoid;
            case SILU -> sigmoid * (1 + z * (1 - sigmoid));
            case GELU -> Erf.normal(z) + z * density(z);
            case GELU_TANH -> (1 + t) / 2 + z / 2 * (1 - t * t) * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * z * z);
            case EXP -> Math.exp(z);
            case LOG -> 1 / z;
            case SQUARE -> 2 * z;
            case SQRT -> 0.5 / Math.sqrt(z);
            case SIN -> Math.cos(z);
            case COS -> -Math.sin(z);
            case RECIPROCAL -> -1 / (z * z);
            case ERF -> 2 / Math.sqrt(Math.PI) * Math.exp(-z * z);
        };
        boolean cancels = kind == Kind.SILU || kind == Kind.GELU || kind == Kind.GELU_TANH;
        return new Near(value, (cancels ? 64 : 16) * (Math.abs(value) + (cancels ? 1 : 0)));
    }

    private static double density(double z) {
        return Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI);
    }
}
