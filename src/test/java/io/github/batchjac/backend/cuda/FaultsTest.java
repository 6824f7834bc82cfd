package io.github.batchjac.backend.cuda;

import static io.github.batchjac.graph.Functions.input;
import static io.github.batchjac.graph.Functions.labels;
import static io.github.batchjac.graph.Functions.linear;
import static io.github.batchjac.graph.Functions.parameter;
import static io.github.batchjac.graph.Functions.sigmoid;
import static io.github.batchjac.graph.Functions.softmaxCrossEntropy;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.github.batchjac.Runs;
import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Backends;
import io.github.batchjac.backend.DeviceLostException;
import io.github.batchjac.backend.DeviceMemoryException;
import io.github.batchjac.backend.Program;
import io.github.batchjac.backend.Results;
import io.github.batchjac.backend.cpu.CpuBackend;
import io.github.batchjac.backend.cuda.InterpretedDriver.Call;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Value;
import io.github.batchjac.plan.Cost;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Reduction;
import io.github.batchjac.plan.Request;
import io.github.batchjac.plan.Workload;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever fails, at whatever call: a typed exception or the same bits, nothing leaked, and never a call on what is gone. */
class FaultsTest {
    private static final int BATCH = 70;
    private static final int WIDTH = 5;
    private static final int CLASSES = 3;
    private static final Graph LOSS = loss();

    private static Graph loss() {
        Value w1 = parameter("W1", numbers(1, 7, WIDTH));
        Value w2 = parameter("W2", numbers(2, CLASSES, 7));
        Value hidden = sigmoid(linear(w1, parameter("b1", numbers(3, 7)), input("x", WIDTH)));
        return Graph.of(softmaxCrossEntropy(labels("label"), linear(w2, hidden)));
    }

    private static Tensor numbers(int seed, long... shape) {
        int size = 1;
        for (long axis : shape) {
            size *= (int) axis;
        }
        Random random = new Random(seed);
        float[] x = new float[size];
        for (int i = 0; i < size; i++) {
            x[i] = (float) random.nextGaussian();
        }
        return Tensor.of(x, shape);
    }

    private static Map<String, Tensor> inputs() {
        long[] label = new Random(4).longs(BATCH, 0, CLASSES).toArray();
        return Map.of("x", numbers(5, BATCH, WIDTH), "label", Tensor.of(label, BATCH));
    }

    /** A result per sample, one summed, one the mean. */
    private static List<Request> requests() {
        return List.of(
                Request.gradient("W1").withValue(),
                Request.gradient("W1", "b1", "W2").reduce(Reduction.MEAN),
                Request.clippedSum(0.5, "W1", "W2"));
    }

    private static Plan plan(Request request) {
        return Plan.of(LOSS, request, new Workload(BATCH, Precision.F32, 1L << 30, 1, false, Cost.GPU));
    }

    private static Map<String, double[]> doubles(Map<String, Tensor> results) {
        Map<String, double[]> all = new HashMap<>();
        results.forEach((name, tensor) -> all.put(name, Runs.numbers(tensor)));
        return all;
    }

    private static void assertSame(Map<String, Tensor> actual, Map<String, double[]> expected) {
        assertThat(actual.keySet()).isEqualTo(expected.keySet());
        actual.forEach(
                (name, tensor) -> assertThat(Runs.numbers(tensor)).as(name).isEqualTo(expected.get(name)));
    }

    private static Map<String, double[]> undisturbed(Request request) {
        try (CudaBackend backend = new CudaBackend(new InterpretedDriver(), 0);
                Program program = backend.prepare(plan(request))) {
            return doubles(program.run(inputs()));
        }
    }

