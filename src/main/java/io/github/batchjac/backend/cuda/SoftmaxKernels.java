package io.github.batchjac.backend.cuda;

import io.github.batchjac.tensor.Precision;

/**
 * Softmax, its logarithm and their Jacobians J, times panels or dense. Formulas and bounds are those of {@code SoftmaxKernels32}:
 * "16 / 8 ulp" is float32 / float64, m the first largest entry of q, u the unit roundoff.
 */
final class SoftmaxKernels {
    private static final int THREADS = 256;
    private static final int WARP = 32;
    /** Blocks that keep a large device busy. */
    private static final int BUSY = 1024;

    private final Queue queue;
    private final Precision precision;
    private final int bytes;
    /** Numbers in 16 bytes. */
    private final int pack;

    SoftmaxKernels(Queue queue) {
        this.queue = queue;
        precision = queue.precision();
        bytes = precision.bytes();
        pack = 16 / bytes;
    }

    /**
     * {@code q = exp(x − max x)/s} (batch,n); {@code rest} (batch), or 0: 1 minus the largest entry, without cancellation. In place.
     * 16 / 8 ulp, both. −inf gives exactly 0; a sample with +inf or NaN, or −inf throughout, is NaN.
     */
    void softmax(long q, long rest, long x, long batch, int n) {
        if (batch == 0 || n == 0) {
            return;
        }
        SampleTile tile = SampleTile.of(precision, batch, n);
        if (!tile.fits(0)) {
            logSoftmaxLong(0, q, rest, x, batch, tile);
            return;
        }
        Arguments arguments = new Arguments().with(q).with(rest).with(x);
        launch("softmax", arguments, tile, batch, tile.samples());
    }

    private void launch(String name, Arguments arguments, SampleTile tile, long batch, int held) {
        tile.describe(arguments.with(batch));
        queue.launch(
                tile.kernel(name), SampleTile.ceil(batch, tile.samples()), tile.threads(), tile.bytes(held), arguments);
    }

    /**
     * {@code y = x − max x − log1p(sum of the other numerators)} (batch,n), 8 ulp; q and rest as of {@link #softmax}. y, or q and
     * rest, may be 0. y in place.
     */
    void logSoftmax(long y, long q, long rest, long x, long batch, int n) {
        if (batch == 0 || n == 0) {
            return;
        }
        SampleTile tile = SampleTile.of(precision, batch, n);
        int second = q == 0 ? 0 : tile.samples();
        if (!tile.fits(second)) {
            logSoftmaxLong(y, q, rest, x, batch, tile);
        } else if (y == 0) {
            softmax(q, rest, x, batch, n);
        } else {
            Arguments arguments = new Arguments().with(y).with(q).with(rest).with(x);
            launch("log_softmax", arguments, tile, batch, tile.samples() + second);
        }
    }

    private void logSoftmaxLong(long y, long q, long rest, long x, long batch, SampleTile tile) {
        Arguments arguments =
                new Arguments().with(y).with(q).with(rest).with(x).with(batch).with(tile.n());
        queue.launch("log_softmax_long", batch, tile.threads(), tile.bytesOfLong(), arguments);
    }

    /** {@code diag q − qqᵀ}, the diagonal as q_i(1−q_i), above ½ as q_i·rest: 16 / 8 ulp. (batch,n,n). */
    void denseSoftmax(long out, Strided q, Strided rest, long batch, int n) {
        dense("dense_softmax", out, q, rest, batch, n);
    }

    /** {@code I − 1qᵀ}, the diagonal as 1−q_i, above ½ as rest: 16 / 8 ulp. (batch,n,n). */
    void denseLogSoftmax(long out, Strided q, Strided rest, long batch, int n) {
        dense("dense_log_softmax", out, q, rest, batch, n);
    }

