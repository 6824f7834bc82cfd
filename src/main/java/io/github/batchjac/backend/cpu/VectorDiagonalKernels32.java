package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.VectorMath32.S;
import static io.github.batchjac.backend.cpu.VectorMath32.all;

import jdk.incubator.vector.FloatVector;

/** With the vector API. */
final class VectorDiagonalKernels32 extends PlainDiagonalKernels32 {
    /** Lanes. */
    private static final int L = S.length();

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
        if (cols < L) {
            super.scaleRows(out, oo, d, d0, dShared, a, ao, aShared, batch, rows, cols);
            return;
        }
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

    /** {@code out = c·a}, at least one vector. In place. */
    private static void multiply(float[] out, int oo, float c, float[] a, int ao, int length) {
        FloatVector factor = all(c);
        FloatVector end = FloatVector.fromArray(S, a, ao + length - L);
        for (int j = 0; j < length - L; j += L) {
            FloatVector.fromArray(S, a, ao + j).mul(factor).intoArray(out, oo + j);
        }
        end.mul(factor).intoArray(out, oo + length - L);
    }

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
        if (cols < L) {
            super.scaleColumns(out, oo, a, ao, aShared, d, d0, dShared, batch, rows, cols);
            return;
        }
        for (int b = 0; b < batch; b++) {
            int ab = aShared ? ao : ao + b * rows * cols;
            int db = dShared ? d0 : d0 + b * cols;
            for (int i = 0; i < rows; i++) {
                product(out, oo + (b * rows + i) * cols, a, ab + i * cols, d, db, cols);
            }
        }
    }

    /** {@code out = a∘d}, at least one vector. In place of a. */
    private static void product(float[] out, int oo, float[] a, int ao, float[] d, int d0, int length) {
        FloatVector end = FloatVector.fromArray(S, a, ao + length - L);
        for (int j = 0; j < length - L; j += L) {
            FloatVector.fromArray(S, a, ao + j)
                    .mul(FloatVector.fromArray(S, d, d0 + j))
                    .intoArray(out, oo + j);
        }
        end.mul(FloatVector.fromArray(S, d, d0 + length - L)).intoArray(out, oo + length - L);
    }
}
