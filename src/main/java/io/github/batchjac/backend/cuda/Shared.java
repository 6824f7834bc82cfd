package io.github.batchjac.backend.cuda;

import io.github.batchjac.plan.Slot;
import io.github.batchjac.plan.Slot.Role;
import io.github.batchjac.tensor.ElementType;
import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What the whole batch shares: parameters, constants, what is computed once, and the totals over the batch. */
final class Shared implements AutoCloseable {
    private static final int MOST_PINNED = 16 << 20;

    private final Schedule schedule;
    private final Device device;
    private final Map<Slot, Buffer> buffers = new LinkedHashMap<>();
    private final long stream;
    private final Kernels kernels;
    private @Nullable Staging staging;

    /** @throws DriverException if there is no room; nothing is held then */
    Shared(Schedule schedule, Device device, DeviceMemory memory, ShippedKernels shipped) {
        this.schedule = schedule;
        this.device = device;
        this.stream = device.createStream();
        this.kernels = Kernels.on(new Queue(device, shipped, stream, schedule.precision()), null);
        try {
            long largest = 256;
            for (Slot slot : schedule.shared()) {
                buffers.put(slot, memory.allocate(schedule.bytes(slot)));
                largest = Math.max(largest, schedule.bytes(slot));
            }
            for (Slot slot : schedule.reduced()) {
                buffers.put(slot, memory.allocate(schedule.bytes(slot)));
                largest = Math.max(largest, schedule.bytes(slot));
            }
            staging = new Staging(device, stream, (int) Math.min(MOST_PINNED, largest));
            for (Slot slot : schedule.shared()) {
                if (slot.role() == Role.CONSTANT) {
                    set(slot, Tensor.of(slot.constant(), Shape.of(slot.size())).to(schedule.precision()));
                }
            }
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    void place(Frame frame) {
        buffers.forEach((slot, buffer) -> frame.place(slot, buffer.address()));
    }

    private Staging staging() {
        if (staging == null) {
            throw new IllegalStateException("the program is closed");
        }
        return staging;
    }

    private long address(Slot slot) {
        Buffer buffer = buffers.get(slot);
        if (buffer == null) {
            throw new IllegalStateException("no place for " + slot);
        }
        return buffer.address();
    }

    /** Gives a slot its numbers, and waits until they are there. */
    void set(Slot slot, Tensor value) {
        try {
            staging().in(address(slot), value, 0, slot.size());
        } finally {
            staging().flush();
        }
    }

    /** The numbers of a slot, into an array. */
    void get(Slot slot, Tensor to) {
        staging().out(to, 0, slot.size(), address(slot));
        staging().flush();
    }

    /** Computes what depends on nothing that differs from sample to sample. */
    void compute() {
        Frame frame = new Frame(schedule.ids(), 0);
        place(frame);
        Piece one = new Piece(1, 0, true);
        schedule.once().forEach(action -> action.launch(kernels, frame, one));
        device.synchronize(stream);
    }

    /** Starts the sums over a batch. */
    void clearTotals() {
        for (Slot slot : schedule.reduced()) {
            device.zero(address(slot), schedule.bytes(slot), stream);
        }
        device.synchronize(stream);
    }

    /** An array for a slot's numbers. */
    Tensor array(Slot slot) {
        return Tensor.zeros(ElementType.of(schedule.precision()), Shape.of(slot.size()));
    }

    @Override
    public void close() {
        if (staging != null) {
            staging.close();
            staging = null;
        }
        buffers.values().forEach(Buffer::close);
        buffers.clear();
        device.destroyStream(stream);
    }
}
