package io.github.batchjac.backend.cuda;

import io.github.batchjac.graph.Elementwise;
import io.github.batchjac.graph.Op;
import java.util.Locale;

/** Element by element. u is the unit roundoff. */
final class ElementwiseKernels {
    private static final int THREADS = 256;
    /** Elements of a block of {@code *_samples}. */
    private static final int TILE = 1024;

    private final Queue queue;

    ElementwiseKernels(Queue queue) {
        this.queue = queue;
    }

    /**
     * {@code value = φ(z)}, {@code derivative = φ'(z)}; either may be 0. In place for either of them. The same bits as on the CPU
     * ({@code ElementwiseKernels32}), but of log, sin and cos, which are within 2 ulp.
     */
    void map(Elementwise f, long value, long derivative, long z, long count) {
        String name = "map_" + f.kind().name().toLowerCase(Locale.ROOT);
        Arguments arguments = new Arguments()
                .with(value)
                .with(derivative)
                .with(z)
                .with(f.alpha())
                .with(count);
        // as elementwise.cu has them
        int packs = f.kind() == Elementwise.Kind.GELU ? 2 : 1;
        queue.launch(name, flatBlocks(count, packs), THREADS, 0, arguments);
    }

    /** Blocks for {@code count} elements, so many packs of 16 bytes a thread. */
    private long flatBlocks(long count, int packs) {
        return SampleTile.ceil(count, packs * THREADS * 16 / queue.precision().bytes());
    }

    /**
     * {@code out_i = a[i mod aSize] ∘ b[i mod bSize]} of every sample, one rounding each; out (batch,n), the sizes divide n. In
     * place for an operand of full size that is not shared.
     */
    void arithmetic(Op.Arithmetic op, long out, int n, Strided a, int aSize, Strided b, int bSize, long batch) {
        binary(op.name().toLowerCase(Locale.ROOT), out, n, a, aSize, b, bSize, batch);
    }

    /** Of a/b with respect to b: {@code −(a/b)/b}. As {@link #arithmetic}. */
    void divideDerivative(long out, int n, Strided a, int aSize, Strided b, int bSize, long batch) {
        binary("divide_derivative", out, n, a, aSize, b, bSize, batch);
    }

    private void binary(String name, long out, int n, Strided a, int aSize, Strided b, int bSize, long batch) {
        if (batch == 0 || n == 0) {
            return;
        }
        int aStep = flatStep(a, aSize, n, batch);
        int bStep = flatStep(b, bSize, n, batch);
        if (aStep >= 0 && bStep >= 0) {
            Arguments arguments = new Arguments()
                    .with(out)
                    .with(a.address())
                    .with(aStep)
                    .with(b.address())
                    .with(bStep)
                    .with(batch * n);
            queue.launch(name, flatBlocks(batch * n, 1), THREADS, 0, arguments);
            return;
        }
        Arguments arguments = new Arguments()
                .with(out)
                .with(n)
                .with(Divisor.of(n))
                .with(a)
                .with(aSize)
                .with(Divisor.of(aSize))
                .with(b)
                .with(bSize)
                .with(Divisor.of(bSize))
                .with(batch * n);
        queue.launch(name + "_samples", SampleTile.ceil(batch * n, TILE), THREADS, 0, arguments);
    }

    /** 1 if the operand's numbers follow each other like the result's, 0 if it is one number, else −1. */
    private static int flatStep(Strided a, int size, int n, long batch) {
        if (size == n && (batch == 1 || a.stride() == n)) {
            return 1;
        }
        return size == 1 && (batch == 1 || a.stride() == 0) ? 0 : -1;
    }
}
