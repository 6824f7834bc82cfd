package io.github.batchjac.backend.cuda;

import static io.github.batchjac.backend.cuda.Samples.largest;
import static io.github.batchjac.backend.cuda.Samples.random;
import static io.github.batchjac.backend.cuda.Samples.round;
import static io.github.batchjac.backend.cuda.Samples.row;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.backend.cpu.CpuTwin;
import io.github.batchjac.backend.cpu.Exact;
import io.github.batchjac.backend.cpu.Worst;
import io.github.batchjac.tensor.Precision;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The Jacobians of softmax and its logarithm, dense and times panels, on the interpreter: against the CPU's bits and 60 digits. */
@Tag("cuda")
class SoftmaxJacobianKernelsTest {
    /** q of random logits, rounded, with zeros; and its rest. */
    static double[][] entries(Precision precision, int batch, int n) {
        double[] x = random(precision, new Random(n), batch * n, 3);
        for (int b = 1; b < batch; b += 2) {
            x[b * n + n / 3] = n == 1 ? 0 : Double.NEGATIVE_INFINITY;
            x[b * n + n / 2] = round(precision, 25);
        }
        try (Lab lab = new Lab(precision)) {
            long q = lab.output(x.length);
            long rest = lab.output(batch);
            new SoftmaxKernels(lab.queue()).softmax(q, rest, lab.numbers(x), batch, n);
            return new double[][] {lab.read(q), lab.read(rest)};
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void denseJacobiansHaveTheBitsOfTheCpuAndPositiveZeros(Precision precision) {
        CpuTwin twin = new CpuTwin(precision);
        for (int n = 1; n <= 71; n += n < 36 ? 1 : 7) {
            for (int batch : new int[] {0, 1, 4, 9}) {
                dense(precision, twin, n, batch, false, 0);
            }
            dense(precision, twin, n, 3, true, 0);
            dense(precision, twin, n, 3, false, 1);
        }
        for (int n : new int[] {128, 255, 1601}) {
            dense(precision, twin, n, 1, false, 0);
        }
        dense(precision, twin, 129, 5, false, 0);
        dense(precision, twin, 1604, 1, false, 0);
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void denseJacobiansOfEveryRemainder(Precision precision) {
        CpuTwin twin = new CpuTwin(precision);
        for (int n : new int[] {33, 34, 35, 36, 37, 38, 43, 66, 99}) {
            for (int batch : new int[] {2, 3, 5, 6, 7}) {
                dense(precision, twin, n, batch, false, batch % 3 == 0 ? 1 : 0);
            }
        }
        // too large for a block's shared memory, aligned and not
        int n = precision == Precision.F32 ? 1604 : 3074;
        dense(precision, twin, n, 1, false, 0);
        dense(precision, twin, 1601, 1, false, 1);
    }

    private static void dense(Precision precision, CpuTwin twin, int n, int batch, boolean shared, int misaligned) {
        double[][] q = entries(precision, shared ? 1 : batch, n);
        double[] all = new double[batch * n];
        double[] rests = new double[batch];
        for (int b = 0; b < batch; b++) {
            System.arraycopy(q[0], shared ? 0 : b * n, all, b * n, n);
            rests[b] = q[1][shared ? 0 : b];
        }
        for (boolean log : new boolean[] {false, true}) {
            double[] expected = twin.denseSoftmax(log, all, rests, batch, n);
            try (Lab lab = new Lab(precision)) {
                SoftmaxKernels kernels = new SoftmaxKernels(lab.queue());
                long out = lab.output(misaligned, (long) batch * n * n);
                Strided entries = new Strided(lab.numbers(misaligned, q[0]), shared ? 0 : n);
                Strided rest = new Strided(lab.numbers(q[1]), shared ? 0 : 1);
                if (log) {
                    kernels.denseLogSoftmax(out, entries, rest, batch, n);
                } else {
                    kernels.denseSoftmax(out, entries, rest, batch, n);
                }
                double[] got = lab.read(out);
                for (int i = 0; i < got.length; i++) {
                    // +0 wherever a factor is 0
                    int row = i / n;
                    int column = i / n / n * n + i % n;
                    boolean zero = all[column] == 0 && (row != column || !log) || !log && all[row] == 0;
                    double e = zero ? 0.0 : expected[i];
                    if (Double.compare(got[i], e) != 0) {
                        assertThat(got[i])
                                .as("log %s n %d batch %d element %d", log, n, batch, i)
                                .isEqualTo(e);
                    }
                }
            }
        }
    }

    /** The largest q is in the last tile of columns, far from the block that is looked at: 5·10⁹ elements. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void theLastBlockOfAVeryLargeJacobianIsRight(Precision precision) {
        int n = 70001;
        double[] q = new double[n];
        Arrays.fill(q, round(precision, 1e-6));
        q[n - 1] = 0.75;
        try (Lab lab = new Lab(precision)) {
            long out = lab.output((long) n * n);
            lab.order(count -> new long[] {count - 1});
            new SoftmaxKernels(lab.queue())
                    .denseSoftmax(out, new Strided(lab.numbers(q), n), new Strided(lab.numbers(0.25), 1), 1, n);
            double[] end = lab.read(out, (long) n * n - 3, 3);
            double product = round(precision, -0.75 * q[0]);
            assertThat(end).containsExactly(product, product, 0.75 * 0.25);
        }
    }

    enum Form {
        SOFTMAX_ROWS,
        LOG_ROWS,
        LOG_ROWS_TRANSPOSED,
        SOFTMAX_COLUMNS,
        LOG_COLUMNS;

        boolean columns() {
            return ordinal() >= 3;
        }

        void run(SoftmaxKernels kernels, long out, Strided panel, Strided q, Strided rest, int batch, int k, int n) {
            switch (this) {
                case SOFTMAX_ROWS -> kernels.softmaxTimesRows(out, panel, q, rest, batch, k, n);
                case LOG_ROWS -> kernels.rowsTimesLogSoftmax(out, panel, q, rest, batch, k, n);
                case LOG_ROWS_TRANSPOSED -> kernels.rowsTimesLogSoftmaxTransposed(out, panel, q, rest, batch, k, n);
                case SOFTMAX_COLUMNS -> kernels.softmaxTimesColumns(out, panel, q, rest, batch, n, k);
                case LOG_COLUMNS -> kernels.logSoftmaxTimesColumns(out, panel, q, rest, batch, n, k);
            }
        }

        /** Entry (i, c) of the matrix that a column of the panel is multiplied by. */
        BigDecimal entry(double[] q, double rest, int m, int i, int c) {
            BigDecimal diagonal = i == m ? Exact.of(rest) : Exact.ONE.subtract(Exact.of(q[i]));
            return switch (this) {
                case SOFTMAX_ROWS, SOFTMAX_COLUMNS ->
                    Exact.of(q[i]).multiply(i == c ? diagonal : Exact.of(q[c]).negate());
                case LOG_ROWS -> i == c ? diagonal : Exact.of(q[i]).negate();
                case LOG_ROWS_TRANSPOSED, LOG_COLUMNS ->
                    i == c ? diagonal : Exact.of(q[c]).negate();
            };
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void jacobiansTimesPanelsAreWithinTheBoundOfAProduct(Precision precision) {
        Worst worst = new Worst("Jacobian times panel, of (n+8)u " + precision);
        for (int n : new int[] {1, 2, 3, 4, 7, 8, 10, 16, 17, 31, 32, 33, 67, 128}) {
            for (int k : new int[] {1, 2, 3, 8, 17, 40}) {
                product(worst, precision, n, k, n % 3 + 2, n % 2 == 0, false, 0);
            }
        }
        for (int n : new int[] {42, 84}) {
            product(worst, precision, n, 3, 3, false, false, 0);
            product(worst, precision, n, 3, 3, false, false, 1);
        }
        for (int k : new int[] {1, 3, 8}) {
            product(worst, precision, 33, k, 5, true, true, 0);
            product(worst, precision, 8, k, 9, false, true, 0);
            product(worst, precision, 12, k, 3, false, false, 1);
            product(worst, precision, 16, k, 3, false, false, 1);
            product(worst, precision, 1030, k, 2, false, false, 0);
        }
        // rows of a shared panel that start within 16 bytes, and are many
        product(worst, precision, 13, 21, 2, true, false, 0);
        product(worst, precision, 128, 130, 2, false, false, 0);
        product(worst, precision, 9, 70, 2, false, false, 0);
        // two threads of different warps to a column
        product(worst, precision, precision == Precision.F32 ? 50 : 40, 120, 1, false, false, 0);
        product(worst, precision, 100, 301, 1, false, false, 0);
        product(worst, precision, 100, 304, 1, false, false, 0);
        product(worst, precision, 100, 136, 1, false, false, 1);
        product(worst, precision, 127, 129, 2, true, false, 0);
        product(worst, precision, 2100, 2, 1, false, false, 0);
        product(worst, precision, 2700, 2, 3, false, false, 0);
        product(worst, precision, 2701, 2, 3, false, false, 0);
        product(worst, precision, 7000, 2, 1, false, false, 0);
        product(worst, precision, 2000, 65, 1, false, false, 0);
        // more columns than a block's threads take at once
        product(worst, precision, 3, 1100, 2, false, false, 0);
        product(worst, precision, 2, 1101, 2, false, false, 1);
        worst.check();
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void jacobiansTimesPanelsOfAllSizesOfABlock(Precision precision) {
        Worst worst = new Worst("Jacobian times panel of a block, of (n+8)u " + precision);
        int n = precision == Precision.F32 ? 88 : 44;
        for (int k : new int[] {8, 32, 90}) {
            product(worst, precision, n, k, 2, false, false, 0);
            product(worst, precision, n + 1, k, 1, k == 90, k == 32, 1);
        }
        product(worst, precision, 3100, 3, 1, false, false, 1);
        product(worst, precision, 6301, 2, 2, true, true, 0);
        worst.check();
    }

    private static void product(
            Worst worst,
            Precision precision,
            int n,
            int k,
            int batch,
            boolean sharedPanel,
            boolean sharedEntries,
            int misaligned) {
        double[][] q = entries(precision, sharedEntries ? 1 : batch, n);
        double[] panel = random(precision, new Random(n + k), (sharedPanel ? 1 : batch) * k * n, 1);
        for (Form form : Form.values()) {
            double[] got;
            try (Lab lab = new Lab(precision)) {
                SoftmaxKernels kernels = new SoftmaxKernels(lab.queue());
                Strided entries = new Strided(lab.numbers(q[0]), sharedEntries ? 0 : n);
                Strided rest = new Strided(lab.numbers(q[1]), sharedEntries ? 0 : 1);
                Strided in = new Strided(lab.numbers(misaligned, panel), sharedPanel ? 0 : (long) k * n);
                long out = lab.output(misaligned, (long) batch * k * n);
                form.run(kernels, out, in, entries, rest, batch, k, n);
                got = lab.read(out);
                if (!form.columns() && !sharedPanel) {
                    form.run(kernels, in.address(), in, entries, rest, batch, k, n);
                    assertThat(lab.read(in.address())).as("in place").isEqualTo(got);
                }
                if (!sharedPanel && !sharedEntries && batch > 1) {
                    long last = lab.output((long) k * n);
                    long bytes = precision.bytes();
                    form.run(
                            kernels,
                            last,
                            new Strided(lab.numbers(Arrays.copyOfRange(panel, (batch - 1) * k * n, batch * k * n)), 0),
                            new Strided(entries.address() + (batch - 1) * n * bytes, 0),
                            new Strided(rest.address() + (batch - 1) * bytes, 0),
                            1,
                            k,
                            n);
                    assertThat(lab.read(last))
                            .as("%s n %d k %d: a sample alone", form, n, k)
                            .isEqualTo(Arrays.copyOfRange(got, (batch - 1) * k * n, batch * k * n));
                }
            }
            BigDecimal u = Exact.of(precision.unitRoundoff());
            for (int b = 0; b < batch; b += Math.max(1, batch - 1)) {
                double[] qb = row(q[0], sharedEntries ? 0 : b, n);
                double rest = q[1][sharedEntries ? 0 : b];
                int m = largest(qb);
                for (int r = 0; r < k; r += 1 + k / 3) {
                    for (int i = n > 40 ? m % 7 : 0; i < n; i += 1 + n / 6) {
                        for (int at : new int[] {i, m}) {
                            BigDecimal sum = BigDecimal.ZERO;
                            BigDecimal magnitude = BigDecimal.ZERO;
                            for (int c = 0; c < n; c++) {
                                int place = form.columns() ? c * k + r : r * n + c;
                                BigDecimal g = Exact.of(panel[(sharedPanel ? 0 : b * k * n) + place]);
                                BigDecimal term = form.entry(qb, rest, m, at, c).multiply(g);
                                sum = sum.add(term);
                                magnitude = magnitude.add(term.abs());
                            }
                            double value = got[b * k * n + (form.columns() ? at * k + r : r * n + at)];
                            BigDecimal unit = magnitude.multiply(u).add(Exact.of(precision.smallest()));
                            worst.see(
                                    Exact.inUnits(value, sum, unit) / (n + 8),
                                    1,
                                    form + " n " + n + " k " + k + " row " + b);
                            if (n > 500) {
                                break;
                            }
                        }
                    }
                }
            }
        }
    }

    /** A batch's q need not follow each other. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void entriesMayLieApart(Precision precision) {
        int batch = 3;
        int k = 2;
        for (int n : new int[] {5, 8, 42, 71, 84, 130}) {
            double[][] q = entries(precision, batch, n);
            int apart = n + 3;
            double[] spread = new double[batch * apart];
            for (int b = 0; b < batch; b++) {
                System.arraycopy(q[0], b * n, spread, b * apart, n);
            }
            try (Lab lab = new Lab(precision)) {
                SoftmaxKernels kernels = new SoftmaxKernels(lab.queue());
                Strided rest = new Strided(lab.numbers(q[1]), 1);
                Strided panel =
                        new Strided(lab.numbers(random(precision, new Random(n), batch * k * n, 1)), (long) k * n);
                Strided dense = new Strided(lab.numbers(q[0]), n);
                Strided loose = new Strided(lab.numbers(spread), apart);
                for (Form form : Form.values()) {
                    long expected = lab.output((long) batch * k * n);
                    form.run(kernels, expected, panel, dense, rest, batch, k, n);
                    long got = lab.output((long) batch * k * n);
                    form.run(kernels, got, panel, loose, rest, batch, k, n);
                    assertThat(lab.read(got)).as("%s n %d", form, n).isEqualTo(lab.read(expected));
                }
            }
        }
    }

    /** Of a large batch a thread has several samples: with the bits that they have among a few. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void columnsOfALargeBatchHaveTheBitsOfAFew(Precision precision) {
        int batch = 1 << 20;
        for (int[] shape : new int[][] {{8, 2}, {8, 3}, {9, 12}, {17, 3}, {9, 17}, {9, 200}, {9, 400}}) {
            int n = shape[0];
            int k = shape[1];
            int few = 45 * 1024 / (n * k * precision.bytes());
            double[] panel = random(precision, new Random(n), few * n * k, 1);
            double[][] q = entries(precision, few, n);
            for (Form form : new Form[] {Form.SOFTMAX_COLUMNS, Form.LOG_COLUMNS}) {
                try (Lab lab = new Lab(precision)) {
                    SoftmaxKernels kernels = new SoftmaxKernels(lab.queue());
                    Strided m = new Strided(lab.numbers(panel), (long) n * k);
                    Strided entries = new Strided(lab.numbers(q[0]), n);
                    Strided rest = new Strided(lab.numbers(q[1]), 1);
                    long expected = lab.output((long) few * n * k);
                    form.run(kernels, expected, m, entries, rest, few, k, n);
                    long out = lab.output((long) batch * n * k);
                    long[] blocks = {0};
                    lab.order(count -> {
                        blocks[0] = count;
                        return new long[] {0};
                    });
                    form.run(
                            kernels,
                            out,
                            new Strided(lab.partly((long) batch * n * k, panel), (long) n * k),
                            new Strided(lab.partly((long) batch * n, q[0]), n),
                            new Strided(lab.partly(batch, q[1]), 1),
                            batch,
                            k,
                            n);
                    int samples = (int) Math.min(few, batch / blocks[0]);
                    assertThat(lab.read(out, 0, samples * n * k))
                            .as("%s n %d k %d", form, n, k)
                            .isEqualTo(Arrays.copyOf(lab.read(expected), samples * n * k));
                }
            }
        }
    }

    /** More rows than 32 bits count: the last samples have the bits that they have among a few. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void rowsOfABatchBeyondIntegers(Precision precision) {
        int k = 3;
        int there = 200;
        long batch = (1L << 31) + 5;
        for (int n : new int[] {8, 100}) {
            int size = k * n;
            double[] panel = random(precision, new Random(n), there * size, 1);
            double[][] q = entries(precision, there, n);
            for (Launches.Product product : Launches.ROWS) {
                double[][] last = new double[2][];
                for (int large = 0; large < 2; large++) {
                    try (Lab lab = new Lab(precision)) {
                        long samples = large == 1 ? batch : there;
                        long before = samples - there;
                        long m = lab.output(samples * size);
                        long entries = lab.output(samples * n);
                        long rest = lab.output(samples);
                        lab.fill(m, before * size, panel);
                        lab.fill(entries, before * n, q[0]);
                        lab.fill(rest, before, q[1]);
                        if (large == 1) {
                            lab.order(count -> new long[] {count - 2, count - 1});
                        }
                        long out = lab.output(samples * size);
                        product.run(
                                new SoftmaxKernels(lab.queue()),
                                out,
                                new Strided(m, size),
                                new Strided(entries, n),
                                new Strided(rest, 1),
                                samples,
                                k,
                                n);
                        last[large] = lab.read(out, (samples - 4) * size, 4 * size);
                    }
                }
                assertThat(last[1]).as("n %d", n).isEqualTo(last[0]);
            }
        }
    }

    /** Rows too long for shared memory have their bits wherever they start. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void longRowsDoNotDependOnWhereTheyStart(Precision precision) {
        int n = 8_203;
        int k = 3;
        double[][] q = entries(precision, 1, n);
        double[] row = random(precision, new Random(n), n, 1);
        double[] panel = new double[k * n];
        for (int i = 0; i < k; i++) {
            System.arraycopy(row, 0, panel, i * n, n);
        }
        try (Lab lab = new Lab(precision)) {
            SoftmaxKernels kernels = new SoftmaxKernels(lab.queue());
            Strided rest = new Strided(lab.numbers(q[1]), 0);
            for (Form form : List.of(Form.SOFTMAX_ROWS, Form.LOG_ROWS, Form.LOG_ROWS_TRANSPOSED)) {
                long out = lab.output(k * n);
                Strided rows = new Strided(lab.numbers(panel), (long) k * n);
                form.run(kernels, out, rows, new Strided(lab.numbers(q[0]), 0), rest, 1, k, n);
                double[] got = lab.read(out);
                for (int i = 1; i < k; i++) {
                    assertThat(Arrays.copyOfRange(got, i * n, (i + 1) * n))
                            .as("%s row %d", form, i)
                            .isEqualTo(Arrays.copyOf(got, n));
                }
            }
        }
    }
}
