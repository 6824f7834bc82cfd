package io.github.batchjac.backend.cuda;

import io.github.batchjac.backend.cuda.Trial.Operand;
import io.github.batchjac.tensor.Precision;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** On the interpreter, bit for bit against the formulas. */
@Tag("cuda")
class DenseKernelsTest {

    @ParameterizedTest
    @EnumSource(Precision.class)
    void anOuterProductIsOneProductAnElement(Precision precision) {
        try (Trial t = new Trial(precision, 1)) {
            DenseKernels kernels = new DenseKernels(t.queue());
            for (int n : Trial.WIDTHS) {
                for (int shared = 0; shared < 8; shared++) {
                    int batch = t.random.nextInt(10);
                    int m = 1 + t.random.nextInt(n > 100 ? 3 : 40);
                    Operand r = t.operand(batch, m, (shared & 1) != 0);
                    Operand x = t.operand(batch, n, (shared & 2) != 0);
                    long out = t.output(batch * m * n);
                    boolean scaled = (shared & 4) != 0;
                    Operand scale = t.operand(batch, 1, t.random.nextBoolean());
                    kernels.outer(out, r.strided(), x.strided(), scaled ? scale.strided() : Strided.NONE, batch, m, n);
                    t.expect(out, batch, m, n, (b, i, j) -> {
                        double left = scaled ? t.times(scale.at(b, 0), r.at(b, i)) : r.at(b, i);
                        return t.times(left, x.at(b, j));
                    });
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void aWeightsJacobianHoldsTheInputInPlusZeros(Precision precision) {
        try (Trial t = new Trial(precision, 2)) {
            DenseKernels kernels = new DenseKernels(t.queue());
            for (int n : Trial.WIDTHS) {
                for (int shared = 0; shared < 4; shared++) {
                    int batch = t.random.nextInt(n > 100 ? 3 : 10);
                    int m = 1 + t.random.nextInt(n > 30 ? 5 : 12);
                    boolean rowForm = (shared & 1) != 0;
                    Operand x = t.operand(batch, n, (shared & 2) != 0);
                    long out = t.output(batch * m * m * n);
                    kernels.kroneckerIdentity(out, x.strided(), batch, m, n, rowForm);
                    t.expect(out, batch, m, m * n, (b, i, k) -> {
                        int j = rowForm ? k % m : k / n;
                        return i == j ? x.at(b, rowForm ? k / m : k % n) : 0;
                    });
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void aMatrixTimesAWeightsJacobianIsOneProductAnElement(Precision precision) {
        try (Trial t = new Trial(precision, 3)) {
            DenseKernels kernels = new DenseKernels(t.queue());
            for (int n : Trial.WIDTHS) {
                for (int shared = 0; shared < 8; shared++) {
                    int batch = t.random.nextInt(n > 100 ? 3 : 10);
                    int m = 1 + t.random.nextInt(n > 30 ? 5 : 12);
                    int k = 1 + t.random.nextInt(n > 30 ? 3 : 10);
                    boolean rowForm = (shared & 1) != 0;
                    Operand a = t.operand(batch, k * m, (shared & 2) != 0);
                    Operand x = t.operand(batch, n, (shared & 4) != 0);
                    long out = t.output(batch * k * m * n);
                    kernels.kronecker(out, a.strided(), x.strided(), batch, k, m, n, rowForm);
                    t.expect(out, batch, k, m * n, (b, i, p) -> {
                        int j = rowForm ? p % m : p / n;
                        return t.times(a.at(b, i * m + j), x.at(b, rowForm ? p / m : p % n));
                    });
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void ofALargeSharedOperandABlockHasAPart(Precision precision) {
        try (Trial t = new Trial(precision, 7)) {
            DenseKernels kernels = new DenseKernels(t.queue());
            int batch = 9;
            for (int[] shape : new int[][] {{61, 37}, {3, 1201}}) {
                int m = shape[0];
                int n = shape[1];
                Operand r = t.operand(batch, m, true);
                Operand x = t.operand(batch, n, true);
                long out = t.output(batch * m * n);
                kernels.outer(out, r.strided(), x.strided(), Strided.NONE, batch, m, n);
                t.expect(out, batch, m, n, (b, i, j) -> t.times(r.at(b, i), x.at(b, j)));
            }
            int k = 9;
            int m = 131;
            int n = 3;
            Operand a = t.operand(batch, k * m, true);
            Operand x = t.operand(batch, n, false);
            long out = t.output(batch * k * m * n);
            kernels.kronecker(out, a.strided(), x.strided(), batch, k, m, n, true);
            t.expect(out, batch, k, m * n, (b, i, p) -> t.times(a.at(b, i * m + p % m), x.at(b, p / m)));
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void rowsBecomeColumns(Precision precision) {
        try (Trial t = new Trial(precision, 4)) {
            DenseKernels kernels = new DenseKernels(t.queue());
            for (int cols : Trial.WIDTHS) {
                for (int rows : new int[] {1, 2 + t.random.nextInt(40), 31 + t.random.nextInt(3)}) {
                    Operand a = t.operand(1, rows * cols, true);
                    long out = t.output(rows * cols);
                    kernels.transpose(out, a.address(), rows, cols);
                    t.expect(out, 1, cols, rows, (b, j, i) -> a.at(0, i * cols + j));
                }
            }
            kernels.transpose(0, 0, 0, 5);
            kernels.transpose(0, 0, 5, 0);
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void numbersAreRepeatedAsTheyAre(Precision precision) {
        try (Trial t = new Trial(precision, 5)) {
            DenseKernels kernels = new DenseKernels(t.queue());
            for (int size : Trial.WIDTHS) {
                for (int shared = 0; shared < 2; shared++) {
                    int batch = t.random.nextInt(10);
                    int times = 1 + t.random.nextInt(size > 100 ? 3 : 40);
                    Operand in = t.operand(batch, size, shared == 1);
                    long out = t.output(batch * times * size);
                    kernels.repeat(out, in.strided(), batch, times, size);
                    t.expect(out, batch, times, size, (b, i, j) -> in.at(b, j));
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void operandsMayLieApart(Precision precision) {
        try (Trial t = new Trial(precision, 6)) {
            DenseKernels kernels = new DenseKernels(t.queue());
            for (int n = 1; n <= 18; n++) {
                for (int m = 1; m <= 9; m++) {
                    int cols = n;
                    int rows = m;
                    int batch = 1 + t.random.nextInt(9);
                    Operand r = t.apart(batch, m);
                    Operand x = t.apart(batch, n);
                    Operand scale = t.apart(batch, 1);
                    long out = t.output(batch * m * n);
                    kernels.outer(out, r.strided(), x.strided(), Strided.NONE, batch, m, n);
                    t.expect(out, batch, m, n, (b, i, j) -> t.times(r.at(b, i), x.at(b, j)));
                    kernels.outer(out, r.strided(), x.strided(), scale.strided(), batch, m, n);
                    t.expect(out, batch, m, n, (b, i, j) -> t.times(t.times(scale.at(b, 0), r.at(b, i)), x.at(b, j)));
                    kernels.kronecker(out, r.strided(), x.strided(), batch, 1, m, n, true);
                    t.expect(out, batch, 1, m * n, (b, i, p) -> t.times(r.at(b, p % rows), x.at(b, p / rows)));
                    long wide = t.output(batch * m * m * n);
                    kernels.kroneckerIdentity(wide, x.strided(), batch, m, n, false);
                    t.expect(wide, batch, m, m * n, (b, i, p) -> i == p / cols ? x.at(b, p % cols) : 0);
                    kernels.kroneckerIdentity(wide, x.strided(), batch, m, n, true);
                    t.expect(wide, batch, m, m * n, (b, i, p) -> i == p % rows ? x.at(b, p / rows) : 0);
                    kernels.repeat(out, x.strided(), batch, m, n);
                    t.expect(out, batch, m, n, (b, i, j) -> x.at(b, j));
                }
            }
        }
    }
}
