package io.github.batchjac.backend.cuda;

import static io.github.batchjac.Runs.numbers;
import static io.github.batchjac.graph.Functions.input;
import static io.github.batchjac.graph.Functions.labels;
import static io.github.batchjac.graph.Functions.linear;
import static io.github.batchjac.graph.Functions.parameter;
import static io.github.batchjac.graph.Functions.sigmoid;
import static io.github.batchjac.graph.Functions.softmax;
import static io.github.batchjac.graph.Functions.softmaxCrossEntropy;
import static io.github.batchjac.graph.Functions.tanh;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.batchjac.backend.DeviceMemoryException;
import io.github.batchjac.backend.Program;
import io.github.batchjac.backend.Results;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Value;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Reduction;
import io.github.batchjac.plan.Request;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Laws that a GPU, its driver and its clock could break though the interpreter keeps them: in large there, in small here. */
@Tag("cuda")
class CardTest {
    private static final int CLASSES = 10;

    private static Value network(int in, int hidden) {
        Random random = new Random(3);
        Value w1 = parameter("W1", weights(random, hidden, in));
        Value w2 = parameter("W2", weights(random, CLASSES, hidden));
        return linear(w2, tanh(linear(w1, input("x", in))));
    }

    private static Tensor weights(Random random, int rows, int cols) {
        return Tensor.of(random.doubles((long) rows * cols, -1, 1).toArray(), rows, cols);
    }

    private static Map<String, Tensor> inputs(Program program, int batch) {
        Random random = new Random(batch);
        Map<String, Tensor> inputs = new LinkedHashMap<>();
        for (String name : program.inputs()) {
            var shape = program.inputShape(name, batch);
            inputs.put(
                    name,
                    name.equals("label")
                            ? Tensor.of(random.longs(batch, 0, CLASSES).toArray(), shape)
                            : Tensor.of(random.doubles(shape.size(), -2, 2).toArray(), shape)
                                    .to(program.plan().workload().precision()));
        }
        return inputs;
    }

    private static void assertSame(Map<String, Tensor> actual, Map<String, Tensor> expected) {
        assertThat(actual.keySet()).isEqualTo(expected.keySet());
        expected.forEach(
                (name, tensor) -> assertThat(numbers(actual.get(name))).as(name).isEqualTo(numbers(tensor)));
    }

    /** Requests that together go through most kernels. */
    private static List<Plan> plans(CudaBackend backend, int batch, Precision precision) {
        Value logits = network(20, 30);
        Graph loss = Graph.of(softmaxCrossEntropy(labels("label"), logits));
        var workload = backend.workload(batch).in(precision);
        return List.of(
                Plan.of(Graph.of(softmax(logits)), Request.jacobian("x").withValue(), workload),
                Plan.of(Graph.of(sigmoid(logits)), Request.jacobian("W1"), workload),
                Plan.of(Graph.of(logits), Request.jvp("x"), workload),
                Plan.of(loss, Request.gradient("W1", "W2", "x").reduce(Reduction.NONE), workload),
                Plan.of(loss, Request.gradient("W1", "W2").reduce(Reduction.MEAN), workload),
                Plan.of(loss, Request.clippedSum(0.1, "W1", "W2"), workload));
    }

    @Test
    void manyRunsHoldNoMoreMemoryThanOneAndAllOfItIsGivenBack() {
        int runs = TestCuda.large() ? 100_000 : 20;
        Watched.Counts counts = new Watched.Counts();
        long before = TestCuda.onCard() ? TestCuda.card().freeMemory() : 0;
        try (CudaBackend backend = TestCuda.backend(Watched.driver(TestCuda.driver(), counts));
                Program program = backend.prepare(
                        Plan.of(Graph.of(softmax(network(6, 7))), Request.jacobian("x"), backend.workload(4)))) {
            Map<String, Tensor> inputs = inputs(program, 4);
            Map<String, Tensor> results = program.run(inputs);
            program.run(inputs, results);
            program.run(inputs, results);
            long free = backend.device().freeMemory();
            long allocated = counts.of("allocate");
            long pinned = counts.of("allocatePinned");
            for (int i = 0; i < runs; i++) {
                program.run(inputs, results);
            }
            assertThat(counts.of("allocate")).isEqualTo(allocated);
            assertThat(counts.of("allocatePinned")).isEqualTo(pinned);
            assertThat(backend.device().freeMemory()).isEqualTo(free);
        }
        assertThat(counts.of("free")).isEqualTo(counts.of("allocate"));
        assertThat(counts.of("freePinned")).isEqualTo(counts.of("allocatePinned"));
        assertThat(counts.of("destroyStream")).isEqualTo(counts.of("createStream"));
        assertThat(counts.of("destroyEvent")).isEqualTo(counts.of("createEvent"));
        assertThat(counts.of("destroyGraph")).isEqualTo(counts.of("endCapture"));
        if (TestCuda.onCard()) {
            // what the driver keeps for itself once streams and graphs were in use
            assertThat(before - TestCuda.card().freeMemory()).isLessThanOrEqualTo(64L << 20);
        }
    }

    /** The dense Jacobian of a sigmoid: 2¹⁴ numbers a sample, all of them 0 but for 128. */
    @Test
    void aResultOfMoreThanTwoToTheThirtyTwoElementsIsRightEverywhere() {
        int n = 128;
        long square = (long) n * n;
        int batch = (int) (TestCuda.large() ? (1L << 32) / square + 1001 : 50);
        try (CudaBackend backend = TestCuda.backend()) {
            if (TestCuda.large() && backend.device().freeMemory() < (square * batch * Float.BYTES) / 10 * 12) {
                TestCuda.interpreterOnly("a GPU with less memory has no room for 17 GB");
            }
            Plan plan = Plan.of(Graph.of(sigmoid(input("x", n))), Request.jacobian("x"), backend.workload(batch));
            try (Program program = backend.prepare(plan);
                    Results results = program.compute(inputs(program, batch))) {
                float[] x = inputs(program, batch).get("x").floats();
                assertThat(results.shape("x").elements()).isEqualTo(square * batch);
                long middle = (1L << 31) / square;
                for (long first : new long[] {0, batch / 2, middle - 1, 2 * middle - 1, batch - 3}) {
                    if (first >= 0 && first <= batch - 3) {
                        assertDiagonals(results.get("x", first, 3).floats(), x, (int) first, n);
                    }
                }
            }
        }
    }

