package io.github.batchjac.backend.cuda;

import io.github.batchjac.plan.Slot;
import io.github.batchjac.tensor.Tensor;
import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A stream with all that a piece of the batch needs while it goes through: its inputs, work and results on the device, and
 * pinned memory. What has been launched before with the same places is recorded and replayed.
 */
final class Lane implements AutoCloseable {
    /** More inputs or results than this are copied in several goes. */
    static final long MOST_PINNED = 64 << 20;

    private static final int MOST_GRAPHS = 8;

    private final Schedule schedule;
    private final GuardedDevice device;
    private final int capacity;
    private final long stream;
    private final long computed;
    private final Kernels kernels;
    private final Frame frame;
    private final Staging in;
    private final Staging out;
    private final List<Runnable> held = new ArrayList<>();
    private final Map<Recorded, Long> graphs = new LinkedHashMap<>(16, 0.75f, true);
    private boolean recording;
    private boolean busy;

    /** What a graph was recorded for. */
    private record Recorded(Piece piece, LongBuffer places) {}

    /**
     * @param frame with the shared slots, the totals and the partial sums in place
     * @param capacity samples of the largest piece
     * @param results whether the results have buffers of the lane's own
     * @throws DriverException if there is no room; nothing is held then
     */
    Lane(
            Schedule schedule,
            GuardedDevice device,
            DeviceMemory memory,
            ShippedKernels shipped,
            Frame frame,
            int capacity,
            boolean results) {
        this.schedule = schedule;
        this.device = device;
        this.frame = frame;
        this.capacity = capacity;
        this.recording = device.graphs();
        try {
            stream = device.createStream();
            held.add(() -> device.destroyStream(stream));
            computed = device.createEvent();
            held.add(() -> device.destroyEvent(computed));
            List<Long> work = new ArrayList<>();
            for (int size : schedule.buffers().sizes()) {
                work.add(hold(memory.allocate((long) size * schedule.precision().bytes() * capacity)));
            }
            schedule.buffers().of().forEach((slot, buffer) -> frame.place(slot, work.get(buffer)));
            List<Slot> own = new ArrayList<>(schedule.given());
            if (results) {
                own.addAll(schedule.results());
            }
            for (Slot slot : own) {
                frame.place(slot, hold(memory.allocate(schedule.bytes(slot) * capacity)));
            }
            in = staging(schedule.given());
            out = staging(results ? schedule.results() : List.of());
            Queue queue = new Queue(device, shipped, stream, schedule.precision());
            kernels = Kernels.on(queue, schedule.wide() ? library() : null);
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    private SharedProducts.@Nullable Library library() {
        CublasProducts cublas = device.cublas(stream);
        if (cublas == null) {
            return null;
        }
        held.add(() -> device.guardRelease(cublas::close));
        return (out, rows, n, k, a, w, transposed, precision) ->
                device.guard(() -> cublas.rowsTimesShared(out, rows, n, k, a, w, transposed, precision));
    }

    private long hold(Buffer buffer) {
        held.add(buffer::close);
        return buffer.address();
    }

    private Staging staging(List<Slot> slots) {
        // each slot's share starts aligned
        long wanted = schedule.bytes(slots) * capacity + 16L * slots.size();
        Staging staging = new Staging(device, stream, (int) Math.max(256, Math.min(MOST_PINNED, wanted)));
        held.add(staging::close);
        return staging;
    }

    Frame frame() {
        return frame;
    }

    long stream() {
        return stream;
    }

    /** Happens when the kernels of the last piece are done. */
    long computed() {
        return computed;
    }

    Kernels kernels() {
        return kernels;
    }

    /** Sends the inputs of samples {@code begin} to {@code begin + samples} on their way. */
    void send(Map<Slot, Tensor> given, int begin, int samples) {
        busy = true;
        for (Slot slot : schedule.given()) {
            in.in(frame.at(slot), CudaEngine.tensor(given, slot), begin * slot.size(), samples * slot.size());
        }
    }

    /** Sends the results on their way back; they are in the arrays after {@link #finish}. */
    void fetch(Map<Slot, Tensor> wanted, int begin, int samples) {
        for (Slot slot : schedule.results()) {
            out.out(CudaEngine.tensor(wanted, slot), begin * slot.size(), samples * slot.size(), frame.at(slot));
        }
    }

    /** Launches all steps for a piece whose inputs are on their way. */
    void compute(Piece piece) {
        if (!recording) {
            launch(piece);
        } else {
            Recorded key = new Recorded(piece, frame.places());
            Long graph = graphs.get(key);
            if (graph == null) {
                // recorded the second time: many a piece comes only once
                launch(piece);
                graphs.put(key, 0L);
                forgetOldest();
            } else {
                replay(key, graph);
            }
        }
        device.record(computed, stream);
    }

    private void replay(Recorded key, long known) {
        long graph = known;
        if (graph == 0) {
            try {
                graph = record(key);
            } catch (DriverException e) {
                if (!e.outOfMemory() && !e.notRecorded()) {
                    throw e;
                }
                // no room for graphs, or work that this driver cannot record: plain launches do the same
                recording = false;
                launch(key.piece());
                return;
            }
        }
        device.launchGraph(graph, stream);
    }

    private void launch(Piece piece) {
        schedule.steps().forEach(step -> step.launch(kernels, frame, piece));
        schedule.sums().finish(kernels, frame, piece);
    }

    private long record(Recorded key) {
        device.beginCapture(stream);
        try {
            launch(key.piece());
        } catch (RuntimeException e) {
            try {
                device.destroyGraph(device.endCapture(stream));
            } catch (RuntimeException again) {
                e.addSuppressed(again);
            }
            throw e;
        }
        long graph = device.endCapture(stream);
        graphs.put(key, graph);
        return graph;
    }

    private void forgetOldest() {
        if (graphs.size() > MOST_GRAPHS) {
            Map.Entry<Recorded, Long> oldest = graphs.entrySet().iterator().next();
            graphs.remove(oldest.getKey());
            if (oldest.getValue() != 0) {
                device.synchronize(stream);
                device.destroyGraph(oldest.getValue());
            }
        }
    }

    /** Waits until all is done and the results that were fetched are in their arrays. */
    void finish() {
        if (busy) {
            out.flush();
            in.forget();
            busy = false;
        }
    }

    /** After a failure: waits, as far as that is possible, and drops what was on its way. */
    void abandon() {
        try {
            device.synchronize(stream);
        } catch (RuntimeException e) {
            // the failure that brought us here says more
        }
        in.forget();
        out.forget();
        busy = false;
    }

    @Override
    public void close() {
        graphs.values().stream().filter(graph -> graph != 0).forEach(device::destroyGraph);
        graphs.clear();
        for (int i = held.size() - 1; i >= 0; i--) {
            held.get(i).run();
        }
        held.clear();
    }
}
