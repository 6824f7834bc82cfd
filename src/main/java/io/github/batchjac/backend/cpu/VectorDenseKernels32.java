package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.VectorMath32.S;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/** With the vector API. */
final class VectorDenseKernels32 extends PlainDenseKernels32 {
    /** Lanes. */
    private static final int L = S.length();

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
            int rb = rShared ? ro : ro + b * m;
            int xb = xShared ? xo : xo + b * n;
            VectorOuter32.outer(out, oo + b * m * n, end, r, rb, m, 1f, x, xb, n);
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
                VectorOuter32.outer(out, oo + (b * k + i) * m * n, end, x, xo + b * n, n, 1f, a, row, m);
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
