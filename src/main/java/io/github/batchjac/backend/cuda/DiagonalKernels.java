package io.github.batchjac.backend.cuda;

/**
 * Diagonals, or stacks of them, times dense: one product each, the same bits everywhere; and their dense form. What is
 * {@link Strided} is shared where its stride is 0; outputs are contiguous.
 */
final class DiagonalKernels {
    private final Queue queue;

    DiagonalKernels(Queue queue) {
        this.queue = queue;
    }

    /** {@code out[b,i,j] = d[b,i]·a[b,i,j]}; a, out (batch,rows,cols). In place where a is not shared. */
    void scaleRows(long out, Strided d, Strided a, long batch, int rows, int cols) {
        int size = Math.multiplyExact(rows, cols);
        Slots.launch(
                queue,
                "scale_rows",
                batch,
                size,
                cols,
                new Arguments().with(out).with(d).with(a).with(batch).with(rows).with(cols),
                new Slots.Numbers(d, rows, cols, size));
    }

    /** {@code out[b,i,j] = a[b,i,j]·d[b,j]}; a, out (batch,rows,cols). In place where a is not shared. */
    void scaleColumns(long out, Strided a, Strided d, long batch, int rows, int cols) {
        int size = Math.multiplyExact(rows, cols);
        Slots.launch(
                queue,
                "scale_columns",
                batch,
                size,
                cols,
                new Arguments().with(out).with(a).with(d).with(batch).with(rows).with(cols),
                new Slots.Numbers(d, cols, 1, size));
    }

    /**
     * A row panel times a stack of diagonals: {@code out[b,i,j] = Σ_r a[b,i,r·n+j]·d[b,r·n+j]}, added in the order of r with
     * fused multiply-adds; a (batch,rows,repeat·n), out (batch,rows,n). No d: ones.
     */
    void foldRows(long out, Strided a, Strided d, long batch, int rows, int repeat, int n) {
        if (batch == 0 || rows == 0 || n == 0) {
            return;
        }
        Columns.of(
                        queue.precision(),
                        batch,
                        rows,
                        repeat,
                        n,
                        Columns.Operand.of(a.stride(), n, true, batch, rows, repeat),
                        d.missing()
                                ? Columns.Operand.NONE
                                : Columns.Operand.of(d.stride(), n, false, batch, rows, repeat),
                        false)
                .launch(
                        queue,
                        "fold_rows",
                        new Arguments()
                                .with(out)
                                .with(a)
                                .with(d)
                                .with(batch)
                                .with(rows)
                                .with(repeat)
                                .with(n));
    }

    /**
     * A stack of diagonals times a panel: {@code out[b,r·n+i,j] = d[b,r·n+i]·a[b,i,j]}; a (batch,n,cols), out
     * (batch,repeat·n,cols). No d: copies.
     */
    void tileRows(long out, Strided d, Strided a, long batch, int repeat, int n, int cols) {
        int size = Math.multiplyExact(Math.multiplyExact(repeat, n), cols);
        Slots.launch(
                queue,
                "tile_rows",
                batch,
                size,
                cols,
                new Arguments()
                        .with(out)
                        .with(d)
                        .with(a)
                        .with(batch)
                        .with(repeat)
                        .with(n)
                        .with(cols),
                new Slots.Numbers(d, repeat * n, cols, size),
                new Slots.Numbers(a, n * cols, 1, size));
    }

    /** {@code out[b, r·n+j, j] = d[b, r·n+j]}, +0 elsewhere; (batch,repeat·n,n). No d: ones. */
    void denseDiagonal(long out, Strided d, long batch, int repeat, int n) {
        int size = Math.multiplyExact(Math.multiplyExact(repeat, n), n);
        Slots.launch(
                queue,
                "dense_diagonal",
                batch,
                size,
                n,
                new Arguments().with(out).with(d).with(batch).with(repeat).with(n),
                new Slots.Numbers(d, repeat * n, n, size));
    }

    /** {@code out[b,i] = 1 + d[b,i]}; (batch,n). No d: 2. */
    void addOne(long out, Strided d, long batch, int n) {
        Slots.of(queue.precision(), batch, n)
                .launch(
                        queue,
                        "add_one",
                        new Arguments().with(out).with(d).with(batch).with(n));
    }
}
