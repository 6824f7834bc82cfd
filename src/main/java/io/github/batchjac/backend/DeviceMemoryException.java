package io.github.batchjac.backend;

/**
 * The device has not enough memory: not for even one sample at a time, or not for the results that are to stay there. Nothing
 * of what was asked for is held.
 */
public final class DeviceMemoryException extends IllegalStateException {
    private static final long serialVersionUID = 1;

    private final long needed;
    private final long free;

    /**
     * @param needed bytes that would do
     * @param free bytes that the device has free
     */
    public DeviceMemoryException(String message, long needed, long free, Throwable cause) {
        super(message, cause);
        this.needed = needed;
        this.free = free;
    }

    /** Bytes that would do. */
    public long needed() {
        return needed;
    }

    /** Bytes that the device had free. */
    public long free() {
        return free;
    }
}
