package io.github.batchjac.backend.cuda.ptx;

import java.util.Arrays;

/**
 * Shared memory of a block and who used it when. Time is a counter that every barrier, of the block or of a warp, moves on.
 * A use is ordered after an earlier one of another thread if a barrier of the block came between, or, within a warp, a
 * {@code bar.warp.sync} that both took part in; lockstep orders nothing, and neither do shuffles and votes. Uses are remembered
 * for each piece of four bytes, or for each byte if the kernel uses pieces of less than four.
 */
final class SharedMemory {
    private static final int THREAD_BITS = 12;
    private static final int IDS = (1 << THREAD_BITS) - 1;
    private static final int MANY = IDS;
    private static final int ATOMIC = IDS - 1;
    private static final int MANY_OF_WARP = 2048;

    final byte[] data;
    final int size;
    private final int shift;
    private final long[] writes;
    private final long[] reads;
    private long now;
    /** When the block began. */
    private long start;

    private long lastBarrier;
    private final long[] warpSync = new long[32];
    private final long[][] lanes = new long[32][];
    private final long[] pairs = new long[32 * 32];
    private boolean anyPairs;

    SharedMemory(int bytes, boolean narrow) {
        size = bytes;
        shift = narrow ? 0 : 2;
        data = new byte[(bytes + 15) & ~15];
        writes = new long[(data.length >> shift) + 1];
        reads = new long[(data.length >> shift) + 1];
    }

    /** For a new block, to which nothing is written. */
    void clear() {
        start = ++now;
        lastBarrier = now;
        Arrays.fill(lanes, null);
        anyPairs = false;
    }

    void barrier() {
        lastBarrier = ++now;
    }

    /** A barrier of some warps. */
    void barrier(int warps) {
        now++;
        anyPairs = true;
        for (int a = 0; a < 32; a++) {
            for (int b = 0; b < 32; b++) {
                if ((warps >>> a & 1) != 0 && (warps >>> b & 1) != 0) {
                    pairs[a * 32 + b] = now;
                }
            }
            if ((warps >>> a & 1) != 0) {
                warpSync[a] = now;
            }
        }
    }

    void warpBarrier(int warp, int mask, boolean all) {
        now++;
        if (all) {
            warpSync[warp] = now;
            return;
        }
        if (lanes[warp] == null) {
            lanes[warp] = new long[32 * 32];
        }
        for (int a = 0; a < 32; a++) {
            for (int b = 0; b < 32; b++) {
                if ((mask >>> a & 1) != 0 && (mask >>> b & 1) != 0) {
                    lanes[warp][a * 32 + b] = now;
                }
            }
        }
    }

    /** The thread that used it before and is not ordered with this one: its number, or {@link #NOBODY}. */
    static final int NOBODY = -1;

    static final int SEVERAL = -2;
    /** Nobody ever wrote it. */
    static final int UNWRITTEN = -3;

    private int conflict(long use, int thread) {
        long time = use >>> THREAD_BITS;
        if (time < lastBarrier || use == 0) {
            return NOBODY;
        }
        int id = (int) use & IDS;
        if (id == thread + 1) {
            return NOBODY;
        }
        if (id == MANY || id == ATOMIC) {
            return SEVERAL;
        }
        int warp = thread >> 5;
        boolean several = id >= MANY_OF_WARP;
        int other = several ? id - MANY_OF_WARP : id - 1 >> 5;
        if (other == warp) {
            if (time < warpSync[warp]) {
                return NOBODY;
            }
            long[] both = lanes[warp];
            if (!several && both != null && time < both[(id - 1 & 31) * 32 + (thread & 31)]) {
                return NOBODY;
            }
        } else if (anyPairs && time < pairs[other * 32 + warp]) {
            return NOBODY;
        }
        return several ? SEVERAL : id - 1;
    }

    boolean written(int offset, int bytes) {
        int last = offset + bytes - 1 >> shift;
        for (int g = offset >> shift; g <= last; g++) {
            if (writes[g] >>> THREAD_BITS < start) {
                return false;
            }
        }
        return true;
    }

    /** @return a thread whose write is not ordered with this read, {@link #NOBODY} or {@link #UNWRITTEN} */
    int read(int offset, int bytes, int thread) {
        int last = offset + bytes - 1 >> shift;
        long own = now << THREAD_BITS | thread + 1;
        for (int g = offset >> shift; g <= last; g++) {
            long write = writes[g];
            if (write >>> THREAD_BITS < start) {
                return UNWRITTEN;
            }
            if (write >>> THREAD_BITS >= lastBarrier) {
                int writer = conflict(write, thread);
                if (writer != NOBODY) {
                    return writer;
                }
            }
            long before = reads[g];
            if (before >>> THREAD_BITS < lastBarrier || before == own) {
                reads[g] = own;
                continue;
            }
            int id = thread + 1;
            if (conflict(before, thread) != NOBODY) {
                int other = (int) before & IDS;
                boolean same = (other >= MANY_OF_WARP ? other - MANY_OF_WARP : other - 1 >> 5) == thread >> 5;
                id = other != MANY && same ? MANY_OF_WARP + (thread >> 5) : MANY;
            }
            reads[g] = now << THREAD_BITS | id;
        }
        return NOBODY;
    }

    /** @return a thread whose use is not ordered with this write */
    int write(int offset, int bytes, int thread) {
        int last = offset + bytes - 1 >> shift;
        for (int g = offset >> shift; g <= last; g++) {
            int writer = conflict(writes[g], thread);
            int reader = conflict(reads[g], thread);
            if (writer != NOBODY || reader != NOBODY) {
                return writer != NOBODY ? writer : reader;
            }
            writes[g] = now << THREAD_BITS | thread + 1;
        }
        return NOBODY;
    }

    /** Atomics are ordered among themselves. */
    int atomic(int offset, int bytes, int thread) {
        int last = offset + bytes - 1 >> shift;
        for (int g = offset >> shift; g <= last; g++) {
            boolean atomic = (writes[g] & IDS) == ATOMIC;
            int writer = atomic ? NOBODY : conflict(writes[g], thread);
            int reader = conflict(reads[g], thread);
            if (writer != NOBODY || reader != NOBODY) {
                return writer != NOBODY ? writer : reader;
            }
            writes[g] = now << THREAD_BITS | ATOMIC;
        }
        return NOBODY;
    }
}
