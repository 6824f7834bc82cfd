package io.github.batchjac.backend.cuda;

import io.github.batchjac.plan.Buffers;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Slot;
import io.github.batchjac.plan.Slot.Role;
import io.github.batchjac.plan.Step;
import io.github.batchjac.tensor.Precision;
import java.util.ArrayList;
import java.util.List;

/** What a plan comes to on the device: its launches in order, and what must have a place. */
final class Schedule {
    private final Precision precision;
    private final int tile;
    private final int ids;
    private final List<Slot> given = new ArrayList<>();
    private final List<Slot> results = new ArrayList<>();
    private final List<Slot> reduced = new ArrayList<>();
    private final List<Slot> shared = new ArrayList<>();
    private final List<Action> once = new ArrayList<>();
    private final List<Action> steps = new ArrayList<>();
    private final Buffers buffers;
    private final Sums sums;

    /** @param library whether large products with a shared matrix are left to a library */
    Schedule(Plan plan, boolean library) {
        precision = plan.workload().precision();
        tile = plan.memory().tile();
        ids = 1 + plan.slots().stream().mapToInt(Slot::id).max().orElse(0);
        for (Slot slot : plan.slots()) {
            if (slot.role() == Role.REDUCED) {
                reduced.add(slot);
            } else if (slot.shared()) {
                shared.add(slot);
            } else if (slot.role() == Role.RESULT) {
                results.add(slot);
            } else if (slot.role() != Role.WORK) {
                given.add(slot);
            }
        }
        sums = new Sums(tile);
        List<Step> all = new ArrayList<>(plan.once());
        all.addAll(plan.steps());
        Actions actions = new Actions(sums, ScaledProducts.in(all, library ? SharedProducts.WIDE : Integer.MAX_VALUE));
        actions.of(plan.once()).forEach(fused -> once.add(fused.action()));
        Action whole = SmallNetwork.in(plan);
        List<Actions.Fused> each = whole == null ? actions.of(plan.steps()) : List.of();
        each.forEach(fused -> steps.add(fused.action()));
        if (whole != null) {
            steps.add(whole);
        }
        buffers = Buffers.of(each.stream().map(Actions.Fused::use).toList());
    }

    Precision precision() {
        return precision;
    }

    /** Samples whose sum over the batch is formed in one go; a power of two. */
    int tile() {
        return tile;
    }

    /** Whether there may be a large product with a shared matrix. */
    boolean wide() {
        return shared.stream().anyMatch(slot -> slot.size() >= SharedProducts.WIDE * SharedProducts.FEW);
    }

    /** One more than the largest id of a slot. */
    int ids() {
        return ids;
    }

    /** Per sample, from the caller. */
    List<Slot> given() {
        return given;
    }

    /** Per sample, for the caller. */
    List<Slot> results() {
        return results;
    }

    /** Totals over the batch. */
    List<Slot> reduced() {
        return reduced;
    }

    /** One copy for the whole batch: parameters, constants, shared inputs, what is computed once. */
    List<Slot> shared() {
        return shared;
    }

    /** What depends on nothing that differs from sample to sample. */
    List<Action> once() {
        return once;
    }

    /** What is done for every piece. */
    List<Action> steps() {
        return steps;
    }

    Buffers buffers() {
        return buffers;
    }

    Sums sums() {
        return sums;
    }

    /** Bytes of a slot: of one sample, or of all when shared. */
    long bytes(Slot slot) {
        return slot.size() * (long) (slot.role() == Role.LABELS ? Long.BYTES : precision.bytes());
    }

    long bytes(List<Slot> slots) {
        return slots.stream().mapToLong(this::bytes).sum();
    }

    /** Bytes that one sample needs in work buffers. */
    long workBytes() {
        return buffers.elements() * precision.bytes();
    }

    /** Bytes of the partial sums of a piece of so many samples. */
    long partialBytes(long samples) {
        long row = sums.sizes().stream().mapToLong(Integer::longValue).sum();
        return row * precision.bytes() * sums.tiles(samples);
    }
}
