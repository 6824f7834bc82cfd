package io.github.batchjac.backend.cuda;

import io.github.batchjac.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * Pinned memory on the way between arrays and the device, on one stream. Copies are given to the stream and not waited for,
 * until the memory is full or {@link #flush} is called.
 */
final class Staging implements AutoCloseable {
    /** Copies start at multiples of it. */
    private static final int ALIGNMENT = 16;

    private final Device device;
    private final long stream;
    private final ByteBuffer pinned;
    private final List<Pending> pending = new ArrayList<>();
    private int used;

    /** A copy from the device whose bytes are, or will be, at {@code at}. */
    private record Pending(int at, Tensor to, int element, int elements) {}

    Staging(Device device, long stream, int bytes) {
        this.device = device;
        this.stream = stream;
        this.pinned = device.allocatePinned(bytes);
    }

    /** Bytes that are on their way at most. */
    int capacity() {
        return pinned.capacity();
    }

    /** Copies {@code elements} of an array to the device. */
    void in(long address, Tensor from, int first, int elements) {
        int size = from.type().bytes();
        for (int done = 0; done < elements; ) {
            int part = take(elements - done, size);
            put(from, first + done, part);
            device.copyIn(address + (long) done * size, pinned, used, part * size, stream);
            advance(part * size);
            done += part;
        }
    }

    /** Copies from the device; the numbers are in the array after {@link #flush}. */
    void out(Tensor to, int first, int elements, long address) {
        int size = to.type().bytes();
        for (int done = 0; done < elements; ) {
            int part = take(elements - done, size);
            device.copyOut(pinned, used, address + (long) done * size, part * size, stream);
            pending.add(new Pending(used, to, first + done, part));
            advance(part * size);
            done += part;
        }
    }

    /** How many of {@code elements} fit now; waits for room if there is none. */
    private int take(int elements, int size) {
        if (pinned.capacity() - used < size) {
            flush();
        }
        return Math.min(elements, (pinned.capacity() - used) / size);
    }

    private void advance(int bytes) {
        used = Math.min(pinned.capacity(), (used + bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    }

    private void put(Tensor from, int first, int elements) {
        ByteBuffer to = at(used);
        switch (from.type()) {
            case F32 -> to.asFloatBuffer().put(from.floats(), first, elements);
            case F64 -> to.asDoubleBuffer().put(from.doubles(), first, elements);
            case I64 -> to.asLongBuffer().put(from.longs(), first, elements);
        }
    }

    private ByteBuffer at(int position) {
        return pinned.duplicate().order(ByteOrder.LITTLE_ENDIAN).position(position);
    }

    /** Waits for the stream and delivers what came from the device. */
    void flush() {
        try {
            device.synchronize(stream);
        } catch (RuntimeException e) {
            forget();
            throw e;
        }
        for (Pending p : pending) {
            ByteBuffer from = at(p.at());
            switch (p.to().type()) {
                case F32 -> from.asFloatBuffer().get(p.to().floats(), p.element(), p.elements());
                case F64 -> from.asDoubleBuffer().get(p.to().doubles(), p.element(), p.elements());
                case I64 -> from.asLongBuffer().get(p.to().longs(), p.element(), p.elements());
            }
        }
        forget();
    }

    /** Drops what has not been delivered. */
    void forget() {
        pending.clear();
        used = 0;
    }

    @Override
    public void close() {
        device.freePinned(pinned);
    }
}
