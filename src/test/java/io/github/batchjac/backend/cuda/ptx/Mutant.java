package io.github.batchjac.backend.cuda.ptx;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * One changed instruction: left out, or another operation, comparison or order of operands; or a number in it that is another one.
 * That is one more and one less, but for integers where nearly no value would tell:
 *
 * <ul>
 *   <li>a bound is moved one way only: moved the other way it is the comparison that differs in what it says of equal ones;
 *   <li>what is compared for equality is never equal;
 *   <li>a mask has a bit fewer or more, where its run of ones ends: addresses and sizes are multiples of something, whose lowest
 *       bits are 0 anyway.
 * </ul>
 *
 * @param what the kind of change
 * @param replacement its text; null if it is left out
 */
record Mutant(String entry, PtxInstruction instruction, String what, String replacement) {
    /** Of which a mutant is the instruction left out. */
    private static final Set<String> EFFECTS =
            Set.of("bar", "barrier", "st", "shfl", "bra", "ret", "atom", "red", "vote");

    /** Where operands a and b are not the same as b and a. */
    private static final Set<String> ORDERED = Set.of("sub", "div", "rem", "selp", "copysign", "shl", "shr");

    private static final Map<String, String> COMPARISONS = Map.ofEntries(
            Map.entry("lt", "le"),
            Map.entry("le", "lt"),
            Map.entry("gt", "ge"),
            Map.entry("ge", "gt"),
            Map.entry("eq", "ne"),
            Map.entry("ne", "eq"),
            Map.entry("lo", "ls"),
            Map.entry("ls", "lo"),
            Map.entry("hi", "hs"),
            Map.entry("hs", "hi"),
            Map.entry("ltu", "leu"),
            Map.entry("leu", "ltu"),
            Map.entry("gtu", "geu"),
            Map.entry("geu", "gtu"),
            Map.entry("equ", "neu"),
            Map.entry("neu", "equ"),
            Map.entry("num", "nan"),
            Map.entry("nan", "num"));

    boolean barrier() {
        return replacement == null && instruction.opcode().startsWith("bar");
    }

    /** What is changed, without numbers. */
    String kind() {
        String base = instruction.opcode().split("\\.")[0];
        return what.startsWith("operand")
                ? base + ": a number"
                : what.startsWith("address")
                        ? base + ": an address"
                        : replacement == null || what.equals("always taken") ? base + " " + what : what;
    }

    /** All of an instruction. */
    static List<Mutant> of(String entry, PtxInstruction instruction) {
        Map<String, String> texts = new LinkedHashMap<>();
        String base = instruction.opcode().split("\\.")[0];
        List<String> operands = instruction.operands();
        if (EFFECTS.contains(base)) {
            texts.put(instruction.guard().isEmpty() ? "left out" : "never taken", null);
        }
        if (!instruction.guard().isEmpty()) {
            texts.put("always taken", text(instruction.opcode(), operands));
        }
        operators(texts, instruction, base);
        immediates(texts, instruction, base);
        addresses(texts, instruction, base);
        List<Mutant> mutants = new ArrayList<>();
        texts.forEach((what, text) -> {
            String guarded = text == null || what.equals("always taken") ? text : guard(instruction) + text;
            if (!instruction.text().equals(guarded)) {
                mutants.add(new Mutant(entry, instruction, what, guarded));
            }
        });
        return mutants;
    }

