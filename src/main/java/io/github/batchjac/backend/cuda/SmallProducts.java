package io.github.batchjac.backend.cuda;

import io.github.batchjac.tensor.Precision;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * Batches of products of which a block takes some through shared memory ({@code product_batch} in product_batch.cuh): which
 * kernel, how many at a time, and where in shared memory they lie, so that lanes meet in no bank.
 */
final class SmallProducts {
    /** Largest m and n. */
    private static final int LARGEST = 64;

    private static final int WARP = 32;

    private static final int THREADS = 256;

    /** Shared memory of a block that has company on its multiprocessor, */
    private static final int BYTES = 48 << 10;

    /** and what it may have if it needs it. */
    private static final int MORE_BYTES = 68 << 10;

    /** Bytes that a warp at least brings: of large blocks with few products some warps do nothing else. */
    private static final int MOVED = 16 << 10;

    /** Behind the last matrix some bytes are read, though not used. */
    private static final int OVERRUN = 128;

    /** Most rounds of a block, and blocks that a multiprocessor has before there are any. */
    private static final int ROUNDS = 16;

    private static final long BUSY = 32;

    private final Queue queue;
    private final int multiprocessors;
    private final int sharedPerBlock;
    private final int numberBytes;
    private final int pack;

    SmallProducts(Queue queue, int multiprocessors, int sharedPerBlock) {
        this.queue = queue;
        this.multiprocessors = multiprocessors;
        this.sharedPerBlock = sharedPerBlock;
        numberBytes = queue.precision() == Precision.F32 ? Float.BYTES : Double.BYTES;
        pack = 16 / numberBytes;
    }

    /**
     * {@code out_b = A_b·B_b}, if they are small; if not, does nothing.
     *
     * @param a (batch, m, k)
     * @param b (batch, k, n)
     * @param out (batch, m, n)
     * @return whether they are
     */
    boolean launch(long out, Strided a, Strided b, long batch, int m, int k, int n) {
        boolean fits = k > 0 && (m + (long) n) * k * numberBytes <= MORE_BYTES;
        if (!fits || Math.max(m, n) > LARGEST) {
            return false;
        }
        for (Sharing sharing : List.of(whole(m, k, n), padded())) {
            int tiles = parts(m, sharing.rows);
            Lying aLies = sharing.lying(m, k, k | 1, tiles, pack);
            Lying bLies = sharing.lying(k, n, n, tiles, pack);
            Lying cLies = sharing.lying(m, n, n | 1, tiles, pack);
            int groupBytes = Math.max(aLies.group + bLies.group, cLies.group) * numberBytes;
            int groupThreads = sharing.samples * sharing.lanes * tiles * parts(n, sharing.lanes * sharing.columns);
            boolean oneRun = pack == 4 && (m & k & n & 1) == 1; // float64 has instructions to spare
            int groups = groups(groupThreads, groupBytes, oneRun);
            if (groups == 0) {
                continue;
            }
            int samples = groups * sharing.samples;
            long blocks = parts(batch, samples);
            int rounds = (int) Math.max(1, Math.min(ROUNDS, blocks / (BUSY * multiprocessors)));
            int sharedBytes = groups * groupBytes + OVERRUN;
            ByteBuffer plan = ByteBuffer.allocate(232).order(ByteOrder.LITTLE_ENDIAN);
            plan.putInt(rounds).putInt(samples).putInt(tiles).putInt(tiles * groups);
            plan.putInt(groups * bLies.group).putInt(sharedBytes / 16);
            for (Lying lies : List.of(aLies, bLies, cLies)) {
                lies.put(plan, samples, pack);
            }
            plan.putLong(Divisor.small(tiles)).putLong(Divisor.small(tiles * groups));
            queue.launch(
                    sharing.kernel,
                    parts(blocks, rounds),
                    Math.max(parts(groups * groupThreads, WARP), Math.min(sharedBytes / MOVED, THREADS / WARP)) * WARP,
                    sharedBytes,
                    new Arguments()
                            .with(out)
                            .with(a)
                            .with(b)
                            .with(batch)
                            .with(m)
                            .with(k)
                            .with(n)
                            .with(plan.array()));
            return true;
        }
        return false;
    }

