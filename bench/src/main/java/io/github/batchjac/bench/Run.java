package io.github.batchjac.bench;

import io.github.batchjac.bench.ResultFile.OrderScore;
import io.github.batchjac.tensor.Precision;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A whole measurement: {@code short}, {@code long} or {@code smoke}, and what it is restricted to. */
record Run(String kind, String[] args) {
    /** What a result says of itself until it is whole. */
    private static final String STOPPED = "this run was stopped before its end";

    static Run of(String[] args) {
        return new Run(args[0], args);
    }

    int threads() {
        return Main.option(args, "--threads")
                .map(Integer::parseInt)
                .orElse(Runtime.getRuntime().availableProcessors());
    }

    private boolean isLong() {
        return kind.equals("long");
    }

    private boolean isSmoke() {
        return kind.equals("smoke");
    }

    private Duel.Pace pace() {
        return isSmoke() ? Duel.Pace.SMOKE : isLong() ? Duel.Pace.LONG : Duel.Pace.SHORT;
    }

    /** The rows of the table, and then, if it is wanted, what grows. */
    private List<List<Item>> items() {
        List<Item> table = isSmoke() ? Items.tiny() : Items.table();
        boolean grow = isLong() || !isSmoke() && Main.flag(args, "--growth");
        List<Item> growth = grow ? Items.growth(1_000_000) : List.of();
        return Main.option(args, "--only")
                .map(pattern -> List.of(Items.matching(table, pattern), Items.matching(growth, pattern)))
                .orElse(List.of(table, growth));
    }

    private List<Item> orders() {
        List<Item> items = Orders.items();
        if (isSmoke()) {
            items = items.stream().map(item -> item.withBatch("orders", 3)).toList();
        }
        List<Item> all = items;
        return Main.option(args, "--only")
                .map(pattern -> Items.matching(all, pattern))
                .orElse(all);
    }

    /** Whether every result was right; they are written either way. */
    boolean run(PrintStream out) throws IOException {
        int threads = threads();
        Path scratch = Main.scratch();
        try {
            Candidates candidates = Candidates.find(
                    Candidates.scripts(),
                    threads,
                    !kind.equals("short"),
                    !Main.flag(args, "--no-peers"),
                    Main.devices());
            candidates.absent().forEach(sentence -> out.println("skipped: " + sentence));
            out.println("limits …");
            Limits limits = Limits.measure(threads, isSmoke());
            List<String> faults = new ArrayList<>();
            List<OrderScore> orders = Orders.run(orders(), threads, pace(), faults, out);
            List<Score> scores = new ArrayList<>();
            List<String> notes = new ArrayList<>(candidates.absent());
            notes.add(STOPPED);
            Path file = file(scratch);
            ResultFile result =
                    new ResultFile(date(), kind, Machine.describe(threads), map(limits), notes, scores, orders);
            try (Duel duel = new Duel(candidates.present(), limits, pace(), scratch, out)) {
                for (List<Item> items : items()) {
                    for (Precision precision : Main.precisions(args, !kind.equals("short"))) {
                        for (Item item : items) {
                            scores.addAll(duel.run(item, precision));
                            result.write(file); // as far as it is: it may be stopped at any time
                        }
                    }
                }
                faults.addAll(duel.faults());
                if (duel.busy() > 0.1) {
                    notes.add(String.format(
                            "others kept the processors %.0f %% busy meanwhile: read ratios with care",
                            100 * duel.busy()));
                }
            }
            notes.remove(STOPPED);
            notes.addAll(faults);
            result.write(file);
            faults.forEach(fault -> out.println("WRONG " + fault));
            out.println("written: " + (isSmoke() ? "a temporary file" : file));
            if (isSmoke()) {
                smokeReport(file, scratch, out);
            }
            return faults.isEmpty();
        } finally {
            delete(scratch);
        }
    }

    private static String date() {
        return LocalDate.now().toString();
    }

    private Path file(Path scratch) {
        if (isSmoke()) {
            return scratch.resolve("smoke.json");
        }
        String name = date() + "-" + Machine.title() + "-" + kind;
        return Main.option(args, "--out")
                .map(Path::of)
                .orElse(Main.home().resolve("results").resolve(name + ".json"));
    }

    /** The report's code, on numbers that mean nothing. */
    private static void smokeReport(Path file, Path scratch, PrintStream out) throws IOException {
        Path readme = scratch.resolve("README.md");
        Files.writeString(readme, Report.MARKERS);
        Report.write(List.of(ResultFile.read(file)), readme, scratch.resolve("plots"), out);
        if (Files.readString(readme).length() < 2 * Report.MARKERS.length()) {
            throw new IllegalStateException("the report wrote no tables");
        }
    }

    private static Map<String, Object> map(Limits limits) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("store B/s, one thread", limits.store());
        map.put("store B/s", limits.storeAll());
        map.put("copy B/s, one thread", limits.copy());
        map.put("copy B/s", limits.copyAll());
        map.put("float32 FLOP/s", limits.flops32());
        map.put("float64 FLOP/s", limits.flops64());
        return map;
    }

    private static void delete(Path folder) throws IOException {
        Files.walkFileTree(folder, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.delete(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(
                    Path directory, java.io.@org.jspecify.annotations.Nullable IOException e) throws IOException {
                Files.delete(directory);
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
