package io.github.batchjac.bench;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Outputs;
import io.github.batchjac.backend.Program;
import io.github.batchjac.backend.Results;
import io.github.batchjac.plan.Order;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Workload;
import io.github.batchjac.structure.Structure;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * An item ready to run on a backend, again and again, into arrays that are reused and of which only what changes is written; on a GPU results stay where they
 * were computed. The one place that calls the library's hot path.
 */
final class Prepared implements AutoCloseable {
    private final Item item;
    private final Program program;
    private final Map<String, Tensor> inputs;
    private final Outputs outputs;
    private final boolean onDevice;

    private Prepared(Item item, Program program, Map<String, Tensor> inputs, boolean onDevice) {
        this.item = item;
        this.program = program;
        this.inputs = inputs;
        this.onDevice = onDevice;
        this.outputs = program.outputs(item.batch());
    }

    static Prepared of(Item item, Precision precision, Backend backend, Map<String, Tensor> files) {
        return of(item, precision, backend, files, Order.CHEAPEST);
    }

    static Prepared of(Item item, Precision precision, Backend backend, Map<String, Tensor> files, Order order) {
        Workload workload = backend.workload(item.batch()).in(precision);
        Plan plan =
                item.hasGraph() ? Plan.of(item.theGraph(), item.theRequest(), workload, order) : item.plan(workload);
        Program program = backend.prepare(plan);
        boolean onDevice = backend.name().startsWith("cuda");
        return new Prepared(item, program, Item.inputs(program.inputs(), files), onDevice);
    }

    /** What is timed. */
    void run() {
        if (onDevice) {
            try (Results held = program.compute(inputs)) {
                held.names();
            }
        } else {
            program.run(inputs, outputs);
        }
    }

    Plan plan() {
        return program.plan();
    }

    String description() {
        return program.description();
    }

    /** The results of a run, by file; what is structured is written out. */
    Map<String, Tensor> results() {
        Map<String, Tensor> last;
        if (onDevice) {
            last = program.run(inputs);
        } else {
            program.run(inputs, outputs);
            program.run(inputs, outputs); // twice: what a later run leaves as it was must be right
            last = outputs.all();
        }
        Map<String, Tensor> results = new LinkedHashMap<>();
        for (String name : item.results()) {
            if (item.structured()) {
                results.put(name, Entries.of(program.plan().structure(name), parts(name, last)));
            } else {
                last.forEach((key, tensor) -> {
                    if (Item.file(key).equals(name)) {
                        results.put(name, shaped(tensor));
                    }
                });
            }
        }
        return results;
    }

    private Tensor shaped(Tensor tensor) {
        return item.hasGraph() ? tensor : tensor.reshape(Shape.of(item.batch(), item.n(), item.n()));
    }

    private static Tensor[] parts(String name, Map<String, Tensor> results) {
        return results.entrySet().stream()
                .filter(e -> e.getKey().startsWith(name + "#"))
                .map(Map.Entry::getValue)
                .toArray(Tensor[]::new);
    }

    @Override
    public void close() {
        program.close();
    }

    /** Writes a structured Jacobian's every entry, plainly. */
    private static final class Entries {
        private Entries() {}

        static Tensor of(Structure structure, Tensor... parts) {
            int batch = (int) parts[0].shape().axis(0);
            int n = structure.cols();
            double[] out = new double[batch * n * n];
            for (int b = 0; b < batch; b++) {
                for (int i = 0; i < n; i++) {
                    double q = parts[0].get(b * n + i);
                    for (int j = 0; j < n; j++) {
                        double product = structure instanceof Structure.Softmax ? q * parts[0].get(b * n + j) : 0;
                        out[(b * n + i) * n + j] = (i == j ? q : 0) - product;
                    }
                }
            }
            return Tensor.of(out, batch, n, n);
        }
    }
}
