package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.backend.cuda.ptx.LaunchReport;
import io.github.batchjac.tensor.Precision;
import java.util.Arrays;
import java.util.Collections;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** As {@link KernelFiguresTest}, of sums down columns, rows of two lengths, norms that are joined, and matrices that are turned. */
class KernelSumFiguresTest {
    private static final double INSTRUCTIONS = 5;

    private static final int[] WIDTHS = {
        8, 9, 10, 12, 15, 16, 17, 31, 32, 33, 41, 64, 65, 67, 100, 127, 129, 255, 257, 511, 513, 1025
    };

    /** More than two blocks read. */
    private static final int READ = 2_500_000;

    private static final double[] NUMBERS = IntStream.range(0, READ)
            .mapToDouble(i -> (i * 7919 % 1024 - 512) / 512.0)
            .toArray();

    /** So many numbers, of which only the first are there. */
    private static long numbers(Trial t, long count) {
        return t.lab.partly(count, count < READ ? Arrays.copyOf(NUMBERS, (int) count) : NUMBERS);
    }

    private static Strided samples(Trial t, long batch, int size) {
        return new Strided(numbers(t, batch * size), size);
    }

    private static void check(Trial t, String what) {
        check(t, what, Lab.SECTORS, INSTRUCTIONS);
    }

    private static LaunchReport check(Trial t, String what, double sectors, double instructions) {
        LaunchReport report = t.report();
        Lab.print(what, report);
        assertThat(report.sectorRatio()).as("%s %s", what, report).isLessThanOrEqualTo(sectors);
        assertThat(report.instructionsPerSector()).as("%s %s", what, report).isLessThanOrEqualTo(instructions);
        return report;
    }

