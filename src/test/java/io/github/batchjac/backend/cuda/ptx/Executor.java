package io.github.batchjac.backend.cuda.ptx;

import io.github.batchjac.backend.cuda.ptx.PtxFault.Kind;

/**
 * Runs a warp until it waits at a barrier of its block or all its lanes have left. What only computes is computed for all 32
 * lanes; where some take no part, into a scratch register from which the others are copied.
 */
final class Executor {
    private final Block block;
    private final Instruction[] code;
    private final byte[] covered;
    private final Counters counters;
    private final Approximate approximate;
    private final MemoryAccess memory;
    private final Collective collective;
    private final long limit;

    Executor(Block block) {
        this.block = block;
        code = block.kernel.code();
        covered = block.covered;
        counters = block.counters;
        approximate = block.launch.approximate;
        memory = new MemoryAccess(block, this);
        collective = new Collective(block, this);
        limit = block.launch.limit;
    }

    PtxFault fault(Kind kind, Instruction i, Warp warp, int mask, String what) {
        int lane = mask == 0 ? 0 : Integer.numberOfTrailingZeros(mask);
        PtxInstruction source = i.source;
        String where = source == null ? "the end" : "line " + source.line() + ": " + source.text();
        return new PtxFault(
                kind,
                block.kernel.name() + ", block " + block.index + ", thread " + (warp.number * 32 + lane) + ", " + where
                        + ": " + what);
    }

    void run(Warp w) {
        final Instruction[] program = code;
        final byte[] executed = covered;
        final long[] r = w.registers;
        final int[] p = w.predicates;
        int pc = w.pc;
        int active = w.active;
        long warpInstructions = 0;
        long laneInstructions = 0;
        try {
            while (true) {
                if (pc >= w.frontier) {
                    w.park(pc, active, false);
                    w.next();
                    pc = w.pc;
                    active = w.active;
                }
                Instruction i = program[pc];
                int mask = active;
                if (i.guard >= 0) {
                    mask &= i.negated ? ~p[i.guard] : p[i.guard];
                }
                warpInstructions++;
                if (mask == 0) {
                    if (i.kind == Instruction.BRANCH) {
                        executed[pc] |= Coverage.EXECUTED | Coverage.NOT_TAKEN;
                    }
                    pc++;
                    continue;
                }
                laneInstructions += Integer.bitCount(mask);
                executed[pc] |= Coverage.EXECUTED;
                if (i.kind < Instruction.LOAD) {
                    compute(i, w, r, p, mask);
                    pc++;
                    continue;
                }
                switch (i.kind) {
                    case Instruction.LOAD -> memory.load(i, w, mask);
                    case Instruction.STORE -> memory.store(i, w, mask);
                    case Instruction.ATOMIC -> memory.atomic(i, w, mask);
                    case Instruction.LOAD_PARAMETER -> memory.parameter(i, w, mask);
                    case Instruction.BRANCH -> {
                        if (w.issued + warpInstructions > limit) {
                            throw fault(Kind.ENDLESS, i, w, mask, "after " + limit + " instructions");
                        }
                        executed[pc] |= mask == active ? Coverage.TAKEN : Coverage.TAKEN | Coverage.NOT_TAKEN;
                        if (mask == active) {
                            pc = i.immediate;
                        } else if (i.immediate > pc) {
                            w.park(i.immediate, mask, false);
                            active &= ~mask;
                            pc++;
                        } else {
                            w.park(pc + 1, active & ~mask, false);
                            active = mask;
                            pc = i.immediate;
                        }
                        continue;
                    }
                    case Instruction.BRANCH_TABLE -> {
                        for (int rest = mask; rest != 0; rest &= rest - 1) {
                            int lane = Integer.numberOfTrailingZeros(rest);
                            int index = (int) r[i.a + lane];
                            if (index < 0 || index >= i.targets.length) {
                                throw fault(Kind.OUT_OF_BOUNDS, i, w, 1 << lane, "target " + index);
                            }
                            w.park(i.targets[index], 1 << lane, false);
                        }
                        if (active != mask) {
                            w.park(pc + 1, active & ~mask, false);
                        }
                        w.next();
                        pc = w.pc;
                        active = w.active;
                        continue;
                    }
                    case Instruction.EXIT -> {
                        w.live &= ~mask;
                        active &= ~mask;
                        w.progressed();
                        if (active == 0) {
                            if (!w.next()) {
                                finished(w, i);
                                return;
                            }
                            pc = w.pc;
                            active = w.active;
                            continue;
                        }
                    }
                    case Instruction.WATCHED -> watch(i, w, r, p, mask);
                    case Instruction.TRAP -> throw fault(Kind.TRAP, i, w, mask, "reached");
                    case Instruction.ACTIVE -> {
                        for (int l = 0; l < 32; l++) {
                            r[i.d + l] = (mask >>> l & 1) != 0 ? mask : r[i.d + l];
                        }
                    }
                    default -> {
                        int wanted = collective.wanted(i, w, mask);
                        if ((wanted & w.live & ~mask) != 0 || i.kind == Instruction.BARRIER && mask != w.live) {
                            int others = w.takeBlocked(pc);
                            if (others != 0) {
                                active |= others;
                                warpInstructions--;
                                continue;
                            }
                            w.park(pc, active, true);
                            if (!w.next()) {
                                throw stuck(i, w, mask);
                            }
                            pc = w.pc;
                            active = w.active;
                            continue;
                        }
                        w.progressed();
                        if (i.kind == Instruction.BARRIER) {
                            counters.barriers++;
                            if (collective.barrier(i, w, mask)) {
                                w.pc = pc + 1;
                                w.active = active;
                                return;
                            }
                        } else {
                            collective.run(i, w, mask);
                        }
                    }
                }
                pc++;
            }
        } finally {
            w.issued += warpInstructions;
            counters.warpInstructions += warpInstructions;
            counters.laneInstructions += laneInstructions;
        }
    }

