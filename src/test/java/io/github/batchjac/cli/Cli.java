package io.github.batchjac.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.io.ArrayWriter;
import io.github.batchjac.io.NpyReader;
import io.github.batchjac.tensor.Tensor;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;

/** Runs the command within the test, and handles its files. */
final class Cli {
    static final Path GOLDEN = Path.of("src/test/resources/golden");

    /** What a run left. */
    record Outcome(int code, String out, String err) {
        Outcome succeeds() {
            assertThat(err).isEmpty();
            assertThat(code).isZero();
            return this;
        }

        /** Exit 1 and one line on stderr. */
        Outcome fails(String... words) {
            return ends(1, words);
        }

        /** Exit 2 and one line on stderr. */
        Outcome isMisused(String... words) {
            return ends(2, words);
        }

        private Outcome ends(int expected, String... words) {
            assertThat(err).startsWith("batchjac: ").endsWith(System.lineSeparator());
            assertThat(err.lines()).hasSize(1);
            assertThat(err).contains(words).doesNotContain("Exception", "\tat ", "bug");
            assertThat(code).isEqualTo(expected);
            assertThat(out).isEmpty();
            return this;
        }
    }

    private Cli() {}

    static Outcome run(Object... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int code = Main.run(
                Stream.of(args).map(Object::toString).toArray(String[]::new),
                new PrintWriter(out),
                new PrintWriter(err));
        return new Outcome(code, out.toString(), err.toString());
    }

    static Tensor read(Path file) {
        try {
            return NpyReader.read(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Tensor in(Map<String, Tensor> arrays, String name) {
        return Objects.requireNonNull(arrays.get(name), name);
    }

    static Path write(Path file, Tensor array) throws IOException {
        ArrayWriter.write(file, array);
        return file;
    }

    static List<String> files(Path directory) throws IOException {
        try (Stream<Path> all = Files.list(directory)) {
            return all.map(p -> p.getFileName().toString()).sorted().toList();
        }
    }

    /** ‖got − expected‖/‖expected‖, or infinity if the shapes differ. */
    static double distance(Tensor got, Tensor expected) {
        if (!got.shape().equals(expected.shape())) {
            return Double.POSITIVE_INFINITY;
        }
        double error = 0;
        double norm = 0;
        for (int i = 0; i < got.size(); i++) {
            error += Math.pow(got.get(i) - expected.get(i), 2);
            norm += Math.pow(expected.get(i), 2);
        }
        return error == 0 ? 0 : Math.sqrt(error / norm);
    }
}
