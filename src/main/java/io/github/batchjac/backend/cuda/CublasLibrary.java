package io.github.batchjac.backend.cuda;

import io.github.batchjac.tensor.Precision;

/** What is called of cuBLAS. Failures are {@link DriverException}s. */
interface CublasLibrary {

    /**
     * A handle that works on one stream.
     *
     * @param device whose context is current in this thread
     * @param workspace device memory for as long as the handle is open
     * @param tf32 whether float products may round their operands to TF32
     */
    Handle open(NativeDevice device, long stream, long workspace, long workspaceBytes, boolean tf32);

    /** For one thread at a time. */
    interface Handle extends AutoCloseable {

        /** As cuBLAS numbers itself: 120604 is 12.6.4. */
        int version();

        /** C = op(A)·B. Column-major as BLAS is; op(A) (m,k), B (k,n), C (m,n). A is transposed if {@code transposed}. */
        void multiply(
                Precision precision,
                boolean transposed,
                int m,
                int n,
                int k,
                long a,
                int lda,
                long b,
                int ldb,
                long c,
                int ldc);

        @Override
        void close();
    }

    /** cuBLAS's status as the driver's error of the same meaning: out of memory can be helped, a failed kernel cannot. */
    static void check(int status, String call) {
        switch (status) {
            case 0 -> {}
            case 1 -> throw new DriverException(3, "CUBLAS_STATUS_NOT_INITIALIZED", call);
            case 3 -> throw new DriverException(2, "CUBLAS_STATUS_ALLOC_FAILED", call);
            case 7 -> throw new DriverException(1, "CUBLAS_STATUS_INVALID_VALUE", call);
            case 8 -> throw new DriverException(209, "CUBLAS_STATUS_ARCH_MISMATCH", call);
            case 13 -> throw new DriverException(719, "CUBLAS_STATUS_EXECUTION_FAILED", call);
            case 15 -> throw new DriverException(801, "CUBLAS_STATUS_NOT_SUPPORTED", call);
            default -> throw new DriverException(-status, "CUBLAS_STATUS_" + status, call);
        }
    }
}
