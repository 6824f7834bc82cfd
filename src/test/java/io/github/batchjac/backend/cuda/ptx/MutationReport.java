package io.github.batchjac.backend.cuda.ptx;

import io.github.batchjac.backend.cuda.ptx.Mutation.Outcome;
import io.github.batchjac.backend.cuda.ptx.Mutation.Verdict;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** What became of mutants. */
public final class MutationReport {
    private final int possible;
    private final List<Outcome> outcomes;
    private final List<String> unlike;

    /**
     * @param possible how many mutants there are in all
     * @param unlike launches that were not the same again with the kernel as it is
     */
    MutationReport(int possible, List<Outcome> outcomes, List<String> unlike) {
        this.possible = possible;
        this.outcomes = outcomes.stream()
                .sorted(Comparator.comparing((Outcome o) -> o.mutant().entry())
                        .thenComparing(o -> o.mutant().instruction().index())
                        .thenComparing(o -> o.mutant().what()))
                .toList();
        this.unlike = List.copyOf(unlike);
    }

    /** Launches that came out otherwise when they were run again, as they had been. */
    public List<String> unlike() {
        return unlike;
    }

    /** Barriers that can be left out, and nobody sees it, by kernel. */
    public Map<String, List<String>> barriers() {
        return outcomes.stream()
                .filter(o -> o.mutant().barrier() && !o.verdict().killed())
                .collect(Collectors.groupingBy(
                        o -> o.mutant().entry(),
                        TreeMap::new,
                        Collectors.mapping(MutationReport::line, Collectors.toList())));
    }

    /** How many were killed, of those that are not equivalent; barriers are counted apart. */
    public double rate() {
        return (double) killed() / relevant();
    }

    private long killed() {
        return outcomes.stream()
                .filter(o -> !o.mutant().barrier() && o.verdict().killed())
                .count();
    }

    /** How many can be killed, besides barriers. */
    public long relevant() {
        return outcomes.stream()
                .filter(o -> !o.mutant().barrier()
                        && o.verdict() != Verdict.INVALID
                        && !o.verdict().equivalent())
                .count();
    }

    /** One line. */
    public String summary() {
        Map<Verdict, Integer> counts = counts(outcomes);
        return "%d of %d mutants: %s; %.1f %% of %d killed, besides barriers"
                .formatted(outcomes.size(), possible, counts, 100 * rate(), relevant());
    }

    private static Map<Verdict, Integer> counts(List<Outcome> outcomes) {
        Map<Verdict, Integer> counts = new EnumMap<>(Verdict.class);
        outcomes.forEach(o -> counts.merge(o.verdict(), 1, Integer::sum));
        return counts;
    }

    /** The summary, a line for each kernel, one for each kind of change, and all that live. */
    public String text() {
        StringBuilder text = new StringBuilder(summary()).append("\n\n");
        table(
                text,
                "kernel",
                outcomes.stream()
                        .collect(Collectors.groupingBy(o -> o.mutant().entry(), TreeMap::new, Collectors.toList())));
        table(
                text,
                "change",
                outcomes.stream()
                        .collect(Collectors.groupingBy(o -> o.mutant().kind(), TreeMap::new, Collectors.toList())));
        for (Verdict verdict : Verdict.values()) {
            if (!verdict.killed()) {
                text.append(verdict).append("\n");
                outcomes.stream()
                        .filter(o -> o.verdict() == verdict)
                        .forEach(o -> text.append("  ").append(line(o)).append("\n"));
            }
        }
        return text.toString();
    }

    private static void table(StringBuilder text, String title, Map<String, List<Outcome>> rows) {
        text.append("%-40s".formatted(title));
        for (Verdict verdict : Verdict.values()) {
            text.append("%10s".formatted(verdict.name().toLowerCase(java.util.Locale.ROOT)));
        }
        text.append("\n");
        rows.forEach((name, list) -> {
            Map<Verdict, Integer> counts = counts(list);
            text.append("%-40s".formatted(name));
            for (Verdict verdict : Verdict.values()) {
                text.append("%10d".formatted(counts.getOrDefault(verdict, 0)));
            }
            text.append("\n");
        });
        text.append("\n");
    }

    private static String line(Outcome outcome) {
        Mutant mutant = outcome.mutant();
        return mutant.entry() + " line " + mutant.instruction().line() + ": "
                + mutant.instruction().text() + "  [" + mutant.what() + "]  " + outcome.by();
    }
}
