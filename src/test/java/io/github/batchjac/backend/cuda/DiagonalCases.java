package io.github.batchjac.backend.cuda;

import io.github.batchjac.backend.cuda.BenchCase.Near;
import io.github.batchjac.backend.cuda.BenchCase.Sum;
import io.github.batchjac.tensor.Precision;

/** Dense diagonals, and panels scaled by diagonals. */
final class DiagonalCases extends BenchCases {
    DiagonalCases(Precision precision, boolean tiny, long room) {
        super(precision, tiny, room);
    }

    @Override
    void addAll() {
        for (int n : widths()) {
            denseDiagonal(batch((long) n * n), 1, n);
            panels(batch((long) n * n), n);
            addOne(batch(n), n);
        }
        denseDiagonal(batch(3 * 32 * 32), 3, 32);
        denseDiagonal(samples(4096, 512 * 512), 1, size(512, 7));
    }

    private void denseDiagonal(long batch, int repeat, int n) {
        int rows = repeat * n;
        add("dense_diagonal", "B=%d repeat=%d n=%d", batch, repeat, n)
                .reads(batch * rows)
                .writes(batch * rows * n, (g, i) -> Near.exactly(i / n % n == i % n ? g.at(0, i / n) : 0))
                .launch((k, at) -> k.diagonals().denseDiagonal(at[1], each(at[0], rows), batch, repeat, n));
    }

    private void panels(long batch, int n) {
        long square = (long) n * n;
        add("scale_rows", "B=%d n=%d cols=%d", batch, n, n)
                .reads(batch * n)
                .reads(batch * square)
                .writes(batch * square, (g, i) -> Near.exactly(rounded(g.at(0, i / n) * g.at(1, i))))
                .launch((k, at) -> k.diagonals().scaleRows(at[2], each(at[0], n), each(at[1], square), batch, n, n));
        add("scale_columns", "B=%d rows=%d n=%d", batch, n, n)
                .reads(batch * square)
                .reads(batch * n)
                .writes(batch * square, (g, i) -> Near.exactly(rounded(g.at(0, i) * g.at(1, i / square * n + i % n))))
                .launch((k, at) -> k.diagonals().scaleColumns(at[2], each(at[0], square), each(at[1], n), batch, n, n));
        long half = Math.max(1, batch / 2);
        add("tile_rows", "B=%d repeat=2 n=%d cols=%d", half, n, n)
                .reads(half * 2 * n)
                .reads(half * square)
                .writes(
                        half * 2 * square,
                        (g, i) ->
                                Near.exactly(rounded(g.at(0, i / n) * g.at(1, i / (2 * square) * square + i % square))))
                .launch((k, at) ->
                        k.diagonals().tileRows(at[2], each(at[0], 2 * n), each(at[1], square), half, 2, n, n));
        add("fold_rows", "B=%d rows=%d repeat=2 n=%d", half, n, n)
                .reads(half * 2 * square)
                .reads(half * 2 * n)
                .writes(half * square, (g, i) -> {
                    long b = i / square;
                    long row = i / n;
                    long j = i % n;
                    return new Sum()
                            .add(g.at(0, row * 2 * n + j) * g.at(1, b * 2 * n + j))
                            .add(g.at(0, row * 2 * n + n + j) * g.at(1, b * 2 * n + n + j))
                            .near();
                })
                .launch((k, at) ->
                        k.diagonals().foldRows(at[2], each(at[0], 2 * square), each(at[1], 2 * n), half, n, 2, n));
    }

    private void addOne(long batch, int n) {
        add("add_one", "B=%d n=%d", batch, n)
                .reads(batch * n)
                .writes(batch * n, (g, i) -> Near.exactly(rounded(1 + g.at(0, i))))
                .launch((k, at) -> k.diagonals().addOne(at[1], each(at[0], n), batch, n));
    }
}
