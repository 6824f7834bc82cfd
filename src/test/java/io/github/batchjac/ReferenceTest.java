package io.github.batchjac;

import static io.github.batchjac.Runs.numbers;
import static io.github.batchjac.Runs.run;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.batchjac.Graphs.Case;
import io.github.batchjac.backend.Program;
import io.github.batchjac.backend.reference.ReferenceBackend;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Reduction;
import io.github.batchjac.plan.Request;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The oracle itself: its Jacobians against differences of its values, everything else against its Jacobians. */
class ReferenceTest {
    private static final double U = Precision.F64.unitRoundoff();
    private static final int BATCH = 3;

    private final ReferenceBackend reference = new ReferenceBackend();

    static List<Case> cases() {
        return Graphs.all();
    }

    static List<Case> scalarCases() {
        return Graphs.all().stream().filter(Case::scalar).toList();
    }

    private Map<String, Tensor> answer(Case c, Request request) {
        return run(reference, c, request, Precision.F64, BATCH);
    }

    private double[] jacobian(Case c, String name) {
        return numbers(answer(c, Request.jacobian(name)).get(name));
    }

    private Map<String, Tensor> seeds(Case c, Request request) {
        try (Program program = reference.prepare(Plan.of(c.graph(), request, Runs.workload(BATCH, Precision.F64)))) {
            return c.inputs(program, BATCH);
        }
    }

