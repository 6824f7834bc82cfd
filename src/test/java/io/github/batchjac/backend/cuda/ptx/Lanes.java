package io.github.batchjac.backend.cuda.ptx;

/** What is rare enough to be done lane by lane. */
final class Lanes {
    private Lanes() {}

    static int test(Instruction i, long[] r) {
        int mask = 0;
        for (int l = 0; l < 32; l++) {
            double a = i.size == 4 ? Float.intBitsToFloat((int) r[i.a + l]) : Double.longBitsToDouble(r[i.a + l]);
            double least = i.size == 4 ? Float.MIN_NORMAL : Double.MIN_NORMAL;
            boolean finite = Math.abs(a) <= Double.MAX_VALUE;
            boolean is = switch (i.op) {
                case FINITE -> finite;
                case INFINITE -> Double.isInfinite(a);
                case NUMBER -> !Double.isNaN(a);
                case NOTANUMBER -> Double.isNaN(a);
                case NORMAL -> finite && Math.abs(a) >= least;
                case SUBNORMAL -> a != 0 && Math.abs(a) < least;
                default -> throw i.source.unknown("unknown test");
            };
            mask |= (is ? 1 : 0) << l;
        }
        return mask;
    }

    static void pack(Instruction i, long[] r, int d) {
        int pieces = i.registers.length;
        int bits = 8 * i.size / pieces;
        long mask = (1L << bits) - 1;
        for (int l = 0; l < 32; l++) {
            long value = 0;
            for (int n = 0; n < pieces; n++) {
                value |= (r[i.registers[n] + l] & mask) << n * bits;
            }
            r[d + l] = value;
        }
    }

    static void unpack(Instruction i, long[] r, int lanes) {
        int pieces = i.registers.length;
        int bits = 8 * i.size / pieces;
        long mask = (1L << bits) - 1;
        for (int rest = lanes; rest != 0; rest &= rest - 1) {
            int l = Integer.numberOfTrailingZeros(rest);
            long value = r[i.a + l];
            for (int n = 0; n < pieces; n++) {
                r[i.registers[n] + l] = value >>> n * bits & mask;
            }
        }
    }

    /** {@code bfi}; false if that is not it. */
    static boolean insert(Instruction i, long[] r, int d) {
        if (i.op != Op.BFI) {
            return false;
        }
        for (int l = 0; l < 32; l++) {
            r[d + l] = Bits.insert(r[i.a + l], r[i.b + l], 8 * i.size, (int) r[i.c + l], (int) r[i.e + l]);
        }
        return true;
    }

    static void selectSign(Instruction i, long[] r, int d) {
        for (int l = 0; l < 32; l++) {
            long c = r[i.c + l];
            boolean first = i.floating ? Float.intBitsToFloat((int) c) >= 0 : (int) c >= 0;
            r[d + l] = first ? r[i.a + l] : r[i.b + l];
        }
    }

    /** Integers of 16 bits. */
    static void narrow(Instruction i, long[] r, int d) {
        for (int l = 0; l < 32; l++) {
            int a = i.signed ? (short) r[i.a + l] : (int) r[i.a + l] & 0xffff;
            int b = i.b < 0 ? 0 : i.signed ? (short) r[i.b + l] : (int) r[i.b + l] & 0xffff;
            int c = i.c < 0 ? 0 : (int) r[i.c + l];
            boolean shift = i.op == Op.SHL || i.op == Op.SHR_S || i.op == Op.SHR_U;
            int by = shift ? (int) r[i.b + l] : 0; // 32 bits wide, whatever the type
            r[d + l] = switch (i.op) {
                case ADD -> a + b;
                case SUB -> a - b;
                case MUL, WIDE_S, WIDE_U -> a * b;
                case MULHI_S -> a * b >> 16;
                case MULHI_U -> a * b >>> 16;
                case MAD, MADWIDE_S, MADWIDE_U -> a * b + c;
                case DIV_S, DIV_U -> b == 0 ? -1 : a / b;
                case REM_S, REM_U -> b == 0 ? a : a % b;
                case MIN_S, MIN_U -> Math.min(a, b);
                case MAX_S, MAX_U -> Math.max(a, b);
                case AND -> a & b;
                case OR -> a | b;
                case XOR -> a ^ b;
                case NOT -> ~a;
                case CNOT -> a == 0 ? 1 : 0;
                case NEG -> -a;
                case ABS -> Math.abs(a);
                case SHL -> Bits.shl(a, by);
                case SHR_S -> Bits.shrSigned(a, by);
                case SHR_U -> Bits.shr(a, by);
                default -> throw i.source.unknown("unknown on 16 bits");
            };
        }
    }

    /** Additions, subtractions and products with the carry of each lane. */
    static void carry(Instruction i, Warp w, long[] r, int lanes) {
        for (int rest = lanes; rest != 0; rest &= rest - 1) {
            int l = Integer.numberOfTrailingZeros(rest);
            long in = i.carryIn ? w.carry >>> l & 1 : 0;
            long a = r[i.a + l];
            long b = r[i.b + l];
            long base = i.c < 0 ? 0 : r[i.c + l];
            boolean wide = i.size == 8;
            if (!wide) {
                a = extended(a, i.signed && i.op == Op.MADHI_CARRY);
                b = extended(b, i.signed && i.op == Op.MADHI_CARRY);
                base = base & 0xffffffffL;
            }
            long x;
            long y;
            switch (i.op) {
                case ADD_CARRY, SUB_CARRY -> {
                    x = a;
                    y = b;
                }
                case MADLO_CARRY -> {
                    x = a * b;
                    y = base;
                }
                default -> {
                    x = wide ? i.signed ? Math.multiplyHigh(a, b) : Bits.multiplyHighUnsigned(a, b) : a * b >>> 32;
                    y = base;
                }
            }
            x = wide ? x : x & 0xffffffffL;
            boolean out;
            long value;
            if (i.op == Op.SUB_CARRY) {
                value = x - y - in;
                out = Long.compareUnsigned(x, y) < 0 || x == y && in != 0; // a borrow
            } else {
                value = x + y + in;
                out = wide ? Long.compareUnsigned(value, x) < 0 || value == x && in != 0 : value >>> 32 != 0;
            }
            r[i.d + l] = wide ? value : value & 0xffffffffL;
            if (i.carryOut) {
                w.carry = w.carry & ~(1 << l) | (out ? 1 << l : 0);
            }
        }
    }

    private static long extended(long a, boolean signed) {
        return signed ? (int) a : a & 0xffffffffL;
    }
}
