package io.github.batchjac.backend.cuda.ptx;

import io.github.batchjac.backend.cuda.ptx.PtxFault.Kind;

/** What the lanes of a warp, or the warps of a block, do together. */
final class Collective {
    private final Block block;
    private final Executor executor;

    Collective(Block block, Executor executor) {
        this.block = block;
        this.executor = executor;
    }

    private static int members(Instruction i) {
        return switch (i.kind) {
            case Instruction.WARP_BARRIER, Instruction.VOTE -> i.a;
            case Instruction.MATCH -> i.b;
            case Instruction.SHUFFLE -> i.e;
            default -> -1;
        };
    }

    /** The lanes that have to be there, those that have left among them. */
    int wanted(Instruction i, Warp w, int mask) {
        int register = members(i);
        if (register < 0) {
            return w.live;
        }
        int wanted = 0;
        for (int rest = mask; rest != 0; rest &= rest - 1) {
            int l = Integer.numberOfTrailingZeros(rest);
            int own = (int) w.registers[register + l];
            if ((own >>> l & 1) == 0) {
                throw executor.fault(Kind.LANE, i, w, 1 << l, "not in its own mask " + Integer.toHexString(own));
            }
            wanted |= own;
        }
        return wanted;
    }

    /** @return whether the warp has to wait */
    boolean barrier(Instruction i, Warp w, int mask) {
        int lane = Integer.numberOfTrailingZeros(mask);
        int id = (int) w.registers[i.a + lane];
        int threads = i.b < 0 ? 0 : (int) w.registers[i.b + lane];
        if (id < 0 || id > 15 || threads % 32 != 0) {
            throw executor.fault(Kind.BARRIER, i, w, mask, "barrier " + id + " for " + threads + " threads");
        }
        if (i.signed) {
            w.arrivedEarly |= 1 << id;
            return false;
        }
        if (threads != 0 && threads == block.warps.length * 32) {
            threads = 0;
        }
        w.barrier = id;
        w.barrierPc = i.pc;
        w.barrierThreads = threads;
        return true;
    }

    void run(Instruction i, Warp w, int mask) {
        long[] r = w.registers;
        int done = 0;
        for (int rest = mask; rest != 0; rest = mask & ~done) {
            int first = Integer.numberOfTrailingZeros(rest);
            int members = (int) r[members(i) + first];
            int group = members & mask;
            if (i.kind == Instruction.WARP_BARRIER) {
                block.shared.warpBarrier(w.number, group, (w.live & ~group) == 0);
            }
            for (int other = group; other != 0; other &= other - 1) {
                int l = Integer.numberOfTrailingZeros(other);
                if ((int) r[members(i) + l] != members) {
                    throw executor.fault(Kind.LANE, i, w, 1 << l, "lanes that name each other have different masks");
                }
            }
            switch (i.kind) {
                case Instruction.SHUFFLE -> shuffle(i, w, group, members);
                case Instruction.VOTE -> vote(i, w, group);
                case Instruction.MATCH -> match(i, w, group);
                default -> {}
            }
            done |= group;
        }
    }

    private final long[] moved = new long[32];

    private void shuffle(Instruction i, Warp w, int group, int members) {
        long[] r = w.registers;
        int inside = 0;
        for (int rest = group; rest != 0; rest &= rest - 1) {
            int l = Integer.numberOfTrailingZeros(rest);
            int by = (int) r[i.b + l] & 31;
            int clamp = (int) r[i.c + l] & 31;
            int segment = (int) r[i.c + l] >>> 8 & 31;
            int most = l & segment | clamp & ~segment;
            int least = l & segment;
            int from;
            boolean valid;
            switch (i.op) {
                case UP -> {
                    from = l - by;
                    valid = from >= most;
                }
                case DOWN -> {
                    from = l + by;
                    valid = from <= most;
                }
                case BFLY -> {
                    from = l ^ by;
                    valid = from <= most;
                }
                default -> {
                    from = least | by & ~segment;
                    valid = from <= most;
                }
            }
            from = valid ? from : l;
            if ((group >>> from & 1) == 0) {
                throw executor.fault(
                        Kind.LANE,
                        i,
                        w,
                        1 << l,
                        "reads lane " + from + ", which takes no part (lanes " + Integer.toHexString(group) + " of "
                                + Integer.toHexString(members) + ")");
            }
            moved[l] = r[i.a + from];
            inside |= valid ? 1 << l : 0;
        }
        for (int rest = group; rest != 0; rest &= rest - 1) {
            int l = Integer.numberOfTrailingZeros(rest);
            r[i.d + l] = moved[l];
        }
        if (i.q >= 0) {
            w.predicates[i.q] = w.predicates[i.q] & ~group | inside;
        }
    }

    private void vote(Instruction i, Warp w, int group) {
        int votes = 0;
        if (i.c >= 0) {
            votes = i.negatedC ? ~w.predicates[i.c] : w.predicates[i.c];
        } else {
            for (int l = 0; l < 32; l++) {
                votes |= w.registers[i.b + l] != 0 ? 1 << l : 0;
            }
            votes = i.negatedC ? ~votes : votes;
        }
        votes &= group;
        if (i.op == Op.BALLOT) {
            for (int rest = group; rest != 0; rest &= rest - 1) {
                w.registers[i.d + Integer.numberOfTrailingZeros(rest)] = votes & 0xffffffffL;
            }
            return;
        }
        boolean result = switch (i.op) {
            case ALL -> votes == group;
            case ANY -> votes != 0;
            default -> votes == 0 || votes == group;
        };
        w.predicates[i.d] = w.predicates[i.d] & ~group | (result ? group : 0);
    }

    private void match(Instruction i, Warp w, int group) {
        long[] r = w.registers;
        long bits = i.size == 8 ? -1 : 0xffffffffL;
        boolean all = true;
        for (int rest = group; rest != 0; rest &= rest - 1) {
            int l = Integer.numberOfTrailingZeros(rest);
            int same = 0;
            for (int other = group; other != 0; other &= other - 1) {
                int o = Integer.numberOfTrailingZeros(other);
                same |= ((r[i.a + o] ^ r[i.a + l]) & bits) == 0 ? 1 << o : 0;
            }
            all &= same == group;
            moved[l] = same & 0xffffffffL;
        }
        for (int rest = group; rest != 0; rest &= rest - 1) {
            int l = Integer.numberOfTrailingZeros(rest);
            r[i.d + l] = i.op == Op.ALL && !all ? 0 : moved[l];
        }
        if (i.q >= 0) {
            w.predicates[i.q] = w.predicates[i.q] & ~group | (all ? group : 0);
        }
    }
}
