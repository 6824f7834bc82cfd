package io.github.batchjac.cli;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Program;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Op;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Request;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;

/**
 * The reference's derivative along random directions against central differences of its own values, which know nothing of
 * derivatives.
 *
 * <p>The bound on an entry adds what the differences themselves disagree about, {@code |D₊−D₋| + |D(h)−D(2h)|}, which
 * covers the truncation and, near a kink, the choice of a side, to the rounding of the values over the step.
 */
final class FiniteDifferences {
    private static final int DIRECTIONS = 4;
    private static final long SEED = 2;
    private static final double STEP = 0x1p-17;
    private static final double ROUNDINGS = 64;

    private final Backend reference;
    private final Graph graph;
    private final List<String> names;
    private final Map<String, Tensor> inputs;
    private final int batch;

    FiniteDifferences(Backend reference, Graph graph, List<String> names, Map<String, Tensor> inputs) {
        this.reference = reference;
        this.graph = graph;
        this.names = names;
        this.inputs = inputs;
        this.batch = (int) inputs.values().iterator().next().shape().axis(0);
    }

    CheckRow check() {
        CheckRow.Tally tally = new CheckRow.Tally();
        Random random = new Random(SEED);
        for (int d = 0; d < DIRECTIONS; d++) {
            Map<String, Tensor> direction = new LinkedHashMap<>();
            for (String name : names) {
                Shape shape = graph.named(name).shape();
                direction.put(name, random(random, graph.named(name).shared() ? shape : shape.prepend(batch)));
            }
            compare(direction, tally);
        }
        return tally.row("derivative", "reference float64", "differences");
    }

    private void compare(Map<String, Tensor> direction, CheckRow.Tally tally) {
        double[] derivative = derivative(direction);
        double[] here = value(direction, 0);
        double[] plus = value(direction, STEP);
        double[] minus = value(direction, -STEP);
        double[] farPlus = value(direction, 2 * STEP);
        double[] farMinus = value(direction, -2 * STEP);
        double size = 1;
        for (double v : here) {
            size = Math.max(size, Double.isFinite(v) ? Math.abs(v) : 0);
        }
        for (int i = 0; i < here.length; i++) {
            double central = (plus[i] - minus[i]) / (2 * STEP);
            double far = (farPlus[i] - farMinus[i]) / (4 * STEP);
            double sides = Math.abs((plus[i] - here[i]) - (here[i] - minus[i])) / STEP;
            double rounding = ROUNDINGS * Precision.F64.unitRoundoff() * size / STEP;
            tally.add(derivative[i], central, sides + Math.abs(central - far) + rounding, Math.ulp(central));
        }
    }

    private double[] derivative(Map<String, Tensor> direction) {
        Map<String, Tensor> given = new LinkedHashMap<>(inputs);
        direction.forEach((name, t) -> given.put(Request.tangent(name), t));
        return run(graph, Request.jvp(names.toArray(String[]::new)), given, Request.TANGENT);
    }

    private double[] value(Map<String, Tensor> direction, double step) {
        Map<String, Tensor> given = new LinkedHashMap<>(inputs);
        Map<String, Tensor> parameters = new LinkedHashMap<>();
        direction.forEach((name, t) -> {
            if (graph.named(name).op() instanceof Op.Parameter p) {
                parameters.put(name, moved(p.value(), t, step));
            } else {
                given.put(name, moved(Objects.requireNonNull(inputs.get(name)), t, step));
            }
        });
        return run(graph.with(parameters), Request.forward(), given, Request.VALUE);
    }

    private static Tensor moved(Tensor from, Tensor direction, double step) {
        double[] x = new double[from.size()];
        java.util.Arrays.setAll(x, i -> from.get(i) + step * direction.get(i));
        return Tensor.of(x, from.shape());
    }

    private double[] run(Graph what, Request request, Map<String, Tensor> given, String result) {
        Plan plan = Plan.of(what, request, reference.workload(batch).in(Precision.F64));
        try (Program program = reference.prepare(plan)) {
            return Objects.requireNonNull(program.run(given).get(result)).doubles();
        }
    }

    private static Tensor random(Random random, Shape shape) {
        double[] x = new double[shape.size()];
        java.util.Arrays.setAll(x, i -> random.nextGaussian());
        return Tensor.of(x, shape);
    }
}
