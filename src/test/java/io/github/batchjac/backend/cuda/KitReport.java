package io.github.batchjac.backend.cuda;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What the kit has found out so far: on the screen as it comes, and in a file that is complete at any time. */
final class KitReport {
    private final Path file;
    private final Map<String, Object> facts = new LinkedHashMap<>();
    private final List<Map<String, Object>> cards = new ArrayList<>();
    private final List<Map<String, Object>> classes = new ArrayList<>();
    private final List<Map<String, Object>> failures = new ArrayList<>();
    private final List<Map<String, Object>> skips = new ArrayList<>();
    private final List<Map<String, Object>> times = new ArrayList<>();
    private final Map<String, Integer> totals = new LinkedHashMap<>();
    private final List<String> problems = new ArrayList<>();
    private double fill;
    private double copy;
    private boolean finished;

    KitReport(Path file) {
        this.file = file;
        for (String outcome : List.of(GpuSuite.PASSED, GpuSuite.FAILED, GpuSuite.SKIPPED, GpuSuite.NOT_APPLICABLE)) {
            totals.put(outcome, 0);
        }
    }

    void put(String name, Object fact) {
        facts.put(name, fact);
    }

    void fail(String problem) {
        problems.add(problem);
    }

    void card(String name, String capability, long memory, int multiprocessors, String driver, String cublas) {
        Map<String, Object> card = new LinkedHashMap<>();
        card.put("name", name);
        card.put("capability", capability);
        card.put("memory", memory);
        card.put("multiprocessors", multiprocessors);
        card.put("driver for CUDA", driver);
        card.put("cublas", cublas);
        cards.add(card);
        System.out.println(
                "card: " + name + ", compute capability " + capability + ", driver for CUDA " + driver + ", " + cublas);
    }

    /** The tests of a class. @param ended how its process ended, if not well */
    void tests(String name, List<String[]> rows, String ended) throws IOException {
        Map<String, Integer> counts = new LinkedHashMap<>();
        double seconds = 0;
        for (String[] row : rows) {
            counts.merge(row[0], 1, Integer::sum);
            seconds += Double.parseDouble(row[1]);
            if (row[0].equals(GpuSuite.FAILED)) {
                failures.add(named(row[2], row[3]));
                System.out.println("  FAILED " + row[2] + ": " + row[3]);
            } else if (!row[0].equals(GpuSuite.PASSED)) {
                skips.add(named(row[2], row[0] + ": " + row[3]));
            }
        }
        if (!ended.isEmpty()) {
            counts.merge(GpuSuite.FAILED, 1, Integer::sum);
            String last = rows.isEmpty() ? "" : ", after " + rows.get(rows.size() - 1)[2];
            failures.add(named(name, ended + last));
            System.out.println("  FAILED " + name + ": " + ended + last);
        } else if (rows.isEmpty()) {
            fail(name + " has no tests");
        }
        counts.forEach((outcome, count) -> totals.merge(outcome, count, Integer::sum));
        Map<String, Object> of = named(name, "");
        of.remove("message");
        of.putAll(counts);
        of.put("seconds", rounded(seconds));
        classes.add(of);
        System.out.println(name + ": " + counts + String.format(", %.1f s", seconds));
        write();
    }

    private static Map<String, Object> named(String name, String message) {
        Map<String, Object> of = new LinkedHashMap<>();
        of.put("name", name);
        of.put("message", message);
        return of;
    }

    /** A family's times. @param ended how its process ended, if not well */
    void times(String family, List<String[]> rows, String ended) throws IOException {
        for (String[] row : rows) {
            time(row);
        }
        if (!ended.isEmpty()) {
            String last = rows.isEmpty() ? "" : ", after " + rows.get(rows.size() - 1)[1];
            fail("bench of " + family + ": " + ended + last);
        } else if (rows.isEmpty()) {
            fail("bench of " + family + ": no row");
        }
        write();
    }

    private void time(String[] row) {
        double ms = Double.parseDouble(row[4]);
        double read = Double.parseDouble(row[5]);
        double written = Double.parseDouble(row[6]);
        double flops = Double.parseDouble(row[7]);
        boolean ceiling = row[0].equals("ceilings");
        if (ceiling && row[1].equals("fill")) {
            fill = written / ms;
        } else if (ceiling && row[1].equals("copy")) {
            copy = (read + written) / ms;
        }
        Map<String, Object> of = new LinkedHashMap<>();
        of.put("family", row[0]);
        of.put("kernel", row[1]);
        of.put("shape", row[2]);
        of.put("precision", row[3]);
        of.put("ms", rounded(ms));
        if (read + written > 0) {
            of.put("gigabytes", rounded((read + written) / 1e9));
            of.put("gigabytes per second", rounded((read + written) / ms / 1e6));
        }
        if (flops > 0) {
            of.put("gigaflops per second", rounded(flops / ms / 1e6));
        }
        double floor = floor(read, written);
        if (!ceiling && !row[0].equals("programs") && floor > 0) {
            of.put("floor ms", rounded(floor));
            of.put("share of ceiling", rounded(floor / ms));
        }
        if (!row[8].equals("0")) {
            of.put("checked", Integer.parseInt(row[8]));
        }
        if (!row[9].isEmpty()) {
            of.put("error", row[9]);
            fail("bench of " + row[1] + " " + row[2] + " " + row[3] + ": " + row[9]);
        }
        times.add(of);
        print(of);
    }

