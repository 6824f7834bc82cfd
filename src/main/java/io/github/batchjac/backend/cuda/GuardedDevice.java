package io.github.batchjac.backend.cuda;

import io.github.batchjac.backend.DeviceLostException;
import java.nio.ByteBuffer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A device that remembers its end. After an error that the driver does not recover from, every call is a {@link
 * DeviceLostException} that names the first cause, and what frees does nothing: the driver is not called again. The same
 * after {@link #close}.
 */
final class GuardedDevice implements Device {
    private final Device device;
    private volatile @Nullable DriverException cause;
    private volatile boolean closed;

    GuardedDevice(Device device) {
        this.device = device;
    }

    /** Why the device is lost, or null. */
    @Nullable DriverException lost() {
        return cause;
    }

    private <T> T call(Supplier<T> action) {
        if (closed) {
            throw new IllegalStateException("the backend is closed");
        }
        DriverException first = cause;
        if (first != null) {
            throw lost(first);
        }
        try {
            return action.get();
        } catch (DriverException e) {
            if (!e.sticky()) {
                throw e;
            }
            cause = e;
            throw lost(e);
        }
    }

    private DeviceLostException lost(DriverException e) {
        return new DeviceLostException(
                "the device " + info().name() + " is lost: " + e.getMessage()
                        + "; nothing more can be computed on it by this process",
                e);
    }

    private void run(Runnable action) {
        call(() -> {
            action.run();
            return true;
        });
    }

    /** Frees, if there is still something that knows of it. */
    private void release(Runnable action) {
        if (!closed && cause == null) {
            try {
                run(action);
            } catch (DeviceLostException e) {
                // remembered; whoever closes things goes on closing
            }
        }
    }

    /** Whether cuBLAS was asked for and is at hand for this device. */
    boolean hasCublas() {
        return device instanceof NativeDevice && Cublas.wanted() && Cublas.get().available();
    }

    /** cuBLAS on a stream, or null. What fails in it fails here. */
    @Nullable CublasProducts cublas(long stream) {
        return hasCublas() ? call(() -> Cublas.get().open(device, stream)).orElse(null) : null;
    }

    /** Does what calls the driver behind this device's back. */
    void guard(Runnable action) {
        run(action);
    }

    /** Frees what holds memory of the device behind its back, if there is still something that knows of it. */
    void guardRelease(Runnable action) {
        release(action);
    }

    @Override
    public DeviceInfo info() {
        return device.info();
    }

    @Override
    public long freeMemory() {
        return call(device::freeMemory);
    }

    @Override
    public long allocate(long bytes) {
        return call(() -> device.allocate(bytes));
    }

    @Override
    public void free(long address) {
        release(() -> device.free(address));
    }

    @Override
    public ByteBuffer allocatePinned(int bytes) {
        return call(() -> device.allocatePinned(bytes));
    }

    @Override
    public void freePinned(ByteBuffer buffer) {
        release(() -> device.freePinned(buffer));
    }

    @Override
    public long createStream() {
        return call(device::createStream);
    }

    @Override
    public void destroyStream(long stream) {
        release(() -> device.destroyStream(stream));
    }

    @Override
    public void synchronize(long stream) {
        run(() -> device.synchronize(stream));
    }

    @Override
    public long createEvent() {
        return call(device::createEvent);
    }

    @Override
    public void destroyEvent(long event) {
        release(() -> device.destroyEvent(event));
    }

    @Override
    public void record(long event, long stream) {
        run(() -> device.record(event, stream));
    }

    @Override
    public void await(long stream, long event) {
        run(() -> device.await(stream, event));
    }

    @Override
    public void synchronizeEvent(long event) {
        run(() -> device.synchronizeEvent(event));
    }

    @Override
    public float milliseconds(long from, long to) {
        return call(() -> device.milliseconds(from, to));
    }

    @Override
    public void copyIn(long to, ByteBuffer from, int offset, int bytes, long stream) {
        run(() -> device.copyIn(to, from, offset, bytes, stream));
    }

    @Override
    public void copyOut(ByteBuffer to, int offset, long from, int bytes, long stream) {
        run(() -> device.copyOut(to, offset, from, bytes, stream));
    }

    @Override
    public void copy(long to, long from, long bytes, long stream) {
        run(() -> device.copy(to, from, bytes, stream));
    }

    @Override
    public void zero(long address, long bytes, long stream) {
        run(() -> device.zero(address, bytes, stream));
    }

    @Override
    public long loadModule(String ptx) {
        return call(() -> device.loadModule(ptx));
    }

    @Override
    public void unloadModule(long module) {
        release(() -> device.unloadModule(module));
    }

    @Override
    public long function(long module, String name) {
        return call(() -> device.function(module, name));
    }

    @Override
    public void launch(long function, int blocks, int threads, int sharedBytes, long stream, Arguments arguments) {
        run(() -> device.launch(function, blocks, threads, sharedBytes, stream, arguments));
    }

    @Override
    public boolean graphs() {
        return device.graphs();
    }

    @Override
    public void beginCapture(long stream) {
        run(() -> device.beginCapture(stream));
    }

    @Override
    public long endCapture(long stream) {
        return call(() -> device.endCapture(stream));
    }

    @Override
    public void launchGraph(long graph, long stream) {
        run(() -> device.launchGraph(graph, stream));
    }

    @Override
    public void destroyGraph(long graph) {
        release(() -> device.destroyGraph(graph));
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            device.close();
        }
    }
}
