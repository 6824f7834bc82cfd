package io.github.batchjac.bench;

import io.github.batchjac.bench.ResultFile.OrderScore;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** One result's tables, in Markdown. */
final class Tables {
    /** Below this ratio two contenders are equal: machines are noisier than that from round to round. */
    static final double TIE = 1.3;

    private final ResultFile result;

    Tables(ResultFile result) {
        this.result = result;
    }

    private static boolean ours(String contender) {
        return contender.startsWith(Candidates.OURS);
    }

    /** Scores of one group by item, batch and precision, then by contender. */
    static Map<String, Map<String, Score>> byItem(ResultFile result, String group) {
        Map<String, Map<String, Score>> items = new LinkedHashMap<>();
        for (Score score : result.scores()) {
            if (score.group().equals(group)) {
                items.computeIfAbsent(score.key(), k -> new LinkedHashMap<>()).put(score.contender(), score);
            }
        }
        return items;
    }

    private static boolean peer(Score score) {
        return !ours(score.contender()) && !score.contender().equals(Candidates.LIMIT);
    }

    /** The fastest that is not ours and not a limit. */
    static Optional<Score> bestPeer(Map<String, Score> scores) {
        return best(scores, Tables::peer);
    }

    /** Our fastest device. */
    static Optional<Score> best(Map<String, Score> scores) {
        return best(scores, score -> ours(score.contender()));
    }

    private static Optional<Score> best(Map<String, Score> scores, Predicate<Score> who) {
        return scores.values().stream()
                .filter(score -> score.timed() && who.test(score))
                .min(Comparator.comparingDouble(Score::ns));
    }

    String machine() {
        Map<?, ?> m = result.machine();
        Map<?, ?> l = result.limits();
        StringBuilder text = new StringBuilder();
        text.append(String.format(
                "%s, %s run: %s, %d threads; %s; %s; GPU: %s; %s; %s.%n",
                result.date(),
                result.kind(),
                Json.text(m, "cpu"),
                (long) Json.number(m, "threads"),
                Json.text(m, "vectors"),
                Json.text(m, "openblas"),
                Json.text(m, "gpu"),
                Json.text(m, "os"),
                Json.text(m, "java")));
        text.append(String.format(
                "Limits on one thread and on all: stores %s and %s GB/s, copies %s and %s GB/s; %s and %s GFLOP/s in float32 and float64.%n",
                giga(l, "store B/s, one thread"),
                giga(l, "store B/s"),
                giga(l, "copy B/s, one thread"),
                giga(l, "copy B/s"),
                giga(l, "float32 FLOP/s"),
                giga(l, "float64 FLOP/s")));
        Set<String> described = new LinkedHashSet<>();
        for (Score score : result.scores()) {
            if (score.timed() && peer(score)) {
                described.add(score.contender() + ": " + score.note());
            }
        }
        described.forEach(line -> text.append("- ").append(line).append('\n'));
        result.notes().forEach(note -> text.append("- ").append(note).append('\n'));
        return text.append('\n').toString();
    }

    private static String giga(Map<?, ?> map, String key) {
        return Text.number(Json.number(map, key) / 1e9);
    }

