package io.github.batchjac.cli;

import static io.github.batchjac.cli.Cli.GOLDEN;
import static io.github.batchjac.cli.Cli.read;
import static io.github.batchjac.cli.Cli.run;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.graph.Functions;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.io.ArrayWriter;
import io.github.batchjac.io.NpzReader;
import io.github.batchjac.io.OnnxWriter;
import io.github.batchjac.tensor.ElementType;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Output axes first, then input axes, the batch before both. */
class ShapesTest {
    private static final Path FOLDER = GOLDEN.resolve("tanh_softmax"); // B=6, 5-7-4
    private static final Object MODEL = FOLDER.resolve("model.onnx");
    private static final Object X = FOLDER.resolve("x.npy");

    @TempDir
    Path dir;

    @Test
    void severalNamesGoToOneFileByName() throws IOException {
        Path out = dir.resolve("j.npz");
        run("jacobian", MODEL, X, "--wrt", "params", "--wrt", "x", "--out", out).succeeds();
        Map<String, Tensor> all = NpzReader.read(out);
        assertThat(all.keySet()).containsExactlyInAnyOrder("0.weight", "0.bias", "2.weight", "2.bias", "x");
        assertThat(Cli.in(all, "0.weight").shape()).isEqualTo(Shape.of(6, 4, 7, 5));
        assertThat(Cli.in(all, "2.bias").shape()).isEqualTo(Shape.of(6, 4, 4));
        assertThat(Cli.in(all, "x").shape()).isEqualTo(Shape.of(6, 4, 5));
    }

    @Test
    void severalSeedsHaveAnAxisOfTheirOwn() throws IOException {
        int k = 3;
        Path v = Cli.write(dir.resolve("v.npy"), ramp(Shape.of(6, k, 4)));
        Path t = Cli.write(dir.resolve("t.npy"), ramp(Shape.of(6, 5, k)));
        Path out = dir.resolve("out.npy");
        run("vjp", MODEL, X, "--cotangent", v, "--out", out).succeeds();
        assertThat(read(out).shape()).isEqualTo(Shape.of(6, k, 5));
        run("jvp", MODEL, X, "--tangent", t, "--out", out).succeeds();
        assertThat(read(out).shape()).isEqualTo(Shape.of(6, 4, k));
    }

    @Test
    void tangentsOfSeveralNamesAddUp() throws IOException {
        Path t = dir.resolve("t.npz");
        Tensor x = ramp(Shape.of(6, 5));
        Tensor b = ramp(Shape.of(7));
        ArrayWriter.write(t, Map.of("x", x, "0.bias", b));
        Path both = dir.resolve("both.npy");
        run("jvp", MODEL, X, "--wrt", "x", "--wrt", "0.bias", "--tangent", t, "--precision", "f64", "--out", both)
                .succeeds();
        Path one = dir.resolve("one.npy");
        Path two = dir.resolve("two.npy");
        run("jvp", MODEL, X, "--tangent", Cli.write(dir.resolve("tx.npy"), x), "--precision", "f64", "--out", one)
                .succeeds();
        run(
                        "jvp",
                        MODEL,
                        X,
                        "--wrt",
                        "0.bias",
                        "--tangent",
                        Cli.write(dir.resolve("tb.npy"), b),
                        "--precision",
                        "f64",
                        "--out",
                        two)
                .succeeds();
        double[] sum = new double[24];
        java.util.Arrays.setAll(sum, i -> read(one).get(i) + read(two).get(i));
        assertThat(Cli.distance(read(both), Tensor.of(sum, 6, 4))).isLessThan(1e-14);
    }

    @Test
    void anEmptyBatchGivesAnEmptyResult() throws IOException {
        Path x = Cli.write(dir.resolve("x.npy"), Tensor.zeros(ElementType.F32, Shape.of(0, 5)));
        Path out = dir.resolve("j.npy");
        run("jacobian", MODEL, x, "--out", out).succeeds();
        assertThat(read(out).shape()).isEqualTo(Shape.of(0, 4, 5));
        run("forward", MODEL, x, "--out", out).succeeds();
        assertThat(read(out).shape()).isEqualTo(Shape.of(0, 4));
    }

    @Test
    void aModelWithTwoInputsTakesAnNpz() throws IOException {
        Graph graph = Graph.of(Functions.multiply(Functions.input("a", 3), Functions.tanh(Functions.input("b", 3))));
        Path model = dir.resolve("two.onnx");
        OnnxWriter.write(graph, Precision.F32, model);
        Path x = dir.resolve("x.npz");
        ArrayWriter.write(x, Map.of("a", ramp(Shape.of(5, 3)), "b", ramp(Shape.of(5, 3))));
        Path out = dir.resolve("j.npz");
        run("jacobian", model, x, "--out", out).succeeds();
        assertThat(Cli.in(NpzReader.read(out), "b").shape()).isEqualTo(Shape.of(5, 3, 3));
        run("jacobian", model, X, "--out", out).fails("x.npy", "a, b", "npz");
        ArrayWriter.write(x, Map.of("a", ramp(Shape.of(5, 3)), "c", ramp(Shape.of(5, 3))));
        run("jacobian", model, x, "--out", out).fails("x.npz", "c", "a, b");
    }

    @Test
    void imagesMayComeAsRowsOfPixels() throws IOException {
        Graph graph = Graph.of(Functions.tanh(Functions.input("x", 2, 3)));
        Path model = dir.resolve("image.onnx");
        OnnxWriter.write(graph, Precision.F32, model);
        Path flat = Cli.write(dir.resolve("flat.npy"), ramp(Shape.of(4, 6)));
        Path image = Cli.write(dir.resolve("image.npy"), ramp(Shape.of(4, 2, 3)));
        Path a = dir.resolve("a.npy");
        Path b = dir.resolve("b.npy");
        run("jacobian", model, flat, "--out", a).succeeds();
        run("jacobian", model, image, "--out", b).succeeds();
        assertThat(read(a).shape()).isEqualTo(Shape.of(4, 2, 3, 2, 3));
        assertThat(Files.mismatch(a, b)).isEqualTo(-1);
    }

    @Test
    void squaredErrorAndCrossEntropyTakeTargetsOfTheOutputsShape() throws IOException {
        Object target = FOLDER.resolve("y.npy");
        Path out = dir.resolve("g.npy");
        run(
                        "gradient",
                        MODEL,
                        X,
                        "--loss",
                        "squared-error",
                        "--target",
                        target,
                        "--wrt",
                        "2.bias",
                        "--reduce",
                        "none",
                        "--out",
                        out)
                .succeeds();
        assertThat(read(out).shape()).isEqualTo(Shape.of(6, 4));
        for (int i = 0; i < 24; i++) {
            assertThat(read(out).get(i))
                    .isCloseTo(0, org.assertj.core.data.Offset.offset(1e-6)); // the target is the output
        }
        run(
                        "gradient",
                        MODEL,
                        X,
                        "--loss",
                        "cross-entropy",
                        "--target",
                        target,
                        "--wrt",
                        "0.weight",
                        "--reduce",
                        "sum",
                        "--out",
                        out)
                .succeeds();
        assertThat(read(out).shape()).isEqualTo(Shape.of(7, 5));
    }

    static Tensor ramp(Shape shape) {
        double[] x = new double[shape.size()];
        java.util.Arrays.setAll(x, i -> Math.sin(i + 1.0));
        return Tensor.of(x, shape);
    }
}
