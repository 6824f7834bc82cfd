package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.VectorScratch32.BLOCK;
import static io.github.batchjac.backend.cpu.VectorScratch32.SCRATCH;

import io.github.batchjac.graph.Elementwise;
import org.jspecify.annotations.Nullable;

/** With the vector API, by {@link VectorMap32}. */
final class VectorElementwiseKernels32 extends PlainElementwiseKernels32 {
    /** In blocks that stay in the first-level cache between value and derivative. Last comes what may replace z. */
    @Override
    public void map(
            Elementwise f,
            float @Nullable [] value,
            int vo,
            float @Nullable [] derivative,
            int d0,
            float[] z,
            int zo,
            int length) {
        float[] scratch = SCRATCH.get();
        for (int i = 0; i < length; i += BLOCK) {
            int n = Math.min(BLOCK, length - i);
            if (value != null && value != z) {
                values(f, value, vo + i, z, zo + i, scratch, n);
            }
            if (derivative != null) {
                derivatives(f, derivative, d0 + i, z, zo + i, scratch, n);
            }
            if (value != null && value == z) {
                values(f, value, vo + i, z, zo + i, scratch, n);
            }
        }
    }

    private static void values(Elementwise f, float[] value, int vo, float[] z, int zo, float[] scratch, int length) {
        int done = VectorMap32.values(f, value, vo, z, zo, scratch, length);
        mapRange(f, value, vo, null, 0, z, zo, done, length);
    }

    private static void derivatives(
            Elementwise f, float[] derivative, int d0, float[] z, int zo, float[] scratch, int length) {
        int done = VectorMap32.derivatives(f, derivative, d0, z, zo, scratch, length);
        mapRange(f, null, 0, derivative, d0, z, zo, done, length);
    }
}
