package io.github.batchjac.backend.cuda;

import io.github.batchjac.tensor.Precision;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * Products of matrices. Everything is row-major. Every entry is one chain {@code acc = fma(a, b, acc)} in the order of
 * the inner axis, starting from 0, so its bits depend on neither the batch nor how it is cut, and it is within {@code
 * (k+4)·u·Σ|a||b|} of the exact value, k the inner size and u the unit roundoff. NaN and infinities follow IEEE 754 and
 * stay within their own row of A and column of B. Results must not overlap operands.
 */
final class MatrixKernels {
    /** Largest m and n for which several products share a block. */
    private static final int SMALL = 32;

    /** Most threads and shared memory of such a block. */
    private static final int SMALL_THREADS = 256;

    private static final int SMALL_BYTES = 36 << 10;

    /** Most rounds of such a block, and blocks that a multiprocessor has before there are any. */
    private static final int ROUNDS = 16;

    private static final long BUSY = 32;

    /** Shared memory behind the last matrix that is read, though not used. */
    private static final int OVERRUN = 128;

    /**
     * A shape of tiles, as {@code product.cuh} has it.
     *
     * @param threads of a block
     * @param fill blocks that a multiprocessor needs to be busy
     * @param speed of a busy one in entries of the result, relative to the largest
     */
    private record Tile(String name, int rows, int cols, int threads, int fill, double speed) {
        long blocks(long groups, long rows, int n) {
            return groups * parts(rows, this.rows) * parts(n, cols);
        }
    }

    private static final List<Tile> TILES32 = List.of(
            new Tile("product_large", 128, 128, 256, 2, 1.0),
            new Tile("product_medium", 64, 64, 128, 4, 0.8),
            new Tile("product_thin32", 128, 32, 128, 3, 0.7),
            new Tile("product_thin16", 128, 16, 128, 4, 0.5),
            new Tile("product_thin8", 256, 8, 128, 4, 0.4),
            new Tile("product_small", 32, 32, 64, 8, 0.55),
            new Tile("product_few", 8, 32, 256, 2, 0.1));

    private static final List<Tile> TILES64 = List.of(
            new Tile("product_large", 128, 64, 256, 2, 1.0),
            new Tile("product_medium", 64, 64, 256, 2, 0.8),
            new Tile("product_thin32", 128, 32, 256, 2, 0.7),
            new Tile("product_thin16", 128, 16, 128, 3, 0.5),
            new Tile("product_thin8", 256, 8, 128, 3, 0.4),
            new Tile("product_small", 32, 32, 64, 8, 0.55),
            new Tile("product_few", 8, 32, 256, 2, 0.1));

    private final Queue queue;
    private final List<Tile> tiles;
    private final int numberBytes;
    private final int multiprocessors;

    MatrixKernels(Queue queue) {
        this(queue, queue.device().info().multiprocessors());
    }

    /** For a device of so many multiprocessors: results are the same, tiles may not be. */
    MatrixKernels(Queue queue, int multiprocessors) {
        this.queue = queue;
        this.multiprocessors = multiprocessors;
        boolean single = queue.precision() == Precision.F32;
        tiles = single ? TILES32 : TILES64;
        numberBytes = single ? Float.BYTES : Double.BYTES;
    }

    /**
     * {@code out = A·diag(scale)·op(W) + bias}, (batch·m, n). An entry of A times its scale is rounded; the bias is added
     * at the end.
     *
     * @param a (batch, m, k)
     * @param scale (batch, k), or {@link Strided#NONE} for ones
     * @param w (k, n) or, transposed, stored as (n, k)
     * @param bias (n), or 0 for none
     */
    void timesShared(
            long out,
            Strided a,
            long batch,
            int m,
            int k,
            Strided scale,
            long w,
            boolean transposed,
            int n,
            long bias) {
        if (batch > 0 && m > 0 && n > 0) {
            product(out, a, scale, new Strided(w, 0), transposed, bias, 1, batch * m, m, k, n);
        }
    }

    /** {@code out_b = A_b·B_b}. A (batch, m, k), B (batch, k, n), out (batch, m, n). */
    void batched(long out, Strided a, Strided b, long batch, int m, int k, int n) {
        if (batch == 0 || m == 0 || n == 0) {
            return;
        }
        if (b.stride() == 0) {
            timesShared(out, a, batch, m, k, Strided.NONE, b.address(), false, n, 0);
        } else if (n == 1 && a.stride() == 0) {
            timesShared(out, b, batch, 1, k, Strided.NONE, a.address(), true, m, 0);
        } else if (!manySmall(out, a, b, batch, 1, m, k, n)) {
            if (n == 1) {
                timesColumn(out, a, b, batch, m, k);
            } else if (m == 1) {
                rowTimes(out, a, b, batch, 1, k, n);
            } else {
                product(out, a, Strided.NONE, b, false, 0, batch, m, m, k, n);
            }
        }
    }

