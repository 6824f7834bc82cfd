package io.github.batchjac;

import static io.github.batchjac.Runs.numbers;
import static io.github.batchjac.graph.Functions.*;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.Graphs.Case;
import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Program;
import io.github.batchjac.backend.cpu.CpuBackend;
import io.github.batchjac.backend.cuda.TestCuda;
import io.github.batchjac.backend.reference.ReferenceBackend;
import io.github.batchjac.graph.Functions;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Value;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Reduction;
import io.github.batchjac.plan.Request;
import io.github.batchjac.tensor.ElementType;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What every backend does with infinities, NaN and degenerate sizes, in both precisions. */
@Tag("cuda")
@Tag("long")
class EdgeCaseTest {
    private static final double INFINITY = Double.POSITIVE_INFINITY;
    private static final double NAN = Double.NaN;

    private static final Map<String, Supplier<Backend>> BACKENDS =
            Map.of("reference", ReferenceBackend::new, "cpu", () -> new CpuBackend(2), "cuda", TestCuda::backend);

    static List<Arguments> backends() {
        List<Arguments> all = new ArrayList<>();
        for (String backend : TestCuda.tested(BACKENDS.keySet())) {
            for (Precision precision : Precision.values()) {
                all.add(Arguments.of(backend, precision));
            }
        }
        return all;
    }

    static List<Arguments> casesOnBackends() {
        List<Arguments> all = new ArrayList<>();
        for (Arguments backend : backends()) {
            for (Case c : Graphs.all()) {
                all.add(Arguments.of(backend.get()[0], backend.get()[1], c));
            }
        }
        return all;
    }

    /** The Jacobian of {@code f} at one sample. */
    private static double[] jacobian(String backend, Precision precision, Function<Value, Value> f, double... x) {
        Graph graph = Graph.of(f.apply(input("x", x.length)));
        try (Backend device = BACKENDS.get(backend).get();
                Program program = device.prepare(Plan.of(graph, Request.jacobian("x"), Runs.workload(1, precision)))) {
            return numbers(program.run(Map.of("x", Tensor.of(x, 1, x.length).to(precision)))
                    .get("x"));
        }
    }

    private static void assertPlusZero(double x) {
        assertThat(Double.doubleToRawLongBits(x)).as("%s is +0", x).isZero();
    }

    @ParameterizedTest(name = "{0}, {1}, {2}")
    @MethodSource("casesOnBackends")
    void infinitiesAndNaNStayInTheirOwnSample(String name, Precision precision, Case c) {
        int batch = 3;
        try (Backend backend = BACKENDS.get(name).get()) {
            for (Request request : Graphs.requests(c)) {
                if (request.reduced()) {
                    continue;
                }
                try (Program program = backend.prepare(Plan.of(c.graph(), request, Runs.workload(batch, precision)))) {
                    Map<String, Tensor> clean = c.inputs(program, batch);
                    Map<String, Tensor> expected = program.run(clean);
                    for (double poison : new double[] {INFINITY, -INFINITY, NAN}) {
                        Map<String, Tensor> poisoned = poison(c, clean, poison);
                        program.run(poisoned).forEach((result, tensor) -> {
                            for (int sample : new int[] {0, 2}) {
                                assertThat(numbers(tensor.samples(sample, sample + 1)))
                                        .as("%s, %s, sample %d", request, result, sample)
                                        .isEqualTo(numbers(expected.get(result).samples(sample, sample + 1)));
                            }
                        });
                    }
                }
            }
        }
    }

    /** All of sample 1 of every input of the graph. */
    private static Map<String, Tensor> poison(Case c, Map<String, Tensor> clean, double poison) {
        Map<String, Tensor> poisoned = new HashMap<>(clean);
        for (String input : c.graph().inputs().keySet()) {
            Tensor tensor = clean.get(input).copy();
            int size = tensor.shape().tail().size();
            if (tensor.type() == ElementType.F32) {
                Arrays.fill(tensor.floats(), size, 2 * size, (float) poison);
            } else if (tensor.type() == ElementType.F64) {
                Arrays.fill(tensor.doubles(), size, 2 * size, poison);
            }
            poisoned.put(input, tensor);
        }
        return poisoned;
    }

    @ParameterizedTest
    @MethodSource("backends")
    void theSlopeOfASigmoidAtInfinityIsZeroAndZerosBesideADiagonalArePlusZero(String backend, Precision precision) {
        for (Function<Value, Value> f : List.<Function<Value, Value>>of(Functions::sigmoid, Functions::tanh)) {
            double[] j = jacobian(backend, precision, f, INFINITY, -INFINITY, NAN, 0);
            for (int at = 0; at < j.length; at++) {
                if (at == 10) {
                    assertThat(j[at]).isNaN();
                } else if (at == 15) {
                    assertThat(j[at]).isPositive();
                } else {
                    assertPlusZero(j[at]);
                }
            }
        }
    }

    /** A product of diagonals with infinities on them. */
    @ParameterizedTest
    @MethodSource("backends")
    void zerosByStructureTakeNoPartInAProduct(String backend, Precision precision) {
        double[] j = jacobian(backend, precision, x -> exp(exp(exp(x))), 800, 1, -3);
        assertThat(j[0]).isEqualTo(INFINITY);
        for (int at : new int[] {1, 2, 3, 5, 6, 7}) {
            assertPlusZero(j[at]);
        }
    }

    @ParameterizedTest
    @MethodSource("backends")
    void softmaxOfMinusInfinityIsAnExactZeroWithZeroRowAndColumn(String backend, Precision precision) {
        double[] j = jacobian(backend, precision, Functions::softmax, 1, -INFINITY, 2);
        for (int at : new int[] {1, 3, 4, 5, 7}) {
            assertThat(j[at]).isZero();
        }
        for (int at : new int[] {0, 2, 6, 8}) {
            assertThat(j[at]).isNotZero().isFinite();
        }
    }

    @ParameterizedTest
    @MethodSource("backends")
    void softmaxOfPlusInfinityOrOfNothingButMinusInfinityIsNaN(String backend, Precision precision) {
        for (double[] x : new double[][] {{1, INFINITY, 2}, {-INFINITY, -INFINITY, -INFINITY}, {0, NAN, 1}}) {
            assertThat(jacobian(backend, precision, Functions::softmax, x)).containsOnly(NAN);
        }
    }

    @ParameterizedTest
    @MethodSource("backends")
    void softmaxOfOneComponentHasJacobianZero(String backend, Precision precision) {
        for (double x : new double[] {0, -1e30, 3.5}) {
            assertThat(jacobian(backend, precision, Functions::softmax, x)).containsExactly(0);
            assertThat(jacobian(backend, precision, Functions::logSoftmax, x)).containsExactly(0);
        }
    }

    @ParameterizedTest(name = "{0}, {1}, {2}")
    @MethodSource("casesOnBackends")
    void anEmptyBatchHasEmptyResultsAndZeroSums(String name, Precision precision, Case c) {
        try (Backend backend = BACKENDS.get(name).get()) {
            for (Request request : Graphs.requests(c)) {
                Runs.run(backend, c, request, precision, 0).forEach((result, tensor) -> {
                    boolean reduced = request.reduced() && !result.startsWith("@");
                    assertThat(tensor.size() == 0).isEqualTo(!reduced);
                    double empty = request.reduction() == Reduction.MEAN ? NAN : 0;
                    for (double x : numbers(tensor)) {
                        assertThat(x).isEqualTo(Double.valueOf(empty));
                    }
                });
            }
        }
    }
}
