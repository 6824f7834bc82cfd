package io.github.batchjac.bench;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Backends;
import io.github.batchjac.backend.Program;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Request;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;

/** The exact results, from the library's float64 reference backend; of large items for every so many samples only. */
final class Reference {
    /** The most elements of one result that are compared. */
    private static final double MOST_ELEMENTS = 2e6;

    /** The most multiplications of dense local Jacobians that a check may take. */
    private static final double MOST_WORK = 2e9;

    private final Item item;
    private final int step;
    private final Map<String, Tensor> expected;

    private Reference(Item item, int step, Map<String, Tensor> expected) {
        this.item = item;
        this.step = step;
        this.expected = expected;
    }

    /** @param files the item's own, float64 */
    static Reference of(Item item, Map<String, Tensor> files) {
        int step = step(item);
        Map<String, Tensor> some = item.every(step, files);
        return new Reference(item, step, item.hasGraph() ? derivative(item, some) : product(item, some));
    }

    /** Every so many samples are compared. */
    private static int step(Item item) {
        if (item.reduced()) {
            return 1;
        }
        double each = item.work().writes() / item.batch();
        double work = item.work().flops() / item.batch();
        if (item.formula().startsWith("mlp-") && !item.formula().equals("mlp-jacobian")) {
            work *= 100; // dense Jacobians of every layer
        }
        double most = Math.max(2, Math.min(MOST_ELEMENTS / each, MOST_WORK / Math.max(1, work)));
        return (int) Math.max(1, Math.ceil(item.batch() / most));
    }

    int step() {
        return step;
    }

    int samples() {
        return (item.batch() + step - 1) / step;
    }

    private static Map<String, Tensor> derivative(Item item, Map<String, Tensor> files) {
        Request request =
                item.structured() ? Request.jacobian(item.results().toArray(String[]::new)) : item.theRequest();
        int batch = (int) Item.get(files, first(item)).shape().axis(0);
        try (Backend reference = Backends.reference()) {
            if (LayerReference.isFor(item)) {
                return new LayerReference(reference, item.theGraph(), files, batch)
                        .gradients(request.kind() == Request.Kind.NORMS);
            }
            Plan plan = Plan.of(
                    item.theGraph(),
                    request,
                    reference.workload(batch).in(Precision.F64).within(1L << 40));
            try (Program program = reference.prepare(plan)) {
                Map<String, Tensor> results = program.run(Item.inputs(program.inputs(), files));
                Map<String, Tensor> named = new LinkedHashMap<>();
                results.forEach((key, tensor) -> named.put(Item.file(key), tensor));
                return named;
            }
        }
    }

    private static String first(Item item) {
        return item.theGraph().inputs().keySet().iterator().next();
    }

    private static Map<String, Tensor> product(Item item, Map<String, Tensor> files) {
        double[] left = Item.get(files, "left").doubles();
        double[] right = Item.get(files, "right").doubles();
        int n = item.n();
        int batch = left.length / (n * n);
        double[] out = new double[left.length];
        for (int b = 0; b < batch; b++) {
            for (int i = 0; i < n; i++) {
                for (int k = 0; k < n; k++) {
                    double a = left[(b * n + i) * n + k];
                    for (int j = 0; j < n; j++) {
                        out[(b * n + i) * n + j] += a * right[(b * n + k) * n + j];
                    }
                }
            }
        }
        return Map.of(Plan.PRODUCT, Tensor.of(out, batch, n, n));
    }

    /**
     * The verdict on a contender's results.
     *
     * @param error ‖Δ‖/‖exact‖ in units of roundoff, over everything compared
     * @param fault empty, or in one sentence what is wrong
     */
    record Verdict(double error, String fault) {
        boolean right() {
            return fault.isEmpty();
        }
    }

    /** Compares results of every {@link #step}-th sample. */
    Verdict compare(Map<String, Tensor> results, Precision precision) {
        double difference = 0;
        double size = 0;
        for (String name : item.results()) {
            Tensor exact = expected.get(name);
            Tensor came = results.get(name);
            if (exact == null || came == null) {
                return new Verdict(Double.NaN, "result " + name + " is missing");
            }
            if (came.size() != exact.size()) {
                return new Verdict(Double.NaN, "result " + name + " is " + came + ", expected " + exact.shape());
            }
            double largest = 0;
            for (int i = 0; i < exact.size(); i++) {
                largest = Math.max(largest, Math.abs(exact.get(i)));
            }
            double bound = item.tolerance().bound(precision, largest);
            for (int i = 0; i < exact.size(); i++) {
                double delta = came.get(i) - exact.get(i);
                if (!(Math.abs(delta) <= bound)) {
                    return new Verdict(
                            Double.NaN,
                            "result " + name + " is wrong: element " + i + " is " + came.get(i) + ", expected "
                                    + exact.get(i) + " within " + (float) bound);
                }
                difference += delta * delta;
                size += exact.get(i) * exact.get(i);
            }
        }
        return new Verdict(Math.sqrt(difference / size) / precision.unitRoundoff(), "");
    }
}
