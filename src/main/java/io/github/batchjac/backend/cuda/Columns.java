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
    private static final int BANK_BYTES = 128;
    private static final int WARP = 32;
    private static final int LARGEST_BLOCK = 512;

    /** Columns that a block at least has where chains come whole. */
    private static final int ENOUGH_COLUMNS = 64;

    /** Chains of one column and as many factors come whole up to here. */
    static final int WHOLE_BYTES = BYTES / 2 / ENOUGH_COLUMNS;

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
     * @param apart whether the kernel lets chains lie apart where else they would meet in banks
     */
    static Columns of(
            Precision precision, long samples, int per, int count, int n, Operand a, Operand factors, boolean apart) {
        int most = BYTES / precision.bytes() / (factors.n == n ? 2 : 1);
        long chains = samples * per;
        long chain = Math.max(1L, count) * n;
        boolean whole =
                most / chain * n >= ENOUGH_COLUMNS && a.follows(per, count, most) && factors.follows(per, count, most);
        int sector = SECTOR_BYTES / precision.bytes();
        int parts = whole ? 1 : ceil(n, LARGEST_BLOCK);
        int width = parts == 1 ? n : ceil(ceil(n, parts), sector) * sector;
        parts = ceil(n, width);
        int pads = whole && apart ? pad(precision.bytes(), count, n, n) : 0;
        int together =
                (int) Math.min(chains, whole ? most / (chain + pads) : Math.max(1, Math.min(RUNS, LARGEST_BLOCK / n)));
        int columns = together * width;
        int threads =
                ceil(whole ? Math.min(columns, WHOLE_BLOCK) : Math.max(columns, together * OF_A_RUN), WARP) * WARP;
        int atMost = Math.max(1, Math.min(most / columns, parts == 1 ? count : Math.min(count, threads / OF_A_RUN)));
        int rows = whole ? 0 : ceil(Math.max(1, count), ceil(Math.max(1, count), atMost));
        long groups = ceil(chains, together);
        int rounds = whole ? (int) Math.max(1, Math.min(MOST_ROUNDS, groups / ENOUGH_BLOCKS)) : 1;
        Dealt dealt = new Dealt(precision.bytes(), per, count, rows, together, n, width, threads, apart);
        Lying first = dealt.lying(a, 0);
        return new Columns(
                per,
                first,
                dealt.lying(factors, first.size),
                rows,
                together,
                width,
                parts,
                rounds,
                ceil(groups, rounds) * parts,
                threads);
    }

    /**
     * Numbers left free behind each whole chain: one more row where otherwise three chains of a warp, or more, would start in the same
     * bank. Single columns are read in packs.
     */
    private static int pad(int bytes, int count, int n, int row) {
        return n > 1 && Integer.lowestOneBit(count * n | BANK_BYTES / bytes) >= 3 * n ? row : 0;
    }

    private record Dealt(
            int bytes, int per, int count, int rows, int together, int n, int width, int threads, boolean apart) {
        Lying lying(Operand operand, int at) {
            int sector = SECTOR_BYTES / bytes;
            boolean shared = operand.stride == 0 && (rows == 0 || !operand.each);
            int owners = shared
                    ? operand.each ? per : 1
                    : operand.each ? together : Math.min(together, ceil(together - 1, per) + 1);
            if (rows == 0) {
                int chain = count * operand.n;
                int pad = apart ? pad(bytes, count, n, operand.n) : 0;
                int size = ceil(owners * (chain + pad) + 2 * sector, sector) * sector;
                return new Lying(at, 0, shared, 0, pad, chain, operand.extent, size);
            }
            boolean parted = width < n && operand.n > 1;
            int runs = parted ? rows : owners;
            int run = 2 * sector + (parted ? width : rows * operand.n);
            // neighbouring columns, and those of the next run, are in different banks; parts of rows lie as whole ones
            // do
            int phase = parted ? n : ceil(operand.n, sector) * sector;
            int room = run + Math.floorMod(phase - run, parted ? sector : BANK_BYTES / bytes);
            int lanes = 31 - Integer.numberOfLeadingZeros(threads / runs);
            return new Lying(
                    at, room, shared, lanes, 0, 0, operand.extent, ceil(runs * room + 2 * sector, sector) * sector);
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