    /** Does what the mutant says, after a look whether the original would have had another result. */
    private void watch(Instruction i, Warp w, long[] r, int[] p, int mask) {
        Instruction original = i.watched[0];
        Instruction mutant = i.watched[1];
        if (i.differed || original.registers.length > 0) {
            // several registers: not looked at
            compute(mutant, w, r, p, mask);
            return;
        }
        boolean predicates = original.kind == Instruction.COMPARE
                || original.kind == Instruction.PREDICATE
                || original.kind == Instruction.TEST;
        if (predicates) {
            int before = original.d < 0 ? 0 : p[original.d];
            int other = original.q < 0 ? 0 : p[original.q];
            compute(original, w, r, p, mask);
            int expected = original.d < 0 ? 0 : p[original.d];
            int expectedOther = original.q < 0 ? 0 : p[original.q];
            if (original.d >= 0) {
                p[original.d] = before;
            }
            if (original.q >= 0) {
                p[original.q] = other;
            }
            compute(mutant, w, r, p, mask);
            i.differed =
                    original.d >= 0 && p[original.d] != expected || original.q >= 0 && p[original.q] != expectedOther;
            return;
        }
        int d = original.d;
        long[] before = java.util.Arrays.copyOfRange(r, d, d + 32);
        int carry = w.carry;
        compute(original, w, r, p, mask);
        long[] expected = java.util.Arrays.copyOfRange(r, d, d + 32);
        System.arraycopy(before, 0, r, d, 32);
        w.carry = carry;
        compute(mutant, w, r, p, mask);
        boolean narrow = original.size <= 4 && !original.op.name().contains("WIDE");
        for (int l = 0; l < 32; l++) {
            long difference = r[d + l] ^ expected[l];
            i.differed |= (narrow ? (int) difference : difference) != 0;
        }
    }

    private void finished(Warp w, Instruction i) {
        if (w.live != 0) {
            throw stuck(i, w, w.live);
        }
    }

    private PtxFault stuck(Instruction i, Warp w, int mask) {
        String lanes = Integer.toHexString(mask) + " of the lanes " + Integer.toHexString(w.live) + " that are left";
        return i.kind == Instruction.BARRIER
                ? fault(Kind.BARRIER, i, w, mask, "only lanes " + lanes + " come here")
                : fault(Kind.LANE, i, w, mask, "only lanes " + lanes + " come here, others are wanted");
    }

    private void compute(Instruction i, Warp w, long[] r, int[] p, int mask) {
        switch (i.kind) {
            case Instruction.COMPARE -> {
                comparison(i, r, p, mask);
                return;
            }
            case Instruction.PREDICATE -> {
                int value = switch (i.op) {
                    case AND -> p[i.a] & p[i.b];
                    case OR -> p[i.a] | p[i.b];
                    case XOR -> p[i.a] ^ p[i.b];
                    case NOT -> ~p[i.a];
                    case EQ -> -1;
                    default -> throw i.source.unknown("unknown on predicates");
                };
                p[i.d] = p[i.d] & ~mask | value & mask;
                return;
            }
            case Instruction.TEST -> {
                p[i.d] = p[i.d] & ~mask | Lanes.test(i, r) & mask;
                return;
            }
            case Instruction.UNPACK -> {
                Lanes.unpack(i, r, mask);
                return;
            }
            case Instruction.CARRY -> {
                Lanes.carry(i, w, r, mask);
                return;
            }
            case Instruction.NOP -> {
                return;
            }
            default -> {}
        }
        if (i.kind == Instruction.SELECT) {
            covered[i.pc] |= outcomes(p[i.c], mask);
        }
        int d = mask == -1 ? i.d : 0;
        values(i, r, p, d);
        if (mask != -1) {
            int to = i.d;
            for (int rest = mask; rest != 0; rest &= rest - 1) {
                int l = Integer.numberOfTrailingZeros(rest);
                r[to + l] = r[l];
            }
        }
    }

