package io.github.batchjac.backend.cpu;

import dev.ludovic.netlib.blas.NativeBLAS;

/**
 * Matrix products by OpenBLAS, always on {@link Blas#ROWS} rows at a time, the last ones padded through scratch:
 * OpenBLAS chooses its kernels, and so the order of its sums, by the number of rows.
 */
final class BlasGemm32 implements Gemm32 {
    private static final int ROWS = Blas.ROWS;

    private static final ThreadLocal<Scratch> SCRATCH = ThreadLocal.withInitial(Scratch::new);

    /** The padded rows; as large as this thread's largest product. */
    private static final class Scratch {
        float[] left = new float[0];
        float[] product = new float[0];

        void grow(int n, int k) {
            if (left.length < ROWS * k) {
                left = new float[ROWS * k];
            }
            if (product.length < ROWS * n) {
                product = new float[ROWS * n];
            }
        }
    }

    private final NativeBLAS blas;

    BlasGemm32(NativeBLAS blas) {
        this.blas = blas;
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
        int whole = m / ROWS * ROWS;
        for (int i = 0; i < whole; i += ROWS) {
            int ai = transposeA ? ao + i : ao + i * lda;
            call(c, co + i * ldc, ldc, a, ai, lda, transposeA, b, bo, ldb, transposeB, n, k, accumulate);
        }
        int rest = m - whole;
        if (rest == 0) {
            return;
        }
        Scratch scratch = SCRATCH.get();
        scratch.grow(n, k);
        int ai = transposeA ? ao + whole : ao + whole * lda;
        int ci = co + whole * ldc;
        int width = transposeA ? ROWS : k;
        copy(scratch.left, width, a, ai, lda, transposeA ? k : rest, transposeA ? rest : k);
        if (accumulate) {
            copy(scratch.product, n, c, ci, ldc, rest, n);
        }
        call(scratch.product, 0, n, scratch.left, 0, width, transposeA, b, bo, ldb, transposeB, n, k, accumulate);
        for (int i = 0; i < rest; i++) {
            System.arraycopy(scratch.product, i * n, c, ci + i * ldc, n);
        }
    }

    /** Row-major C is column-major Cᵀ = op(B)ᵀ·op(A)ᵀ. */
    private void call(
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
            int n,
            int k,
            boolean accumulate) {
        String ta = transposeA ? "T" : "N";
        String tb = transposeB ? "T" : "N";
        float beta = accumulate ? 1f : 0f;
        blas.sgemm(tb, ta, n, ROWS, k, 1f, b, bo, ldb, a, ao, lda, beta, c, co, ldc); // 32 only
        // 64 only: blas.dgemm(tb, ta, n, ROWS, k, 1, b, bo, ldb, a, ao, lda, beta, c, co, ldc);
    }

    private static void copy(float[] to, int width, float[] from, int at, int row, int rows, int cols) {
        for (int i = 0; i < rows; i++) {
            System.arraycopy(from, at + i * row, to, i * width, cols);
        }
    }
}
