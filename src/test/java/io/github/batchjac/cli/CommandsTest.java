package io.github.batchjac.cli;

import static io.github.batchjac.cli.Cli.GOLDEN;
import static io.github.batchjac.cli.Cli.run;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the commands say: help, summaries, plans, checks, the demo. */
class CommandsTest {
    private static final Path FOLDER = GOLDEN.resolve("gated");
    private static final Path MODEL = FOLDER.resolve("model.onnx");
    private static final Path X = FOLDER.resolve("x.npy");

    @TempDir
    Path dir;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "forward",
                "jacobian",
                "vjp",
                "jvp",
                "gradient",
                "plan",
                "plan jacobian",
                "plan gradient",
                "check",
                "doctor",
                "demo",
                "train-example"
            })
    void helpTeachesByExample(String command) {
        String[] args = (command + " --help").strip().split(" ");
        String help = run((Object[]) args).succeeds().out();
        assertThat(help).contains("Usage: batchjac " + command, "Example", "  batchjac ", "--help");
        assertThat(help.lines()).allMatch(line -> line.length() <= 120);
    }

    @Test
    void aloneItShowsWhatThereIs() {
        Cli.Outcome outcome = run();
        assertThat(outcome.code()).isEqualTo(2);
        assertThat(outcome.err()).contains("jacobian", "gradient", "demo", "check");
        assertThat(run("--version").succeeds().out()).startsWith("batchjac ");
    }

    @Test
    void theSummaryIsForPeopleForMachinesOrNotThere() throws IOException {
        Path out = dir.resolve("j.npy");
        assertThat(run("jacobian", MODEL, X, "--out", out).succeeds().out())
                .contains("float32 (7, 4, 9)", "cpu", "auto", "order", "samples/s", out.toString());
        String json = run("jacobian", MODEL, X, "--out", out, "--json", "--device", "reference")
                .succeeds()
                .out();
        assertThat(fields(json))
                .contains(
                        "command",
                        "model",
                        "wrt",
                        "batch",
                        "precision",
                        "device",
                        "order",
                        "chunks",
                        "peak_bytes",
                        "seconds",
                        "samples_per_second",
                        "arrays",
                        "out");
        assertThat(json.lines()).hasSize(1);
        assertThat(run("jacobian", MODEL, X, "--out", out, "--quiet").succeeds().out())
                .isEmpty();
    }

    static List<String> fields(String json) throws IOException {
        List<String> names = new ArrayList<>();
        try (JsonParser parser = new JsonFactory().createParser(json)) {
            while (parser.nextToken() != null) {
                if (parser.currentName() != null) {
                    names.add(parser.currentName());
                }
            }
        }
        return names;
    }

    @Test
    void aPlanNeedsNoInput() throws IOException {
        assertThat(run("plan", "jacobian", MODEL, "--batch", "4096").succeeds().out())
                .contains(
                        "batch 4096",
                        "products, reverse",
                        "products, forward",
                        "← chosen",
                        "memory: peak",
                        "device: cpu");
        assertThat(run(
                                "plan",
                                "gradient",
                                MODEL,
                                "--batch",
                                "256",
                                "--loss",
                                "softmax-cross-entropy",
                                "--reduce",
                                "sum")
                        .succeeds()
                        .out())
                .contains("one matrix product");
        assertThat(run("plan", "gradient", MODEL, "--batch", "256", "--loss", "softmax-cross-entropy", "--norms")
                        .succeeds()
                        .out())
                .contains("the product of two norms");
        assertThat(run("plan", "vjp", MODEL, "--batch", "3", "--seeds", "5")
                        .succeeds()
                        .out())
                .contains("(B, 5, 9)");
        assertThat(run("plan", "jvp", MODEL, X).succeeds().out()).contains("batch 7");
        assertThat(run("plan", "jacobian", MODEL, X, "--order", "forward")
                        .succeeds()
                        .out())
                .containsPattern("products, forward .*← chosen");
        assertThat(run("plan", "forward", MODEL, "--batch", "3").succeeds().out())
                .contains("batch 3");
        assertThat(fields(run("plan", "jacobian", MODEL, "--batch", "9", "--json")
                        .succeeds()
                        .out()))
                .contains("explanation", "peak_bytes");
    }

    @Test
    void everyPromiseHolds() throws IOException {
        assertThat(run("check", MODEL, X, "--samples", "3").succeeds().out())
                .contains("cpu float32", "cpu float64", "differences", "ulp", "every promise holds");
        String json = run(
                        "check",
                        MODEL,
                        X,
                        "--samples",
                        "2",
                        "--loss",
                        "softmax-cross-entropy",
                        "--target",
                        FOLDER.resolve("labels.npy"),
                        "--json")
                .succeeds()
                .out();
        assertThat(json).contains("\"holds\":true").doesNotContain("\"holds\":false");
    }

    @Test
    void theDemoPaintsAPicture() throws IOException {
        Path picture = dir.resolve("demo.png");
        assertThat(run("demo", "--out", picture).succeeds().out())
                .contains("1797", "CC BY 4.0", "Alpaydin", "samples/s", "GB/s", picture.toString());
        BufferedImage image = ImageIO.read(picture.toFile());
        assertThat(image.getWidth()).isGreaterThan(1000);
        assertThat(Cli.files(dir)).containsExactly("demo.png");
        run("demo", "--out", dir.resolve("no/demo.png")).fails("demo.png", "no directory");
    }

    @Test
    void anExistingOutputIsReplacedWhole() throws IOException {
        Path out = dir.resolve("y.npy");
        Files.writeString(out, "old");
        run("forward", MODEL, X, "--out", out).succeeds();
        assertThat(Cli.read(out).shape().axis(0)).isEqualTo(7);
        assertThat(Cli.files(dir)).containsExactly("y.npy");
    }
}
