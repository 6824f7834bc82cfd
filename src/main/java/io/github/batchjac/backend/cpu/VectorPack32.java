package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.VectorGemmTile32.L;
import static io.github.batchjac.backend.cpu.VectorGemmTile32.NR;
import static io.github.batchjac.backend.cpu.VectorMath32.S;

import jdk.incubator.vector.FloatVector;

/** Operands of products, copied to where the tiles of {@link VectorGemmTile32} read them. */
final class VectorPack32 {
    private VectorPack32() {}

    /** Rows (rows,cols) from a matrix stored as (cols,rows). */
    static void transpose(float[] to, int ldt, float[] from, int fo, int ldf, int rows, int cols) {
        for (int i = 0; i < rows; i++) {
            for (int p = 0; p < cols; p++) {
                to[i * ldt + p] = from[fo + p * ldf + i];
            }
        }
    }

    /**
     * op(B) (k,n) as panels (k,NR), {@code panel} apart. What lies behind the columns of the last one is of no account: {@link
     * VectorGemm32} never stores what it computes from it.
     */
    static void packPanels(
            float[] to, int too, int panel, float[] b, int bo, int ldb, boolean transposeB, int n, int k) {
        for (int j = 0; j < n; j += NR) {
            int width = Math.min(NR, n - j);
            int t = too + j / NR * panel;
            if (transposeB) {
                for (int q = 0; q < width; q++) {
                    int from = bo + (j + q) * ldb;
                    for (int p = 0; p < k; p++) {
                        to[t + p * NR + q] = b[from + p];
                    }
                }
            } else if (width >= L) {
                int second = width - L;
                for (int p = 0; p < k; p++) {
                    FloatVector.fromArray(S, b, bo + p * ldb + j).intoArray(to, t + p * NR);
                    FloatVector.fromArray(S, b, bo + p * ldb + j + second).intoArray(to, t + p * NR + second);
                }
            } else {
                for (int p = 0; p < k; p++) {
                    for (int q = 0; q < width; q++) {
                        to[t + p * NR + q] = b[bo + p * ldb + j + q];
                    }
                }
            }
        }
    }
}
