package io.github.batchjac.backend.cuda.ptx;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** Turns one written instruction into a decoded one. What it does not know is a fault. */
final class OpcodeDecoder {
    private static final Set<String> SPACES = Set.of("global", "shared", "local", "const", "param");
    private static final Set<String> ROUNDINGS = Set.of("rn", "rz", "rm", "rp", "rni", "rzi", "rmi", "rpi", "rna");

    private final Decoder decoder;
    private PtxInstruction source;
    private Instruction i;
    private String[] parts;
    private List<String> operands;
    private String type;

    OpcodeDecoder(Decoder decoder) {
        this.decoder = decoder;
    }

    void decode(PtxInstruction instruction) {
        source = instruction;
        parts = source.opcode().replace("::", "_").split("\\.");
        operands = source.operands();
        i = decoder.instruction(source);
        type = Types.bytes(parts[parts.length - 1]) > 0 ? parts[parts.length - 1] : "b32";
        if (Types.bytes(parts[parts.length - 1]) > 0) {
            i.size = Types.bytes(type);
            i.signed = Types.isSigned(type);
            i.floating = Types.isFloat(type);
        }
        i.flush = has("ftz");
        i.saturate = has("sat");
        i.approximate = has("approx") || has("full");
        for (String part : parts) {
            if (ROUNDINGS.contains(part)) {
                i.rounding = Rounding.of(part);
            }
        }
        switch (parts[0]) {
            case "nop", "membar", "fence", "discard", "prefetch", "prefetchu" -> i.kind = Instruction.NOP;
            case "add",
                    "sub",
                    "mul",
                    "mad",
                    "madc",
                    "addc",
                    "subc",
                    "div",
                    "rem",
                    "min",
                    "max",
                    "and",
                    "or",
                    "xor",
                    "not",
                    "neg",
                    "abs",
                    "cnot",
                    "shl",
                    "shr",
                    "bfe",
                    "bfi",
                    "popc",
                    "clz",
                    "brev",
                    "bfind",
                    "prmt",
                    "lop3",
                    "shf",
                    "sad",
                    "fma",
                    "sqrt",
                    "rcp",
                    "rsqrt",
                    "ex2",
                    "lg2",
                    "sin",
                    "cos",
                    "tanh",
                    "copysign" -> arithmetic();
            case "mov" -> move();
            case "cvt" -> convert();
            case "cvta" -> convertAddress();
            case "setp", "set" -> compare();
            case "selp" -> select();
            case "slct" -> selectSign();
            case "testp" -> test();
            case "ld", "ldu" -> load();
            case "st" -> store();
            case "atom", "red" -> atomic();
            case "bra" -> {
                i.kind = Instruction.BRANCH;
                decoder.branch(i, operands.subList(0, 1));
            }
            case "brx" -> {
                i.kind = Instruction.BRANCH_TABLE;
                i.a = decoder.register(operands.get(0), "u32");
                decoder.branch(i, decoder.table(operands.get(1)));
            }
            case "ret", "exit" -> i.kind = Instruction.EXIT;
            case "trap" -> i.kind = Instruction.TRAP;
            case "bar", "barrier" -> barrier();
            case "shfl" -> shuffle();
            case "vote" -> vote();
            case "match" -> match();
            case "activemask" -> {
                i.kind = Instruction.ACTIVE;
                i.d = register(0);
            }
            default -> throw source.unknown("unknown instruction");
        }
    }

    private boolean has(String part) {
        for (int p = 1; p < parts.length; p++) {
            if (parts[p].equals(part)) {
                return true;
            }
        }
        return false;
    }

    private void known(String... modifiers) {
        for (int p = 1; p < parts.length; p++) {
            if (!Arrays.asList(modifiers).contains(parts[p])
                    && Types.bytes(parts[p]) == 0
                    && !ROUNDINGS.contains(parts[p])) {
                throw source.unknown("unknown modifier ." + parts[p]);
            }
        }
    }

    private int register(int operand) {
        return register(operand, type);
    }

    private int register(int operand, String as) {
        String name = operands.get(operand);
        if (decoder.isPredicate(name)) {
            throw source.unknown("a predicate where a register is due");
        }
        return decoder.register(name, as);
    }

    private void operands(int number) {
        if (operands.size() != number) {
            throw source.unknown(number + " operands expected");
        }
        i.d = register(0);
        i.a = register(1);
        i.b = number > 2 ? register(2) : i.b;
        i.c = number > 3 ? register(3) : i.c;
        i.e = number > 4 ? register(4) : i.e;
    }

