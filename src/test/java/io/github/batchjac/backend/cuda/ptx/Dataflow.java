package io.github.batchjac.backend.cuda.ptx;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What is known of a kernel's integers without running it, from registers that one instruction alone writes. */
final class Dataflow {
    /** What is not known to be smaller. */
    private static final long ANY = Long.MAX_VALUE;

    private static final Pattern REGISTER = Pattern.compile("%[a-z]+\\d+");

    private final int maxThreads;
    private final Map<String, PtxInstruction> definitions = new HashMap<>();
    /** Of signed numbers: {@code x + (x >>> 31)} is among them. */
    private final Set<List<String>> sums = new HashSet<>();

    private final Map<String, Long> bounds = new HashMap<>();

    Dataflow(Kernel kernel) {
        maxThreads = kernel.maxThreads();
        Set<String> several = new HashSet<>();
        for (Instruction instruction : kernel.code()) {
            PtxInstruction i = instruction.source;
            if (i == null || i.operands().isEmpty() || i.opcode().startsWith("st.")) {
                continue;
            }
            Matcher written = REGISTER.matcher(i.operands().get(0));
            while (written.find()) {
                if (definitions.put(written.group(), i) != null) {
                    several.add(written.group());
                }
            }
            if (i.opcode().startsWith("add.s")) {
                sums.add(i.operands().subList(1, 3));
            }
        }
        definitions.keySet().removeAll(several);
    }

    /**
     * {@code shr.s32 s, x, 31} or {@code shr.s64 s, x, 63}, and {@code shr.u t, s, k} and {@code add y, x, t} after one; for a
     * division by two {@code shr.u32 t, x, 31} and {@code add y, x, t}.
     */
    boolean signOfDivision(PtxInstruction i) {
        if (isSign(i)) {
            return true;
        }
        List<String> o = i.operands();
        if (i.opcode().startsWith("shr.u")) {
            PtxInstruction source = definitions.get(o.get(1));
            boolean half = o.get(2).equals(i.opcode().endsWith("32") ? "31" : "63");
            return source != null && isSign(source) || half && sums.contains(List.of(o.get(1), o.get(0)));
        }
        if (!i.opcode().startsWith("add.s")) {
            return false;
        }
        PtxInstruction sign = definitions.get(o.get(2));
        return sign != null && sign.opcode().startsWith("shr.u") && signOfDivision(sign);
    }

    private static boolean isSign(PtxInstruction i) {
        return i.opcode().equals("shr.s32") && i.operands().get(2).equals("31")
                || i.opcode().equals("shr.s64") && i.operands().get(2).equals("63");
    }

    /** Whether a mutant computes the same for all operands that there can be. */
    boolean same(Mutant mutant) {
        PtxInstruction i = mutant.instruction();
        List<String> o = i.operands();
        if (mutant.what().equals("xor → or")) {
            return most(o.get(1)) == 0 || most(o.get(2)) == 0;
        }
        if (mutant.what().matches("add → sub|sub → add") && i.opcode().matches("(add|sub)\\.[su].*")) {
            return most(o.get(2)) == 0;
        }
        if (i.opcode().startsWith("and.b") && mutant.what().startsWith("operand 2 is ")) {
            String other = mutant.what().substring("operand 2 is ".length());
            long differ = Long.parseLong(o.get(2)) ^ Long.parseLong(other);
            return Long.lowestOneBit(differ) > most(o.get(1));
        }
        return false;
    }

    /** The largest number that an operand can be, and it is not negative; {@link #ANY} if that is not known. */
    private synchronized long most(String operand) {
        if (operand.matches("\\d+")) {
            return Long.parseLong(operand);
        }
        if (operand.equals("%tid.x")) {
            return maxThreads - 1;
        }
        if (operand.equals("%ntid.x")) {
            return maxThreads;
        }
        Long known = bounds.get(operand);
        if (known == null) {
            bounds.put(operand, ANY); // what depends on itself is not known
            PtxInstruction i = definitions.get(operand);
            known = i == null ? ANY : most(i);
            bounds.put(operand, known);
        }
        return known;
    }

    private long most(PtxInstruction i) {
        String base = i.opcode().split("\\.")[0];
        String type = i.opcode().substring(i.opcode().lastIndexOf('.') + 1);
        List<String> o = i.operands();
        if (type.startsWith("f") || o.size() < 2 || !i.guard().isEmpty()) {
            return ANY;
        }
        if (i.opcode().equals("mov.pred")) {
            return o.get(1).equals("0") ? 0 : ANY;
        }
        long a = most(o.get(1));
        long b = o.size() > 2 ? most(o.get(2)) : 0;
        boolean literal = o.size() > 2 && o.get(2).matches("\\d+") && b < Integer.SIZE;
        return switch (base) {
            case "mov", "cvt" -> o.get(1).startsWith("{") || i.opcode().contains(".f") ? ANY : fits(type, a);
            case "and" -> Math.min(a, b);
            case "min" -> a == ANY || b == ANY ? ANY : Math.min(a, b);
            case "max" -> Math.max(a, b);
            case "or" -> a == ANY || b == ANY ? ANY : Math.max(1, 2 * Long.highestOneBit(Math.max(a, b))) - 1;
            case "shr" -> literal && a != ANY ? a >> b : ANY;
            case "shl" -> literal && a <= Integer.MAX_VALUE ? fits(type, a << b) : ANY;
            case "add" -> small(a, b) ? fits(type, a + b) : ANY;
            case "mul" -> small(a, b) && !i.opcode().contains(".hi") ? fits(type, a * b) : ANY;
            case "mad" -> {
                long c = most(o.get(3));
                yield small(a, b) && small(c, 0) ? fits(type, a * b + c) : ANY;
            }
            default -> ANY;
        };
    }

    private static boolean small(long a, long b) {
        return a <= Integer.MAX_VALUE && b <= Integer.MAX_VALUE;
    }

    /** A number that does not wrap, whose sign is not set. */
    private static long fits(String type, long number) {
        return number
                        <= (type.endsWith("64")
                                ? Long.MAX_VALUE
                                : type.endsWith("32") ? Integer.MAX_VALUE : Byte.MAX_VALUE)
                ? number
                : ANY;
    }
}
