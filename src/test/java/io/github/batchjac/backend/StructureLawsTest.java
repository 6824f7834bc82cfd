package io.github.batchjac.backend;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.Runs;
import io.github.batchjac.backend.cpu.CpuBackend;
import io.github.batchjac.backend.cuda.TestCuda;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.structure.Structure;
import io.github.batchjac.structure.Structure.Dense;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Products of structures are what the definitions say, whichever way they are formed. */
@Tag("cuda")
class StructureLawsTest {
    private static final Map<String, Backend> BACKENDS = Map.of("cpu", new CpuBackend(2), "cuda", TestCuda.backend());
    private static final int BATCH = 5;
    private static final int ROWS = 6;

    @AfterAll
    static void close() {
        BACKENDS.values().forEach(Backend::close);
    }

    static List<Arguments> backends() {
        List<Arguments> all = new ArrayList<>();
        for (String backend : BACKENDS.keySet()) {
            for (Precision precision : Precision.values()) {
                all.add(Arguments.of(backend, precision));
            }
        }
        return all;
    }

    @ParameterizedTest(name = "{0}, {1}")
    @MethodSource("backends")
    void structuredIsDense(String backend, Precision precision) {
        Random random = new Random(1);
        for (Structure structure : StructuredMatrix.withRows(ROWS)) {
            StructuredMatrix m = StructuredMatrix.random(structure, BATCH, precision, random);
            StructuredMatrix one = identity(structure.rows());
            Tensor dense = dense(backend, one, m, precision);
            for (int b = 0; b < BATCH; b++) {
                double[][] expected = m.entries(b);
                expectNear(dense, b, expected, magnitudes(expected), 4, precision, structure.toString());
            }
        }
    }

    @ParameterizedTest(name = "{0}, {1}")
    @MethodSource("backends")
    void everyProductIsTheProductOfTheDense(String backend, Precision precision) {
        Random random = new Random(2);
        int pairs = 0;
        for (Structure left : StructuredMatrix.withRows(ROWS)) {
            for (Structure right : StructuredMatrix.withRows(left.cols())) {
                StructuredMatrix l = StructuredMatrix.random(left, BATCH, precision, random);
                StructuredMatrix r = StructuredMatrix.random(right, BATCH, precision, random);
                String what = left + " · " + right;
                Tensor dense = dense(backend, l, r, precision);
                StructuredMatrix structured = product(backend, l, r, precision);
                for (int b = 0; b < BATCH; b++) {
                    double[][] expected = times(l.entries(b), r.entries(b));
                    double[][] bound = times(magnitudes(l.entries(b)), magnitudes(r.entries(b)));
                    expectNear(dense, b, expected, bound, left.cols() + 8, precision, what);
                    expectNear(structured.entries(b), expected, bound, left.cols() + 8, precision, what);
                }
                pairs++;
            }
        }
        assertThat(pairs).isGreaterThan(300);
    }

    @ParameterizedTest(name = "{0}, {1}")
    @MethodSource("backends")
    void productsAreAssociative(String backend, Precision precision) {
        Random random = new Random(3);
        for (Structure a : StructuredMatrix.withRows(ROWS)) {
            List<Structure> middle = StructuredMatrix.withRows(a.cols());
            Structure b = middle.get(random.nextInt(middle.size()));
            for (Structure c : StructuredMatrix.withRows(b.cols())) {
                StructuredMatrix x = StructuredMatrix.random(a, BATCH, precision, random);
                StructuredMatrix y = StructuredMatrix.random(b, BATCH, precision, random);
                StructuredMatrix z = StructuredMatrix.random(c, BATCH, precision, random);
                Tensor left = dense(backend, product(backend, x, y, precision), z, precision);
                StructuredMatrix yz = product(backend, y, z, precision);
                Tensor right = dense(backend, x, yz, precision);
                for (int s = 0; s < BATCH; s++) {
                    double[][] expected = times(times(x.entries(s), y.entries(s)), z.entries(s));
                    double[][] bound =
                            times(times(magnitudes(x.entries(s)), magnitudes(y.entries(s))), magnitudes(z.entries(s)));
                    // one product's error, carried through the other
                    int terms = a.cols() + b.cols() + 16;
                    expectNear(left, s, expected, bound, terms, precision, "(" + a + " · " + b + ") · " + c);
                    expectNear(right, s, expected, bound, terms, precision, a + " · (" + b + " · " + c + ")");
                }
            }
        }
    }

