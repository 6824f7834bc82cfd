package io.github.batchjac.backend.cuda.ptx;

/** Operations on bits, with shifts that clamp as PTX's do. */
final class Bits {
    private Bits() {}

    static int shl(int a, int by) {
        return (by & ~31) == 0 ? a << by : 0;
    }

    static int shr(int a, int by) {
        return (by & ~31) == 0 ? a >>> by : 0;
    }

    static int shrSigned(int a, int by) {
        return (by & ~31) == 0 ? a >> by : a >> 31;
    }

    static long shl(long a, int by) {
        return (by & ~63) == 0 ? a << by : 0;
    }

    static long shr(long a, int by) {
        return (by & ~63) == 0 ? a >>> by : 0;
    }

    static long shrSigned(long a, int by) {
        return (by & ~63) == 0 ? a >> by : a >> 63;
    }

    static int minUnsigned(int a, int b) {
        return Integer.compareUnsigned(a, b) <= 0 ? a : b;
    }

    static int maxUnsigned(int a, int b) {
        return Integer.compareUnsigned(a, b) >= 0 ? a : b;
    }

    static long minUnsigned(long a, long b) {
        return Long.compareUnsigned(a, b) <= 0 ? a : b;
    }

    static long maxUnsigned(long a, long b) {
        return Long.compareUnsigned(a, b) >= 0 ? a : b;
    }

    static long multiplyHighUnsigned(long a, long b) {
        return Math.multiplyHigh(a, b) + ((a >> 63) & b) + ((b >> 63) & a);
    }

    /** {@code bfe.u32}: {@code length} bits from {@code position}, both taken modulo 256. */
    static int extract(int a, int position, int length) {
        int from = position & 255;
        int bits = length & 255;
        int shifted = shr(a, from);
        return bits >= 32 ? shifted : shifted & ((1 << bits) - 1);
    }

    /** {@code bfe.s32}: filled with the highest of these bits, or with a's sign where they reach beyond. */
    static int extractSigned(int a, int position, int length) {
        return (int) extractSigned(a, 32, position, length);
    }

    static long extract(long a, int position, int length) {
        int from = position & 255;
        int bits = length & 255;
        long shifted = shr(a, from);
        return bits >= 64 ? shifted : shifted & ((1L << bits) - 1);
    }

    static long extractSigned(long a, int position, int length) {
        return extractSigned(a, 64, position, length);
    }

    private static long extractSigned(long a, int width, int position, int length) {
        int from = position & 255;
        int bits = length & 255;
        if (bits == 0) {
            return 0;
        }
        long sign = shrSigned(a, Math.min(from + bits - 1, width - 1)) & 1;
        long low = from >= width ? 0 : shrSigned(a, from);
        int have = Math.max(0, Math.min(bits, width - from));
        if (have == 64) {
            return low;
        }
        long mask = (1L << have) - 1;
        return low & mask | (sign != 0 ? ~mask : 0);
    }

    /** {@code bfi}: the low {@code length} bits of a placed into b. */
    static long insert(long a, long b, int width, int position, int length) {
        int from = position & 255;
        int bits = length & 255;
        if (from >= width) {
            return b;
        }
        long mask = (bits >= 64 ? -1L : (1L << bits) - 1) << from;
        return b & ~mask | a << from & mask;
    }

    /** Position of the highest set bit; -1 if none. */
    static int find(int a) {
        return 31 - Integer.numberOfLeadingZeros(a);
    }

    static int find(long a) {
        return 63 - Long.numberOfLeadingZeros(a);
    }

    /** How far to shift left to bring the highest set bit to the top; -1 if none. */
    static int shiftAmount(int a) {
        return a == 0 ? -1 : Integer.numberOfLeadingZeros(a);
    }

    static int shiftAmount(long a) {
        return a == 0 ? -1 : Long.numberOfLeadingZeros(a);
    }

    /** {@code prmt}: four bytes picked from the eight of b:a; bit 3 of a selector spreads the byte's sign. */
    static int permute(int a, int b, int selectors) {
        long eight = (a & 0xffffffffL) | (long) b << 32;
        int out = 0;
        for (int n = 0; n < 4; n++) {
            int selector = selectors >>> 4 * n;
            int piece = (int) (eight >>> 8 * (selector & 7)) & 255;
            if ((selector & 8) != 0) {
                piece = (byte) piece < 0 ? 255 : 0;
            }
            out |= piece << 8 * n;
        }
        return out;
    }

    /** {@code lop3}: any function of three bits, given as a table. */
    static int logic(int a, int b, int c, int table) {
        int out = 0;
        out |= (table & 1) != 0 ? ~a & ~b & ~c : 0;
        out |= (table & 2) != 0 ? ~a & ~b & c : 0;
        out |= (table & 4) != 0 ? ~a & b & ~c : 0;
        out |= (table & 8) != 0 ? ~a & b & c : 0;
        out |= (table & 16) != 0 ? a & ~b & ~c : 0;
        out |= (table & 32) != 0 ? a & ~b & c : 0;
        out |= (table & 64) != 0 ? a & b & ~c : 0;
        out |= (table & 128) != 0 ? a & b & c : 0;
        return out;
    }

    /** The upper half of b:a shifted left. */
    static int funnelLeft(int a, int b, int by) {
        long both = (a & 0xffffffffL) | (long) b << 32;
        return (int) (both << by >>> 32);
    }

    /** The lower half of b:a shifted right. */
    static int funnelRight(int a, int b, int by) {
        long both = (a & 0xffffffffL) | (long) b << 32;
        return (int) (both >>> by);
    }
}