    private void arithmetic() {
        known(
                "lo",
                "hi",
                "wide",
                "cc",
                "sat",
                "ftz",
                "approx",
                "full",
                "NaN",
                "wrap",
                "clamp",
                "l",
                "r",
                "shiftamt",
                "pred");
        if (parts[parts.length - 1].equals("pred")) {
            predicateLogic();
            return;
        }
        if (i.floating) {
            floating();
            return;
        }
        if (has("sat") || i.size == 1 || i.size == 0) {
            throw source.unknown("unknown form");
        }
        String name = parts[0];
        i.carryOut = has("cc");
        i.carryIn = List.of("addc", "subc", "madc").contains(name);
        if (i.carryIn || i.carryOut) {
            i.kind = Instruction.CARRY;
            String base = name.substring(0, 3);
            i.op = base.equals("add")
                    ? Op.ADD_CARRY
                    : base.equals("sub") ? Op.SUB_CARRY : has("hi") ? Op.MADHI_CARRY : Op.MADLO_CARRY;
            operands(base.equals("mad") ? 4 : 3);
            return;
        }
        i.kind = i.size == 8 ? Instruction.INT64 : i.size == 4 ? Instruction.INT32 : Instruction.INT16;
        String sign = i.signed ? "_S" : "_U";
        i.op = switch (name) {
            case "mul" -> has("wide") ? Op.valueOf("WIDE" + sign) : has("hi") ? Op.valueOf("MULHI" + sign) : Op.MUL;
            case "mad" -> has("wide") ? Op.valueOf("MADWIDE" + sign) : has("hi") ? Op.valueOf("MADHI" + sign) : Op.MAD;
            case "bfind" -> Op.valueOf((has("shiftamt") ? "SHIFTAMT" : "BFIND") + sign);
            case "shf" -> Op.valueOf("SHF_" + (has("l") ? "L" : "R") + (has("wrap") ? "_WRAP" : "_CLAMP"));
            case "div", "rem", "min", "max", "shr", "bfe", "sad" -> Op.valueOf(upper(name) + sign);
            default -> Op.valueOf(upper(name));
        };
        int number = switch (name) {
            case "not", "neg", "abs", "cnot", "popc", "clz", "brev", "bfind" -> 2;
            case "mad", "bfe", "prmt", "shf", "sad" -> 4;
            case "bfi" -> 5;
            case "lop3" -> 4;
            default -> 3;
        };
        if (name.equals("prmt") && parts.length > 2) {
            throw source.unknown("unknown form");
        }
        if (name.equals("lop3")) {
            i.immediate = (int) Types.literal(operands.get(4), "u32");
            operands = operands.subList(0, 4);
        }
        operands(number);
    }

    private static String upper(String name) {
        return name.toUpperCase(Locale.ROOT);
    }

    private void floating() {
        String name = parts[0];
        i.op = switch (name) {
            case "mad", "fma" -> Op.FMA;
            case "min", "max" -> Op.valueOf(upper(name) + (has("NaN") ? "_NAN" : ""));
            case "add",
                    "sub",
                    "mul",
                    "div",
                    "sqrt",
                    "rcp",
                    "rsqrt",
                    "neg",
                    "abs",
                    "copysign",
                    "ex2",
                    "lg2",
                    "sin",
                    "cos",
                    "tanh" -> Op.valueOf(upper(name));
            default -> throw source.unknown("no such instruction on floating point");
        };
        boolean inexact = Set.of("ex2", "lg2", "sin", "cos", "tanh", "rsqrt").contains(name);
        if (inexact && !i.approximate) {
            throw source.unknown("only .approx exists");
        }
        boolean plain = !i.flush && !i.saturate && !i.approximate && i.rounding == Rounding.NEAREST;
        i.kind = !plain ? Instruction.EXACT : i.size == 4 ? Instruction.FLOAT : Instruction.DOUBLE;
        int number = switch (name) {
            case "fma", "mad" -> 4;
            case "add", "sub", "mul", "div", "min", "max", "copysign" -> 3;
            default -> 2;
        };
        operands(number);
        i.b = i.b < 0 ? i.a : i.b;
        i.c = i.c < 0 ? i.a : i.c;
    }

    private void predicateLogic() {
        i.kind = Instruction.PREDICATE;
        i.op = Op.valueOf(upper(parts[0]));
        i.d = predicate(0);
        i.a = predicate(1);
        i.b = operands.size() > 2 ? predicate(2) : i.a;
    }

    private int predicate(int operand) {
        String name = operands.get(operand);
        if (!decoder.isPredicate(name) && !name.matches("0|1|-1")) {
            throw source.unknown("a predicate is due, not " + name);
        }
        return decoder.predicate(name);
    }

