package io.github.batchjac.backend.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * Sums. Those over components are compensated: as if in twice the precision, then rounded. A sample's bits depend on its
 * numbers alone, not on where in the batch it lies. What is {@link Strided} is shared where its stride is 0. u is the unit
 * roundoff.
 */
final class ReductionKernels {
    private static final int WARP = 32;
    private static final int THREADS = 256;

    /** Of a block that takes rows. */
    private static final int ROW_THREADS = 128;

    /** A thread takes a row of at most so many elements by itself; their block's rows are staged in shared memory. */
    private static final int SHORT_ROW = 64;

    /** So many bytes at least are one lane's work, in rows that are shorter; */
    private static final int LEAST_OF_A_LANE = 64;

    /** of rows that a warp brings to shared memory, which are then within its piece. */
    private static final int LEAST_BROUGHT = 128;

    /** A block takes a row of at least so many elements. */
    private static final int LONG_ROW = 4096;

    private static final int STAGED_BYTES = 32 << 10;

    /** What a warp brings of an operand's longer rows at a time, with a sector to spare; and of a row that is a block's. */
    private static final int PIECE_BYTES = 8 << 10;

    private static final int PIECE_OF_A_BLOCK_BYTES = 4 << 10;

    private static final int SECTOR_BYTES = 32;
    private static final int SLOT_BYTES = 16;

    /** More rounds share a block's start; this many are enough. */
    private static final int MOST_ROUNDS = 16;

    /** Blocks that keep a large device busy. */
    private static final int ENOUGH_BLOCKS = 2048;

    private static final int NORMS_AT_A_TIME = 8;

    private final Queue queue;

    ReductionKernels(Queue queue) {
        this.queue = queue;
    }

    /** {@code out[b] = scale·Σ_j a[b,j]}: within 2u|sum| + n²u²Σ|a|, times scale; a (batch,n). */
    void sumComponents(long out, long a, long batch, int n, double scale) {
        reduce(
                "sum_components",
                batch,
                n,
                n,
                1,
                new Arguments().with(out).with(a).with(batch).with(n).with(scale));
    }

    /** {@code out[b] = ½Σ_j a[b,j]²}; a (batch,n). 4 ulp. */
    void halfSquaredNorms(long out, long a, long batch, int n) {
        reduce(
                "half_squared_norms",
                batch,
                n,
                n,
                1,
                new Arguments().with(out).with(a).with(batch).with(n));
    }

    /** {@code out[b] = Σ_j u[b,j]·v[b,j]}; u, v (batch,n). Within u|sum| + n²u²Σ|u||v|. */
    void dot(long out, Strided u, Strided v, long batch, int n) {
        reduce(
                "dot",
                batch,
                n,
                n,
                2,
                new Arguments().with(out).with(u).with(v).with(batch).with(n));
    }

    /**
     * {@code out[b] = ‖a_b‖}, or {@code ‖a_b‖·‖x_b‖} if there is an x; a (batch,n), x (batch,nx). Neither overflows nor
     * underflows where the result does not. 4 ulp.
     */
    void norm(long out, Strided a, int n, Strided x, int nx, long batch) {
        reduce(
                "norm",
                batch,
                x.missing() ? n : Math.max(n, nx),
                x.missing() || !wholeSectors(n) ? n : nx,
                1,
                new Arguments().with(out).with(a).with(n).with(x).with(nx).with(batch));
    }