    /** ⟨v·J, t⟩ = ⟨v, J·t⟩, and J's rows are what unit cotangents give, its columns what unit tangents give. */
    @ParameterizedTest(name = "{0}, {1}")
    @MethodSource("backends")
    void rowsFromTheLeftAreColumnsFromTheRight(String backend, Precision precision) {
        Random random = new Random(4);
        for (Structure structure : StructuredMatrix.withRows(ROWS)) {
            StructuredMatrix j = StructuredMatrix.random(structure, BATCH, precision, random);
            StructuredMatrix v =
                    StructuredMatrix.random(new Dense(1, structure.rows(), false), BATCH, precision, random);
            StructuredMatrix t =
                    StructuredMatrix.random(new Dense(structure.cols(), 1, false), BATCH, precision, random);
            Tensor vj = dense(backend, v, j, precision);
            Tensor jt = dense(backend, j, t, precision);
            StructuredMatrix rows = unit(structure.rows());
            StructuredMatrix columns = unit(structure.cols());
            Tensor byRows = dense(backend, rows, j, precision);
            Tensor byColumns = dense(backend, j, columns, precision);
            for (int b = 0; b < BATCH; b++) {
                double[][] entries = j.entries(b);
                double left = 0;
                double right = 0;
                double scale = 0;
                for (int c = 0; c < structure.cols(); c++) {
                    left += vj.get(b * structure.cols() + c) * t.entries(b)[c][0];
                }
                for (int r = 0; r < structure.rows(); r++) {
                    right += v.entries(b)[0][r] * jt.get(b * structure.rows() + r);
                    for (int c = 0; c < structure.cols(); c++) {
                        scale += Math.abs(v.entries(b)[0][r] * entries[r][c] * t.entries(b)[c][0]);
                    }
                }
                int terms = structure.rows() + structure.cols() + 16;
                assertThat(Math.abs(left - right))
                        .as("%s, sample %d", structure, b)
                        .isLessThanOrEqualTo(terms * precision.unitRoundoff() * scale);
                expectNear(byRows, b, entries, magnitudes(entries), terms, precision, structure + " by rows");
                expectNear(byColumns, b, entries, magnitudes(entries), terms, precision, structure + " by columns");
            }
        }
    }

    private static StructuredMatrix identity(int n) {
        return new StructuredMatrix(Structure.identity(n), List.of());
    }

    /** The identity matrix, but dense. */
    private static StructuredMatrix unit(int n) {
        double[] entries = new double[n * n];
        for (int i = 0; i < n; i++) {
            entries[i * n + i] = 1;
        }
        return new StructuredMatrix(new Dense(n, n, true), List.of(Tensor.of(entries, n * n)));
    }

    private static Tensor dense(String backend, StructuredMatrix left, StructuredMatrix right, Precision precision) {
        Plan plan = Plan.product(left.structure(), right.structure(), true, Runs.workload(BATCH, precision));
        return Objects.requireNonNull(run(backend, plan, left, right, precision).get(Plan.PRODUCT));
    }

    private static StructuredMatrix product(
            String backend, StructuredMatrix left, StructuredMatrix right, Precision precision) {
        Plan plan = Plan.product(left.structure(), right.structure(), false, Runs.workload(BATCH, precision));
        Map<String, Tensor> results = run(backend, plan, left, right, precision);
        Structure structure = plan.structure(Plan.PRODUCT);
        List<Tensor> parts = new ArrayList<>();
        for (int i = 0; i < structure.parts().size(); i++) {
            parts.add(Objects.requireNonNull(results.get(Plan.part(Plan.PRODUCT, i))));
        }
        return new StructuredMatrix(structure, parts);
    }

    private static Map<String, Tensor> run(
            String backend, Plan plan, StructuredMatrix left, StructuredMatrix right, Precision precision) {
        Map<String, Tensor> inputs = new HashMap<>();
        for (int i = 0; i < left.parts().size(); i++) {
            inputs.put(Plan.part("left", i), left.parts().get(i).to(precision));
        }
        for (int i = 0; i < right.parts().size(); i++) {
            inputs.put(Plan.part("right", i), right.parts().get(i).to(precision));
        }
        try (Program program = Objects.requireNonNull(BACKENDS.get(backend)).prepare(plan)) {
            return program.run(inputs);
        }
    }

    private static double[][] times(double[][] a, double[][] b) {
        double[][] out = new double[a.length][b[0].length];
        for (int i = 0; i < a.length; i++) {
            for (int k = 0; k < b.length; k++) {
                for (int j = 0; j < b[0].length; j++) {
                    out[i][j] += a[i][k] * b[k][j];
                }
            }
        }
        return out;
    }

    private static double[][] magnitudes(double[][] a) {
        double[][] out = new double[a.length][];
        for (int i = 0; i < a.length; i++) {
            out[i] = java.util.Arrays.stream(a[i]).map(Math::abs).toArray();
        }
        return out;
    }

    private static void expectNear(
            Tensor came,
            int b,
            double[][] expected,
            double[][] magnitudes,
            int terms,
            Precision precision,
            String what) {
        int cols = expected[0].length;
        double[][] entries = new double[expected.length][cols];
        for (int i = 0; i < expected.length; i++) {
            for (int j = 0; j < cols; j++) {
                entries[i][j] = came.get((b * expected.length + i) * cols + j);
            }
        }
        expectNear(entries, expected, magnitudes, terms, precision, what);
    }

    /** Within {@code terms·u·Σ|a||b|}; the expectation itself, formed in float64, may be off by as much in its own u. */
    private static void expectNear(
            double[][] came, double[][] expected, double[][] magnitudes, int terms, Precision precision, String what) {
        for (int i = 0; i < expected.length; i++) {
            for (int j = 0; j < expected[0].length; j++) {
                double bound = terms * (precision.unitRoundoff() + Precision.F64.unitRoundoff()) * magnitudes[i][j];
                assertThat(Math.abs(came[i][j] - expected[i][j]))
                        .as("%s, entry (%d, %d): %s came, %s expected", what, i, j, came[i][j], expected[i][j])
                        .isLessThanOrEqualTo(bound);
            }
        }
    }
}
