package io.github.batchjac.backend;

import io.github.batchjac.plan.Slot;
import io.github.batchjac.tensor.Tensor;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a backend writes to run one plan. {@link Program} has checked every argument: shapes, types and labels fit. Numbers
 * come and go in the plan's precision.
 */
public interface Engine extends AutoCloseable {

    /** Gives a parameter's numbers; called for every parameter before the first run, and again when one changes. */
    void bind(Slot parameter, Tensor value);

    /**
     * Computes samples {@code first} to {@code first + samples}, exclusive, of a batch.
     *
     * @param first index of the first sample; 0 starts a new batch
     * @param samples more than 0; unless the batch ends here, a multiple of the plan's tile
     * @param batch samples in the whole batch
     * @param inputs by slot, {@code (samples, size)}, or {@code (size)} if the slot is shared; the map is the caller's
     * @param results by slot, {@code (samples, size)} to be written; reduced ones {@code (size)}, holding the sum over all
     *     samples of this batch so far, to be added to (zero at first); shared ones {@code (size)}, to be written
     */
    void run(long first, int samples, long batch, Map<Slot, Tensor> inputs, Map<Slot, Tensor> results);

    /**
     * As {@link #run}, into arrays of per-sample results that this engine has filled before, with at least as many samples, and
     * nobody has written into since: what is the same in every run, such as the zeros of a dense diagonal, is there.
     */
    default void runAgain(long first, int samples, long batch, Map<Slot, Tensor> inputs, Map<Slot, Tensor> results) {
        run(first, samples, batch, inputs, results);
    }

    /**
     * Computes a whole batch and leaves the results where they are.
     *
     * @return null if results are computed in arrays
     */
    default @Nullable Held hold(int batch, Map<Slot, Tensor> inputs) {
        return null;
    }

    /** Results in memory of a device; reduced ones are the sums over the batch. */
    interface Held extends AutoCloseable {

        /** Copies as many elements of a slot as {@code to} holds, from element {@code first} on. */
        void read(Slot slot, long first, Tensor to);

        /** Where the device has the numbers of a slot. */
        long address(Slot slot);

        /** Frees the memory. May be called again. */
        @Override
        void close();
    }

    /** What this plan runs on and why, in one line. */
    String description();

    @Override
    void close();
}
