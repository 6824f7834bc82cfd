package io.github.batchjac.plan;

import io.github.batchjac.plan.Slot.Role;
import java.util.List;
import java.util.Locale;

/**
 * Where a plan's numbers live, and how many samples are in flight at once.
 *
 * <p>Every worker takes a <em>tile</em> of samples through all steps while its buffers are in cache. Inputs and results
 * that do not fit the budget as a whole come and go in <em>chunks</em> of several tiles. Neither changes a bit of any
 * result: tiles are cut at the same samples whatever the chunk or the number of workers.
 *
 * @param buffers where what is computed per sample lives
 * @param tile samples that one worker takes through all steps at a time
 * @param chunk samples whose inputs and results are held at a time
 * @param sharedBytes parameters, constants, what is computed once, and sums over the batch
 * @param workBytes work buffers of all workers
 * @param chunkBytes inputs and results of one chunk
 */
public record Memory(Buffers buffers, int tile, long chunk, long sharedBytes, long workBytes, long chunkBytes) {

    /** Larger chunks take more memory and save no time. */
    private static final long CHUNK_BYTES = 64 << 20;

    private static final int LARGEST_TILE = 256;

    /** A batch is cut into at least about this many tiles, so that several workers have something to do. */
    private static final int TILES = 8;

    private static final int SMALLEST_TILE = 8;

    /** Samples in a tile from which adding its sums over the batch to those of the tiles before is of no account. */
    private static final int TILE_OF_SUMS = 128;

    /** As {@link #TILES}, where sums over the batch are large. */
    private static final int TILES_OF_SUMS = 4;

    /** Bytes in all: the peak of a run in chunks. */
    public long peakBytes() {
        return sharedBytes + workBytes + chunkBytes;
    }

    static Memory of(List<Step> steps, List<Slot> slots, Workload workload) {
        int bytes = workload.precision().bytes();
        Buffers buffers = Buffers.of(steps.stream().map(Buffers.Use::of).toList());
        long workPerSample = bytes * buffers.elements();
        long reduced = 0;
        long once = 0;
        long ioPerSample = 0;
        for (Slot slot : slots) {
            long size = (long) slot.size() * (slot.role() == Role.LABELS ? Long.BYTES : bytes);
            if (slot.role() == Role.REDUCED) {
                reduced += size;
            } else if (slot.shared()) {
                // a parameter is kept as it came and as matrix products like it
                once += slot.role() == Role.PARAMETER ? 2 * size : size;
            } else if (slot.role() != Role.WORK) {
                ioPerSample += size;
            }
        }
        // each worker sums a tile by itself, then the tiles are added in order
        long shared = once + reduced * (1 + workload.workers());

        int tile = tile(workPerSample + ioPerSample, reduced, workload);
        long work = workPerSample * tile * workload.workers();
        long needed = shared + work + tile * ioPerSample;
        if (needed > workload.memory()) {
            throw new BudgetException(
                    "a memory budget of " + bytes(workload.memory())
                            + " is too small: parameters and shared results take "
                            + bytes(shared) + ", one sample's work " + bytes(workPerSample)
                            + ", its inputs and results "
                            + bytes(ioPerSample) + ", times " + tile + " samples for each of " + workload.workers()
                            + " workers; at least " + bytes(needed) + " are needed",
                    needed);
        }
        long room = Math.min(workload.memory() - shared - work, Math.max(CHUNK_BYTES, tile * ioPerSample));
        long chunk = room / Math.max(1, ioPerSample);
        chunk = chunk >= workload.batch() ? Math.max(1, workload.batch()) : chunk / tile * tile;
        return new Memory(buffers, tile, chunk, shared, work, chunk * ioPerSample);
    }

    /**
     * Depends on the batch and the kind of machine, never on workers or budget, for results must not. Sums over the batch are added one
     * tile after the other: so a tile's samples should be half as many bytes, but tiles not too few or too large.
     */
    private static int tile(long bytesPerSample, long summed, Workload workload) {
        long bytes = Math.max(1, bytesPerSample);
        long cached = Long.highestOneBit(Math.max(1, workload.cost().tileBytes() / bytes));
        long even = share(workload.batch(), TILES);
        long worth = Math.min(TILE_OF_SUMS, Long.highestOneBit(2 * summed / bytes));
        worth = Math.min(worth, share(workload.batch(), TILES_OF_SUMS));
        return (int) Math.min(Math.min(cached, LARGEST_TILE), Math.max(Math.max(SMALLEST_TILE, worth), even));
    }

    /** A power of two, for about so many tiles. */
    private static long share(long batch, int tiles) {
        return Long.highestOneBit(Math.max(1, (batch - 1) / tiles)) * 2;
    }

    /** A number of bytes as people read it: {@code 512 B}, {@code 4.4 MiB}. */
    public static String bytes(long n) {
        String[] units = {"B", "KiB", "MiB", "GiB", "TiB"};
        double x = n;
        int unit = 0;
        while (x >= 1024 && unit < units.length - 1) {
            x /= 1024;
            unit++;
        }
        return unit == 0 ? n + " B" : String.format(Locale.ROOT, x < 9.95 ? "%.1f %s" : "%.0f %s", x, units[unit]);
    }
}
