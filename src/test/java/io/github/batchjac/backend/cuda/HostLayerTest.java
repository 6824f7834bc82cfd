package io.github.batchjac.backend.cuda;

import static io.github.batchjac.graph.Functions.input;
import static io.github.batchjac.graph.Functions.linear;
import static io.github.batchjac.graph.Functions.parameter;
import static io.github.batchjac.graph.Functions.sigmoid;
import static io.github.batchjac.graph.Functions.softmax;
import static io.github.batchjac.graph.Functions.sum;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.batchjac.backend.Program;
import io.github.batchjac.backend.Results;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Value;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Reduction;
import io.github.batchjac.plan.Request;
import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What the host layer takes from a driver it gives back, and it takes nothing per run. The driver here computes nothing. */
class HostLayerTest {
    private static final int BATCH = 3;
    private static final Map<String, Tensor> INPUTS = Map.of("x", Tensor.of(new float[BATCH * 4], BATCH, 4));

    private final CountingDriver driver = new CountingDriver();

    /** Its Jacobian goes through several kernels. */
    private static Graph network() {
        Value x = input("x", 4);
        return Graph.of(softmax(sigmoid(linear(parameter("W", Tensor.of(new float[12], 3, 4)), x))));
    }

    private static Graph scalar() {
        return Graph.of(sum(network().output()));
    }

    private static Plan plan(CudaBackend backend, Graph graph, Request request) {
        return Plan.of(graph, request, backend.workload(BATCH));
    }

    private static int held(Map<String, Integer> held) {
        return held.values().stream().mapToInt(Integer::intValue).sum();
    }

    @Test
    void aMillionRunsHoldNoMoreThanOne() {
        try (CudaBackend backend = new CudaBackend(driver, 0);
                Program program = backend.prepare(plan(backend, network(), Request.jacobian("x")))) {
            Map<String, Tensor> results = program.run(INPUTS);
            program.run(INPUTS, results);
            program.run(INPUTS, results);
            Map<String, Integer> before = driver.held();
            long launches = driver.launches();
            for (int i = 0; i < 1_000_000; i++) {
                program.run(INPUTS, results);
            }
            assertThat(driver.held()).isEqualTo(before);
            assertThat(driver.launches()).as("launches beside graphs").isEqualTo(launches);
            assertThat(driver.graphLaunches()).isGreaterThanOrEqualTo(1_000_000);
        }
        assertThat(held(driver.held())).isZero();
    }

    @Test
    void allThatIsHeldIsGivenBack() {
        Request gradient = Request.gradient("W").reduce(Reduction.SUM);
        try (CudaBackend backend = new CudaBackend(driver, 0)) {
            for (int i = 0; i < 3; i++) {
                try (Program program = backend.prepare(plan(backend, scalar(), gradient))) {
                    program.run(INPUTS);
                    program.compute(INPUTS).close();
                }
            }
            assertThat(backend.memory().lent()).isZero();
            int kept = driver.held().get("allocation");
            try (Program program = backend.prepare(plan(backend, scalar(), gradient))) {
                program.run(INPUTS);
            }
            assertThat(driver.held().get("allocation"))
                    .as("a program takes what another left")
                    .isEqualTo(kept);
        }
        assertThat(held(driver.held())).isZero();
    }

    @Test
    void closingTwiceIsClosingOnce() {
        CudaBackend backend = new CudaBackend(driver, 0);
        Program program = backend.prepare(plan(backend, network(), Request.jacobian("x")));
        Results results = program.compute(INPUTS);
        results.close();
        results.close();
        program.close();
        program.close();
        backend.close();
        backend.close();
        assertThat(held(driver.held())).isZero();
    }

    @Test
    void theBackendClosesItsPrograms() {
        CudaBackend backend = new CudaBackend(driver, 0);
        Program program = backend.prepare(plan(backend, network(), Request.jacobian("x")));
        backend.close();
        assertThat(held(driver.held())).isZero();
        assertThatIllegalStateException().isThrownBy(() -> program.run(INPUTS)).withMessageContaining("closed");
        program.close();
    }

    @Test
    void whatIsClosedIsOfNoUse() {
        CudaBackend backend = new CudaBackend(driver, 0);
        Program program = backend.prepare(plan(backend, network(), Request.jacobian("x")));
        Results results = program.compute(INPUTS);
        results.close();
        assertThatIllegalStateException().isThrownBy(() -> results.get("x")).withMessageContaining("closed");
        assertThatIllegalStateException().isThrownBy(() -> results.address("x")).withMessageContaining("closed");
        program.close();
        assertThatIllegalStateException().isThrownBy(() -> program.run(INPUTS)).withMessageContaining("closed");
        assertThatIllegalStateException()
                .isThrownBy(() -> program.bind("W", Tensor.of(new float[12], 3, 4)))
                .withMessageContaining("closed");
        backend.close();
        assertThatIllegalStateException()
                .isThrownBy(() -> backend.prepare(Plan.of(network(), Request.forward(), backend.workload(1))))
                .withMessageContaining("closed");
    }

    @Test
    void resultsOutliveTheProgramButNotTheBackend() {
        CudaBackend backend = new CudaBackend(driver, 0);
        Program program = backend.prepare(plan(backend, network(), Request.jacobian("x")));
        Results results = program.compute(INPUTS);
        program.close();
        assertThat(results.get("x").shape()).isEqualTo(Shape.of(BATCH, 3, 4));
        backend.close();
        assertThatIllegalStateException().isThrownBy(() -> results.get("x")).withMessageContaining("closed");
        results.close();
        assertThat(held(driver.held())).isZero();
    }
}
