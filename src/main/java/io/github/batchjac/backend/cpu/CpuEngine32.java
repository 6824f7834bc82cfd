package io.github.batchjac.backend.cpu;

import io.github.batchjac.backend.Engine;
import io.github.batchjac.plan.Memory;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Slot;
import io.github.batchjac.plan.Slot.Role;
import io.github.batchjac.plan.Step;
import io.github.batchjac.structure.Structure;
import io.github.batchjac.structure.Structure.Diagonal;
import io.github.batchjac.structure.Structure.Kronecker;
import io.github.batchjac.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;

/**
 * Runs a plan: every worker takes a tile of samples through all steps in buffers of its own. Sums over the batch are
 * formed tile by tile and added in the order of the tiles, so that they do not depend on the number of workers.
 */
final class CpuEngine32 implements Engine {

    /** Below about this many element operations in all, one thread is done before a second one has woken up. */
    private static final double WORTH_SHARING = 30_000;

    /** Stands for the turn of no tile: another worker's tile has failed. */
    private static final int FAILED = -1;

    private final String description;
    private final Workers workers;
    private final int tile;
    private final Frame32[] frames;
    private final Action32[] once;
    private final Action32[] steps;
    private final Slot[] inputs;
    private final Slot[] results;
    private final Slot[] sharedResults;
    private final Slot[] reduced;
    private final double workPerSample;
    private final double workAgain;
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
        this.inputs = slots(plan, slot -> slot.role() == Role.INPUT || slot.role() == Role.LABELS);
        this.results = slots(plan, slot -> slot.role() == Role.RESULT && !slot.shared());
        this.sharedResults = slots(plan, slot -> slot.role() == Role.RESULT && slot.shared());
        this.reduced = slots(plan, slot -> slot.role() == Role.REDUCED);
        for (Slot slot : plan.slots()) {
            switch (slot.role()) {
                case INPUT, LABELS -> {}
                case REDUCED -> {
                    for (Frame32 frame : frames) {
                        frame.place(slot, new float[slot.size()], 0);
                    }
                }
                case CONSTANT -> placeShared(slot, constant(slot));
                case WORK, RESULT -> {
                    if (slot.shared()) {
                        placeShared(slot, new float[slot.size()]);
                    }
                }
                case PARAMETER -> placeShared(slot, new float[slot.size()]);
            }
        }
        Actions32 actions = new Actions32(provider.kernels32(), provider.products32());
        List<Action32> shared = new ArrayList<>(actions.of(plan.once()));
        this.steps = actions.of(plan.steps()).toArray(Action32[]::new);
        shared.add(actions.packing());
        this.once = shared.toArray(Action32[]::new);
        for (Frame32 frame : frames) {
            frame.allocateScratch(tile * actions.scratchPerSample());
        }
        this.workPerSample =
                plan.steps().stream().mapToDouble(step -> size(step, false)).sum();
        this.workAgain =
                plan.steps().stream().mapToDouble(step -> size(step, true)).sum();
    }

    private static Slot[] slots(Plan plan, Predicate<Slot> which) {
        return plan.slots().stream().filter(which).toArray(Slot[]::new);
    }

    /** Elements of a sample that a step reads and writes; again: without zeros that are in their places. */
    private static double size(Step step, boolean again) {
        double touched = 0;
        for (Slot slot : step.reads()) {
            touched += slot.size();
        }
        if (again && step instanceof Step.Densify densify) {
            return touched + varying(densify.in().structure());
        }
        for (Slot slot : step.writes()) {
            touched += slot.size();
        }
        return touched;
    }

    /** Entries that are not zero in every run. */
    private static double varying(Structure structure) {
        if (structure instanceof Diagonal) {
            return structure.rows();
        } else if (structure instanceof Kronecker k && k.left().isIdentity()) {
            return (double) k.rows() * k.width();
        }
        return (double) structure.rows() * structure.cols();
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
        run(samples, given, wanted, false);
    }

    @Override
    public void runAgain(long first, int samples, long batch, Map<Slot, Tensor> given, Map<Slot, Tensor> wanted) {
        run(samples, given, wanted, true);
    }

    private void run(int samples, Map<Slot, Tensor> given, Map<Slot, Tensor> wanted, boolean again) {
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
        for (Frame32 frame : frames) {
            frame.again(again);
        }
        int tiles = (samples + tile - 1) / tile;
        if (samples * (again ? workAgain : workPerSample) < WORTH_SHARING) {
            for (int t = 0; t < tiles; t++) {
                compute(frames[0], t, samples, given, wanted);
                add(frames[0], wanted);
            }
        } else {
            share(tiles, samples, given, wanted);
        }
    }

    private void share(int tiles, int samples, Map<Slot, Tensor> given, Map<Slot, Tensor> wanted) {
        AtomicInteger turn = new AtomicInteger();
        workers.run(tiles, (worker, t) -> {
            try {
                compute(frames[worker], t, samples, given, wanted);
                if (reduced.length > 0) {
                    addInTurn(frames[worker], wanted, turn, t);
                }
            } catch (Throwable e) {
                turn.set(FAILED);
                throw e;
            }
        });
    }

    /** Takes tile t through all steps. */
    private void compute(Frame32 frame, int t, int samples, Map<Slot, Tensor> given, Map<Slot, Tensor> wanted) {
        int begin = t * tile;
        place(frame, begin, given, wanted);
        int count = Math.min(tile, samples - begin);
        for (Action32 step : steps) {
            step.run(frame, count);
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
        add(frame, wanted);
        turn.set(t + 1);
    }

    private void add(Frame32 frame, Map<Slot, Tensor> wanted) {
        for (Slot slot : reduced) {
            float[] total = tensor(wanted, slot).floats();
            float[] part = frame.array(slot);
            for (int i = 0; i < total.length; i++) {
                total[i] += part[i];
            }
        }
    }

    @Override
    public String description() {
        return description;
    }

    @Override
    public void close() {}
}
