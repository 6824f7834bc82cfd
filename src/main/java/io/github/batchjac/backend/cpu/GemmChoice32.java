package io.github.batchjac.backend.cpu;

import dev.ludovic.netlib.blas.NativeBLAS;
import org.jspecify.annotations.Nullable;

/**
 * Our own kernel for most products, OpenBLAS for those by a wide B where it pays. The choice looks at (n, k) alone: were
 * it to look at m, a row's bits would depend on how the batch is divided.
 *
 * <p>One thread of a Xeon with AVX-512, GFLOP/s in float at n = 128, 256, 512: vector API 121, 127, 120; OpenBLAS in the
 * fixed rows that {@link BlasGemm32} must use 81, 95, 123; plain Java 22, 23, 23. In double: 55, 56, 52; 39, 44, 58; 14.
 * So beside the vector API OpenBLAS is used only where asked for, {@code -Dbatchjac.openblas=on}, and beside plain Java
 * unless it is {@code off}.
 */
final class GemmChoice32 implements Gemm32 {
    /** Entries of B from which plain Java loses to OpenBLAS even where few rows are padded to many. */
    private static final long WIDE = 128 * 128;

    /** The longest n and k for OpenBLAS: its padded rows are kept per thread. */
    private static final int LONG = 1 << 13;

    private final Gemm32 own;
    private final boolean openblas;

    private GemmChoice32(Gemm32 own, boolean openblas) {
        this.own = own;
        this.openblas = openblas;
    }

    /** The engine of this process. {@code vector}: whether the vector API is usable, which the caller has checked. */
    static Gemm32 of(boolean vector) {
        String wish = System.getProperty(Blas.PROPERTY, "");
        boolean openblas = vector ? wish.equals("on") : !wish.equals("off");
        return new GemmChoice32(vector ? vector() : new PlainGemm32(), openblas);
    }

    /** By name: this class must load where the module is missing. */
    private static Gemm32 vector() {
        try {
            return Class.forName("io.github.batchjac.backend.cpu.VectorGemm32")
                    .asSubclass(Gemm32.class)
                    .getDeclaredConstructor()
                    .newInstance();
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("the vector API was found usable, but not by VectorGemm32", e);
        }
    }

    /** OpenBLAS is loaded here, by the first product that wants it. */
    private static final class Native {
        static final @Nullable Gemm32 GEMM = gemm();

        private static @Nullable Gemm32 gemm() {
            NativeBLAS blas = Blas.floats();
            return blas == null ? null : new BlasGemm32(blas);
        }
    }

    private Gemm32 engine(int n, int k) {
        boolean wide = openblas && (long) n * k >= WIDE && Math.min(n, k) >= 16 && Math.max(n, k) <= LONG;
        Gemm32 blas = wide ? Native.GEMM : null;
        return blas == null ? own : blas;
    }

    @Override
    public void multiply(
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
            boolean accumulate) {
        engine(n, k).multiply(c, co, ldc, a, ao, lda, transposeA, b, bo, ldb, transposeB, m, n, k, accumulate);
    }

    @Override
    public void multiplyBatch(
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
        engine(n, k)
                .multiplyBatch(
                        c,
                        co,
                        ldc,
                        strideC,
                        a,
                        ao,
                        lda,
                        strideA,
                        transposeA,
                        b,
                        bo,
                        ldb,
                        strideB,
                        transposeB,
                        batch,
                        m,
                        n,
                        k,
                        accumulate);
    }

    @Override
    public Right32 right(boolean transposeB, int n, int k) {
        return engine(n, k).right(transposeB, n, k);
    }
}
