package io.github.batchjac.plan;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.Graphs;
import io.github.batchjac.Graphs.Case;
import io.github.batchjac.Runs;
import io.github.batchjac.graph.Functions;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Value;
import io.github.batchjac.structure.Products;
import io.github.batchjac.structure.Structure;
import io.github.batchjac.structure.Structure.Dense;
import io.github.batchjac.structure.Structure.Kronecker;
import io.github.batchjac.structure.Structure.LogSoftmax;
import io.github.batchjac.structure.Structure.Softmax;
import io.github.batchjac.structure.Work;
import io.github.batchjac.tensor.Precision;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The order of elimination that is chosen, against all orders that there are. */
class EliminationTest {
    private static final ToDoubleFunction<Work> SECONDS = work -> Cost.CPU.seconds(work, 64, Precision.F32);

    /** As for a Jacobian: every entry is written out. */
    private static final Function<List<Structure>, Work> DENSE =
            terms -> terms.stream().map(Products::densify).reduce(Work.NONE, Work::plus);

    /** As for a sum over the batch: a Kronecker product need not be written out. */
    private static final Function<List<Structure>, Work> FACTORED = terms -> terms.stream()
            .map(t -> t instanceof Kronecker k ? Products.densify(k.left()) : Products.densify(t))
            .reduce(Work.NONE, Work::plus);

    private enum Kind {
        IDENTITY,
        DIAGONAL,
        SHARED_DIAGONAL,
        SOFTMAX,
        LOG_SOFTMAX,
        DENSE,
        SHARED_DENSE,
        TILED
    }

    /** A structure with {@code cols} columns. */
    private static Structure structure(Kind kind, int cols, Random random) {
        int rows = new int[] {1, 3, 8, 20}[random.nextInt(4)];
        return switch (kind) {
            case IDENTITY -> Structure.identity(cols);
            case DIAGONAL -> Structure.diagonal(cols, false);
            case SHARED_DIAGONAL -> Structure.diagonal(cols, true);
            case SOFTMAX -> new Softmax(cols, false);
            case LOG_SOFTMAX -> new LogSoftmax(cols, false);
            case DENSE -> new Dense(rows, cols, false);
            case SHARED_DENSE -> new Dense(rows, cols, true);
            case TILED -> Structure.tiledIdentity(2, cols);
        };
    }

    /** The first factor is nearest to the source. */
    private static LinearGraph<Structure> chain(List<Structure> factors) {
        int n = factors.size();
        LinearGraph<Structure> graph = new LinearGraph<>(n + 1, Set.of(0), n);
        for (int i = 0; i < n; i++) {
            graph.addEdge(i, i + 1, factors.get(i), new Elimination.Tally());
        }
        return graph;
    }

    private static void assertCheapest(List<Structure> factors, Function<List<Structure>, Work> finish) {
        LinearGraph<Structure> graph = chain(factors);
        Elimination.Choice choice = Elimination.choose(graph, finish, SECONDS);
        double chosen = SECONDS.applyAsDouble(choice.work());
        assertThat(chosen)
                .as("what the chosen order is said to cost")
                .isEqualTo(SECONDS.applyAsDouble(Elimination.work(graph, finish, choice.order())));
        double cheapest = cheapest(graph, finish, new ArrayList<>(), new ArrayList<>(graph.intermediates()));
        assertThat(chosen).as(factors.toString()).isBetween(cheapest * (1 - 1e-12), cheapest * (1 + 1e-8));
    }

    /** Over every order that begins with {@code begun}. */
    private static double cheapest(
            LinearGraph<Structure> graph,
            Function<List<Structure>, Work> finish,
            List<Integer> begun,
            List<Integer> left) {
        if (left.isEmpty()) {
            return SECONDS.applyAsDouble(Elimination.work(graph, finish, begun));
        }
        double least = Double.POSITIVE_INFINITY;
        for (Integer next : left) {
            List<Integer> longer = new ArrayList<>(begun);
            longer.add(next);
            List<Integer> rest = new ArrayList<>(left);
            rest.remove(next);
            least = Math.min(least, cheapest(graph, finish, longer, rest));
        }
        return least;
    }