    /** {@code out[b] = √Σ n_b²} over any number of arrays of norms, which does not overflow where the result does not. */
    void joinNorms(long out, List<Strided> norms, long batch) {
        Deque<Strided> left = new ArrayDeque<>(norms);
        for (boolean first = true; first || !left.isEmpty(); first = false) {
            if (!first) {
                left.push(new Strided(out, 1));
            }
            ByteBuffer addresses =
                    ByteBuffer.allocate(2 * NORMS_AT_A_TIME * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
            int count = Math.min(left.size(), NORMS_AT_A_TIME);
            boolean aligned = out % SLOT_BYTES == 0;
            for (int i = 0; i < count; i++) {
                Strided norm = left.pop();
                aligned &= norm.stride() == 0 || (norm.stride() == 1 && norm.address() % SLOT_BYTES == 0);
                addresses.putLong(i * Long.BYTES, norm.address());
                addresses.putLong((NORMS_AT_A_TIME + i) * Long.BYTES, norm.stride());
            }
            int ofABlock = THREADS * SLOT_BYTES / queue.precision().bytes();
            queue.launch(
                    "join_norms",
                    (batch + ofABlock - 1) / ofABlock,
                    THREADS,
                    0,
                    new Arguments()
                            .with(out)
                            .with(addresses.array())
                            .with(count)
                            .with(aligned ? 1 : 0)
                            .with(batch));
        }
    }

    /** {@code out[b] = norm[b] ≤ limit ? 1 : limit/norm[b]}; NaN for a norm of NaN. */
    void clipFactors(long out, long norm, double limit, long batch) {
        perSample(
                "clip_factors",
                batch,
                new Arguments().with(out).with(norm).with(limit).with(batch));
    }

    /**
     * Sums over tiles of the batch: row t of partial (tiles,n) is {@code Σ a[b,:]}, or {@code Σ w[b]·a[b,:]} with the products
     * rounded before they are added, over the samples of tile t in their order; a (samples,n). A piece of the batch that
     * starts {@code offset} samples into a tile adds to what row 0 holds of them.
     *
     * @param weights (samples), or 0 for none
     * @param offset less than {@code tile}
     */
    void sumBatch(long partial, long a, long weights, int offset, long samples, int n, int tile) {
        if (samples == 0 || n == 0) {
            return;
        }
        long tiles = (offset + samples + tile - 1) / tile;
        Columns.of(
                        queue.precision(),
                        tiles,
                        1,
                        tile,
                        n,
                        new Columns.Operand((long) tile * n, n, true, samples * n),
                        weights == 0 ? Columns.Operand.NONE : new Columns.Operand(tile, 1, true, samples),
                        false)
                .launch(
                        queue,
                        "sum_batch",
                        new Arguments()
                                .with(partial)
                                .with(a)
                                .with(weights)
                                .with(offset)
                                .with(samples)
                                .with(n)
                                .with(tile)
                                .with(tiles));
    }

    /** {@code total[j] += partial[0,j]}, then {@code partial[1,j]} and so on; partial (tiles,n): a tile whose first row is the total. */
    void addTiles(long total, long partial, long tiles, int n) {
        sumBatch(total, partial, 0, 1, tiles, n, Math.toIntExact(tiles + 1));
    }

    /** A thread for each of so many results. */
    private void perSample(String name, long results, Arguments arguments) {
        queue.launch(name, (results + THREADS - 1) / THREADS, THREADS, 0, arguments);
    }

    private boolean wholeSectors(int n) {
        return n * queue.precision().bytes() % SECTOR_BYTES == 0;
    }

    /**
     * @param n length of the longest rows
     * @param ragged length of rows that are not whole sectors, if there are any
     * @param staged operands that are in shared memory at a time
     */
    private void reduce(String name, long batch, int n, int ragged, int staged, Arguments arguments) {
        int bytes = queue.precision().bytes();
        boolean brought = !wholeSectors(ragged);
        int lanes = lanes(n, bytes, brought ? LEAST_BROUGHT : LEAST_OF_A_LANE);
        int threads = lanes == ROW_THREADS ? ROW_THREADS : ROW_THREADS / staged;
        int piece = lanes == ROW_THREADS ? PIECE_OF_A_BLOCK_BYTES : PIECE_BYTES;
        int sharedBytes = brought ? staged * threads / WARP * (piece + SECTOR_BYTES) : 0;
        if (lanes == 1) {
            threads = Math.max(
                    WARP,
                    Math.min(ROW_THREADS, Integer.highestOneBit(STAGED_BYTES / (staged * bytes * Math.max(1, n)))));
            sharedBytes = staged * (threads * (n | 1) * bytes + SLOT_BYTES);
        }
        int rows = threads / lanes;
        long inAll = (batch + rows - 1) / rows;
        int rounds = (int) Math.max(1, Math.min(MOST_ROUNDS, inAll / ENOUGH_BLOCKS));
        queue.launch(
                name,
                (inAll + rounds - 1) / rounds,
                threads,
                sharedBytes,
                arguments.with(lanes).with(rounds));
    }

    /** How many threads take a row. */
    private static int lanes(int n, int bytes, int least) {
        if (n <= SHORT_ROW) {
            return 1;
        }
        return n >= LONG_ROW ? ROW_THREADS : Math.min(WARP, Integer.highestOneBit(n - 1) * bytes / least);
    }
}
