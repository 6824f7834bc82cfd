package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.VectorMath32.S;

/** A thread's scratch, and where things are in it. Nothing stays there from one kernel to the next. */
final class VectorScratch32 {
    /** Lanes. */
    private static final int L = S.length();

    /** Up to this many components, samples go into a tile, one per lane. */
    static final int TILE = 4 * L;

    /** Elements that are worked on at a time by several loops: they stay in the first-level cache. */
    static final int BLOCK = 1 << 10;

    // The end of a row that is replaced in place, partial sums, padded ends, a block of results that nobody asked for,
    // a
    // block of rounding errors; or a tile, its statistics, its rounding errors, and the targets that belong to it.
    static final int PARTIAL = L;
    static final int TAIL = 3 * L;
    static final int RESULT = 5 * L;
    static final int ERRORS = RESULT + 2 * BLOCK;
    static final int TILE_LARGEST = TILE * L;
    static final int TILE_OTHERS = TILE_LARGEST + L;
    static final int TILE_TOTAL = TILE_OTHERS + L;
    static final int TILE_LOG = TILE_TOTAL + L;
    static final int TILE_ERRORS = TILE_LOG + L;
    static final int TILE_TARGETS = TILE_ERRORS + TILE * L;
    static final ThreadLocal<float[]> SCRATCH =
            ThreadLocal.withInitial(() -> new float[Math.max(ERRORS + 2 * BLOCK, TILE_TARGETS + TILE * L)]);

    private VectorScratch32() {}
}