    private static void operators(Map<String, String> texts, PtxInstruction instruction, String base) {
        String opcode = instruction.opcode();
        List<String> o = instruction.operands();
        String rest = opcode.substring(base.length());
        boolean floating = rest.endsWith("f32") || rest.endsWith("f64");
        switch (base) {
            case "add" -> texts.put("add → sub", text("sub" + rest, o));
            case "sub" -> texts.put("sub → add", text("add" + rest, o));
            case "mul" -> {
                if (!rest.startsWith(".wide") && !rest.startsWith(".hi")) {
                    texts.put("mul → add", text("add" + rest.replace(".lo", ""), o));
                }
            }
            case "fma" -> {
                texts.put("fma → mul", text("mul" + rest, o.subList(0, 3)));
                String type = opcode.substring(opcode.lastIndexOf('.'));
                texts.put(
                        "fma: −c",
                        "neg" + type + " %minus, " + o.get(3) + ";"
                                + text(opcode, List.of(o.get(0), o.get(1), o.get(2), "%minus")));
                texts.put("fma: a ↔ c", text(opcode, List.of(o.get(0), o.get(3), o.get(2), o.get(1))));
            }
            case "mad" -> texts.put("mad → mul", text("mul" + rest, o.subList(0, 3)));
            case "div" -> texts.put(floating ? "div → mul" : "div → rem", text((floating ? "mul" : "rem") + rest, o));
            case "rem" -> texts.put("rem → div", text("div" + rest, o));
            case "min" -> texts.put("min → max", text("max" + rest, o));
            case "max" -> texts.put("max → min", text("min" + rest, o));
            case "and" -> texts.put("and → or", text("or" + rest, o));
            case "or" -> texts.put("or → and", text("and" + rest, o));
            case "xor" -> texts.put("xor → or", text("or" + rest, o));
            case "shl" -> texts.put("shl → shr", text("shr" + rest.replace(".b", ".u"), o));
            case "shr" -> texts.put("shr → shl", text("shl" + rest.replaceAll("\\.[us]", ".b"), o));
            case "neg", "not", "abs", "rcp", "sqrt" -> {
                String type = opcode.substring(opcode.lastIndexOf('.'));
                texts.put(base + " → mov", text("mov" + type, o));
            }
            case "setp" -> {
                String[] parts = opcode.split("\\.");
                String other = COMPARISONS.get(parts[1]);
                if (other != null) {
                    texts.put(
                            parts[1] + " → " + other, text(opcode.replace("." + parts[1] + ".", "." + other + "."), o));
                }
            }
            case "bfi" -> texts.put("bfi → mov", text("mov" + rest, List.of(o.get(0), o.get(2))));
            default -> {}
        }
        if (base.equals("setp") && o.get(o.size() - 1).matches("-?\\d+")) {
            List<String> itself = List.of(o.get(0), o.get(1), o.get(1));
            if (opcode.startsWith("setp.eq.")) {
                texts.put("never equal", text(opcode.replace("setp.eq.", "setp.ne."), itself));
            } else if (opcode.startsWith("setp.ne.")) {
                texts.put("never equal", text(opcode.replace("setp.ne.", "setp.eq."), itself));
            }
        }
        if (ORDERED.contains(base)
                || base.equals("setp") && !instruction.opcode().matches(".*\\.(eq|ne|equ|neu|num|nan)\\..*")) {
            List<String> swapped = new ArrayList<>(o);
            swapped.set(1, o.get(2));
            swapped.set(2, o.get(1));
            texts.put("a ↔ b", text(opcode, swapped));
        }
    }

    private static void immediates(Map<String, String> texts, PtxInstruction instruction, String base) {
        if (base.equals("ld")
                || base.equals("st")
                || base.equals("bra")
                || base.startsWith("bar") && !instruction.opcode().startsWith("bar.warp")) {
            return;
        }
        List<String> operands = instruction.operands();
        for (int n = 0; n < operands.size(); n++) {
            for (int by = -1; by <= 1; by += 2) {
                String moved = moved(instruction, base, n, by);
                if (moved != null) {
                    List<String> changed = new ArrayList<>(operands);
                    changed.set(n, moved);
                    texts.put("operand " + n + " is " + moved, text(instruction.opcode(), changed));
                }
            }
        }
    }

