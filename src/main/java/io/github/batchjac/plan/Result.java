package io.github.batchjac.plan;

import io.github.batchjac.tensor.Shape;

/**
 * One array that a program returns.
 *
 * @param name its key: the input or parameter it is with respect to, or one of {@link Request}'s keys
 * @param slot where its numbers are
 * @param shape for one sample, or of the whole when reduced over the batch or the same for every sample
 * @param reduction over the batch
 */
public record Result(String name, Slot slot, Shape shape, Reduction reduction) {

    /** Whether every sample has numbers of its own. */
    public boolean perSample() {
        return !slot.shared();
    }

    /** The shape of the array for a batch of B. */
    public Shape shape(long batch) {
        return perSample() ? shape.prepend(batch) : shape;
    }
}
