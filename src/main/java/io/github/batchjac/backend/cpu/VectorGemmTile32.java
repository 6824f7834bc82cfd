package io.github.batchjac.backend.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * A few rows by one, two or four vectors of columns of a product: every entry one chain of fused multiply-adds in the order of p, from 0.
 *
 * <p>Six rows by two vectors are twelve accumulators, which fit the sixteen registers of AVX2 and hide the latency of two units. Each
 * number of rows is a method of its own: an array of vectors would be an array of objects.
 */
final class VectorGemmTile32 {
    private static final VectorSpecies<Float> S = FloatVector.SPECIES_PREFERRED;
    /** Lanes of a vector. */
    static final int L = S.length();
    /** Columns of a tile. */
    static final int NR = 2 * L;
    /** Rows of a tile. */
    static final int MR = 6;
    /** Rows of a tile of two panels. */
    static final int PAIR_MR = 4;
    /** Whether there are registers for such tiles, which AVX-512 has. */
    static final boolean PAIRS = S.vectorBitSize() == 512;

    private VectorGemmTile32() {}

    /** Rows of the next tile. Eight are four and four: a tile of two waits for its own sums. */
    static int tileRows(int rows) {
        return rows >= MR && rows != 8 ? MR : rows >= 4 ? 4 : rows >= 2 ? 2 : 1;
    }

    /** {@code second}: where the second vector of columns starts. */
    static void tile(
            int rows,
            float[] c,
            int ci,
            int ldc,
            float[] a,
            int ai,
            int lda,
            float[] b,
            int bi,
            int ldb,
            int second,
            int k) {
        switch (rows) {
            case MR -> tile6(c, ci, ldc, a, ai, lda, b, bi, ldb, second, k);
            case 4 -> tile4(c, ci, ldc, a, ai, lda, b, bi, ldb, second, k);
            case 2 -> tile2(c, ci, ldc, a, ai, lda, b, bi, ldb, second, k);
            default -> tile1(c, ci, a, ai, b, bi, ldb, second, k);
        }
    }

    private static void tile6(
            float[] c, int ci, int ldc, float[] a, int ai, int lda, float[] b, int bi, int ldb, int second, int k) {
        int a0 = ai;
        int a1 = a0 + lda;
        int a2 = a1 + lda;
        int a3 = a2 + lda;
        int a4 = a3 + lda;
        int a5 = a4 + lda;
        FloatVector c00 = FloatVector.zero(S);
        FloatVector c01 = c00;
        FloatVector c10 = c00;
        FloatVector c11 = c00;
        FloatVector c20 = c00;
        FloatVector c21 = c00;
        FloatVector c30 = c00;
        FloatVector c31 = c00;
        FloatVector c40 = c00;
        FloatVector c41 = c00;
        FloatVector c50 = c00;
        FloatVector c51 = c00;
        int bp = bi;
        for (int p = 0; p < k; p++) {
            FloatVector b0 = FloatVector.fromArray(S, b, bp);
            FloatVector b1 = FloatVector.fromArray(S, b, bp + second);
            bp += ldb;
            FloatVector x = FloatVector.broadcast(S, a[a0 + p]);
            c00 = x.fma(b0, c00);
            c01 = x.fma(b1, c01);
            x = FloatVector.broadcast(S, a[a1 + p]);
            c10 = x.fma(b0, c10);
            c11 = x.fma(b1, c11);
            x = FloatVector.broadcast(S, a[a2 + p]);
            c20 = x.fma(b0, c20);
            c21 = x.fma(b1, c21);
            x = FloatVector.broadcast(S, a[a3 + p]);
            c30 = x.fma(b0, c30);
            c31 = x.fma(b1, c31);
            x = FloatVector.broadcast(S, a[a4 + p]);
            c40 = x.fma(b0, c40);
            c41 = x.fma(b1, c41);
            x = FloatVector.broadcast(S, a[a5 + p]);
            c50 = x.fma(b0, c50);
            c51 = x.fma(b1, c51);
        }
        c00.intoArray(c, ci);
        c01.intoArray(c, ci + second);
        c10.intoArray(c, ci + ldc);
        c11.intoArray(c, ci + ldc + second);
        c20.intoArray(c, ci + 2 * ldc);
        c21.intoArray(c, ci + 2 * ldc + second);
        c30.intoArray(c, ci + 3 * ldc);
        c31.intoArray(c, ci + 3 * ldc + second);
        c40.intoArray(c, ci + 4 * ldc);
        c41.intoArray(c, ci + 4 * ldc + second);
        c50.intoArray(c, ci + 5 * ldc);
        c51.intoArray(c, ci + 5 * ldc + second);
    }

