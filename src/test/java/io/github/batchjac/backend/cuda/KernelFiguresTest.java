package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.backend.cuda.ptx.LaunchReport;
import io.github.batchjac.graph.Op;
import io.github.batchjac.tensor.Precision;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What can be counted of speed without a device: sectors that are touched, and instructions for each. Two blocks of a large launch. */
class KernelFiguresTest {
    private static final double INSTRUCTIONS = 5;

    /** Where an operand is gone through again within a block, what is read next does not start where a sector does; */
    private static final double WRAPPED = 1.1;

    /** and of a row that the batch shares, 32 numbers in two runs from any place on are in up to 6 sectors, not 4 of 12. */
    private static final double ROW = 14 / 12.0;

    /** Whole sectors and not, around what kernels change their way at, and where rows no longer fit a block. */
    private static final int[] WIDTHS = {
        8, 9, 10, 12, 15, 16, 17, 31, 32, 33, 41, 64, 65, 67, 100, 127, 128, 129, 131, 255, 256, 257, 500, 511, 513
    };

    /** Elements that two blocks write where blocks share a group of samples. */
    private static final int SHARED = 2 * 1024;

    /**
     * An operand of a batch so large that every block has all its rounds; only what the first two blocks read is there.
     *
     * @param written size of the output
     */
    private static Strided operand(Trial t, long batch, int size, int written) {
        long address = t.lab.output(batch * size);
        Slots slots = Slots.of(t.precision, batch, written);
        if (slots.sharing() == 1) {
            int samples = 2 * slots.samples() * slots.groups() * slots.rounds();
            t.fill(address, 0, finite(t, samples * size));
        } else {
            int samples = Math.min(slots.samples(), SHARED / written + 2);
            for (int round = 0; round < slots.rounds(); round++) {
                t.fill(address, (long) round * slots.samples() * size, finite(t, Math.min(samples * size, 2 * SHARED)));
            }
        }
        return new Strided(address, size);
    }

    /** NaN takes the long way to a norm. */
    private static double[] finite(Trial t, int count) {
        return t.random.doubles(count, -1, 1).toArray();
    }

    /** What two blocks read in 16 rounds. */
    private static Strided rows(Trial t, long batch, int n) {
        int rows = n <= 64 ? 128 : n < 4096 ? 64 : 1;
        long address = t.lab.output(batch * n);
        t.fill(address, 0, finite(t, 2 * 16 * rows * n));
        return new Strided(address, n);
    }

    private static long batch(int size) {
        return 1 + 70_000_000L / size;
    }

    private static void check(Trial t, int n) {
        check(t, n, Lab.SECTORS);
    }

