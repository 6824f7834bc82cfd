package io.github.batchjac.backend.cuda;

import io.github.batchjac.backend.cuda.Trial.Operand;
import io.github.batchjac.tensor.Precision;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Kernels whose outputs are dealt out in slots, at sizes drawn at random, on operands that are shared or not, at any address. Bit for
 * bit against the formulas.
 */
@Tag("cuda")
class SlotsKernelsTest {
    private static final int TRIALS = 120;

    private static Operand operand(Trial t, int batch, int size) {
        return t.operand(batch, size, t.random.nextInt(4) == 0);
    }

    /** Few, or up to a multiple of what a slot holds. */
    private static int size(Trial t) {
        int size = 1 + t.random.nextInt(t.random.nextBoolean() ? 9 : 40);
        return t.random.nextInt(3) == 0 ? (size + 3) / 4 * 4 : size;
    }

    private interface Case {
        void run(int batch, int rows, int cols);
    }

    private static void each(Trial t, Case launch) {
        for (int trial = 0; trial < TRIALS; trial++) {
            launch.run(1 + t.random.nextInt(11), size(t), size(t));
        }
    }

    private interface Element {
        double at(int b, int i, int j);
    }

    private static void expect(Trial t, long out, int batch, int rows, int cols, Element element) {
        t.expect(
                "(%d,%d,%d)".formatted(batch, rows, cols),
                out,
                batch * rows * cols,
                k -> element.at(k / (rows * cols), k / cols % rows, k % cols));
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void rowsAndColumnsAreScaled(Precision precision) {
        try (Trial t = new Trial(precision, 1)) {
            DiagonalKernels kernels = new DiagonalKernels(t.queue());
            each(t, (batch, rows, cols) -> {
                Operand a = operand(t, batch, rows * cols);
                Operand d = operand(t, batch, rows);
                Operand e = operand(t, batch, cols);
                long out = t.output(batch * rows * cols);
                kernels.scaleRows(out, d.strided(), a.strided(), batch, rows, cols);
                expect(t, out, batch, rows, cols, (b, i, j) -> t.times(d.at(b, i), a.at(b, i * cols + j)));
                kernels.scaleColumns(out, a.strided(), e.strided(), batch, rows, cols);
                expect(t, out, batch, rows, cols, (b, i, j) -> t.times(a.at(b, i * cols + j), e.at(b, j)));
            });
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void rowsAreTiledAndFolded(Precision precision) {
        try (Trial t = new Trial(precision, 2)) {
            DiagonalKernels kernels = new DiagonalKernels(t.queue());
            each(t, (batch, n, cols) -> {
                int repeat = 1 + t.random.nextInt(9);
                boolean ones = t.random.nextInt(4) == 0;
                Operand a = operand(t, batch, n * cols);
                Operand d = operand(t, batch, repeat * n);
                long tiled = t.output(batch * repeat * n * cols);
                kernels.tileRows(tiled, ones ? Strided.NONE : d.strided(), a.strided(), batch, repeat, n, cols);
                expect(t, tiled, batch, repeat * n, cols, (b, i, j) -> {
                    double x = a.at(b, i % n * cols + j);
                    return ones ? x : t.times(d.at(b, i), x);
                });
                int rows = 1 + t.random.nextInt(5);
                Operand wide = operand(t, batch, rows * repeat * n);
                long folded = t.output(batch * rows * n);
                kernels.foldRows(folded, wide.strided(), ones ? Strided.NONE : d.strided(), batch, rows, repeat, n);
                expect(t, folded, batch, rows, n, (b, i, j) -> {
                    double sum = 0;
                    for (int r = 0; r < repeat; r++) {
                        double x = wide.at(b, (i * repeat + r) * n + j);
                        sum = ones ? t.plus(sum, x) : t.fma(x, d.at(b, r * n + j), sum);
                    }
                    return sum;
                });
            });
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void diagonalsAreDenseAndGrowByOne(Precision precision) {
        try (Trial t = new Trial(precision, 3)) {
            DiagonalKernels kernels = new DiagonalKernels(t.queue());
            each(t, (batch, repeat, n) -> {
                Operand d = operand(t, batch, repeat * n);
                boolean ones = t.random.nextInt(4) == 0;
                Strided given = ones ? Strided.NONE : d.strided();
                long dense = t.output(batch * repeat * n * n);
                kernels.denseDiagonal(dense, given, batch, repeat, n);
                expect(t, dense, batch, repeat * n, n, (b, i, j) -> i % n != j ? 0 : ones ? 1 : d.at(b, i));
                long more = t.output(batch * repeat * n);
                kernels.addOne(more, given, batch, repeat * n);
                expect(t, more, batch, 1, repeat * n, (b, i, j) -> ones ? 2 : t.plus(1, d.at(b, j)));
            });
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void productsOfVectorsAreDense(Precision precision) {
        try (Trial t = new Trial(precision, 4)) {
            DenseKernels kernels = new DenseKernels(t.queue());
            each(t, (batch, m, n) -> {
                Operand r = operand(t, batch, m);
                Operand x = operand(t, batch, n);
                Operand scale = operand(t, batch, 1);
                boolean scaled = t.random.nextBoolean();
                long out = t.output(batch * m * n);
                kernels.outer(out, r.strided(), x.strided(), scaled ? scale.strided() : Strided.NONE, batch, m, n);
                expect(t, out, batch, m, n, (b, i, j) -> {
                    double left = scaled ? t.times(scale.at(b, 0), r.at(b, i)) : r.at(b, i);
                    return t.times(left, x.at(b, j));
                });
                int k = 1 + t.random.nextInt(5);
                Operand a = operand(t, batch, k * m);
                long rows = t.output(batch * k * n * m);
                kernels.kronecker(rows, a.strided(), x.strided(), batch, k, m, n, true);
                expect(t, rows, batch, k, n * m, (b, i, p) -> t.times(a.at(b, i * m + p % m), x.at(b, p / m)));
            });
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void weightsJacobiansAndCopiesAreDense(Precision precision) {
        try (Trial t = new Trial(precision, 5)) {
            DenseKernels kernels = new DenseKernels(t.queue());
            each(t, (batch, m, n) -> {
                Operand x = operand(t, batch, n);
                long copies = t.output(batch * m * n);
                kernels.repeat(copies, x.strided(), batch, m, n);
                expect(t, copies, batch, m, n, (b, i, j) -> x.at(b, j));
                if (m > 20) {
                    return;
                }
                for (boolean rowForm : new boolean[] {false, true}) {
                    long out = t.output(batch * m * m * n);
                    kernels.kroneckerIdentity(out, x.strided(), batch, m, n, rowForm);
                    expect(t, out, batch, m, m * n, (b, i, p) -> {
                        int j = rowForm ? p % m : p / n;
                        return i == j ? x.at(b, rowForm ? p / m : p % n) : 0;
                    });
                }
            });
        }
    }
}
