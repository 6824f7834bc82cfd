package io.github.batchjac.backend.cuda.ptx;

import java.util.List;

/**
 * One instruction as written.
 *
 * @param index its number in the module, from 0
 * @param line of the text, from 1
 * @param text as written, without the semicolon
 * @param guard the predicate register, or empty
 * @param negated whether it is executed where the guard is false
 * @param opcode with its modifiers
 */
public record PtxInstruction(
        int index, int line, String text, String guard, boolean negated, String opcode, List<String> operands) {

    /** What it does, without types: {@code ld.global}, {@code bar.sync}, {@code fma}. */
    public String kind() {
        String[] parts = opcode.split("\\.");
        boolean two = parts.length > 1
                && List.of("ld", "st", "atom", "red", "bar", "barrier", "shfl", "vote")
                        .contains(parts[0]);
        return two ? parts[0] + "." + parts[1] : parts[0];
    }

    PtxFault unknown(String what) {
        return new PtxFault(PtxFault.Kind.TEXT, "line " + line + ": " + what + ": " + text);
    }
}
