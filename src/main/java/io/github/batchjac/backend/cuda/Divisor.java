package io.github.batchjac.backend.cuda;

/** A divisor as kernels take it ({@code Divisor} in common.cuh): {@code i / d = i·magic >> shift}, exact for 0 ≤ i < 2³¹. */
final class Divisor {
    private Divisor() {}

    /** The magic number in the low half, the shift in the high half. */
    static long of(int d) {
        int shift = 31 + Integer.SIZE - Integer.numberOfLeadingZeros(d - 1);
        long magic = ((1L << shift) + d - 1) / d;
        return magic | (long) shift << 32;
    }

    /** As kernels take it that divide in 32 bits ({@code SmallDivisor} in common.cuh): for 0 ≤ i < 2¹⁵, 1 ≤ d ≤ 2¹⁵. */
    static long small(int d) {
        int shift = 15 + Integer.SIZE - Integer.numberOfLeadingZeros(d - 1);
        long magic = ((1L << shift) + d - 1) / d;
        return magic | (long) shift << 32;
    }
}
