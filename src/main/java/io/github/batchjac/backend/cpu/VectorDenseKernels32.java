package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.VectorMath32.S;
import static io.github.batchjac.backend.cpu.VectorMath32.all;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/** With the vector API. */
final class VectorDenseKernels32 extends PlainDenseKernels32 {
    /** Lanes. */
    private static final int L = S.length();

    /** Elements that are filled with zeros at a time: they are still in the first-level cache for what comes next. */
    static final int FILL = 1 << 12;

    /**
     * {@code out[i,:] = r_i·x}. A row is written in whole vectors where what spills over stays in front of {@code end} and
     * what is read beyond x is in its array; x itself must not lie in out.
     */
    private static void spill(float[] out, int oo, int end, float[] r, int ro, int rows, float[] x, int xo, int n) {
        int width = (n + L - 1) / L * L;
        int i = 0;
        if (width == L && xo + L <= x.length) {
            FloatVector v = FloatVector.fromArray(S, x, xo);
            for (; i < rows && oo + i * n + L <= end; i++) {
                v.mul(r[ro + i]).intoArray(out, oo + i * n);
            }
        } else if (xo + width <= x.length) {
            for (; i < rows && oo + i * n + width <= end; i++) {
                FloatVector c = all(r[ro + i]);
                for (int j = 0; j < n; j += L) {
                    FloatVector.fromArray(S, x, xo + j).mul(c).intoArray(out, oo + i * n + j);
                }
            }
        }
        for (; i < rows; i++) {
            for (int j = 0; j < n; j++) {
                out[oo + i * n + j] = r[ro + i] * x[xo + j];
            }
        }
    }

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
        int end = oo + batch * m * n;
        for (int b = 0; b < batch; b++) {
            spill(out, oo + b * m * n, end, r, rShared ? ro : ro + b * m, m, x, xShared ? xo : xo + b * n, n);
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
        int end = oo + batch * k * m * n;
        for (int b = 0; b < batch; b++) {
            for (int i = 0; i < k; i++) {
                int row = ao + ((aShared ? 0 : b * k) + i) * m;
                spill(out, oo + (b * k + i) * m * n, end, x, xo + b * n, n, a, row, m);
            }
        }
    }

    @Override
    public void kroneckerIdentity(
            float[] out, int oo, float[] x, int xo, int batch, int m, int n, boolean rowForm, boolean zeroed) {
        int size = m * m * n;
        int group = Math.max(1, FILL / Math.max(1, size));
        for (int b = 0; b < batch; b += group) {
            int most = Math.min(group, batch - b);
            if (!zeroed) {
                Arrays.fill(out, oo + b * size, oo + (b + most) * size, 0f);
            }
            for (int i = b; i < b + most; i++) {
                copies(out, oo + i * size, x, xo + i * n, m, n, rowForm);
            }
        }
    }

    /** One sample's m copies of x. */
    private static void copies(float[] out, int oo, float[] x, int xo, int m, int n, boolean rowForm) {
        for (int i = 0; i < m; i++) {
            int o = oo + i * m * n;
            if (rowForm) {
                for (int k = 0; k < n; k++) {
                    out[o + k * m + i] = x[xo + k];
                }
            } else if (n < L) {
                for (int k = 0; k < n; k++) {
                    out[o + i * n + k] = x[xo + k];
                }
            } else {
                o += i * n;
                for (int k = 0; k < n - L; k += L) {
                    FloatVector.fromArray(S, x, xo + k).intoArray(out, o + k);
                }
                FloatVector.fromArray(S, x, xo + n - L).intoArray(out, o + n - L);
            }
        }
    }
}
