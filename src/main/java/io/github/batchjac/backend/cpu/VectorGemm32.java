package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.VectorGemmTile32.L;
import static io.github.batchjac.backend.cpu.VectorGemmTile32.MR;
import static io.github.batchjac.backend.cpu.VectorGemmTile32.NR;
import static io.github.batchjac.backend.cpu.VectorGemmTile32.PAIRS;
import static io.github.batchjac.backend.cpu.VectorGemmTile32.PAIR_MR;
import static io.github.batchjac.backend.cpu.VectorGemmTile32.narrow;
import static io.github.batchjac.backend.cpu.VectorGemmTile32.pair;
import static io.github.batchjac.backend.cpu.VectorGemmTile32.store;
import static io.github.batchjac.backend.cpu.VectorGemmTile32.tile;
import static io.github.batchjac.backend.cpu.VectorGemmTile32.tileRows;
import static io.github.batchjac.backend.cpu.VectorPack32.packPanels;
import static io.github.batchjac.backend.cpu.VectorPack32.transpose;

/**
 * Matrix products with the vector API, in tiles. The inner axis is cut into blocks of {@link #KC}; within a block every entry
 * of C is one chain of fused multiply-adds in the order of p, starting from 0, and the blocks are added to C in their order.
 * No other order occurs, whatever the tile, so the bits depend on (A_i, B_j, k) alone.
 *
 * <p>Layers of blocks as in BLIS: a panel of B (KC, 2 vectors) stays in the first-level cache, a block of A (MC, KC) in the
 * second. Two panels would not fit the first: where they are taken at once, four rows of A stay there, and B comes from the second.
 * A transposed operand is copied to scratch block by block.
 */
final class VectorGemm32 implements Gemm32 {
    /** Inner length of a block; part of the definition of the result's bits. */
    private static final int KC = 256;
    /** Columns of a block of B. */
    private static final int NC = 256;
    /** Rows of a block of A. */
    private static final int MC = 32 * MR;
    /** From this many rows on, a block of B is worth copying into panels, unless it stays in the first-level cache as it lies. */
    private static final int ROWS_TO_PACK = 8 * MR;

    /** Numbers that stay there. */
    private static final int NEAR = 1 << 13;

    private static final ThreadLocal<Scratch> SCRATCH = ThreadLocal.withInitial(Scratch::new);

    /** What one thread copies operands to. */
    private static final class Scratch {
        final float[] left = new float[MC * KC];
        final float[] right = new float[NC * KC];
        final float[] tile = new float[Math.max(MR, 2 * PAIR_MR) * NR];
    }

    @Override
    public void multiply(
            float[] c,
            int co,
            int ldc,
            float[] a,
            int ao,
            int lda,
            boolean transposeA,
            float[] b,
            int bo,
            int ldb,
            boolean transposeB,
            int m,
            int n,
            int k,
            boolean accumulate) {
        if (k == 0 && !accumulate) {
            Gemm32.zero(c, co, ldc, m, n);
        }
        if (m == 0 || n == 0 || k == 0) {
            return;
        }
        product(SCRATCH.get(), c, co, ldc, a, ao, lda, transposeA, b, bo, ldb, transposeB, m, n, k, accumulate);
    }

    @Override
    public void multiplyBatch(
            float[] c,
            int co,
            int ldc,
            int strideC,
            float[] a,
            int ao,
            int lda,
            int strideA,
            boolean transposeA,
            float[] b,
            int bo,
            int ldb,
            int strideB,
            boolean transposeB,
            int batch,
            int m,
            int n,
            int k,
            boolean accumulate) {
        if (m == 0
                || n == 0
                || k == 0
                || Gemm32.isOneProduct(ldc, strideC, lda, strideA, transposeA, strideB, batch, m)) {
            Gemm32.super.multiplyBatch(
                    c,
                    co,
                    ldc,
                    strideC,
                    a,
                    ao,
                    lda,
                    strideA,
                    transposeA,
                    b,
                    bo,
                    ldb,
                    strideB,
                    transposeB,
                    batch,
                    m,
                    n,
                    k,
                    accumulate);
            return;
        }
        Scratch scratch = SCRATCH.get();
        if (strideA == 0 && !transposeA && !transposeB && 3 * n <= L && k <= KC) {
            sideBySide(scratch, c, co, ldc, strideC, a, ao, lda, b, bo, ldb, strideB, batch, m, n, k, accumulate);
            return;
        }
        boolean narrow = n <= L && k <= KC && ldc == n && strideC == m * n && !transposeA && !transposeB && !accumulate;
        for (int s = 0; s < batch; s++) {
            if (narrow && bo + s * strideB + (k - 1) * ldb + L <= b.length) {
                int end = co + batch * strideC;
                narrow(
                        scratch.tile,
                        c,
                        co + s * strideC,
                        end,
                        a,
                        ao + s * strideA,
                        lda,
                        b,
                        bo + s * strideB,
                        ldb,
                        m,
                        n,
                        k);
                continue;
            }
            product(
                    scratch,
                    c,
                    co + s * strideC,
                    ldc,
                    a,
                    ao + s * strideA,
                    lda,
                    transposeA,
                    b,
                    bo + s * strideB,
                    ldb,
                    transposeB,
                    m,
                    n,
                    k,
                    accumulate);
        }
    }

