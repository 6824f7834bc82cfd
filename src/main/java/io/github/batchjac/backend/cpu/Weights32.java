package io.github.batchjac.backend.cpu;

import io.github.batchjac.plan.Slot;
import java.util.ArrayList;
import java.util.List;

/** Shared right operands of matrix products, packed once after they have changed. */
final class Weights32 implements Action32 {

    /** A shared matrix as op(B) (k, n). */
    private record Key(Slot slot, boolean transposed, int n, int k) {}

    private final Gemm32 gemm;
    private final List<Key> keys = new ArrayList<>();
    private final List<Gemm32.Right32> packed = new ArrayList<>();

    Weights32(Gemm32 gemm) {
        this.gemm = gemm;
    }

    Gemm32 gemm() {
        return gemm;
    }

    /** The matrix in {@code slot} as a right operand (k, n), stored (n, k) if transposed. */
    Gemm32.Right32 right(Slot slot, boolean transposed, int n, int k) {
        Key key = new Key(slot, transposed, n, k);
        if (!keys.contains(key)) {
            keys.add(key);
            packed.add(gemm.right(transposed, n, k));
        }
        return packed.get(keys.indexOf(key));
    }

    @Override
    public void run(Frame32 frame, int samples) {
        for (int i = 0; i < packed.size(); i++) { // no iterator: a run allocates nothing
            Key key = keys.get(i);
            packed.get(i).set(frame.array(key.slot()), frame.offset(key.slot()), key.transposed() ? key.k() : key.n());
        }
    }
}
