package io.github.batchjac.plan;

import io.github.batchjac.tensor.Shape;

/**
 * One array that a program is given.
 *
 * @param name its key: an input's or parameter's name, {@link Request#COTANGENT}, or {@link Request#tangent}
 * @param slot where its numbers go
 * @param shape for one sample, or of the whole when the slot is shared
 */
public record Given(String name, Slot slot, Shape shape) {

    /** The shape of the array for a batch of B. */
    public Shape shape(long batch) {
        return slot.shared() ? shape : shape.prepend(batch);
    }

    /** Whether {@code other} is {@link #shape(long)}. */
    public boolean fits(Shape other, long batch) {
        int more = slot.shared() ? 0 : 1;
        return other.rank() == shape.rank() + more && (more == 0 || other.axis(0) == batch) && shape.isSuffixOf(other);
    }
}