    private void move() {
        String to = operands.get(0);
        String from = operands.get(1);
        if (type.equals("b32") && parts[1].equals("pred")) {
            i.kind = Instruction.PREDICATE;
            boolean constant = !decoder.isPredicate(from);
            i.op = !constant ? Op.OR : from.equals("0") ? Op.XOR : Op.EQ;
            i.d = predicate(0);
            i.a = constant ? i.d : predicate(1);
            i.b = i.a;
        } else if (to.startsWith("{")) {
            i.kind = Instruction.UNPACK;
            i.registers = list(to);
            i.a = register(1);
        } else if (from.startsWith("{")) {
            i.kind = Instruction.PACK;
            i.registers = list(from);
            i.d = register(0);
        } else {
            i.kind = Instruction.MOVE;
            i.d = register(0);
            int parameter = decoder.parameter(from);
            i.a = parameter >= 0 ? decoder.constant(parameter) : register(1);
        }
    }

    private int[] list(String braces) {
        List<String> names = PtxParser.split(braces.substring(1, braces.length() - 1));
        int[] registers = new int[names.size()];
        for (int r = 0; r < registers.length; r++) {
            registers[r] = decoder.register(names.get(r), type);
        }
        return registers;
    }

    private void convert() {
        known("sat", "ftz");
        String from = parts[parts.length - 1];
        String to = parts[parts.length - 2];
        if (Types.bytes(from) == 0 || Types.bytes(to) == 0) {
            throw source.unknown("unknown conversion");
        }
        i.size = Types.bytes(to);
        i.signed = Types.isSigned(to);
        i.floating = Types.isFloat(to);
        i.fromSize = Types.bytes(from);
        i.fromSigned = Types.isSigned(from);
        i.fromFloating = Types.isFloat(from);
        i.kind = i.floating || i.fromFloating || i.saturate ? Instruction.CONVERT : Instruction.CONVERT_INT;
        i.d = register(0, to);
        i.a = register(1, from);
    }

    private void convertAddress() {
        i.kind = Instruction.CONVERT_ADDRESS;
        boolean to = has("to");
        i.space = space();
        if (i.space == Instruction.GLOBAL || i.space == Instruction.CONSTANT) {
            i.kind = Instruction.MOVE;
        }
        if (has("param")) {
            throw source.unknown("parameters have no generic address here");
        }
        i.signed = to;
        i.d = register(0);
        i.a = register(1);
    }

    private void compare() {
        boolean set = parts[0].equals("set");
        i.kind = set ? Instruction.SET : Instruction.COMPARE;
        String comparison = parts[1];
        if (set) {
            i.fromFloating = Types.isFloat(parts[parts.length - 2]); // the type of the result
        }
        if (!i.floating) {
            comparison = switch (comparison) {
                case "lo" -> "lt";
                case "ls" -> "le";
                case "hi" -> "gt";
                case "hs" -> "ge";
                default -> comparison;
            };
            if (List.of("lo", "ls", "hi", "hs").contains(parts[1])) {
                i.signed = false;
            }
        }
        i.op = Op.valueOf(upper(comparison));
        for (String part : parts) {
            if (List.of("and", "or", "xor").contains(part)) {
                i.combine = Op.valueOf(upper(part));
            }
        }
        if (set) {
            i.d = register(0);
        } else {
            String[] results = operands.get(0).split("\\|");
            i.d = destination(results[0]);
            i.q = results.length > 1 ? destination(results[1]) : -1;
        }
        i.a = register(1);
        i.b = register(2);
        if (i.combine != Op.NONE) {
            String name = operands.get(3);
            i.negatedC = name.startsWith("!");
            i.c = decoder.predicate(i.negatedC ? name.substring(1) : name);
        }
    }

    /** A predicate to write; -1 for none. */
    private int destination(String name) {
        return name.strip().equals("_") ? -1 : decoder.predicate(name.strip());
    }

    private void select() {
        i.kind = Instruction.SELECT;
        i.d = register(0);
        i.a = register(1);
        i.b = register(2);
        i.c = predicate(3);
    }

    private void selectSign() {
        i.kind = Instruction.SELECT_SIGN;
        i.d = register(0);
        i.a = register(1);
        i.b = register(2);
        i.c = register(3);
    }

    private void test() {
        i.kind = Instruction.TEST;
        i.op = Op.valueOf(upper(parts[1]));
        i.d = predicate(0);
        i.a = register(1);
    }

    private int space() {
        for (String part : parts) {
            if (SPACES.contains(part) || part.equals("shared_cta")) {
                return switch (part) {
                    case "global" -> Instruction.GLOBAL;
                    case "shared", "shared_cta" -> Instruction.SHARED;
                    case "local" -> Instruction.LOCAL;
                    case "const" -> Instruction.CONSTANT;
                    default -> -1;
                };
            }
        }
        return Instruction.GENERIC;
    }

