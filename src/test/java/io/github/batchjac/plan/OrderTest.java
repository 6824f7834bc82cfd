package io.github.batchjac.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.batchjac.Graphs;
import io.github.batchjac.Graphs.Case;
import io.github.batchjac.Runs;
import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Backends;
import io.github.batchjac.backend.Program;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Plans in an order that somebody asked for. */
class OrderTest {
    private static final int BATCH = 3;

    static List<Case> cases() {
        return Graphs.all();
    }

    private static Plan plan(Case c, Order order) {
        Request request = Request.jacobian(c.names().toArray(String[]::new));
        return Plan.of(c.graph(), request, Runs.workload(BATCH, Precision.F64), order);
    }

    private static double seconds(Plan plan) {
        return plan.cost().seconds(plan.work(), BATCH, Precision.F64);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void theChosenOrderIsNoDearerThanTheOthers(Case c) {
        double chosen = seconds(plan(c, Order.CHEAPEST));
        assertThat(chosen).isLessThanOrEqualTo(seconds(plan(c, Order.FORWARD)) * (1 + 1e-9));
        assertThat(chosen).isLessThanOrEqualTo(seconds(plan(c, Order.REVERSE)) * (1 + 1e-9));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void everyOrderGivesTheSameJacobiansButForRounding(Case c) {
        try (Backend cpu = Backends.cpu(1);
                Program chosen = cpu.prepare(plan(c, Order.CHEAPEST))) {
            for (Order order : List.of(Order.FORWARD, Order.REVERSE)) {
                Plan plan = plan(c, order);
                assertThat(plan.order()).isEqualTo(order.name().toLowerCase(java.util.Locale.ROOT));
                try (Program forced = cpu.prepare(plan)) {
                    var expected = chosen.run(c.inputs(chosen, BATCH));
                    var came = forced.run(c.inputs(forced, BATCH));
                    expected.forEach((name, tensor) -> assertClose(came.get(name), tensor));
                }
            }
        }
    }

    /** The cases' chains have sums of a few dozen terms, of numbers around 1. */
    private static void assertClose(Tensor came, Tensor expected) {
        double[] e = expected.doubles();
        double largest = Arrays.stream(e).map(Math::abs).max().orElse(0);
        double bound = 1000 * Precision.F64.unitRoundoff() * Math.max(1, largest);
        for (int i = 0; i < e.length; i++) {
            assertThat(came.get(i)).isCloseTo(e[i], within(bound));
        }
    }
}
