package io.github.batchjac.backend.reference;

import io.github.batchjac.backend.Program;
import io.github.batchjac.graph.Elementwise;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Op;
import io.github.batchjac.graph.Value;
import io.github.batchjac.plan.Request;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How far a backend's results may be from exact ones, entry by entry: the promises on single operations, carried through
 * the graph to first order (running error analysis; Higham, Accuracy and Stability of Numerical Algorithms, §3.3).
 *
 * <p>A value's error e comes from its operands' errors through the operation's slopes, plus the operation's own. A local
 * Jacobian L computed from such values is off by D. With M the product of absolute values along every path, summed, and F
 * the bound on a Jacobian's error, both from the source on:
 *
 * <pre>
 * M(v) = Σ |L|·M(operand)        F(v) = Σ (|L|+D)·F(operand) + D·M(operand) + γ·|L|·M(operand),   γ = (inner + 8)u + paths·u
 * </pre>
 *
 * <p>The last term bounds the rounding of the products in <em>any</em> order, since |A||B||C| does not depend on it: one
 * bound for forward, reverse and everything between. Nothing here is fitted to what a backend does.
 */
public final class ErrorBounds {
    /** What one elementwise operation may be off by, in units of u: the most that any promise allows (GELU, 12). */
    private static final double OPERATION = 16;

    private final Graph graph;
    private final double u;
    private final double tiny;
    private final Sample sample;
    private final Map<Value, double[]> errors = new HashMap<>();

    private ErrorBounds(Graph graph, Map<String, double[]> given, Precision precision) {
        this.graph = graph;
        this.u = precision.unitRoundoff();
        this.tiny = 8 * precision.smallest();
        this.sample = new Sample(graph, given);
        for (Value value : graph.values()) {
            errors.put(value, value.operands().isEmpty() ? new double[value.size()] : error(value));
        }
    }

    /**
     * Bounds for every result of a program of the reference backend, run on {@code inputs}, for backends that compute in
     * {@code precision}. They hold for the difference to the reference's own float64 results too.
     *
     * @param program of the reference backend, in float64
     */
    public static Map<String, double[]> of(
            Program program, Map<String, Tensor> inputs, int batch, Precision precision) {
        Graph graph = program.plan().graph();
        Request request = program.plan().request();
        Map<String, double[]> parameters = new HashMap<>();
        graph.parameters()
                .forEach((name, value) ->
                        parameters.put(name, row(((Op.Parameter) value.op()).value(), 0, value.size())));
        Map<String, List<double[]>> perSample = new LinkedHashMap<>();
        Map<String, double[]> sums = new LinkedHashMap<>();
        for (int b = 0; b < batch; b++) {
            Map<String, double[]> given = new HashMap<>(parameters);
            for (Map.Entry<String, Tensor> e : inputs.entrySet()) {
                Tensor all = e.getValue();
                boolean shared = program.inputShape(e.getKey(), batch + 1L).equals(all.shape());
                int size = shared ? all.size() : all.size() / batch;
                given.put(e.getKey(), row(all, shared ? 0 : b * size, size));
            }
            for (Precision p :
                    precision == Precision.F64 ? new Precision[] {precision, precision} : Precision.values()) {
                // once for the backend, once for the reference
                new ErrorBounds(graph, given, p).add(request, given, batch, b, perSample, sums);
            }
        }
        Map<String, double[]> bounds = new LinkedHashMap<>(sums);
        perSample.forEach((name, rows) ->
                bounds.put(name, rows.stream().flatMapToDouble(Arrays::stream).toArray()));
        return bounds;
    }

    private static double[] row(Tensor tensor, int from, int size) {
        double[] out = new double[size];
        Arrays.setAll(out, i -> tensor.get(from + i));
        return out;
    }

    // Values.

    private double[] e(Value value) {
        return errors.get(value);
    }

    private static double largest(double[] x) {
        return Arrays.stream(x).max().orElse(0);
    }

