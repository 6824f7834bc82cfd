package io.github.batchjac.backend.cuda.ptx;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;

/**
 * Lets registers that are never needed at the same time share their place, so that the register file of a warp stays in
 * cache: nvcc gives every value a register of its own. A register's place is its own from the first to the last
 * instruction, in the order of the text, at which it is live in any lane; constants keep theirs.
 */
final class RegisterAllocator {
    private static final int LANES = Decoder.LANES;

    private final Kernel kernel;
    private final Instruction[] code;
    private final int slots;
    private final int[] first;
    private final int[] last;

    private interface Visitor {
        /** @return the register to put in its place */
        int visit(int register, boolean written);
    }

    private RegisterAllocator(Kernel kernel) {
        this.kernel = kernel;
        code = Arrays.stream(kernel.code()).map(Instruction::copy).toArray(Instruction[]::new);
        slots = kernel.registers() / LANES;
        first = new int[slots];
        last = new int[slots];
        Arrays.fill(first, Integer.MAX_VALUE);
        Arrays.fill(last, -1);
    }

    static Kernel allocate(Kernel kernel) {
        return new RegisterAllocator(kernel).allocate();
    }

    private static void operands(Instruction i, Visitor v) {
        boolean predicateResult = i.kind == Instruction.COMPARE
                || i.kind == Instruction.TEST
                || i.kind == Instruction.VOTE && i.op != Op.BALLOT;
        boolean predicateC = List.of(Instruction.COMPARE, Instruction.SET, Instruction.SELECT, Instruction.VOTE)
                .contains(i.kind);
        if (i.kind == Instruction.PREDICATE || i.kind == Instruction.BRANCH) {
            return;
        }
        boolean registersRead = i.kind == Instruction.STORE || i.kind == Instruction.PACK;
        i.a = i.a < 0 ? i.a : v.visit(i.a, false);
        i.b = i.b < 0 ? i.b : v.visit(i.b, false);
        i.c = i.c < 0 || predicateC ? i.c : v.visit(i.c, false);
        i.e = i.e < 0 ? i.e : v.visit(i.e, false);
        for (int n = 0; n < i.registers.length && i.kind != Instruction.ATOMIC; n++) {
            i.registers[n] = v.visit(i.registers[n], !registersRead);
        }
        i.d = i.d < 0 || predicateResult ? i.d : v.visit(i.d, true);
    }

    private Kernel allocate() {
        BitSet fixed = new BitSet();
        fixed.set(0, 2);
        kernel.constants().forEach(constant -> fixed.set(constant.register() / LANES));
        kernel.symbols().forEach(symbol -> fixed.set(symbol.register() / LANES));
        kernel.specials().forEach(special -> fixed.set(special.register() / LANES));
        live(fixed);
        int[] place = new int[slots];
        int used = 0;
        for (int slot = fixed.nextSetBit(0); slot >= 0; slot = fixed.nextSetBit(slot + 1)) {
            place[slot] = used++;
        }
        used = places(fixed, place, used);
        for (Instruction i : code) {
            operands(i, (register, written) -> place[register / LANES] * LANES);
        }
        List<Kernel.Constant> constants = new ArrayList<>();
        kernel.constants()
                .forEach(c -> constants.add(new Kernel.Constant(place[c.register() / LANES] * LANES, c.value())));
        List<Kernel.Symbol> symbols = new ArrayList<>();
        kernel.symbols()
                .forEach(s ->
                        symbols.add(new Kernel.Symbol(place[s.register() / LANES] * LANES, s.name(), s.addend())));
        List<Kernel.Special> specials = new ArrayList<>();
        kernel.specials().forEach(s -> specials.add(new Kernel.Special(place[s.register() / LANES] * LANES, s.name())));
        return kernel.with(code, used * LANES, constants, symbols, specials);
    }

