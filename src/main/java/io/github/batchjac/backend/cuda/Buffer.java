package io.github.batchjac.backend.cuda;

/** Device memory on loan from a {@link DeviceMemory}. */
final class Buffer implements AutoCloseable {
    private final DeviceMemory owner;
    private final long address;
    private final long bytes;
    private boolean closed;

    Buffer(DeviceMemory owner, long address, long bytes) {
        this.owner = owner;
        this.address = address;
        this.bytes = bytes;
    }

    /** @throws IllegalStateException if the buffer was given back, or its backend is closed */
    long address() {
        if (closed || !owner.lends(address)) {
            throw new IllegalStateException(closed ? "the buffer is closed" : "the backend is closed");
        }
        return address;
    }

    /** What it holds; at least what was asked for. */
    long bytes() {
        return bytes;
    }

    /** Gives the memory back. May be called again. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            owner.giveBack(address);
        }
    }
}
