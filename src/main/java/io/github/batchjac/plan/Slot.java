package io.github.batchjac.plan;

import org.jspecify.annotations.Nullable;

/**
 * A place for numbers: {@code size} of them for every sample, or once for the whole batch when {@code shared}. Two slots
 * are equal only if they are the same object.
 */
public final class Slot {

    /** Who fills a slot and how long it lasts. */
    public enum Role {
        /** Given for every run: an input, cotangents, tangents. */
        INPUT,
        /** Given for every run: class indices. */
        LABELS,
        /** Given once, may be given anew: a parameter. */
        PARAMETER,
        /** Numbers that the plan itself holds. */
        CONSTANT,
        /** Computed; may be overwritten after its last reader. */
        WORK,
        /** Computed; per sample, kept for the caller. */
        RESULT,
        /** Summed over the batch, kept for the caller. */
        REDUCED
    }

    private final int id;
    private final String name;
    private final int size;
    private final boolean shared;
    private final double @Nullable [] constant;
    private Role role;

    Slot(int id, String name, int size, boolean shared, Role role, double @Nullable [] constant) {
        this.id = id;
        this.name = name;
        this.size = size;
        this.shared = shared;
        this.role = role;
        this.constant = constant;
    }

    /** 0, 1, 2, … in one plan. */
    public int id() {
        return id;
    }

    /** For messages; the key of an input, a parameter or a result. */
    public String name() {
        return name;
    }

    /** Elements per sample, or in all when shared. */
    public int size() {
        return size;
    }

    /** Whether one copy serves the whole batch. */
    public boolean shared() {
        return shared;
    }

    public Role role() {
        return role;
    }

    /** The numbers of a constant. */
    public double[] constant() {
        if (constant == null) {
            throw new IllegalStateException(this + " is no constant");
        }
        return constant;
    }

    void becomeResult() {
        role = Role.RESULT;
    }

    @Override
    public String toString() {
        return name + "[" + (shared ? "" : "B×") + size + "]";
    }
}
