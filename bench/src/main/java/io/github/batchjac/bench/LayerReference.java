package io.github.batchjac.bench;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Program;
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

/**
 * Per-sample gradients of networks whose dz/dW is too large for the reference backend to write out: of {@code z = Wx + b} it
 * computes dL/db and x, and dL/dW is their outer product. Small networks are checked without this shortcut.
 */
final class LayerReference {
    /** Elements of one dense dz/dW. */
    private static final double TOO_LARGE = 1e6;

    private final Backend reference;
    private final Graph graph;
    private final Map<String, Tensor> files;
    private final int batch;

    /** @param files float64 */
    LayerReference(Backend reference, Graph graph, Map<String, Tensor> files, int batch) {
        this.reference = reference;
        this.graph = graph;
        this.files = files;
        this.batch = batch;
    }

    /** Whether this is how an item must be checked. */
    static boolean isFor(Item item) {
        Request request = item.theRequest();
        boolean perSample =
                request.kind() == Request.Kind.NORMS || (request.kind() == Request.Kind.GRADIENT && !request.reduced());
        return perSample
                && layers(item.theGraph()).stream().anyMatch(z -> {
                    double m = z.size();
                    return m * z.operand(1).size() > TOO_LARGE;
                });
    }

    private static List<Value> layers(Graph graph) {
        return graph.values().stream()
                .filter(z -> z.op() instanceof Op.Linear && z.operands().size() == 3)
                .toList();
    }

    private static String name(Value parameter) {
        return parameter.op() instanceof Op.Parameter p ? p.name() : parameter.toString();
    }

    /** The gradients by parameter, or with {@code norms} their norm together. */
    Map<String, Tensor> gradients(boolean norms) {
        List<Value> layers = layers(graph);
        List<String> biases = new ArrayList<>();
        layers.forEach(z -> biases.add(name(z.operand(2))));
        Map<String, Tensor> results = new LinkedHashMap<>(run(graph, Request.gradient(biases.toArray(String[]::new))));
        for (Value z : layers) {
            Value x = z.operand(0);
            Tensor below = x.op() instanceof Op.Input in
                    ? Item.get(files, in.name())
                    : Item.get(run(Graph.of(x), Request.forward()), Request.VALUE);
            results.put(name(z.operand(1)), outer(Item.get(results, name(z.operand(2))), below));
        }
        return norms ? Map.of(Item.file(Request.NORM), norm(results)) : results;
    }

    private Map<String, Tensor> run(Graph part, Request request) {
        Plan plan = Plan.of(
                part, request, reference.workload(batch).in(Precision.F64).within(1L << 40));
        try (Program program = reference.prepare(plan)) {
            return program.run(Item.inputs(program.inputs(), files));
        }
    }

    private Tensor outer(Tensor rows, Tensor columns) {
        int m = rows.shape().tail().size();
        int n = columns.shape().tail().size();
        double[] out = new double[batch * m * n];
        for (int b = 0; b < batch; b++) {
            for (int i = 0; i < m; i++) {
                for (int j = 0; j < n; j++) {
                    out[(b * m + i) * n + j] = rows.get(b * m + i) * columns.get(b * n + j);
                }
            }
        }
        return Tensor.of(out, batch, m, n);
    }

    private Tensor norm(Map<String, Tensor> gradients) {
        double[] squares = new double[batch];
        for (Tensor gradient : gradients.values()) {
            int each = gradient.shape().tail().size();
            for (int i = 0; i < gradient.size(); i++) {
                squares[i / each] += gradient.get(i) * gradient.get(i);
            }
        }
        double[] norms = new double[batch];
        for (int b = 0; b < batch; b++) {
            norms[b] = Math.sqrt(squares[b]);
        }
        return Tensor.of(norms, batch);
    }
}
