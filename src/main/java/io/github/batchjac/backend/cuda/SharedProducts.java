package io.github.batchjac.backend.cuda;

import io.github.batchjac.graph.Op;
import io.github.batchjac.tensor.Precision;
import org.jspecify.annotations.Nullable;

/** Products of a batch with one shared matrix: by our own kernels, or by cuBLAS where it is at hand and the product large. */
final class SharedProducts {
    /** From here on a product is bound by arithmetic alone, and cuBLAS gains by it. */
    static final int WIDE = 256;

    /** With fewer rows or columns it has not enough to do. */
    static final int FEW = 64;

    private final MatrixKernels own;
    private final ElementwiseKernels elementwise;
    private final Precision precision;
    private final @Nullable Library library;

    /** {@code out (rows,n) = a·w}, or {@code a·wᵀ}; see {@link CublasProducts}. */
    interface Library {
        void multiply(long out, long rows, int n, int k, long a, long w, boolean transposed, Precision precision);
    }

    SharedProducts(MatrixKernels own, ElementwiseKernels elementwise, Precision precision, @Nullable Library library) {
        this.own = own;
        this.elementwise = elementwise;
        this.precision = precision;
        this.library = library;
    }

    /** {@code out (batch·m, n) = A·diag(scale)·op(W) + bias}; see {@link MatrixKernels#timesShared}. */
    void multiply(
            long out,
            Strided a,
            long batch,
            int m,
            int k,
            Strided scale,
            long w,
            boolean transposed,
            int n,
            long bias) {
        boolean gaps = batch > 1 && a.stride() != (long) m * k;
        long rows = batch * m;
        if (library == null || k < WIDE || n < FEW || rows < FEW || gaps || !scale.missing()) {
            own.timesShared(out, a, batch, m, k, scale, w, transposed, n, bias);
            return;
        }
        library.multiply(out, rows, n, k, a.address(), w, transposed, precision);
        if (bias != 0) {
            Strided row = new Strided(bias, 0);
            elementwise.arithmetic(Op.Arithmetic.ADD, out, n, new Strided(out, n), n, row, n, rows);
        }
    }
}