    private double[] error(Value value) {
        Op op = value.op();
        double[] y = sample.value(value);
        double[] x = sample.value(value.operand(0));
        double[] ex = e(value.operand(0));
        double[] out = new double[y.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = tiny;
            if (op instanceof Op.Map map) {
                out[i] += operation(map.function(), x[i]) * u * Math.abs(y[i])
                        + steepest(map.function(), x[i], ex[i]) * ex[i];
            } else if (op instanceof Op.Arithmetic arithmetic) {
                double[] b = sample.value(value.operand(1));
                double[] eb = e(value.operand(1));
                out[i] += arithmetic(arithmetic, x[i % x.length], ex[i % x.length], b[i % b.length], eb[i % b.length])
                        + u * Math.abs(y[i]);
            } else if (op instanceof Op.Linear linear) {
                out[i] += linear(value, linear.rowForm(), i) + u * Math.abs(y[i]);
            } else if (op == Op.Normalise.SOFTMAX) {
                out[i] += y[i] * (Math.expm1(2 * largest(ex)) + OPERATION * u);
            } else if (op == Op.Normalise.LOG_SOFTMAX) {
                out[i] += OPERATION * u * Math.abs(y[i]) + ex[i] + largest(ex);
            } else if (op instanceof Op.Reduce reduce) {
                out[i] += reduce(reduce, x, ex);
            } else if (op instanceof Op.Dot) {
                double[] b = sample.value(value.operand(1));
                double[] eb = e(value.operand(1));
                for (int k = 0; k < x.length; k++) {
                    out[i] += arithmetic(Op.Arithmetic.MULTIPLY, x[k], ex[k], b[k], eb[k])
                            + (x.length + 4) * u * Math.abs(x[k] * b[k]);
                }
            } else if (op instanceof Op.Reshape) {
                out[i] = ex[i];
            } else if (op instanceof Op.Loss loss) {
                out[i] += loss(value, loss);
            } else {
                throw new IllegalArgumentException(op.title());
            }
        }
        return out;
    }

    /** More where GELU's tanh form rounds the argument w of an exponential first: 8 + 4|w| ulp. */
    private static double operation(Elementwise function, double z) {
        double w = 1.6 * (Math.abs(z) + 0.045 * Math.abs(z * z * z));
        return OPERATION + (function.kind() == Elementwise.Kind.GELU_TANH ? 4 * w : 0);
    }

    /** What a derivative's error is relative to: itself, or of {@code (z·c)' = c + z·c'} both terms. */
    private static double slopeMagnitude(Elementwise function, double z, double slope) {
        return switch (function.kind()) {
            case SILU, GELU, GELU_TANH -> {
                double c = z == 0 ? slope : ElementwiseFunctions.value(function, z) / z;
                yield Math.abs(c) + Math.abs(slope - c);
            }
            default -> Math.abs(slope);
        };
    }

    private static double steepest(Elementwise function, double z, double e) {
        return Math.max(
                Math.abs(ElementwiseFunctions.derivative(function, z)),
                Math.max(
                        Math.abs(ElementwiseFunctions.derivative(function, z - e)),
                        Math.abs(ElementwiseFunctions.derivative(function, z + e))));
    }

    private static double arithmetic(Op.Arithmetic op, double a, double ea, double b, double eb) {
        return switch (op) {
            case ADD, SUBTRACT -> ea + eb;
            case MULTIPLY -> Math.abs(a) * eb + Math.abs(b) * ea + ea * eb;
            case DIVIDE -> (ea + Math.abs(a / b) * eb) / (Math.abs(b) - eb);
        };
    }

    private double linear(Value value, boolean rowForm, int i) {
        double[] x = sample.value(value.operand(0));
        double[] ex = e(value.operand(0));
        double[] w = sample.value(value.operand(1));
        int n = x.length;
        int m = value.size();
        double error = 0;
        for (int k = 0; k < n; k++) {
            double weight = Math.abs(rowForm ? w[k * m + i] : w[i * n + k]);
            error += weight * (ex[k] + (n + 4) * u * Math.abs(x[k]));
        }
        return value.operands().size() > 2
                ? error + e(value.operand(2))[i] + u * Math.abs(sample.value(value.operand(2))[i])
                : error;
    }

