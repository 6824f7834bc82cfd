package io.github.batchjac.backend.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * How a block multiplies some small matrices ({@code BatchPlan} in product_batch.cuh): by which tiles, how many products at a time,
 * where in shared memory their matrices lie and in which order lanes share them. {@link SmallProductSearch} finds it.
 *
 * @param pack numbers of 16 bytes
 * @param price instructions of a warp a sector, and what conflicts of banks are taken for
 */
record SmallProductPlan(Tile tile, Lying a, Lying b, Lying c, Order order, int pack, int sharedBytes, double price) {
    static final int WARP = 32;

    static final int THREADS = 256;

    /** Bytes that a warp at least brings: of large blocks with few products some warps do nothing else. */
    private static final int MOVED = 16 << 10;

    /**
     * What a thread computes.
     *
     * @param left numbers of A that are read at a time: k is a multiple
     * @param right numbers of B: n is
     */
    record Tile(String kernel, int rows, int columns, int left, int right) {
        /** As matrix.cu has them: for packs of four, of fewer half the rows. */
        static List<Tile> all(int pack) {
            return List.of(
                    of(7, 10, 1, 1, pack),
                    of(7, 11, 1, 1, pack),
                    of(8, 8, 1, 1, pack),
                    of(9, 7, 1, 1, pack),
                    of(9, 9, 1, 1, pack),
                    of(10, 8, 1, 1, pack),
                    of(7, 11, 2, 1, pack),
                    of(8, 7, 2, 1, pack),
                    of(9, 5, 4, 1, pack),
                    of(11, 6, 1, 2, pack),
                    of(7, 10, 2, 2, pack),
                    of(10, 8, 1, 4, pack),
                    of(6, 12, 4, 4, pack),
                    of(8, 8, 4, 4, pack));
        }

        private static Tile of(int rows, int columns, int left, int right, int pack) {
            String kernel = "product_batch_" + rows + "x" + columns + "_k" + left + "n" + right;
            return new Tile(kernel, (rows * pack + 2) / 4, columns, Math.min(left, pack), Math.min(right, pack));
        }

        /** From one thread's columns to the next one's ({@code SPREAD} in product_batch.cuh). */
        int apart() {
            return right > 1 && columns / right % 2 == 0 ? right : columns;
        }
    }

    /**
     * How matrices lie in shared memory, in numbers ({@code Placing}).
     *
     * @param row from row to row
     * @param run numbers that lie as outside
     * @param gap behind each run
     */
    record Lying(int size, int row, int run, int gap) {
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
    record Digit(int count, int stride) {
        int of(int lane) {
            return lane / stride % count;
        }

        void put(ByteBuffer plan) {
            plan.putInt(count).putInt(0).putLong(Divisor.small(stride)).putLong(Divisor.small(count));
        }
    }

    /** Which row and column of tiles a lane has, of which sample: of which one {@code among} those of a {@code run}. */
    record Order(Digit among, Digit run, Digit row, Digit column) {
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

        int samples() {
            return among.count * run.count;
        }

        int lanes() {
            return among.count * run.count * row.count * column.count;
        }
    }

    /** Products of a block at a time. */
    int samples() {
        return order.samples();
    }

    int threads() {
        return Math.max(parts(order.lanes(), WARP), Math.min(sharedBytes / MOVED, THREADS / WARP)) * WARP;
    }

    /** As the kernel takes it. */
    byte[] bytes(int rounds) {
        ByteBuffer plan = ByteBuffer.allocate(240).order(ByteOrder.LITTLE_ENDIAN);
        plan.putInt(rounds).putInt(samples()).putInt(order.lanes()).putInt(a.room(samples(), pack));
        plan.putInt(sharedBytes / 16).putInt(order.among.count);
        List.of(a, b, c).forEach(lying -> lying.put(plan, pack));
        List.of(order.among, order.run, order.row, order.column).forEach(digit -> digit.put(plan));
        return plan.array();
    }

    static int parts(int whole, int part) {
        return (whole + part - 1) / part;
    }
}
