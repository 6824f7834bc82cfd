package io.github.batchjac.backend.cuda;

import static io.github.batchjac.backend.cuda.SmallProductPlan.parts;

import io.github.batchjac.backend.cuda.SmallProductPlan.Lying;
import io.github.batchjac.backend.cuda.SmallProductPlan.Order;
import io.github.batchjac.backend.cuda.SmallProductPlan.Tile;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Looks for the cheapest {@link SmallProductPlan} of products of A (m,k) and B (k,n): tries ways from the fewest instructions up, reckons
 * in which banks of shared memory their lanes meet, and ends when no other can be cheaper. That takes some milliseconds.
 */
final class SmallProductSearch {
    /** Shared memory of a block that has company on nearly every multiprocessor, */
    private static final int BYTES = 48 << 10;

    /** and the most of one: where two have room, if that saves some instructions, elsewhere if nothing else fits. */
    private static final int MORE_BYTES = 68 << 10;

    /** What more is taken for: so many times the instructions. */
    private static final double COMPANY = 1.03;

    private static final double ALONE = 1.5;

    /** Behind the last matrix some bytes are read, though not used. */
    private static final int OVERRUN = 128;

    /** Numbers of samples that are tried with a tile. */
    private static final int TRIALS = 16;

    /** Instructions a sector that twice the transactions of shared memory are taken for, */
    private static final double CONFLICT = 30;

    /** where they are more than so much more. */
    private static final double FREE_CONFLICTS = 0.08;

    /** Programs have kernels of their own, and the same shapes. */
    private static final Map<Sizes, Optional<SmallProductPlan>> FOUND = new ConcurrentHashMap<>();

    private record Sizes(int m, int k, int n, int pack, int sharedPerBlock) {}

    private final int m;
    private final int k;
    private final int n;
    private final int pack;
    private final int most;
    private final double dear;

    /** So many samples by such tiles, and the price if their lanes met nowhere. */
    private record Trial(Tile tile, int samples, double price) {}

    /** How matrices may lie, and the transactions that it takes beyond the least. */
    private record Way(Lying lying, double extra) {}

    private SmallProductSearch(Sizes sizes) {
        m = sizes.m;
        k = sizes.k;
        n = sizes.n;
        pack = sizes.pack;
        most = Math.min(MORE_BYTES, sizes.sharedPerBlock);
        dear = sizes.sharedPerBlock < 2 * MORE_BYTES ? ALONE : COMPANY;
    }

    /**
     * The cheapest, if one fits. Searched for once a process.
     *
     * @param pack numbers of 16 bytes
     * @param sharedPerBlock bytes that the device has at most
     */
    static Optional<SmallProductPlan> cheapest(int m, int k, int n, int pack, int sharedPerBlock) {
        return FOUND.computeIfAbsent(
                new Sizes(m, k, n, pack, sharedPerBlock), sizes -> new SmallProductSearch(sizes).search());
    }

    private Optional<SmallProductPlan> search() {
        Optional<SmallProductPlan> best = Optional.empty();
        for (Trial trial : trials()) {
            int rows = parts(m, trial.tile.rows());
            int columns = parts(n, trial.tile.columns());
            for (Order order : Order.all(trial.samples, rows, columns, pack)) {
                double bound = best.map(SmallProductPlan::price).orElse(Double.POSITIVE_INFINITY);
                if (trial.price >= bound) {
                    return best;
                }
                Optional<SmallProductPlan> better = plan(trial, order, bound);
                best = better.isPresent() ? better : best;
            }
        }
        return best;
    }

    /** What fits, the cheapest first. */
    private List<Trial> trials() {
        List<Trial> trials = new ArrayList<>();
        long bytes = Math.max((m + n) * (long) k, (long) m * n) * (16 / pack);
        for (Tile tile : Tile.all(pack)) {
            if (k % tile.left() == 0 && n % tile.right() == 0) {
                int tiles = parts(m, tile.rows()) * parts(n, tile.columns());
                List<Trial> some = new ArrayList<>();
                for (int q = 1; q * tiles <= SmallProductPlan.THREADS && q * bytes <= most; q++) {
                    some.add(new Trial(tile, q, instructions(tile, q, tiles) * (q * bytes > BYTES ? dear : 1)));
                }
                some.sort(Comparator.comparingDouble(Trial::price));
                trials.addAll(some.subList(0, Math.min(TRIALS, some.size())));
            }
        }
        trials.sort(Comparator.comparingDouble(Trial::price));
        return trials;
    }

