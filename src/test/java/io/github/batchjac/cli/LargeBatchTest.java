package io.github.batchjac.cli;

import static io.github.batchjac.graph.Functions.input;
import static io.github.batchjac.graph.Functions.linear;
import static io.github.batchjac.graph.Functions.parameter;
import static io.github.batchjac.graph.Functions.softmax;
import static io.github.batchjac.graph.Functions.tanh;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Backends;
import io.github.batchjac.backend.Program;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Value;
import io.github.batchjac.io.ArrayWriter;
import io.github.batchjac.io.NpyReader;
import io.github.batchjac.io.OnnxWriter;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Request;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A result that would not fit the heap is computed within a budget, and is what one run over the whole batch gives. */
class LargeBatchTest {
    private static final int BATCH = 100_000;
    private static final int[] WIDTHS = {64, 256, 128, 10};

    @TempDir
    Path dir;

    private final Random random = new Random(9);

    private Tensor normal(double scale, long... shape) {
        float[] numbers = new float[Math.toIntExact(Arrays.stream(shape).reduce(1, (a, b) -> a * b))];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = (float) (scale * random.nextGaussian());
        }
        return Tensor.of(numbers, shape);
    }

    private Graph network() {
        Value h = input("x", WIDTHS[0]);
        for (int l = 1; l < WIDTHS.length; l++) {
            double scale = 1 / Math.sqrt(WIDTHS[l - 1]);
            Value w = parameter("w" + l, normal(scale, WIDTHS[l], WIDTHS[l - 1]));
            Value z = linear(w, parameter("b" + l, normal(scale, WIDTHS[l])), h);
            h = l < WIDTHS.length - 1 ? tanh(z) : softmax(z);
        }
        return Graph.of(h);
    }

    @Test
    void aHundredThousandJacobiansWithin512MegabytesEqualThoseOfOneRun() throws IOException, InterruptedException {
        Graph network = network();
        Tensor x = normal(1, BATCH, WIDTHS[0]);
        OnnxWriter.write(network, Precision.F32, dir.resolve("net.onnx"));
        ArrayWriter.write(dir.resolve("x.npy"), x);

        Process process = new ProcessBuilder(List.of(
                        ProcessHandle.current().info().command().orElse("java"),
                        "--add-modules=jdk.incubator.vector",
                        "-Xmx512m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Main.class.getName(),
                        "jacobian",
                        dir.resolve("net.onnx").toString(),
                        dir.resolve("x.npy").toString(),
                        "--memory=512M",
                        "--threads=2",
                        "--json",
                        "--out=" + dir.resolve("j.npy")))
                .redirectError(dir.resolve("errors.txt").toFile())
                .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor())
                .as(Files.readString(dir.resolve("errors.txt")))
                .isZero();
        assertThat(ChunksTest.number(said, "peak_bytes")).isLessThanOrEqualTo(512L << 20);
        assertThat(ChunksTest.number(said, "chunks")).isGreaterThan(1);

        try (Backend cpu = Backends.cpu(2);
                Program whole = cpu.prepare(Plan.of(network, Request.jacobian("x"), cpu.workload(BATCH)));
                NpyReader parts = NpyReader.open(dir.resolve("j.npy"))) {
            float[] expected =
                    Objects.requireNonNull(whole.run(Map.of("x", x)).get("x")).floats();
            assertThat(parts.shape().axes()).containsExactly(BATCH, WIDTHS[3], WIDTHS[0]);
            int each = WIDTHS[3] * WIDTHS[0];
            for (int first = 0; first < BATCH; first += 10_000) {
                float[] came = parts.read(first, 10_000).floats();
                assertThat(Arrays.mismatch(came, 0, came.length, expected, first * each, first * each + came.length))
                        .as("samples from %s on", first)
                        .isEqualTo(-1);
            }
        }
        assertThat(Files.list(dir).map(p -> p.getFileName().toString()))
                .containsExactlyInAnyOrder("net.onnx", "x.npy", "j.npy", "errors.txt");
    }
}