    private static int outcomes(int value, int mask) {
        return ((value & mask) != 0 ? Coverage.TAKEN : 0) | ((value & mask) != mask ? Coverage.NOT_TAKEN : 0);
    }

    private void values(Instruction i, long[] r, int[] p, int d) {
        boolean known = true;
        switch (i.kind) {
            case Instruction.INT32 ->
                known = Int32.common(i.op, r, d, i.a, i.b, i.c, 0)
                        || Int32.rare(i.op, r, d, i.a, i.b, i.c, 0)
                        || Int32.bits(i.op, r, d, i.a, i.b, i.c, i.immediate)
                        || Lanes.insert(i, r, d);
            case Instruction.INT64 ->
                known = Int64.common(i.op, r, d, i.a, i.b, i.c, 0)
                        || Int64.rare(i.op, r, d, i.a, i.b, i.c, 0)
                        || Int64.bits(i.op, r, d, i.a, i.b, i.c, 0)
                        || Lanes.insert(i, r, d);
            case Instruction.INT16 -> Lanes.narrow(i, r, d);
            case Instruction.FLOAT -> known = Float32.run(i.op, r, d, i.a, i.b, i.c, 0);
            case Instruction.DOUBLE -> known = Float64.run(i.op, r, d, i.a, i.b, i.c, 0);
            case Instruction.EXACT -> Exact.run(i, r, d, approximate);
            case Instruction.CONVERT_INT -> Convert.integers(i, r, d);
            case Instruction.CONVERT -> Convert.run(i, r, d);
            case Instruction.SET -> {
                int value = combined(i, p, mask(i, r));
                long one = i.fromFloating ? Float.floatToRawIntBits(1f) : -1;
                for (int l = 0; l < 32; l++) {
                    r[d + l] = (value >>> l & 1) != 0 ? one : 0;
                }
            }
            case Instruction.SELECT -> {
                int choice = p[i.c];
                int a = i.a;
                int b = i.b;
                for (int l = 0; l < 32; l++) {
                    r[d + l] = (choice >>> l & 1) != 0 ? r[a + l] : r[b + l];
                }
            }
            case Instruction.SELECT_SIGN -> Lanes.selectSign(i, r, d);
            case Instruction.MOVE -> System.arraycopy(r, i.a, r, d, 32);
            case Instruction.PACK -> Lanes.pack(i, r, d);
            case Instruction.CONVERT_ADDRESS -> {
                long base = i.space == Instruction.SHARED ? MemoryAccess.SHARED_BASE : MemoryAccess.LOCAL_BASE;
                long offset = i.signed ? -base : base;
                for (int l = 0; l < 32; l++) {
                    r[d + l] = r[i.a + l] + offset;
                }
            }
            default -> known = false;
        }
        if (!known) {
            throw i.source.unknown("unknown form");
        }
    }

    private static int mask(Instruction i, long[] r) {
        if (i.floating) {
            return i.size == 4 ? Compare.floats(i.op, r, i.a, i.b) : Compare.doubles(i.op, r, i.a, i.b);
        }
        return switch (i.size) {
            case 2 -> i.signed ? Compare.signed16(i.op, r, i.a, i.b) : Compare.unsigned16(i.op, r, i.a, i.b);
            case 4 -> i.signed ? Compare.signed32(i.op, r, i.a, i.b) : Compare.unsigned32(i.op, r, i.a, i.b);
            default -> i.signed ? Compare.signed64(i.op, r, i.a, i.b) : Compare.unsigned64(i.op, r, i.a, i.b);
        };
    }

    private static int combined(Instruction i, int[] p, int value) {
        if (i.combine == Op.NONE) {
            return value;
        }
        int other = i.negatedC ? ~p[i.c] : p[i.c];
        return switch (i.combine) {
            case AND -> value & other;
            case OR -> value | other;
            default -> value ^ other;
        };
    }

    private void comparison(Instruction i, long[] r, int[] p, int mask) {
        int value = mask(i, r);
        int seen = covered[i.pc];
        if ((seen & Coverage.NEAR) != Coverage.NEAR) {
            seen |= Compare.near(i, r, mask);
        }
        covered[i.pc] = (byte) (seen | outcomes(value, mask));
        int first = combined(i, p, value);
        int second = combined(i, p, ~value);
        if (i.d >= 0) {
            p[i.d] = p[i.d] & ~mask | first & mask;
        }
        if (i.q >= 0) {
            p[i.q] = p[i.q] & ~mask | second & mask;
        }
    }
}
