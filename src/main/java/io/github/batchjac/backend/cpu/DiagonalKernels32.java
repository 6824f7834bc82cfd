package io.github.batchjac.backend.cpu;

import org.jspecify.annotations.Nullable;

/**
 * Diagonals, or stacks of them, times dense: one product each, the same bits everywhere; and their dense form. Conventions
 * as in {@link Kernels32}.
 */
interface DiagonalKernels32 {
    /** {@code out[b,i,j] = a[b,i,j]·d[b,j]}; a, out (batch,rows,cols). In place where a is not shared. */
    void scaleColumns(
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
            int cols);

    /** {@code out[b,i,j] = d[b,i]·a[b,i,j]}; a, out (batch,rows,cols). In place where a is not shared. */
    void scaleRows(
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
            int cols);

    /** {@code out[b,:] = c[b]·a[b,:]}; (batch,n). In place. */
    void scaleSamples(float[] out, int oo, float[] c, int co, float[] a, int ao, int batch, int n);

    /**
     * A row panel times a stack of diagonals: {@code out[b,i,j] = Σ_r a[b,i,r·n+j]·d[b,r·n+j]}, added in the order of r with
     * fused multiply-adds; a (batch,rows,repeat·n), out (batch,rows,n). No d: ones.
     */
    void foldRows(
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
            int n);

    /**
     * A stack of diagonals times a panel: {@code out[b,r·n+i,j] = d[b,r·n+i]·a[b,i,j]}; a (batch,n,cols), out
     * (batch,repeat·n,cols). No d: ones.
     */
    void tileRows(
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
            int cols);

    /** {@code out[b, r·n+j, j] = d[b, r·n+j]}, +0 elsewhere, or left alone if zeroed; (batch,repeat·n,n). No d: ones. */
    void denseDiagonal(
            float[] out,
            int oo,
            float @Nullable [] d,
            int d0,
            boolean dShared,
            int batch,
            int repeat,
            int n,
            boolean zeroed);
}
