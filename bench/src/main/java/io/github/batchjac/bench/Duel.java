package io.github.batchjac.bench;

import io.github.batchjac.bench.Candidates.Candidate;
import io.github.batchjac.tensor.Precision;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Times contenders in turns: same run, same inputs, every round through all of them. A contender is timed only once its result
 * has been compared with the exact one.
 */
final class Duel implements AutoCloseable {
    /** How long and how often. @param warmMs for a fresh JVM to compile; others get a fifth of it; @param quietMs see {@link Quiet} */
    record Pace(int rounds, double ms, double warmMs, double quietMs) {
        static final Pace SHORT = new Pace(3, 60, 1200, 100_000);
        static final Pace LONG = new Pace(5, 200, 2500, 600_000);
        static final Pace SMOKE = new Pace(1, 1, 1, 0);
    }

    private static final int MOST_WARMING = 12;
    private static final double STILL_FALLING = 0.8;

    private final List<Candidate> candidates;
    private final Limits limits;
    private final Pace pace;
    private final Quiet quiet;
    private final Path folder;
    private final PrintStream out;
    private final Map<String, Contender> lasting = new LinkedHashMap<>();
    private final List<String> faults = new ArrayList<>();

    Duel(List<Candidate> candidates, Limits limits, Pace pace, Path folder, PrintStream out) {
        this.candidates = candidates;
        this.limits = limits;
        this.pace = pace;
        this.quiet = new Quiet((long) pace.quietMs());
        this.folder = folder;
        this.out = out;
    }

    /** What was wrong: results out of tolerance, contenders that failed. */
    List<String> faults() {
        return faults;
    }

    /** How busy others kept the machine, 0 to 1. */
    double busy() {
        return quiet.busy();
    }

    /** One contender's part in one item. */
    private static final class Entry {
        final Candidate candidate;
        final Contender contender;
        final List<Double> rounds = new ArrayList<>();
        double error = Double.NaN;
        String refusal = "";

        Entry(Candidate candidate, Contender contender) {
            this.candidate = candidate;
            this.contender = contender;
        }
    }

    /** All contenders at one item. */
    List<Score> run(Item item, Precision precision) throws IOException {
        Path inputs = Files.createDirectories(folder.resolve("inputs"));
        clear(inputs);
        Worker.write(inputs, item.files(precision));
        Reference reference = Reference.of(item, item.files(Precision.F64));
        List<Entry> entries = new ArrayList<>();
        try {
            for (Candidate candidate : candidates) {
                Entry entry = new Entry(candidate, contender(candidate));
                entries.add(entry);
                prepare(entry, item, precision, inputs, reference);
            }
            for (int round = 0; round < pace.rounds(); round++) {
                for (Entry entry : entries) {
                    quiet.await();
                    time(entry, item);
                }
            }
            return scores(entries, item, precision, reference.samples());
        } finally {
            entries.stream().filter(e -> e.candidate.fresh()).forEach(e -> e.contender.close());
        }
    }

    private Contender contender(Candidate candidate) throws IOException {
        Contender known = lasting.get(candidate.name());
        if (known != null && known.isAlive()) {
            return known;
        }
        Contender started = Contender.start(
                candidate.name(), candidate.command(), candidate.environment(), folder.resolve("stderr.log"));
        if (!candidate.fresh()) {
            lasting.put(candidate.name(), started);
        }
        return started;
    }

    /** Loads, checks and warms up. */
    private void prepare(Entry entry, Item item, Precision precision, Path inputs, Reference reference)
            throws IOException {
        boolean limit = entry.candidate.name().equals(Candidates.LIMIT);
        try {
            entry.refusal = entry.contender.load(item, precision, inputs);
            if (!entry.refusal.isEmpty()) {
                return;
            }
            if (!limit) {
                Path results = folder.resolve("results");
                clear(Files.createDirectories(results));
                Reference.Verdict verdict =
                        reference.compare(entry.contender.results(results, reference.step()), precision);
                entry.error = verdict.error();
                entry.refusal = verdict.fault();
                clear(results);
            }
            if (entry.refusal.isEmpty()) {
                warm(entry);
            }
        } catch (Contender.Refused e) {
            entry.refusal = String.valueOf(e.getMessage());
        }
        if (!entry.refusal.isEmpty()) {
            fault(entry, item, precision);
        }
    }

    /** Until times no longer fall: compilers may have to share the machine, and then take long. */
    private void warm(Entry entry) throws IOException {
        if (!entry.candidate.fresh()) {
            entry.contender.time(pace.warmMs() / 5);
            return;
        }
        double last = entry.contender.time(pace.warmMs());
        for (int more = 0; more < MOST_WARMING; more++) {
            double now = entry.contender.time(pace.warmMs() / 4);
            if (now > STILL_FALLING * last) {
                return;
            }
            last = now;
        }
    }

    private void fault(Entry entry, Item item, Precision precision) {
        faults.add(item + " " + precision + ": " + entry.candidate.name() + ": " + entry.refusal);
    }

    private void time(Entry entry, Item item) {
        if (entry.refusal.isEmpty()) {
            try {
                entry.rounds.add(entry.contender.time(pace.ms()));
            } catch (IOException e) {
                entry.refusal = String.valueOf(e.getMessage());
                faults.add(item + ": " + entry.candidate.name() + ": " + entry.refusal);
            }
        }
    }

    private List<Score> scores(List<Entry> entries, Item item, Precision precision, int samples) {
        double memory = 0;
        for (Entry entry : entries) {
            if (entry.candidate.name().equals(Candidates.LIMIT) && !entry.rounds.isEmpty()) {
                memory = Statistics.median(entry.rounds);
            }
        }
        double floor = Math.max(memory, item.work().flops() / limits.flops(precision) * 1e9);
        List<Score> scores = new ArrayList<>();
        for (Entry entry : entries) {
            boolean timed = entry.refusal.isEmpty() && !entry.rounds.isEmpty();
            double ns = timed ? Statistics.median(entry.rounds) : Double.NaN;
            Score score = new Score(
                    item.group(),
                    item.name(),
                    item.batch(),
                    precision.toString(),
                    entry.candidate.name(),
                    ns,
                    entry.rounds.stream().mapToDouble(x -> x).min().orElse(Double.NaN),
                    timed ? Statistics.spread(entry.rounds) : Double.NaN,
                    item.work().bytes(precision) / ns,
                    item.work().flops() / ns,
                    floor,
                    entry.error,
                    samples,
                    timed ? entry.contender.description() : entry.refusal);
            scores.add(score);
            out.printf(
                    "  %-36s %-16s %s%n",
                    score.key(),
                    score.contender(),
                    timed ? Text.time(ns) + "  ×" + Text.number(score.spread()) : score.note());
        }
        out.flush();
        return scores;
    }

    private static void clear(Path folder) throws IOException {
        try (var files = Files.newDirectoryStream(folder, "*.npy")) {
            for (Path file : files) {
                Files.delete(file);
            }
        }
    }

    @Override
    public void close() {
        lasting.values().forEach(Contender::close);
    }
}