    private static void check(Trial t, int n, double sectors) {
        LaunchReport report = t.report();
        String what = report + ", n = " + n;
        Lab.print("n " + n, report);
        assertThat(report.storeSectorRatio()).as(what).isLessThanOrEqualTo(Lab.SECTORS);
        assertThat(report.sectorRatio()).as(what).isLessThanOrEqualTo(sectors);
        assertThat(report.instructionsPerSector()).as(what).isLessThanOrEqualTo(INSTRUCTIONS);
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void diagonalsAndDenseFormsAreBoundByMemory(Precision precision) {
        for (int n : WIDTHS) {
            squares(precision, n);
            thin(precision, n);
        }
    }

    private static void squares(Precision precision, int n) {
        try (Trial t = new Trial(precision, n)) {
            DiagonalKernels diagonals = new DiagonalKernels(t.queue());
            DenseKernels dense = new DenseKernels(t.queue());
            long batch = batch(n * n);
            long out = t.lab.output(batch * n * n);
            Strided v = operand(t, batch, n, n * n);
            Strided w = operand(t, batch, n, n * n);
            Strided scale = operand(t, batch, 1, n * n);
            Strided a = operand(t, batch, n * n, n * n);
            t.lab.order(blocks -> new long[] {0, 1});
            diagonals.denseDiagonal(out, v, batch, 1, n);
            check(t, n);
            diagonals.scaleRows(out, v, a, batch, n, n);
            check(t, n);
            diagonals.scaleColumns(out, a, v, batch, n, n);
            check(t, n);
            long narrow = batch(n);
            Strided d = operand(t, narrow, n, n);
            diagonals.addOne(t.lab.output(narrow * n), d, narrow, n);
            check(t, n);
            dense.outer(out, v, w, Strided.NONE, batch, n, n);
            check(t, n);
            dense.outer(out, v, w, scale, batch, n, n);
            check(t, n);
            dense.repeat(out, new Strided(a.address(), 0), batch, 1, n * n);
            check(t, n);
            dense.repeat(out, v, batch, n, n);
            check(t, n);
            dense.kronecker(out, v, w, batch, 1, n, n, true);
            check(t, n);
            if (n <= 67) {
                long samples = batch(n * n * n);
                long wide = t.lab.output(samples * n * n * n);
                Strided x = operand(t, samples, n, n * n * n);
                dense.kroneckerIdentity(wide, x, samples, n, n, false);
                check(t, n);
                dense.kroneckerIdentity(wide, x, samples, n, n, true);
                check(t, n);
            }
        }
    }

    /** Few rows of n, so that operands are much of what is moved. */
    private static void thin(Precision precision, int n) {
        int m = 3;
        int size = m * n;
        try (Trial t = new Trial(precision, n)) {
            DiagonalKernels diagonals = new DiagonalKernels(t.queue());
            DenseKernels dense = new DenseKernels(t.queue());
            long batch = batch(size);
            long out = t.lab.output(batch * size);
            Strided r = operand(t, batch, m, size);
            Strided x = operand(t, batch, n, size);
            t.lab.order(blocks -> new long[] {0, 1});
            dense.outer(out, r, x, Strided.NONE, batch, m, n);
            check(t, n, WRAPPED);
            dense.repeat(out, x, batch, m, n);
            check(t, n, WRAPPED);
            for (int repeat : new int[] {2, 3}) {
                long fewer = batch(repeat * size);
                long tiled = t.lab.output(fewer * repeat * size);
                Strided d = operand(t, fewer, repeat * m, repeat * size);
                Strided a = operand(t, fewer, size, repeat * size);
                diagonals.tileRows(tiled, d, a, fewer, repeat, m, n);
                check(t, n, WRAPPED);
                diagonals.tileRows(tiled, Strided.NONE, a, fewer, repeat, m, n);
                check(t, n, WRAPPED);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void repeatedOperandsAreBoundByMemory(Precision precision) {
        for (int n : WIDTHS) {
            try (Trial t = new Trial(precision, n)) {
                ElementwiseKernels kernels = new ElementwiseKernels(t.queue());
                long batch = batch(n);
                long out = t.lab.output(batch * n);
                int samples = SHARED / n + 1;
                long a = t.lab.output(batch * n);
                t.fill(a, 0, finite(t, samples * n));
                long b = t.lab.output(batch);
                t.fill(b, 0, finite(t, samples));
                Strided whole = new Strided(a, n);
                t.lab.order(blocks -> new long[] {0, 1});
                kernels.arithmetic(Op.Arithmetic.ADD, out, n, whole, n, new Strided(b, 1), 1, batch);
                check(t, n);
                kernels.arithmetic(Op.Arithmetic.SUBTRACT, out, n, new Strided(b, 1), 1, whole, n, batch);
                check(t, n);
                kernels.arithmetic(Op.Arithmetic.MULTIPLY, out, n, whole, n, new Strided(a, 0), n, batch);
                check(t, n, n == 8 || n == 16 || n % 32 == 0 ? Lab.SECTORS : ROW);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void reductionsAreBoundByMemory(Precision precision) {
        for (int n : IntStream.concat(IntStream.of(WIDTHS), IntStream.of(1000, 1025, 4095, 4096, 4097, 8200))
                .toArray()) {
            try (Trial t = new Trial(precision, n)) {
                ReductionKernels kernels = new ReductionKernels(t.queue());
                long batch = batch(n);
                long out = t.lab.output(batch);
                Strided u = rows(t, batch, n);
                Strided v = rows(t, batch, n);
                t.lab.order(blocks -> new long[] {0, 1});
                kernels.sumComponents(out, u.address(), batch, n, 1);
                check(t, n);
                kernels.halfSquaredNorms(out, u.address(), batch, n);
                check(t, n);
                kernels.dot(out, u, v, batch, n);
                check(t, n);
                kernels.norm(out, u, n, Strided.NONE, 0, batch);
                check(t, n);
                kernels.norm(out, u, n, v, n, batch);
                check(t, n);
            }
        }
    }
}
