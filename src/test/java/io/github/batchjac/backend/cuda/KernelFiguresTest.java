package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.backend.cuda.ptx.LaunchReport;
import io.github.batchjac.tensor.Precision;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What can be counted of speed without a device: sectors that are touched, and instructions for each. Two blocks of a large launch. */
class KernelFiguresTest {
    private static final double INSTRUCTIONS = 5;

    private static final int[] WIDTHS = {8, 10, 16, 31, 32, 33, 64, 100, 128};

    /**
     * An operand of a batch so large that every block has all its rounds; only what the first blocks read is there.
     *
     * @param written size of the output
     */
    private static Strided operand(Trial t, long batch, int size, int written) {
        long address = t.lab.output(batch * size);
        Slots slots = Slots.of(t.precision, batch, written);
        int samples = slots.samples() * slots.groups() * slots.rounds() * (slots.sharing() == 1 ? 2 : 1);
        t.fill(address, 0, finite(t, (int) Math.min(batch, samples) * size));
        return new Strided(address, size);
    }

    /** NaN takes the long way to a norm. */
    private static double[] finite(Trial t, int count) {
        return t.random.doubles(count, -1, 1).toArray();
    }

    /** What two blocks of at most 128 rows read in 16 rounds. */
    private static Strided rows(Trial t, long batch, int n) {
        long address = t.lab.output(batch * n);
        t.fill(address, 0, finite(t, 2 * 16 * 128 * n));
        return new Strided(address, n);
    }

    private static long batch(int size) {
        return 1 + 70_000_000L / size;
    }

    private static void check(Trial t, int n) {
        LaunchReport report = t.report();
        String what = report + ", n = " + n;
        assertThat(report.storeSectorRatio()).as(what).isLessThanOrEqualTo(Lab.SECTORS);
        assertThat(report.sectorRatio()).as(what).isLessThanOrEqualTo(Lab.SECTORS);
        assertThat(report.instructionsPerSector()).as(what).isLessThanOrEqualTo(INSTRUCTIONS);
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void diagonalsAndDenseFormsAreBoundByMemory(Precision precision) {
        for (int n : WIDTHS) {
            try (Trial t = new Trial(precision, n)) {
                DiagonalKernels diagonals = new DiagonalKernels(t.queue());
                DenseKernels dense = new DenseKernels(t.queue());
                long batch = batch(n * n);
                long out = t.lab.output(batch * n * n);
                Strided v = operand(t, batch, n, n * n);
                Strided w = operand(t, batch, n, n * n);
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
                dense.repeat(out, new Strided(a.address(), 0), batch, 1, n * n);
                check(t, n);
                dense.kronecker(out, v, w, batch, 1, n, n, true);
                check(t, n);
                if (n <= 64) {
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
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void reductionsAreBoundByMemory(Precision precision) {
        for (int n : WIDTHS) {
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