    private static void tile4(
            float[] c, int ci, int ldc, float[] a, int ai, int lda, float[] b, int bi, int ldb, int second, int k) {
        int a0 = ai;
        int a1 = a0 + lda;
        int a2 = a1 + lda;
        int a3 = a2 + lda;
        FloatVector c00 = FloatVector.zero(S);
        FloatVector c01 = c00;
        FloatVector c10 = c00;
        FloatVector c11 = c00;
        FloatVector c20 = c00;
        FloatVector c21 = c00;
        FloatVector c30 = c00;
        FloatVector c31 = c00;
        int bp = bi;
        for (int p = 0; p < k; p++) {
            FloatVector b0 = FloatVector.fromArray(S, b, bp);
            FloatVector b1 = FloatVector.fromArray(S, b, bp + second);
            bp += ldb;
            FloatVector x = FloatVector.broadcast(S, a[a0 + p]);
            c00 = x.fma(b0, c00);
            c01 = x.fma(b1, c01);
            x = FloatVector.broadcast(S, a[a1 + p]);
            c10 = x.fma(b0, c10);
            c11 = x.fma(b1, c11);
            x = FloatVector.broadcast(S, a[a2 + p]);
            c20 = x.fma(b0, c20);
            c21 = x.fma(b1, c21);
            x = FloatVector.broadcast(S, a[a3 + p]);
            c30 = x.fma(b0, c30);
            c31 = x.fma(b1, c31);
        }
        c00.intoArray(c, ci);
        c01.intoArray(c, ci + second);
        c10.intoArray(c, ci + ldc);
        c11.intoArray(c, ci + ldc + second);
        c20.intoArray(c, ci + 2 * ldc);
        c21.intoArray(c, ci + 2 * ldc + second);
        c30.intoArray(c, ci + 3 * ldc);
        c31.intoArray(c, ci + 3 * ldc + second);
    }

    private static void tile2(
            float[] c, int ci, int ldc, float[] a, int ai, int lda, float[] b, int bi, int ldb, int second, int k) {
        int a1 = ai + lda;
        FloatVector c00 = FloatVector.zero(S);
        FloatVector c01 = c00;
        FloatVector c10 = c00;
        FloatVector c11 = c00;
        int bp = bi;
        for (int p = 0; p < k; p++) {
            FloatVector b0 = FloatVector.fromArray(S, b, bp);
            FloatVector b1 = FloatVector.fromArray(S, b, bp + second);
            bp += ldb;
            FloatVector x = FloatVector.broadcast(S, a[ai + p]);
            c00 = x.fma(b0, c00);
            c01 = x.fma(b1, c01);
            x = FloatVector.broadcast(S, a[a1 + p]);
            c10 = x.fma(b0, c10);
            c11 = x.fma(b1, c11);
        }
        c00.intoArray(c, ci);
        c01.intoArray(c, ci + second);
        c10.intoArray(c, ci + ldc);
        c11.intoArray(c, ci + ldc + second);
    }

    private static void tile1(float[] c, int ci, float[] a, int ai, float[] b, int bi, int ldb, int second, int k) {
        FloatVector c00 = FloatVector.zero(S);
        FloatVector c01 = c00;
        int bp = bi;
        for (int p = 0; p < k; p++) {
            FloatVector x = FloatVector.broadcast(S, a[ai + p]);
            c00 = x.fma(FloatVector.fromArray(S, b, bp), c00);
            c01 = x.fma(FloatVector.fromArray(S, b, bp + second), c01);
            bp += ldb;
        }
        c00.intoArray(c, ci);
        c01.intoArray(c, ci + second);
    }

    /**
     * Four rows by two panels side by side: {@code panel} lies between where they start in B, NR in C; {@code second} is where the second
     * vector of the second panel starts in it. With half as many numbers to broadcast for every multiplication it is up to a tenth faster,
     * given 21 registers.
     */
    static void pair(
            float[] c,
            int ci,
            int ldc,
            float[] a,
            int ai,
            int lda,
            float[] b,
            int bi,
            int ldb,
            int panel,
            int second,
            int k) {
        int a0 = ai;
        int a1 = a0 + lda;
        int a2 = a1 + lda;
        int a3 = a2 + lda;
        FloatVector c00 = FloatVector.zero(S);
        FloatVector c01 = c00;
        FloatVector c02 = c00;
        FloatVector c03 = c00;
        FloatVector c10 = c00;
        FloatVector c11 = c00;
        FloatVector c12 = c00;
        FloatVector c13 = c00;
        FloatVector c20 = c00;
        FloatVector c21 = c00;
        FloatVector c22 = c00;
        FloatVector c23 = c00;
        FloatVector c30 = c00;
        FloatVector c31 = c00;
        FloatVector c32 = c00;
        FloatVector c33 = c00;
        int bp = bi;
        for (int p = 0; p < k; p++) {
            FloatVector b0 = FloatVector.fromArray(S, b, bp);
            FloatVector b1 = FloatVector.fromArray(S, b, bp + L);
            FloatVector b2 = FloatVector.fromArray(S, b, bp + panel);
            FloatVector b3 = FloatVector.fromArray(S, b, bp + panel + second);
            bp += ldb;
            FloatVector x = FloatVector.broadcast(S, a[a0 + p]);
            c00 = x.fma(b0, c00);
            c01 = x.fma(b1, c01);
            c02 = x.fma(b2, c02);
            c03 = x.fma(b3, c03);
            x = FloatVector.broadcast(S, a[a1 + p]);
            c10 = x.fma(b0, c10);
            c11 = x.fma(b1, c11);
            c12 = x.fma(b2, c12);
            c13 = x.fma(b3, c13);
            x = FloatVector.broadcast(S, a[a2 + p]);
            c20 = x.fma(b0, c20);
            c21 = x.fma(b1, c21);
            c22 = x.fma(b2, c22);
            c23 = x.fma(b3, c23);
            x = FloatVector.broadcast(S, a[a3 + p]);
            c30 = x.fma(b0, c30);
            c31 = x.fma(b1, c31);
            c32 = x.fma(b2, c32);
            c33 = x.fma(b3, c33);
        }
        c00.intoArray(c, ci);
        c01.intoArray(c, ci + L);
        c02.intoArray(c, ci + NR);
        c03.intoArray(c, ci + NR + second);
        c10.intoArray(c, ci + ldc);
        c11.intoArray(c, ci + ldc + L);
        c12.intoArray(c, ci + ldc + NR);
        c13.intoArray(c, ci + ldc + NR + second);
        c20.intoArray(c, ci + 2 * ldc);
        c21.intoArray(c, ci + 2 * ldc + L);
        c22.intoArray(c, ci + 2 * ldc + NR);
        c23.intoArray(c, ci + 2 * ldc + NR + second);
        c30.intoArray(c, ci + 3 * ldc);
        c31.intoArray(c, ci + 3 * ldc + L);
        c32.intoArray(c, ci + 3 * ldc + NR);
        c33.intoArray(c, ci + 3 * ldc + NR + second);
    }

