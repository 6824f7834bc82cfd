package io.github.batchjac.cli;

import static io.github.batchjac.cli.Cli.GOLDEN;
import static io.github.batchjac.cli.Cli.run;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.tensor.ElementType;
import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each mistake is one sentence on stderr and exit 1 (2 for the command's own usage), and leaves the output as it was. */
class BadInputTest {
    private static final Path FOLDER = GOLDEN.resolve("relu_wide"); // B=17, 33 to 10
    private static final Path MODEL = FOLDER.resolve("model.onnx");
    private static final Path X = FOLDER.resolve("x.npy");

    @TempDir
    Path dir;

    @TempDir
    Path results;

    private Path out;

    @BeforeEach
    void anExistingOutput() throws IOException {
        out = results.resolve("out.npy");
        Files.writeString(out, "precious");
    }

    @AfterEach
    void isUntouchedAndAlone() throws IOException {
        assertThat(out).hasContent("precious");
        assertThat(Cli.files(results)).containsExactly("out.npy");
    }

    private Cli.Outcome jacobian(Object x, Object... more) {
        return run(Stream.concat(Stream.of("jacobian", MODEL, x, "--out", out), Stream.of(more))
                .toArray());
    }

    private Path bytes(String name, byte[] bytes) throws IOException {
        return Files.write(dir.resolve(name), bytes);
    }

    @Test
    void aTruncatedArray() throws IOException {
        byte[] whole = Files.readAllBytes(X);
        for (int length : new int[] {0, 5, 9, 60, whole.length - 1}) {
            jacobian(bytes("short.npy", Arrays.copyOf(whole, length))).fails("short.npy");
        }
    }

    @Test
    void trailingBytes() throws IOException {
        byte[] whole = Files.readAllBytes(X);
        jacobian(bytes("long.npy", Arrays.copyOf(whole, whole.length + 3))).fails("long.npy");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{'descr': '<f4', 'fortran_order': True, 'shape': (17, 33), }",
                "{'descr': '>f4', 'fortran_order': False, 'shape': (17, 33), }",
                "{'descr': '|O', 'fortran_order': False, 'shape': (17, 33), }",
                "{'descr': '<c8', 'fortran_order': False, 'shape': (17, 33), }",
                "{'descr': '<f2', 'fortran_order': False, 'shape': (17, 33), }",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (17, 33000000000), }",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 33), }",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 9223372036854775807), }",
                "{'descr': '<i8', 'fortran_order': False, 'shape': (17, 33), }",
                "nonsense"
            })
    void aHeaderThatIsNoBatchOfNumbers(String header) throws IOException {
        int size = header.contains("<i8") ? 17 * 33 * 8 : 17 * 33 * 4;
        jacobian(npy("odd.npy", header, new byte[size])).fails("odd.npy");
    }

    @Test
    void aHugeHeader() throws IOException {
        byte[] file = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 2, 0, -1, -1, -1, 0x7f};
        jacobian(bytes("huge.npy", file)).fails("huge.npy");
    }

    private Path npy(String name, String header, byte[] data) throws IOException {
        byte[] text = (header + "\n").getBytes(StandardCharsets.ISO_8859_1);
        byte[] file = new byte[10 + text.length + data.length];
        byte[] magic = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (byte) text.length, (byte) (text.length >> 8)};
        System.arraycopy(magic, 0, file, 0, 10);
        System.arraycopy(text, 0, file, 10, text.length);
        return bytes(name, file);
    }

    @ParameterizedTest
    @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, 1e300})
    void aNumberThatIsNotFinite(double bad) throws IOException {
        Tensor x = Tensor.zeros(ElementType.F64, Shape.of(17, 33));
        x.doubles()[3 * 33 + 5] = bad;
        Path file = Cli.write(dir.resolve("bad.npy"), x);
        jacobian(file).fails("bad.npy", "sample 3, component 5", "finite");
        jacobian(file, "--memory", "300K").fails("sample 3, component 5");
    }

    @Test
    void nonFiniteNumbersMayBeAllowed() throws IOException {
        Tensor x = Tensor.zeros(ElementType.F32, Shape.of(2, 33));
        x.floats()[0] = Float.NaN;
        Path file = Cli.write(dir.resolve("nan.npy"), x);
        run("forward", MODEL, file, "--allow-nonfinite", "--out", dir.resolve("y.npy"))
                .succeeds();
        Tensor y = Cli.read(dir.resolve("y.npy"));
        assertThat(Double.isNaN(y.get(0))).isTrue();
        assertThat(Double.isFinite(y.get(10))).isTrue();
    }

    @Test
    void aWrongWidthOrRank() throws IOException {
        jacobian(Cli.write(dir.resolve("a.npy"), Tensor.zeros(ElementType.F32, Shape.of(17, 32))))
                .fails("(17, 32)", "(B, 33)");
        jacobian(Cli.write(dir.resolve("a.npy"), Tensor.zeros(ElementType.F32, Shape.of(33))))
                .fails("(33,)", "(B, 33)");
        jacobian(Cli.write(dir.resolve("a.npy"), Tensor.zeros(ElementType.F32, Shape.of(1, 17, 33))))
                .fails("(1, 17, 33)", "(B, 33)");
        jacobian(Cli.write(dir.resolve("a.npy"), Tensor.zeros(ElementType.F32, Shape.scalar())))
                .fails("()", "(B, 33)");
    }

    @Test
    void filesThatAreMissingOrSomethingElse() throws IOException {
        jacobian(dir.resolve("none.npy")).fails("none.npy", "no such file");
        jacobian(dir).fails("directory");
        jacobian("example:cats").fails("example:cats", "example:digits");
        run("jacobian", dir.resolve("none.onnx"), X, "--out", out).fails("none.onnx", "no such file");
        run("jacobian", bytes("m.onnx", new byte[] {1, 2, 3}), X, "--out", out).fails("m.onnx");
        run("jacobian", dir.resolve("model.pt"), X, "--out", out).fails("model.pt", ".onnx");
        run("jacobian", "example:cats", X, "--out", out).fails("example:cats", "example:digits");
    }

    @Test
    void aTruncatedModel() throws IOException {
        byte[] whole = Files.readAllBytes(MODEL);
        for (int length : new int[] {0, 10, whole.length / 2, whole.length - 1}) {
            run("jacobian", bytes("cut.onnx", Arrays.copyOf(whole, length)), X, "--out", out)
                    .fails("cut.onnx");
        }
    }

    @Test
    void anOperatorThatIsNotKnownAndAWeightThatIsMissing() throws IOException {
        String model = Files.readString(MODEL, StandardCharsets.ISO_8859_1);
        assertThat(model).contains("Relu", "0.weight");
        Path odd = bytes("odd.onnx", model.replace("Relu", "Relv").getBytes(StandardCharsets.ISO_8859_1));
        run("jacobian", odd, X, "--out", out).fails("odd.onnx", "Relv");
        Path lost =
                bytes("lost.onnx", model.replaceFirst("0\\.weight", "0.wright").getBytes(StandardCharsets.ISO_8859_1));
        run("jacobian", lost, X, "--out", out).fails("lost.onnx", "0.wright");
    }

    @Test
    void anUnknownName() {
        jacobian(X, "--wrt", "y").fails("--wrt y", "0.weight");
        run(
                        "gradient",
                        MODEL,
                        X,
                        "--loss",
                        "softmax-cross-entropy",
                        "--target",
                        FOLDER.resolve("labels.npy"),
                        "--reduce",
                        "sum",
                        "--wrt",
                        "w",
                        "--out",
                        out)
                .fails("--wrt w");
    }

    @Test
    void severalArraysInAnNpy() {
        jacobian(X, "--wrt", "params").fails("out.npy", "0.weight", "npz");
    }

    @Test
    void seedsThatDoNotFit() throws IOException {
        Path v = Cli.write(dir.resolve("v.npy"), Tensor.zeros(ElementType.F32, Shape.of(17, 9)));
        run("vjp", MODEL, X, "--cotangent", v, "--out", out).fails("v.npy", "(17, 9)", "(B, 10)", "(B, k, 10)");
        Path t = Cli.write(dir.resolve("t.npy"), Tensor.zeros(ElementType.F32, Shape.of(17, 10)));
        run("jvp", MODEL, X, "--tangent", t, "--out", out).fails("t.npy", "(17, 10)", "(B, 33)", "(B, 33, k)");
        Path few = Cli.write(dir.resolve("few.npy"), Tensor.zeros(ElementType.F32, Shape.of(16, 10)));
        run("vjp", MODEL, X, "--cotangent", few, "--out", out).fails("few.npy", "16", "17");
        Path ints = Cli.write(dir.resolve("ints.npy"), Tensor.zeros(ElementType.I64, Shape.of(17, 10)));
        run("vjp", MODEL, X, "--cotangent", ints, "--out", out).fails("ints.npy", "int64", "float32");
    }

    @Test
    void targetsThatDoNotFit() throws IOException {
        long[] labels = new long[17];
        labels[4] = 10;
        Path high = Cli.write(dir.resolve("high.npy"), Tensor.of(labels, 17));
        run(
                        "gradient",
                        MODEL,
                        X,
                        "--reduce",
                        "sum",
                        "--wrt",
                        "0.bias",
                        "--out",
                        out,
                        "--loss",
                        "softmax-cross-entropy",
                        "--target",
                        high)
                .fails("high.npy", "sample 4", "label 10", "0 to 9");
        run(
                        "gradient",
                        MODEL,
                        X,
                        "--reduce",
                        "sum",
                        "--wrt",
                        "0.bias",
                        "--out",
                        out,
                        "--loss",
                        "squared-error",
                        "--target",
                        high)
                .fails("high.npy", "int64", "(B, 10)");
        Path narrow = Cli.write(dir.resolve("narrow.npy"), Tensor.zeros(ElementType.F32, Shape.of(17, 9)));
        run(
                        "gradient",
                        MODEL,
                        X,
                        "--reduce",
                        "sum",
                        "--wrt",
                        "0.bias",
                        "--out",
                        out,
                        "--loss",
                        "softmax-cross-entropy",
                        "--target",
                        narrow)
                .fails("narrow.npy", "(17, 9)", "(B, 10)");
        run("gradient", MODEL, X, "--reduce", "sum", "--wrt", "0.bias", "--out", out)
                .fails("(B, 10)", "--loss");
    }

    @Test
    void anOutputThatCannotBeWritten() throws IOException {
        run("jacobian", MODEL, X, "--out", dir.resolve("no/such/j.npy")).fails("j.npy", "no directory");
        run("jacobian", MODEL, X, "--out", dir).fails("expected");
        run("jacobian", MODEL, X, "--out", dir.resolve("j.txt")).fails("j.txt", ".npy");
        Path directory = Files.createDirectory(dir.resolve("d.npy"));
        run("jacobian", MODEL, X, "--out", directory).fails("d.npy", "directory");
        if (Files.exists(Path.of("/dev/full"))) {
            run("jacobian", MODEL, X, "--out", "/dev/full").fails("/dev/full", "No space left");
        }
    }

    @Test
    void aBudgetThatHoldsNoSample() {
        jacobian(X, "--memory", "1K").fails("1.0 KiB", "needed");
    }

    @Test
    void usage() {
        run("jacobian", MODEL).isMisused("INPUT");
        run("jacobian", MODEL, X).isMisused("--out");
        run("jacobian").isMisused("MODEL");
        jacobian(X, "--device", "abacus").isMisused("abacus", "auto, cpu, cuda, reference");
        jacobian(X, "--precision", "f16").isMisused("f16", "f32 or f64");
        jacobian(X, "--memory", "lots").isMisused("lots", "512M");
        jacobian(X, "--threads", "many").isMisused("many");
        jacobian(X, "--nonsense").isMisused("--nonsense");
        run("jacobain", MODEL, X).isMisused("jacobain", "did you mean jacobian?");
        run("vjp", MODEL, X, "--out", out).isMisused("--cotangent");
        run("jvp", MODEL, X, "--out", out).isMisused("--tangent");
        run("gradient", MODEL, X, "--loss", "squared-error", "--target", X, "--out", out)
                .isMisused("--reduce");
        run("gradient", MODEL, X, "--loss", "hinge", "--target", X, "--reduce", "sum", "--out", out)
                .isMisused("hinge", "squared-error");
        run("gradient", MODEL, X, "--loss", "squared-error", "--reduce", "sum", "--out", out)
                .isMisused("--target");
        run("gradient", MODEL, X, "--norms", "--reduce", "mean", "--out", out).isMisused("--norms");
        run("gradient", MODEL, X, "--clip", "-1", "--out", out).isMisused("--clip");
        run("plan", "jacobian", MODEL).isMisused("--batch");
        run("plan").isMisused("which command");
        jacobian(X, "--threads", "-1").isMisused("-1");
        jacobian(X, "--threads", "100000").fails("threads", "1024");
    }

    @Test
    void aSummaryThatCannotBeWrittenIsAFailure() {
        Writer full = new Writer() {
            @Override
            public void write(char[] chars, int from, int length) throws IOException {
                throw new IOException("No space left on device");
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        };
        StringWriter err = new StringWriter();
        String[] plan = {"plan", "jacobian", "example:digits", "--batch", "8"};
        assertThat(Main.run(plan, new PrintWriter(full), new PrintWriter(err))).isEqualTo(1);
        assertThat(err.toString())
                .isEqualToIgnoringNewLines("batchjac: standard output could not be written to the end");
    }
}
