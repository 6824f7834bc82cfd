package io.github.batchjac.backend.cpu;

import io.github.batchjac.backend.Engine;
import io.github.batchjac.plan.Memory;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Slot;
import io.github.batchjac.plan.Step;
import io.github.batchjac.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Runs a plan: every worker takes a tile of samples through all steps in buffers of its own. Sums over the batch are
 * formed tile by tile and added in the order of the tiles, so that they do not depend on the number of workers.
 */
final class CpuEngine32 implements Engine {

    /** Below about this many element operations in all, one thread is done before a second one has woken up. */
    private static final double WORTH_SHARING = 100_000;

    /** Stands for the turn of no tile: another worker's tile has failed. */
    private static final int FAILED = -1;

    private final String description;
    private final Workers workers;
    private final int tile;
    private final Frame32[] frames;
    private final List<Action32> once;
    private final List<Action32> steps;
    private final List<Slot> inputs = new ArrayList<>();
    private final List<Slot> results = new ArrayList<>();
    private final List<Slot> sharedResults = new ArrayList<>();
    private final List<Slot> reduced = new ArrayList<>();
    private final double workPerSample;
    private boolean stale = true;

    CpuEngine32(Plan plan, Workers workers, KernelProvider provider, String description) {
        this.description = description;
        this.workers = workers;
        Memory memory = plan.memory();
        this.tile = memory.tile();
        int ids = 1 + plan.slots().stream().mapToInt(Slot::id).max().orElse(0);
        this.frames = new Frame32[workers.count()];
        for (int w = 0; w < frames.length; w++) {
            frames[w] = new Frame32(ids);
            List<float[]> buffers = new ArrayList<>();
            memory.buffers().sizes().forEach(size -> buffers.add(new float[tile * size]));
            for (Map.Entry<Slot, Integer> e : memory.buffers().of().entrySet()) {
                frames[w].place(e.getKey(), buffers.get(e.getValue()), 0);
            }
        }
        for (Slot slot : plan.slots()) {
            switch (slot.role()) {
                case INPUT, LABELS -> inputs.add(slot);
                case RESULT -> {
                    if (slot.shared()) {
                        sharedResults.add(slot);
                        placeShared(slot, new float[slot.size()]);
                    } else {
                        results.add(slot);
                    }
                }
                case REDUCED -> {
                    reduced.add(slot);
                    for (Frame32 frame : frames) {
                        frame.place(slot, new float[slot.size()], 0);
                    }
                }
                case CONSTANT -> placeShared(slot, constant(slot));
                case WORK -> {
                    if (slot.shared()) {
                        placeShared(slot, new float[slot.size()]);
                    }
                }
                case PARAMETER -> placeShared(slot, new float[slot.size()]);
            }
        }
        Actions32 actions = new Actions32(provider.kernels32(), provider.products32());
        this.once = new ArrayList<>(actions.of(plan.once()));
        this.steps = actions.of(plan.steps());
        once.add(actions.packing());
        for (Frame32 frame : frames) {
            frame.allocateScratch(tile * actions.scratchPerSample());
        }
        this.workPerSample =
                plan.steps().stream().mapToDouble(CpuEngine32::size).sum();
    }

    private static double size(Step step) {
        double touched = 0;
        for (Slot slot : step.writes()) {
            touched += slot.size();
        }
        for (Slot slot : step.reads()) {
            touched += slot.size();
        }
        return touched;
    }

    private static float[] constant(Slot slot) {
        float[] numbers = new float[slot.size()];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = (float) slot.constant()[i];
        }
        return numbers;
    }

    private void placeShared(Slot slot, float[] array) {
        for (Frame32 frame : frames) {
            frame.place(slot, array, 0);
        }
    }

    @Override
    public void bind(Slot parameter, Tensor value) {
        float[] numbers = value.floats();
        System.arraycopy(numbers, 0, frames[0].array(parameter), 0, numbers.length);
        stale = true;
    }

    @Override
    public void run(long first, int samples, long batch, Map<Slot, Tensor> given, Map<Slot, Tensor> wanted) {
        for (Slot slot : inputs) {
            if (slot.shared()) {
                placeShared(slot, tensor(given, slot).floats());
                stale = true;
            }
        }
        if (stale) {
            for (Action32 action : once) {
                action.run(frames[0], 1);
            }
            stale = false;
        }
        for (Slot slot : sharedResults) {
            System.arraycopy(frames[0].array(slot), 0, tensor(wanted, slot).floats(), 0, slot.size());
        }
        int tiles = (samples + tile - 1) / tile;
        AtomicInteger turn = new AtomicInteger();
        Workers.Turn work = (worker, t) -> {
            Frame32 frame = frames[worker];
            int begin = t * tile;
            int count = Math.min(tile, samples - begin);
            try {
                place(frame, begin, given, wanted);
                for (Action32 step : steps) {
                    step.run(frame, count);
                }
                if (!reduced.isEmpty()) {
                    addInTurn(frame, wanted, turn, t);
                }
            } catch (Throwable e) {
                turn.set(FAILED);
                throw e;
            }
        };
        if (samples * workPerSample < WORTH_SHARING) {
            for (int t = 0; t < tiles; t++) {
                work.run(0, t);
            }
        } else {
            workers.run(tiles, work);
        }
    }

    private static Tensor tensor(Map<Slot, Tensor> tensors, Slot slot) {
        Tensor tensor = tensors.get(slot);
        if (tensor == null) {
            throw new IllegalStateException("nothing given for " + slot);
        }
        return tensor;
    }

    private void place(Frame32 frame, int begin, Map<Slot, Tensor> given, Map<Slot, Tensor> wanted) {
        for (Slot slot : inputs) {
            if (slot.role() == Slot.Role.LABELS) {
                frame.placeLabels(slot, tensor(given, slot).longs(), begin);
            } else if (!slot.shared()) {
                frame.place(slot, tensor(given, slot).floats(), begin * slot.size());
            }
        }
        for (Slot slot : results) {
            frame.place(slot, tensor(wanted, slot).floats(), begin * slot.size());
        }
    }

    /** Tiles start in order, so the one whose turn it is is always running. */
    private void addInTurn(Frame32 frame, Map<Slot, Tensor> wanted, AtomicInteger turn, int t) {
        for (int spins = 0; turn.get() != t; spins++) {
            if (turn.get() == FAILED) {
                return;
            }
            Workers.pause(spins);
        }
        for (Slot slot : reduced) {
            float[] total = tensor(wanted, slot).floats();
            float[] part = frame.array(slot);
            for (int i = 0; i < total.length; i++) {
                total[i] += part[i];
            }
        }
        turn.set(t + 1);
    }

    @Override
    public String description() {
        return description;
    }

    @Override
    public void close() {}
}
