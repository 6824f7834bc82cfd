package io.github.batchjac.bench;

import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * What the memory allows: moves an item's bytes and does nothing else. What is read is copied to what is written, the rest of
 * either is read or filled; by whichever means is fastest at that size. No contender that writes all of its result can be
 * faster, but one may be that writes only what changes.
 */
final class LimitWorker extends Worker {
    private static final double MS = 400;

    private final List<Team> teams;
    private float[] in = {};
    private float[] out = {};
    private float value = 1;
    private final List<Runnable> ways = new ArrayList<>();

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
        ways.clear();
        for (Team team : teams) {
            ways.add(() -> team.run((part, parts) -> move(part, parts, true)));
            ways.add(() -> team.run((part, parts) -> move(part, parts, false)));
        }
    }

    /** The fastest way, found anew each time: it is not the same on a busy machine. */
    @Override
    double time(double milliseconds) {
        return ways.stream()
                .mapToDouble(way -> Stopwatch.time(milliseconds / ways.size(), way))
                .min()
                .orElseThrow();
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
        ways.get(0).run();
    }

    /** Bytes per second, reads and writes counted. */
    static double bytesPerSecond(double bytesRead, double bytesWritten, int threads) {
        LimitWorker worker = new LimitWorker(threads);
        worker.load(bytesRead, bytesWritten);
        worker.time(MS);
        double ns = worker.time(MS);
        worker.teams.forEach(Team::close);
        return (bytesRead + bytesWritten) / (ns / 1e9);
    }
}
