package io.github.batchjac.backend.cuda.ptx;

/** Counts what the accesses of a warp cost: sectors of global memory, transactions of shared memory. */
final class Requests {
    private final long[] sorted = new long[32];
    private final int[] perBank = new int[32];
    private final int[][] words = new int[32][33];
    /** The first word that each bank delivers, below the number of the phase. */
    private final long[] firstWord = new long[32];

    private long phases;

    long sectors;
    long ideal;

    /** Sets {@link #sectors} and {@link #ideal} for lanes that each use {@code bytes} at their naturally aligned address. */
    void count(long[] addresses, int mask, int bytes) {
        int n = 0;
        boolean ascending = true;
        long before = Long.MIN_VALUE;
        for (int rest = mask; rest != 0; rest &= rest - 1) {
            long address = addresses[Integer.numberOfTrailingZeros(rest)];
            ascending &= address >= before;
            before = address;
            sorted[n++] = address;
        }
        if (!ascending) {
            java.util.Arrays.sort(sorted, 0, n);
        }
        int distinct = 0;
        int touched = 0;
        long last = -1;
        long lastSector = -1;
        for (int i = 0; i < n; i++) {
            long address = sorted[i];
            if (address != last || i == 0) {
                distinct++;
                last = address;
            }
            long sector = address >>> 5;
            if (sector != lastSector) {
                touched++;
                lastSector = sector;
            }
        }
        sectors = touched;
        ideal = (distinct * (long) bytes + 31) / 32;
    }

    /** Transactions of shared memory; sets {@link #ideal} to the number of phases. */
    int transactions(long[] offsets, int mask, int bytes) {
        int unit = bytes <= 4 ? 2 : bytes == 8 ? 3 : 4; // log2 of the bytes that go together
        int lanes = 128 >> unit;
        int total = 0;
        ideal = 0;
        for (int first = 0; first < 32; first += lanes) {
            int phase = lanes == 32 ? mask : mask & ((1 << lanes) - 1) << first;
            if (phase != 0) {
                total += phase(offsets, phase, unit, lanes - 1);
                ideal++;
            }
        }
        return total;
    }

    /** A unit of 8 or 16 bytes takes two or four neighbouring banks as if they were one. */
    private int phase(long[] offsets, int mask, int unit, int banks) {
        long stamp = ++phases << 32;
        int most = 1;
        for (int rest = mask; rest != 0; rest &= rest - 1) {
            int word = (int) offsets[Integer.numberOfTrailingZeros(rest)] >> unit;
            int bank = word & banks;
            long seen = firstWord[bank];
            if (seen < stamp) {
                firstWord[bank] = stamp | word;
                perBank[bank] = 1;
            } else if ((int) seen != word) {
                most = Math.max(most, conflict(bank, word));
            }
        }
        return most;
    }

    /** One more word of a bank that already has one: how many it has then. */
    private int conflict(int bank, int word) {
        int[] others = words[bank];
        int known = perBank[bank];
        for (int k = 1; k < known; k++) {
            if (others[k] == word) {
                return known;
            }
        }
        others[known] = word;
        perBank[bank] = known + 1;
        return known + 1;
    }
}
