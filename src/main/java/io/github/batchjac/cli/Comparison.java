package io.github.batchjac.cli;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Program;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Op;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Request;
import io.github.batchjac.tensor.ElementType;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;

/**
 * A backend in one precision against the reference in float64, on the same numbers: inputs, parameters and seeds are
 * rounded to that precision first, so that what remains is the backend's own error.
 */
final class Comparison {
    private static final long SEED = 1;

    private final Backend reference;
    private final Backend backend;
    private final Graph graph;
    private final List<String> names;
    private final Map<String, Tensor> inputs;
    private final Precision precision;
    private final int batch;
    private final List<ErrorBounds> bounds = new ArrayList<>();

    Comparison(
            Backend reference,
            Backend backend,
            Graph graph,
            List<String> names,
            Map<String, Tensor> inputs,
            Precision precision) {
        this.reference = reference;
        this.backend = backend;
        this.names = names;
        this.precision = precision;
        Map<String, Tensor> parameters = new LinkedHashMap<>();
        graph.parameters().forEach((name, value) -> parameters.put(name, ((Op.Parameter) value.op()).value()));
        this.graph = graph.with(CheckCommand.rounded(parameters, precision));
        this.inputs = CheckCommand.rounded(inputs, precision);
        this.batch = (int) this.inputs.values().iterator().next().shape().axis(0);
        for (int b = 0; b < batch; b++) {
            bounds.add(new ErrorBounds(reference, this.graph, sample(b), precision));
        }
    }

    private Map<String, double[]> sample(int b) {
        Map<String, double[]> one = new LinkedHashMap<>();
        inputs.forEach((name, tensor) -> {
            Tensor row = tensor.samples(b, b + 1);
            double[] x = new double[row.size()];
            java.util.Arrays.setAll(x, row::get);
            one.put(name, x);
        });
        return one;
    }

    /** Forward, Jacobian, VJP and JVP. */
    List<CheckRow> check() {
        String[] wrt = names.toArray(String[]::new);
        List<CheckRow> rows = new ArrayList<>();
        rows.add(compare(
                "forward",
                Request.forward(),
                Map.of(),
                (b, name, i) -> bounds.get(b).value()[i]));
        rows.add(compare(
                "jacobian",
                Request.jacobian(wrt),
                Map.of(),
                (b, name, i) -> bounds.get(b).jacobian(name)[i]));
        int m = graph.output().size();
        Random random = new Random(SEED);
        Tensor v = random(random, graph.output().shape().prepend(batch));
        rows.add(compare("vjp", Request.vjp(wrt), Map.of(Request.COTANGENT, v), (b, name, i) -> {
            int n = graph.named(name).size();
            double sum = 0;
            for (int r = 0; r < m; r++) {
                sum += Math.abs(v.get(b * m + r)) * entry(b, name, r * n + i, m);
            }
            return sum;
        }));
        Map<String, Tensor> tangents = new LinkedHashMap<>();
        for (String name : names) {
            Shape shape = graph.named(name).shape();
            boolean shared = graph.named(name).shared();
            tangents.put(Request.tangent(name), random(random, shared ? shape : shape.prepend(batch)));
        }
        rows.add(compare("jvp", Request.jvp(wrt), tangents, (b, key, r) -> jvpBound(b, r, tangents)));
        return rows;
    }

    private double jvpBound(int b, int r, Map<String, Tensor> tangents) {
        double sum = 0;
        for (String name : names) {
            int n = graph.named(name).size();
            Tensor t = Objects.requireNonNull(tangents.get(Request.tangent(name)));
            int first = graph.named(name).shared() ? 0 : b * n;
            for (int c = 0; c < n; c++) {
                sum += Math.abs(t.get(first + c)) * entry(b, name, r * n + c, n + names.size());
            }
        }
        return sum;
    }

    /** The bound of an entry that is multiplied and then added up with {@code inner} others. */
    private double entry(int b, String name, int i, int inner) {
        ErrorBounds own = bounds.get(b);
        return own.jacobian(name)[i] + (inner + 4) * precision.unitRoundoff() * own.magnitude(name)[i];
    }

    private Tensor random(Random random, Shape shape) {
        double[] x = new double[shape.size()];
        java.util.Arrays.setAll(x, i -> (float) random.nextGaussian());
        return Tensor.of(x, shape);
    }

    private interface Bound {
        double at(int sample, String name, int entry);
    }

    private CheckRow compare(String what, Request request, Map<String, Tensor> seeds, Bound bound) {
        Map<String, Tensor> given = new LinkedHashMap<>(inputs);
        given.putAll(seeds);
        Map<String, Tensor> expected = run(reference, request, given, Precision.F64);
        Map<String, Tensor> got = run(backend, request, given, precision);
        CheckRow.Tally tally = new CheckRow.Tally();
        expected.forEach((name, e) -> {
            Tensor g = Objects.requireNonNull(got.get(name));
            int each = e.size() / batch;
            for (int i = 0; i < e.size(); i++) {
                double limit = bound.at(i / each, name, i % each) + precision.ulp(e.get(i));
                tally.add(g.get(i), e.get(i), limit, precision.ulp(e.get(i)));
            }
        });
        return tally.row(what, backend.name() + " " + precision, "reference");
    }

    private Map<String, Tensor> run(Backend on, Request request, Map<String, Tensor> given, Precision in) {
        Map<String, Tensor> converted = new LinkedHashMap<>();
        given.forEach((name, t) -> converted.put(name, t.type() == ElementType.I64 ? t : t.to(in)));
        Plan plan = Plan.of(graph, request, on.workload(batch).in(in));
        try (Program program = on.prepare(plan)) {
            return program.run(converted);
        }
    }
}
