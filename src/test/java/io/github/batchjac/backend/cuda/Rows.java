package io.github.batchjac.backend.cuda;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.Stream;

/** Lines of cells in a file, there as soon as they are written: what a process says that may not live to its end. */
final class Rows {
    private static final int LONGEST = 2000;

    private Rows() {}

    static void append(Path file, String... cells) throws IOException {
        String line = String.join("\t", Stream.of(cells).map(Rows::plain).toList()) + "\n";
        Files.writeString(file, line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    private static String plain(String cell) {
        String text = cell.strip().replaceAll("\\s*\\R\\s*", " | ").replace('\t', ' ');
        return text.length() <= LONGEST ? text : text.substring(0, LONGEST) + " …";
    }

    /** None if there is no such file. */
    static List<String[]> read(Path file) throws IOException {
        return Files.exists(file)
                ? Files.readAllLines(file).stream()
                        .map(line -> line.split("\t", -1))
                        .toList()
                : List.of();
    }
}
