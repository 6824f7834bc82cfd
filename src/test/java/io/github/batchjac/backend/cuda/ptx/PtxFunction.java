package io.github.batchjac.backend.cuda.ptx;

import java.util.List;
import java.util.Map;

/**
 * A kernel or a device function.
 *
 * @param maxThreads {@code .maxntid}, or 1024
 * @param body its instructions in order
 * @param labels where each points to in {@code body}
 * @param predicates registers of type {@code .pred}; all others are untyped here
 * @param variables declared inside: shared, local and call parameters
 * @param tables lists of labels for {@code brx.idx}
 */
record PtxFunction(
        String name,
        boolean entry,
        List<Variable> returns,
        List<Variable> parameters,
        int maxThreads,
        List<PtxInstruction> body,
        Map<String, Integer> labels,
        Predicates predicates,
        List<Variable> variables,
        Map<String, List<String>> tables) {

    /** Bytes of variable {@code name} in {@code space}; -1 if its size is up to the launch. */
    record Variable(String name, String space, int alignment, long bytes, byte[] initial) {}

    /** Names and ranges of names. */
    static final class Predicates {
        private final java.util.Set<String> names = new java.util.HashSet<>();
        private final java.util.Map<String, Integer> ranges = new java.util.HashMap<>();

        void add(String name) {
            names.add(name);
        }

        void add(String prefix, int count) {
            ranges.put(prefix, count);
        }

        boolean contains(String name) {
            if (names.contains(name)) {
                return true;
            }
            int digits = name.length();
            while (digits > 0 && Character.isDigit(name.charAt(digits - 1))) {
                digits--;
            }
            Integer count = ranges.get(name.substring(0, digits));
            return count != null && digits < name.length() && Long.parseLong(name.substring(digits)) < count;
        }
    }
}
