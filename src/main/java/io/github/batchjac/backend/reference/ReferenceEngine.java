package io.github.batchjac.backend.reference;

import io.github.batchjac.backend.Engine;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Reduction;
import io.github.batchjac.plan.Request;
import io.github.batchjac.plan.Result;
import io.github.batchjac.plan.Slot;
import io.github.batchjac.tensor.ElementType;
import io.github.batchjac.tensor.Tensor;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/** Answers a plan's request from its graph alone; of the plan it uses only the names of what comes in and goes out. */
final class ReferenceEngine implements Engine {
    private final Graph graph;
    private final Request request;
    private final Map<String, Result> results = new HashMap<>();
    private final Map<String, double[]> parameters = new HashMap<>();

    /** Of the batch so far, in double precision: how the batch is cut into calls does not matter. */
    private final Map<String, double[]> sums = new HashMap<>();

    ReferenceEngine(Plan plan) {
        this.graph = plan.graph();
        this.request = plan.request();
        plan.results().forEach(r -> results.put(r.name(), r));
    }

    @Override
    public void bind(Slot parameter, Tensor value) {
        parameters.put(parameter.name(), numbers(value, 0, value.size()));
    }

    @Override
    public void run(long first, int samples, long batch, Map<Slot, Tensor> inputs, Map<Slot, Tensor> out) {
        if (first == 0) {
            results.forEach((name, r) -> {
                if (r.reduction() != Reduction.NONE) {
                    sums.put(name, new double[r.slot().size()]);
                }
            });
        }
        for (int b = 0; b < samples; b++) {
            Map<String, double[]> given = new HashMap<>(parameters);
            for (Map.Entry<Slot, Tensor> e : inputs.entrySet()) {
                Slot slot = e.getKey();
                given.put(slot.name(), numbers(e.getValue(), slot.shared() ? 0 : b * slot.size(), slot.size()));
            }
            int sample = b;
            answer(given).forEach((name, values) -> deliver(name, values, sample, out));
        }
        sums.forEach((name, sum) -> write(tensor(name, out), 0, sum));
    }

    /** All results for one sample, by name; of those that are reduced, what this sample adds to the sum. */
    private Map<String, double[]> answer(Map<String, double[]> given) {
        Sample sample = new Sample(graph, given);
        Map<String, double[]> answer = new LinkedHashMap<>();
        Map<String, Matrix> jacobians = new LinkedHashMap<>();
        request.wrt().forEach(name -> jacobians.put(name, sample.jacobian(graph.named(name))));
        int seeds = Math.max(1, request.seeds());
        switch (request.kind()) {
            case FORWARD -> answer.put(Request.VALUE, sample.value(graph.output()));
            case JACOBIAN, GRADIENT -> jacobians.forEach((name, j) -> answer.put(name, j.entries()));
            case STRUCTURED -> throw new IllegalStateException("refused by the backend");
            case VJP -> {
                Matrix v = Matrix.of(seeds, graph.output().size(), seed(given, Request.COTANGENT));
                jacobians.forEach((name, j) -> answer.put(name, v.times(j).entries()));
            }
            case JVP -> {
                Matrix sum = new Matrix(graph.output().size(), seeds);
                jacobians.forEach((name, j) ->
                        sum.add(j.times(Matrix.of(j.cols(), seeds, seed(given, Request.tangent(name))))));
                answer.put(Request.TANGENT, sum.entries());
            }
            case NORMS -> {
                jacobians.forEach((name, j) -> answer.put(name, new double[] {norm(j)}));
                answer.put(Request.NORM, new double[] {norm(jacobians.values().toArray(Matrix[]::new))});
            }
            case CLIPPED_SUM -> {
                double norm = norm(jacobians.values().toArray(Matrix[]::new));
                double factor = Math.min(1, request.limit() / norm);
                jacobians.forEach((name, j) -> answer.put(
                        name, Arrays.stream(j.entries()).map(g -> factor * g).toArray()));
                answer.put(Request.NORM, new double[] {norm});
            }
        }
        if (request.value()) {
            answer.put(Request.VALUE, sample.value(graph.output()));
        }
        return answer;
    }

    private static double[] seed(Map<String, double[]> given, String name) {
        return Objects.requireNonNull(given.get(name), name);
    }

    /** {@code √Σ g²} over all entries of all gradients. */
    private static double norm(Matrix... gradients) {
        double squares = 0;
        for (Matrix gradient : gradients) {
            for (double g : gradient.entries()) {
                squares += g * g;
            }
        }
        return Math.sqrt(squares);
    }

    private void deliver(String name, double[] values, int sample, Map<Slot, Tensor> out) {
        double[] sum = sums.get(name);
        if (sum == null) {
            write(tensor(name, out), sample * values.length, values);
        } else {
            for (int i = 0; i < sum.length; i++) {
                sum[i] += values[i];
            }
        }
    }

    private Tensor tensor(String name, Map<Slot, Tensor> out) {
        Result result = Objects.requireNonNull(results.get(name), name);
        return Objects.requireNonNull(out.get(result.slot()), name);
    }

    private static double[] numbers(Tensor tensor, int from, int size) {
        double[] numbers = new double[size];
        Arrays.setAll(numbers, i -> tensor.get(from + i));
        return numbers;
    }

    private static void write(Tensor out, int from, double[] numbers) {
        for (int i = 0; i < numbers.length; i++) {
            if (out.type() == ElementType.F32) {
                out.floats()[from + i] = (float) numbers[i];
            } else {
                out.doubles()[from + i] = numbers[i];
            }
        }
    }

    @Override
    public String description() {
        return ReferenceBackend.DESCRIPTION;
    }

    @Override
    public void close() {
        parameters.clear();
        sums.clear();
    }
}
