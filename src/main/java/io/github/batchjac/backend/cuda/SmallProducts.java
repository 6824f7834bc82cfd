package io.github.batchjac.backend.cuda;

import io.github.batchjac.tensor.Precision;
import java.util.Optional;

/** Batches of products of which a block takes some through shared memory ({@code product_batch} in product_batch.cuh). */
final class SmallProducts {
    /** Largest m and n. */
    private static final int LARGEST = 64;

    /** Most rounds of a block, and blocks that a multiprocessor has before there are any. */
    private static final int ROUNDS = 16;

    private static final long BUSY = 32;

    private final Queue queue;
    private final int multiprocessors;
    private final int sharedPerBlock;
    private final int pack;

    SmallProducts(Queue queue, int multiprocessors, int sharedPerBlock) {
        this.queue = queue;
        this.multiprocessors = multiprocessors;
        this.sharedPerBlock = sharedPerBlock;
        pack = queue.precision() == Precision.F32 ? 4 : 2;
    }

    /**
     * {@code out_b = A_b·B_b}, if they are small; if not, does nothing.
     *
     * @param a (batch, m, k)
     * @param b (batch, k, n)
     * @param out (batch, m, n)
     * @return whether they are
     */
    boolean launch(long out, Strided a, Strided b, long batch, int m, int k, int n) {
        if (k == 0 || Math.max(m, n) > LARGEST) {
            return false;
        }
        Optional<SmallProductPlan> found = SmallProductSearch.cheapest(m, k, n, pack, sharedPerBlock);
        found.ifPresent(plan -> {
            long blocks = parts(batch, plan.samples());
            int rounds = (int) Math.max(1, Math.min(ROUNDS, blocks / (BUSY * multiprocessors)));
            queue.launch(
                    plan.tile().kernel(),
                    parts(blocks, rounds),
                    plan.threads(),
                    plan.sharedBytes(),
                    new Arguments()
                            .with(out)
                            .with(a)
                            .with(b)
                            .with(batch)
                            .with(m)
                            .with(k)
                            .with(n)
                            .with(plan.bytes(rounds)));
        });
        return found.isPresent();
    }

    private static long parts(long whole, long part) {
        return (whole + part - 1) / part;
    }
}