    /**
     * Instructions of a warp a sector, as the kernels have them: each step along k has multiply-adds, reads and steps of
     * pointers; what k leaves beyond fours takes longer; sums begin as zeros and are stored; a round has its own; numbers are moved. A
     * sector that two rounds have a part of is dear.
     */
    private double instructions(Tile tile, int samples, int tiles) {
        double rows = tile.rows();
        double entries = rows * tile.columns();
        double left = tile.left();
        double right = tile.right();
        double step = entries + rows / left + tile.columns() / right + 1 + (rows + 3) / 4;
        double last = k % 4 / left * (0.75 * rows + 3);
        double sums = entries + 2 * entries / right + 2 * rows;
        double round = 260;
        double move = 0.25;
        double sectors = samples * numbers() / (2.0 * pack);
        int torn = 0;
        for (int size : new int[] {m * k, k * n, m * n}) {
            torn += samples * size % (2 * pack) == 0 ? 0 : 1;
        }
        return parts(samples * tiles, SmallProductPlan.WARP) * (k * step + last + sums + round) / sectors
                + move
                + 20 * Math.max(0, torn / sectors - 0.02);
    }

    /** If it fits and is cheaper than {@code bound}. */
    private Optional<SmallProductPlan> plan(Trial trial, Order order, double bound) {
        Tile tile = trial.tile;
        int samples = trial.samples;
        Access ofA = new Access(tile, order, true, false, tile.left(), (double) tile.rows() * k);
        Access ofB = new Access(tile, order, false, true, tile.right(), (double) k * tile.columns());
        Access ofC = new Access(tile, order, true, true, tile.right(), (double) tile.rows() * tile.columns());
        double least = ofA.least() + ofB.least() + ofC.least() + samples * numbers() / (8.0 * pack);
        double extra = least * (FREE_CONFLICTS + (bound - trial.price) / CONFLICT);
        Way a = ofA.best(Lying.all(m, k, pack, true), extra);
        Way b = ofB.best(Lying.all(k, n, pack, false), extra - a.extra);
        Way c = ofC.best(Lying.all(m, n, pack, false), extra - a.extra - b.extra);
        double conflicts = (a.extra + b.extra + c.extra) / least;
        double price = trial.price + CONFLICT * Math.max(0, conflicts - FREE_CONFLICTS);
        int beyond = ((order.row().count() * tile.rows() - m) * a.lying.row() / pack + 1) * pack;
        int operands = a.lying.room(samples, pack) + Math.max(b.lying.room(samples, pack), beyond);
        int bytes = Math.max(operands, c.lying.room(samples, pack)) * (16 / pack) + OVERRUN;
        return bytes <= most && price < bound
                ? Optional.of(new SmallProductPlan(tile, a.lying, b.lying, c.lying, order, pack, bytes, price))
                : Optional.empty();
    }

    /** Of a sample's matrices. */
    private int numbers() {
        return m * k + k * n + m * n;
    }

    /** Lanes' accesses to the rows or columns of their tiles, or both. */
    private final class Access {
        private final int samples;
        private final int[] sample;
        private final int[] row;
        private final int[] column;
        private final Banks banks;
        private final double times;

        /**
         * @param width numbers of one
         * @param numbers that each lane accesses
         */
        Access(Tile tile, Order order, boolean rows, boolean columns, int width, double numbers) {
            int lanes = order.lanes();
            samples = order.samples();
            sample = new int[lanes];
            row = new int[lanes];
            column = new int[lanes];
            for (int lane = 0; lane < lanes; lane++) {
                sample[lane] = order.sample(lane);
                row[lane] = rows ? order.row().of(lane) * tile.rows() : 0;
                column[lane] = columns ? order.column().of(lane) * tile.apart() : 0;
            }
            banks = new Banks(8 * pack / width, width);
            times = numbers / width;
        }

        /** Transactions if lanes meet nowhere. */
        double least() {
            return times * banks.phases(sample.length);
        }

        /** The best way to lie: the first that takes no more than it must. One is good if it takes less than {@code most} beyond. */
        Way best(List<Lying> ways, double most) {
            Way best = new Way(ways.get(0), Double.POSITIVE_INFINITY);
            int phases = banks.phases(sample.length);
            int[] places = new int[sample.length];
            for (Lying way : ways) {
                if (best.extra == 0 || (way.gap() > 0 && samples * way.size() % pack != 0)) {
                    break; // blocks start where packs do not, which gaps would tear apart
                }
                for (int lane = 0; lane < places.length; lane++) {
                    places[lane] = way.start(sample[lane]) + row[lane] * way.row() + column[lane];
                }
                int gaps = way.gap() == 0 ? 0 : samples * way.size() / way.run();
                double bound = Math.min(most, best.extra);
                double extra = times * (banks.transactions(places, phases + bound / times) - phases) + gaps;
                if (extra < bound) {
                    best = new Way(way, extra);
                }
            }
            return best;
        }
    }
}
