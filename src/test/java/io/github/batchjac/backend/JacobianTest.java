package io.github.batchjac.backend;

import static io.github.batchjac.graph.Functions.input;
import static io.github.batchjac.graph.Functions.linear;
import static io.github.batchjac.graph.Functions.parameter;
import static io.github.batchjac.graph.Functions.softmax;
import static io.github.batchjac.graph.Functions.tanh;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.batchjac.backend.cpu.CpuBackend;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Value;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Request;
import io.github.batchjac.structure.Structure;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** A Jacobian is held in the form its operations gave it, and acts as its dense form would. */
class JacobianTest {
    private static final CpuBackend CPU = new CpuBackend(2);
    private static final int BATCH = 7;
    private final Random random = new Random(5);

    @AfterAll
    static void close() {
        CPU.close();
    }

    private Tensor normal(long... shape) {
        double[] numbers = new double[Shape.of(shape).size()];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = random.nextGaussian();
        }
        return Tensor.of(numbers, shape);
    }

    @Test
    void softmaxHoldsItsProbabilitiesAndNotASquareOfThem() {
        Jacobian j = Jacobian.of(CPU, Graph.of(softmax(input("x", 100))), "x", Map.of("x", normal(BATCH, 100)));
        assertThat(j.structure()).isEqualTo(new Structure.Softmax(100, false));
        assertThat(j.stored()).isEqualTo(BATCH * 101);
        assertThat(j.dense().shape()).isEqualTo(Shape.of(BATCH, 100, 100));
    }

    @Test
    void aLinearLayerHoldsOneMatrixForTheWholeBatch() {
        Value x = input("x", 5);
        Graph graph = Graph.of(linear(parameter("w", normal(3, 5)), x));
        Jacobian wrtInput = Jacobian.of(CPU, graph, "x", Map.of("x", normal(BATCH, 5)));
        Jacobian wrtWeights = Jacobian.of(CPU, graph, "w", Map.of("x", normal(BATCH, 5)));
        assertThat(wrtInput.stored()).isEqualTo(15);
        assertThat(wrtWeights.stored()).isEqualTo(BATCH * 5);
        assertThat(wrtWeights.dense().shape()).isEqualTo(Shape.of(BATCH, 3, 3, 5));
    }

    @Test
    void productsWithVectorsAreThoseOfTheGraph() {
        Value x = input("x", 6);
        Graph graph = Graph.of(softmax(linear(parameter("w", normal(4, 6)), tanh(x))));
        Tensor x0 = normal(BATCH, 6);
        Jacobian j = Jacobian.of(CPU, graph, "x", Map.of("x", x0));
        Tensor v = normal(BATCH, 4);
        Tensor t = normal(BATCH, 6);
        expectNear(j.vjp(v), run(graph, Request.vjp("x"), "x", x0, Request.COTANGENT, v));
        expectNear(j.jvp(t), run(graph, Request.jvp("x"), Request.TANGENT, x0, Request.tangent("x"), t));
    }

    @Test
    void theChainRuleIsAProductOfJacobians() {
        Tensor x = normal(BATCH, 6);
        Tensor w = normal(4, 6);
        Graph whole = Graph.of(softmax(linear(parameter("w", w), tanh(input("x", 6)))));
        Graph inner = Graph.of(tanh(input("x", 6)));
        Graph outer = Graph.of(softmax(linear(parameter("w", w), input("h", 6))));
        Tensor h = run(inner, Request.forward(), Request.VALUE, x);
        Jacobian chained =
                Jacobian.of(CPU, outer, "h", Map.of("h", h)).times(Jacobian.of(CPU, inner, "x", Map.of("x", x)));
        expectNear(chained.dense(), run(whole, Request.jacobian("x"), "x", x));
        assertThatThrownBy(() -> chained.times(chained))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("4×6");
    }

    @Test
    void theIdentityNeedsNoNumbersAndStillGivesDenseOnes() {
        Jacobian j = Jacobian.of(CPU, Graph.of(input("x", 3)), "x", Map.of("x", normal(2, 3)));
        assertThat(j.structure().isIdentity()).isTrue();
        assertThat(j.stored()).isZero();
        assertThat(j.dense().doubles()).containsExactly(1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1);
        Tensor v = normal(2, 3);
        assertThat(j.vjp(v).doubles()).containsExactly(v.doubles());
    }

    @Test
    void seedsThatDoNotFitAreNamed() {
        Jacobian j = Jacobian.of(CPU, Graph.of(tanh(input("x", 3))), "x", Map.of("x", normal(2, 3)));
        assertThatThrownBy(() -> j.vjp(normal(2, 4)))
                .hasMessage("cotangents: float64 (2, 4) came, float64 (2, 3) was expected");
    }

    private static Tensor run(Graph graph, Request request, String result, Tensor x) {
        Plan plan = Plan.of(graph, request, CPU.workload(BATCH).in(Precision.F64));
        try (Program program = CPU.prepare(plan)) {
            return Objects.requireNonNull(program.run(Map.of("x", x)).get(result));
        }
    }

    private static Tensor run(Graph graph, Request request, String result, Tensor x, String seed, Tensor numbers) {
        Plan plan = Plan.of(graph, request, CPU.workload(BATCH).in(Precision.F64));
        try (Program program = CPU.prepare(plan)) {
            return Objects.requireNonNull(
                    program.run(Map.of("x", x, seed, numbers)).get(result));
        }
    }

    /** Sums of at most ten products of numbers of order one, along two orders of multiplication. */
    private static void expectNear(Tensor came, Tensor expected) {
        assertThat(came.shape()).isEqualTo(expected.shape());
        for (int i = 0; i < came.size(); i++) {
            assertThat(Math.abs(came.get(i) - expected.get(i))).isLessThan(100 * Precision.F64.unitRoundoff());
        }
    }
}
