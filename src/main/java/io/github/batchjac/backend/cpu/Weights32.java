package io.github.batchjac.backend.cpu;

import io.github.batchjac.plan.Slot;
import java.util.HashMap;
import java.util.Map;

/** Shared right operands of matrix products, packed once after they have changed. */
final class Weights32 implements Action32 {

    /** A shared matrix as op(B) (k, n). */
    private record Key(Slot slot, boolean transposed, int n, int k) {}

    private final Gemm32 gemm;
    private final Map<Key, Gemm32.Right32> packed = new HashMap<>();

    Weights32(Gemm32 gemm) {
        this.gemm = gemm;
    }

    Gemm32 gemm() {
        return gemm;
    }

    /** The matrix in {@code slot} as a right operand (k, n), stored (n, k) if transposed. */
    Gemm32.Right32 right(Slot slot, boolean transposed, int n, int k) {
        return packed.computeIfAbsent(new Key(slot, transposed, n, k), key -> gemm.right(transposed, n, k));
    }

    @Override
    public void run(Frame32 frame, int samples) {
        packed.forEach((key, right) ->
                right.set(frame.array(key.slot()), frame.offset(key.slot()), key.transposed() ? key.k() : key.n()));
    }
}