    /** Register and offset of {@code [register+offset]}. */
    private void address(String operand) {
        String inside = operand.substring(1, operand.length() - 1).strip();
        int plus = inside.indexOf('+');
        String base = plus < 0 ? inside : inside.substring(0, plus).strip();
        i.immediate =
                plus < 0 ? 0 : (int) Types.literal(inside.substring(plus + 1).strip(), "s64");
        i.a = decoder.register(base, "u64");
        if (i.space == Instruction.SHARED && i.size < 4) {
            decoder.usesNarrowShared();
        }
    }

    private void load() {
        i.kind = Instruction.LOAD;
        i.space = space();
        i.registers = vector(operands.get(0));
        if (has("param")) {
            String inside =
                    operands.get(1).substring(1, operands.get(1).length() - 1).strip();
            int plus = inside.indexOf('+');
            String base = plus < 0 ? inside : inside.substring(0, plus).strip();
            int parameter = decoder.parameter(base);
            if (parameter >= 0 || !decoder.isLocal(base)) {
                i.kind = Instruction.LOAD_PARAMETER;
                i.uniform = parameter >= 0;
                i.immediate = plus < 0
                        ? 0
                        : (int) Types.literal(inside.substring(plus + 1).strip(), "s64");
                i.a = parameter >= 0 ? decoder.constant(parameter) : decoder.register(base, "u64");
                return;
            }
            i.space = Instruction.LOCAL;
        }
        address(operands.get(1));
    }

    private int[] vector(String operand) {
        if (operand.startsWith("{")) {
            return list(operand);
        }
        return new int[] {decoder.register(operand, type)};
    }

    private void store() {
        i.kind = Instruction.STORE;
        i.space = space();
        if (has("param")) {
            i.space = Instruction.LOCAL;
        }
        address(operands.get(0));
        i.registers = vector(operands.get(1));
    }

    private void atomic() {
        if (i.floating) {
            throw source.unknown("atomics on floating point are not deterministic");
        }
        i.kind = Instruction.ATOMIC;
        i.space = space();
        boolean returns = parts[0].equals("atom");
        int first = returns ? 1 : 0;
        i.d = returns ? register(0) : Decoder.LANES;
        String name = "";
        for (String part : parts) {
            if (List.of("add", "min", "max", "and", "or", "xor", "exch", "cas", "inc", "dec")
                    .contains(part)) {
                name = part;
            }
        }
        String sign = name.equals("min") || name.equals("max") ? i.signed ? "_S" : "_U" : "";
        i.op = Op.valueOf(upper(name) + sign);
        address(operands.get(first));
        i.b = register(first + 1);
        i.c = name.equals("cas") ? register(first + 2) : i.b;
    }

    private void barrier() {
        if (has("warp")) {
            i.kind = Instruction.WARP_BARRIER;
            i.a = decoder.register(operands.get(0), "u32");
            return;
        }
        i.kind = Instruction.BARRIER;
        known("sync", "cta", "aligned", "arrive");
        i.signed = has("arrive");
        i.a = decoder.register(operands.get(0), "u32");
        i.b = operands.size() > 1 ? decoder.register(operands.get(1), "u32") : -1;
    }

    private void shuffle() {
        i.kind = Instruction.SHUFFLE;
        i.op = Op.valueOf(upper(parts[2]));
        String[] results = operands.get(0).split("\\|");
        i.d = decoder.register(results[0].strip(), type);
        i.q = results.length > 1 ? destination(results[1]) : -1;
        i.a = register(1);
        i.b = register(2);
        i.c = register(3);
        i.e = register(4);
    }

    private void vote() {
        i.kind = Instruction.VOTE;
        i.op = Op.valueOf(upper(parts[2]));
        i.d = i.op == Op.BALLOT ? register(0) : predicate(0);
        String name = operands.get(1);
        i.negatedC = name.startsWith("!");
        name = i.negatedC ? name.substring(1) : name;
        if (decoder.isPredicate(name)) {
            i.c = decoder.predicate(name);
        } else {
            i.b = decoder.register(name, "u32"); // a constant
        }
        i.a = register(2);
    }

    private void match() {
        i.kind = Instruction.MATCH;
        i.op = Op.valueOf(upper(parts[1]));
        String[] results = operands.get(0).split("\\|");
        i.d = decoder.register(results[0].strip(), type);
        i.q = results.length > 1 ? destination(results[1]) : -1;
        i.a = register(1);
        i.b = register(2);
    }
}
