package io.github.batchjac;

import io.github.batchjac.Graphs.Case;
import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Program;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Request;
import io.github.batchjac.plan.Workload;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.util.Map;

/** From a case and a request to results, in one call. */
public final class Runs {
    private static final long MEMORY = 1L << 30;

    private Runs() {}

    /** Two workers and ample memory. */
    public static Workload workload(int batch, Precision precision) {
        return new Workload(batch, precision, MEMORY, 2);
    }

    /** The results by name, of the case's own inputs. */
    public static Map<String, Tensor> run(Backend backend, Case c, Request request, Precision precision, int batch) {
        try (Program program = backend.prepare(Plan.of(c.graph(), request, workload(batch, precision)))) {
            return program.run(c.inputs(program, batch));
        }
    }

    /** The numbers of a tensor as doubles. */
    public static double[] numbers(Tensor tensor) {
        return tensor.to(Precision.F64).doubles();
    }
}
