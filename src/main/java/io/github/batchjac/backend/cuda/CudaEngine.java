package io.github.batchjac.backend.cuda;

import io.github.batchjac.backend.DeviceMemoryException;
import io.github.batchjac.backend.Engine;
import io.github.batchjac.plan.Memory;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Slot;
import io.github.batchjac.plan.Slot.Role;
import io.github.batchjac.tensor.ElementType;
import io.github.batchjac.tensor.Tensor;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Runs a plan on a GPU: parameters stay there, inputs and results go through a {@link Pipeline} in pieces, or the results
 * stay there too. How a batch is cut into pieces changes no bit of a result.
 */
final class CudaEngine implements Engine {
    /** Inputs and results of a piece: so much that copying it takes far longer than starting to. */
    private static final long PIECE_BYTES = 32 << 20;

    /** What results that stay on the device leave to copy, or to compute in buffers, may be larger. */
    private static final long RESIDENT_PIECE_BYTES = 512 << 20;

    /** Of the device's free memory, what a pipeline may plan with. */
    private static final double USABLE = 0.9;

    private final CudaBackend backend;
    private final Plan plan;
    private final Schedule schedule;
    private final Shared shared;
    private @Nullable Pipeline toHost;
    private @Nullable Pipeline resident;
    private boolean stale = true;
    private boolean closed;

    /** @throws DeviceMemoryException if there is no room for one sample */
    CudaEngine(CudaBackend backend, Plan plan) {
        this.backend = backend;
        this.plan = plan;
        this.schedule = new Schedule(plan, backend.device().hasCublas());
        try {
            this.shared = new Shared(schedule, backend.device(), backend.memory(), backend.kernels());
        } catch (DriverException e) {
            throw memoryException(e, 0);
        }
        try {
            toHost((int) Math.min(Integer.MAX_VALUE, Math.max(1, plan.workload().batch())));
        } catch (RuntimeException e) {
            shared.close();
            throw e;
        }
    }

    private RuntimeException memoryException(DriverException e, long perSample) {
        if (!e.outOfMemory()) {
            return e;
        }
        long shares = schedule.bytes(schedule.shared()) + schedule.bytes(schedule.reduced());
        long needed = shares + perSample;
        long free = backend.memory().available();
        String message = backend.device().info().name() + " has " + Memory.bytes(free)
                + " free; parameters and sums take " + Memory.bytes(shares)
                + (perSample == 0 ? "" : ", one sample at a time " + Memory.bytes(perSample));
        return new DeviceMemoryException(message, needed, free, e);
    }

    @Override
    public synchronized void bind(Slot parameter, Tensor value) {
        open();
        shared.set(parameter, value);
        stale = true;
    }

    @Override
    public synchronized void run(
            long first, int samples, long batch, Map<Slot, Tensor> inputs, Map<Slot, Tensor> results) {
        open();
        try {
            Pipeline pipeline = toHost(samples);
            begin(first == 0, inputs);
            pipeline.run(samples, inputs, new Pipeline.Exit() {
                @Override
                public void leave(Lane lane, int begin, int count) {
                    lane.fetch(results, begin, count);
                }
            });
        } catch (DriverException e) {
            throw memoryException(e, bytesPerSample(true));
        }
        // all of them or none: whoever goes on after a failure adds to what is there
        Map<Slot, Tensor> copies = sharedResults();
        copies.forEach((slot, copy) -> copy(copy, tensor(results, slot)));
    }

    private static void copy(Tensor from, Tensor to) {
        if (from.type() == ElementType.F32) {
            System.arraycopy(from.floats(), 0, to.floats(), 0, from.size());
        } else {
            System.arraycopy(from.doubles(), 0, to.doubles(), 0, from.size());
        }
    }

    /** Results that the batch shares, totals among them, in arrays of their own. */
    private Map<Slot, Tensor> sharedResults() {
        Map<Slot, Tensor> copies = new HashMap<>();
        for (Slot slot : plan.slots()) {
            if (slot.shared() && (slot.role() == Role.RESULT || slot.role() == Role.REDUCED)) {
                Tensor copy = shared.array(slot);
                shared.get(slot, copy);
                copies.put(slot, copy);
            }
        }
        return copies;
    }

