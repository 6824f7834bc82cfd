package io.github.batchjac.backend.cpu;

import java.util.Arrays;

/**
 * Matrix products in plain Java. Every entry of C is one chain of rounded multiply-adds in the order of p that starts
 * from C_ij (0 when not accumulating), so the bits depend on (A_i, B_j, k) alone.
 *
 * <p>A block of B is copied to rows that are arrays of their own, and a row of C to another: C2 of Java 17 vectorises
 * a loop over several arrays of one type only where all indices are the same (5 GFLOP/s otherwise).
 */
final class PlainGemm32 implements Gemm32 {
    /** Inner length of a block; a multiple of 4. */
    private static final int KC = 64;
    /** Columns of a block. */
    private static final int NC = 256;

    private static final ThreadLocal<Scratch> SCRATCH = ThreadLocal.withInitial(Scratch::new);

    private static final class Scratch {
        final float[][] right = new float[KC][NC];
        final float[] row = new float[NC];
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
        Scratch scratch = SCRATCH.get();
        int nextA = transposeA ? lda : 1;
        for (int p = 0; p < k; p += KC) {
            int kc = Math.min(KC, k - p);
            for (int j = 0; j < n; j += NC) {
                int nc = Math.min(NC, n - j);
                if (transposeB) {
                    copyColumns(scratch.right, b, bo + j * ldb + p, ldb, kc, nc);
                } else {
                    copyRows(scratch.right, b, bo + p * ldb + j, ldb, kc, nc);
                }
                for (int i = 0; i < m; i++) {
                    int ai = transposeA ? ao + p * lda + i : ao + i * lda + p;
                    int ci = co + i * ldc + j;
                    if (accumulate || p > 0) {
                        System.arraycopy(c, ci, scratch.row, 0, nc);
                    } else {
                        Arrays.fill(scratch.row, 0, nc, 0f);
                    }
                    addRows(scratch.row, nc, a, ai, nextA, scratch.right, kc);
                    System.arraycopy(scratch.row, 0, c, ci, nc);
                }
            }
        }
    }

    /** {@code row = row + Σ_{p<k} a_p B_p}, in the order of p; the a's are {@code next} apart. */
    private static void addRows(float[] row, int n, float[] a, int ai, int next, float[][] b, int k) {
        int whole = k & -4;
        for (int p = 0; p < whole; p += 4) {
            int at = ai + p * next;
            addFourRows(
                    row,
                    n,
                    a[at],
                    a[at + next],
                    a[at + 2 * next],
                    a[at + 3 * next],
                    b[p],
                    b[p + 1],
                    b[p + 2],
                    b[p + 3]);
        }
        for (int p = whole; p < k; p++) {
            addRow(row, n, a[ai + p * next], b[p]);
        }
    }

    private static void addFourRows(
            float[] row,
            int n,
            float a0,
            float a1,
            float a2,
            float a3,
            float[] b0,
            float[] b1,
            float[] b2,
            float[] b3) {
        for (int j = 0; j < n; j++) {
            row[j] = row[j] + a0 * b0[j] + a1 * b1[j] + a2 * b2[j] + a3 * b3[j];
        }
    }

    private static void addRow(float[] row, int n, float x, float[] b) {
        for (int j = 0; j < n; j++) {
            row[j] += x * b[j];
        }
    }

    private static void copyRows(float[][] to, float[] b, int bo, int ldb, int k, int n) {
        for (int p = 0; p < k; p++) {
            System.arraycopy(b, bo + p * ldb, to[p], 0, n);
        }
    }

    private static void copyColumns(float[][] to, float[] b, int bo, int ldb, int k, int n) {
        for (int p = 0; p < k; p++) {
            float[] row = to[p];
            int from = bo + p;
            for (int j = 0; j < n; j++) {
                row[j] = b[from + j * ldb];
            }
        }
    }
}
