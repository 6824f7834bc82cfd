package io.github.batchjac.backend.cuda.ptx;

/**
 * A warp: its registers, and where its lanes are. Lanes that are at the same instruction run together, and of several such
 * groups the one at the lowest address runs first, so that groups meet again where their ways join. A group that has to
 * wait for others (a barrier, a shuffle) is blocked until they come.
 */
final class Warp {
    final int number;
    final long[] registers;
    final int[] predicates;
    byte[] local;
    byte[] localWritten;
    int carry;
    /** Lanes that have not left. */
    int live;
    /** Of the group that runs. */
    int pc;

    int active;
    /** The lowest address at which a group is that could run. */
    int frontier;

    private final int[] groupPc = new int[32];
    private final int[] groupMask = new int[32];
    private final boolean[] groupBlocked = new boolean[32];
    private int groups;
    /** Instructions since it started, up to the last barrier. */
    long issued;

    private long progress;
    private long progressAtRelease;

    /** The barrier it waits at, or -1; and the instruction. */
    int barrier = -1;

    int barrierPc;
    int barrierThreads;
    int arrivedEarly;

    Warp(int number, Kernel kernel) {
        this.number = number;
        registers = new long[kernel.registers()];
        predicates = new int[Math.max(1, kernel.predicates())];
        if (kernel.truth() >= 0) {
            predicates[kernel.truth()] = -1;
        }
        local = new byte[kernel.frame() * 32];
        localWritten = new byte[kernel.frame() * 32];
    }

    void start(int lanes) {
        live = lanes;
        active = lanes;
        pc = 0;
        groups = 0;
        carry = 0;
        arrivedEarly = 0;
        frontier = Integer.MAX_VALUE;
        issued = 0;
        progress = 0;
        progressAtRelease = -1;
        barrier = -1;
        java.util.Arrays.fill(localWritten, (byte) 0);
    }

    /** Puts a group aside. */
    void park(int at, int mask, boolean blocked) {
        for (int g = 0; g < groups; g++) {
            if (groupPc[g] == at && groupBlocked[g] == blocked) {
                groupMask[g] |= mask;
                return;
            }
        }
        groupPc[groups] = at;
        groupMask[groups] = mask;
        groupBlocked[groups++] = blocked;
        if (!blocked && at < frontier) {
            frontier = at;
        }
    }

    /** Lanes blocked at an instruction, which are no longer. */
    int takeBlocked(int at) {
        for (int g = 0; g < groups; g++) {
            if (groupPc[g] == at && groupBlocked[g]) {
                int mask = groupMask[g];
                remove(g);
                return mask;
            }
        }
        return 0;
    }

    private void remove(int g) {
        groups--;
        groupPc[g] = groupPc[groups];
        groupMask[g] = groupMask[groups];
        groupBlocked[g] = groupBlocked[groups];
    }

    void progressed() {
        progress++;
    }

    /**
     * Makes the next group run. Where all are blocked they may look again, once, unless nothing happened since the last
     * time.
     *
     * @return false if no lane is left, or none can go on: then {@link #live} tells which
     */
    boolean next() {
        int best = -1;
        for (int g = 0; g < groups; g++) {
            if (!groupBlocked[g] && (best < 0 || groupPc[g] < groupPc[best])) {
                best = g;
            }
        }
        if (best < 0) {
            if (groups == 0 || progress == progressAtRelease) {
                return false;
            }
            progressAtRelease = progress;
            for (int g = 0; g < groups; g++) {
                groupBlocked[g] = false;
            }
            return next();
        }
        pc = groupPc[best];
        active = groupMask[best];
        remove(best);
        frontier = Integer.MAX_VALUE;
        for (int g = 0; g < groups; g++) {
            if (!groupBlocked[g]) {
                frontier = Math.min(frontier, groupPc[g]);
            }
        }
        return true;
    }

    boolean done() {
        return live == 0;
    }
}
