package io.github.batchjac.backend.cuda;

import io.github.batchjac.plan.Slot;
import io.github.batchjac.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Takes a batch through the steps in pieces, on two lanes in turn: while one piece is computed, the next one's inputs come
 * in and the last one's results go out. The kernels of the pieces follow one another, so sums over the batch are formed in
 * order.
 */
final class Pipeline implements AutoCloseable {
    private static final int LANES = 2;

    /** Where a piece's results go. */
    interface Exit {
        /** Before a piece is computed. */
        default void enter(Frame frame, int begin) {}

        /** After it has been given to the lane. */
        default void leave(Lane lane, int begin, int samples) {}
    }

    private final Schedule schedule;
    private final GuardedDevice device;
    private final DeviceMemory memory;
    private final ShippedKernels shipped;
    private final Shared shared;
    private final boolean results;
    private final int capacity;
    private final boolean several;
    private final List<Lane> lanes = new ArrayList<>();
    private final List<Buffer> partials = new ArrayList<>();

    private Pipeline(
            Schedule schedule,
            GuardedDevice device,
            DeviceMemory memory,
            ShippedKernels shipped,
            Shared shared,
            boolean results,
            int capacity,
            boolean several) {
        this.schedule = schedule;
        this.device = device;
        this.memory = memory;
        this.shipped = shipped;
        this.shared = shared;
        this.results = results;
        this.capacity = capacity;
        this.several = several;
    }

    /**
     * A pipeline for batches of up to {@code samples}, or for pieces of as many as there is room for.
     *
     * @param wanted samples of a piece, if there is room
     * @param more whether there will be several pieces
     * @param results whether results go through the pipeline's own buffers
     * @throws DriverException if there is no room for one sample; nothing is held then
     */
    static Pipeline of(
            Schedule schedule,
            GuardedDevice device,
            DeviceMemory memory,
            ShippedKernels shipped,
            Shared shared,
            boolean results,
            int wanted,
            boolean more) {
        for (int capacity = wanted; ; ) {
            boolean several = more || capacity < wanted;
            Pipeline pipeline = new Pipeline(schedule, device, memory, shipped, shared, results, capacity, several);
            try {
                pipeline.allocate(several ? LANES : 1);
                return pipeline;
            } catch (DriverException e) {
                pipeline.close();
                if (!e.outOfMemory() || capacity == 1) {
                    throw e;
                }
                capacity = smaller(capacity, schedule.tile());
            } catch (RuntimeException e) {
                pipeline.close();
                throw e;
            }
        }
    }

    /** About half: whole tiles, or a power of two below one tile, so that a piece never ends in the middle of a row of sums. */
    private static int smaller(int capacity, int tile) {
        int half = (capacity + 1) / 2;
        return half >= tile ? half / tile * tile : Integer.highestOneBit(half);
    }

    private void allocate(int count) {
        int bytes = schedule.precision().bytes();
        for (int size : schedule.sums().sizes()) {
            partials.add(memory.allocate(size * schedule.sums().tiles(capacity) * bytes));
        }
        for (int i = 0; i < count; i++) {
            Frame frame = new Frame(schedule.ids(), partials.size());
            shared.place(frame);
            for (int sum = 0; sum < partials.size(); sum++) {
                frame.placePartial(sum, partials.get(sum).address());
            }
            lanes.add(new Lane(schedule, device, memory, shipped, frame, capacity, results));
        }
    }

    /** Samples of the largest piece. */
    int capacity() {
        return capacity;
    }

    /** Whether it takes any number of samples, in several pieces; else at most {@link #capacity}. */
    boolean several() {
        return several;
    }

    /** Takes {@code samples} samples through, the first of them at a multiple of the tile. */
    void run(int samples, Map<Slot, Tensor> given, Exit exit) {
        try {
            @Nullable Lane last = null;
            int turn = 0;
            for (int begin = 0, count; begin < samples; begin += count) {
                count = Math.min(capacity, samples - begin);
                Lane lane = lanes.get(turn++ % lanes.size());
                lane.finish();
                lane.send(given, begin, count);
                if (last != null && last != lane) {
                    device.await(lane.stream(), last.computed());
                }
                exit.enter(lane.frame(), begin);
                int end = begin + count;
                int tile = schedule.tile();
                lane.compute(new Piece(count, begin % tile, end % tile == 0 || end == samples));
                exit.leave(lane, begin, count);
                last = lane;
            }
            for (int i = 0; i < lanes.size(); i++) {
                lanes.get(turn++ % lanes.size()).finish();
            }
        } catch (RuntimeException e) {
            lanes.forEach(Lane::abandon);
            throw e;
        }
    }

    @Override
    public void close() {
        lanes.forEach(Lane::close);
        lanes.clear();
        partials.forEach(Buffer::close);
        partials.clear();
    }
}