    private void dense(String name, long out, Strided q, Strided rest, long batch, int n) {
        if (batch == 0 || n == 0) {
            return;
        }
        Arguments arguments = new Arguments().with(out).with(q).with(rest);
        int period = n % 2 == 0 ? 1 : pack;
        int flat = period * 2 * (n + pack) * bytes;
        if (n <= WARP) {
            // As many as fit in 16 KB, in multiples of a pack's numbers; fewer of a small batch, for more blocks.
            long samples = Math.min((16 << 10) / (3 * n * bytes), 512);
            samples = Math.max(1, Math.min(samples, batch / BUSY) / 4) * 4;
            arguments.with(batch).with(n).with(Divisor.of(n)).with((int) samples);
            queue.launch(
                    name + "_small",
                    SampleTile.ceil(batch, (int) samples),
                    THREADS,
                    (int) samples * 3 * n * bytes,
                    arguments);
        } else if (flat <= SampleTile.SHARED) {
            // Some samples where one is small, 4 to 64 packs a thread; less of a small batch, for more blocks.
            long share = Math.min(64, Math.max(4, batch * n * n / pack / ((long) BUSY * THREADS))) * THREADS;
            long samples = share * pack / ((long) period * n * n);
            samples = Math.max(1, Math.min(samples, SampleTile.SHARED / flat));
            period *= (int) samples;
            long groups = SampleTile.ceil(batch, period);
            int packs = period * n * n / pack;
            share = samples > 1 ? packs : share;
            int chunks = (int) SampleTile.ceil(packs, (int) share);
            flat *= (int) samples;
            arguments
                    .with(batch)
                    .with(n)
                    .with(Divisor.of(n))
                    .with(period)
                    .with((int) share)
                    .with(chunks);
            queue.launch(name + "_flat", groups * chunks, THREADS, flat, arguments);
        } else {
            int rows = 64;
            int rowChunks = SampleTile.ceil(n, rows);
            int columnTiles = SampleTile.ceil(n, THREADS * pack);
            arguments.with(n).with(rows).with(rowChunks).with(columnTiles);
            int shared = THREADS * pack * bytes;
            queue.launch(name + "_large", batch * rowChunks * columnTiles, THREADS, shared, arguments);
        }
    }

    /**
     * {@code out = rows·J}, {@code J = diag q − qqᵀ}; rows, out (batch,k,n). J is symmetric. With {@code s = Σ_{i≠m} q_i g_i}:
     * out_m = q_m(rest·g_m − s), out_i = q_i(g_i − q_m g_m − s). Within (n+8)·u·Σ_k|J_ik||g_k| of J made of q and rest. In place.
     */
    void softmaxTimesRows(long out, Strided rows, Strided q, Strided rest, long batch, int k, int n) {
        timesRows("softmax_times_rows", out, rows, q, rest, batch, k, n);
    }

    /** {@code out = J·m}; m, out (batch,n,k). As {@link #softmaxTimesRows}, but not in place. */
    void softmaxTimesColumns(long out, Strided m, Strided q, Strided rest, long batch, int n, int k) {
        if (k == 1) {
            softmaxTimesRows(out, m, q, rest, batch, 1, n);
        } else {
            timesColumns("softmax_times_columns", out, m, q, rest, batch, n, k);
        }
    }

    /**
     * {@code out = rows·J}, {@code J = I − 1qᵀ}; (batch,k,n): {@code g − (Σg)q}, but out_m = rest·g_m − q_m·Σ_{i≠m} g_i. Bound as
     * {@link #softmaxTimesRows}. In place.
     */
    void rowsTimesLogSoftmax(long out, Strided rows, Strided q, Strided rest, long batch, int k, int n) {
        timesRows("rows_times_log_softmax", out, rows, q, rest, batch, k, n);
    }

    /** {@code out = rows·Jᵀ}: {@code out_i = g_i − ⟨q,g⟩}, {@code J = I − 1qᵀ}; otherwise as {@link #rowsTimesLogSoftmax}. */
    void rowsTimesLogSoftmaxTransposed(long out, Strided rows, Strided q, Strided rest, long batch, int k, int n) {
        timesRows("rows_times_log_softmax_transposed", out, rows, q, rest, batch, k, n);
    }

    /** {@code out = J·m}, {@code J = I − 1qᵀ}; m, out (batch,n,k). Bound as {@link #softmaxTimesRows}. Not in place. */
    void logSoftmaxTimesColumns(long out, Strided m, Strided q, Strided rest, long batch, int n, int k) {
        if (k == 1) {
            rowsTimesLogSoftmaxTransposed(out, m, q, rest, batch, 1, n);
        } else {
            timesColumns("log_softmax_times_columns", out, m, q, rest, batch, n, k);
        }
    }