    /** Matrices that lie in shared memory as outside if possible. */
    private Sharing whole(int m, int k, int n) {
        if ((k | n) % 4 == 0) {
            return new Sharing("product_batch_rows", pack, 8 / pack, 2 * pack, 2 * pack, 1, 8 / pack);
        }
        boolean packs = m * k % pack == 0 && k * n % pack == 0 && m * n % pack == 0;
        return (k | n) % 2 == 0 && packs
                ? new Sharing("product_batch_pairs", pack, 2, 2 * pack, 2 * pack, 1, 4 / pack)
                : new Sharing("product_batch_runs", pack, 1, pack, 4 * pack, 1, 0);
    }

    /** Half as many samples, whose rows are filled up to packs. */
    private Sharing padded() {
        return new Sharing("product_batch_padded", pack / 2, 16 / pack, 8, 2 * pack, pack, 16 / pack);
    }

    /**
     * How many groups a block has; 0 if not one fits. What counts is the share of its warps' lanes that have something to do.
     *
     * @param threads of a group
     * @param bytes of a group
     * @param few whether fewer are better if the share is the same: a single run has no gaps
     */
    private int groups(int threads, int bytes, boolean few) {
        int best = 0;
        double busy = 0;
        for (int groups = 1; groups * threads <= THREADS; groups++) {
            int all = groups * bytes;
            if (all > Math.min(MORE_BYTES, sharedPerBlock - OVERRUN)) {
                break;
            }
            double share = groups * threads / (double) (parts(groups * threads, WARP) * WARP);
            if (all > BYTES ? share > 1.1 * busy : few ? share > busy : share >= busy) {
                best = groups;
                busy = share;
            }
        }
        return best;
    }

    /**
     * How the threads of a block share products.
     *
     * @param samples whose lanes are next to each other: a group
     * @param lanes next to each other along a row of the result
     * @param rows of a thread
     * @param columns of a thread
     * @param unit numbers that rows are filled up to
     * @param phase packs that samples are apart, modulo 8; 0 if matrices lie in runs
     */
    private record Sharing(String kernel, int samples, int lanes, int rows, int columns, int unit, int phase) {
        /** Of matrices (height, width), of which the result's rows are those of so many tiles. */
        Lying lying(int height, int width, int odd, int tiles, int pack) {
            return phase == 0
                    ? Lying.inRuns(height, width, odd, tiles, pack)
                    : Lying.apart(height, width, parts(width, unit) * unit, samples, phase, pack);
        }
    }

    /**
     * How matrices lie in shared memory, in numbers ({@code Placing} in product_batch.cuh).
     *
     * @param row from row to row
     * @param step from sample to sample of a group
     * @param group of these
     * @param run numbers of what follows one another without gaps but for those between rows
     * @param gap numbers after each run
     * @param asOutside whether a run lies as outside
     */
    private record Lying(int height, int width, int row, int step, int group, int run, int gap, boolean asOutside) {
        /** A run is a sample. */
        static Lying apart(int height, int width, int row, int samples, int phase, int pack) {
            int size = height * row;
            int step = size + ((phase - size / pack) & 7) * pack;
            return new Lying(height, width, row, step, samples * step, height * width, step - size, row == width);
        }

        /**
         * Samples are an odd number apart, as many as a pack has, so that these meet in no bank; neither do the tiles of {@code pack}
         * rows, which are odd, and those of the next group. A run is a group if all lies as outside, else a sample.
         */
        static Lying inRuns(int height, int width, int row, int tiles, int pack) {
            int size = height * row;
            if (row == width && size % 2 == 1) {
                int gap = (row * tiles - size) & 7;
                return new Lying(height, width, row, size, (size + gap) * pack, size * pack, gap * pack, true);
            }
            int step = size + ((((row | 1) * tiles | 1) - size) & 7);
            return new Lying(height, width, row, step, step * pack, height * width, step - size, false);
        }

        /** For a block of so many samples. */
        void put(ByteBuffer plan, int samples, int pack) {
            int size = height * width;
            int numberBytes = 16 / pack;
            plan.putInt(height).putInt(width).putInt(step).putInt(group);
            plan.putInt(asOutside ? samples * size / pack : 0).putInt(run < samples * size ? gap * numberBytes : 0);
            plan.putLong(Divisor.small(Math.max(run / pack, 1))).putLong(Divisor.small(run));
            plan.putLong(Divisor.small(size)).putLong(Divisor.small(width));
            plan.putInt(row).putInt((row - width) * numberBytes);
        }
    }

    private static int parts(int whole, int part) {
        return (whole + part - 1) / part;
    }

    private static long parts(long whole, long part) {
        return (whole + part - 1) / part;
    }
}
