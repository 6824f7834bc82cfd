package io.github.batchjac.bench;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A run's results as they are kept.
 *
 * @param kind short, long or smoke
 * @param machine see {@link Machine}
 * @param limits by name; bytes or operations per second
 * @param notes contenders that are missing, results that were wrong
 * @param orders see {@link Orders}
 */
record ResultFile(
        String date,
        String kind,
        Map<?, ?> machine,
        Map<?, ?> limits,
        List<String> notes,
        List<Score> scores,
        List<OrderScore> orders) {

    /** One order of one chain. */
    record OrderScore(
            String item, int batch, String order, String is, double flops, double bytes, double estimate, double ns) {}

    void write(Path file) throws IOException {
        Files.createDirectories(file.toAbsolutePath().getParent());
        Map<String, Object> root = new LinkedHashMap<>();
        root.put("date", date);
        root.put("kind", kind);
        root.put("machine", machine);
        root.put("limits", limits);
        root.put("notes", notes);
        root.put("scores", scores.stream().map(ResultFile::map).toList());
        root.put("orders", orders.stream().map(ResultFile::map).toList());
        Json.write(file, root);
    }

    private static Map<String, Object> map(Score s) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("group", s.group());
        map.put("item", s.item());
        map.put("batch", s.batch());
        map.put("precision", s.precision());
        map.put("contender", s.contender());
        map.put("ns", s.ns());
        map.put("best ns", s.best());
        map.put("spread", s.spread());
        map.put("GB/s", s.gigabytes());
        map.put("GFLOP/s", s.gigaflops());
        map.put("floor ns", s.floor());
        map.put("of limit", s.fraction());
        map.put("error in u", s.error());
        map.put("samples checked", s.samples());
        map.put("note", s.note());
        return map;
    }

    private static Map<String, Object> map(OrderScore o) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("item", o.item());
        map.put("batch", o.batch());
        map.put("order", o.order());
        map.put("is", o.is());
        map.put("flops", o.flops());
        map.put("bytes", o.bytes());
        map.put("estimate ns", o.estimate());
        map.put("ns", o.ns());
        return map;
    }

    static ResultFile read(Path file) throws IOException {
        Map<?, ?> root = Json.read(file);
        List<Score> scores = new ArrayList<>();
        for (Map<?, ?> m : Json.objects(root, "scores")) {
            scores.add(new Score(
                    Json.text(m, "group"),
                    Json.text(m, "item"),
                    (int) Json.number(m, "batch"),
                    Json.text(m, "precision"),
                    Json.text(m, "contender"),
                    Json.number(m, "ns"),
                    Json.number(m, "best ns"),
                    Json.number(m, "spread"),
                    Json.number(m, "GB/s"),
                    Json.number(m, "GFLOP/s"),
                    Json.number(m, "floor ns"),
                    Json.number(m, "error in u"),
                    (int) Json.number(m, "samples checked"),
                    Json.text(m, "note")));
        }
        List<OrderScore> orders = new ArrayList<>();
        for (Map<?, ?> m : Json.objects(root, "orders")) {
            orders.add(new OrderScore(
                    Json.text(m, "item"),
                    (int) Json.number(m, "batch"),
                    Json.text(m, "order"),
                    Json.text(m, "is"),
                    Json.number(m, "flops"),
                    Json.number(m, "bytes"),
                    Json.number(m, "estimate ns"),
                    Json.number(m, "ns")));
        }
        List<String> notes = new ArrayList<>();
        if (root.get("notes") instanceof List<?> list) {
            list.forEach(note -> notes.add(String.valueOf(note)));
        }
        return new ResultFile(
                Json.text(root, "date"),
                Json.text(root, "kind"),
                root.get("machine") instanceof Map<?, ?> m ? m : Map.of(),
                root.get("limits") instanceof Map<?, ?> m ? m : Map.of(),
                notes,
                scores,
                orders);
    }

    /** The last one by its date, then by when it was written. */
    static Optional<Path> newest(Path folder) throws IOException {
        List<Path> files = new ArrayList<>();
        if (Files.isDirectory(folder)) {
            try (DirectoryStream<Path> found = Files.newDirectoryStream(folder, "*.json")) {
                found.forEach(files::add);
            }
        }
        files.sort(Comparator.comparing((Path f) -> f.getFileName().toString().substring(0, 10))
                .thenComparing(f -> f.toFile().lastModified()));
        return files.isEmpty() ? Optional.empty() : Optional.of(files.get(files.size() - 1));
    }
}
