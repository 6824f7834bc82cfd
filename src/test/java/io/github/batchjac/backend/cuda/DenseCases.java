package io.github.batchjac.backend.cuda;

import io.github.batchjac.backend.cuda.BenchCase.Near;
import io.github.batchjac.tensor.Precision;

/** Outer and Kronecker products, repeats, transpositions. */
final class DenseCases extends BenchCases {
    DenseCases(Precision precision, boolean tiny, long room) {
        super(precision, tiny, room);
    }

    @Override
    void addAll() {
        for (int n : widths()) {
            int m = Math.min(n, 64);
            kroneckerIdentity(batch((long) m * m * n), m, n, false);
            kroneckerIdentity(batch((long) m * m * n), m, n, true);
            outer(batch((long) n * n), n, n, false);
            outer(batch((long) n * n), n, n, true);
            kronecker(batch(4L * n * n), 4, n, n, true);
            repeat(batch(4L * n), 4, n);
        }
        kroneckerIdentity(samples(256, 64 * 64 * 256), size(64, 5), size(256, 9), false);
        outer(samples(4096, 512 * 512), size(512, 9), size(512, 11), false);
        transpose(size(precision == Precision.F32 ? 16384 : 8192, 33), size(8192, 67));
    }

    private void kroneckerIdentity(long batch, int m, int n, boolean rowForm) {
        long each = (long) m * m * n;
        add(rowForm ? "kronecker_identity_rows" : "kronecker_identity", "B=%d m=%d n=%d", batch, m, n)
                .reads(batch * n)
                .writes(batch * each, (g, at) -> {
                    long b = at / each;
                    long i = at / ((long) m * n) % m;
                    long j = rowForm ? at % m : at / n % m;
                    long l = rowForm ? at / m % n : at % n;
                    return Near.exactly(i == j ? g.at(0, b * n + l) : 0);
                })
                .launch((k, at) -> k.dense().kroneckerIdentity(at[1], each(at[0], n), batch, m, n, rowForm));
    }

    private void outer(long batch, int m, int n, boolean scaled) {
        long each = (long) m * n;
        BenchCase of = add("outer", "B=%d m=%d n=%d%s", batch, m, n, scaled ? " scaled" : "")
                .reads(batch * m)
                .reads(batch * n);
        if (scaled) {
            of.reads(batch);
        }
        of.writes(batch * each, (g, i) -> {
                    long b = i / each;
                    double r = g.at(0, i / n);
                    double x = g.at(1, b * n + i % n);
                    return Near.exactly(rounded((scaled ? rounded(g.at(2, b) * r) : r) * x));
                })
                .launch((k, at) -> k.dense()
                        .outer(
                                at[scaled ? 3 : 2],
                                each(at[0], m),
                                each(at[1], n),
                                scaled ? each(at[2], 1) : Strided.NONE,
                                batch,
                                m,
                                n));
    }

    private void kronecker(long batch, int rows, int m, int n, boolean rowForm) {
        long each = (long) m * n;
        add("kronecker_rows", "B=%d k=%d m=%d n=%d", batch, rows, m, n)
                .reads(batch * rows * m)
                .reads(batch * n)
                .writes(batch * rows * each, (g, i) -> {
                    long row = i / each;
                    return Near.exactly(rounded(g.at(0, row * m + i % m) * g.at(1, row / rows * n + i / m % n)));
                })
                .launch((k, at) -> k.dense()
                        .kronecker(at[2], each(at[0], (long) rows * m), each(at[1], n), batch, rows, m, n, rowForm));
    }

    private void repeat(long batch, int times, int n) {
        add("repeat", "B=%d times=%d n=%d", batch, times, n)
                .reads(batch * n)
                .writes(batch * times * n, (g, i) -> Near.exactly(g.at(0, i / ((long) times * n) * n + i % n)))
                .launch((k, at) -> k.dense().repeat(at[1], each(at[0], n), batch, times, n));
    }

    private void transpose(int rows, int cols) {
        add("transpose", "%d×%d", rows, cols)
                .reads((long) rows * cols)
                .writes((long) rows * cols, (g, i) -> Near.exactly(g.at(0, i % rows * cols + i / rows)))
                .launch((k, at) -> k.dense().transpose(at[1], at[0], rows, cols));
    }
}
