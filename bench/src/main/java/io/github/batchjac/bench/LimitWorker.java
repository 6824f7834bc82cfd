package io.github.batchjac.bench;

import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * What the memory allows: moves an item's bytes and does nothing else. What is read is copied to what is written, the rest of
 * either is read or filled; by whichever means is fastest at that size. No contender that writes all of its result can be
 * faster, but one may be that writes only what changes.
 */
final class LimitWorker extends Worker {
    private static final double TRIAL_MS = 30;

    private final List<Team> teams;
    private float[] in = {};
    private float[] out = {};
    private float value = 1;
    private Runnable best = () -> {};

    LimitWorker(int threads) {
        this.teams = threads == 1 ? List.of(new Team(1)) : List.of(new Team(1), new Team(threads));
    }

    @Override
    String load(Item item, Precision precision, Map<String, Tensor> files) {
        load(item.work().bytesRead(precision), item.work().bytesWritten(precision));
        return "";
    }

    private void load(double bytesRead, double bytesWritten) {
        in = new float[(int) (bytesRead / Float.BYTES)];
        out = new float[(int) (bytesWritten / Float.BYTES)];
        Arrays.fill(in, 1);
        double least = Double.POSITIVE_INFINITY;
        for (Team team : teams) {
            int n = team.size();
            for (boolean vector : new boolean[] {true, false}) {
                Runnable way = () -> team.run((part, parts) -> move(part, parts, vector));
                Stopwatch.time(TRIAL_MS, way);
                double took = Stopwatch.time(TRIAL_MS, way);
                if (took < least) {
                    least = took;
                    best = way;
                    describe((vector ? "vector stores" : "Arrays.fill") + ", " + n + (n == 1 ? " thread" : " threads"));
                }
            }
        }
    }

    private void move(int part, int parts, boolean vector) {
        int both = Math.min(in.length, out.length);
        int from = (int) ((long) both * part / parts);
        int to = (int) ((long) both * (part + 1) / parts);
        System.arraycopy(in, from, out, from, to - from);
        from = both + (int) ((long) (out.length - both) * part / parts);
        to = both + (int) ((long) (out.length - both) * (part + 1) / parts);
        if (vector) {
            VectorLimits.store(out, from, to, value);
        } else {
            Arrays.fill(out, from, to, value);
        }
        from = both + (int) ((long) (in.length - both) * part / parts);
        to = both + (int) ((long) (in.length - both) * (part + 1) / parts);
        if (VectorLimits.read(in, from, to) < 0) {
            value = 2; // never, but the sum is needed for that
        }
    }

    @Override
    Map<String, Tensor> results() {
        return Map.of();
    }

    @Override
    void run() {
        best.run();
    }

    /** Bytes per second, reads and writes counted. */
    static double bytesPerSecond(double bytesRead, double bytesWritten, int threads) {
        LimitWorker worker = new LimitWorker(threads);
        worker.load(bytesRead, bytesWritten);
        double ns = Stopwatch.time(10 * TRIAL_MS, worker::run);
        worker.teams.forEach(Team::close);
        return (bytesRead + bytesWritten) / (ns / 1e9);
    }
}