    private double reduce(Op.Reduce reduce, double[] x, double[] ex) {
        int n = x.length;
        double error = 0;
        for (int k = 0; k < n; k++) {
            error += switch (reduce) {
                case SUM -> ex[k] + (n + 4) * u * Math.abs(x[k]);
                case MEAN -> (ex[k] + (n + 4) * u * Math.abs(x[k])) / n;
                case HALF_SQUARED_NORM -> (Math.abs(x[k]) + ex[k]) * ex[k] + (n + 4) * u * x[k] * x[k] / 2;
            };
        }
        return error;
    }

    private double loss(Value value, Op.Loss loss) {
        double[] target = Losses.target(value, sample.value(value.operand(0)));
        double[] p = sample.value(value.operand(1));
        double[] ep = e(value.operand(1));
        int n = p.length;
        double error = 0;
        SoftmaxRow row = new SoftmaxRow(p);
        for (int k = 0; k < n; k++) {
            error += switch (loss) {
                case SQUARED_ERROR -> {
                    double d = Math.abs(p[k] - target[k]);
                    double ed = ep[k] + u * d;
                    yield (d + ed) * ed + (n + 4) * u * d * d;
                }
                case CROSS_ENTROPY ->
                    target[k] * (ep[k] / (p[k] - ep[k]) + (n + OPERATION) * u * Math.abs(Math.log(p[k])));
                case SOFTMAX_CROSS_ENTROPY ->
                    target[k] * (2 * largest(ep) + (n + OPERATION) * u * row.logSumExpMinus(k));
            };
        }
        return error;
    }

    // Local Jacobians.

    /** D: the error of {@code ∂value/∂operand_i}, entry by entry. */
    private double[] localError(Value value, int i, Matrix local) {
        Op op = value.op();
        double[] x = sample.value(value.operand(i));
        double[] ex = e(value.operand(i));
        double[] out = new double[local.entries().length];
        for (int r = 0; r < local.rows(); r++) {
            for (int c = 0; c < local.cols(); c++) {
                if (!local.has(r, c)) {
                    continue;
                }
                double l = Math.abs(local.get(r, c));
                double d = 0;
                if (op instanceof Op.Map map && !map.function().kind().linear()) {
                    Elementwise f = map.function();
                    double slope = ElementwiseFunctions.derivative(f, x[c]);
                    d = operation(f, x[c]) * u * slopeMagnitude(f, x[c], slope)
                            + Math.max(
                                    Math.abs(ElementwiseFunctions.derivative(f, x[c] + ex[c]) - slope),
                                    Math.abs(ElementwiseFunctions.derivative(f, x[c] - ex[c]) - slope));
                } else if (op == Op.Arithmetic.MULTIPLY || op instanceof Op.Dot) {
                    double[] other = e(value.operand(1 - i));
                    d = other[(op instanceof Op.Dot ? c : r) % other.length];
                } else if (op == Op.Arithmetic.DIVIDE) {
                    double[] b = sample.value(value.operand(1));
                    double eb = e(value.operand(1))[r % b.length];
                    double divisor = Math.abs(b[r % b.length]);
                    double numerator = i == 0 ? 0 : e(value)[r];
                    d = (numerator + l * eb) / (divisor - eb) + 2 * u * l;
                } else if (op instanceof Op.Linear linear && i == 1) {
                    double[] input = e(value.operand(0));
                    d = input[linear.rowForm() ? c / value.size() : c % input.length];
                } else if (op instanceof Op.Normalise) {
                    d = l * (Math.expm1(4 * largest(ex)) + 2 * OPERATION * u);
                } else if (op == Op.Reduce.MEAN) {
                    d = u * l;
                } else if (op == Op.Reduce.HALF_SQUARED_NORM) {
                    d = ex[c];
                } else if (op instanceof Op.Loss loss) {
                    d = lossError(value, loss, c, l);
                }
                out[r * local.cols() + c] = d + tiny;
            }
        }
        return out;
    }

