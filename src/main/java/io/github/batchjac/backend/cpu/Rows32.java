package io.github.batchjac.backend.cpu;

/** Row loops that C2 turns into vector instructions by itself. */
final class Rows32 {
    private Rows32() {}

    /** {@code out = c·a}. */
    static void multiply(float[] out, int oo, float c, float[] a, int ao, int length) {
        for (int j = 0; j < length; j++) {
            out[oo + j] = c * a[ao + j];
        }
    }

    /** {@code out += a}. */
    static void accumulate(float[] out, int oo, float[] a, int ao, int length) {
        for (int i = 0; i < length; i++) {
            out[oo + i] += a[ao + i];
        }
    }
}
