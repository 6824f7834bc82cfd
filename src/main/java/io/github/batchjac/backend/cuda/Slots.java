package io.github.batchjac.backend.cuda;

import io.github.batchjac.tensor.Precision;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.stream.Stream;

/**
 * How an output (batch,size) is dealt out to threads, as {@code kernels/slots.cuh} explains: in slots of 16 bytes, whose
 * place in a group of samples belongs to one thread in all rounds.
 *
 * @param samples of a group: the fewest that fill whole sectors of 32 bytes
 * @param groups that a block writes at a time
 * @param sharing blocks that write a group together
 * @param rounds that a block does, from group to group
 * @param blocks of the launch
 * @param threads of a block
 * @param sharedBytes for operands that are staged in shared memory; 0 if none are
 */
record Slots(int samples, int groups, int sharing, int rounds, long blocks, int threads, int sharedBytes) {
    private static final int SLOT_BYTES = 16;
    private static final int SECTOR_BYTES = 32;
    private static final int WARP = 32;
    private static final int LARGEST_BLOCK = 256;

    /** More rounds share the work of finding one's place; this many are enough. */
    private static final int MOST_ROUNDS = 16;

    /** Blocks that keep a large device busy. */
    private static final int ENOUGH_BLOCKS = 2048;

    /**
     * An operand that may be staged: {@code each} elements of the output one after the other have the same number; behind
     * {@code count} numbers they start again, and every {@code lap} elements with the next ones.
     */
    record Numbers(Strided at, int count, int each, int lap) {
        /** Not one sample, of so many elements of the output, right after the other. */
        private boolean gaps(int size) {
            return at.stride() != 0 && at.stride() != (long) size / lap * count;
        }

        /** How many of them so many elements may have, each counted once or by the changes from one to the next. */
        private long places(long elements, int size) {
            long laps = at.stride() == 0 ? size / lap : SampleTile.ceil(elements - 1, lap) + 1;
            return Math.min(laps * count, SampleTile.ceil(elements - 1, each) + 1);
        }
    }

    /** Slots of 16 bytes. */
    static Slots of(Precision precision, long batch, int size) {
        return of(batch, size, SLOT_BYTES / precision.bytes(), SECTOR_BYTES / precision.bytes(), MOST_ROUNDS);
    }

    /**
     * Slots of 16 bytes. Where they lie across rows of {@code cols} elements, so that operands would be read number by number,
     * these are staged if they lie without gaps, a slot for the numbers that belong to one place in successive rounds.
     */
    static Slots of(Precision precision, long batch, int size, int cols, Numbers... operands) {
        Slots slots = of(precision, batch, size);
        List<Numbers> present = Stream.of(operands).filter(n -> !n.at.missing()).toList();
        int perSlot = SLOT_BYTES / precision.bytes();
        long group = (long) slots.samples * size;
        if (slots.blocks == 0
                || cols % perSlot == 0
                || group > Integer.MAX_VALUE / 2
                || present.stream().anyMatch(n -> n.gaps(size))) {
            return slots;
        }
        long elements = slots.sharing == 1 ? slots.groups * group : (long) slots.threads * perSlot;
        long places = present.stream()
                .mapToLong(n -> (n.places(elements, size) + 3) / 4 * 4)
                .sum();
        return slots.staged((int) places * SLOT_BYTES);
    }

    private Slots staged(int bytes) {
        return new Slots(samples, groups, sharing, rounds, blocks, threads, bytes);
    }

    private static Slots of(long batch, int size, int perSlot, int perSector, int most) {
        if (batch == 0 || size == 0) {
            return new Slots(1, 1, 1, 1, 0, WARP, 0);
        }
        int samples = perSector / Math.min(perSector, Integer.lowestOneBit(size));
        long slots = (long) samples * size / perSlot;
        long inAll = (batch + samples - 1) / samples;
        int sharing = (int) ((slots + LARGEST_BLOCK - 1) / LARGEST_BLOCK);
        int groups = (int) Math.max(1, Math.min(LARGEST_BLOCK / slots, inAll));
        long threads = sharing == 1 ? groups * slots : (slots + sharing - 1) / sharing;
        long rounds = (inAll + groups - 1) / groups;
        int perBlock = (int) Math.max(1, Math.min(most, rounds * sharing / ENOUGH_BLOCKS));
        long chunks = (rounds + perBlock - 1) / perBlock;
        return new Slots(
                samples, groups, sharing, perBlock, chunks * sharing, (int) ((threads + WARP - 1) / WARP) * WARP, 0);
    }

    /** The structure {@code slots::Slots}. */
    byte[] argument() {
        return ByteBuffer.allocate(6 * Integer.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(samples)
                .putInt(groups)
                .putInt(sharing)
                .putInt(rounds)
                .putInt(sharedBytes > 0 ? 1 : 0)
                .array();
    }

    /**
     * Launches a kernel that writes (batch,size) in slots, its last argument.
     *
     * @param cols length of the output's rows; operands that do not lie as it does may be staged
     */
    static void launch(
            Queue queue, String name, long batch, int size, int cols, Arguments arguments, Numbers... operands) {
        of(queue.precision(), batch, size, cols, operands).launch(queue, name, arguments);
    }

    /** Launches a kernel whose last argument they are. */
    void launch(Queue queue, String name, Arguments arguments) {
        queue.launch(name, blocks, threads, sharedBytes, arguments.with(argument()));
    }
}
