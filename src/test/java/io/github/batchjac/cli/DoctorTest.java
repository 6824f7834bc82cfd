package io.github.batchjac.cli;

import static io.github.batchjac.cli.Cli.run;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** {@code doctor} reports; nothing that it looks at makes it fail. */
class DoctorTest {
    private static final List<String> CHECKS = List.of(
            "java",
            "memory",
            "processors",
            "vector API",
            "OpenBLAS",
            "JCuda",
            "driver",
            "GPU",
            "kernels",
            "cuBLAS",
            "used");

    @Test
    void everyPieceIsNamedForPeople() {
        String text = run("doctor").succeeds().out();
        assertThat(text).startsWith("what this machine has").contains(CHECKS).doesNotContain("Exception");
        assertThat(text).contains(System.getProperty("java.version"), "cpu");
    }

    @Test
    void everyPieceIsNamedForMachines() throws Exception {
        String text = run("doctor", "--json").succeeds().out();
        assertThat(text.lines()).hasSize(1);
        List<String> names = new ArrayList<>();
        List<String> statuses = new ArrayList<>();
        try (JsonParser json = new JsonFactory().createParser(text)) {
            for (JsonToken token = json.nextToken(); token != null; token = json.nextToken()) {
                if (token == JsonToken.VALUE_STRING && "name".equals(json.currentName())) {
                    names.add(json.getText());
                } else if (token == JsonToken.VALUE_STRING && "status".equals(json.currentName())) {
                    statuses.add(json.getText());
                }
            }
        }
        for (String check : CHECKS) {
            assertThat(names).anyMatch(name -> name.startsWith(check));
        }
        assertThat(statuses)
                .hasSameSizeAs(names)
                .allMatch(status -> List.of("ok", "off", "unknown").contains(status));
        assertThat(statuses).doesNotContain("unknown");
    }

    @Test
    void whatIsMissingComesWithWhatWouldHelp() {
        List<Finding> findings = run("doctor", "--look")
                .succeeds()
                .out()
                .lines()
                .map(Finding::parse)
                .toList();
        assertThat(findings).isNotEmpty().doesNotContainNull();
        for (Finding finding : findings) {
            boolean consequence = List.of("GPU", "kernels").contains(finding.name());
            assertThat(finding.advice().isEmpty())
                    .as(finding.toString())
                    .isEqualTo(finding.status() == Finding.Status.OK || consequence);
        }
    }

    @Test
    void anUnknownOptionIsMisuse() {
        run("doctor", "--nonsense").isMisused("--nonsense");
        run("doctor", "more").isMisused("more");
    }

    @Test
    void aLookThatFailsIsAFinding() {
        for (Throwable failure : List.of(new IllegalStateException("two\nlines"), new LinkageError(), new Error("x"))) {
            List<Finding> findings = Finding.of("thing", () -> {
                if (failure instanceof Error e) {
                    throw e;
                }
                throw (Exception) failure;
            });
            assertThat(findings).hasSize(1);
            assertThat(findings.get(0).status()).isEqualTo(Finding.Status.UNKNOWN);
            assertThat(findings.get(0).found())
                    .startsWith("could not be looked at: ")
                    .doesNotContain("\n");
        }
    }

    @Test
    void aFindingIsReadAsItWasWritten() {
        Finding finding = new Finding(
                "GPU 0", Finding.Status.OFF, "a \"name\"\n×", "Do.", Map.of("memory_bytes", 1L << 40, "device", "x"));
        StringWriter text = new StringWriter();
        Summary.printJson(finding.toMap(), new PrintWriter(text));
        assertThat(Finding.parse(text.toString().strip())).isEqualTo(finding);
        assertThat(Finding.parse("# A fatal error")).isNull();
        assertThat(Finding.parse("{\"name\": ")).isNull();
        assertThat(Finding.parse("{\"name\":\"a\",\"status\":\"b\"}")).isNull();
        assertThat(Finding.parse("{}")).isNull();
    }

    @Test
    void aProcessThatDiesLeavesWhatItFoundAndTheNameOfWhatEndedIt() {
        assumeTrue(Files.isExecutable(Path.of("/bin/sh")), "there is no shell");
        List<Finding> findings = new Examination(List.of("a", "b", "c"), Duration.ofMinutes(1))
                .findings(
                        List.of(
                                "/bin/sh",
                                "-c",
                                "echo '{\"name\":\"a\",\"status\":\"ok\",\"found\":\"x\",\"advice\":\"\"}'; echo noise; exit 134"));
        assertThat(findings).extracting(Finding::name).containsExactly("a", "b", "c");
        assertThat(findings.get(0).status()).isEqualTo(Finding.Status.OK);
        assertThat(findings.get(1).found()).contains("ended the process that looked, with exit code 134");
        assertThat(findings.get(2).found()).contains("what comes before did not end");
    }

    @Test
    void aProcessThatHangsIsGivenUp() {
        assumeTrue(Files.isExecutable(Path.of("/bin/sh")), "there is no shell");
        List<Finding> findings = new Examination(List.of("a"), Duration.ofSeconds(1))
                .findings(List.of("/bin/sh", "-c", "exec sleep 300"));
        assertThat(findings.get(0).found()).contains("took longer than 1 s");
    }

    @Test
    void aProcessThatDoesNotStartIsAFinding() {
        List<Finding> findings =
                new Examination(List.of("a"), Duration.ofSeconds(1)).findings(List.of("/no/such/program"));
        assertThat(findings.get(0).status()).isEqualTo(Finding.Status.UNKNOWN);
    }
}