    private static void assertClose(double[] actual, double[] expected, double[] bounds, String what) {
        assertThat(actual).as(what).hasSameSizeAs(expected);
        for (int i = 0; i < actual.length; i++) {
            assertThat(Math.abs(actual[i] - expected[i]))
                    .as("%s, entry %d: %s for %s", what, i, actual[i], expected[i])
                    .isLessThanOrEqualTo(bounds[i]);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void everyJacobianIsTheLimitOfDifferences(Case c) {
        for (String name : c.names()) {
            Differences.Estimate estimate = Differences.jacobian(reference, c, name, BATCH);
            // an estimate that bounds nothing would pass anything: no input may sit at a kink
            for (int i = 0; i < estimate.values().length; i++) {
                assertThat(estimate.bounds()[i])
                        .as("%s wrt %s: the estimate of entry %d", c, name, i)
                        .isLessThan(1e-7 * (1 + Math.abs(estimate.values()[i])));
            }
            assertClose(jacobian(c, name), estimate.values(), estimate.bounds(), c + " wrt " + name);
        }
    }

    /** For k cotangents (0: one, without an axis) the same numbers as one after the other. */
    @ParameterizedTest
    @MethodSource("cases")
    void aVjpIsTheCotangentTimesTheJacobian(Case c) {
        int m = c.graph().output().size();
        for (int k : new int[] {0, 1, 3}) {
            Request request = Request.vjp(c.names().toArray(String[]::new)).seeds(k);
            double[] v = numbers(seeds(c, request).get(Request.COTANGENT));
            Map<String, Tensor> results = answer(c, request);
            for (String name : c.names()) {
                double[] j = jacobian(c, name);
                int n = c.graph().named(name).size();
                int rows = Math.max(1, k);
                double[] expected = new double[BATCH * rows * n];
                double[] bounds = new double[expected.length];
                for (int b = 0; b < BATCH; b++) {
                    for (int r = 0; r < rows; r++) {
                        for (int col = 0; col < n; col++) {
                            int at = (b * rows + r) * n + col;
                            for (int i = 0; i < m; i++) {
                                double term = v[(b * rows + r) * m + i] * j[(b * m + i) * n + col];
                                expected[at] += term;
                                bounds[at] += 2 * (m + 1) * U * Math.abs(term);
                            }
                        }
                    }
                }
                assertClose(numbers(results.get(name)), expected, bounds, c + " wrt " + name + ", k = " + k);
                assertThat(results.get(name).shape().rank())
                        .isEqualTo(c.graph().named(name).shape().rank() + (k == 0 ? 1 : 2));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void aJvpIsTheSumOfJacobiansTimesTangents(Case c) {
        int m = c.graph().output().size();
        for (int k : new int[] {0, 1, 3}) {
            Request request = Request.jvp(c.names().toArray(String[]::new)).seeds(k);
            Map<String, Tensor> tangents = seeds(c, request);
            int cols = Math.max(1, k);
            double[] expected = new double[BATCH * m * cols];
            double[] bounds = new double[expected.length];
            for (String name : c.names()) {
                double[] j = jacobian(c, name);
                double[] t = numbers(tangents.get(Request.tangent(name)));
                int n = c.graph().named(name).size();
                boolean shared = c.graph().named(name).shared();
                for (int b = 0; b < BATCH; b++) {
                    for (int i = 0; i < m; i++) {
                        for (int col = 0; col < cols; col++) {
                            int at = (b * m + i) * cols + col;
                            for (int l = 0; l < n; l++) {
                                double term = j[(b * m + i) * n + l] * t[((shared ? 0 : b * n) + l) * cols + col];
                                expected[at] += term;
                                bounds[at] += 2 * (n + c.names().size()) * U * Math.abs(term);
                            }
                        }
                    }
                }
            }
            assertClose(numbers(answer(c, request).get(Request.TANGENT)), expected, bounds, c + ", k = " + k);
        }
    }

    @ParameterizedTest
    @MethodSource("scalarCases")
    void aGradientIsTheJacobianOfOneNumberAndReductionsAddItUpInOrder(Case c) {
        String[] names = c.names().toArray(String[]::new);
        Map<String, Tensor> each = answer(c, Request.gradient(names));
        Map<String, Tensor> sums = answer(c, Request.gradient(names).reduce(Reduction.SUM));
        Map<String, Tensor> means = answer(c, Request.gradient(names).reduce(Reduction.MEAN));
        for (String name : names) {
            double[] g = numbers(each.get(name));
            assertThat(g).isEqualTo(jacobian(c, name));
            int n = c.graph().named(name).size();
            double[] sum = new double[n];
            for (int i = 0; i < g.length; i++) {
                sum[i % n] += g[i];
            }
            assertThat(numbers(sums.get(name))).isEqualTo(sum);
            double[] mean = sum.clone();
            for (int i = 0; i < n; i++) {
                mean[i] /= BATCH;
            }
            assertThat(numbers(means.get(name))).isEqualTo(mean);
        }
    }

    @ParameterizedTest
    @MethodSource("scalarCases")
    void normsAreThoseOfTheGradientsAndClippingBoundsEachSample(Case c) {
        String[] names = c.names().toArray(String[]::new);
        double limit = 0.5;
        Map<String, Tensor> gradients = answer(c, Request.gradient(names));
        Map<String, Tensor> norms = answer(c, Request.norms(names));
        Map<String, Tensor> clipped = answer(c, Request.clippedSum(limit, names));
        double[] squares = new double[BATCH];
        for (String name : names) {
            double[] g = numbers(gradients.get(name));
            int n = g.length / BATCH;
            for (int b = 0; b < BATCH; b++) {
                double square = 0;
                for (int i = 0; i < n; i++) {
                    square += g[b * n + i] * g[b * n + i];
                }
                double norm = numbers(norms.get(name))[b];
                assertThat(norm * norm).isBetween(square * (1 - (n + 4) * U), square * (1 + (n + 4) * U));
                squares[b] += square;
            }
        }
        for (int b = 0; b < BATCH; b++) {
            double total = Math.sqrt(squares[b]);
            double norm = numbers(norms.get(Request.NORM))[b];
            assertThat(Math.abs(norm - total)).isLessThanOrEqualTo(1e-14 * total);
            assertThat(numbers(clipped.get(Request.NORM))[b]).isEqualTo(norm);
        }
        for (String name : names) {
            double[] g = numbers(gradients.get(name));
            int n = g.length / BATCH;
            double[] expected = new double[n];
            double[] bounds = new double[n];
            for (int i = 0; i < g.length; i++) {
                double term = g[i] * Math.min(1, limit / Math.sqrt(squares[i / n]));
                expected[i % n] += term;
                bounds[i % n] += 1e-14 * Math.abs(term);
            }
            assertClose(numbers(clipped.get(name)), expected, bounds, c + " wrt " + name);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void float32ResultsAreTheFloat64ResultsRoundedOnce(Case c) {
        for (Request request : Graphs.requests(c)) {
            Map<String, Tensor> doubles = answer(c, request);
            Map<String, Tensor> floats = run(reference, c, request, Precision.F32, BATCH);
            doubles.forEach((name, tensor) -> {
                float[] rounded = tensor.to(Precision.F32).floats();
                if (request.reduction() == Reduction.MEAN) { // rounded before and after the division
                    for (int i = 0; i < rounded.length; i++) {
                        assertThat((double) floats.get(name).floats()[i])
                                .isBetween((double) Math.nextDown(rounded[i]), (double) Math.nextUp(rounded[i]));
                    }
                } else {
                    assertThat(floats.get(name).floats()).isEqualTo(rounded);
                }
            });
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void aStreamIsTheRunBitForBit(Case c) throws IOException {
        int batch = 7;
        for (Request request : Graphs.requests(c)) {
            Plan plan = Plan.of(c.graph(), request, Runs.workload(batch, Precision.F32));
            try (Program program = reference.prepare(plan)) {
                Runs.assertStreamIsRun(program, c, batch);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void aNameThatIsNotThereIsRefusedWithThoseThatAre(Case c) {
        assertThatThrownBy(() -> answer(c, Request.jacobian("nobody")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("nobody")
                .hasMessageContaining(c.names().get(0));
    }
}
