package io.github.batchjac.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Numbers and tables for people. */
final class Text {
    private Text() {}

    /** A time with three figures: 3.90 µs, 14.0 ms. */
    static String time(double ns) {
        if (Double.isNaN(ns)) {
            return "–";
        }
        String[] units = {"ns", "µs", "ms", "s"};
        int unit = 0;
        double x = ns;
        while (x >= 999.5 && unit < units.length - 1) {
            x /= 1000;
            unit++;
        }
        return number(x) + " " + units[unit];
    }

    /** Three figures. */
    static String number(double x) {
        if (Double.isNaN(x) || Double.isInfinite(x)) {
            return "–";
        }
        double size = Math.abs(x);
        int decimals = size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
        return String.format(Locale.ROOT, "%." + decimals + "f", x);
    }

    /** A table in Markdown; the first row is its head, the first column words and the others numbers. */
    static String table(List<List<String>> rows) {
        StringBuilder out = new StringBuilder();
        for (int r = 0; r < rows.size(); r++) {
            out.append("| ").append(String.join(" | ", rows.get(r))).append(" |\n");
            if (r == 0) {
                List<String> rule = new ArrayList<>();
                for (int c = 0; c < rows.get(0).size(); c++) {
                    rule.add(c == 0 ? "---" : "--:");
                }
                out.append("|").append(String.join("|", rule)).append("|\n");
            }
        }
        return out.toString();
    }

    /**
     * {@code text} with what stands between two markers replaced.
     *
     * @throws IllegalArgumentException if a marker is missing
     */
    static String replaced(String text, String name, String content) {
        String begin = "<!-- begin " + name + " -->\n";
        String end = "<!-- end " + name + " -->";
        int from = text.indexOf(begin);
        int to = text.indexOf(end);
        if (from < 0 || to < from) {
            throw new IllegalArgumentException("no markers " + begin.strip() + " … " + end);
        }
        return text.substring(0, from + begin.length()) + content + text.substring(to);
    }
}
