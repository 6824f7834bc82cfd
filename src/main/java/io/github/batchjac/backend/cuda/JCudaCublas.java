package io.github.batchjac.backend.cuda;

import io.github.batchjac.tensor.Precision;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import jcuda.LogLevel;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;
import jcuda.jcublas.cublasMath;
import jcuda.jcublas.cublasOperation;
import jcuda.runtime.cudaStream_t;

/** cuBLAS 12 through JCuda, whose library finds it by name once it has been loaded from wherever it lies. */
final class JCudaCublas implements CublasLibrary {
    // Direct: for the time of a call JCuda would hold up the garbage collector for arrays.
    private static final Pointer ONE_32 =
            number(ByteBuffer.allocateDirect(8).order(ByteOrder.nativeOrder()).putFloat(0, 1));
    private static final Pointer ONE_64 =
            number(ByteBuffer.allocateDirect(8).order(ByteOrder.nativeOrder()).putDouble(0, 1));
    private static final Pointer ZERO = number(ByteBuffer.allocateDirect(8));

    /** @throws UnsatisfiedLinkError if it, or what it needs, does not load */
    JCudaCublas(Path library) throws IOException {
        Path light = CublasFiles.light(library);
        if (Files.isRegularFile(light)) {
            System.load(light.toString());
        }
        System.load(library.toString());
        NativeLibraries.load("JCublas2", () -> {
            JCublas2.setExceptionsEnabled(false);
            JCublas2.setLogLevel(LogLevel.LOG_QUIET);
        });
    }

    @Override
    public Handle open(NativeDevice device, long stream, long workspace, long workspaceBytes, boolean tf32) {
        cublasHandle handle = new cublasHandle();
        CublasLibrary.check(JCublas2.cublasCreate(handle), "cublasCreate");
        try {
            // The stream first: it takes the workspace away.
            CublasLibrary.check(
                    JCublas2.cublasSetStream(handle, new cudaStream_t(device.stream(stream))), "cublasSetStream");
            CublasLibrary.check(
                    JCublas2.cublasSetWorkspace(handle, at(workspace), workspaceBytes), "cublasSetWorkspace");
            CublasLibrary.check(
                    JCublas2.cublasSetMathMode(
                            handle, tf32 ? cublasMath.CUBLAS_TF32_TENSOR_OP_MATH : cublasMath.CUBLAS_DEFAULT_MATH),
                    "cublasSetMathMode");
            int[] version = new int[1];
            CublasLibrary.check(JCublas2.cublasGetVersion(handle, version), "cublasGetVersion");
            return new Open(handle, version[0]);
        } catch (DriverException e) {
            JCublas2.cublasDestroy(handle);
            throw e;
        }
    }

    private record Open(cublasHandle handle, int version) implements Handle {
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
            int op = transposed ? cublasOperation.CUBLAS_OP_T : cublasOperation.CUBLAS_OP_N;
            int plain = cublasOperation.CUBLAS_OP_N;
            int status = precision == Precision.F32
                    ? JCublas2.cublasSgemm(handle, op, plain, m, n, k, ONE_32, at(a), lda, at(b), ldb, ZERO, at(c), ldc)
                    : JCublas2.cublasDgemm(
                            handle, op, plain, m, n, k, ONE_64, at(a), lda, at(b), ldb, ZERO, at(c), ldc);
            CublasLibrary.check(status, "a product of " + m + "×" + k + " and " + k + "×" + n + " by cuBLAS");
        }

        @Override
        public void close() {
            CublasLibrary.check(JCublas2.cublasDestroy(handle), "cublasDestroy");
        }
    }

    private static Pointer number(ByteBuffer bytes) {
        return Pointer.to(bytes);
    }

    private static Pointer at(long address) {
        return new CUdeviceptr().withByteOffset(address);
    }
}
