package io.github.batchjac.backend.cuda.ptx;

/** What one launch did, counted by each worker on its own and added up. */
final class Counters {
    long warpInstructions;
    long laneInstructions;
    long loadSectors;
    long idealLoadSectors;
    long storeSectors;
    long idealStoreSectors;
    long sharedTransactions;
    long idealSharedTransactions;
    long barriers;

    void add(Counters other) {
        warpInstructions += other.warpInstructions;
        laneInstructions += other.laneInstructions;
        loadSectors += other.loadSectors;
        idealLoadSectors += other.idealLoadSectors;
        storeSectors += other.storeSectors;
        idealStoreSectors += other.idealStoreSectors;
        sharedTransactions += other.sharedTransactions;
        idealSharedTransactions += other.idealSharedTransactions;
        barriers += other.barriers;
    }

    /** Whether as many instructions and requests were made, by as many lanes. */
    boolean same(Counters other) {
        return warpInstructions == other.warpInstructions
                && laneInstructions == other.laneInstructions
                && loadSectors == other.loadSectors
                && storeSectors == other.storeSectors
                && sharedTransactions == other.sharedTransactions
                && barriers == other.barriers;
    }
}
