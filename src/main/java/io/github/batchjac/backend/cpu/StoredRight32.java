package io.github.batchjac.backend.cpu;

/** A right operand kept as it came, for engines that have no better form. */
final class StoredRight32 implements Gemm32.Right32 {
    private final Gemm32 gemm;
    private final boolean transposeB;
    private final int n;
    private final int k;
    private final int width;
    private final float[] b;

    StoredRight32(Gemm32 gemm, boolean transposeB, int n, int k) {
        this.gemm = gemm;
        this.transposeB = transposeB;
        this.n = n;
        this.k = k;
        width = transposeB ? k : n;
        b = new float[Math.multiplyExact(n, k)];
    }

    @Override
    public void set(float[] from, int bo, int ldb) {
        int rows = transposeB ? n : k;
        for (int row = 0; row < rows; row++) {
            System.arraycopy(from, bo + row * ldb, b, row * width, width);
        }
    }

    @Override
    public void multiply(
            float[] c, int co, int ldc, float[] a, int ao, int lda, boolean transposeA, int m, boolean accumulate) {
        gemm.multiply(c, co, ldc, a, ao, lda, transposeA, b, 0, width, transposeB, m, n, k, accumulate);
    }
}