    /** One A for all: of as many samples as fill a tile, their few columns of B in one panel. */
    private static void sideBySide(
            Scratch scratch,
            float[] c,
            int co,
            int ldc,
            int strideC,
            float[] a,
            int ao,
            int lda,
            float[] b,
            int bo,
            int ldb,
            int strideB,
            int batch,
            int m,
            int n,
            int k,
            boolean add) {
        float[] panel = scratch.right;
        float[] tile = scratch.tile;
        for (int s = 0, samples; s < batch; s += samples) {
            samples = Math.min(NR / n, batch - s);
            int first = bo + s * strideB;
            for (int p = 0; p < k; p++) {
                for (int q = 0; q < samples; q++) {
                    int from = first + q * strideB + p * ldb;
                    for (int j = 0; j < n; j++) {
                        panel[p * NR + q * n + j] = b[from + j];
                    }
                }
            }
            for (int i = 0, rows; i < m; i += rows) {
                rows = tileRows(m - i);
                tile(rows, tile, 0, NR, a, ao + i * lda, lda, panel, 0, NR, L, k);
                for (int q = 0; q < samples; q++) {
                    store(c, co + (s + q) * strideC + i * ldc, ldc, tile, NR, q * n, rows, n, add);
                }
            }
        }
    }

    @Override
    public Right32 right(boolean transposeB, int n, int k) {
        return new Panels(transposeB, n, k);
    }

    private static void product(
            Scratch scratch,
            float[] c,
            int co,
            int ldc,
            float[] a,
            int ao,
            int lda,
            boolean transposeA,
            float[] b,
            int bo,
            int ldb,
            boolean transposeB,
            int m,
            int n,
            int k,
            boolean accumulate) {
        boolean pack = transposeB || m >= ROWS_TO_PACK && (long) Math.min(k, KC) * ldb > NEAR;
        for (int j = 0; j < n; j += NC) {
            int nc = Math.min(NC, n - j);
            for (int p = 0; p < k; p += KC) {
                int kc = Math.min(KC, k - p);
                boolean add = accumulate || p > 0;
                int bp = transposeB ? bo + j * ldb + p : bo + p * ldb + j;
                if (pack) {
                    packPanels(scratch.right, 0, kc * NR, b, bp, ldb, transposeB, nc, kc);
                    rows(
                            scratch,
                            c,
                            co + j,
                            ldc,
                            a,
                            ao,
                            lda,
                            transposeA,
                            scratch.right,
                            0,
                            NR,
                            kc * NR,
                            m,
                            nc,
                            p,
                            kc,
                            add);
                    continue;
                }
                // The last panel is read to its full width; what lies beyond B goes into lanes that are never stored.
                int whole = nc / NR * NR;
                boolean readable = bp + whole + (kc - 1) * ldb + NR <= b.length;
                int direct = readable ? nc : whole;
                rows(scratch, c, co + j, ldc, a, ao, lda, transposeA, b, bp, ldb, NR, m, direct, p, kc, add);
                if (direct < nc) {
                    packPanels(scratch.right, 0, kc * NR, b, bp + whole, ldb, false, nc - whole, kc);
                    rows(
                            scratch,
                            c,
                            co + j + whole,
                            ldc,
                            a,
                            ao,
                            lda,
                            transposeA,
                            scratch.right,
                            0,
                            NR,
                            kc * NR,
                            m,
                            nc - whole,
                            p,
                            kc,
                            add);
                }
            }
        }
    }

    /** C (m,nc) gets A's columns p to p+kc times the panels of B: panel q at {@code bo + q·panel}, its rows ldb apart. */
    private static void rows(
            Scratch scratch,
            float[] c,
            int co,
            int ldc,
            float[] a,
            int ao,
            int lda,
            boolean transposeA,
            float[] b,
            int bo,
            int ldb,
            int panel,
            int m,
            int nc,
            int p,
            int kc,
            boolean add) {
        for (int i = 0; i < m; i += MC) {
            int mc = Math.min(MC, m - i);
            if (transposeA) {
                transpose(scratch.left, KC, a, ao + p * lda + i, lda, mc, kc);
                block(scratch.tile, c, co + i * ldc, ldc, scratch.left, 0, KC, b, bo, ldb, panel, mc, nc, kc, add);
            } else {
                block(scratch.tile, c, co + i * ldc, ldc, a, ao + i * lda + p, lda, b, bo, ldb, panel, mc, nc, kc, add);
            }
        }
    }