    private static void assertDiagonals(float[] jacobians, float[] x, int first, int n) {
        for (int at = 0; at < jacobians.length; at++) {
            int row = at / n;
            float actual = jacobians[at];
            if (row % n != at % n) {
                assertThat(Float.floatToRawIntBits(actual)).as("element %d", at).isZero();
            } else {
                double e = Math.exp(-Math.abs((double) x[first * n + row]));
                double truth = e / ((1 + e) * (1 + e));
                assertThat(Math.abs(actual - truth)).as("element %d", at).isLessThanOrEqualTo(6 * 0x1p-23 * truth);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void programsInManyThreadsGiveTheBitsOfOneAfterTheOther(Precision precision) throws Exception {
        int batch = TestCuda.large() ? 600 : 9;
        int times = TestCuda.large() ? 20 : 3;
        try (CudaBackend backend = TestCuda.backend()) {
            List<Plan> plans = plans(backend, batch, precision);
            List<Map<String, Tensor>> expected = new ArrayList<>();
            for (Plan plan : plans) {
                try (Program program = backend.prepare(plan)) {
                    expected.add(program.run(inputs(program, batch)));
                }
            }
            ExecutorService threads = Executors.newFixedThreadPool(8);
            try {
                List<Future<?>> running = new ArrayList<>();
                for (int i = 0; i < 2 * plans.size(); i++) {
                    int which = i % plans.size();
                    running.add(threads.submit(() -> {
                        try (Program program = backend.prepare(plans.get(which))) {
                            Map<String, Tensor> inputs = inputs(program, batch);
                            for (int run = 0; run < times; run++) {
                                assertSame(program.run(inputs), expected.get(which));
                            }
                        }
                    }));
                }
                for (Future<?> run : running) {
                    run.get();
                }
            } finally {
                threads.shutdown();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void aGraphThatIsReplayedGivesTheBitsOfItsLaunches(Precision precision) {
        int batch = TestCuda.large() ? 5000 : 7;
        Watched.Counts counts = new Watched.Counts();
        try (CudaBackend replaying = TestCuda.backend(Watched.driver(TestCuda.driver(), counts));
                CudaBackend plain = TestCuda.backend(Watched.withoutGraphs(TestCuda.driver()))) {
            for (Plan plan : plans(plain, batch, precision)) {
                try (Program expected = plain.prepare(plan);
                        Program program = replaying.prepare(plan)) {
                    Map<String, Tensor> inputs = inputs(program, batch);
                    for (int run = 0; run < 4; run++) {
                        assertSame(program.run(inputs), expected.run(inputs));
                    }
                }
            }
            if (replaying.device().graphs()) {
                assertThat(counts.of("launchGraph")).isPositive();
            }
        }
    }

    @Test
    void aRunThatFindsNoRoomFailsByNameAndTheNextOneWorks() {
        try (CudaBackend backend = TestCuda.backend()) {
            long free = backend.device().freeMemory();
            int n = 1 << 10;
            int batch = (int) (free / Float.BYTES / n / n) + 1;
            Graph graph = Graph.of(sigmoid(input("x", n)));
            try (Program program = backend.prepare(Plan.of(graph, Request.jacobian("x"), backend.workload(1)))) {
                Map<String, Tensor> inputs = inputs(program, 3);
                Map<String, Tensor> expected = program.run(inputs);
                assertThatExceptionOfType(DeviceMemoryException.class)
                        .isThrownBy(() -> program.compute(inputs(program, batch)))
                        .withMessageContaining("free")
                        .satisfies(e -> assertThat(e.needed()).isGreaterThan(free));
                assertSame(program.run(inputs), expected);
            }
        }
    }

    /** Large enough for cuBLAS to take over where it is found. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void aLargeProductIsWithinItsBound(Precision precision) {
        int k = TestCuda.large() ? 512 : 256;
        int m = TestCuda.large() ? 300 : 64;
        int batch = TestCuda.large() ? 1000 : 64;
        Tensor w = weights(new Random(5), m, k);
        try (CudaBackend backend = TestCuda.backend()) {
            Graph graph = Graph.of(linear(parameter("W", w), input("x", k)));
            Plan plan =
                    Plan.of(graph, Request.forward(), backend.workload(batch).in(precision));
            try (Program program = backend.prepare(plan)) {
                Map<String, Tensor> inputs = inputs(program, batch);
                double[] x = numbers(inputs.get("x"));
                double[] rounded = numbers(w.to(precision));
                double[] y = numbers(program.run(inputs).get(Request.VALUE));
                for (int at = 0; at < y.length; at++) {
                    double sum = 0;
                    double magnitude = 0;
                    for (int i = 0; i < k; i++) {
                        double term = x[at / m * k + i] * rounded[at % m * k + i];
                        sum += term;
                        magnitude += Math.abs(term);
                    }
                    // the truth is rounded as well, when both are float64
                    assertThat(Math.abs(y[at] - sum))
                            .as("element %d", at)
                            .isLessThanOrEqualTo(2 * (k + 4) * precision.unitRoundoff() * magnitude);
                }
            }
        }
    }
}
