package io.github.batchjac.backend.cuda.ptx;

import io.github.batchjac.backend.cuda.ptx.GlobalMemory.Allocation;
import io.github.batchjac.backend.cuda.ptx.GlobalMemory.Page;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A launch to run again, as it was or with another kernel: its arguments, and all memory that they point to, before and
 * after.
 *
 * @param features what was executed, see {@link Recorder#feature}
 * @param cost warp instructions
 * @param drawn whether it was kept for its arguments, not for what it executes
 */
record Recording(
        String entry,
        long blocks,
        int threads,
        int sharedBytes,
        byte[] parameters,
        Approximate approximate,
        long[] order,
        Map<String, Long> symbols,
        List<Allocation> before,
        List<Allocation> after,
        BitSet features,
        long cost,
        boolean drawn) {
    /** A difference that is no rounding error: NaN or another sign, written or not. */
    static final long LARGE = Long.MAX_VALUE;

    /** How many times as many instructions as the kernel took a changed one may take. */
    private static final int PATIENCE = 20;

    /**
     * What came of it.
     *
     * @param difference by how many units in the last place of the kernel's precision results differ at most; 0 for the same bits
     */
    record Result(long difference, Counters counters) {}

    /** All allocations that something in the parameters or a variable of the module points to. */
    static List<Allocation> reached(Launch launch) {
        Map<Long, Allocation> reached = new HashMap<>();
        for (int at = 0; at + Long.BYTES <= launch.parameters.length; at += Long.BYTES) {
            reach(reached, launch, (long) GlobalMemory.LONGS.get(launch.parameters, at));
        }
        launch.symbols.values().forEach(address -> reach(reached, launch, address));
        return List.copyOf(reached.values());
    }

    private static void reach(Map<Long, Allocation> reached, Launch launch, long address) {
        Allocation allocation = launch.memory.at(address);
        if (allocation != null && address <= allocation.base + allocation.size && !allocation.freed) {
            reached.put(allocation.base, allocation);
        }
    }

    static List<Allocation> copies(List<Allocation> allocations) {
        List<Allocation> copies = new ArrayList<>(allocations.size());
        allocations.forEach(allocation -> copies.add(allocation.copy()));
        return copies;
    }

    /**
     * Runs it with another kernel of the same parameters.
     *
     * @throws PtxFault as a launch does
     */
    Result run(Kernel kernel) {
        List<Allocation> memory = copies(before);
        Launch launch = new Launch(
                kernel,
                new GlobalMemory(memory),
                symbols,
                1,
                blocks,
                threads,
                sharedBytes,
                parameters,
                approximate,
                PATIENCE * (cost + 1000),
                order);
        Block block = new Block(launch);
        for (int n = 0; n < launch.count(); n++) {
            block.run(launch.block(n), n);
            if (block.counters.warpInstructions > PATIENCE * (cost + 1000)) {
                throw new PtxFault(PtxFault.Kind.ENDLESS, entry + ": " + PATIENCE + " times its instructions");
            }
        }
        long worst = 0;
        for (int n = 0; n < memory.size(); n++) {
            worst = Math.max(worst, difference(memory.get(n), after.get(n)));
        }
        return new Result(worst, block.counters);
    }

    /** Whether some lane executes an instruction. */
    boolean executes(int pc) {
        return features.get(Recorder.feature(pc, 0));
    }

    /** How many different outcomes an instruction has, see {@link Coverage}. */
    int outcomes(int pc) {
        int from = Recorder.feature(pc, 0);
        return features.get(from, from + Coverage.BITS).cardinality();
    }

    private long difference(Allocation a, Allocation b) {
        long worst = 0;
        for (long number : a.numbers(b)) {
            Page x = a.page(number * GlobalMemory.PAGE);
            Page y = b.page(number * GlobalMemory.PAGE);
            int size = entry.endsWith("64") ? Long.BYTES : Integer.BYTES;
            for (int at = java.util.Arrays.mismatch(x.data, y.data); at >= 0 && at < x.data.length; at++) {
                at = at / size * size;
                worst = Math.max(worst, size == Long.BYTES ? doubles(x.data, y.data, at) : floats(x.data, y.data, at));
                at += size - 1;
            }
            if (!java.util.Arrays.equals(x.written, y.written)) {
                return LARGE;
            }
        }
        return worst;
    }

    // Any NaN is any other: which of two operands' NaNs a sum has is up to the JIT compiler.

    private static long floats(byte[] x, byte[] y, int at) {
        int a = (int) GlobalMemory.INTS.get(x, at);
        int b = (int) GlobalMemory.INTS.get(y, at);
        if (a == b) {
            return 0;
        }
        boolean nan = Float.isNaN(Float.intBitsToFloat(a));
        if (nan || Float.isNaN(Float.intBitsToFloat(b))) {
            return nan && Float.isNaN(Float.intBitsToFloat(b)) ? 0 : LARGE;
        }
        return (a ^ b) >= 0 ? Math.abs((long) a - b) : LARGE;
    }

    private static long doubles(byte[] x, byte[] y, int at) {
        long a = (long) GlobalMemory.LONGS.get(x, at);
        long b = (long) GlobalMemory.LONGS.get(y, at);
        if (a == b) {
            return 0;
        }
        boolean nan = Double.isNaN(Double.longBitsToDouble(a));
        if (nan || Double.isNaN(Double.longBitsToDouble(b))) {
            return nan && Double.isNaN(Double.longBitsToDouble(b)) ? 0 : LARGE;
        }
        return (a ^ b) >= 0 ? Math.abs(a - b) : LARGE;
    }
}
