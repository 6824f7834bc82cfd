package io.github.batchjac.backend.cuda;

import io.github.batchjac.tensor.Precision;

/**
 * How samples of n numbers lie in a block's shared memory ({@code Tile} and {@code Lanes} in tile.cuh). Which lane adds what
 * depends on n alone, so that a sample has the same bits in every batch.
 *
 * @param n numbers of a sample
 * @param lanes threads that share a sample: a power of two up to 32, or the whole block
 * @param pitch numbers from sample to sample: n where those do not make whole packs of 16 bytes
 * @param threads of a block
 * @param each samples of a thread that has no other's: some where they are short
 */
record SampleTile(Precision precision, int n, int lanes, int pitch, int threads, int each) {
    /** Shared memory that any block may have. */
    static final int SHARED = 48 << 10;

    private static final int PACK = 16;
    private static final int SECTOR = 32;
    private static final int WARP = 32;
    /** Numbers that the threads of a block exchange sums through: {@code Lanes::SCRATCH}. */
    static final int SCRATCH = 6 * WARP;

    /** At most. The fewer, the more what a lane does once counts; the more, the fewer blocks fit a multiprocessor. */
    private static final int PACKS_OF_A_LANE = 20;
    /** Of a block where a sample is a thread's: {@code Tile::THREADS}. */
    private static final int THREADS = 64;

    /** Of the samples of a thread that has some: what a block does once counts for less the more there are. */
    private static final int BYTES_OF_A_THREAD = 192;

    private static final int LARGEST_BLOCK = 512;
    /** Threads that keep a large device busy. */
    private static final int BUSY = 1 << 15;

    /** @param batch samples in all: few of them are spread over more blocks */
    static SampleTile of(Precision precision, long batch, int n) {
        int size = PACK / precision.bytes();
        int packs = n / size;
        int lanes = power(ceil(packs, PACKS_OF_A_LANE));
        if (lanes > WARP) {
            lanes = Math.min(lanes, LARGEST_BLOCK);
            return new SampleTile(precision, n, lanes, n, lanes, 1);
        }
        int threads = lanes > 1 && batch * lanes < BUSY ? WARP : THREADS;
        // Eight lanes read 128 bytes at a time, without conflicts if the samples of these lanes start in other banks.
        while (n % size == 0 && lanes < 8 && packs % (2 * lanes) != lanes) {
            packs++;
        }
        int pitch = n % size == 0 ? packs * size : n;
        int most = lanes > 1 ? 1 : BYTES_OF_A_THREAD / (pitch * precision.bytes());
        int each = (int) Math.max(1, Math.min(most, batch / BUSY));
        return new SampleTile(precision, n, lanes, pitch, threads, each);
    }

    /** The power of two from x on. */
    static int power(int x) {
        return x <= 1 ? 1 : Integer.highestOneBit(x - 1) << 1;
    }

    static int ceil(int a, int b) {
        return (a + b - 1) / b;
    }

    static long ceil(long a, int b) {
        return (a + b - 1) / b;
    }

    /** Samples of a block. */
    int samples() {
        return threads / lanes * each;
    }

    /** Shared memory for so many samples, in bytes. */
    int bytes(int samples) {
        return Math.toIntExact(size(samples));
    }

    private long size(int samples) {
        // A second tile starts like a sector, and both within 16 bytes as what they hold does outside.
        return (SCRATCH + (long) samples * pitch) * precision.bytes() + 2 * SECTOR;
    }

    /** Shared memory of a block whose sample does not fit: besides, two numbers a thread ({@code LongLanes}). */
    int bytesOfLong() {
        return (SCRATCH + 2 * threads) * precision.bytes();
    }

    /** Whether a block's samples fit, with as many more. */
    boolean fits(int more) {
        return size(samples() + more) <= SHARED;
    }

    /** The kernel that does it, of those by that name. */
    String kernel(String name) {
        return lanes == 1 ? name + "_short" : name;
    }

    /** What kernels are told of it: a {@code Tile}, or a {@code ShortTile}. */
    void describe(Arguments arguments) {
        arguments.with(n).with(lanes > 1 ? lanes : each);
        // Of a block with one sample every number is the first sample's: divided by anything it is 0.
        long divisor = lanes > WARP ? 0 : Divisor.small(n);
        arguments.with(pitch).with(divisor);
    }
}
