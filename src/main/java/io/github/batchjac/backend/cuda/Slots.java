package io.github.batchjac.backend.cuda;

import io.github.batchjac.tensor.Precision;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

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
 * @param reach samples that a block writes to in a round, at most; 0 if operands are not staged in shared memory
 * @param sharedBytes that this takes
 */
record Slots(int samples, int groups, int sharing, int rounds, long blocks, int threads, int reach, int sharedBytes) {
    private static final int SLOT_BYTES = 16;
    private static final int SECTOR_BYTES = 32;
    private static final int WARP = 32;
    private static final int LARGEST_BLOCK = 256;

    /** More rounds share the work of finding one's place; this many are enough. */
    private static final int MOST_ROUNDS = 16;

    /** Rather so few rounds than operands that are not staged. */
    private static final int FEW_ROUNDS = 4;

    private static final int STAGED_BYTES = 24 << 10;

    /** Blocks that keep a large device busy. */
    private static final int ENOUGH_BLOCKS = 2048;

    /** An operand (batch,count), or (count). */
    record Numbers(Strided at, int count) {
        /** Not one sample right after the other. */
        private boolean gaps() {
            return !at.missing() && at.stride() != 0 && at.stride() != count;
        }
    }

    /** Slots of 16 bytes. */
    static Slots of(Precision precision, long batch, int size) {
        return of(batch, size, SLOT_BYTES / precision.bytes(), SECTOR_BYTES / precision.bytes(), MOST_ROUNDS);
    }

    /**
     * Slots of 16 bytes. Where they lie across rows of {@code cols} elements, so that operands are read number by number, these
     * are staged if the numbers for all rounds fit and lie without gaps.
     */
    static Slots of(Precision precision, long batch, int size, int cols, Numbers... operands) {
        int perSlot = SLOT_BYTES / precision.bytes();
        if (batch == 0
                || size == 0
                || cols % perSlot == 0
                || Arrays.stream(operands).anyMatch(Numbers::gaps)) {
            return of(precision, batch, size);
        }
        for (int most = MOST_ROUNDS; most >= FEW_ROUNDS; most /= 2) {
            Slots slots = of(batch, size, perSlot, SECTOR_BYTES / precision.bytes(), most);
            long reach = slots.sharing == 1
                    ? (long) slots.samples * slots.groups
                    : Math.min(slots.samples, ((long) slots.threads * perSlot + size - 2) / size + 1);
            int pitch = ((slots.rounds + perSlot - 1) / perSlot | 1) * perSlot;
            long numbers = 0;
            for (Numbers operand : operands) {
                if (!operand.at.missing()) {
                    numbers += operand.count * (operand.at.stride() == 0 ? perSlot : reach * pitch);
                }
            }
            boolean fits =
                    numbers * precision.bytes() <= STAGED_BYTES && (long) slots.samples * size <= Integer.MAX_VALUE;
            if (numbers > 0 && fits) {
                return slots.staged((int) reach, (int) numbers * precision.bytes());
            }
        }
        return of(precision, batch, size);
    }

    private Slots staged(int reach, int bytes) {
        return new Slots(samples, groups, sharing, rounds, blocks, threads, reach, bytes);
    }

    /** Slots of one element. */
    static Slots ofElements(long batch, int size) {
        return of(batch, size, 1, 1, MOST_ROUNDS);
    }

    private static Slots of(long batch, int size, int perSlot, int perSector, int most) {
        if (batch == 0 || size == 0) {
            return new Slots(1, 1, 1, 1, 0, WARP, 0, 0);
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
                samples, groups, sharing, perBlock, chunks * sharing, (int) ((threads + WARP - 1) / WARP) * WARP, 0, 0);
    }

    /** The structure {@code slots::Slots}. */
    byte[] argument() {
        return ByteBuffer.allocate(6 * Integer.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(samples)
                .putInt(groups)
                .putInt(sharing)
                .putInt(rounds)
                .putInt(reach)
                .array();
    }

    /**
     * Launches a kernel that writes (batch,size) in slots, its last argument.
     *
     * @param cols length of the output's rows; operands that are smaller than it by a factor may be staged
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
