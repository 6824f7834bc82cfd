package io.github.batchjac.backend.cuda;

import io.github.batchjac.tensor.Precision;

/** Matrix products by cuBLAS on one stream. For one thread at a time. */
final class CublasProducts implements AutoCloseable {
    /** What cuBLAS recommends from Hopper on, and before. Its own would be allocated anew in every recorded graph. */
    private static final long LARGE_WORKSPACE = 32L << 20;

    private static final long WORKSPACE = 4L << 20;
    private static final int HOPPER = 9;

    private final NativeDevice device;
    private final long workspace;
    private final CublasLibrary.Handle handle;
    private boolean closed;

    private CublasProducts(NativeDevice device, long workspace, CublasLibrary.Handle handle) {
        this.device = device;
        this.workspace = workspace;
        this.handle = handle;
    }

    static CublasProducts open(CublasLibrary library, NativeDevice device, long stream, boolean tf32) {
        long bytes = device.info().major() >= HOPPER ? LARGE_WORKSPACE : WORKSPACE;
        long workspace = device.allocate(bytes);
        try {
            return new CublasProducts(device, workspace, library.open(device, stream, workspace, bytes, tf32));
        } catch (DriverException e) {
            device.free(workspace);
            throw e;
        }
    }

    /** As cuBLAS numbers itself: 120604 is 12.6.4. */
    int version() {
        return handle.version();
    }

    /**
     * out = a·w, or a·wᵀ. out (rows,n), a (rows,k), w (k,n), or (n,k) if {@code transposed}; all row-major, without gaps; k at
     * least 1. A row's last bits may depend on how many rows there are.
     */
    void rowsTimesShared(long out, long rows, int n, int k, long a, long w, boolean transposed, Precision precision) {
        if (closed) {
            throw new IllegalStateException("cuBLAS is closed");
        }
        device.makeCurrent();
        multiply(handle, out, rows, n, k, a, w, transposed, precision);
    }

    /** Row-major is column-major transposed: outᵀ = wᵀ·aᵀ. In parts of fewer than 2³¹ numbers, which 32 bits address. */
    static void multiply(
            CublasLibrary.Handle handle,
            long out,
            long rows,
            int n,
            int k,
            long a,
            long w,
            boolean transposed,
            Precision precision) {
        if (rows == 0 || n == 0) {
            return;
        }
        long most = Math.max(1, Integer.MAX_VALUE / Math.max(n, k));
        for (long done = 0; done < rows; done += most) {
            handle.multiply(
                    precision,
                    transposed,
                    n,
                    (int) Math.min(most, rows - done),
                    k,
                    w,
                    transposed ? k : n,
                    a + done * k * precision.bytes(),
                    k,
                    out + done * n * precision.bytes(),
                    n);
        }
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            device.makeCurrent();
            try {
                handle.close();
            } finally {
                device.free(workspace);
            }
        }
    }
}
