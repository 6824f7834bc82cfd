package io.github.batchjac.backend.cuda.ptx;

/**
 * What a launch did.
 *
 * <p>A warp's load or store of global memory is one request. Its sectors are the distinct aligned 32-byte pieces that its
 * lanes touch; its ideal is the number of distinct bytes that they touch, divided by 32 and rounded up. So a
 * coalesced access of any width has ratio 1, lanes that are a row apart up to 8 (for 4 bytes), and a coalesced access that
 * starts in the middle of a sector slightly more than 1.
 *
 * <p>Shared memory has 32 banks of 4 bytes. An access of up to 4 bytes a lane is one phase for the warp, of 8 bytes two
 * phases (half warps), of 16 bytes four (quarter warps). A phase takes as many transactions as the busiest bank
 * has distinct words to deliver; its ideal is one.
 *
 * @param blocks that ran
 * @param threads of a block
 * @param warpInstructions issued, those with no lane left by their guard among them
 * @param laneInstructions lanes that took part, over all of these
 * @param barriers waited for, per warp
 */
public record LaunchReport(
        String kernel,
        long blocks,
        int threads,
        int sharedBytes,
        long warpInstructions,
        long laneInstructions,
        long loadSectors,
        long idealLoadSectors,
        long storeSectors,
        long idealStoreSectors,
        long sharedTransactions,
        long idealSharedTransactions,
        long barriers) {

    LaunchReport(String kernel, long blocks, int threads, int sharedBytes, Counters c) {
        this(
                kernel,
                blocks,
                threads,
                sharedBytes,
                c.warpInstructions,
                c.laneInstructions,
                c.loadSectors,
                c.idealLoadSectors,
                c.storeSectors,
                c.idealStoreSectors,
                c.sharedTransactions,
                c.idealSharedTransactions,
                c.barriers);
    }

    /** Sectors that were asked for. */
    public long sectors() {
        return loadSectors + storeSectors;
    }

    /** Sectors against the ideal; 1 if there were none. */
    public double sectorRatio() {
        long ideal = idealLoadSectors + idealStoreSectors;
        return ideal == 0 ? 1 : (double) sectors() / ideal;
    }

    public double loadSectorRatio() {
        return idealLoadSectors == 0 ? 1 : (double) loadSectors / idealLoadSectors;
    }

    public double storeSectorRatio() {
        return idealStoreSectors == 0 ? 1 : (double) storeSectors / idealStoreSectors;
    }

    /** Warp instructions per sector that was asked for. */
    public double instructionsPerSector() {
        return (double) warpInstructions / Math.max(1, sectors());
    }

    /** Transactions of shared memory against the ideal; 1 if there were none. */
    public double bankConflictRatio() {
        return idealSharedTransactions == 0 ? 1 : (double) sharedTransactions / idealSharedTransactions;
    }
}
