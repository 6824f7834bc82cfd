package io.github.batchjac.backend.cuda.ptx;

import io.github.batchjac.backend.cuda.ptx.PtxFunction.Variable;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Makes a {@link Kernel} of a function: device functions are put in where they are called, registers numbered, constants
 * gathered, labels resolved. What single instructions mean is {@link OpcodeDecoder}'s.
 */
final class Decoder {
    static final int LANES = 32;
    private static final int DEEPEST = 16;
    private static final Set<String> SPECIALS = Set.of(
            "%tid.x",
            "%tid.y",
            "%tid.z",
            "%ntid.x",
            "%ntid.y",
            "%ntid.z",
            "%ctaid.x",
            "%ctaid.y",
            "%ctaid.z",
            "%nctaid.x",
            "%nctaid.y",
            "%nctaid.z",
            "%laneid",
            "%warpid",
            "%nwarpid",
            "%lanemask_lt",
            "%lanemask_le",
            "%lanemask_eq",
            "%lanemask_gt",
            "%lanemask_ge",
            "%tid",
            "%ctaid");

    private final PtxModule module;
    private final PtxFunction kernel;
    private final List<Instruction> code = new ArrayList<>();
    private final Map<String, Integer> labels = new HashMap<>();
    private final Map<Instruction, List<String>> jumps = new LinkedHashMap<>();
    private final Map<String, Integer> registers = new HashMap<>();
    private final Map<String, Integer> predicates = new HashMap<>();
    private final Map<Long, Integer> constants = new LinkedHashMap<>();
    private final Map<String, Integer> specials = new LinkedHashMap<>();
    private final List<Kernel.Symbol> symbols = new ArrayList<>();
    private final List<Kernel.Symbol> shared = new ArrayList<>();
    private final Map<String, Integer> sharedOffsets = new LinkedHashMap<>();
    private final Map<String, Integer> symbolRegisters = new HashMap<>();
    private int slots = 2; // a scratch register and a sink
    private int frame;
    private int sharedBytes;
    private int dynamicAlignment = 16;
    private int calls;
    private int depth;
    private boolean narrowShared;
    private Scope scope;

    /** A function where it was put in: its prefix and where its variables lie in local memory. */
    private static final class Scope {
        final PtxFunction function;
        final String prefix;
        final Map<String, Integer> local = new HashMap<>();

        Scope(PtxFunction function, String prefix) {
            this.function = function;
            this.prefix = prefix;
        }
    }

    Decoder(PtxModule module, PtxFunction kernel) {
        this.module = module;
        this.kernel = kernel;
    }

    Kernel decode() {
        scope = new Scope(kernel, "");
        emit();
        Instruction exit = new Instruction();
        exit.kind = Instruction.EXIT;
        add(exit);
        jumps.forEach(this::resolve);
        jumps.clear();
        return kernel(code.toArray(Instruction[]::new));
    }

    /**
     * After {@link #decode}: the same kernel with another instruction in place of one, for a fraction of the cost of decoding
     * all of it again. Only where no function is called.
     *
     * @param replacement with the index of what it replaces
     */
    synchronized Kernel with(PtxInstruction replacement) {
        int before = slots;
        int length = code.size();
        try {
            new OpcodeDecoder(this).decode(replacement);
            jumps.forEach(this::resolve);
            Instruction changed = code.get(length);
            Instruction[] copy = code.subList(0, length).toArray(Instruction[]::new);
            for (int pc = 0; pc < length; pc++) {
                if (copy[pc].source != null && copy[pc].source.index() == replacement.index()) {
                    changed.pc = pc;
                    copy[pc] = changed;
                }
            }
            return kernel(copy);
        } catch (IndexOutOfBoundsException | NumberFormatException e) {
            throw replacement.unknown("not understood (" + e.getMessage() + ")");
        } finally {
            jumps.clear();
            code.subList(length, code.size()).clear();
            slots = before;
            constants.values().removeIf(slot -> slot >= before * LANES);
            registers.values().removeIf(slot -> slot >= before * LANES);
            specials.values().removeIf(slot -> slot >= before * LANES);
            symbolRegisters.values().removeIf(slot -> slot >= before * LANES);
            shared.removeIf(symbol -> symbol.register() >= before * LANES);
            symbols.removeIf(symbol -> symbol.register() >= before * LANES);
        }
    }