    private double lossError(Value value, Op.Loss loss, int c, double l) {
        double[] target = Losses.target(value, sample.value(value.operand(0)));
        double[] p = sample.value(value.operand(1));
        double[] ep = e(value.operand(1));
        return switch (loss) {
            case SQUARED_ERROR -> ep[c] + u * l;
            case CROSS_ENTROPY -> l * (ep[c] / (p[c] - ep[c]) + 2 * u);
            case SOFTMAX_CROSS_ENTROPY -> {
                SoftmaxRow row = new SoftmaxRow(p);
                double terms = Arrays.stream(target).sum() * row.q(c) + target[c] * row.others(c);
                // (Σp)q with p one-hot in the label: the term of the others is exactly 0
                double magnitude = value.operand(0).op() instanceof Op.Input in && in.index() ? l : terms;
                yield magnitude * (Math.expm1(4 * largest(ep)) + (p.length + OPERATION) * u);
            }
        };
    }

    // Jacobians.

    /** M and F of the output with respect to one source. */
    private record Spread(double[] magnitude, double[] error) {}

    private Spread jacobian(Value source) {
        Map<Value, Spread> spreads = new HashMap<>();
        int n = source.size();
        double[] identity = new double[n * n];
        for (int j = 0; j < n && graph.output() == source; j++) {
            identity[j * n + j] = 1;
        }
        if (graph.output() == source) {
            return new Spread(identity, new double[n * n]);
        }
        for (Value value : graph.values()) {
            for (int i = 0; i < value.operands().size(); i++) {
                Value operand = value.operand(i);
                if (operand == source || spreads.containsKey(operand)) {
                    Spread sum = spreads.computeIfAbsent(
                            value, v -> new Spread(new double[v.size() * n], new double[v.size() * n]));
                    accumulate(sum, value, i, operand == source ? null : spreads.get(operand), n);
                }
            }
        }
        return spreads.get(graph.output());
    }

    /** Adds one path's part to M and F; {@code inner} is null where the operand is the source. */
    private void accumulate(Spread sum, Value value, int i, Spread inner, int n) {
        Matrix local = LocalJacobians.of(value, i, sample.operands(value));
        double[] d = localError(value, i, local);
        double gamma = (local.cols() + 8 + value.operands().size()) * u;
        for (int r = 0; r < local.rows(); r++) {
            for (int k = 0; k < local.cols(); k++) {
                int at = r * local.cols() + k;
                if (!local.has(r, k)) {
                    continue;
                }
                double l = Math.abs(local.get(r, k));
                if (inner == null) {
                    sum.magnitude()[r * n + k] += l;
                    sum.error()[r * n + k] += d[at] + gamma * l;
                    continue;
                }
                for (int j = 0; j < n; j++) {
                    double m = inner.magnitude()[k * n + j];
                    sum.magnitude()[r * n + j] += l * m;
                    sum.error()[r * n + j] +=
                            (l + d[at]) * inner.error()[k * n + j] + (d[at] + gamma * l) * m + (m == 0 ? 0 : tiny);
                }
            }
        }
    }

    // Results.

    private void add(
            Request request,
            Map<String, double[]> given,
            int batch,
            int b,
            Map<String, List<double[]>> perSample,
            Map<String, double[]> sums) {
        Map<String, Spread> spreads = new LinkedHashMap<>();
        request.wrt().forEach(name -> spreads.put(name, jacobian(graph.named(name))));
        int m = graph.output().size();
        int k = Math.max(1, request.seeds());
        if (request.kind() == Request.Kind.FORWARD || request.value()) {
            deliver(perSample, b, Request.VALUE, e(graph.output()));
        }
        switch (request.kind()) {
            case FORWARD -> {}
            case JACOBIAN -> spreads.forEach((name, s) -> deliver(perSample, b, name, s.error()));
            case VJP ->
                spreads.forEach((name, s) -> deliver(
                        perSample, b, name, product(k, m, s.error().length / m, given.get(Request.COTANGENT), s)));
            case JVP -> {
                double[] sum = new double[m * k];
                spreads.forEach((name, s) -> {
                    double[] t = given.get(Request.tangent(name));
                    int n = s.error().length / m;
                    for (int i = 0; i < m; i++) {
                        for (int j = 0; j < n; j++) {
                            for (int c = 0; c < k; c++) {
                                sum[i * k + c] += Math.abs(t[j * k + c])
                                                * (s.error()[i * n + j]
                                                        + (n + 4 + spreads.size()) * u * s.magnitude()[i * n + j])
                                        + tiny;
                            }
                        }
                    }
                });
                deliver(perSample, b, Request.TANGENT, sum);
            }
            case GRADIENT, CLIPPED_SUM, NORMS -> gradients(request, batch, b, spreads, perSample, sums);
        }
    }

