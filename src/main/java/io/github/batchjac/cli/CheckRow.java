package io.github.batchjac.cli;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * One comparison.
 *
 * @param what which result
 * @param of what was put to the test
 * @param against what it was compared with
 * @param relative {@code ‖Δ‖/‖expected‖}
 * @param ulps the largest error of an entry, in units in the last place of what was expected
 * @param used the largest share that an error has of its bound; more than 1 breaks the promise
 */
record CheckRow(String what, String of, String against, double relative, double ulps, double used) {
    boolean holds() {
        return used <= 1;
    }

    String describe() {
        return String.format(Locale.ROOT, "%s on %s against %s: error %.3g times its bound", what, of, against, used);
    }

    Map<String, Object> facts() {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("result", what);
        facts.put("of", of);
        facts.put("against", against);
        facts.put("relative_error", relative);
        facts.put("worst_entry_ulps", ulps);
        facts.put("share_of_bound", used);
        facts.put("holds", holds());
        return facts;
    }

    static String table(List<CheckRow> rows) {
        StringBuilder text = new StringBuilder();
        int what = rows.stream().mapToInt(r -> r.what.length()).max().orElse(0);
        int of = rows.stream().mapToInt(r -> r.of.length()).max().orElse(0);
        int against = rows.stream().mapToInt(r -> r.against.length()).max().orElse(0);
        String format = "  %-" + Math.max(6, what) + "s  %-" + Math.max(6, of) + "s  %-" + Math.max(7, against)
                + "s  %10s  %12s  %9s  %s%n";
        text.append(String.format(
                Locale.ROOT, format, "result", "of", "against", "‖Δ‖/‖ref‖", "worst entry", "of bound", ""));
        for (CheckRow r : rows) {
            text.append(String.format(
                    Locale.ROOT,
                    format,
                    r.what,
                    r.of,
                    r.against,
                    String.format(Locale.ROOT, "%.1e", r.relative),
                    r.ulps < 1e6
                            ? String.format(Locale.ROOT, "%.1f ulp", r.ulps)
                            : String.format(Locale.ROOT, "%.0e ulp", r.ulps),
                    r.used > 0 && r.used < 0.001 ? "< 0.1 %" : String.format(Locale.ROOT, "%.1f %%", 100 * r.used),
                    r.holds() ? "ok" : "BROKEN"));
        }
        return text.toString();
    }

    /** Gathers the largest errors over many entries. */
    static final class Tally {
        private double squares;
        private double norm;
        private double ulps;
        private double used;

        /** An entry that is {@code got} where {@code expected} was due, give or take {@code bound}. */
        void add(double got, double expected, double bound, double ulp) {
            boolean bothFail =
                    Double.isNaN(expected) ? Double.isNaN(got) : Double.isInfinite(expected) && got == expected;
            if (bothFail) {
                return;
            }
            double error = Math.abs(got - expected);
            if (Double.isNaN(error)) {
                used = Double.POSITIVE_INFINITY;
                return;
            }
            squares += error * error;
            norm += expected * expected;
            ulps = Math.max(ulps, error / ulp);
            if (error > 0) {
                used = Math.max(used, error / bound);
            }
        }

        CheckRow row(String what, String of, String against) {
            return new CheckRow(what, of, against, squares == 0 ? 0 : Math.sqrt(squares / norm), ulps, used);
        }
    }
}
