package io.github.batchjac.cli;

import static io.github.batchjac.cli.Cli.run;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A small memory budget changes the chunks and not a bit of the result. */
class ChunksTest {
    @TempDir
    Path dir;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "forward example:digits example:digits --memory 300K",
                "jacobian example:digits example:digits --memory 1500K",
                "jacobian example:digits example:digits --precision f64 --memory 3M",
                "gradient example:digits example:digits --loss softmax-cross-entropy --target example:digits --reduce mean --memory 400K",
                "gradient example:digits example:digits --loss softmax-cross-entropy --target example:digits --clip 0.5 --memory 400K",
                "gradient example:digits example:digits --loss softmax-cross-entropy --target example:digits --norms --memory 400K"
            })
    void chunkedEqualsUnchunked(String command) throws IOException {
        String ending = command.contains("--reduce") || command.contains("--clip") ? ".npz" : ".npy";
        Path whole = dir.resolve("whole" + ending);
        Path parts = dir.resolve("parts" + ending);
        run((Object[]) (command.replaceAll(" --memory \\S+", "") + " --threads 2 --out " + whole).split(" "))
                .succeeds();
        String summary = run((Object[]) (command + " --threads 2 --json --out " + parts).split(" "))
                .succeeds()
                .out();
        assertThat(number(summary, "chunks")).isGreaterThan(1);
        assertThat(number(summary, "peak_bytes")).isLessThanOrEqualTo(number(summary, "memory_bytes"));
        assertThat(Files.mismatch(whole, parts)).isEqualTo(-1);
    }

    static long number(String json, String field) throws IOException {
        try (JsonParser parser = new JsonFactory().createParser(json)) {
            long value = -1;
            while (parser.nextToken() != null) {
                if (parser.currentToken() == JsonToken.FIELD_NAME
                        && parser.currentName().equals(field)) {
                    parser.nextToken();
                    value = parser.getLongValue();
                }
            }
            return value;
        }
    }
}
