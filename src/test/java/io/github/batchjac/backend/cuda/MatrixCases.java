package io.github.batchjac.backend.cuda;

import io.github.batchjac.backend.cuda.BenchCase.Oracle;
import io.github.batchjac.backend.cuda.BenchCase.Sum;
import io.github.batchjac.tensor.Precision;
import org.jspecify.annotations.Nullable;

/** Products of matrices. */
final class MatrixCases extends BenchCases {
    private final @Nullable CublasProducts cublas;

    /** @param cublas to compare our own products with, where it is found */
    MatrixCases(Precision precision, boolean tiny, long room, @Nullable CublasProducts cublas) {
        super(precision, tiny, room);
        this.cublas = cublas;
    }

    @Override
    void addAll() {
        for (int n : widths()) {
            long rows = batch(n);
            timesShared(rows, n, n, "", cublas != null);
            timesShared(rows, n, n, " scaled", false);
            timesShared(rows, n, n, " transposed, bias", false);
            batched(batch((long) n * n), n, n, n);
            batched(batch((long) n * n), 1, n, n);
            batched(batch((long) n * n), n, n, 1);
            sumOuter(tiny ? 5 : 65536, n, n);
            kroneckerTimesDense(batch(8L * n * n), n, 8, n);
        }
        timesShared(tiny ? 3 : samples(262144, 512), size(512, 65), size(512, 31), "", cublas != null);
        if (!tiny) {
            timesShared(65536, 64, 1024, "", cublas != null);
            timesShared(samples(1 << 20, 512), 512, 8, "", cublas != null);
            for (int rows : new int[] {8, 64, 512, 1024, 4096}) {
                timesShared(rows, 512, 512, "", cublas != null);
            }
        }
        batched(samples(262144, 3 * 32 * 32), 32, 32, 32);
        batched(samples(4_200_000, 300), 10, 10, 10);
        for (int n : new int[] {9, 17, 22, 29, 31, 48, 63, 64}) {
            batched(batch(3L * n * n), n, n, n);
        }
        // with these, every shape of tiles in either precision
        for (int[] s :
                new int[][] {{20, 25, 32}, {32, 14, 13}, {26, 32, 19}, {28, 21, 26}, {11, 16, 15}, {12, 24, 30}}) {
            batched(batch((long) s[0] * s[1] + s[1] * s[2] + s[0] * s[2]), s[0], s[1], s[2]);
        }
        batched(samples(65536, 2 * 32 * 256), 32, 256, 32);
        sumOuter(tiny ? 3 : 4096, size(512, 9), size(512, 7));
    }

    /** @param beside whether to time cuBLAS as well */
    private void timesShared(long rows, int k, int n, String form, boolean beside) {
        boolean scaled = form.contains("scaled");
        boolean transposed = form.contains("transposed");
        boolean bias = form.contains("bias");
        Oracle oracle = (g, at) -> {
            Sum sum = new Sum();
            long row = at / n;
            int j = (int) (at % n);
            for (int i = 0; i < k; i++) {
                double a = g.at(0, row * k + i) * (scaled ? g.at(2, row * k + i) : 1);
                sum.add(a * g.at(1, transposed ? (long) j * k + i : (long) i * n + j));
            }
            return (bias ? sum.add(g.at(2, j)) : sum).near();
        };
        BenchCase of = add("times_shared", "rows=%d k=%d n=%d%s", rows, k, n, form)
                .reads(rows * k)
                .reads((long) k * n);
        if (scaled || bias) {
            of.reads(scaled ? rows * k : n);
        }
        int out = of.operands.size();
        of.writes(rows * n, oracle)
                .flops(2.0 * rows * k * n)
                .launch((kernels, at) -> kernels.matrix()
                        .timesShared(
                                at[out],
                                each(at[0], k),
                                rows,
                                1,
                                k,
                                scaled ? each(at[2], k) : Strided.NONE,
                                at[1],
                                transposed,
                                n,
                                bias ? at[2] : 0));
        if (beside) {
            add("times_shared by cuBLAS", "rows=%d k=%d n=%d%s", rows, k, n, form)
                    .reads(rows * k)
                    .reads((long) k * n)
                    .writes(rows * n, oracle)
                    .flops(2.0 * rows * k * n)
                    .launch((kernels, at) -> cublas.rowsTimesShared(at[2], rows, n, k, at[0], at[1], false, precision));
        }
    }

    private void batched(long batch, int m, int k, int n) {
        long a = (long) m * k;
        long b = (long) k * n;
        long c = (long) m * n;
        // both operands come from one stretch of memory
        long count = Math.max(1, Math.min(batch, (room - (64 << 20)) / ((a + b) * precision.bytes())));
        add("batched", "B=%d m=%d k=%d n=%d", count, m, k, n)
                .reads(count * a)
                .reads(count * b)
                .writes(count * c, (g, at) -> {
                    long sample = at / c;
                    Sum sum = new Sum();
                    for (int i = 0; i < k; i++) {
                        sum.add(g.at(0, sample * a + at % c / n * k + i) * g.at(1, sample * b + (long) i * n + at % n));
                    }
                    return sum.near();
                })
                .flops(2.0 * count * m * k * n)
                .launch((kernels, at) ->
                        kernels.matrix().batched(at[2], each(at[0], a), each(at[1], b), count, m, k, n));
    }

    private void kroneckerTimesDense(long batch, int m, int n, int c) {
        long t = (long) m * n * c;
        add("kronecker_times_dense", "B=%d m=%d n=%d c=%d", batch, m, n, c)
                .reads(batch * n)
                .reads(batch * t)
                .writes(batch * m * c, (g, at) -> {
                    long b = at / ((long) m * c);
                    long j = at / c % m;
                    Sum sum = new Sum();
                    for (int l = 0; l < n; l++) {
                        sum.add(g.at(0, b * n + l) * g.at(1, b * t + (j * n + l) * c + at % c));
                    }
                    return sum.near();
                })
                .flops(2.0 * batch * t)
                .launch((k, at) ->
                        k.matrix().kroneckerTimesDense(at[2], each(at[0], n), each(at[1], t), batch, m, n, c));
    }

    private void sumOuter(long batch, int m, int n) {
        long tiles = (batch + TILE - 1) / TILE;
        long square = (long) m * n;
        add("sum_outer", "B=%d m=%d n=%d tile=%d", batch, m, n, TILE)
                .reads(batch * m)
                .reads(batch * n)
                .writes(tiles * square, (g, at) -> {
                    long first = at / square * TILE;
                    Sum sum = new Sum();
                    for (long b = first; b < Math.min(batch, first + TILE); b++) {
                        sum.add(g.at(0, b * m + at / n % m) * g.at(1, b * n + at % n));
                    }
                    return sum.near();
                })
                .flops(2.0 * batch * square)
                .launch((k, at) -> k.matrix().sumOuter(at[2], at[0], at[1], 0, 0, batch, m, n, TILE));
    }
}