    private Kernel kernel(Instruction[] instructions) {
        int[] offsets = new int[kernel.parameters().size()];
        int end = 0;
        for (int i = 0; i < offsets.length; i++) {
            Variable parameter = kernel.parameters().get(i);
            offsets[i] = align(end, parameter.alignment());
            end = offsets[i] + (int) parameter.bytes();
        }
        int dynamicBase = align(sharedBytes, dynamicAlignment);
        List<Kernel.Constant> values = new ArrayList<>();
        constants.forEach((value, register) -> values.add(new Kernel.Constant(register, value)));
        for (Kernel.Symbol symbol : shared) {
            long base = sharedOffsets.getOrDefault(symbol.name(), dynamicBase);
            values.add(new Kernel.Constant(symbol.register(), MemoryAccess.SHARED_START + base + symbol.addend()));
        }
        List<Kernel.Special> special = new ArrayList<>();
        specials.forEach((name, register) -> special.add(new Kernel.Special(register, name)));
        return new Kernel(
                module,
                kernel.name(),
                kernel.maxThreads(),
                kernel.parameters(),
                offsets,
                end,
                instructions,
                slots * LANES,
                predicates.size(),
                predicates.getOrDefault("1", -1),
                values,
                List.copyOf(symbols),
                special,
                frame,
                sharedBytes,
                dynamicBase,
                narrowShared);
    }

    private void emit() {
        PtxFunction function = scope.function;
        Map<Integer, List<String>> at = new HashMap<>();
        function.labels()
                .forEach((label, index) ->
                        at.computeIfAbsent(index, i -> new ArrayList<>()).add(label));
        for (Variable variable : function.variables()) {
            if (variable.space().equals("local") || variable.space().equals("param")) {
                frame = align(frame, Math.max(variable.alignment(), 1));
                scope.local.put(variable.name(), frame);
                frame += (int) variable.bytes();
            }
        }
        OpcodeDecoder opcodes = new OpcodeDecoder(this);
        for (int i = 0; i <= function.body().size(); i++) {
            for (String label : at.getOrDefault(i, List.of())) {
                labels.put(scope.prefix + label, code.size());
            }
            if (i < function.body().size()) {
                PtxInstruction source = function.body().get(i);
                try {
                    one(opcodes, source);
                } catch (IndexOutOfBoundsException | NumberFormatException e) {
                    throw source.unknown("not understood (" + e.getMessage() + ")");
                }
            }
        }
    }

    private void one(OpcodeDecoder opcodes, PtxInstruction source) {
        String base = source.opcode().split("\\.")[0];
        if (base.equals("call")) {
            call(source);
        } else if (base.equals("ret") && depth > 0) {
            jump(source, List.of(scope.prefix + "@end"));
        } else {
            opcodes.decode(source);
        }
    }

    private void call(PtxInstruction source) {
        List<String> operands = new ArrayList<>(source.operands());
        List<String> returns =
                operands.get(0).startsWith("(") ? PtxParser.split(inside(operands.remove(0))) : List.of();
        PtxFunction callee = module.function(operands.remove(0));
        if (callee == null || operands.size() > 1) {
            throw source.unknown("a call of what is not in the module");
        }
        if (depth == DEEPEST) {
            throw source.unknown("calls are nested too deep");
        }
        List<String> arguments = operands.isEmpty() ? List.of() : PtxParser.split(inside(operands.get(0)));
        Scope caller = scope;
        Scope inner = new Scope(callee, "call" + calls++ + ":");
        for (int i = 0; i < arguments.size(); i++) {
            inner.local.put(callee.parameters().get(i).name(), caller.local.get(arguments.get(i)));
        }
        for (int i = 0; i < returns.size(); i++) {
            inner.local.put(callee.returns().get(i).name(), caller.local.get(returns.get(i)));
        }
        Instruction skip = null;
        if (!source.guard().isEmpty()) {
            skip = jump(source, List.of(inner.prefix + "@end"));
            skip.negated = !skip.negated;
        } else {
            Instruction mark = instruction(source); // so that the call itself counts as executed
            mark.kind = Instruction.NOP;
        }
        scope = inner;
        depth++;
        emit();
        labels.put(inner.prefix + "@end", code.size());
        depth--;
        scope = caller;
    }

    private static String inside(String list) {
        return list.substring(1, list.length() - 1).strip();
    }

    /** A branch to one of these labels, already with its scope. */
    private Instruction jump(PtxInstruction source, List<String> targets) {
        Instruction i = instruction(source);
        i.kind = Instruction.BRANCH;
        jumps.put(i, targets);
        return i;
    }

    void branch(Instruction i, List<String> targets) {
        List<String> full = new ArrayList<>();
        targets.forEach(target -> full.add(scope.prefix + target));
        jumps.put(i, full);
    }

    List<String> table(String name) {
        return scope.function.tables().getOrDefault(name, List.of());
    }