    private static void block(
            float[] tile,
            float[] c,
            int co,
            int ldc,
            float[] a,
            int ao,
            int lda,
            float[] b,
            int bo,
            int ldb,
            int panel,
            int m,
            int n,
            int k,
            boolean add) {
        // two or three rows that are left join four before them, for a tile of six
        int left = m % PAIR_MR < 2 ? m % PAIR_MR : Math.min(m, m % PAIR_MR + PAIR_MR);
        int pairRows = PAIRS ? m - left : 0;
        // of a second panel, a whole vector at least
        int pairColumns = n % (2 * NR) < NR + L ? n / (2 * NR) * (2 * NR) : n;
        pairs(tile, c, co, ldc, a, ao, lda, b, bo, ldb, panel, pairRows, pairColumns, k, add);
        for (int j = 0; j < n; j += NR) {
            int done = j < pairColumns ? pairRows : 0;
            int ci = co + done * ldc + j;
            int ai = ao + done * lda;
            int bj = bo + j / NR * panel;
            panel(tile, c, ci, ldc, a, ai, lda, b, bj, ldb, m - done, Math.min(NR, n - j), k, add);
        }
    }

    /** The columns of panels two by two. The last vector of them may overlap the one before. */
    private static void pairs(
            float[] tile,
            float[] c,
            int co,
            int ldc,
            float[] a,
            int ao,
            int lda,
            float[] b,
            int bo,
            int ldb,
            int panel,
            int m,
            int n,
            int k,
            boolean add) {
        for (int i = 0; i < m; i += PAIR_MR) {
            int ai = ao + i * lda;
            for (int j = 0; j < n; j += 2 * NR) {
                int width = Math.min(2 * NR, n - j);
                int second = width - NR - L;
                int ci = co + i * ldc + j;
                int bj = bo + j / NR * panel;
                if (add) {
                    pair(tile, 0, 2 * NR, a, ai, lda, b, bj, ldb, panel, second, k);
                    store(c, ci, ldc, tile, 2 * NR, 0, PAIR_MR, width, true);
                } else {
                    pair(c, ci, ldc, a, ai, lda, b, bj, ldb, panel, second, k);
                }
            }
        }
    }

    /** The columns of one panel. The second vector of them may overlap the first. */
    private static void panel(
            float[] tile,
            float[] c,
            int co,
            int ldc,
            float[] a,
            int ao,
            int lda,
            float[] b,
            int bj,
            int ldb,
            int m,
            int width,
            int k,
            boolean add) {
        for (int i = 0, rows; i < m; i += rows) {
            rows = tileRows(m - i);
            int ci = co + i * ldc;
            int ai = ao + i * lda;
            if (width >= L && !add) {
                tile(rows, c, ci, ldc, a, ai, lda, b, bj, ldb, width - L, k);
            } else {
                tile(rows, tile, 0, NR, a, ai, lda, b, bj, ldb, L, k);
                store(c, ci, ldc, tile, NR, 0, rows, width, add);
            }
        }
    }

    /** op(B) (k,n) as panels of full inner length. */
    private static final class Panels implements Right32 {
        private final boolean transposeB;
        private final int n;
        private final int k;
        private final float[] panels;

        Panels(boolean transposeB, int n, int k) {
            this.transposeB = transposeB;
            this.n = n;
            this.k = k;
            panels = new float[Math.multiplyExact((n + NR - 1) / NR * NR, k)];
        }

        @Override
        public void set(float[] b, int bo, int ldb) {
            packPanels(panels, 0, k * NR, b, bo, ldb, transposeB, n, k);
        }

        @Override
        public void multiply(
                float[] c, int co, int ldc, float[] a, int ao, int lda, boolean transposeA, int m, boolean accumulate) {
            if (k == 0 && !accumulate) {
                Gemm32.zero(c, co, ldc, m, n);
            }
            Scratch scratch = SCRATCH.get();
            for (int j = 0; j < n; j += NC) {
                int nc = Math.min(NC, n - j);
                for (int p = 0; p < k; p += KC) {
                    int kc = Math.min(KC, k - p);
                    int bp = j * k + p * NR;
                    rows(
                            scratch,
                            c,
                            co + j,
                            ldc,
                            a,
                            ao,
                            lda,
                            transposeA,
                            panels,
                            bp,
                            NR,
                            k * NR,
                            m,
                            nc,
                            p,
                            kc,
                            accumulate || p > 0);
                }
            }
        }
    }
}
