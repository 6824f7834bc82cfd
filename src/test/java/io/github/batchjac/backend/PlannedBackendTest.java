package io.github.batchjac.backend;

import static io.github.batchjac.Runs.numbers;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.github.batchjac.Graphs;
import io.github.batchjac.Graphs.Case;
import io.github.batchjac.Runs;
import io.github.batchjac.backend.cpu.CpuBackend;
import io.github.batchjac.backend.cuda.TestCuda;
import io.github.batchjac.backend.reference.ErrorBounds;
import io.github.batchjac.backend.reference.ReferenceBackend;
import io.github.batchjac.plan.BudgetException;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Request;
import io.github.batchjac.plan.Workload;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every backend that follows plans against the one that does not: every graph, request, precision and batch. */
@Tag("cuda")
@Tag("long")
class PlannedBackendTest {
    /**
     * A backend, the batches it runs, and the batches planned for of which it streams {@code streamed} samples: fewer on
     * CUDA, where an interpreter runs every lane of every chunk, and where a batch in several chunks is in those already.
     */
    private record Tested(Supplier<Backend> open, int[] batches, int[] planned, int streamed) {}

    /** The backends under test, by name. */
    private static final Map<String, Tested> BACKENDS = Map.of(
            "cpu", new Tested(() -> new CpuBackend(2), new int[] {0, 1, 5, 33}, new int[] {5, 33, 100}, 77),
            "cuda", new Tested(TestCuda::backend, new int[] {0, 1, 33}, new int[] {5, 100}, 17));

    static List<Arguments> casesOnBackends() {
        List<Arguments> all = new ArrayList<>();
        for (String backend : TestCuda.tested(BACKENDS.keySet())) {
            for (Case c : Graphs.all()) {
                for (Precision precision : Precision.values()) {
                    all.add(Arguments.of(backend, c, precision));
                }
            }
        }
        return all;
    }

    /** The bounds are derived, see {@link ErrorBounds}. A NaN on one side only is a failure. */
    @ParameterizedTest(name = "{0}, {1}, {2}")
    @MethodSource("casesOnBackends")
    void resultsAreTheReferencesWithinTheirBounds(String name, Case c, Precision precision) {
        Tested tested = BACKENDS.get(name);
        try (Backend backend = tested.open().get();
                ReferenceBackend reference = new ReferenceBackend()) {
            for (Request request : Graphs.requests(c)) {
                for (int batch : tested.batches()) {
                    compare(backend, reference, c, request, precision, batch);
                }
            }
        }
    }

    private static void compare(
            Backend backend, Backend reference, Case c, Request request, Precision precision, int batch) {
        Map<String, Tensor> actual = Runs.run(backend, c, request, precision, batch);
        try (Program oracle = reference.prepare(Plan.of(c.graph(), request, Runs.workload(batch, Precision.F64)))) {
            Map<String, Tensor> inputs = c.inputs(oracle, batch);
            Map<String, Tensor> expected = oracle.run(inputs);
            Map<String, double[]> bounds = ErrorBounds.of(oracle, inputs, batch, precision);
            assertThat(actual.keySet()).isEqualTo(expected.keySet());
            expected.forEach((result, tensor) -> {
                String what = request + ", batch " + batch + ", " + result;
                assertThat(actual.get(result).shape()).as(what).isEqualTo(tensor.shape());
                if (batch == 0) {
                    assertThat(numbers(actual.get(result))).as(what).isEqualTo(numbers(tensor));
                } else {
                    assertClose(what, numbers(actual.get(result)), numbers(tensor), bounds.get(result), precision);
                }
            });
        }
    }

    /** In chunks as small as the budget allows, of a batch larger than planned for, too. */
    @ParameterizedTest(name = "{0}, {1}, {2}")
    @MethodSource("casesOnBackends")
    void aStreamIsTheRunBitForBit(String name, Case c, Precision precision) throws IOException {
        Tested tested = BACKENDS.get(name);
        try (Backend backend = tested.open().get()) {
            for (Request request : Graphs.requests(c)) {
                for (int planned : tested.planned()) {
                    Workload workload = Runs.workload(planned, precision);
                    long needed = catchThrowableOfType(
                                    BudgetException.class, () -> Plan.of(c.graph(), request, workload.within(1)))
                            .needed();
                    Plan plan = Plan.of(c.graph(), request, workload.within(needed));
                    try (Program program = backend.prepare(plan)) {
                        Runs.assertStreamIsRun(program, c, tested.streamed());
                    }
                }
            }
        }
    }

    /** A bound that is large beside what it bounds would pass anything. */
    @ParameterizedTest
    @MethodSource("cases")
    void theBoundsAreSmallBesideTheResults(Case c) {
        int batch = 5;
        try (ReferenceBackend reference = new ReferenceBackend()) {
            for (Request request : Graphs.requests(c)) {
                try (Program oracle =
                        reference.prepare(Plan.of(c.graph(), request, Runs.workload(batch, Precision.F64)))) {
                    Map<String, Tensor> inputs = c.inputs(oracle, batch);
                    Map<String, Tensor> results = oracle.run(inputs);
                    ErrorBounds.of(oracle, inputs, batch, Precision.F32)
                            .forEach((name, bounds) -> assertThat(norm(bounds))
                                    .as("%s, %s", request, name)
                                    .isLessThanOrEqualTo(0.01 * norm(numbers(results.get(name))) + 1e-4));
                }
            }
        }
    }

    static List<Case> cases() {
        return Graphs.all();
    }

    private static double norm(double[] x) {
        return Math.sqrt(Arrays.stream(x).map(a -> a * a).sum());
    }

    private static void assertClose(
            String what, double[] actual, double[] expected, double[] bounds, Precision precision) {
        assertThat(bounds).as(what).hasSameSizeAs(expected);
        for (int i = 0; i < expected.length; i++) {
            double bound = bounds[i] + precision.unitRoundoff() * Math.abs(expected[i]);
            boolean same = Double.isNaN(expected[i]) && Double.isNaN(actual[i]) || actual[i] == expected[i];
            if (!same && !(Math.abs(actual[i] - expected[i]) <= bound)) {
                throw new AssertionError(String.format(
                        "%s, entry %d: %s came, %s ± %.3g was expected (off by %.3g)",
                        what, i, actual[i], expected[i], bound, Math.abs(actual[i] - expected[i])));
            }
        }
    }
}