    /** Every sequence of kinds, with sizes drawn at random. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4})
    void noOrderOfAShortChainIsCheaperWhateverItIsMadeOf(int length) {
        Random random = new Random(length);
        Kind[] kinds = Kind.values();
        for (int code = 0; code < Math.pow(kinds.length, length); code++) {
            List<Structure> factors = new ArrayList<>();
            int cols = 8;
            for (int i = 0, rest = code; i < length; i++, rest /= kinds.length) {
                factors.add(structure(kinds[rest % kinds.length], cols, random));
                cols = factors.get(i).rows();
            }
            assertCheapest(factors, DENSE);
        }
    }

    /** With a weight matrix at the source, with tangents before it, or with neither. */
    @ParameterizedTest
    @ValueSource(ints = {3, 5, 6, 7})
    void noOrderOfALongerChainIsCheaper(int length) {
        Random random = new Random(length);
        Kind[] kinds = Kind.values();
        for (int trial = 0; trial < (length == 7 ? 60 : 200); trial++) {
            List<Structure> factors = new ArrayList<>();
            int cols = 8;
            if (trial % 4 != 0) {
                Structure weights = new Kronecker(Structure.identity(8), 5, trial % 8 < 4, false);
                if (trial % 4 == 1) {
                    factors.add(new Dense(weights.cols(), 1 + random.nextInt(3), false));
                }
                factors.add(weights);
            }
            while (factors.size() < length) {
                factors.add(structure(kinds[random.nextInt(kinds.length)], cols, random));
                cols = factors.get(factors.size() - 1).rows();
            }
            assertCheapest(factors, trial % 2 == 0 ? DENSE : FACTORED);
        }
    }

    static List<Case> cases() {
        return Graphs.all();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void noOrderThatWasConsideredIsCheaperThanTheChosenOne(Case c) {
        for (Request request : Graphs.requests(c)) {
            Plan plan = Plan.of(c.graph(), request, Runs.workload(64, Precision.F32));
            Elimination.Choice choice = plan.choice();
            assertThat(choice == null).isEqualTo(request.kind() == Request.Kind.FORWARD);
            if (choice != null) {
                double chosen = SECONDS.applyAsDouble(choice.work());
                assertThat(choice.candidates()).containsKeys(Elimination.FORWARD, Elimination.REVERSE);
                choice.candidates()
                        .forEach((name, work) -> assertThat(chosen)
                                .as("%s, %s", request, name)
                                .isLessThanOrEqualTo(SECONDS.applyAsDouble(work) * (1 + 1e-8)));
            }
        }
    }

    @Test
    void aGraphThatIsNoChainIsAlsoTriedGreedily() {
        for (String name : List.of("residual", "gated", "tied")) {
            Case c = Graphs.named(name);
            Request request = Request.jacobian(c.names().toArray(String[]::new));
            Plan plan = Plan.of(c.graph(), request, Runs.workload(64, Precision.F32));
            assertThat(plan.choice().candidates()).containsKey(Elimination.GREEDY);
        }
    }

    @Test
    void aChainTooLongToBeSolvedExactlyIsPlannedAllTheSame() {
        for (int length : new int[] {Elimination.LONGEST_EXACT - 1, 10 * Elimination.LONGEST_EXACT, 20_000}) {
            Value x = Functions.input("x", 3);
            for (int i = 0; i < length; i++) {
                x = Functions.tanh(x);
            }
            Plan plan = Plan.of(Graph.of(x), Request.jacobian("x"), Runs.workload(4, Precision.F32));
            assertThat(plan.choice().candidates().containsKey(Elimination.OPTIMAL))
                    .isEqualTo(length < Elimination.LONGEST_EXACT);
            assertThat(plan.steps()).hasSizeGreaterThanOrEqualTo(length);
        }
    }
}