    /** Operand n with another number in it, or null. */
    private static String moved(PtxInstruction instruction, String base, int n, int by) {
        String literal = instruction.operands().get(n);
        boolean integer = literal.matches("-?\\d+");
        if (instruction.opcode().equals("mov.pred")) {
            return moved(literal, literal.equals("0") ? -1 : 1);
        }
        if (integer && base.equals("and")) {
            return Long.toString(masked(Long.parseLong(literal), by > 0));
        }
        if (integer && base.equals("setp") && n == 2) {
            String comparison = instruction.opcode().split("\\.")[1];
            return switch (comparison) {
                case "eq", "ne" -> null;
                case "lt", "ge", "lo", "hs" -> by < 0 ? moved(literal, by) : null;
                default -> by > 0 ? moved(literal, by) : null;
            };
        }
        return moved(literal, by);
    }

    /** A mask with one bit more or fewer above its highest, or, if that is the sign, below its lowest. */
    private static long masked(long mask, boolean more) {
        if (mask < 0) {
            long lowest = Long.lowestOneBit(mask);
            return more ? mask | lowest >>> 1 : mask & ~lowest;
        }
        long highest = Long.highestOneBit(mask);
        return more ? mask | Math.max(1, highest << 1) : mask & ~highest;
    }

    /** A literal plus a number; the literal's double if that changes nothing, its negative if it is infinite. */
    private static String moved(String literal, int by) {
        if (literal.matches("0[fF][0-9A-Fa-f]{8}")) {
            float value = Float.intBitsToFloat(Integer.parseUnsignedInt(literal.substring(2), 16));
            float moved = value + by == value ? value * (by < 0 ? -1 : 2) : value + by;
            return String.format("0f%08X", Float.floatToRawIntBits(moved));
        }
        if (literal.matches("0[dD][0-9A-Fa-f]{16}")) {
            double value = Double.longBitsToDouble(Long.parseUnsignedLong(literal.substring(2), 16));
            double moved = value + by == value ? value * (by < 0 ? -1 : 2) : value + by;
            return String.format("0d%016X", Double.doubleToRawLongBits(moved));
        }
        if (literal.matches("-?\\d+")) {
            return Long.toString(Long.parseLong(literal) + by);
        }
        return null;
    }

    private static void addresses(Map<String, String> texts, PtxInstruction instruction, String base) {
        if (!base.equals("ld") && !base.equals("st") || instruction.opcode().contains(".param")) {
            return;
        }
        String opcode = instruction.opcode();
        int bytes = Types.bytes(opcode.substring(opcode.lastIndexOf('.') + 1));
        List<String> operands = instruction.operands();
        int at = base.equals("ld") ? 1 : 0;
        String address = operands.get(at).substring(1, operands.get(at).length() - 1);
        int plus = address.indexOf('+');
        String register = plus < 0 ? address : address.substring(0, plus);
        long offset = plus < 0 ? 0 : Long.parseLong(address.substring(plus + 1));
        for (int by = -bytes; by <= bytes; by += 2 * bytes) {
            List<String> changed = new ArrayList<>(operands);
            changed.set(at, "[" + register + "+" + (offset + by) + "]");
            texts.put("address " + (by > 0 ? "+" : "−") + bytes, text(opcode, changed));
        }
        String vector = operands.get(1 - at);
        if (vector.startsWith("{")) {
            List<String> parts = new ArrayList<>(PtxParser.split(vector.substring(1, vector.length() - 1)));
            String first = parts.set(0, parts.get(1));
            parts.set(1, first);
            List<String> changed = new ArrayList<>(operands);
            changed.set(1 - at, "{" + String.join(", ", parts) + "}");
            texts.put("elements 0 ↔ 1", text(opcode, changed));
        }
    }

    private static String guard(PtxInstruction instruction) {
        return instruction.guard().isEmpty()
                ? ""
                : "@" + (instruction.negated() ? "!" : "") + instruction.guard() + " ";
    }

    private static String text(String opcode, List<String> operands) {
        return operands.isEmpty() ? opcode : opcode + " " + String.join(", ", operands);
    }
}