    /** Places for the registers that are not fixed, by when they are first live. */
    private int places(BitSet fixed, int[] place, int from) {
        List<Integer> order = new ArrayList<>();
        for (int slot = 0; slot < slots; slot++) {
            if (!fixed.get(slot) && last[slot] >= 0) {
                order.add(slot);
            }
        }
        order.sort(Comparator.comparingInt(slot -> first[slot]));
        PriorityQueue<Integer> live = new PriorityQueue<>(Comparator.comparingInt(slot -> last[slot]));
        PriorityQueue<Integer> free = new PriorityQueue<>();
        int used = from;
        for (int slot : order) {
            while (!live.isEmpty() && last[live.peek()] <= first[slot]) {
                free.add(place[live.poll()]);
            }
            place[slot] = free.isEmpty() ? used++ : free.poll();
            live.add(slot);
        }
        return used;
    }

    private void live(BitSet fixed) {
        int[] leaders = leaders();
        int blocks = leaders.length - 1;
        BitSet[] uses = new BitSet[blocks];
        BitSet[] kills = new BitSet[blocks];
        BitSet[] in = new BitSet[blocks];
        int[] blockOf = new int[code.length];
        for (int b = 0; b < blocks; b++) {
            uses[b] = new BitSet();
            kills[b] = new BitSet();
            for (int pc = leaders[b]; pc < leaders[b + 1]; pc++) {
                blockOf[pc] = b;
                local(pc, fixed, uses[b], kills[b]);
            }
            in[b] = (BitSet) uses[b].clone();
        }
        BitSet[] out = new BitSet[blocks];
        for (int b = 0; b < blocks; b++) {
            out[b] = new BitSet();
        }
        boolean changed = true;
        while (changed) {
            changed = false;
            for (int b = blocks - 1; b >= 0; b--) {
                int before = out[b].cardinality();
                for (int next : successors(leaders[b + 1] - 1)) {
                    out[b].or(in[blockOf[next]]);
                }
                if (out[b].cardinality() != before) {
                    changed = true;
                    BitSet through = (BitSet) out[b].clone();
                    through.andNot(kills[b]);
                    in[b].or(through);
                }
            }
        }
        for (int b = 0; b < blocks; b++) {
            int start = leaders[b];
            int end = leaders[b + 1];
            in[b].stream().forEach(slot -> extend(slot, start));
            out[b].stream().forEach(slot -> extend(slot, end));
        }
    }

    private void local(int pc, BitSet fixed, BitSet uses, BitSet kills) {
        Instruction i = code[pc];
        operands(i, (register, written) -> {
            int slot = register / LANES;
            if (!fixed.get(slot)) {
                // A guarded write leaves the old value in some lanes: it is needed as well.
                if ((!written || i.guard >= 0) && !kills.get(slot)) {
                    uses.set(slot);
                }
                extend(slot, pc);
                if (written) {
                    extend(slot, pc + 1);
                }
            }
            return register;
        });
        if (i.guard < 0) {
            operands(i, (register, written) -> {
                if (written) {
                    kills.set(register / LANES);
                }
                return register;
            });
        }
    }

    private void extend(int slot, int pc) {
        first[slot] = Math.min(first[slot], pc);
        last[slot] = Math.max(last[slot], pc);
    }

    private int[] successors(int pc) {
        Instruction i = code[pc];
        boolean falls = i.guard >= 0 && pc + 1 < code.length;
        if (i.kind == Instruction.BRANCH || i.kind == Instruction.BRANCH_TABLE) {
            int[] next = Arrays.copyOf(i.targets, i.targets.length + (falls ? 1 : 0));
            if (falls) {
                next[i.targets.length] = pc + 1;
            }
            return next;
        }
        boolean ends = i.kind == Instruction.EXIT || i.kind == Instruction.TRAP;
        return pc + 1 < code.length && (!ends || falls) ? new int[] {pc + 1} : new int[0];
    }

    /** Where basic blocks start, and the end of the code. */
    private int[] leaders() {
        BitSet starts = new BitSet();
        starts.set(0);
        for (Instruction i : code) {
            boolean control = i.kind == Instruction.BRANCH
                    || i.kind == Instruction.BRANCH_TABLE
                    || i.kind == Instruction.EXIT
                    || i.kind == Instruction.TRAP;
            if (control) {
                starts.set(i.pc + 1);
                for (int target : i.targets) {
                    starts.set(target);
                }
            }
        }
        starts.set(code.length);
        return starts.stream().toArray();
    }
}
