package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.Rows32.multiply;

import java.util.Arrays;

/** In plain Java, as the formulas read. */
class PlainDenseKernels32 implements DenseKernels32 {
    /** Elements that are filled with zeros at a time: they are still in the first-level cache for what comes next. */
    static final int FILL = 1 << 12;

    @Override
    public void outer(
            float[] out,
            int oo,
            float[] r,
            int ro,
            boolean rShared,
            float[] x,
            int xo,
            boolean xShared,
            int batch,
            int m,
            int n) {
        for (int b = 0; b < batch; b++) {
            int xb = xShared ? xo : xo + b * n;
            for (int i = 0; i < m; i++) {
                multiply(out, oo + (b * m + i) * n, r[rShared ? ro + i : ro + b * m + i], x, xb, n);
            }
        }
    }

    @Override
    public void kroneckerIdentity(
            float[] out, int oo, float[] x, int xo, int batch, int m, int n, boolean rowForm, boolean zeroed) {
        for (int b = 0; b < batch; b++) {
            int xb = xo + b * n;
            for (int i = 0; i < m; i++) {
                int o = oo + (b * m + i) * m * n;
                if (!zeroed) {
                    Arrays.fill(out, o, o + m * n, 0f);
                }
                if (rowForm) {
                    for (int k = 0; k < n; k++) {
                        out[o + k * m + i] = x[xb + k];
                    }
                } else {
                    System.arraycopy(x, xb, out, o + i * n, n);
                }
            }
        }
    }

    @Override
    public void kronecker(
            float[] out,
            int oo,
            float[] a,
            int ao,
            boolean aShared,
            float[] x,
            int xo,
            int batch,
            int k,
            int m,
            int n,
            boolean rowForm) {
        if (!rowForm) {
            outer(out, oo, a, ao, aShared, x, xo, false, batch, k * m, n);
            return;
        }
        for (int b = 0; b < batch; b++) {
            for (int i = 0; i < k; i++) {
                int row = ao + ((aShared ? 0 : b * k) + i) * m;
                outer(out, oo + (b * k + i) * m * n, x, xo + b * n, true, a, row, true, 1, n, m);
            }
        }
    }

    /** In tiles: a cache line that is read column by column is used up before it leaves the cache. */
    @Override
    public void transpose(float[] out, int oo, float[] a, int ao, int batch, int rows, int cols) {
        int tile = 16;
        for (int b = 0; b < batch; b++) {
            int o = oo + b * rows * cols;
            int s = ao + b * rows * cols;
            for (int i0 = 0; i0 < rows; i0 += tile) {
                int i1 = Math.min(i0 + tile, rows);
                for (int j = 0; j < cols; j++) {
                    for (int i = i0; i < i1; i++) {
                        out[o + j * rows + i] = a[s + i * cols + j];
                    }
                }
            }
        }
    }

    @Override
    public void broadcast(float[] out, int oo, float[] a, int ao, int batch, int size) {
        for (int b = 0; b < batch; b++) {
            System.arraycopy(a, ao, out, oo + b * size, size);
        }
    }
}
