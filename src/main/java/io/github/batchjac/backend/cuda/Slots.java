package io.github.batchjac.backend.cuda;

import io.github.batchjac.tensor.Precision;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

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
 */
record Slots(int samples, int groups, int sharing, int rounds, long blocks, int threads) {
    private static final int SLOT_BYTES = 16;
    private static final int SECTOR_BYTES = 32;
    private static final int WARP = 32;
    private static final int LARGEST_BLOCK = 256;

    /** More rounds share the work of finding one's place; this many are enough. */
    private static final int MOST_ROUNDS = 16;

    /** Blocks that keep a large device busy. */
    private static final int ENOUGH_BLOCKS = 2048;

    /** Slots of 16 bytes. */
    static Slots of(Precision precision, long batch, int size) {
        return of(batch, size, SLOT_BYTES / precision.bytes(), SECTOR_BYTES / precision.bytes());
    }

    /** Slots of one element. */
    static Slots ofElements(long batch, int size) {
        return of(batch, size, 1, 1);
    }

    private static Slots of(long batch, int size, int perSlot, int perSector) {
        if (batch == 0 || size == 0) {
            return new Slots(1, 1, 1, 1, 0, WARP);
        }
        int samples = perSector / Math.min(perSector, Integer.lowestOneBit(size));
        long slots = (long) samples * size / perSlot;
        long inAll = (batch + samples - 1) / samples;
        int sharing = (int) ((slots + LARGEST_BLOCK - 1) / LARGEST_BLOCK);
        int groups = (int) Math.max(1, Math.min(LARGEST_BLOCK / slots, inAll));
        long threads = sharing == 1 ? groups * slots : (slots + sharing - 1) / sharing;
        long rounds = (inAll + groups - 1) / groups;
        int perBlock = (int) Math.max(1, Math.min(MOST_ROUNDS, rounds * sharing / ENOUGH_BLOCKS));
        long chunks = (rounds + perBlock - 1) / perBlock;
        return new Slots(
                samples, groups, sharing, perBlock, chunks * sharing, (int) ((threads + WARP - 1) / WARP) * WARP);
    }

    /** The structure {@code slots::Slots}. */
    byte[] argument() {
        return ByteBuffer.allocate(4 * Integer.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(samples)
                .putInt(groups)
                .putInt(sharing)
                .putInt(rounds)
                .array();
    }
}
