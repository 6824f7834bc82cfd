package io.github.batchjac.bench;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Turns results into the README's tables and into plots. */
final class Report {
    private static final List<String> SECTIONS = List.of("machine", "table", "peers", "growth", "orders");

    /** An empty README, for trying. */
    static final String MARKERS = String.join(
            "",
            SECTIONS.stream()
                    .map(s -> "<!-- begin " + s + " -->\n<!-- end " + s + " -->\n")
                    .toList());

    private Report() {}

    /** Several results, such as of a CPU and of a GPU, are shown below each other. */
    static void write(List<ResultFile> results, Path readme, Path plots, PrintStream out) throws IOException {
        String text = Files.readString(readme);
        for (String section : SECTIONS) {
            StringBuilder content = new StringBuilder();
            for (ResultFile result : results) {
                Tables tables = new Tables(result);
                String table = switch (section) {
                    case "machine" -> tables.machine();
                    case "table" -> tables.items();
                    case "peers" -> tables.peers();
                    case "growth" -> tables.growth();
                    default -> tables.orders();
                };
                if (results.size() > 1 && !section.equals("machine") && !table.isBlank()) {
                    content.append("The ").append(result.kind()).append(" run:\n\n");
                }
                content.append(table);
            }
            text = Text.replaced(text, section, content.toString());
        }
        Files.writeString(readme, text);
        Files.createDirectories(plots);
        for (Path plot : Plots.write(results.get(results.size() - 1), plots)) {
            out.println("written: " + plot.getFileName());
        }
    }
}