    /** Nothing is held any more, unless the device is lost, and nothing was done that must not be. */
    private static void assertClean(InterpretedDriver driver, boolean lost) {
        assertThat(driver.violations()).isEmpty();
        for (InterpretedDevice device : driver.opened()) {
            assertThat(device.closed()).isTrue();
            if (!lost) {
                assertThat(device.alive()).isEqualTo(new InterpretedDevice.Alive(0, 0, 0, 0, 0, 0));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Call.class,
            names = {"ALLOCATE", "ALLOCATE_PINNED", "END_CAPTURE", "CREATE_STREAM"})
    void whereverMemoryRunsOutResultsAreTheSameOrAnExceptionSaysHowMuchIsNeeded(Call call) {
        for (Request request : requests()) {
            Map<String, double[]> expected = undisturbed(request);
            int equal = 0;
            for (long k = 1; ; k++) {
                InterpretedDriver driver = new InterpretedDriver().fail(call, k, InterpretedDriver.OUT_OF_MEMORY);
                try (CudaBackend backend = new CudaBackend(driver, 0);
                        Program program = backend.prepare(plan(request))) {
                    for (int i = 0; i < 3; i++) {
                        assertSame(program.run(inputs()), expected);
                    }
                    equal++;
                } catch (DeviceMemoryException e) {
                    assertThat(e).hasMessageContaining("free").hasMessageContaining("B");
                    assertThat(e.needed()).isPositive();
                }
                assertClean(driver, false);
                if (driver.calls(call) < k) {
                    break;
                }
            }
            assertThat(equal).as("%s: some runs come through", request).isPositive();
        }
    }

    /** Graphs are a convenience: whatever keeps one from being recorded, if the device is not lost, plain launches do the same. */
    @ParameterizedTest
    @CsvSource({"BEGIN_CAPTURE, 801", "END_CAPTURE, 900", "END_CAPTURE, 901", "BEGIN_CAPTURE, 908"})
    void whatCannotBeRecordedIsLaunched(Call call, int code) {
        for (Request request : requests()) {
            Map<String, double[]> expected = undisturbed(request);
            InterpretedDriver driver = new InterpretedDriver().fail(call, 1, code);
            try (CudaBackend backend = new CudaBackend(driver, 0);
                    Program program = backend.prepare(plan(request))) {
                for (int i = 0; i < 3; i++) {
                    assertSame(program.run(inputs()), expected);
                }
            }
            assertThat(driver.calls(call)).isPositive();
            assertThat(driver.calls(Call.LAUNCH_GRAPH)).isZero();
            assertClean(driver, false);
        }
    }

    /** A driver that refuses pinned memory so many times, once a program's parameters have some: as often its pieces shrink. */
    private static Driver shortOfMemory(InterpretedDriver driver, int failures) {
        AtomicInteger asked = new AtomicInteger();
        return proxy(Driver.class, driver, (method, device) -> {
            if (!method.equals("open")) {
                return device;
            }
            return proxy(Device.class, (Device) device, (name, result) -> {
                int turn = name.equals("allocatePinned") ? asked.getAndIncrement() : 0;
                if (turn >= 1 && turn <= failures) {
                    ((Device) device).freePinned((ByteBuffer) result);
                    throw InterpretedDriver.failure(InterpretedDriver.OUT_OF_MEMORY, name);
                }
                return result;
            });
        });
    }

    /** {@code target}, each result passed through {@code after}. */
    private static <T> T proxy(Class<T> type, T target, BiFunction<String, Object, Object> after) {
        return type.cast(Proxy.newProxyInstance(
                type.getClassLoader(), new Class<?>[] {type}, (self, method, arguments) -> {
                    try {
                        return after.apply(method.getName(), method.invoke(target, arguments));
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                }));
    }

    /** In pieces of 32, 16, 8 … 1 samples: tiles are continued and closed in the middle of a run. */
    @Test
    void aBatchInPiecesIsTheBatchBitForBit() {
        for (Request request : requests()) {
            Map<String, double[]> expected = undisturbed(request);
            for (int failures = 1; failures <= 6; failures++) {
                InterpretedDriver driver = new InterpretedDriver();
                try (CudaBackend backend = new CudaBackend(shortOfMemory(driver, failures), 0);
                        Program program = backend.prepare(plan(request))) {
                    for (int i = 0; i < 3; i++) {
                        assertSame(program.run(inputs()), expected);
                    }
                    try (Results results = program.compute(inputs())) {
                        for (String name : results.names()) {
                            assertThat(Runs.numbers(results.get(name))).isEqualTo(expected.get(name));
                        }
                    }
                }
                assertClean(driver, false);
            }
        }
    }

    @Test
    void aDeviceTooSmallForOneSampleIsATypedExceptionThatStatesSizes() {
        for (Request request : requests()) {
            InterpretedDriver driver = new InterpretedDriver().memory(4096);
            try (CudaBackend backend = new CudaBackend(driver, 0)) {
                assertThatExceptionOfType(DeviceMemoryException.class)
                        .isThrownBy(() -> backend.prepare(plan(request)))
                        .withMessageMatching(".*interpreted has .*B free; .*B.*")
                        .satisfies(e -> assertThat(e.needed()).isPositive());
            }
            assertClean(driver, false);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {InterpretedDriver.ILLEGAL_ADDRESS, InterpretedDriver.LAUNCH_FAILED, 226, 810, 911})
    void aDeviceThatFailsForGoodIsLostAndSaysSo(int code) {
        for (Call call : List.of(Call.LAUNCH, Call.SYNCHRONIZE, Call.COPY_IN, Call.LAUNCH_GRAPH, Call.COPY_OUT)) {
            for (long k = 1; ; k++) {
                InterpretedDriver driver = new InterpretedDriver();
                boolean lost = false;
                try (CudaBackend backend = new CudaBackend(driver, 0)) {
                    driver.fail(call, k, code);
                    Throwable failure = catchThrowable(() -> {
                        try (Program program = backend.prepare(plan(requests().get(1)))) {
                            for (int i = 0; i < 3; i++) {
                                program.run(inputs());
                            }
                        }
                    });
                    lost = failure != null;
                    if (lost) {
                        assertThat(failure)
                                .isInstanceOf(DeviceLostException.class)
                                .hasMessageContaining(String.valueOf(code))
                                .hasMessageContaining("interpreted");
                        assertThatThrownBy(() -> backend.prepare(plan(requests().get(0))))
                                .isInstanceOf(DeviceLostException.class);
                    }
                }
                assertClean(driver, lost);
                if (!lost) {
                    assertThat(k).as("%s was reached", call).isGreaterThan(1);
                    break;
                }
            }
        }
    }

    @Test
    void theCpuGoesOnWhereTheCallerOptedIn() {
        Request request = requests().get(1);
        Map<String, double[]> onGpu = undisturbed(request);
        Map<String, double[]> onCpu;
        try (Backend cpu = new CpuBackend(1);
                Program program = cpu.prepare(plan(request))) {
            onCpu = doubles(program.run(inputs()));
        }
        for (long k = 1; ; k++) {
            InterpretedDriver driver = new InterpretedDriver();
            boolean lost;
            try (Backend both = Backends.fallingBack(new CudaBackend(driver, 0), new CpuBackend(1))) {
                driver.fail(Call.LAUNCH, k, InterpretedDriver.LAUNCH_FAILED);
                try (Program program = both.prepare(plan(request))) {
                    Map<String, Tensor> results = program.run(inputs());
                    lost = both.name().equals("cpu");
                    assertSame(results, lost ? onCpu : onGpu);
                    assertThat(program.description()).contains(lost ? "is lost" : "should it fail, cpu");
                    program.bind("W2", numbers(2, CLASSES, 7));
                    assertSame(program.run(inputs()), both.name().equals("cpu") ? onCpu : onGpu);
                }
            }
            assertThat(driver.violations()).isEmpty();
            if (!lost) {
                assertThat(k).isGreaterThan(1);
                break;
            }
        }
    }

    @Test
    void anErrorThatPassesLeavesTheProgramFitForUse() {
        for (Call call : List.of(Call.LAUNCH, Call.COPY_IN, Call.SYNCHRONIZE, Call.COPY_OUT)) {
            Request request = requests().get(1);
            Map<String, double[]> expected = undisturbed(request);
            InterpretedDriver driver = new InterpretedDriver();
            try (CudaBackend backend = new CudaBackend(driver, 0);
                    Program program = backend.prepare(plan(request))) {
                program.run(inputs());
                driver.fail(call, 1, 1);
                assertThatThrownBy(() -> program.run(inputs()))
                        .as(call.toString())
                        .isInstanceOf(DriverException.class)
                        .hasMessageContaining("CUDA_ERROR_INVALID_VALUE");
                assertSame(program.run(inputs()), expected);
            }
            assertClean(driver, false);
        }
    }

    @Test
    void modulesThatTheDriverDoesNotTakeLeaveNothingOpen() {
        InterpretedDriver driver = new InterpretedDriver().fail(Call.LOAD_MODULE, 1, 218);
        assertThatThrownBy(() -> new CudaBackend(driver, 0)).isInstanceOf(DriverException.class);
        assertClean(driver, false);
    }

    @Test
    void programsInManyThreadsGiveTheBitsOfOne() throws Exception {
        List<Request> requests = requests();
        List<Map<String, double[]>> expected =
                requests.stream().map(FaultsTest::undisturbed).toList();
        InterpretedDriver driver = new InterpretedDriver();
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try (CudaBackend backend = new CudaBackend(driver, 0)) {
            List<Callable<Boolean>> tasks = new ArrayList<>();
            for (int t = 0; t < 8; t++) {
                int which = t % requests.size();
                tasks.add(() -> {
                    try (Program program = backend.prepare(plan(requests.get(which)))) {
                        for (int i = 0; i < 3; i++) {
                            assertSame(program.run(inputs()), expected.get(which));
                        }
                    }
                    return true;
                });
            }
            for (Future<Boolean> done : threads.invokeAll(tasks)) {
                assertThat(done.get()).isTrue();
            }
        } finally {
            threads.shutdown();
        }
        assertClean(driver, false);
    }
}