    /** {@code (I⊗xᵀ)·t}: {@code out[b,j,c] = Σ_l x[b,l]·t[b,j,l,c]}. x (batch, n), t (batch, m, n, cols), out (batch, m, cols). */
    void kroneckerTimesDense(long out, Strided x, Strided t, long batch, int m, int n, int cols) {
        if (batch == 0 || m == 0 || cols == 0) {
            return;
        }
        if (cols == 1) {
            batched(out, t, x, batch, m, n, 1);
        } else if (!manySmall(out, x, t, batch, m, 1, n, cols)) {
            rowTimes(out, x, t, batch, m, n, cols);
        }
    }

    /**
     * Sums of outer products over the batch, tile by tile: row t of {@code partial} (tiles, m, n) is {@code Σ_b
     * (w_b·r_b)⊗x_b} over the samples b of tile t, each entry one chain in their order.
     *
     * @param r (samples, m), without gaps
     * @param x (samples, n), without gaps
     * @param weights (samples), or 0 for ones
     * @param offset number of the first sample in its tile; if not 0, row 0 goes on from what it holds
     * @param tile samples of a tile
     */
    void sumOuter(long partial, long r, long x, long weights, int offset, long samples, int m, int n, int tile) {
        if (samples == 0 || m == 0 || n == 0) {
            return;
        }
        boolean tiny = Math.max(m, n) <= 16 || Math.min(m, n) <= 8;
        int side = tiny ? 16 : 64;
        long blocks = parts(offset + samples, tile) * parts(m, side) * parts(n, side);
        int threads = tiny ? 64 : queue.precision() == Precision.F32 ? 128 : 256;
        queue.launch(
                tiny ? "sum_outer_tiny" : "sum_outer_medium",
                blocks,
                threads,
                0,
                new Arguments()
                        .with(partial)
                        .with(r)
                        .with(x)
                        .with(weights)
                        .with(offset)
                        .with(samples)
                        .with(m)
                        .with(n)
                        .with(tile));
    }

    /** Groups of {@code rows} rows of A with a W each; the tile is the one that takes least time by a simple reckoning. */
    private void product(
            long out,
            Strided a,
            Strided scale,
            Strided w,
            boolean transposed,
            long bias,
            long groups,
            long rows,
            int m,
            int k,
            int n) {
        Tile best = tiles.get(0);
        double least = Double.POSITIVE_INFINITY;
        for (Tile tile : tiles) {
            long blocks = Math.max(tile.blocks(groups, rows, n), (long) tile.fill * multiprocessors);
            double time = blocks * (tile.rows * (double) tile.cols) / tile.speed;
            if (time < least) {
                least = time;
                best = tile;
            }
        }
        queue.launch(
                best.name,
                best.blocks(groups, rows, n),
                best.threads,
                0,
                new Arguments()
                        .with(out)
                        .with(a)
                        .with(scale)
                        .with(w)
                        .with(transposed ? 1 : 0)
                        .with(bias)
                        .with(rows)
                        .with(m)
                        .with(k)
                        .with(n));
    }

