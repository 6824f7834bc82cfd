package io.github.batchjac.cli;

import static io.github.batchjac.cli.Cli.GOLDEN;
import static io.github.batchjac.cli.Cli.read;
import static io.github.batchjac.cli.Cli.run;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.io.NpzReader;
import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Networks with results of an independent autodiff, through every command, on every device, in both precisions. */
class GoldenCommandsTest {
    @TempDir
    Path dir;

    static Stream<Arguments> cases() throws IOException {
        List<Arguments> cases = new ArrayList<>();
        try (Stream<Path> folders = Files.list(GOLDEN)) {
            for (Path folder : folders.filter(Files::isDirectory).sorted().toList()) {
                for (String device : List.of("cpu", "reference")) {
                    for (String precision : List.of("f32", "f64")) {
                        cases.add(Arguments.of(folder.getFileName().toString(), device, precision));
                    }
                }
            }
        }
        return cases.stream();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void everyCommandAgrees(String name, String device, String precision) throws IOException {
        Path folder = GOLDEN.resolve(name);
        Path out = dir.resolve("out.npy");
        Object[] end = {"--device", device, "--precision", precision, "--out", out};
        agrees(folder, "y.npy", precision, out, join(end, "forward"));
        agrees(folder, "jacobian_x.npy", precision, out, join(end, "jacobian"));
        agrees(folder, "vjp_x.npy", precision, out, join(end, "vjp", "--cotangent", folder.resolve("v.npy")));
        agrees(folder, "jvp_x.npy", precision, out, join(end, "jvp", "--tangent", folder.resolve("t.npy")));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void gradientsAgree(String name, String device, String precision) throws IOException {
        Path folder = GOLDEN.resolve(name);
        if (!Files.exists(folder.resolve("labels.npy"))) {
            return;
        }
        Path out = dir.resolve("g.npz");
        Object[] loss = {"--loss", "softmax-cross-entropy", "--target", folder.resolve("labels.npy")};
        Object[] end = {"--device", device, "--precision", precision, "--out", out};
        run(join(
                        join(end, loss),
                        "gradient",
                        folder.resolve("model.onnx"),
                        folder.resolve("x.npy"),
                        "--reduce",
                        "none"))
                .succeeds();
        Map<String, Tensor> gradients = NpzReader.read(out);
        assertThat(gradients).isNotEmpty();
        gradients.forEach((parameter, gradient) -> {
            Path stored = folder.resolve("gradient_" + parameter + ".npy");
            if (Files.exists(stored)) { // a layer without bias is exported under another name, transposed
                assertThat(Cli.distance(gradient, read(stored))).as(parameter).isLessThan(tolerance(precision));
            }
        });
        Path x = dir.resolve("gx.npy");
        Object[] toX = {"--device", device, "--precision", precision, "--out", x};
        run(join(
                        join(toX, loss),
                        "gradient",
                        folder.resolve("model.onnx"),
                        folder.resolve("x.npy"),
                        "--wrt",
                        input(folder),
                        "--reduce",
                        "none"))
                .succeeds();
        assertThat(Cli.distance(read(x), read(folder.resolve("gradient_x.npy"))))
                .isLessThan(tolerance(precision));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void reducedGradientsAndNormsFollowFromPerSampleOnes(String name, String device, String precision)
            throws IOException {
        Path folder = GOLDEN.resolve(name);
        if (!Files.exists(folder.resolve("labels.npy"))) {
            return;
        }
        Object[] begin = {
            "gradient",
            folder.resolve("model.onnx"),
            folder.resolve("x.npy"),
            "--loss",
            "softmax-cross-entropy",
            "--target",
            folder.resolve("labels.npy"),
            "--device",
            device,
            "--precision",
            precision,
            "--out"
        };
        Path none = dir.resolve("none.npz");
        Path sum = dir.resolve("sum.npz");
        Path mean = dir.resolve("mean.npz");
        Path norms = dir.resolve("norms.npz");
        Path norm = dir.resolve("norm.npy");
        Path clip = dir.resolve("clip.npz");
        run(join(new Object[] {none, "--reduce", "none"}, begin)).succeeds();
        run(join(new Object[] {sum, "--reduce", "sum"}, begin)).succeeds();
        run(join(new Object[] {mean, "--reduce", "mean"}, begin)).succeeds();
        run(join(new Object[] {norms, "--norms"}, begin)).succeeds();
        run(join(new Object[] {norm, "--norms"}, begin)).succeeds();
        run(join(new Object[] {clip, "--clip", "1e6"}, begin)).succeeds();
        Map<String, Tensor> each = NpzReader.read(none);
        Map<String, Tensor> sums = NpzReader.read(sum);
        Map<String, Tensor> means = NpzReader.read(mean);
        Map<String, Tensor> own = NpzReader.read(norms);
        Map<String, Tensor> clipped = NpzReader.read(clip);
        double limit = tolerance(precision);
        int batch = (int) read(folder.resolve("x.npy")).shape().axis(0);
        double[] squares = new double[batch];
        each.forEach((parameter, g) -> {
            int size = g.size() / batch;
            double[] total = new double[size];
            double[] length = new double[batch];
            for (int i = 0; i < g.size(); i++) {
                total[i % size] += g.get(i);
                length[i / size] += g.get(i) * g.get(i);
            }
            for (int b = 0; b < batch; b++) {
                squares[b] += length[b];
                length[b] = Math.sqrt(length[b]);
            }
            Shape shape = g.shape().tail();
            assertThat(Cli.distance(Cli.in(sums, parameter), Tensor.of(total, shape)))
                    .isLessThan(limit);
            assertThat(Cli.distance(Cli.in(clipped, parameter), Tensor.of(total, shape)))
                    .isLessThan(limit);
            double[] average =
                    java.util.Arrays.stream(total).map(v -> v / batch).toArray();
            assertThat(Cli.distance(Cli.in(means, parameter), Tensor.of(average, shape)))
                    .isLessThan(limit);
            assertThat(Cli.distance(Cli.in(own, parameter), Tensor.of(length, batch)))
                    .isLessThan(limit);
        });
        double[] joint = java.util.Arrays.stream(squares).map(Math::sqrt).toArray();
        assertThat(Cli.distance(read(norm), Tensor.of(joint, batch))).isLessThan(limit);
    }

    private void agrees(Path folder, String expected, String precision, Path out, Object[] args) {
        Object[] all = new Object[args.length + 2];
        all[0] = args[0];
        all[1] = folder.resolve("model.onnx");
        all[2] = folder.resolve("x.npy");
        System.arraycopy(args, 1, all, 3, args.length - 1);
        run(all).succeeds();
        assertThat(Cli.distance(read(out), read(folder.resolve(expected))))
                .as(expected)
                .isLessThan(tolerance(precision));
    }

    private static String input(Path folder) throws IOException {
        return io.github.batchjac.io.OnnxModel.read(folder.resolve("model.onnx"))
                .graph()
                .inputs()
                .keySet()
                .iterator()
                .next();
    }

    private static double tolerance(String precision) {
        return precision.equals("f64") ? 1e-9 : 1e-5;
    }

    /** {@code first} and then {@code end}. */
    private static Object[] join(Object[] end, Object... first) {
        return Stream.concat(Stream.of(first), Stream.of(end)).toArray();
    }
}
