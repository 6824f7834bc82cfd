package io.github.batchjac.backend.cuda.ptx;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Which instructions of which kernel were ever executed by at least one lane (branches: reached). */
public final class Coverage {
    /**
     * Bits of what is known of each instruction: executed by some lane (branches: reached); a branch taken, or not; of a select,
     * its first operand chosen, or its second; of a comparison, true, or not, and its first operand equal to the second, or, of
     * integers, one less or one more: there another comparison, or a constant that is off by one, has another outcome.
     */
    static final int EXECUTED = 1;

    static final int TAKEN = 2;
    static final int NOT_TAKEN = 4;
    static final int EQUAL = 8;
    static final int BELOW = 16;
    static final int ABOVE = 32;
    /** How many bits there are. */
    static final int BITS = 6;

    static final int NEAR = EQUAL | BELOW | ABOVE;

    private final Map<String, BitSet> executed = new HashMap<>();

    synchronized void add(Kernel kernel, byte[] covered) {
        BitSet set = executed.computeIfAbsent(kernel.name(), name -> new BitSet());
        for (int pc = 0; pc < covered.length; pc++) {
            Instruction i = kernel.code()[pc];
            if (covered[pc] != 0 && i.source != null) {
                set.set(i.source.index());
            }
        }
    }

    /** The instructions of a kernel that were never executed. */
    public synchronized List<PtxInstruction> missed(PtxModule module, String entry) {
        BitSet set = executed.getOrDefault(entry, new BitSet());
        List<PtxInstruction> missed = new ArrayList<>(module.instructions(entry));
        missed.removeIf(i -> set.get(i.index()));
        return missed;
    }
}
