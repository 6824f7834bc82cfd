package io.github.batchjac.backend.cuda;

/**
 * Dense forms of products of vectors, and copies: every element is written, with the same bits everywhere. What is {@link
 * Strided} is shared where its stride is 0; outputs are contiguous.
 */
final class DenseKernels {
    private static final int TILE = 64;
    private static final int THREADS = 256;

    private final Queue queue;

    DenseKernels(Queue queue) {
        this.queue = queue;
    }

    /**
     * dz/dW of {@code z = Wx}: {@code out[b,i, i·n+l] = x_l}, or in row form {@code out[b,i, l·m+i] = x_l}; +0 elsewhere; x
     * (batch,n), out (batch,m,m·n).
     */
    void kroneckerIdentity(long out, Strided x, long batch, int m, int n, boolean rowForm) {
        int size = Math.multiplyExact(Math.multiplyExact(m, m), n);
        Slots.launch(
                queue,
                rowForm ? "kronecker_identity_rows" : "kronecker_identity",
                batch,
                size,
                rowForm ? m : n,
                new Arguments().with(out).with(x).with(batch).with(m).with(n),
                new Slots.Numbers(x, n, rowForm ? m : 1, size));
    }

    /**
     * {@code out[b,i,j] = r[b,i]·x[b,j]}, one product; with {@code scale}, one number per sample, {@code (scale·r_i)·x_j}; r
     * (batch,m), x (batch,n), out (batch,m,n).
     */
    void outer(long out, Strided r, Strided x, Strided scale, long batch, int m, int n) {
        int size = Math.multiplyExact(m, n);
        Slots.launch(
                queue,
                "outer",
                batch,
                size,
                n,
                new Arguments()
                        .with(out)
                        .with(r)
                        .with(x)
                        .with(scale)
                        .with(batch)
                        .with(m)
                        .with(n),
                new Slots.Numbers(r, m, n, size),
                new Slots.Numbers(x, n, 1, size),
                new Slots.Numbers(scale, 1, size, size));
    }

    /**
     * {@code A·dz/dW}: {@code out[b,i, j·n+l] = A_ij·x_l}, or in row form {@code out[b,i, l·m+j] = A_ij·x_l}; A (batch,k,m), x
     * (batch,n), out (batch,k,m·n). One product.
     */
    void kronecker(long out, Strided a, Strided x, long batch, int k, int m, int n, boolean rowForm) {
        if (!rowForm) {
            outer(out, a, x, Strided.NONE, batch, Math.multiplyExact(k, m), n);
            return;
        }
        int size = Math.multiplyExact(Math.multiplyExact(k, m), n);
        Slots.launch(
                queue,
                "kronecker_rows",
                batch,
                size,
                m,
                new Arguments()
                        .with(out)
                        .with(a)
                        .with(x)
                        .with(batch)
                        .with(k)
                        .with(m)
                        .with(n),
                new Slots.Numbers(a, m, 1, m * n),
                new Slots.Numbers(x, n, m, size));
    }

    /** {@code out[j,i] = a[i,j]}; a (rows,cols). */
    void transpose(long out, long a, int rows, int cols) {
        long blocks = (long) ((rows + TILE - 1) / TILE) * ((cols + TILE - 1) / TILE);
        queue.launch(
                "transpose",
                blocks,
                THREADS,
                0,
                new Arguments().with(out).with(a).with(rows).with(cols));
    }

    /** {@code out[b,t,:] = in[b,:]}; in (batch,size), out (batch,times,size). */
    void repeat(long out, Strided in, long batch, int times, int size) {
        int all = Math.multiplyExact(times, size);
        Slots.launch(
                queue,
                "repeat",
                batch,
                all,
                size,
                new Arguments().with(out).with(in).with(batch).with(times).with(size),
                new Slots.Numbers(in, size, 1, all));
    }
}
