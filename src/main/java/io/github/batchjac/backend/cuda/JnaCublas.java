package io.github.batchjac.backend.cuda;

import com.sun.jna.Library;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.PointerByReference;
import io.github.batchjac.tensor.Precision;
import java.nio.file.Files;
import java.nio.file.Path;

/** cuBLAS 13, which JCuda does not know: what we call has kept its form. */
final class JnaCublas implements CublasLibrary {
    private static final int NOT_TRANSPOSED = 0;
    private static final int TRANSPOSED = 1;
    private static final int DEFAULT_MATH = 0;
    private static final int TF32_MATH = 3;

    private final Functions cublas;
    private final Memory one32 = zero();
    private final Memory one64 = zero();
    private final Memory zero = zero();

    /** @throws UnsatisfiedLinkError if it, or what it needs, does not load */
    JnaCublas(Path library) {
        Path light = CublasFiles.light(library);
        if (Files.isRegularFile(light)) {
            NativeLibrary.getInstance(light.toString());
        }
        cublas = Native.load(library.toString(), Functions.class);
        one32.setFloat(0, 1);
        one64.setDouble(0, 1);
    }

    private static Memory zero() {
        Memory memory = new Memory(Double.BYTES);
        memory.clear();
        return memory;
    }

    /** C's pointers into the device and sizes are {@code long}: JCuda's natives are 64-bit only. */
    interface Functions extends Library {
        int cublasCreate_v2(PointerByReference handle);

        int cublasDestroy_v2(Pointer handle);

        int cublasGetVersion_v2(Pointer handle, IntByReference version);

        int cublasSetStream_v2(Pointer handle, long stream);

        int cublasSetWorkspace_v2(Pointer handle, long workspace, long bytes);

        int cublasSetMathMode(Pointer handle, int mode);

        int cublasSgemm_v2(
                Pointer handle,
                int opA,
                int opB,
                int m,
                int n,
                int k,
                Pointer alpha,
                long a,
                int lda,
                long b,
                int ldb,
                Pointer beta,
                long c,
                int ldc);

        int cublasDgemm_v2(
                Pointer handle,
                int opA,
                int opB,
                int m,
                int n,
                int k,
                Pointer alpha,
                long a,
                int lda,
                long b,
                int ldb,
                Pointer beta,
                long c,
                int ldc);
    }

    @Override
    public Handle open(NativeDevice device, long stream, long workspace, long workspaceBytes, boolean tf32) {
        PointerByReference created = new PointerByReference();
        CublasLibrary.check(cublas.cublasCreate_v2(created), "cublasCreate");
        Pointer handle = created.getValue();
        try {
            // The stream first: it takes the workspace away.
            CublasLibrary.check(cublas.cublasSetStream_v2(handle, stream), "cublasSetStream");
            CublasLibrary.check(cublas.cublasSetWorkspace_v2(handle, workspace, workspaceBytes), "cublasSetWorkspace");
            CublasLibrary.check(cublas.cublasSetMathMode(handle, tf32 ? TF32_MATH : DEFAULT_MATH), "cublasSetMathMode");
            IntByReference version = new IntByReference();
            CublasLibrary.check(cublas.cublasGetVersion_v2(handle, version), "cublasGetVersion");
            return new Open(handle, version.getValue());
        } catch (DriverException e) {
            cublas.cublasDestroy_v2(handle);
            throw e;
        }
    }

    private final class Open implements Handle {
        private final Pointer handle;
        private final int version;

        Open(Pointer handle, int version) {
            this.handle = handle;
            this.version = version;
        }

        @Override
        public int version() {
            return version;
        }

        @Override
        public void multiply(
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
                int ldc) {
            int op = transposed ? TRANSPOSED : NOT_TRANSPOSED;
            int status = precision == Precision.F32
                    ? cublas.cublasSgemm_v2(handle, op, NOT_TRANSPOSED, m, n, k, one32, a, lda, b, ldb, zero, c, ldc)
                    : cublas.cublasDgemm_v2(handle, op, NOT_TRANSPOSED, m, n, k, one64, a, lda, b, ldb, zero, c, ldc);
            CublasLibrary.check(status, "a product of " + m + "×" + k + " and " + k + "×" + n + " by cuBLAS");
        }

        @Override
        public void close() {
            CublasLibrary.check(cublas.cublasDestroy_v2(handle), "cublasDestroy");
        }
    }
}
