package io.github.batchjac.backend.cuda;

import io.github.batchjac.tensor.Precision;
import java.util.List;

/**
 * Products of matrices. Everything is row-major. Every entry is one chain {@code acc = fma(a, b, acc)} in the order of
 * the inner axis, starting from 0, so its bits depend on neither the batch nor how it is cut, and it is within {@code
 * (k+4)·u·Σ|a||b|} of the exact value, k the inner size and u the unit roundoff. NaN and infinities follow IEEE 754 and
 * stay within their own row of A and column of B. Results must not overlap operands.
 */
final class MatrixKernels {
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
    private final SmallProducts small;
    private final int multiprocessors;

    MatrixKernels(Queue queue) {
        this(
                queue,
                queue.device().info().multiprocessors(),
                queue.device().info().sharedPerBlock());
    }

    /** For another device, of which results are the same, but tiles may not be. */
    MatrixKernels(Queue queue, int multiprocessors, int sharedPerBlock) {
        this.queue = queue;
        this.multiprocessors = multiprocessors;
        boolean single = queue.precision() == Precision.F32;
        tiles = single ? TILES32 : TILES64;
        small = new SmallProducts(queue, multiprocessors, sharedPerBlock);
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
        } else if (n == 1) {
            rowTimes(out, b, a, batch, m, k, 1);
        } else if (m == 1) {
            rowTimes(out, a, b, batch, 1, k, n);
        } else if (!small.launch(out, a, b, batch, m, k, n)) {
            product(out, a, Strided.NONE, b, false, 0, batch, m, m, k, n);
        }
    }

    /** {@code (I⊗xᵀ)·t}: {@code out[b,j,c] = Σ_l x[b,l]·t[b,j,l,c]}. x (batch, n), t (batch, m, n, cols), out (batch, m, cols). */
    void kroneckerTimesDense(long out, Strided x, Strided t, long batch, int m, int n, int cols) {
        if (batch == 0 || m == 0 || cols == 0) {
            return;
        }
        if (cols == 1) {
            batched(out, t, x, batch, m, n, 1);
        } else {
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

    /** {@code out_q = x_b·B_q, b = ⌊q/repeats⌋}. B (batch, repeats, k, n). */
    private void rowTimes(long out, Strided x, Strided b, long batch, int repeats, int k, int n) {
        if (k == 0) {
            product(out, x, Strided.NONE, b, false, 0, batch * repeats, 1, 1, 0, n);
            return;
        }
        Columns.of(
                        queue.precision(),
                        batch,
                        repeats,
                        k,
                        n,
                        Columns.Operand.of(b.stride(), n, true, batch, repeats, k),
                        Columns.Operand.of(x.stride(), 1, false, batch, repeats, k),
                        true)
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

    private static long parts(long whole, long part) {
        return (whole + part - 1) / part;
    }
}
