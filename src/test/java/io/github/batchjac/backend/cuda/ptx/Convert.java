package io.github.batchjac.backend.cuda.ptx;

import java.math.BigDecimal;
import java.math.BigInteger;

/** {@code cvt}. */
final class Convert {
    private static final double TWO_63 = 0x1p63;
    private static final double TWO_64 = 0x1p64;

    private Convert() {}

    /** Between integers without saturation: what the source's type sees, then what the destination's keeps. */
    static void integers(Instruction i, long[] r, int d) {
        int from = 64 - 8 * i.fromSize;
        int to = 64 - 8 * i.size;
        int a = i.a;
        if (from == 0 && to == 0) {
            System.arraycopy(r, a, r, d, 32);
        } else if (to == 0) {
            if (i.fromSigned) {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = r[a + l] << from >> from;
                }
            } else {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = r[a + l] << from >>> from;
                }
            }
        } else {
            for (int l = 0; l < 32; l++) {
                r[d + l] = extend(extend(r[a + l], from, i.fromSigned), to, i.signed);
            }
        }
    }

    static long extend(long a, int unused, boolean signed) {
        return signed ? a << unused >> unused : a << unused >>> unused;
    }

    static void run(Instruction i, long[] r, int d) {
        int a = i.a;
        if (i.rounding == Rounding.NEAREST
                && !i.saturate
                && !i.flush
                && i.fromSize == 4
                && i.fromSigned
                && i.floating) {
            if (i.size == 4) {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Float.floatToRawIntBits((float) (int) r[a + l]);
                }
            } else {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Double.doubleToRawLongBits((double) (int) r[a + l]);
                }
            }
            return;
        }
        for (int l = 0; l < 32; l++) {
            r[d + l] = one(i, r[a + l]);
        }
    }

    private static long one(Instruction i, long bits) {
        if (!i.fromFloating) {
            long value = extend(bits, 64 - 8 * i.fromSize, i.fromSigned);
            return i.floating ? toFloating(i, value) : saturated(i, value);
        }
        double value;
        if (i.fromSize == 4) {
            float single = Float.intBitsToFloat((int) bits);
            value = i.flush ? Floats.flush(single) : single;
        } else {
            value = Double.longBitsToDouble(bits);
        }
        return i.floating ? betweenFloating(i, value) : toInteger(i, value);
    }

    private static double whole(double a, int rounding) {
        return switch (rounding - Rounding.INTEGER) {
            case Rounding.NEAREST -> Math.rint(a);
            case Rounding.ZERO -> a < 0 ? Math.ceil(a) : Math.floor(a);
            case Rounding.DOWN -> Math.floor(a);
            case Rounding.UP -> Math.ceil(a);
            default -> a;
        };
    }

    private static long betweenFloating(Instruction i, double value) {
        double a = whole(value, i.rounding);
        if (i.size == 8) {
            return Double.doubleToRawLongBits(i.saturate ? Floats.saturate(a) : a);
        }
        float narrow = Floats.narrow(a, i.rounding >= Rounding.INTEGER ? Rounding.NEAREST : i.rounding);
        narrow = i.flush ? Floats.flush(narrow) : narrow;
        return Float.floatToRawIntBits(i.saturate ? Floats.saturate(narrow) : narrow);
    }

    private static long toInteger(Instruction i, double value) {
        if (Double.isNaN(value)) {
            boolean zero = i.fromSize != 8 && i.size != 8;
            return zero ? 0 : extend(1L << 8 * i.size - 1, 64 - 8 * i.size, i.signed);
        }
        double a = whole(value, i.rounding);
        if (i.size == 8) {
            if (i.signed) {
                return (long) a;
            }
            if (a >= TWO_64) {
                return -1;
            }
            return a < TWO_63 ? (long) Math.max(a, 0) : (long) (a - TWO_63) ^ Long.MIN_VALUE;
        }
        int bits = 8 * i.size;
        long least = i.signed ? -(1L << bits - 1) : 0;
        long most = i.signed ? (1L << bits - 1) - 1 : (1L << bits) - 1;
        return Math.max(least, Math.min((long) a, most));
    }

    private static long saturated(Instruction i, long value) {
        boolean huge = !i.fromSigned && i.fromSize == 8 && value < 0;
        if (i.size == 8) {
            if (i.signed) {
                return huge ? Long.MAX_VALUE : value;
            }
            return i.fromSigned ? Math.max(value, 0) : value;
        }
        int bits = 8 * i.size;
        long least = i.signed ? -(1L << bits - 1) : 0;
        long most = i.signed ? (1L << bits - 1) - 1 : (1L << bits) - 1;
        return huge ? most : Math.max(least, Math.min(value, most));
    }

    private static long toFloating(Instruction i, long value) {
        boolean huge = !i.fromSigned && i.fromSize == 8 && value < 0;
        if (!huge && i.rounding == Rounding.NEAREST) {
            return i.size == 4
                    ? Float.floatToRawIntBits(i.saturate ? Floats.saturate((float) value) : (float) value)
                    : Double.doubleToRawLongBits(i.saturate ? Floats.saturate((double) value) : (double) value);
        }
        BigDecimal exact =
                new BigDecimal(huge ? new BigInteger(Long.toUnsignedString(value)) : BigInteger.valueOf(value));
        if (i.size == 4) {
            float near = exact.floatValue();
            near = Floats.directed(near, Floats.above(exact, near), i.rounding);
            return Float.floatToRawIntBits(i.saturate ? Floats.saturate(near) : near);
        }
        double near = exact.doubleValue();
        near = Floats.directed(near, Floats.above(exact, near), i.rounding);
        return Double.doubleToRawLongBits(i.saturate ? Floats.saturate(near) : near);
    }
}
