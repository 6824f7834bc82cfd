package io.github.batchjac;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.Graphs.Case;
import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Program;
import io.github.batchjac.backend.Samples;
import io.github.batchjac.plan.Cost;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Request;
import io.github.batchjac.plan.Workload;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;

/** From a case and a request to results, in one call. */
public final class Runs {
    private static final long MEMORY = 1L << 30;

    private Runs() {}

    /** Two workers and ample memory. */
    public static Workload workload(int batch, Precision precision) {
        return new Workload(batch, precision, MEMORY, 2, false, Cost.CPU);
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

    /** The law that a run in chunks, whatever they are, gives the bits of one run. */
    public static void assertStreamIsRun(Program program, Case c, int batch) throws IOException {
        Map<String, Tensor> inputs = c.inputs(program, batch);
        Map<String, Tensor> expected = program.run(inputs);
        Map<String, double[]> pieces = new HashMap<>();
        Map<String, Tensor> reduced = program.stream(
                samples(program, inputs, batch),
                (first, results) -> results.forEach((name, tensor) -> {
                    double[] whole = pieces.computeIfAbsent(
                            name, k -> new double[expected.get(name).size()]);
                    double[] part = numbers(tensor);
                    int each = tensor.shape().tail().size();
                    System.arraycopy(part, 0, whole, (int) first * each, part.length);
                }));
        reduced.forEach((name, tensor) -> pieces.put(name, numbers(tensor)));
        assertThat(pieces.keySet()).isEqualTo(expected.keySet());
        pieces.forEach((name, whole) -> assertThat(whole).as(name).isEqualTo(numbers(expected.get(name))));
    }

    private static Samples samples(Program program, Map<String, Tensor> inputs, int batch) {
        return new Samples() {
            @Override
            public long count() {
                return batch;
            }

            @Override
            public Map<String, Tensor> read(long first, int samples) {
                return Runs.samples(program, inputs, batch, (int) first, (int) first + samples);
            }
        };
    }

    /** Samples {@code from} to {@code to}, exclusive, of inputs for a batch. */
    public static Map<String, Tensor> samples(
            Program program, Map<String, Tensor> inputs, int batch, int from, int to) {
        Map<String, Tensor> part = new HashMap<>();
        inputs.forEach((name, tensor) -> {
            boolean shared = program.inputShape(name, batch + 1L).equals(tensor.shape());
            part.put(name, shared ? tensor : tensor.samples(from, to));
        });
        return part;
    }
}
