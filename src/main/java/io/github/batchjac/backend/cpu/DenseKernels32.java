package io.github.batchjac.backend.cpu;

/** Dense forms of products of vectors, and copies. Every element is written. Conventions as in {@link Kernels32}. */
interface DenseKernels32 {
    /** {@code out[b,i,j] = r[b,i]·x[b,j]}, one product; (batch,m,n). */
    void outer(
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
            int n);

    /**
     * dz/dW of {@code z = Wx}: {@code out[b,i, i·n+k] = x_k}, or in row form {@code out[b,i, k·m+i] = x_k}; +0 elsewhere, or left
     * alone if zeroed; (batch,m,m·n).
     */
    void kroneckerIdentity(
            float[] out, int oo, float[] x, int xo, int batch, int m, int n, boolean rowForm, boolean zeroed);

    /**
     * {@code A·dz/dW}: {@code out[b,i, j·n+l] = A_ij·x_l}, or in row form {@code out[b,i, l·m+j] = A_ij·x_l}; A (batch,k,m), x
     * (batch,n), out (batch,k,m·n). One product.
     */
    void kronecker(
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
            boolean rowForm);

    /** {@code out[b,j,i] = a[b,i,j]}; a (batch,rows,cols). */
    void transpose(float[] out, int oo, float[] a, int ao, int batch, int rows, int cols);

    /** {@code out[b,:] = a}; out (batch,size). */
    void broadcast(float[] out, int oo, float[] a, int ao, int batch, int size);
}
