package io.github.batchjac.backend.cuda.ptx;

import java.util.Map;

/** What all blocks of one launch share. */
final class Launch {
    final Kernel kernel;
    final GlobalMemory memory;
    final Map<String, Long> symbols;
    final long serial;
    final long blocks;
    final int threads;
    final int sharedBytes;
    final byte[] parameters;
    final Approximate approximate;
    final long limit;
    /** Which blocks run, in order; null for all. */
    final long[] order;

    Launch(
            Kernel kernel,
            GlobalMemory memory,
            Map<String, Long> symbols,
            long serial,
            long blocks,
            int threads,
            int sharedBytes,
            byte[] parameters,
            Approximate approximate,
            long limit,
            long[] order) {
        this.kernel = kernel;
        this.memory = memory;
        this.symbols = symbols;
        this.serial = serial;
        this.blocks = blocks;
        this.threads = threads;
        this.sharedBytes = sharedBytes;
        this.parameters = parameters;
        this.approximate = approximate;
        this.limit = limit;
        this.order = order;
    }

    /** How many blocks run. */
    int count() {
        return order == null ? (int) blocks : order.length;
    }

    long block(int ordinal) {
        return order == null ? ordinal : order[ordinal];
    }

    /** A thread by its number in the order in which threads run. */
    String thread(int number) {
        if (number < 0) {
            return "several threads";
        }
        return "block " + block((number - 1) / threads) + ", thread " + (number - 1) % threads;
    }
}