    /** {@code width} columns of a tile, from column {@code first} on, into C. */
    static void store(float[] c, int ci, int ldc, float[] tile, int ldt, int first, int rows, int width, boolean add) {
        for (int r = 0; r < rows; r++) {
            int to = ci + r * ldc;
            int from = r * ldt + first;
            if (add) {
                int j = 0;
                for (; j <= width - L; j += L) {
                    FloatVector.fromArray(S, tile, from + j)
                            .add(FloatVector.fromArray(S, c, to + j))
                            .intoArray(c, to + j);
                }
                for (; j < width; j++) {
                    c[to + j] = tile[from + j] + c[to + j];
                }
            } else {
                for (int j = 0; j < width; j++) {
                    c[to + j] = tile[from + j];
                }
            }
        }
    }

    /**
     * At most one vector of columns. What is read beyond a row of B goes into lanes that do not count; they are stored behind the
     * row of C, where the next row is still to come, or beyond {@code end} not at all.
     */
    static void narrow(
            float[] tile,
            float[] c,
            int co,
            int end,
            float[] a,
            int ao,
            int lda,
            float[] b,
            int bo,
            int ldb,
            int m,
            int n,
            int k) {
        for (int i = 0, rows; i < m; i += rows) {
            rows = m - i >= 4 ? 4 : 1;
            int ci = co + i * n;
            int ai = ao + i * lda;
            boolean spill = ci + (rows - 1) * n + L <= end;
            float[] to = spill ? c : tile;
            int at = spill ? ci : 0;
            if (rows == 4) {
                narrow4(to, at, spill ? n : NR, a, ai, lda, b, bo, ldb, k);
            } else {
                narrow1(to, at, a, ai, b, bo, ldb, k);
            }
            if (!spill) {
                store(c, ci, n, tile, NR, 0, rows, n, false);
            }
        }
    }

    private static void narrow4(
            float[] c, int ci, int ldc, float[] a, int ai, int lda, float[] b, int bi, int ldb, int k) {
        FloatVector c0 = FloatVector.zero(S);
        FloatVector c1 = c0;
        FloatVector c2 = c0;
        FloatVector c3 = c0;
        for (int p = 0; p < k; p++) {
            FloatVector row = FloatVector.fromArray(S, b, bi + p * ldb);
            c0 = FloatVector.broadcast(S, a[ai + p]).fma(row, c0);
            c1 = FloatVector.broadcast(S, a[ai + lda + p]).fma(row, c1);
            c2 = FloatVector.broadcast(S, a[ai + 2 * lda + p]).fma(row, c2);
            c3 = FloatVector.broadcast(S, a[ai + 3 * lda + p]).fma(row, c3);
        }
        c0.intoArray(c, ci);
        c1.intoArray(c, ci + ldc);
        c2.intoArray(c, ci + 2 * ldc);
        c3.intoArray(c, ci + 3 * ldc);
    }

    private static void narrow1(float[] c, int ci, float[] a, int ai, float[] b, int bi, int ldb, int k) {
        FloatVector sum = FloatVector.zero(S);
        for (int p = 0; p < k; p++) {
            sum = FloatVector.broadcast(S, a[ai + p]).fma(FloatVector.fromArray(S, b, bi + p * ldb), sum);
        }
        sum.intoArray(c, ci);
    }
}
