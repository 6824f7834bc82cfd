package io.github.batchjac.backend.cuda;

import io.github.batchjac.tensor.Precision;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * How chains, matrices (count,n) whose columns are added up, are dealt out to blocks, as {@code kernels/columns.cuh} explains.
 *
 * @param rows of a chain that come to shared memory at a time, or 0: whole chains
 * @param together chains that a block has at a time
 * @param width columns that it has
 * @param parts blocks that share a chain's columns
 * @param rounds that a block does
 * @param blocks of the launch
 * @param threads of a block
 */
record Columns(
        int per,
        Lying a,
        Lying factors,
        int rows,
        int together,
        int width,
        int parts,
        int rounds,
        long blocks,
        int threads) {
    /** What a block has at a time of operands with rows of n numbers. */
    private static final int BYTES = 40 << 10;

    /** Chains of few columns at a time: the run of each is long enough that its ends are of no account. */
    private static final int RUNS = 16;

    /** Threads that bring a run, at least. */
    private static final int OF_A_RUN = 8;

    private static final int SECTOR_BYTES = 32;
    private static final int PACK_BYTES = 16;
    private static final int BANK_BYTES = 128;
    private static final int WARP = 32;
    private static final int LARGEST_BLOCK = 512;

    /** Of longer rows a block has one, or a part of one, and a thread two columns. */
    private static final int WIDE = LARGEST_BLOCK / 2;

    /** Columns that a block at least has where chains come whole. */
    private static final int ENOUGH_COLUMNS = 64;

    /** Threads of a block whose chains come whole, which have several columns each. */
    private static final int WHOLE_BLOCK = 128;

    /** More rounds share a block's start; this many are enough. */
    private static final int MOST_ROUNDS = 16;

    /** Blocks that keep a large device busy. */
    static final int ENOUGH_BLOCKS = 2048;

    /**
     * An operand.
     *
     * @param stride from sample to sample
     * @param n numbers of a row: as many as there are columns, one, or none
     * @param each whether each chain has its own, else each sample has
     * @param extent how many there are, one right after the other; 0 if there are gaps
     */
    record Operand(long stride, int n, boolean each, long extent) {
        static final Operand NONE = new Operand(0, 0, false, 0);

        static Operand of(long stride, int n, boolean each, long samples, int per, int count) {
            long sample = (long) count * n * (each ? per : 1);
            return new Operand(stride, n, each, stride == 0 ? sample : stride == sample ? samples * sample : 0);
        }

        /** Whether samples follow one another without gaps, or are one, small enough to be there at a time. */
        private boolean follows(int per, long count, int most) {
            long sample = count * n * (each ? per : 1);
            return stride == sample || (stride == 0 && sample <= most);
        }
    }

    /** An operand in shared memory ({@code columns::Lying}), and the numbers that it takes. */
    private record Lying(int at, int room, boolean shared, int lanes, int pad, int chain, long extent, int size) {
        void put(ByteBuffer to) {
            to.putInt(at).putInt(room).putInt(shared ? 1 : 0).putInt(lanes);
            to.putInt(pad).putInt(0).putLong(Divisor.small(Math.max(1, chain))).putLong(extent);
        }
    }

    /**
     * @param samples that there are
     * @param per chains of a sample
     * @param product whether the kernel is a product's, which lets whole chains lie apart and reads single columns in packs
     */
    static Columns of(
            Precision precision, long samples, int per, int count, int n, Operand a, Operand factors, boolean product) {
        return new Chains(precision.bytes(), samples * per, per, count, n, a, factors, product).dealt();
    }

    private record Chains(
            int bytes, long chains, int per, int count, int n, Operand a, Operand factors, boolean product) {
        Columns dealt() {
            int numbers = BYTES / bytes;
            int most = factors.n == n ? numbers / 2 : numbers;
            if (followInRuns(most, ENOUGH_COLUMNS)) {
                return whole(most);
            }
            // longer ones of one column, of which those of a sample have the same factors: one for at least every
            // second lane of a warp
            int sharing = (int) ((numbers - Math.min(chain(), numbers)) * per / (per + 1));
            return single() && followInRuns(sharing, WARP / 2) ? whole(sharing) : inPieces(most);
        }

        private boolean followInRuns(int most, int columns) {
            return most / chain() * n >= columns && a.follows(per, count, most) && factors.follows(per, count, most);
        }

        private long chain() {
            return Math.max(1L, count) * n;
        }

        private boolean single() {
            return product && n == 1;
        }

        private int sector() {
            return SECTOR_BYTES / bytes;
        }

        /** Chains come whole. */
        private Columns whole(int most) {
            int together = (int) Math.min(chains, most / (chain() + pad(n)));
            long groups = ceil(chains, together);
            int rounds = (int) Math.max(1, Math.min(MOST_ROUNDS, groups / ENOUGH_BLOCKS));
            Lying first = whole(a, together, 0);
            Lying second = whole(factors, together, first.size);
            int threads = ceil(Math.min(together * n, WHOLE_BLOCK), WARP) * WARP;
            return new Columns(per, first, second, 0, together, n, 1, rounds, ceil(groups, rounds), threads);
        }

        private Lying whole(Operand operand, int together, int at) {
            boolean shared = operand.stride == 0;
            int owners = shared ? operand.each ? per : 1 : owners(operand, together);
            int chain = count * operand.n;
            int pad = pad(operand.n);
            int size = ceil(owners * (chain + pad) + 2 * sector(), sector()) * sector();
            return new Lying(at, 0, shared, 0, pad, chain, operand.extent, size);
        }

        /**
         * Numbers left free behind each whole chain with rows of so many: one more row where otherwise three chains of a warp, or more,
         * would start in the same bank, one more pack where single columns, which are read in packs, would.
         */
        private int pad(int row) {
            int pack = PACK_BYTES / bytes;
            boolean meet = Integer.lowestOneBit(count * n | BANK_BYTES / bytes) >= (n == 1 ? 4 * pack : 3 * n);
            return !product || !meet ? 0 : n == 1 ? pack : row;
        }

        /** Some rows of a chain come at a time. */
        private Columns inPieces(int most) {
            int parts = ceil(n, LARGEST_BLOCK);
            int width = parts == 1 ? n : ceil(ceil(n, parts), sector()) * sector();
            parts = ceil(n, width);
            int together = (int) Math.min(chains, single() ? WARP : Math.max(1, Math.min(RUNS, LARGEST_BLOCK / n)));
            int columns = together * width;
            int lanes = width > WIDE ? ceil(width, 2) : Math.max(columns, together * OF_A_RUN);
            int threads = ceil(lanes, WARP) * WARP;
            int all = Math.max(1, count);
            int atMost = Math.max(1, Math.min(most / columns, parts == 1 ? all : Math.min(all, threads / OF_A_RUN)));
            if (single()) {
                atMost = BYTES / bytes / (together + owners(factors, together)) / sector() * sector();
            }
            int rows = ceil(all, ceil(all, atMost));
            rows = single() ? ceil(rows, sector()) * sector() : rows; // pieces start where sectors do if the first does
            Lying first = inPieces(a, together, rows, width, threads, 0);
            Lying second = inPieces(factors, together, rows, width, threads, first.size);
            return new Columns(
                    per, first, second, rows, together, width, parts, 1, ceil(chains, together) * parts, threads);
        }

        private Lying inPieces(Operand operand, int together, int rows, int width, int threads, int at) {
            boolean shared = operand.stride == 0 && !operand.each;
            boolean parted = width < n && operand.n > 1;
            int runs = parted ? rows : shared ? 1 : owners(operand, together);
            int run = 2 * sector() + (parted ? width : rows * operand.n);
            // neighbouring columns, and those of the next run, are in different banks; parts of rows lie as whole ones
            // do
            int phase = parted ? n : ceil(operand.n, sector()) * sector();
            if (single()) {
                // so are packs of single columns; their factors' runs are read up to a sector apart
                phase = operand.each ? PACK_BYTES / bytes : runs <= 8 ? sector() : 5;
            }
            int room = run + Math.floorMod(phase - run, parted ? sector() : BANK_BYTES / bytes);
            // of runs that come in packs four a thread are under way together, if there are as many
            boolean packs = operand.n > 1 || (single() && operand.each);
            int most = packs ? Math.max(OF_A_RUN, run * bytes / PACK_BYTES / 4) : threads;
            int lanes = 31 - Integer.numberOfLeadingZeros(Math.min(threads / runs, most));
            int size = ceil(runs * room + 2 * sector(), sector()) * sector();
            return new Lying(at, room, shared, lanes, 0, 0, operand.extent, size);
        }

        /** That so many chains have, at most. */
        private int owners(Operand operand, int together) {
            return operand.each ? together : Math.min(together, ceil(together - 1, per) + 1);
        }
    }

    private static int ceil(int x, int d) {
        return (x + d - 1) / d;
    }

    private static long ceil(long x, long d) {
        return (x + d - 1) / d;
    }

    /** Launches a kernel whose last argument they are. */
    void launch(Queue queue, String name, Arguments arguments) {
        ByteBuffer bytes = ByteBuffer.allocate(120).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putInt(rows)
                .putInt(together)
                .putInt(width)
                .putInt(parts)
                .putInt(rounds)
                .putInt(per);
        bytes.putLong(Divisor.small(width)).putLong(Divisor.of(per));
        a.put(bytes);
        factors.put(bytes);
        int sharedBytes = (a.size + factors.size) * queue.precision().bytes();
        queue.launch(name, blocks, threads, sharedBytes, arguments.with(bytes.array()));
    }
}