    private double[] product(int k, int m, int n, double[] v, Spread s) {
        double[] out = new double[k * n];
        for (int r = 0; r < k; r++) {
            for (int i = 0; i < m; i++) {
                for (int j = 0; j < n; j++) {
                    out[r * n + j] +=
                            Math.abs(v[r * m + i]) * (s.error()[i * n + j] + (m + 4) * u * s.magnitude()[i * n + j])
                                    + tiny;
                }
            }
        }
        return out;
    }

    private void gradients(
            Request request,
            int batch,
            int b,
            Map<String, Spread> spreads,
            Map<String, List<double[]>> perSample,
            Map<String, double[]> sums) {
        double squares = 0;
        double errorSquares = 0;
        Map<String, double[]> gradients = new HashMap<>();
        for (Map.Entry<String, Spread> entry : spreads.entrySet()) {
            double[] g = sample.jacobian(graph.named(entry.getKey())).entries();
            gradients.put(entry.getKey(), g);
            double[] f = entry.getValue().error();
            double square = Arrays.stream(g).map(x -> x * x).sum();
            double errorSquare = Arrays.stream(f).map(x -> x * x).sum();
            squares += square;
            errorSquares += errorSquare;
            if (request.kind() == Request.Kind.NORMS) {
                deliver(perSample, b, entry.getKey(), new double[] {norm(square, errorSquare, g.length)});
            }
        }
        int all = spreads.values().stream().mapToInt(s -> s.error().length).sum();
        double norm = Math.sqrt(squares);
        double normError = norm(squares, errorSquares, all);
        if (request.kind() != Request.Kind.GRADIENT) {
            deliver(perSample, b, Request.NORM, new double[] {normError});
        }
        if (request.kind() == Request.Kind.NORMS) {
            return;
        }
        double factor = 1;
        double factorError = 0;
        if (request.kind() == Request.Kind.CLIPPED_SUM) {
            factor = Math.min(1, request.limit() / norm);
            boolean clips = norm + normError >= request.limit();
            factorError = clips ? factor * (normError / (norm - normError) + 2 * u) : 0;
        }
        double share = request.reduction() == io.github.batchjac.plan.Reduction.MEAN ? 1.0 / batch : 1;
        for (Map.Entry<String, Spread> entry : spreads.entrySet()) {
            double[] f = entry.getValue().error();
            double[] g = entry.getValue().magnitude();
            double[] out = new double[f.length];
            for (int i = 0; i < out.length; i++) {
                out[i] = share * ((factor + factorError) * f[i] + factorError * g[i]);
                if (request.reduced()) {
                    // the sum over the batch, the factor and the division
                    out[i] += share * (batch + 6) * u * factor * g[i] + tiny;
                }
            }
            if (!request.reduced()) {
                deliver(perSample, b, entry.getKey(), out);
            } else {
                double[] sum = sums.computeIfAbsent(entry.getKey(), name -> new double[f.length]);
                Arrays.setAll(sum, i -> sum[i] + out[i]);
            }
        }
    }

    /** {@code ‖g+f‖ − ‖g‖ ≤ ‖f‖}, and the rounding of the norm itself. */
    private double norm(double square, double errorSquare, int n) {
        return Math.sqrt(errorSquare) + (n + 8) * u * Math.sqrt(square) + tiny;
    }

    private static void deliver(Map<String, List<double[]>> perSample, int b, String name, double[] bound) {
        List<double[]> rows = perSample.computeIfAbsent(name, n -> new ArrayList<>());
        if (rows.size() == b) {
            rows.add(bound.clone());
        } else {
            double[] row = rows.get(b);
            Arrays.setAll(row, i -> row[i] + bound[i]);
        }
    }
}
