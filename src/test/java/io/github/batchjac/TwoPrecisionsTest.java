package io.github.batchjac;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What the substitution of double for float (see the pom) cannot notice by itself in {@code backend/cpu/*32.java}. */
class TwoPrecisionsTest {
    private static final Path SOURCES = Path.of("src", "main", "java", "io", "github", "batchjac", "backend", "cpu");
    private static final Pattern FLOAT_LITERAL =
            Pattern.compile("(?<![\\w.])(?:\\d[\\d_]*\\.?[\\d_]*|\\.\\d[\\d_]*)(?:[eE][+-]?\\d+)?(?=[fF]\\b)");
    private static final Pattern BITS =
            Pattern.compile("floatToIntBits|floatToRawIntBits|intBitsToFloat|reinterpretAsInts|IntVector");
    private static final Pattern DOUBLE_IMPORT = Pattern.compile("^import .*\\.DoubleVector;");

    /** {@code 0.5f} is; for the rest, {@code (float) 0.1} and never fewer digits than a double has. */
    @Test
    void aFloatLiteralIsExactInBothPrecisions() {
        assertThat(linesWhere(line -> FLOAT_LITERAL
                        .matcher(line)
                        .results()
                        .map(found -> found.group().replace("_", ""))
                        .anyMatch(digits -> Float.parseFloat(digits) != Double.parseDouble(digits))))
                .isEmpty();
    }

    /** An int next to a double is half of it, which compiles in places; such code belongs in an overloaded method. */
    @Test
    void bitsOfAFloatAreNotTakenInAGeneratedSource() {
        assertThat(linesWhere(line -> BITS.matcher(line).find())).isEmpty();
    }

    /** Both names would become one. */
    @Test
    void aGeneratedSourceDoesNotMixVectorsOfBothPrecisions() {
        assertThat(linesWhere(line -> DOUBLE_IMPORT.matcher(line).find())).isEmpty();
    }

    private interface LineTest {
        boolean matches(String line);
    }

    private static List<String> linesWhere(LineTest test) {
        if (!Files.isDirectory(SOURCES)) {
            return List.of();
        }
        List<String> found = new ArrayList<>();
        try (Stream<Path> files = Files.walk(SOURCES)) {
            for (Path file :
                    files.filter(path -> path.toString().endsWith("32.java")).toList()) {
                List<String> lines = Files.readAllLines(file);
                for (int i = 0; i < lines.size(); i++) {
                    String line = lines.get(i);
                    if (!line.endsWith("// 32 only") && !line.contains("// 64 only: ") && test.matches(line)) {
                        found.add(file + ":" + (i + 1) + ": " + line.strip());
                    }
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return found;
    }
}