    private void resolve(Instruction i, List<String> targets) {
        i.targets = new int[targets.size()];
        for (int t = 0; t < i.targets.length; t++) {
            Integer target = labels.get(targets.get(t));
            if (target == null) {
                throw i.source.unknown("no such label");
            }
            i.targets[t] = target;
        }
        if (i.targets.length == 0) {
            throw i.source.unknown("no targets");
        }
        i.immediate = i.targets[0];
    }

    /** A new instruction at the end of the code, with the guard of its source. */
    Instruction instruction(PtxInstruction source) {
        Instruction i = new Instruction();
        i.source = source;
        if (!source.guard().isEmpty()) {
            i.guard = predicate(source.guard());
            i.negated = source.negated();
        }
        add(i);
        return i;
    }

    private void add(Instruction i) {
        i.pc = code.size();
        code.add(i);
    }

    boolean isPredicate(String name) {
        return scope.function.predicates().contains(name);
    }

    int predicate(String name) {
        if (name.equals("0")) {
            return predicates.computeIfAbsent("0", n -> predicates.size());
        }
        if (name.equals("1") || name.equals("-1")) {
            return predicates.computeIfAbsent("1", n -> predicates.size());
        }
        return predicates.computeIfAbsent(scope.prefix + name, n -> predicates.size());
    }

    /** The register that holds an operand: a register, a special one, a literal, the address of a variable. */
    int register(String operand, String type) {
        char first = operand.charAt(0);
        if (operand.equals("_")) {
            return LANES;
        }
        if (Character.isDigit(first) || first == '-' || first == '~') {
            return constant(Types.literal(operand, type));
        }
        if (SPECIALS.contains(operand)) {
            return specials.computeIfAbsent(operand, name -> slot());
        }
        if (first == '%' && (operand.contains(".") || operand.startsWith("%clock") || operand.startsWith("%global"))) {
            throw new NumberFormatException("special register " + operand);
        }
        if (first == '%') {
            return registers.computeIfAbsent(scope.prefix + operand, n -> slot());
        }
        int plus = operand.indexOf('+');
        String name = plus < 0 ? operand : operand.substring(0, plus).strip();
        long addend = plus < 0 ? 0 : Types.literal(operand.substring(plus + 1).strip(), "s64");
        Integer symbol = symbol(name, addend);
        return symbol != null ? symbol : registers.computeIfAbsent(scope.prefix + operand, n -> slot());
    }

    int constant(long value) {
        return constants.computeIfAbsent(value, v -> slot());
    }

    private int slot() {
        return slots++ * LANES;
    }

    private Integer symbol(String name, long addend) {
        if (scope.local.containsKey(name)) {
            return constant(scope.local.get(name) + addend);
        }
        for (Variable variable : scope.function.variables()) {
            if (variable.name().equals(name) && variable.space().equals("shared")) {
                return shared(scope.prefix + name, variable, addend);
            }
        }
        for (Variable variable : module.variables()) {
            if (variable.name().equals(name)) {
                if (variable.space().equals("shared")) {
                    return shared(name, variable, addend);
                }
                return symbolRegisters.computeIfAbsent(name + "+" + addend, key -> {
                    int register = slot();
                    symbols.add(new Kernel.Symbol(register, name, addend));
                    return register;
                });
            }
        }
        return null;
    }

    private int shared(String name, Variable variable, long addend) {
        if (variable.bytes() < 0) {
            dynamicAlignment = Math.max(dynamicAlignment, variable.alignment());
        } else if (!sharedOffsets.containsKey(name)) {
            int offset = align(sharedBytes, variable.alignment());
            sharedOffsets.put(name, offset);
            sharedBytes = offset + (int) variable.bytes();
        }
        return symbolRegisters.computeIfAbsent("shared " + name + "+" + addend, key -> {
            int register = slot();
            shared.add(new Kernel.Symbol(register, name, addend));
            return register;
        });
    }

    /** Where a kernel's parameter lies, or -1 if there is none of that name. */
    int parameter(String name) {
        if (depth > 0) {
            return -1;
        }
        int end = 0;
        for (Variable parameter : kernel.parameters()) {
            end = align(end, parameter.alignment());
            if (parameter.name().equals(name)) {
                return end;
            }
            end += (int) parameter.bytes();
        }
        return -1;
    }

    boolean isLocal(String name) {
        return scope.local.containsKey(name);
    }

    void usesNarrowShared() {
        narrowShared = true;
    }

    static int align(int offset, int alignment) {
        return (offset + alignment - 1) / alignment * alignment;
    }
}