    @Override
    public synchronized Held hold(int batch, Map<Slot, Tensor> inputs) {
        open();
        Map<Slot, Buffer> kept = new HashMap<>();
        try {
            for (Slot slot : schedule.results()) {
                kept.put(slot, backend.memory().allocate(schedule.bytes(slot) * batch));
            }
            begin(true, inputs);
            if (batch > 0) {
                resident(batch).run(batch, inputs, new Pipeline.Exit() {
                    @Override
                    public void enter(Frame frame, int begin) {
                        kept.forEach(
                                (slot, buffer) -> frame.place(slot, buffer.address() + schedule.bytes(slot) * begin));
                    }
                });
            }
            return new HeldResults(backend, schedule, kept, sharedResults());
        } catch (DriverException e) {
            kept.values().forEach(Buffer::close);
            throw e.outOfMemory() ? tooManyResults(e, batch) : e;
        } catch (RuntimeException e) {
            kept.values().forEach(Buffer::close);
            throw e;
        }
    }

    private DeviceMemoryException tooManyResults(DriverException e, int batch) {
        long needed = schedule.bytes(schedule.results()) * batch;
        long free = backend.memory().available();
        return new DeviceMemoryException(
                backend.device().info().name() + " has " + Memory.bytes(free) + " free; the results of " + batch
                        + " samples take " + Memory.bytes(needed) + ": compute fewer at a time, or run in chunks",
                needed,
                free,
                e);
    }

    /** Before the first step of a run: what its inputs change for the whole batch. */
    private void begin(boolean newBatch, Map<Slot, Tensor> inputs) {
        for (Slot slot : schedule.shared()) {
            if (slot.role() == Role.INPUT || slot.role() == Role.LABELS) {
                shared.set(slot, tensor(inputs, slot));
                stale = true;
            }
        }
        if (stale) {
            shared.compute();
            stale = false;
        }
        if (newBatch) {
            shared.clearTotals();
        }
    }

    private Pipeline toHost(int samples) {
        toHost = fit(toHost, samples, true);
        return toHost;
    }

    private Pipeline resident(int samples) {
        resident = fit(resident, samples, false);
        return resident;
    }

    /** The pipeline if it takes so many samples, or as many as one can; else a larger one. */
    private Pipeline fit(@Nullable Pipeline old, int samples, boolean results) {
        if (old != null && (old.several() || samples <= old.capacity())) {
            return old;
        }
        if (old != null) {
            if (results) {
                toHost = null;
            } else {
                resident = null;
            }
            old.close();
        }
        int wanted = wanted(samples, results);
        try {
            return Pipeline.of(
                    schedule,
                    backend.device(),
                    backend.memory(),
                    backend.kernels(),
                    shared,
                    results,
                    wanted,
                    wanted < samples);
        } catch (DriverException e) {
            throw memoryException(e, 2 * bytesPerSample(results) + schedule.partialBytes(1));
        }
    }

    private long bytesPerSample(boolean results) {
        return schedule.bytes(schedule.given())
                + schedule.workBytes()
                + (results ? schedule.bytes(schedule.results()) : 0);
    }

    /** Samples of a piece: all, or whole tiles, or a power of two below one. */
    private int wanted(int samples, boolean results) {
        long each = Math.max(1, bytesPerSample(results));
        long partial = schedule.partialBytes(1);
        int tile = schedule.tile();
        Pipeline other = results ? resident : toHost;
        long taken = other == null ? 0 : 2L * other.capacity() * bytesPerSample(!results);
        long room = Math.min(plan.workload().memory(), (long)
                        (USABLE * (double) backend.memory().available()))
                - schedule.bytes(schedule.shared())
                - schedule.bytes(schedule.reduced())
                - partial
                - taken;
        long fits = Math.max(1, room / (2 * each + partial / tile + 1));
        long staged = Lane.MOST_PINNED / Math.max(1, schedule.bytes(schedule.given()));
        long good = Math.max(1, Math.min(staged, (results ? PIECE_BYTES : RESIDENT_PIECE_BYTES) / each));
        long most = Math.min(fits, Math.max(good, Math.min(tile, fits)));
        if (samples <= most) {
            return samples;
        }
        return (int) (most >= tile ? most / tile * tile : Long.highestOneBit(most));
    }

    private void open() {
        if (closed) {
            throw new IllegalStateException("the backend is closed");
        }
    }

    @Override
    public String description() {
        return backend.description();
    }

    static Tensor tensor(Map<Slot, Tensor> tensors, Slot slot) {
        Tensor tensor = tensors.get(slot);
        if (tensor == null) {
            throw new IllegalStateException("nothing given for " + slot);
        }
        return tensor;
    }

    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        if (toHost != null) {
            toHost.close();
        }
        if (resident != null) {
            resident.close();
        }
        shared.close();
        backend.forget(this);
    }
}