    private void timesRows(String name, long out, Strided rows, Strided q, Strided rest, long batch, int k, int n) {
        if (batch == 0 || k == 0 || n == 0) {
            return;
        }
        SampleTile tile = SampleTile.of(precision, batch * k, n);
        Arguments arguments = new Arguments().with(out).with(rows).with(q).with(rest);
        int held = tile.samples();
        int withEntries = SampleTile.ceil(held - 1, k) + 1;
        if (!tile.fits(withEntries)) {
            queue.launch(
                    name + "_long",
                    batch * k,
                    tile.threads(),
                    tile.bytesOfLong(),
                    arguments.with(k).with(n));
            return;
        }
        tile.describe(arguments.with(batch * k).with(k));
        arguments.with(Divisor.of(k));
        long blocks = SampleTile.ceil(batch * k, held);
        queue.launch(tile.kernel(name), blocks, tile.threads(), tile.bytes(held + withEntries), arguments);
    }

    /** Bytes besides the panel of a block and what belongs to it: a pack of sums a thread, and gaps. */
    private static final int COLUMNS_HEAD = THREADS * 16 + 64;

    /** Packs of columns that a thread goes through, about. */
    private static final int MOST_EACH = 4;

    private void timesColumns(String name, long out, Strided m, Strided q, Strided rest, long batch, int n, int k) {
        if (batch == 0 || k == 0 || n == 0) {
            return;
        }
        Arguments arguments = new Arguments().with(out).with(m).with(q).with(rest);
        int room = SampleTile.SHARED - COLUMNS_HEAD;
        int sector = 32 / bytes;
        long size = (long) n * (k + 1) * bytes + Integer.BYTES;
        int width = k;
        int samples = 1;
        int groups = 1;
        int packs = k / Math.min(pack, Integer.lowestOneBit(k));
        if (size <= room) {
            // As many as there is room for: a thread goes through some packs of columns, fewer of a small batch.
            // Where there are few packs, threads share them.
            int most = (int) Math.max(1, Math.min(room / size, (MOST_EACH * THREADS + packs / 2) / packs));
            groups = Math.max(1, THREADS / (most * packs));
            int least = groups > 1 ? most : Math.min(most, Math.max(1, THREADS / packs));
            samples = (int) Math.max(least, Math.min(most, batch / BUSY));
        } else {
            // Columns of one whose rows are whole sectors; if not, rows of it.
            long widest = k % sector == 0 ? Math.min(THREADS, room / ((long) n * bytes) - 1) / sector * sector : 0;
            if (widest <= 0) {
                timesColumnsLong(name, arguments, batch, n, k);
                return;
            }
            width = SampleTile.ceil(SampleTile.ceil(k, SampleTile.ceil(k, (int) widest)), sector) * sector;
            groups = THREADS * pack / width;
            size = (long) n * (width + 1) * bytes + Integer.BYTES;
        }
        int tiles = SampleTile.ceil(k, width);
        // As few warps as can look for the largest q at once, each lane at 4 of them or more.
        int lanes = Math.min(
                SampleTile.power(SampleTile.ceil(n, 4)), Integer.highestOneBit(Math.max(1, THREADS / samples)));
        lanes = Math.min(WARP, lanes);
        arguments
                .with(batch)
                .with(n)
                .with(k)
                .with(width)
                .with(samples)
                .with(groups)
                .with(tiles)
                .with(lanes);
        long blocks = tiles == 1 ? SampleTile.ceil(batch, samples) : batch * tiles;
        queue.launch(name, blocks, THREADS, COLUMNS_HEAD + samples * (int) size, arguments);
    }

    private void timesColumnsLong(String name, Arguments arguments, long batch, int n, int k) {
        int tiles = SampleTile.ceil(k, THREADS);
        int width = tiles == 1 ? k : SampleTile.ceil(SampleTile.ceil(k, tiles), pack) * pack;
        int head = SampleTile.SCRATCH + THREADS + pack;
        int pitch = width + pack;
        int fit = (SampleTile.SHARED / bytes - head) / pitch;
        // With as many rows as a sector has numbers, or some times as many, each panel starts where a sector does if
        // the first does.
        int rows = Math.min(n, fit - fit % (2 * pack));
        arguments.with(n).with(k).with(width).with(rows).with(tiles);
        queue.launch(name + "_long", batch * tiles, THREADS, (head + rows * pitch) * bytes, arguments);
    }
}
