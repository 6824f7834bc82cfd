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

    /** Elements that rows which are worked on together take. */
    static final int ROWS = 1 << 12; // 32 only
    // 64 only: static final int ROWS = 1 << 11;

    // The end of a row that is replaced in place, partial sums, padded ends; results that nobody asked for.
    static final int PARTIAL = L;
    static final int TAIL = 4 * L;
    static final int RESULT = 6 * L;

    // A tile or a group of rows, and what is known of each sample.
    static final int LARGEST = Math.max(TILE * L, ROWS);
    static final int OTHERS = LARGEST + L;
    static final int TOTAL = OTHERS + L;
    static final int LOG = TOTAL + L;

    // How they become numerators: see PlainNormaliser32.
    static final int BASE = LOG + L;
    static final int ROUND = BASE + L;
    static final int LOWEST = ROUND + L;
    static final int PEAK = LOWEST + L;

    // The logits and the targets that belong to a tile.
    static final int TILE_LOGITS = PEAK + L;
    static final int TILE_TARGETS = TILE_LOGITS + TILE * L;

    // How many numerators of a group are largest, and two sets of partial sums with their errors.
    static final int TIES = PEAK + L;
    static final int SUMS = TIES + L;

    static final ThreadLocal<float[]> SCRATCH = ThreadLocal.withInitial(() ->
            new float[Math.max(RESULT + 2 * BLOCK, Math.max(TILE_TARGETS + TILE * L, SUMS + 4 * L * L))]);

    private VectorScratch32() {}
}
