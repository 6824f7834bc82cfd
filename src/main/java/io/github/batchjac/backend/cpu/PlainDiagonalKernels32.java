package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.PlainDenseKernels32.FILL;
import static io.github.batchjac.backend.cpu.Rows32.accumulate;
import static io.github.batchjac.backend.cpu.Rows32.multiply;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** In plain Java, as the formulas read. */
class PlainDiagonalKernels32 implements DiagonalKernels32 {
    @Override
    public void scaleColumns(
            float[] out,
            int oo,
            float[] a,
            int ao,
            boolean aShared,
            float[] d,
            int d0,
            boolean dShared,
            int batch,
            int rows,
            int cols) {
        for (int b = 0; b < batch; b++) {
            int db = dShared ? d0 : d0 + b * cols;
            int ab = aShared ? ao : ao + b * rows * cols;
            for (int i = 0; i < rows; i++) {
                int o = oo + (b * rows + i) * cols;
                for (int j = 0; j < cols; j++) {
                    out[o + j] = a[ab + i * cols + j] * d[db + j];
                }
            }
        }
    }

    @Override
    public void scaleRows(
            float[] out,
            int oo,
            float[] d,
            int d0,
            boolean dShared,
            float[] a,
            int ao,
            boolean aShared,
            int batch,
            int rows,
            int cols) {
        for (int b = 0; b < batch; b++) {
            int ab = aShared ? ao : ao + b * rows * cols;
            for (int i = 0; i < rows; i++) {
                multiply(
                        out,
                        oo + (b * rows + i) * cols,
                        d[dShared ? d0 + i : d0 + b * rows + i],
                        a,
                        ab + i * cols,
                        cols);
            }
        }
    }

    @Override
    public void scaleSamples(float[] out, int oo, float[] c, int co, float[] a, int ao, int batch, int n) {
        scaleRows(out, oo, c, co, false, a, ao, false, batch, 1, n);
    }

    @Override
    public void foldRows(
            float[] out,
            int oo,
            float[] a,
            int ao,
            boolean aShared,
            float @Nullable [] d,
            int d0,
            boolean dShared,
            int batch,
            int rows,
            int repeat,
            int n) {
        for (int b = 0; b < batch; b++) {
            for (int i = 0; i < rows; i++) {
                int o = oo + (b * rows + i) * n;
                int row = ao + ((aShared ? 0 : b * rows) + i) * repeat * n;
                Arrays.fill(out, o, o + n, 0f);
                for (int r = 0; r < repeat; r++) {
                    int ar = row + r * n;
                    if (d == null) {
                        accumulate(out, o, a, ar, n);
                    } else {
                        int dr = d0 + ((dShared ? 0 : b * repeat) + r) * n;
                        for (int j = 0; j < n; j++) {
                            out[o + j] = Math.fma(a[ar + j], d[dr + j], out[o + j]);
                        }
                    }
                }
            }
        }
    }

    @Override
    public void tileRows(
            float[] out,
            int oo,
            float @Nullable [] d,
            int d0,
            boolean dShared,
            float[] a,
            int ao,
            boolean aShared,
            int batch,
            int repeat,
            int n,
            int cols) {
        for (int b = 0; b < batch; b++) {
            int ab = aShared ? ao : ao + b * n * cols;
            for (int r = 0; r < repeat; r++) {
                int block = b * repeat + r;
                int o = oo + block * n * cols;
                if (d == null) {
                    System.arraycopy(a, ab, out, o, n * cols);
                } else {
                    scaleRows(out, o, d, d0 + (dShared ? r : block) * n, true, a, ab, true, 1, n, cols);
                }
            }
        }
    }

    @Override
    public void denseDiagonal(
            float[] out,
            int oo,
            float @Nullable [] d,
            int d0,
            boolean dShared,
            int batch,
            int repeat,
            int n,
            boolean zeroed) {
        int size = repeat * n * n;
        int group = Math.max(1, FILL / Math.max(1, size));
        for (int b = 0; b < batch; b += group) {
            int most = Math.min(group, batch - b);
            int o = oo + b * size;
            if (!zeroed) {
                Arrays.fill(out, o, o + most * size, 0f);
            }
            if (d == null || !dShared) {
                diagonals(out, o, d, d0 + b * repeat * n, most * repeat, n);
            } else {
                for (int i = 0; i < most; i++) {
                    diagonals(out, o + i * size, d, d0, repeat, n);
                }
            }
        }
    }

    /** Sets the diagonals of a stack of (n,n), in one loop: n may be small. */
    private static void diagonals(float[] out, int oo, float @Nullable [] d, int d0, int stack, int n) {
        int o = oo;
        int j = 0;
        for (int i = d0; i < d0 + stack * n; i++) {
            out[o] = d == null ? 1f : d[i];
            j++;
            boolean last = j == n;
            o += last ? 1 : n + 1;
            j = last ? 0 : j;
        }
    }
}
