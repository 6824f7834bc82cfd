package io.github.batchjac.backend.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * How a block multiplies some small matrices ({@code BatchPlan} in product_batch.cuh): by which tiles, how many at a time, where
 * in shared memory they lie and in which order lanes share them. Many ways are reckoned through, and the cheapest is taken.
 *
 * @param samples products of a block at a time
 * @param price instructions a sector, and what conflicts of banks are taken for
 */
record SmallProductPlan(
        Tile tile, int samples, Lying a, Lying b, Lying c, Order order, int pack, int sharedBytes, double price) {
    private static final int WARP = 32;

    private static final int THREADS = 256;

    /** Shared memory of a block that has company on its multiprocessor, */
    private static final int BYTES = 48 << 10;

    /** and what it may have if that saves a twelfth. */
    private static final int MORE_BYTES = 68 << 10;

    /** Bytes that a warp at least brings: of large blocks with few products some warps do nothing else. */
    private static final int MOVED = 16 << 10;

    /** Behind the last matrix some bytes are read, though not used. */
    private static final int OVERRUN = 128;

    /** Ways that are looked at until one is found whose lanes do not meet; hardly any shape needs as many. */
    private static final int TRIALS = 16;

    /** Instructions a sector that twice the transactions of shared memory are taken for, */
    private static final double CONFLICT = 30;

    /** where they are more than so much more. */
    private static final double FREE_CONFLICTS = 0.08;

    /**
     * Of each thread, as matrix.cu has them.
     *
     * @param left numbers of A that are read at a time, a pack at most: k is a multiple
     * @param right numbers of B: n is
     */
    private record Tile(int rows, int columns, int left, int right) {
        static final List<Tile> ALL = List.of(
                new Tile(7, 10, 1, 1),
                new Tile(7, 11, 1, 1),
                new Tile(8, 8, 1, 1),
                new Tile(9, 7, 1, 1),
                new Tile(9, 9, 1, 1),
                new Tile(10, 8, 1, 1),
                new Tile(7, 11, 2, 1),
                new Tile(8, 7, 2, 1),
                new Tile(9, 5, 4, 1),
                new Tile(11, 6, 1, 2),
                new Tile(7, 10, 2, 2),
                new Tile(10, 8, 1, 4),
                new Tile(6, 12, 4, 4),
                new Tile(8, 8, 4, 4));
    }

    /**
     * How matrices lie in shared memory, in numbers ({@code Placing}).
     *
     * @param row from row to row
     * @param run numbers that lie as outside
     * @param gap behind each run
     */
    private record Lying(int size, int row, int run, int gap) {
        /** Without gaps; with gaps of some packs behind the fewest matrices that are whole packs; of one behind rows that are. */
        static List<Lying> all(int height, int width, int pack, boolean rows) {
            int size = height * width;
            int run = size * pack / Integer.lowestOneBit(size | pack);
            List<Lying> all = new ArrayList<>();
            for (int gap = 0; gap < 8 * pack; gap += pack) {
                all.add(new Lying(size, width, run, gap));
            }
            if (rows && width % pack == 0) {
                all.add(new Lying(size, width + pack, width, pack));
            }
            return all;
        }

        int start(int sample) {
            return sample * size + sample * size / run * gap;
        }

        /** With what may be before the first number so that packs outside are packs inside. */
        int room(int samples, int pack) {
            return (start(samples) / pack + 2) * pack;
        }

        void put(ByteBuffer plan, int pack) {
            plan.putInt(size).putInt(row).putInt(gap * (16 / pack)).putInt(0);
            plan.putLong(Divisor.small(size)).putLong(Divisor.small(run / pack)).putLong(Divisor.small(run));
        }
    }

    /** One of the numbers that a lane's is made of ({@code Digit}). */
    private record Digit(int count, int stride) {
        int of(int lane) {
            return lane / stride % count;
        }

        void put(ByteBuffer plan) {
            plan.putInt(count).putInt(0).putLong(Divisor.small(stride)).putLong(Divisor.small(count));
        }
    }

    /** Which row and column of tiles a lane has, of which sample: of which one {@code among} those of a {@code run}. */
    private record Order(Digit among, Digit run, Digit row, Digit column) {
        private static final String DIGITS = "arij";

        /** The digits, fastest first, where a run is a sample, */
        private static final List<String> ORDERS = List.of("jiar", "ijar", "arij", "arji", "iarj", "jari");

        /** and where it is as many as a pack has numbers: of any size these are whole packs. */
        private static final List<String> ORDERS_OF_RUNS = List.of("ajir", "aijr", "jair", "iajr");

        static List<Order> all(int samples, int rows, int columns, int pack) {
            List<Order> all = new ArrayList<>();
            ORDERS.forEach(order -> all.add(of(order, 1, samples, rows, columns)));
            if (samples % pack == 0) {
                ORDERS_OF_RUNS.forEach(order -> all.add(of(order, pack, samples / pack, rows, columns)));
            }
            return all;
        }

        private static Order of(String order, int... counts) {
            Digit[] digits = new Digit[counts.length];
            int stride = 1;
            for (int at = 0; at < counts.length; at++) {
                int digit = DIGITS.indexOf(order.charAt(at));
                digits[digit] = new Digit(counts[digit], stride);
                stride *= counts[digit];
            }
            return new Order(digits[0], digits[1], digits[2], digits[3]);
        }

        int sample(int lane) {
            return run.of(lane) * among.count + among.of(lane);
        }

        int lanes() {
            return among.count * run.count * row.count * column.count;
        }
    }

    /** The cheapest, if one fits. */
    static Optional<SmallProductPlan> cheapest(int m, int k, int n, int pack, int sharedPerBlock) {
        return new Search(m, k, n, pack, Math.min(MORE_BYTES, sharedPerBlock)).cheapest();
    }

    String kernel() {
        return "product_batch_" + tile.rows + "x" + tile.columns + "_k" + tile.left + "n" + tile.right;
    }

    int threads() {
        return Math.max(parts(order.lanes(), WARP), Math.min(sharedBytes / MOVED, THREADS / WARP)) * WARP;
    }

    /** As the kernel takes it. */
    byte[] bytes(int rounds) {
        ByteBuffer plan = ByteBuffer.allocate(240).order(ByteOrder.LITTLE_ENDIAN);
        plan.putInt(rounds).putInt(samples).putInt(order.lanes()).putInt(a.room(samples, pack));
        plan.putInt(sharedBytes / 16).putInt(order.among.count);
        List.of(a, b, c).forEach(lying -> lying.put(plan, pack));
        List.of(order.among, order.run, order.row, order.column).forEach(digit -> digit.put(plan));
        return plan.array();
    }

    private record Search(int m, int k, int n, int pack, int most) {
        /** So many samples by such tiles, if their lanes met nowhere. */
        private record Trial(Tile tile, int samples, double price) {}

        /** How matrices may lie, and the transactions that it takes beyond the least. */
        private record Way(Lying lying, double extra) {}

        Optional<SmallProductPlan> cheapest() {
            Optional<SmallProductPlan> best = Optional.empty();
            List<Trial> trials = trials();
            for (Trial trial : trials) {
                for (Order order :
                        Order.all(trial.samples, parts(m, rows(trial.tile)), parts(n, trial.tile.columns), pack)) {
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
            for (Tile tile : Tile.ALL) {
                int tiles = parts(m, rows(tile)) * parts(n, tile.columns);
                boolean suits = k % left(tile) == 0 && n % right(tile) == 0;
                List<Trial> ofTile = new ArrayList<>();
                for (int q = 1; suits && q * tiles <= THREADS && q * bytes <= most; q++) {
                    ofTile.add(new Trial(tile, q, instructions(tile, q, tiles) * (q * bytes > BYTES ? 1.03 : 1)));
                }
                ofTile.sort(Comparator.comparingDouble(Trial::price));
                trials.addAll(ofTile.subList(0, Math.min(TRIALS, ofTile.size())));
            }
            trials.sort(Comparator.comparingDouble(Trial::price));
            return trials;
        }

        /** A sector: multiply-adds, reads and steps of pointers; sums from 0 to where they are stored; what a round costs; moving; sectors touched twice. */
        private double instructions(Tile tile, int samples, int tiles) {
            double left = left(tile);
            double right = right(tile);
            double entries = rows(tile) * tile.columns;
            double step = entries + rows(tile) / left + tile.columns / right + 1 + (rows(tile) + 3) / 4.0;
            double last = k % 4 / left * (0.75 * rows(tile) + 3);
            double sums = entries + 2 * entries / right + 2 * rows(tile);
            double sectors = samples * (m * k + k * n + m * n) / (2.0 * pack);
            int ragged = 0;
            for (int size : new int[] {m * k, k * n, m * n}) {
                ragged += samples * size % (2 * pack) == 0 ? 0 : 1;
            }
            return 0.25
                    + parts(samples * tiles, WARP) * (k * step + last + sums + 260) / sectors
                    + 20 * Math.max(0, ragged / sectors - 0.02);
        }

        private int rows(Tile tile) {
            return (tile.rows * pack + 2) / 4;
        }

        private int left(Tile tile) {
            return Math.min(tile.left, pack);
        }

        private int right(Tile tile) {
            return Math.min(tile.right, pack);
        }

        /** If it fits and is cheaper than {@code bound}. */
        private Optional<SmallProductPlan> plan(Trial trial, Order order, double bound) {
            Tile tile = trial.tile;
            int samples = trial.samples;
            int lanes = order.lanes();
            int left = left(tile);
            int right = right(tile);
            int apart = right > 1 && tile.columns / right % 2 == 0 ? right : tile.columns;
            int[] none = new int[lanes];
            int[] sample = new int[lanes];
            int[] row = new int[lanes];
            int[] column = new int[lanes];
            for (int lane = 0; lane < lanes; lane++) {
                sample[lane] = order.sample(lane);
                row[lane] = order.row.of(lane) * rows(tile);
                column[lane] = order.column.of(lane) * apart;
            }
            Banks ofA = new Banks(8 * pack / left, left);
            Banks ofB = new Banks(8 * pack / right, right);
            double fromA = (double) rows(tile) * k / left;
            double fromB = (double) tile.columns * k / right;
            double toC = (double) rows(tile) * tile.columns / right;
            double least = fromA * ofA.phases(lanes)
                    + (fromB + toC) * ofB.phases(lanes)
                    + samples * (m * k + k * n + m * n) / (8.0 * pack);
            double extra = least * (FREE_CONFLICTS + (bound - trial.price) / CONFLICT);
            Way a = best(Lying.all(m, k, pack, true), samples, sample, row, none, ofA, fromA, extra);
            Way b = best(Lying.all(k, n, pack, false), samples, sample, none, column, ofB, fromB, extra - a.extra);
            extra -= a.extra + b.extra;
            Way c = best(Lying.all(m, n, pack, false), samples, sample, row, column, ofB, toC, extra);
            double conflicts = (a.extra + b.extra + c.extra) / least;
            double price = trial.price + CONFLICT * Math.max(0, conflicts - FREE_CONFLICTS);
            int beyond = ((order.row.count * rows(tile) - m) * a.lying.row / pack + 1) * pack;
            int operands = a.lying.room(samples, pack) + Math.max(b.lying.room(samples, pack), beyond);
            int bytes = Math.max(operands, c.lying.room(samples, pack)) * (16 / pack) + OVERRUN;
            return bytes <= most && price < bound
                    ? Optional.of(
                            new SmallProductPlan(tile, samples, a.lying, b.lying, c.lying, order, pack, bytes, price))
                    : Optional.empty();
        }

        /** The best way to lie of what lanes access so often: the first that takes no more than it must, if any takes less than `most` beyond. */
        private Way best(
                List<Lying> ways,
                int samples,
                int[] sample,
                int[] row,
                int[] column,
                Banks banks,
                double accesses,
                double most) {
            Way best = new Way(ways.get(0), Double.POSITIVE_INFINITY);
            int phases = banks.phases(sample.length);
            int[] place = new int[sample.length];
            for (Lying way : ways) {
                if (best.extra == 0 || (way.gap > 0 && samples * way.size % pack != 0)) {
                    break; // blocks start where packs do not, which gaps would tear apart
                }
                for (int lane = 0; lane < place.length; lane++) {
                    place[lane] = way.start(sample[lane]) + row[lane] * way.row + column[lane];
                }
                int gaps = way.gap == 0 ? 0 : samples * way.size / way.run;
                double bound = Math.min(most, best.extra);
                double extra = accesses * (banks.transactions(place, phases + bound / accesses) - phases) + gaps;
                if (extra < bound) {
                    best = new Way(way, extra);
                }
            }
            return best;
        }
    }

    private static int parts(int whole, int part) {
        return (whole + part - 1) / part;
    }
}
