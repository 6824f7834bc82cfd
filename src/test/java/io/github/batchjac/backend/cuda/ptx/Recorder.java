package io.github.batchjac.backend.cuda.ptx;

import io.github.batchjac.backend.cuda.ptx.GlobalMemory.Allocation;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/**
 * Keeps some launches of each kernel: for every instruction {@value #KEPT} of the cheapest that execute it, and that do so with each
 * outcome that {@link Coverage} tells apart, for every barrier some that come to it by another way, and {@value #OTHERS} more
 * small ones with different arguments, drawn from all there were.
 */
final class Recorder {
    private static final int OTHERS = 24;
    /** Pages that a launch may reach to be kept, and warp instructions of one that is kept for its arguments. */
    private static final int PAGES = 256;

    private static final int FEW_PAGES = 64;
    private static final long CHEAP = 200_000;
    /** Launches with the same arguments that are looked at. */
    private static final int ALIKE = 12;
    /** Blocks of a launch that is kept. */
    private static final int BLOCKS = 4096;
    /** Launches that are kept of those that do the same. */
    private static final int KEPT = 5;
    /** How much cheaper than what is known to do the same a launch has to be. */
    private static final int CHEAPER = 4;
    /** Of ways past a barrier so many are told apart, as a power of two. */
    private static final int WAY_BITS = 3;

    /** What was taken before a launch. */
    record Take(List<Allocation> reached, List<Allocation> before, long pages, int key) {}

    private static final class Known {
        final List<Recording> others = new ArrayList<>();
        /** How many launches had the same arguments. */
        final Map<Integer, Integer> keys = new HashMap<>();

        final Random random = new Random(1);
        /** By {@link #feature}, the cheapest first. */
        final Map<Integer, List<Recording>> cheapest = new HashMap<>();

        int seen;

        boolean cheaper(int feature, long cost) {
            List<Recording> now = cheapest.getOrDefault(feature, List.of());
            return now.size() < KEPT || cost < now.get(KEPT - 1).cost() / CHEAPER;
        }

        void keep(int feature, Recording recording) {
            List<Recording> now = cheapest.computeIfAbsent(feature, number -> new ArrayList<>(KEPT));
            if (now.size() == KEPT) {
                now.remove(KEPT - 1);
            }
            now.add(recording);
            now.sort(Comparator.comparingLong(Recording::cost));
        }
    }

    private final Map<String, Known> entries = new HashMap<>();

    /** An instruction with an outcome, the number of a bit of {@link Coverage}. */
    static int feature(int pc, int bit) {
        return Coverage.BITS * pc + bit;
    }

    /** Null if a launch is too large, or much like some before. */
    synchronized Take begin(Launch launch) {
        Known known = entries.computeIfAbsent(launch.kernel.name(), name -> new Known());
        int key = key(launch);
        if (launch.count() > BLOCKS || known.keys.getOrDefault(key, 0) >= ALIKE) {
            return null;
        }
        List<Allocation> reached = Recording.reached(launch);
        long pages = 0;
        for (Allocation allocation : reached) {
            pages += allocation.held();
        }
        return pages > PAGES ? null : new Take(reached, Recording.copies(reached), pages, key);
    }

    /** Of the arguments: of pointers only what can matter. */
    private static int key(Launch launch) {
        int key = 31 * launch.threads + Long.hashCode(launch.blocks);
        key = 31 * key + launch.sharedBytes;
        for (int at = 0; at + Integer.BYTES <= launch.parameters.length; at += Integer.BYTES) {
            int value = (int) GlobalMemory.INTS.get(launch.parameters, at);
            if (at % Long.BYTES == 0 && at + Long.BYTES <= launch.parameters.length) {
                long address = (long) GlobalMemory.LONGS.get(launch.parameters, at);
                Allocation allocation = launch.memory.at(address);
                if (allocation != null && address < allocation.base + allocation.size) {
                    value = (int) address & 31;
                    at += Integer.BYTES;
                }
            }
            key = 31 * key + value;
        }
        return key;
    }

    synchronized void end(Take take, Launch launch, List<Block> ran, long cost) {
        if (take == null) {
            return;
        }
        Known known = entries.get(launch.kernel.name());
        BitSet features = new BitSet();
        for (Block block : ran) {
            for (int pc = 0; pc < block.covered.length; pc++) {
                for (int bit = 0; bit < Coverage.BITS; bit++) {
                    if ((block.covered[pc] >>> bit & 1) != 0) {
                        features.set(feature(pc, bit));
                    }
                }
            }
        }
        barriers(features, launch);
        boolean cheaper = features.stream().anyMatch(f -> known.cheaper(f, cost));
        boolean first = known.keys.merge(take.key(), 1, Integer::sum) == 1;
        boolean other = first && cost <= CHEAP && take.pages() <= FEW_PAGES;
        int place = -1;
        if (other) {
            known.seen++;
            place = known.others.size() < OTHERS ? known.others.size() : known.random.nextInt(known.seen);
        }
        boolean drawn = place >= 0 && place < OTHERS;
        if (!cheaper && !drawn) {
            return;
        }
        List<Allocation> after = Recording.copies(take.reached());
        for (int n = 0; n < after.size(); n++) {
            after.get(n).share(take.before().get(n));
        }
        Recording recording = new Recording(
                launch.kernel.name(),
                launch.blocks,
                launch.threads,
                launch.sharedBytes,
                launch.parameters,
                launch.approximate,
                launch.order,
                Map.copyOf(launch.symbols),
                take.before(),
                after,
                features,
                cost,
                !cheaper);
        keep(known, recording, place);
    }

    /**
     * Of each barrier in which company it was met: what it keeps apart depends on the way of the launch. Ways are told apart by all
     * barriers on them and by whether there is dynamic shared memory, mostly.
     */
    private static void barriers(BitSet features, Launch launch) {
        Instruction[] code = launch.kernel.code();
        BitSet met = new BitSet();
        for (int pc = 0; pc < code.length; pc++) {
            met.set(pc, code[pc].kind == Instruction.BARRIER && features.get(feature(pc, 0)));
        }
        int way = (31 * met.hashCode() + (launch.sharedBytes > 0 ? 1 : 0)) * 0x9e3779b9 >>> Integer.SIZE - WAY_BITS;
        for (int pc = met.nextSetBit(0); pc >= 0; pc = met.nextSetBit(pc + 1)) {
            features.set(feature(code.length, 0) + (pc << WAY_BITS) + way);
        }
    }

    private static void keep(Known known, Recording recording, int place) {
        long cost = recording.cost();
        if (!recording.drawn()) {
            recording.features().stream().filter(f -> known.cheaper(f, cost)).forEach(f -> known.keep(f, recording));
        } else if (place == known.others.size()) {
            known.others.add(recording);
        } else {
            known.others.set(place, recording);
        }
    }

    /** Those kept of a kernel, the cheapest first. */
    synchronized List<Recording> recordings(String entry) {
        Known known = entries.getOrDefault(entry, new Known());
        Set<Recording> all = Collections.newSetFromMap(new IdentityHashMap<>());
        known.cheapest.values().forEach(all::addAll);
        all.addAll(known.others);
        List<Recording> sorted = new ArrayList<>(all);
        sorted.sort(Comparator.comparingLong(Recording::cost));
        return sorted;
    }
}
