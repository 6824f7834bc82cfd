package io.github.batchjac.backend.cpu;

import java.util.Arrays;

/**
 * Matrix products {@code C = op(A)·op(B)}, or {@code C = C + op(A)·op(B)}: {@code C_ij = Σ_p A_ip B_pj}.
 *
 * <p>op(A) is (m,k), op(B) is (k,n), C is (m,n), all row-major. An operand is a matrix inside an array: where it starts
 * and how far apart its stored rows lie ({@code lda} and so on, at least the stored width). A transposed operand is
 * stored as (k,m) or (n,k). Anything around the matrices is neither changed nor able to change a result. Every size may
 * be 0: k = 0 gives zeros, or C unchanged. C must not overlap an operand.
 *
 * <p>Within {@code (k+4)·u·(|C_ij| + Σ_p |A_ip||B_pj|)} of the exact value, u the unit roundoff, C_ij only when
 * accumulating. NaN and infinities follow IEEE 754 and stay within their own row of A and column of B.
 *
 * <p><b>Position independence.</b> For one engine, the bits of a row of C are a function of that row of A, of B and of
 * (n, k, transpositions, accumulate): not of m, the row's number, offsets, leading dimensions, the thread, or how rows
 * are divided among calls. So a batch gives the same bits whole, in chunks, or split over threads.
 *
 * <p>No method allocates after a thread's first call; all are safe to call from several threads at once.
 */
interface Gemm32 {
    /** {@code C = op(A)·op(B)}, plus C when accumulating; see the class comment. */
    void multiply(
            float[] c,
            int co,
            int ldc,
            float[] a,
            int ao,
            int lda,
            boolean transposeA,
            float[] b,
            int bo,
            int ldb,
            boolean transposeB,
            int m,
            int n,
            int k,
            boolean accumulate);

    /**
     * {@code C_s = op(A_s)·op(B_s)}, plus C_s when accumulating, for every s below {@code batch}; matrix s of an operand
     * starts {@code s·stride} after its first. Stride 0 is one operand shared by all; C's may be 0 only for a batch of
     * at most one. The bits of every C_s are those of {@link #multiply}.
     */
    default void multiplyBatch(
            float[] c,
            int co,
            int ldc,
            int strideC,
            float[] a,
            int ao,
            int lda,
            int strideA,
            boolean transposeA,
            float[] b,
            int bo,
            int ldb,
            int strideB,
            boolean transposeB,
            int batch,
            int m,
            int n,
            int k,
            boolean accumulate) {
        if (isOneProduct(ldc, strideC, lda, strideA, transposeA, strideB, batch, m)) {
            multiply(c, co, ldc, a, ao, lda, transposeA, b, bo, ldb, transposeB, batch * m, n, k, accumulate);
            return;
        }
        for (int s = 0; s < batch; s++) {
            multiply(
                    c,
                    co + s * strideC,
                    ldc,
                    a,
                    ao + s * strideA,
                    lda,
                    transposeA,
                    b,
                    bo + s * strideB,
                    ldb,
                    transposeB,
                    m,
                    n,
                    k,
                    accumulate);
        }
    }

    /** Room for a right operand op(B) (k,n) that many products share, such as a layer's weights. */
    default Right32 right(boolean transposeB, int n, int k) {
        return new StoredRight32(this, transposeB, n, k);
    }

    /** A right operand kept in the form that its engine reads fastest. One thread sets it, then any number multiply. */
    interface Right32 {
        /** Copies B: later changes of {@code b} do not matter. Allocates nothing. */
        void set(float[] b, int bo, int ldb);

        /** As {@link Gemm32#multiply} with the B last set, to the same bits. */
        void multiply(
                float[] c, int co, int ldc, float[] a, int ao, int lda, boolean transposeA, int m, boolean accumulate);
    }

    /** The matrices of a batch, one below the other, are one tall matrix when B is shared and nothing lies between. */
    static boolean isOneProduct(
            int ldc, int strideC, int lda, int strideA, boolean transposeA, int strideB, int batch, int m) {
        return strideB == 0
                && !transposeA
                && (long) strideA == (long) m * lda
                && (long) strideC == (long) m * ldc
                && (long) batch * m <= Integer.MAX_VALUE;
    }

    /** {@code C = 0}: the product over an empty inner axis. */
    static void zero(float[] c, int co, int ldc, int m, int n) {
        for (int i = 0; i < m; i++) {
            Arrays.fill(c, co + i * ldc, co + i * ldc + n, 0f);
        }
    }
}
