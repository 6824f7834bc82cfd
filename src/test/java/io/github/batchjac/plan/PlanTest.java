package io.github.batchjac.plan;

import static io.github.batchjac.graph.Functions.*;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.github.batchjac.Graphs;
import io.github.batchjac.Graphs.Case;
import io.github.batchjac.Runs;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Value;
import io.github.batchjac.structure.Structure.Kronecker;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What plans are made of. */
class PlanTest {
    private static Value zeros(String name, long... axes) {
        int size = 1;
        for (long axis : axes) {
            size *= (int) axis;
        }
        return parameter(name, Tensor.of(new double[size], axes));
    }

    /** 64-48-10, softmax cross-entropy of labels. */
    private static Graph classifier() {
        Value h = tanh(linear(zeros("W1", 48, 64), zeros("b1", 48), input("x", 64)));
        return Graph.of(softmaxCrossEntropy(labels("label"), linear(zeros("W2", 10, 48), zeros("b2", 10), h)));
    }

    private static Plan plan(Graph graph, Request request) {
        return Plan.of(graph, request, Runs.workload(256, Precision.F32));
    }

    private static <S extends Step> List<S> steps(Plan plan, Class<S> kind) {
        return Stream.concat(plan.once().stream(), plan.steps().stream())
                .filter(kind::isInstance)
                .map(kind::cast)
                .toList();
    }

    static List<Case> cases() {
        return Graphs.all();
    }

    @Test
    void aSummedWeightGradientIsOneProductOverTheBatchAndNeverWrittenOut() {
        for (String name : List.of("W1", "W2")) {
            for (Reduction reduction : List.of(Reduction.SUM, Reduction.MEAN)) {
                Plan plan = plan(classifier(), Request.gradient(name).reduce(reduction));
                assertThat(steps(plan, Step.SumBatch.class))
                        .hasSize(1)
                        .allMatch(s -> s.term().structure() instanceof Kronecker);
                assertThat(steps(plan, Step.Densify.class)).isEmpty();
            }
        }
    }

    @Test
    void normsAndClippedSumsOfWeightGradientsNeverWriteThemOut() {
        for (Request request :
                List.of(Request.norms("W1", "b1", "W2", "b2"), Request.clippedSum(1, "W1", "b1", "W2", "b2"))) {
            Plan plan = plan(classifier(), request);
            assertThat(steps(plan, Step.Densify.class)).isEmpty();
            assertThat(steps(plan, Step.Norm.class)).hasSize(4);
        }
    }

    /** Row 27: W₃W₂W₁ is formed once; for every sample it is copied. */
    @Test
    void productsOfWhatTheBatchSharesAreFormedOnce() {
        Plan plan = plan(Graphs.named("deep linear").graph(), Request.jacobian("x"));
        assertThat(plan.once().stream().filter(Step.Multiply.class::isInstance)).hasSize(2);
        assertThat(plan.steps()).hasSize(1).allMatch(Step.Repeat.class::isInstance);
    }

    /** With respect to the last bias the loss's gradient is all: no products, and the loss itself is not wanted. */
    @Test
    void nothingIsComputedThatNobodyNeeds() {
        Plan plan = plan(classifier(), Request.gradient("b2"));
        assertThat(steps(plan, Step.Multiply.class)).isEmpty();
        List<Step.Evaluate> evaluations = steps(plan, Step.Evaluate.class);
        assertThat(evaluations).allMatch(e -> e.out() != null || e.derivative(0) != null);
        assertThat(evaluations.get(evaluations.size() - 1).out()).isNull();
        assertThat(steps(plan(classifier(), Request.gradient("b2").withValue()), Step.Evaluate.class))
                .allMatch(e -> e.out() != null);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void stepsReadOnlyWhatWasGivenOrWrittenBefore(Case c) {
        for (Request request : Graphs.requests(c)) {
            Plan plan = plan(c.graph(), request);
            List<Slot> known = new ArrayList<>(plan.slots().stream()
                    .filter(s -> switch (s.role()) {
                        case INPUT, LABELS, PARAMETER, CONSTANT -> true;
                        default -> false;
                    })
                    .toList());
            Stream.concat(plan.once().stream(), plan.steps().stream()).forEach(step -> {
                assertThat(known).as("%s, %s", request, step).containsAll(step.reads());
                known.addAll(step.writes());
            });
            plan.results().stream()
                    .filter(r -> r.slot().role() != Slot.Role.REDUCED)
                    .forEach(r -> assertThat(known).contains(r.slot()));
            assertThat(plan.slots()).containsAll(known);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void aBudgetThatIsTooSmallSaysWhatWouldDo(Case c) {
        for (Request request : Graphs.requests(c)) {
            for (int batch : new int[] {0, 1, 1000}) {
                Workload workload = Runs.workload(batch, Precision.F32);
                BudgetException tooSmall = catchThrowableOfType(
                        BudgetException.class, () -> Plan.of(c.graph(), request, workload.within(1)));
                long needed = tooSmall.needed();
                assertThat(Plan.of(c.graph(), request, workload.within(needed))
                                .memory()
                                .peakBytes())
                        .isLessThanOrEqualTo(needed);
                assertThatThrownBy(() -> Plan.of(c.graph(), request, workload.within(needed - 1)))
                        .isInstanceOf(BudgetException.class)
                        .hasMessageContaining("at least");
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void aChunkKeepsToTheBudgetAndEndsWhereATileDoes(Case c) {
        for (Request request : Graphs.requests(c)) {
            Workload workload = Runs.workload(1000, Precision.F64).within(1 << 20);
            Memory memory = Plan.of(c.graph(), request, workload).memory();
            assertThat(memory.peakBytes()).isLessThanOrEqualTo(workload.memory());
            assertThat(memory.chunk() >= workload.batch() || memory.chunk() % memory.tile() == 0)
                    .isTrue();
        }
    }

    /** {@link Plan#explain()}: steps, structures, shapes, flops, bytes, memory, and what other orders would cost. */
    @Test
    void anExplanationSaysWhatIsDoneWhyAndWhatItCosts() {
        Plan plan = plan(
                Graphs.named("softmax head").graph(),
                Request.jacobian("x", "W1").withValue());
        String text = plan.explain();
        assertThat(text)
                .contains("jacobian", "wrt x, W1", "batch 256", "float32")
                .contains("→ x (B, 4, 7)", "→ W1 (B, 4, 5, 7)", "→ @value (B, 4)")
                .contains("softmax 4×4", "diagonal 5×5", "dense", "tanh(", "linear Wx(")
                .contains("flop", "bytes moved", "memory: peak", "shared", "chunk")
                .contains("forward", "reverse", "← chosen");
        assertThat(plan.order()).isNotNull();
        assertThat(text.lines()).allMatch(line -> line.equals(line.stripTrailing()));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void twoPlansOfTheSameAreTheSame(Case c) {
        for (Request request : Graphs.requests(c)) {
            assertThat(plan(c.graph(), request).explain())
                    .isEqualTo(plan(c.graph(), request).explain());
        }
    }

    @Test
    void aGradientNeedsOneNumber() {
        assertThatThrownBy(() -> plan(Graphs.named("softmax head").graph(), Request.gradient("x")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("(4,)");
    }

    @Test
    void nothingIsDifferentiatedWithRespectToATarget() {
        assertThatThrownBy(() -> plan(Graphs.named("linear regression").graph(), Request.gradient("y")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("target");
        assertThatThrownBy(() -> plan(classifier(), Request.gradient("label")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("class indices");
    }
}
