package io.github.batchjac.backend.cuda;

import java.util.Arrays;

/** Reckons what lanes' accesses to shared memory take. */
final class Banks {
    private final int banks;
    private final int width;
    private final int[] busy;
    private int[] seen = new int[1 << 12];
    private int phase;

    /**
     * @param banks as many as lanes of a phase: 32 for four bytes a lane, 8 for 16
     * @param width numbers of an access
     */
    Banks(int banks, int width) {
        this.banks = banks;
        this.width = width;
        busy = new int[banks];
    }

    int phases(int lanes) {
        return (lanes + banks - 1) / banks;
    }

    /**
     * @param places of the first numbers that lanes access
     * @param most nothing is reckoned beyond
     */
    int transactions(int[] places, double most) {
        int lanes = places.length;
        int transactions = 0;
        for (int first = 0; first < lanes && transactions <= most; first += banks) {
            phase++;
            Arrays.fill(busy, 0);
            int longest = 0;
            for (int lane = first; lane < Math.min(first + banks, lanes); lane++) {
                int at = places[lane] / width;
                if (at >= seen.length) {
                    seen = Arrays.copyOf(seen, 2 * at);
                }
                if (seen[at] != phase) {
                    seen[at] = phase;
                    longest = Math.max(longest, ++busy[at % banks]);
                }
            }
            transactions += longest;
        }
        return transactions;
    }
}
