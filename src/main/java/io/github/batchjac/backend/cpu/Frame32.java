package io.github.batchjac.backend.cpu;

import io.github.batchjac.plan.Slot;
import org.jspecify.annotations.Nullable;

/** Where every slot's numbers are while one worker takes one tile through the steps. */
final class Frame32 {
    private final float[][] arrays;
    private final int[] offsets;
    private final long[][] labels;
    private float[] scratch = new float[0];
    private boolean again;

    Frame32(int slots) {
        arrays = new float[slots][];
        offsets = new int[slots];
        labels = new long[slots][];
    }

    void place(Slot slot, float[] array, int offset) {
        arrays[slot.id()] = array;
        offsets[slot.id()] = offset;
    }

    void placeLabels(Slot slot, long[] array, int offset) {
        labels[slot.id()] = array;
        offsets[slot.id()] = offset;
    }

    /** Whether the arrays of results hold what an earlier run wrote there. */
    void again(boolean yes) {
        again = yes;
    }

    /** Whether the zeros are in their places that are the same in every run, in an array that only one step writes. */
    boolean zeroed(Slot slot) {
        return again && slot.role() == Slot.Role.RESULT && !slot.shared();
    }

    void allocateScratch(int elements) {
        scratch = new float[elements];
    }

    /** Room for one action at a time. */
    float[] scratch() {
        return scratch;
    }

    float[] array(Slot slot) {
        return arrays[slot.id()];
    }

    /** The array of a slot that may be missing. */
    float @Nullable [] arrayOrNull(@Nullable Slot slot) {
        return slot == null ? null : arrays[slot.id()];
    }

    long[] labels(Slot slot) {
        return labels[slot.id()];
    }

    /** Where the tile's first sample starts. */
    int offset(Slot slot) {
        return offsets[slot.id()];
    }

    /** Where sample b of the tile starts; all samples share a shared slot. */
    int offset(Slot slot, int b) {
        return offsets[slot.id()] + (slot.shared() ? 0 : b * slot.size());
    }

    int offsetOrZero(@Nullable Slot slot) {
        return slot == null ? 0 : offset(slot);
    }
}
