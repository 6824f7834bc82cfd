package io.github.batchjac.backend.cuda.ptx;

/** Comparisons of all 32 lanes: the mask of those for which it is true. */
final class Compare {
    private Compare() {}

    /** Signed, 32 bits. */
    static int signed32(Op op, long[] r, int a, int b) {
        int mask = 0;
        switch (op) {
            case EQ -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((int) r[a + l] == (int) r[b + l] ? 1 : 0) << l;
                }
            }
            case NE -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((int) r[a + l] != (int) r[b + l] ? 1 : 0) << l;
                }
            }
            case LT -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((int) r[a + l] < (int) r[b + l] ? 1 : 0) << l;
                }
            }
            case LE -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((int) r[a + l] <= (int) r[b + l] ? 1 : 0) << l;
                }
            }
            case GT -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((int) r[a + l] > (int) r[b + l] ? 1 : 0) << l;
                }
            }
            case GE -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((int) r[a + l] >= (int) r[b + l] ? 1 : 0) << l;
                }
            }
            default -> throw new IllegalStateException("comparison " + op);
        }
        return mask;
    }

    /** Unsigned, 32 bits. */
    static int unsigned32(Op op, long[] r, int a, int b) {
        int mask = 0;
        switch (op) {
            case EQ -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((r[a + l] & 0xffffffffL) == (r[b + l] & 0xffffffffL) ? 1 : 0) << l;
                }
            }
            case NE -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((r[a + l] & 0xffffffffL) != (r[b + l] & 0xffffffffL) ? 1 : 0) << l;
                }
            }
            case LT -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((r[a + l] & 0xffffffffL) < (r[b + l] & 0xffffffffL) ? 1 : 0) << l;
                }
            }
            case LE -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((r[a + l] & 0xffffffffL) <= (r[b + l] & 0xffffffffL) ? 1 : 0) << l;
                }
            }
            case GT -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((r[a + l] & 0xffffffffL) > (r[b + l] & 0xffffffffL) ? 1 : 0) << l;
                }
            }
            case GE -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((r[a + l] & 0xffffffffL) >= (r[b + l] & 0xffffffffL) ? 1 : 0) << l;
                }
            }
            default -> throw new IllegalStateException("comparison " + op);
        }
        return mask;
    }

    /** Signed, 64 bits. */
    static int signed64(Op op, long[] r, int a, int b) {
        int mask = 0;
        switch (op) {
            case EQ -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (r[a + l] == r[b + l] ? 1 : 0) << l;
                }
            }
            case NE -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (r[a + l] != r[b + l] ? 1 : 0) << l;
                }
            }
            case LT -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (r[a + l] < r[b + l] ? 1 : 0) << l;
                }
            }
            case LE -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (r[a + l] <= r[b + l] ? 1 : 0) << l;
                }
            }
            case GT -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (r[a + l] > r[b + l] ? 1 : 0) << l;
                }
            }
            case GE -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (r[a + l] >= r[b + l] ? 1 : 0) << l;
                }
            }
            default -> throw new IllegalStateException("comparison " + op);
        }
        return mask;
    }

    /** Unsigned, 64 bits. */
    static int unsigned64(Op op, long[] r, int a, int b) {
        int mask = 0;
        switch (op) {
            case EQ -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((r[a + l] ^ Long.MIN_VALUE) == (r[b + l] ^ Long.MIN_VALUE) ? 1 : 0) << l;
                }
            }
            case NE -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((r[a + l] ^ Long.MIN_VALUE) != (r[b + l] ^ Long.MIN_VALUE) ? 1 : 0) << l;
                }
            }
            case LT -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((r[a + l] ^ Long.MIN_VALUE) < (r[b + l] ^ Long.MIN_VALUE) ? 1 : 0) << l;
                }
            }
            case LE -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((r[a + l] ^ Long.MIN_VALUE) <= (r[b + l] ^ Long.MIN_VALUE) ? 1 : 0) << l;
                }
            }
            case GT -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((r[a + l] ^ Long.MIN_VALUE) > (r[b + l] ^ Long.MIN_VALUE) ? 1 : 0) << l;
                }
            }
            case GE -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((r[a + l] ^ Long.MIN_VALUE) >= (r[b + l] ^ Long.MIN_VALUE) ? 1 : 0) << l;
                }
            }
            default -> throw new IllegalStateException("comparison " + op);
        }
        return mask;
    }

    /** Signed, 16 bits. */
    static int signed16(Op op, long[] r, int a, int b) {
        int mask = 0;
        switch (op) {
            case EQ -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((short) r[a + l] == (short) r[b + l] ? 1 : 0) << l;
                }
            }
            case NE -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((short) r[a + l] != (short) r[b + l] ? 1 : 0) << l;
                }
            }
            case LT -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((short) r[a + l] < (short) r[b + l] ? 1 : 0) << l;
                }
            }
            case LE -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((short) r[a + l] <= (short) r[b + l] ? 1 : 0) << l;
                }
            }
            case GT -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((short) r[a + l] > (short) r[b + l] ? 1 : 0) << l;
                }
            }
            case GE -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((short) r[a + l] >= (short) r[b + l] ? 1 : 0) << l;
                }
            }
            default -> throw new IllegalStateException("comparison " + op);
        }
        return mask;
    }

    /** Unsigned, 16 bits. */
    static int unsigned16(Op op, long[] r, int a, int b) {
        int mask = 0;
        switch (op) {
            case EQ -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((r[a + l] & 0xffff) == (r[b + l] & 0xffff) ? 1 : 0) << l;
                }
            }
            case NE -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((r[a + l] & 0xffff) != (r[b + l] & 0xffff) ? 1 : 0) << l;
                }
            }
            case LT -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((r[a + l] & 0xffff) < (r[b + l] & 0xffff) ? 1 : 0) << l;
                }
            }
            case LE -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((r[a + l] & 0xffff) <= (r[b + l] & 0xffff) ? 1 : 0) << l;
                }
            }
            case GT -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((r[a + l] & 0xffff) > (r[b + l] & 0xffff) ? 1 : 0) << l;
                }
            }
            case GE -> {
                for (int l = 0; l < 32; l++) {
                    mask |= ((r[a + l] & 0xffff) >= (r[b + l] & 0xffff) ? 1 : 0) << l;
                }
            }
            default -> throw new IllegalStateException("comparison " + op);
        }
        return mask;
    }

    /** 32-bit floating point; EQU and the like are true where a NaN is. */
    static int floats(Op op, long[] r, int a, int b) {
        int mask = 0;
        switch (op) {
            case EQ -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (Float.intBitsToFloat((int) r[a + l]) == Float.intBitsToFloat((int) r[b + l]) ? 1 : 0) << l;
                }
            }
            case NE -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (Float.intBitsToFloat((int) r[a + l]) < Float.intBitsToFloat((int) r[b + l])
                                            || Float.intBitsToFloat((int) r[a + l])
                                                    > Float.intBitsToFloat((int) r[b + l])
                                    ? 1
                                    : 0)
                            << l;
                }
            }
            case LT -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (Float.intBitsToFloat((int) r[a + l]) < Float.intBitsToFloat((int) r[b + l]) ? 1 : 0) << l;
                }
            }
            case LE -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (Float.intBitsToFloat((int) r[a + l]) <= Float.intBitsToFloat((int) r[b + l]) ? 1 : 0) << l;
                }
            }
            case GT -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (Float.intBitsToFloat((int) r[a + l]) > Float.intBitsToFloat((int) r[b + l]) ? 1 : 0) << l;
                }
            }
            case GE -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (Float.intBitsToFloat((int) r[a + l]) >= Float.intBitsToFloat((int) r[b + l]) ? 1 : 0) << l;
                }
            }
            case EQU -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (!(Float.intBitsToFloat((int) r[a + l]) < Float.intBitsToFloat((int) r[b + l])
                                            || Float.intBitsToFloat((int) r[a + l])
                                                    > Float.intBitsToFloat((int) r[b + l]))
                                    ? 1
                                    : 0)
                            << l;
                }
            }
            case NEU -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (Float.intBitsToFloat((int) r[a + l]) != Float.intBitsToFloat((int) r[b + l]) ? 1 : 0) << l;
                }
            }
            case LTU -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (!(Float.intBitsToFloat((int) r[a + l]) >= Float.intBitsToFloat((int) r[b + l])) ? 1 : 0)
                            << l;
                }
            }
            case LEU -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (!(Float.intBitsToFloat((int) r[a + l]) > Float.intBitsToFloat((int) r[b + l])) ? 1 : 0)
                            << l;
                }
            }
            case GTU -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (!(Float.intBitsToFloat((int) r[a + l]) <= Float.intBitsToFloat((int) r[b + l])) ? 1 : 0)
                            << l;
                }
            }
            case GEU -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (!(Float.intBitsToFloat((int) r[a + l]) < Float.intBitsToFloat((int) r[b + l])) ? 1 : 0)
                            << l;
                }
            }
            case NUM -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (!Float.isNaN(Float.intBitsToFloat((int) r[a + l]))
                                            && !Float.isNaN(Float.intBitsToFloat((int) r[b + l]))
                                    ? 1
                                    : 0)
                            << l;
                }
            }
            case NAN -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (Float.isNaN(Float.intBitsToFloat((int) r[a + l]))
                                            || Float.isNaN(Float.intBitsToFloat((int) r[b + l]))
                                    ? 1
                                    : 0)
                            << l;
                }
            }
            default -> throw new IllegalStateException("comparison " + op);
        }
        return mask;
    }

    /** 64-bit floating point. */
    static int doubles(Op op, long[] r, int a, int b) {
        int mask = 0;
        switch (op) {
            case EQ -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (Double.longBitsToDouble(r[a + l]) == Double.longBitsToDouble(r[b + l]) ? 1 : 0) << l;
                }
            }
            case NE -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (Double.longBitsToDouble(r[a + l]) < Double.longBitsToDouble(r[b + l])
                                            || Double.longBitsToDouble(r[a + l]) > Double.longBitsToDouble(r[b + l])
                                    ? 1
                                    : 0)
                            << l;
                }
            }
            case LT -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (Double.longBitsToDouble(r[a + l]) < Double.longBitsToDouble(r[b + l]) ? 1 : 0) << l;
                }
            }
            case LE -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (Double.longBitsToDouble(r[a + l]) <= Double.longBitsToDouble(r[b + l]) ? 1 : 0) << l;
                }
            }
            case GT -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (Double.longBitsToDouble(r[a + l]) > Double.longBitsToDouble(r[b + l]) ? 1 : 0) << l;
                }
            }
            case GE -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (Double.longBitsToDouble(r[a + l]) >= Double.longBitsToDouble(r[b + l]) ? 1 : 0) << l;
                }
            }
            case EQU -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (!(Double.longBitsToDouble(r[a + l]) < Double.longBitsToDouble(r[b + l])
                                            || Double.longBitsToDouble(r[a + l]) > Double.longBitsToDouble(r[b + l]))
                                    ? 1
                                    : 0)
                            << l;
                }
            }
            case NEU -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (Double.longBitsToDouble(r[a + l]) != Double.longBitsToDouble(r[b + l]) ? 1 : 0) << l;
                }
            }
            case LTU -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (!(Double.longBitsToDouble(r[a + l]) >= Double.longBitsToDouble(r[b + l])) ? 1 : 0) << l;
                }
            }
            case LEU -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (!(Double.longBitsToDouble(r[a + l]) > Double.longBitsToDouble(r[b + l])) ? 1 : 0) << l;
                }
            }
            case GTU -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (!(Double.longBitsToDouble(r[a + l]) <= Double.longBitsToDouble(r[b + l])) ? 1 : 0) << l;
                }
            }
            case GEU -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (!(Double.longBitsToDouble(r[a + l]) < Double.longBitsToDouble(r[b + l])) ? 1 : 0) << l;
                }
            }
            case NUM -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (!Double.isNaN(Double.longBitsToDouble(r[a + l]))
                                            && !Double.isNaN(Double.longBitsToDouble(r[b + l]))
                                    ? 1
                                    : 0)
                            << l;
                }
            }
            case NAN -> {
                for (int l = 0; l < 32; l++) {
                    mask |= (Double.isNaN(Double.longBitsToDouble(r[a + l]))
                                            || Double.isNaN(Double.longBitsToDouble(r[b + l]))
                                    ? 1
                                    : 0)
                            << l;
                }
            }
            default -> throw new IllegalStateException("comparison " + op);
        }
        return mask;
    }

    /** Whether operands of some lane are equal or, of integers, next to each other: bits of {@link Coverage}. */
    static int near(Instruction i, long[] r, int mask) {
        int a = i.a;
        int b = i.b;
        if (i.floating) {
            int equal = i.size == 4 ? floats(Op.EQ, r, a, b) : doubles(Op.EQ, r, a, b);
            return (equal & mask) != 0 ? Coverage.NEAR : 0;
        }
        int near = 0;
        int unused = Long.SIZE - Byte.SIZE * i.size;
        for (int l = 0; l < 32; l++) {
            long difference = r[a + l] - r[b + l] << unused >> unused;
            if (difference >= -1 && difference <= 1 && (mask >>> l & 1) != 0) {
                near |= difference == 0 ? Coverage.EQUAL : difference < 0 ? Coverage.BELOW : Coverage.ABOVE;
            }
        }
        return near;
    }
}
