package io.github.batchjac.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import io.github.batchjac.Graphs;
import io.github.batchjac.Graphs.Case;
import io.github.batchjac.Runs;
import io.github.batchjac.backend.cpu.CpuBackend;
import io.github.batchjac.backend.reference.ReferenceBackend;
import io.github.batchjac.graph.Functions;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Request;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Running again and again into the program's own arrays. */
class OutputsTest {
    static List<Arguments> casesInBothPrecisions() {
        List<Arguments> all = new ArrayList<>();
        for (Case c : Graphs.all()) {
            for (Precision precision : Precision.values()) {
                all.add(Arguments.of(c, precision));
            }
        }
        return all;
    }

    /** Of other samples before, so that whatever is left of them shows. */
    @ParameterizedTest(name = "{0}, {1}")
    @MethodSource("casesInBothPrecisions")
    void everyRunIsARunIntoNewArraysBitForBit(Case c, Precision precision) {
        int batch = 33;
        try (Backend backend = new CpuBackend(2)) {
            for (Request request : Graphs.requests(c)) {
                try (Program program = backend.prepare(Plan.of(c.graph(), request, Runs.workload(batch, precision)))) {
                    Map<String, Tensor> many = c.inputs(program, 3 * batch);
                    Outputs outputs = program.outputs(batch);
                    for (int run = 0; run < 3; run++) {
                        Map<String, Tensor> inputs =
                                Runs.samples(program, many, 3 * batch, run * batch, (run + 1) * batch);
                        program.run(inputs, outputs);
                        Map<String, Tensor> expected = program.run(inputs);
                        assertThat(outputs.all().keySet()).isEqualTo(expected.keySet());
                        expected.forEach((name, tensor) -> assertThat(Runs.numbers(outputs.get(name)))
                                .as("%s, %s", request, name)
                                .isEqualTo(Runs.numbers(tensor)));
                    }
                }
            }
        }
    }

    @Test
    void aBackendThatWritesEverythingDoesSo() {
        Case c = Graphs.all().get(0);
        Request request = Graphs.requests(c).get(0);
        try (Backend backend = new ReferenceBackend();
                Program program = backend.prepare(Plan.of(c.graph(), request, Runs.workload(2, Precision.F64)))) {
            Map<String, Tensor> inputs = c.inputs(program, 2);
            Outputs outputs = program.outputs(2);
            for (int run = 0; run < 2; run++) {
                program.run(inputs, outputs);
                program.run(inputs)
                        .forEach((name, tensor) ->
                                assertThat(Runs.numbers(outputs.get(name))).isEqualTo(Runs.numbers(tensor)));
            }
        }
    }

    /** The case whose output is a function of every component by itself. */
    private static Program diagonal(Backend backend, int batch) {
        return backend.prepare(Plan.of(sigmoid().graph(), Request.jacobian("x"), Runs.workload(batch, Precision.F32)));
    }

    private static Case sigmoid() {
        return new Case("sigmoid", Graph.of(Functions.sigmoid(Functions.input("x", 7))), Map.of());
    }

    @Test
    void zerosAreWrittenOnceOrWhenAskedFor() {
        try (Backend backend = new CpuBackend(1);
                Program program = diagonal(backend, 5)) {
            Map<String, Tensor> inputs = sigmoid().inputs(program, 5);
            float[] expected = program.run(inputs).get("x").floats();
            Outputs outputs = program.outputs(5);
            program.run(inputs, outputs);
            float[] written = outputs.get("x").floats();
            Arrays.fill(written, 3f);
            program.run(inputs, outputs);
            assertThat(written).as("only the diagonal is written again").contains(3f);
            assertThat(written[0]).isEqualTo(expected[0]);
            outputs.rewrite();
            program.run(inputs, outputs);
            assertThat(written).isEqualTo(expected);
        }
    }

    /** A run that is refused has written nothing; the next one need not write zeros either. */
    @Test
    void wrongInputsAndOutputsOfOthersAreRefused() {
        try (Backend backend = new CpuBackend(1);
                Program program = diagonal(backend, 5);
                Program other = diagonal(backend, 5)) {
            Map<String, Tensor> inputs = sigmoid().inputs(program, 5);
            Outputs outputs = program.outputs(5);
            assertThatThrownBy(() -> other.run(inputs, outputs))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("another program's");
            assertThatThrownBy(() -> program.run(sigmoid().inputs(program, 4), outputs))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("(4, 7)")
                    .hasMessageContaining("(5, 7)");
            Map<String, Tensor> more = new HashMap<>(inputs);
            more.put("y", inputs.get("x"));
            assertThatThrownBy(() -> program.run(more, outputs))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("unknown input y");
            assertThatThrownBy(() -> outputs.get("z"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("results: x");
            assertThatThrownBy(() -> program.outputs(-1)).isInstanceOf(IllegalArgumentException.class);
            assertThat(outputs.get("x").floats()).containsOnly(0f);
        }
    }

    /**
     * Of plain kernels, because the vector API allocates until it is compiled. Of one sample, because more of them may be shared
     * between threads.
     */
    @ParameterizedTest(name = "{0}, {1}")
    @MethodSource("casesInBothPrecisions")
    void aRunAllocatesNothing(Case c, Precision precision) {
        assumeTrue(ManagementFactory.getThreadMXBean() instanceof ThreadMXBean, "this JVM does not count");
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (Backend backend = new CpuBackend(1)) {
            for (Request request : Graphs.requests(c)) {
                Plan plan =
                        Plan.of(c.graph(), request, Runs.workload(1, precision).justOnce());
                try (Program program = backend.prepare(plan)) {
                    Map<String, Tensor> inputs = c.inputs(program, 1);
                    Outputs outputs = program.outputs(1);
                    // the JVM itself may allocate beside a run, but not beside all of them
                    long least = Long.MAX_VALUE;
                    for (int run = 0; run < 20 && least > 0; run++) {
                        long before = threads.getCurrentThreadAllocatedBytes();
                        program.run(inputs, outputs);
                        least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
                    }
                    assertThat(least)
                            .as("%s %s, %s", c, request, plan.explain())
                            .isLessThan(20 * 8);
                }
            }
        }
    }
}
