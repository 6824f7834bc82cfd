package io.github.batchjac.backend.cuda;

import io.github.batchjac.backend.Engine;
import io.github.batchjac.plan.Slot;
import io.github.batchjac.tensor.Tensor;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Results on the device, read piece by piece when they are asked for. */
final class HeldResults implements Engine.Held {
    private static final int PINNED = 32 << 20;

    private final CudaBackend backend;
    private final Schedule schedule;
    private final Map<Slot, Buffer> kept;
    private final Map<Slot, Tensor> copies;
    private long stream;
    private @Nullable Staging staging;

    /**
     * @param kept per-sample results
     * @param copies results that the batch shares, on the host already
     */
    HeldResults(CudaBackend backend, Schedule schedule, Map<Slot, Buffer> kept, Map<Slot, Tensor> copies) {
        this.backend = backend;
        this.schedule = schedule;
        this.kept = kept;
        this.copies = copies;
        backend.remember(this);
    }

    @Override
    public synchronized void read(Slot slot, long first, Tensor to) {
        Tensor copy = copies.get(slot);
        if (copy != null) {
            for (int i = 0; i < to.size(); i++) {
                copy(copy, (int) first + i, to, i);
            }
            return;
        }
        long from = address(slot) + first * schedule.precision().bytes();
        Staging through = staging((long) to.size() * schedule.precision().bytes());
        through.out(to, 0, to.size(), from);
        through.flush();
    }

    /** The way to the host: made when it is first needed, and again if it was made for much less. */
    private Staging staging(long bytes) {
        int wanted = (int) Math.min(PINNED, Math.max(4096, bytes));
        if (staging != null && staging.capacity() < wanted) {
            staging.close();
            staging = null;
        }
        if (staging == null) {
            if (stream == 0) {
                stream = backend.device().createStream();
            }
            staging = new Staging(backend.device(), stream, wanted);
        }
        return staging;
    }

    private static void copy(Tensor from, int i, Tensor to, int j) {
        switch (to.type()) {
            case F32 -> to.floats()[j] = from.floats()[i];
            case F64 -> to.doubles()[j] = from.doubles()[i];
            case I64 -> to.longs()[j] = from.longs()[i];
        }
    }

    @Override
    public synchronized long address(Slot slot) {
        Buffer buffer = kept.get(slot);
        if (buffer == null) {
            throw new IllegalStateException(slot + " is no longer on the device: its backend is closed");
        }
        return buffer.address();
    }

    @Override
    public synchronized void close() {
        if (staging != null) {
            staging.close();
            staging = null;
        }
        if (stream != 0) {
            backend.device().destroyStream(stream);
            stream = 0;
        }
        kept.values().forEach(Buffer::close);
        kept.clear();
        backend.forget(this);
    }
}