    String items() {
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of(
                "item",
                "batchjac",
                "of the limit",
                "GB/s",
                "GFLOP/s",
                "best peer",
                "which",
                "peer/batchjac",
                "of best rounds",
                "writing zeros",
                "error, u"));
        byItem(result, "table").forEach((key, scores) -> {
            Score mine = best(scores).orElse(null);
            Score peer = bestPeer(scores).orElse(null);
            rows.add(List.of(
                    key,
                    mine == null ? "–" : Text.time(mine.ns()),
                    mine == null ? "–" : Math.round(100 * mine.fraction()) + " %",
                    mine == null ? "–" : Text.number(mine.gigabytes()),
                    mine == null ? "–" : Text.number(mine.gigaflops()),
                    peer == null ? "–" : Text.time(peer.ns()),
                    peer == null ? "–" : peer.contender(),
                    ratio(mine, peer),
                    bestRounds(scores),
                    ratio(
                            mine,
                            best(scores, score -> score.contender().endsWith(Candidates.WHOLE))
                                    .orElse(null)),
                    mine == null ? "–" : Text.number(mine.error())));
        });
        return Text.table(rows) + "\n" + summary() + "\n";
    }

    private static String ratio(@Nullable Score mine, @Nullable Score peer) {
        if (mine == null || peer == null) {
            return "–";
        }
        double ratio = peer.ns() / mine.ns();
        String text = Text.number(ratio);
        return ratio > TIE ? "**" + text + "**" : ratio < 1 / TIE ? text + " (loses)" : text;
    }

    /** The ratio of the fastest rounds: what interference spoils least. */
    private static String bestRounds(Map<String, Score> scores) {
        return Text.number(bestRound(scores, Tables::peer) / bestRound(scores, score -> ours(score.contender())));
    }

    private static double bestRound(Map<String, Score> scores, Predicate<Score> who) {
        return scores.values().stream()
                .filter(score -> score.timed() && who.test(score))
                .mapToDouble(Score::best)
                .min()
                .orElse(Double.POSITIVE_INFINITY);
    }

    /** How often we win, draw and lose, and by how much on the whole. */
    String summary() {
        List<Double> ratios = new ArrayList<>();
        byItem(result, "table").values().forEach(scores -> {
            Optional<Score> mine = best(scores);
            Optional<Score> peer = bestPeer(scores);
            if (mine.isPresent() && peer.isPresent()) {
                ratios.add(peer.get().ns() / mine.get().ns());
            }
        });
        if (ratios.isEmpty()) {
            return "No peer took part.\n";
        }
        long wins = ratios.stream().filter(r -> r > TIE).count();
        long losses = ratios.stream().filter(r -> r < 1 / TIE).count();
        return String.format(
                "Against the best peer of each item: faster in %d, equal within %s in %d, slower in %d; geometric mean %s.%n",
                wins,
                Text.number(TIE),
                ratios.size() - wins - losses,
                losses,
                Text.number(Statistics.geometricMean(ratios)));
    }

    String peers() {
        return matrix("table", byItem(result, "table"));
    }

    String growth() {
        return matrix("growth", byItem(result, "growth"));
    }

    /** Times of all contenders. */
    private String matrix(String group, Map<String, Map<String, Score>> items) {
        Set<String> contenders = new LinkedHashSet<>();
        result.scores().stream().filter(s -> s.group().equals(group)).forEach(s -> contenders.add(s.contender()));
        if (items.isEmpty()) {
            return "";
        }
        List<List<String>> rows = new ArrayList<>();
        List<String> head = new ArrayList<>(List.of("item"));
        head.addAll(contenders);
        rows.add(head);
        items.forEach((key, scores) -> {
            List<String> row = new ArrayList<>(List.of(key));
            for (String contender : contenders) {
                Score score = scores.get(contender);
                row.add(score == null || !score.timed() ? "–" : Text.time(score.ns()));
            }
            rows.add(row);
        });
        return Text.table(rows) + "\n";
    }

    String orders() {
        Map<String, Map<String, OrderScore>> items = new LinkedHashMap<>();
        result.orders()
                .forEach(o -> items.computeIfAbsent(o.item() + " B" + o.batch(), k -> new LinkedHashMap<>())
                        .put(o.order(), o));
        if (items.isEmpty()) {
            return "";
        }
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("network", "chosen", "", "forward", "", "reverse", "", "chosen is", "reverse/chosen"));
        rows.add(List.of("", "Mflop, MB", "time", "Mflop, MB", "time", "Mflop, MB", "time", "", ""));
        items.forEach((name, orders) -> {
            List<String> row = new ArrayList<>(List.of(name));
            for (String order : List.of("cheapest", "forward", "reverse")) {
                OrderScore score = orders.get(order);
                row.add(
                        score == null
                                ? "–"
                                : Text.number(score.flops() / 1e6) + ", " + Text.number(score.bytes() / 1e6));
                row.add(score == null ? "–" : Text.time(score.ns()));
            }
            OrderScore chosen = orders.get("cheapest");
            OrderScore reverse = orders.get("reverse");
            row.add(chosen == null ? "–" : chosen.is());
            row.add(chosen == null || reverse == null ? "–" : Text.number(reverse.ns() / chosen.ns()));
            rows.add(row);
        });
        return Text.table(rows) + "\n";
    }

    /** For plots: the ratios to the best peer, by item. */
    static Map<String, Double> ratios(ResultFile result) {
        Map<String, Double> ratios = new LinkedHashMap<>();
        byItem(result, "table")
                .forEach((key, scores) -> best(scores)
                        .ifPresent(mine -> bestPeer(scores).ifPresent(peer -> ratios.put(key, peer.ns() / mine.ns()))));
        return ratios;
    }

    /** Ours at every item of the table. */
    static Collection<Score> ours(ResultFile result) {
        List<Score> ours = new ArrayList<>();
        byItem(result, "table").values().forEach(scores -> best(scores).ifPresent(ours::add));
        return ours;
    }
}