    private static Trial trial(Precision precision, int n) {
        Trial t = new Trial(precision, n);
        t.lab.order(blocks -> blocks == 1 ? new long[] {0} : new long[] {0, 1});
        return t;
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void panelsAreFolded(Precision precision) {
        for (int n : WIDTHS) {
            for (int rows : new int[] {1, 3, 10}) {
                for (int repeat : new int[] {2, 3, 8, 40, 43}) {
                    try (Trial t = trial(precision, n)) {
                        DiagonalKernels kernels = new DiagonalKernels(t.queue());
                        long batch = 1 + 70_000_000L / (rows * n);
                        long out = t.lab.output(batch * rows * n);
                        Strided a = samples(t, batch, rows * repeat * n);
                        Strided d = samples(t, batch, repeat * n);
                        String what = "n %d rows %d repeat %d".formatted(n, rows, repeat);
                        kernels.foldRows(out, a, d, batch, rows, repeat, n);
                        check(t, what);
                        kernels.foldRows(out, a, Strided.NONE, batch, rows, repeat, n);
                        check(t, what + " plain");
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void batchesAreSummed(Precision precision) {
        for (int n : WIDTHS) {
            for (int tile : new int[] {32, 128}) {
                try (Trial t = trial(precision, n)) {
                    ReductionKernels kernels = new ReductionKernels(t.queue());
                    long batch = 1 + 140_000_000L / n;
                    long a = numbers(t, batch * n);
                    long weights = numbers(t, batch);
                    long out = t.lab.output(((batch + tile - 1) / tile) * n);
                    String what = "n %d tile %d".formatted(n, tile);
                    kernels.sumBatch(out, a, weights, 0, batch, n, tile);
                    check(t, what);
                    kernels.sumBatch(out, a, 0, 0, batch, n, tile);
                    check(t, what + " plain");
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void tilesAreAdded(Precision precision) {
        for (int n : WIDTHS) {
            try (Trial t = trial(precision, n)) {
                int tiles = 1000;
                long out = numbers(t, n);
                new ReductionKernels(t.queue()).addTiles(out, numbers(t, (long) tiles * n), tiles, n);
                check(t, "n " + n);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void rowsAreMultipliedByMatrices(Precision precision) {
        for (int n : IntStream.of(WIDTHS).filter(n -> n > 32).toArray()) {
            for (int k : new int[] {8, 9, 40, 67, 200}) {
                try (Trial t = trial(precision, n)) {
                    MatrixKernels kernels = new MatrixKernels(t.queue());
                    long batch = 1 + 70_000_000L / (k * n);
                    Strided x = samples(t, batch, k);
                    String what = "k %d n %d".formatted(k, n);
                    kernels.batched(t.lab.output(batch * n), x, samples(t, batch, k * n), batch, 1, k, n);
                    check(t, what);
                    Strided b = samples(t, batch, 3 * k * n);
                    kernels.kroneckerTimesDense(t.lab.output(batch * 3 * n), x, b, batch, 3, k, n);
                    check(t, what + " of 3");
                }
            }
        }
    }

    /**
     * Chains of a few columns. Where three or more of those that a warp has started in the same bank, they are apart; two may still
     * meet.
     */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void smallMatricesTimesVectorsMeetInFewBanks(Precision precision) {
        for (int n : new int[] {1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 24}) {
            for (int k : new int[] {2, 3, 4, 6, 8, 9, 12, 16, 20, 32, 48, 64}) {
                vectors(precision, 1, k, n);
            }
        }
        for (int m : new int[] {2, 5, 33}) {
            for (int k : new int[] {2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 17, 20, 28, 64}) {
                vectors(precision, m, k, 1);
            }
        }
    }

    private static void vectors(Precision precision, int m, int k, int n) {
        try (Trial t = trial(precision, k)) {
            long batch = 1 + 70_000_000L / (k * Math.max(m, n));
            Strided a = samples(t, batch, m * k);
            new MatrixKernels(t.queue())
                    .batched(t.lab.output(batch * m * n), a, samples(t, batch, k * n), batch, m, k, n);
            LaunchReport report = check(t, m + "·" + k + "·" + n, Lab.SECTORS, INSTRUCTIONS);
            assertThat(report.bankConflictRatio()).as("%d·%d·%d", m, k, n).isLessThanOrEqualTo(2.5);
        }
    }

    /** Every row is asked for once, and what a sample's rows are multiplied by once a block. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void matricesAreMultipliedByColumns(Precision precision) {
        for (int k : WIDTHS) {
            for (int m : new int[] {2, 5, 33, 67, 200}) {
                vectors(precision, m, k, 1);
                asksForWhatItNeeds(precision, m, k);
            }
        }
    }

    /** All blocks: sectors against those of A, x and the result, of which each request alone says nothing. */
    private static void asksForWhatItNeeds(Precision precision, int m, int k) {
        try (Trial t = new Trial(precision, k)) {
            long batch = 1 + 400_000 / (k * m);
            Strided a = samples(t, batch, m * k);
            new MatrixKernels(t.queue()).batched(t.lab.output(batch * m), a, samples(t, batch, k), batch, m, k, 1);
            double needed = batch * (m * k + m + k) * precision.bytes() / 32.0;
            double ratio = t.report().sectors() / needed;
            assertThat(ratio).as("%d·%d", m, k).isLessThanOrEqualTo(1.09);
        }
    }

    /** An odd number of columns leaves much of a side that is few tiles long to tiles of a row or two. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void matricesAreTurned(Precision precision) {
        for (int cols : new int[] {64, 65, 67, 100, 127, 129, 250, 256, 257}) {
            for (int rows : new int[] {64, 65, 100, 128, 131}) {
                try (Trial t = new Trial(precision, cols)) {
                    new DenseKernels(t.queue())
                            .transpose(t.lab.output(rows * cols), numbers(t, rows * cols), rows, cols);
                    boolean slivers = rows == 65 && cols < 68;
                    check(t, rows + "×" + cols, cols == 67 ? 1.06 : Lab.SECTORS, slivers ? 6.1 : INSTRUCTIONS);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void normsAreJoinedAndClipped(Precision precision) {
        try (Trial t = trial(precision, 1)) {
            ReductionKernels kernels = new ReductionKernels(t.queue());
            long batch = 10_000_000;
            long out = t.lab.output(batch);
            Strided norms = samples(t, batch, 1);
            for (int count = 1; count <= 8; count++) {
                kernels.joinNorms(out, Collections.nCopies(count, norms), batch);
                check(t, count + " norms");
            }
            kernels.clipFactors(out, norms.address(), 0.5, batch);
            check(t, "clipped");
        }
    }

    /** Products of doubles with their errors, and a block's second barrier for ten numbers; an operand that is there moves nothing. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void rowsOfTwoLengthsAreReduced(Precision precision) {
        for (int n : WIDTHS) {
            try (Trial t = trial(precision, n)) {
                ReductionKernels kernels = new ReductionKernels(t.queue());
                long batch = 1 + 70_000_000L / n;
                long out = t.lab.output(batch);
                Strided a = samples(t, batch, n);
                kernels.norm(out, a, n, samples(t, batch, 10), 10, batch);
                check(t, "n " + n, Lab.SECTORS, precision == Precision.F64 && n > 64 ? 6.4 : INSTRUCTIONS);
                kernels.dot(out, a, new Strided(numbers(t, n), 0), batch, n);
                check(t, "n %d shared".formatted(n), Lab.SECTORS, n < 15 ? 6.1 : INSTRUCTIONS);
            }
        }
    }
}
