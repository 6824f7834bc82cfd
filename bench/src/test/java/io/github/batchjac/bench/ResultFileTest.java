package io.github.batchjac.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.bench.ResultFile.OrderScore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is written can be read, and what is read makes tables and pictures. */
class ResultFileTest {
    @TempDir
    Path folder;

    private static Score score(String group, String contender, int batch, double ns) {
        return new Score(
                group,
                "f/8",
                batch,
                "float32",
                contender,
                ns,
                ns / 2,
                1.25,
                2.5,
                0.5,
                50,
                1.5,
                batch,
                "a \"note\", with ∂");
    }

    private static ResultFile results() {
        return new ResultFile(
                "2026-11-21",
                "short",
                Map.of("cpu", "some CPU", "threads", 2.0),
                Map.of("float32 FLOP/s", 1e11, "copy B/s", 2e10),
                List.of("jax is missing"),
                List.of(
                        score("table", "limit", 8, 50),
                        score("table", "batchjac", 8, 100),
                        score("table", "numpy", 8, 300),
                        score("table", "torch", 8, 200),
                        score("table", "torch-whole", 8, 700),
                        score("table", "djl", 8, Double.NaN),
                        score("growth", "batchjac", 1, 10),
                        score("growth", "batchjac", 10, 20)),
                List.of(
                        new OrderScore("net", 8, "cheapest", "optimal", 1e6, 2e6, 10, 100),
                        new OrderScore("net", 8, "reverse", "reverse", 2e6, 2e6, 20, 150)));
    }

    @Test
    void readingReversesWriting() throws IOException {
        Path file = folder.resolve("2026-11-21-x-short.json");
        results().write(file);
        ResultFile back = ResultFile.read(file);
        assertThat(back.scores()).isEqualTo(results().scores());
        assertThat(back.orders()).isEqualTo(results().orders());
        assertThat(back.notes()).isEqualTo(results().notes());
        assertThat(back.machine().toString()).isEqualTo(results().machine().toString());
        assertThat(ResultFile.newest(folder)).contains(file);
    }

    @Test
    void theBestPeerIsTheFastestThatIsNeitherOursNorALimitAndWasTimed() {
        Map<String, Score> scores = Tables.byItem(results(), "table").get("f/8 B8 float32");
        assertThat(Tables.bestPeer(scores).orElseThrow().contender()).isEqualTo("torch");
        assertThat(Tables.ratios(results())).isEqualTo(Map.of("f/8 B8 float32", 2.0));
        assertThat(new Tables(results()).items())
                .contains("| f/8 B8 float32 | 100 ns | 50 % |")
                .contains("| **2.00** | 2.00 | **7.00** |")
                .contains("faster in 1, equal within 1.30 in 0, slower in 0");
    }

    @Test
    void aReportFillsEverySectionAndDrawsEveryPicture() throws IOException {
        Path readme = folder.resolve("README.md");
        Files.writeString(readme, "intro\n" + Report.MARKERS + "end\n");
        Report.write(List.of(results()), readme, folder.resolve("plots"), System.out);
        assertThat(Files.readString(readme))
                .startsWith("intro\n")
                .endsWith("end\n")
                .contains("net B8");
        for (String plot : List.of("roofline.png", "peers.png", "growth-f.png")) {
            assertThat(folder.resolve("plots").resolve(plot)).isNotEmptyFile();
        }
    }

    @Test
    void aFileIsReplacedAsAWhole() throws IOException {
        Path file = folder.resolve("2026-11-21-x-short.json");
        Files.writeString(file, "what was there");
        results().write(file);
        results().write(file);
        assertThat(ResultFile.read(file).scores()).hasSameSizeAs(results().scores());
        try (var files = Files.list(folder)) {
            assertThat(files).containsExactly(file);
        }
    }

    @Test
    void severalResultsSayWhichTheyAre() throws IOException {
        Path readme = folder.resolve("README.md");
        Files.writeString(readme, Report.MARKERS);
        Report.write(List.of(results(), results()), readme, folder.resolve("plots"), System.out);
        assertThat(Files.readString(readme).split("The short run:", -1)).hasSizeGreaterThan(2);
    }
}
