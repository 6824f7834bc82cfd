package io.github.batchjac.backend.cuda;

import io.github.batchjac.plan.Slot;
import java.nio.LongBuffer;
import org.jspecify.annotations.Nullable;

/** Where everything is on the device while one piece of the batch goes through the steps. */
final class Frame {
    private final long[] addresses;
    private final long[] partials;

    /**
     * @param slots one more than the largest id of a slot
     * @param sums number of sums over the batch
     */
    Frame(int slots, int sums) {
        addresses = new long[slots];
        partials = new long[sums];
    }

    void place(Slot slot, long address) {
        addresses[slot.id()] = address;
    }

    void placePartial(int sum, long address) {
        partials[sum] = address;
    }

    /** Where the first sample's numbers are; 0 for no slot. */
    long at(@Nullable Slot slot) {
        return slot == null ? 0 : addresses[slot.id()];
    }

    /** The numbers with their stride; {@link Strided#NONE} for no slot. */
    Strided of(@Nullable Slot slot) {
        return slot == null ? Strided.NONE : new Strided(at(slot), slot.shared() ? 0 : slot.size());
    }

    /** Where the partial sums of a sum over the batch are. */
    long partial(int sum) {
        return partials[sum];
    }

    /** All places as they are now; equal if all are. What is recorded with some places is right only for them. */
    LongBuffer places() {
        return LongBuffer.allocate(addresses.length + partials.length)
                .put(addresses)
                .put(partials)
                .flip();
    }
}
