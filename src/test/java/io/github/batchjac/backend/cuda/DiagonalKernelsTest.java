package io.github.batchjac.backend.cuda;

import io.github.batchjac.backend.cuda.Trial.Operand;
import io.github.batchjac.tensor.Precision;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** On the interpreter, bit for bit against the formulas. */
@Tag("cuda")
class DiagonalKernelsTest {

    @ParameterizedTest
    @EnumSource(Precision.class)
    void eachRowIsScaledByItsNumber(Precision precision) {
        try (Trial t = new Trial(precision, 1)) {
            DiagonalKernels kernels = new DiagonalKernels(t.queue());
            for (int cols : Trial.WIDTHS) {
                for (int shared = 0; shared < 4; shared++) {
                    int batch = t.random.nextInt(10);
                    int rows = 1 + t.random.nextInt(cols > 100 ? 3 : 40);
                    Operand d = t.operand(batch, rows, (shared & 1) != 0);
                    Operand a = t.operand(batch, rows * cols, (shared & 2) != 0);
                    Trial.Entry product = (b, i, j) -> t.times(d.at(b, i), a.at(b, i * cols + j));
                    long out = t.output(batch * rows * cols);
                    kernels.scaleRows(out, d.strided(), a.strided(), batch, rows, cols);
                    t.expect(out, batch, rows, cols, product);
                    if (shared < 2) {
                        kernels.scaleRows(a.address(), d.strided(), a.strided(), batch, rows, cols);
                        t.expect(a.address(), batch, rows, cols, product);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void eachColumnIsScaledByItsNumber(Precision precision) {
        try (Trial t = new Trial(precision, 2)) {
            DiagonalKernels kernels = new DiagonalKernels(t.queue());
            for (int cols : Trial.WIDTHS) {
                for (int shared = 0; shared < 4; shared++) {
                    int batch = t.random.nextInt(10);
                    int rows = 1 + t.random.nextInt(cols > 100 ? 3 : 40);
                    Operand d = t.operand(batch, cols, (shared & 1) != 0);
                    Operand a = t.operand(batch, rows * cols, (shared & 2) != 0);
                    Trial.Entry product = (b, i, j) -> t.times(a.at(b, i * cols + j), d.at(b, j));
                    long out = t.output(batch * rows * cols);
                    kernels.scaleColumns(out, a.strided(), d.strided(), batch, rows, cols);
                    t.expect(out, batch, rows, cols, product);
                    if (shared < 2) {
                        kernels.scaleColumns(a.address(), a.strided(), d.strided(), batch, rows, cols);
                        t.expect(a.address(), batch, rows, cols, product);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void aPanelTimesStackedDiagonalsIsTheSumOfItsScaledParts(Precision precision) {
        try (Trial t = new Trial(precision, 3)) {
            DiagonalKernels kernels = new DiagonalKernels(t.queue());
            for (int n : Trial.WIDTHS) {
                for (int shared = 0; shared < 6; shared++) {
                    int batch = t.random.nextInt(10);
                    int rows = 1 + t.random.nextInt(5);
                    int repeat = 1 + t.random.nextInt(n > 100 ? 2 : n > 30 ? 5 : 40);
                    boolean ones = shared >= 4;
                    Operand d = t.operand(batch, repeat * n, (shared & 1) != 0);
                    Operand a = t.operand(batch, rows * repeat * n, (shared & 2) != 0);
                    long out = t.output(batch * rows * n);
                    kernels.foldRows(out, a.strided(), ones ? Strided.NONE : d.strided(), batch, rows, repeat, n);
                    t.expect(out, batch, rows, n, (b, i, j) -> {
                        double sum = 0;
                        for (int r = 0; r < repeat; r++) {
                            double x = a.at(b, (i * repeat + r) * n + j);
                            sum = ones ? t.plus(sum, x) : t.fma(x, d.at(b, r * n + j), sum);
                        }
                        return sum;
                    });
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void stackedDiagonalsTimesAPanelAreItsScaledCopies(Precision precision) {
        try (Trial t = new Trial(precision, 4)) {
            DiagonalKernels kernels = new DiagonalKernels(t.queue());
            for (int cols : Trial.WIDTHS) {
                for (int shared = 0; shared < 6; shared++) {
                    int batch = t.random.nextInt(6);
                    int n = 1 + t.random.nextInt(6);
                    int repeat = 1 + t.random.nextInt(cols > 100 ? 2 : 9);
                    boolean ones = shared >= 4;
                    Operand d = t.operand(batch, repeat * n, (shared & 1) != 0);
                    Operand a = t.operand(batch, n * cols, (shared & 2) != 0);
                    long out = t.output(batch * repeat * n * cols);
                    kernels.tileRows(out, ones ? Strided.NONE : d.strided(), a.strided(), batch, repeat, n, cols);
                    t.expect(out, batch, repeat * n, cols, (b, i, j) -> {
                        double x = a.at(b, i % n * cols + j);
                        return ones ? x : t.times(d.at(b, i), x);
                    });
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void aDenseDiagonalIsPlusZeroElsewhere(Precision precision) {
        try (Trial t = new Trial(precision, 5)) {
            DiagonalKernels kernels = new DiagonalKernels(t.queue());
            for (int n : Trial.WIDTHS) {
                for (int shared = 0; shared < 3; shared++) {
                    int batch = n > 1000 ? 1 : t.random.nextInt(10);
                    int repeat = n > 1000 ? 1 : n > 30 ? 1 + t.random.nextInt(3) : 1 + t.random.nextInt(20);
                    boolean ones = shared == 2;
                    Operand d = t.operand(batch, repeat * n, shared == 1);
                    long out = t.output(batch * repeat * n * n);
                    kernels.denseDiagonal(out, ones ? Strided.NONE : d.strided(), batch, repeat, n);
                    t.expect(out, batch, repeat * n, n, (b, i, j) -> i % n != j ? 0 : ones ? 1 : d.at(b, i));
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void oneIsAddedToADiagonal(Precision precision) {
        try (Trial t = new Trial(precision, 6)) {
            DiagonalKernels kernels = new DiagonalKernels(t.queue());
            for (int n : Trial.WIDTHS) {
                for (int shared = 0; shared < 3; shared++) {
                    int batch = t.random.nextInt(10);
                    boolean ones = shared == 2;
                    Operand d = t.operand(batch, n, shared == 1);
                    long out = t.output(batch * n);
                    kernels.addOne(out, ones ? Strided.NONE : d.strided(), batch, n);
                    t.expect(out, batch, 1, n, (b, i, j) -> ones ? 2 : t.plus(1, d.at(b, j)));
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void operandsMayLieApart(Precision precision) {
        try (Trial t = new Trial(precision, 6)) {
            DiagonalKernels kernels = new DiagonalKernels(t.queue());
            for (int n = 1; n <= 18; n++) {
                for (int m = 1; m <= 9; m++) {
                    int cols = n;
                    int rows = m;
                    int batch = 1 + t.random.nextInt(9);
                    int repeat = 1 + t.random.nextInt(3);
                    Operand a = t.apart(batch, m * n);
                    Operand left = t.apart(batch, repeat * m);
                    Operand right = t.apart(batch, n);
                    long out = t.output(batch * m * n);
                    kernels.scaleRows(out, left.strided(), a.strided(), batch, m, n);
                    t.expect(out, batch, m, n, (b, i, j) -> t.times(left.at(b, i), a.at(b, i * cols + j)));
                    kernels.scaleColumns(out, a.strided(), right.strided(), batch, m, n);
                    t.expect(out, batch, m, n, (b, i, j) -> t.times(a.at(b, i * cols + j), right.at(b, j)));
                    long tiled = t.output(batch * repeat * m * n);
                    kernels.tileRows(tiled, left.strided(), a.strided(), batch, repeat, m, n);
                    t.expect(
                            tiled,
                            batch,
                            repeat * m,
                            n,
                            (b, i, j) -> t.times(left.at(b, i), a.at(b, i % rows * cols + j)));
                    kernels.tileRows(tiled, Strided.NONE, a.strided(), batch, repeat, m, n);
                    t.expect(tiled, batch, repeat * m, n, (b, i, j) -> a.at(b, i % rows * cols + j));
                    long dense = t.output(batch * repeat * m * m);
                    kernels.denseDiagonal(dense, left.strided(), batch, repeat, m);
                    t.expect(dense, batch, repeat * m, m, (b, i, j) -> i % rows == j ? left.at(b, i) : 0);
                }
            }
        }
    }
}