    /** Milliseconds that moving the bytes takes: as much written as read by copying, the rest of what is written by filling. */
    private double floor(double read, double written) {
        if (fill == 0 || copy == 0) {
            return 0;
        }
        double both = Math.min(read, written);
        return 2 * both / copy + (written - both) / fill + (read - both) / copy;
    }

    private static void print(Map<String, Object> of) {
        StringBuilder line = new StringBuilder(String.format(
                "%-34s %-38s %-8s %10s ms", of.get("kernel"), of.get("shape"), of.get("precision"), of.get("ms")));
        if (of.containsKey("gigabytes per second")) {
            line.append(String.format(" %9s GB/s", of.get("gigabytes per second")));
        }
        if (of.containsKey("share of ceiling")) {
            line.append(String.format(" %4.0f%%", 100 * ((Number) of.get("share of ceiling")).doubleValue()));
        }
        if (of.containsKey("gigaflops per second")) {
            line.append(String.format(" %9s GFLOP/s", of.get("gigaflops per second")));
        }
        if (of.containsKey("error")) {
            line.append("  FAILED ").append(of.get("error"));
        }
        System.out.println(line);
    }

    /** Four digits; text for what is no number, which JSON does not know. */
    private static Object rounded(double x) {
        if (!Double.isFinite(x)) {
            return String.valueOf(x);
        }
        return Double.parseDouble(String.format("%.4g", x));
    }

    /** Prints the end. @param required whether tests that were skipped count as failures @return the exit status */
    int finish(boolean required) throws IOException {
        finished = true;
        int failed = totals.get(GpuSuite.FAILED);
        int skipped = totals.get(GpuSuite.SKIPPED);
        if (failed > 0) {
            problems.add(0, failed + " tests failed");
        }
        if (skipped > 0 && required) {
            problems.add(0, skipped + " tests were skipped, which REQUIRE_GPU=1 forbids");
        }
        write();
        System.out.println();
        if (!classes.isEmpty()) {
            System.out.println("suite: " + totals);
        }
        if (!times.isEmpty()) {
            System.out.println("bench: " + times.size() + " rows");
        }
        problems.forEach(problem -> System.out.println("problem: " + problem));
        System.out.println((problems.isEmpty() ? "gpu-kit: all is well, see " : "gpu-kit: FAILED, see ") + file);
        return problems.isEmpty() ? 0 : 1;
    }

    /** All of it so far, in place of what was there. */
    void write() throws IOException {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
            json.writeStartObject();
            for (Map.Entry<String, Object> fact : facts.entrySet()) {
                name(json, fact.getKey());
                value(json, fact.getValue());
            }
            name(json, "finished");
            json.writeBoolean(finished);
            array(json, "problems", problems);
            if (!cards.isEmpty()) {
                array(json, "cards", cards);
            }
            name(json, "tests");
            value(json, totals);
            array(json, "classes", classes);
            array(json, "failures", failures);
            array(json, "skipped", skips);
            array(json, "bench", times);
            json.writeRaw('\n');
            json.writeEndObject();
            json.writeRaw('\n');
        }
        Path beside = file.resolveSibling(file.getFileName() + ".part");
        Files.writeString(beside, text.toString());
        Files.move(beside, file, StandardCopyOption.REPLACE_EXISTING);
    }

    private static void name(JsonGenerator json, String name) throws IOException {
        json.writeRaw('\n');
        json.writeFieldName(name);
    }

    /** A line for each. */
    private static void array(JsonGenerator json, String name, List<?> of) throws IOException {
        name(json, name);
        json.writeStartArray();
        for (Object each : of) {
            json.writeRaw('\n');
            value(json, each);
        }
        json.writeEndArray();
    }

    private static void value(JsonGenerator json, Object value) throws IOException {
        if (value instanceof Map<?, ?> map) {
            json.writeStartObject();
            for (Map.Entry<?, ?> entry : map.entrySet()) {
                json.writeFieldName((String) entry.getKey());
                value(json, entry.getValue());
            }
            json.writeEndObject();
        } else if (value instanceof Double number) {
            json.writeNumber(number);
        } else if (value instanceof Integer number) {
            json.writeNumber(number);
        } else if (value instanceof Long number) {
            json.writeNumber(number);
        } else {
            json.writeString(String.valueOf(value));
        }
    }
}