    /** {@code out_q = A_b·B_q, b = ⌊q/repeats⌋}, several in a block, if they are small; if not, does nothing. */
    private boolean manySmall(long out, Strided a, Strided b, long batch, int repeats, int m, int k, int n) {
        if (m > SMALL || n > SMALL || k == 0) {
            return false;
        }
        int pack = 16 / numberBytes;
        boolean rows = (k | n) % 4 == 0;
        boolean pairs = !rows && (k | n) % 2 == 0 && m * k % pack == 0 && k * n % pack == 0 && m * n % pack == 0;
        boolean runs = !rows && !pairs;
        // A thread has so many rows and columns; lanes have so many groups of columns next to each other.
        int lanes = rows ? 8 / pack : pairs ? 2 : 1;
        int parts = parts(m, runs ? pack : 2 * pack);
        int threads = pack * lanes * parts * parts(n, runs ? 4 * pack : lanes * 2 * pack);
        int apart = rows ? lanes : 4 / pack;
        Lying aLies = runs ? Lying.inRuns(m, k, k | 1, pack, parts) : Lying.apart(m, k, pack, apart);
        Lying bLies = runs ? Lying.inRuns(k, n, n, pack, parts) : Lying.apart(k, n, pack, apart);
        Lying cLies = runs ? Lying.inRuns(m, n, n | 1, pack, parts) : Lying.apart(m, n, pack, apart);
        long perGroup = Math.max(aLies.group + bLies.group, cLies.group) * (long) numberBytes;
        int groups = (int) Math.min(SMALL_BYTES / perGroup, SMALL_THREADS / threads);
        if (groups == 0) {
            return false;
        }
        int fullWarps = 32 / Math.min(32, Integer.lowestOneBit(threads));
        groups -= groups < fullWarps ? 0 : groups % fullWarps;
        int samples = groups * pack;
        long blocks = parts(batch * repeats, samples);
        int rounds = (int) Math.max(1, Math.min(ROUNDS, blocks / (BUSY * multiprocessors)));
        int sharedBytes = (int) (groups * perGroup) + OVERRUN;
        ByteBuffer plan = ByteBuffer.allocate(208).order(ByteOrder.LITTLE_ENDIAN);
        plan.putInt(rounds).putInt(samples).putInt(parts).putInt(parts * groups);
        plan.putInt(groups * bLies.group).putInt(sharedBytes / 16);
        for (Lying lies : List.of(aLies, bLies, cLies)) {
            plan.putInt(lies.height).putInt(lies.width).putInt(lies.step).putInt(lies.group);
            plan.putInt(lies.asOutside ? groups * lies.height * lies.width : 0);
            plan.putInt(runs && groups == 1 ? 0 : lies.gap * 16).putLong(Divisor.small(lies.runPacks));
            plan.putLong(Divisor.small(lies.height * lies.width)).putLong(Divisor.small(lies.width));
            plan.putInt(lies.row).putInt(0);
        }
        plan.putLong(Divisor.small(parts)).putLong(Divisor.small(parts * groups));
        queue.launch(
                rows ? "product_batch_rows" : pairs ? "product_batch_pairs" : "product_batch_runs",
                parts(blocks, rounds),
                parts(groups * threads, 32) * 32,
                (int) (groups * perGroup) + 128,
                new Arguments()
                        .with(out)
                        .with(a)
                        .with(b)
                        .with(batch)
                        .with(repeats)
                        .with(m)
                        .with(k)
                        .with(n)
                        .with(plan.array()));
        return true;
    }

    /**
     * How matrices lie in shared memory, in numbers ({@code Placing} in product_batch.cuh).
     *
     * @param row from row to row
     * @param step from sample to sample, of as many as a pack has numbers
     * @param group of these
     * @param runPacks packs that follow one another without gaps
     * @param gap packs after each run
     * @param asOutside whether a run lies as outside
     */
    private record Lying(
            int height, int width, int row, int step, int group, int runPacks, int gap, boolean asOutside) {
        /** A run is a sample; runs are {@code phase} packs apart modulo 8. */
        static Lying apart(int height, int width, int pack, int phase) {
            int packs = height * width / pack;
            int gap = (phase - packs) & 7;
            int step = (packs + gap) * pack;
            return new Lying(height, width, width, step, step * pack, packs, gap, true);
        }

        /**
         * A run is as many samples as a pack has numbers, an odd step apart, so that these meet in no bank; neither do {@code
         * parts} tiles of {@code pack} rows, which are odd, and those of the next run.
         */
        static Lying inRuns(int height, int width, int row, int pack, int parts) {
            int step = height * row | 1;
            int gap = ((width | 1) * parts - step) & 7;
            boolean asOutside = row == width && step == height * width;
            return new Lying(height, width, row, step, (step + gap) * pack, step, gap, asOutside);
        }
    }

    private void rowTimes(long out, Strided x, Strided b, long batch, int repeats, int k, int n) {
        Columns.of(
                        queue.precision(),
                        batch,
                        repeats,
                        k,
                        n,
                        Columns.Operand.of(b.stride(), n, true, batch, repeats, k),
                        Columns.Operand.of(x.stride(), 1, false, batch, repeats, k))
                .launch(
                        queue,
                        "row_times_matrices",
                        new Arguments()
                                .with(out)
                                .with(x)
                                .with(b)
                                .with(batch)
                                .with(repeats)
                                .with(k)
                                .with(n));
    }

    private void timesColumn(long out, Strided a, Strided x, long batch, int m, int k) {
        queue.launch(
                "matrices_times_column",
                parts(batch * m, 128),
                128,
                0,
                new Arguments().with(out).with(a).with(x).with(batch).with(m).with(k));
    }

    private static long parts(long whole, long part) {
        return (whole + part - 1) / part;
    }

    private static int parts(int whole, int part) {
        return (whole + part - 1) / part;
    }
}
