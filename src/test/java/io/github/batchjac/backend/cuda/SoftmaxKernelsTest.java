package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.backend.cpu.CpuTwin;
import io.github.batchjac.backend.cpu.Exact;
import io.github.batchjac.backend.cpu.Worst;
import io.github.batchjac.backend.cuda.ptx.LaunchReport;
import io.github.batchjac.tensor.Precision;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Softmax, its logarithm and their Jacobians on the interpreter, against 60 digits. */
@Tag("cuda")
class SoftmaxKernelsTest {
    private static final double[] SCALES = {1e-3, 1, 5, 30, 100, 1e4};
    private static final int KINDS = 4 * SCALES.length;

    /** Every remainder of packs and warps. */
    private static final int[] SIZES = {
        1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 16, 17, 20, 31, 32, 33, 34, 35, 36, 63, 64, 65, 66, 67, 100, 128, 129
    };

    static double round(Precision precision, double x) {
        return precision == Precision.F32 ? (float) x : x;
    }

    static double[] random(Precision precision, Random random, int length, double scale) {
        double[] a = new double[length];
        for (int i = 0; i < length; i++) {
            a[i] = round(precision, random.nextGaussian() * scale);
        }
        return a;
    }

    /** Rows that are random at every scale; with one entry far above the others, ties, and −inf. */
    static double[] logits(Precision precision, int n) {
        Random random = new Random(n);
        double[] all = new double[KINDS * n];
        for (int b = 0; b < KINDS; b++) {
            double[] x = random(precision, random, n, SCALES[b % SCALES.length]);
            switch (b / SCALES.length) {
                case 1 -> x[n / 2] = round(precision, x[n / 2] + 17);
                case 2 -> x[n - 1] = x[0] = 40;
                case 3 -> x[n / 3] = n == 1 ? x[0] : Double.NEGATIVE_INFINITY;
                default -> {}
            }
            System.arraycopy(x, 0, all, b * n, n);
        }
        return all;
    }

    static double[] row(double[] a, int b, int n) {
        return Arrays.copyOfRange(a, b * n, (b + 1) * n);
    }

    static int largest(double[] a) {
        int m = 0;
        for (int i = 1; i < a.length; i++) {
            m = a[i] > a[m] ? i : m;
        }
        return m;
    }

    static double ulps(Precision precision, double got, BigDecimal exact) {
        return precision == Precision.F32 ? Exact.ulps((float) got, exact) : Exact.ulps(got, exact);
    }

    static double entryBound(Precision precision) {
        return precision == Precision.F32 ? 16 : 8;
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void entriesRestsLogarithmsAndDiagonalsKeepTheirDigits(Precision precision) {
        double bound = entryBound(precision);
        Worst q = new Worst("softmax " + precision);
        Worst rest = new Worst("rest " + precision);
        Worst log = new Worst("log-softmax " + precision);
        Worst sums = new Worst("row sum/(n ulp(1)) " + precision);
        Worst diagonal = new Worst("diagonal " + precision);
        for (int n : SIZES) {
            double[] x = logits(precision, n);
            boolean dense = n <= 36;
            double[] qs;
            double[] ys;
            double[] rests;
            double[] jacobian = {};
            double[] logJacobian = {};
            try (Lab lab = new Lab(precision)) {
                SoftmaxKernels kernels = new SoftmaxKernels(lab.queue());
                long qa = lab.output(x.length);
                long ya = lab.output(x.length);
                long ra = lab.output(KINDS);
                kernels.logSoftmax(ya, qa, ra, lab.numbers(x), KINDS, n);
                qs = lab.read(qa);
                ys = lab.read(ya);
                rests = lab.read(ra);
                if (dense) {
                    long j = lab.output((long) x.length * n);
                    kernels.denseSoftmax(j, new Strided(qa, n), new Strided(ra, 1), KINDS, n);
                    jacobian = lab.read(j);
                    j = lab.output((long) x.length * n);
                    kernels.denseLogSoftmax(j, new Strided(qa, n), new Strided(ra, 1), KINDS, n);
                    logJacobian = lab.read(j);
                }
            }
            for (int b = 0; b < KINDS; b++) {
                double[] row = row(x, b, n);
                int m = largest(row);
                BigDecimal[] e = Exact.numerators(row);
                BigDecimal s = Exact.sum(e);
                BigDecimal logS = Exact.log1p(s.subtract(Exact.ONE));
                String at = "n " + n + " row " + b;
                BigDecimal sum = BigDecimal.ZERO;
                rest.see(ulps(precision, rests[b], s.subtract(e[m]).divide(s, Exact.MC)), bound, at);
                for (int i = 0; i < n; i++) {
                    double entry = qs[b * n + i];
                    sum = sum.add(Exact.of(entry));
                    q.see(ulps(precision, entry, e[i].divide(s, Exact.MC)), bound, at);
                    if (row[i] == Double.NEGATIVE_INFINITY) {
                        assertThat(entry).isZero();
                        assertThat(ys[b * n + i]).isEqualTo(Double.NEGATIVE_INFINITY);
                    } else {
                        BigDecimal y =
                                Exact.of(row[i]).subtract(Exact.of(row[m])).subtract(logS);
                        log.see(ulps(precision, ys[b * n + i], y), 8, at);
                    }
                    if (dense) {
                        BigDecimal others = s.subtract(e[i]).divide(s, Exact.MC);
                        BigDecimal d = e[i].multiply(others).divide(s, Exact.MC);
                        diagonal.see(ulps(precision, jacobian[(b * n + i) * n + i], d), bound, at);
                        diagonal.see(ulps(precision, logJacobian[(b * n + i) * n + i], others), bound, at);
                    }
                }
                sums.see(Exact.inUnits(1, sum, Exact.of(n * precision.ulp(1))), 1, at);
                if (n == 1) {
                    assertThat(qs[b]).isEqualTo(1);
                    assertThat(rests[b]).isEqualTo(0);
                    assertThat(jacobian[b]).isEqualTo(0.0);
                }
            }
        }
        for (Worst worst : List.of(q, rest, log, sums, diagonal)) {
            worst.check();
        }
    }

    /** What holds a sample in a warp, in a block and not at all. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void longSamplesKeepTheirDigits(Precision precision) {
        for (int n : new int[] {1000, 1025, 2100, 5000, 13001}) {
            Worst worst = new Worst("long softmax " + precision);
            double[] x = random(precision, new Random(n), 2 * n, 3);
            x[n] = Double.NEGATIVE_INFINITY;
            try (Lab lab = new Lab(precision)) {
                SoftmaxKernels kernels = new SoftmaxKernels(lab.queue());
                long xa = lab.numbers(x);
                long q = lab.output(2L * n);
                long rest = lab.output(2);
                long y = lab.output(2L * n);
                long p = lab.output(2L * n);
                long rest2 = lab.output(2);
                kernels.softmax(q, rest, xa, 2, n);
                kernels.logSoftmax(y, p, rest2, xa, 2, n);
                assertThat(lab.read(p)).isEqualTo(lab.read(q));
                assertThat(lab.read(rest2)).isEqualTo(lab.read(rest));
                long only = lab.output(2L * n);
                kernels.logSoftmax(only, 0, 0, xa, 2, n);
                assertThat(lab.read(only)).isEqualTo(lab.read(y));
                kernels.logSoftmax(xa, 0, 0, xa, 2, n);
                assertThat(lab.read(xa)).isEqualTo(lab.read(y));
                double[] qs = lab.read(q);
                double[] ys = lab.read(y);
                for (int b = 0; b < 2; b++) {
                    double[] row = row(x, b, n);
                    BigDecimal max = Exact.of(row[largest(row)]);
                    BigDecimal sum = BigDecimal.ZERO;
                    java.math.MathContext digits = new java.math.MathContext(40);
                    for (double v : row) {
                        // a random error of 1e-16 each
                        sum = sum.add(new BigDecimal(StrictMath.exp(v - max.doubleValue())), digits);
                    }
                    for (int i = 0; i < n; i += 97) {
                        if (Double.isFinite(row[i])) {
                            BigDecimal d = Exact.of(row[i]).subtract(max);
                            String at = "n " + n + " " + i;
                            worst.see(
                                    ulps(precision, qs[b * n + i], Exact.exp(d).divide(sum, Exact.MC)),
                                    entryBound(precision),
                                    at);
                            worst.see(ulps(precision, ys[b * n + i], d.subtract(Exact.log(sum))), 8, at);
                        }
                    }
                    BigDecimal others = sum.subtract(BigDecimal.ONE).divide(sum, Exact.MC);
                    worst.see(ulps(precision, lab.read(rest)[b], others), entryBound(precision), "rest " + n);
                }
            }
            worst.check();
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void aSampleThatHasNoSoftmaxIsNanAndAlone(Precision precision) {
        for (int n : new int[] {1, 2, 7, 8, 33, 64, 1025, 13000}) {
            int batch = 9;
            double[] x = random(precision, new Random(n), batch * n, 1);
            x[n + n / 2] = Double.POSITIVE_INFINITY;
            Arrays.fill(x, 3 * n, 4 * n, Double.NEGATIVE_INFINITY);
            x[5 * n + n - 1] = Double.NaN;
            Arrays.fill(x, 7 * n, 8 * n, Double.NaN);
            try (Lab lab = new Lab(precision)) {
                SoftmaxKernels kernels = new SoftmaxKernels(lab.queue());
                long q = lab.output(x.length);
                long y = lab.output(x.length);
                long rest = lab.output(batch);
                kernels.logSoftmax(y, q, rest, lab.numbers(x), batch, n);
                double[] qs = lab.read(q);
                double[] ys = lab.read(y);
                double[] rests = lab.read(rest);
                for (int b = 0; b < batch; b++) {
                    boolean nan = b % 2 == 1;
                    assertThat(Double.isNaN(rests[b])).as("n %d, %d", n, b).isEqualTo(nan);
                    for (int i = b * n; i < (b + 1) * n; i++) {
                        if (Double.isNaN(qs[i]) != nan || Double.isNaN(ys[i]) != nan) {
                            assertThat(qs[i] + ys[i])
                                    .as("n %d, %d of sample %d", n, i, b)
                                    .isZero();
                        }
                    }
                }
                if (n <= 64) {
                    long j = lab.output((long) x.length * n);
                    kernels.denseSoftmax(j, new Strided(q, n), new Strided(rest, 1), batch, n);
                    double[] jacobian = lab.read(j);
                    for (int i = 0; i < jacobian.length; i++) {
                        assertThat(Double.isNaN(jacobian[i])).isEqualTo(i / n / n % 2 == 1);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void aSampleHasTheSameBitsInEveryBatchAndAtEveryAddress(Precision precision) {
        for (int n : new int[] {1, 3, 6, 7, 8, 12, 17, 33, 36, 38, 67, 71, 76, 130, 1025}) {
            for (int batch : new int[] {0, 1, 2, 5, 9}) {
                double[] x = random(precision, new Random(n), batch * n, 8);
                double[] whole = forward(precision, x, 0, batch, n);
                assertThat(forward(precision, x, 1, batch, n)).isEqualTo(whole);
                for (int b = 0; b < batch; b++) {
                    double[] one = forward(precision, row(x, b, n), 0, 1, n);
                    for (int array = 0; array < 3; array++) {
                        int from = array * batch * n + b * n;
                        assertThat(Arrays.copyOfRange(one, array * n, (array + 1) * n))
                                .isEqualTo(Arrays.copyOfRange(whole, from, from + n));
                    }
                    assertThat(one[3 * n]).isEqualTo(whole[3 * batch * n + b]);
                }
            }
        }
    }

    /** q, y, q in place, rest. */
    private static double[] forward(Precision precision, double[] x, int misaligned, int batch, int n) {
        try (Lab lab = new Lab(precision)) {
            SoftmaxKernels kernels = new SoftmaxKernels(lab.queue());
            long q = lab.output(misaligned, x.length);
            long y = lab.output(x.length);
            long rest = lab.output(misaligned, batch);
            long in = lab.numbers(misaligned, x);
            kernels.softmax(q, rest, in, batch, n);
            kernels.logSoftmax(y, 0, 0, in, batch, n);
            long both = lab.output(misaligned, x.length);
            kernels.logSoftmax(lab.output(misaligned, x.length), both, 0, in, batch, n);
            assertThat(lab.read(both)).isEqualTo(lab.read(q));
            kernels.softmax(in, 0, in, batch, n);
            double[] out = Arrays.copyOf(lab.read(q), 3 * x.length + batch);
            System.arraycopy(lab.read(y), 0, out, x.length, x.length);
            System.arraycopy(lab.read(in), 0, out, 2 * x.length, x.length);
            System.arraycopy(lab.read(rest), 0, out, 3 * x.length, batch);
            return out;
        }
    }

    /** q of random logits, rounded, with zeros; and its rest. */
    private static double[][] entries(Precision precision, int batch, int n) {
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

    private enum Form {
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
        for (int n : new int[] {38, 76}) {
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
        product(worst, precision, 2100, 2, 1, false, false, 0);
        product(worst, precision, 7000, 2, 1, false, false, 0);
        product(worst, precision, 2000, 65, 1, false, false, 0);
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
        for (int n : new int[] {5, 8, 38, 71, 76, 130}) {
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

    /** As many elements, of which the first are written. */
    static long partly(Lab lab, Precision precision, long elements, double[] values) {
        long address = lab.output(elements);
        ByteBuffer buffer =
                ByteBuffer.allocate(values.length * precision.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (double value : values) {
            if (precision == Precision.F32) {
                buffer.putFloat((float) value);
            } else {
                buffer.putDouble(value);
            }
        }
        lab.machine().memory().copyIn(address, buffer.flip());
        return address;
    }

    /** Of a batch of a million samples the first blocks. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void memoryIsMovedInFewInstructions(Precision precision) {
        int batch = 1 << 20;
        for (int n : new int[] {8, 10, 12, 16, 17, 32, 33, 64, 65, 100, 128, 255, 256, 1000}) {
            double[] numbers = random(precision, new Random(n), (1 << 14) * 4, 3);
            double[][] q = entries(precision, 1, n);
            try (Lab lab = new Lab(precision)) {
                lab.order(count -> new long[] {0, 1});
                SoftmaxKernels kernels = new SoftmaxKernels(lab.queue());
                long elements = (long) batch * n;
                long x = partly(lab, precision, elements, numbers);
                kernels.softmax(lab.output(elements), lab.output(batch), x, batch, n);
                kernels.logSoftmax(lab.output(elements), lab.output(elements), lab.output(batch), x, batch, n);
                kernels.logSoftmax(lab.output(elements), 0, 0, x, batch, n);
                Strided entries = new Strided(lab.numbers(q[0]), 0);
                Strided rest = new Strided(lab.numbers(q[1]), 0);
                for (Form form : Form.values()) {
                    form.run(kernels, lab.output(elements), new Strided(x, n), entries, rest, batch, 1, n);
                    form.run(kernels, lab.output(16 * elements), new Strided(x, 16L * n), entries, rest, batch, 16, n);
                }
                kernels.denseSoftmax(lab.output(n * elements), entries, rest, batch, n);
                kernels.denseLogSoftmax(lab.output(n * elements), entries, rest, batch, n);
                if (Boolean.getBoolean("batchjac.worst")) {
                    System.err.println("n " + n);
                }
                if (n == 128) {
                    x = partly(lab, precision, n * elements, random(precision, new Random(n), 4 * n * n, 1));
                    Form.SOFTMAX_COLUMNS.run(
                            kernels, lab.output(n * elements), new Strided(x, n * n), entries, rest, batch, n, n);
                }
                for (LaunchReport report : lab.reports()) {
                    ElementwiseKernelsTest.print(report);
                    assertThat(report.sectorRatio()).as("n %d %s", n, report).isLessThanOrEqualTo(1.05);
                    assertThat(report.instructionsPerSector())
                            .as("n %d %s", n, report)
                            .isLessThanOrEqualTo(instructions(precision, report.kernel(), n));
                }
            }
        }
    }

    /**
     * What holds, per sector: 5, where bytes bound, but for float32. There a sector is an eighth of what a warp reads or writes of a
     * number each, so that softmax may take 40 instructions a number. It takes 31, of which 18 are the exponential, and 190 a sample
     * whatever its length (its logarithm 60 more): short samples are bound by that. Rows that do not make whole packs are moved and
     * worked on number by number; a column's threads divide to find it, and share few rows where samples are short.
     */
    private static double instructions(Precision precision, String kernel, int n) {
        boolean single = precision == Precision.F32;
        boolean whole = n * precision.bytes() % 32 == 0;
        if (kernel.contains("dense")) {
            return single && !kernel.contains("log") && n % 2 != 0 && n > 32 ? 5.6 : 5;
        }
        if (kernel.contains("columns")) {
            return n == 1000 ? single ? 6.9 : 5.9 : !single ? 5 : n < 16 ? 8.6 : n < 32 ? 6.2 : 5.9;
        }
        if (kernel.contains("rows")) {
            return single && n < 12 ? 6.75 : 5;
        }
        boolean log = kernel.startsWith("log");
        if (!single) {
            return log && n < 12 ? 5.45 : 5;
        }
        if (log) {
            return n < 12 ? 8.5 : n < 32 ? 6.8 : whole ? 5.35 : 5.9;
        }
        return n < 12 ? 7.2 : n < 32 ? 5.95 : whole ? 5 : 5.6;
    }

    /** All three results at once, wherever they lie, and each of them alone. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void resultsDoNotDependOnWhereTheyGo(Precision precision) {
        for (int n : new int[] {1, 3, 8, 10, 16, 33, 36, 67, 130, 600, 1025, 1028, 4100, 7000}) {
            int batch = n > 500 ? 2 : 19;
            double[] x = random(precision, new Random(n), batch * n, 8);
            try (Lab lab = new Lab(precision)) {
                SoftmaxKernels kernels = new SoftmaxKernels(lab.queue());
                double[][] first = {};
                for (int misaligned = 0; misaligned < 3; misaligned++) {
                    long in = lab.numbers(misaligned, x);
                    long y = lab.output(misaligned, x.length);
                    long q = lab.output(misaligned, x.length);
                    long rest = lab.output(batch);
                    kernels.logSoftmax(y, q, rest, in, batch, n);
                    long only = lab.output(misaligned, x.length);
                    kernels.logSoftmax(0, only, 0, in, batch, n);
                    double[][] all = {lab.read(y), lab.read(q), lab.read(rest)};
                    assertThat(lab.read(only)).as("q alone, n %d", n).isEqualTo(all[1]);
                    first = misaligned == 0 ? all : first;
                    assertThat(all).as("n %d, %d numbers off", n, misaligned).isDeepEqualTo(first);
                }
            }
        }
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

    /** The largest of a block's numbers in each of its warps, first, last and twice. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void thePeakMayBeAnywhere(Precision precision) {
        int batch = 9;
        for (int n : new int[] {31, 260, 600, 1100, 1504, 3001, 6301}) {
            double[] x = random(precision, new Random(n), batch * n, 1);
            for (int b = 0; b < batch; b++) {
                x[b * n + b * (n - 1) / (batch - 1)] = 9;
            }
            x[3 * n] = 9;
            x[5 * n + n - 1] = 9;
            try (Lab lab = new Lab(precision)) {
                long y = lab.output(x.length);
                long q = lab.output(x.length);
                long rest = lab.output(batch);
                new SoftmaxKernels(lab.queue()).logSoftmax(y, q, rest, lab.numbers(x), batch, n);
                double[] ys = lab.read(y);
                double[] qs = lab.read(q);
                double[] rests = lab.read(rest);
                double relative = 32 * precision.unitRoundoff() + n * 0x1p-53;
                for (int b = 0; b < batch; b++) {
                    double others = 0;
                    int peak = largest(row(x, b, n));
                    for (int i = 0; i < n; i++) {
                        others += i == peak ? 0 : Math.exp(x[b * n + i] - 9);
                    }
                    double s = 1 + others;
                    String at = "n %d sample %d".formatted(n, b);
                    assertThat(Math.abs(rests[b] - others / s)).as(at).isLessThanOrEqualTo(relative * rests[b]);
                    for (int i = b * n; i < (b + 1) * n; i++) {
                        double e = Math.exp(x[i] - 9) / s;
                        double log = Math.log1p(others) + (9 - x[i]);
                        assertThat(Math.abs(qs[i] - e)).as(at).isLessThanOrEqualTo(relative * e);
                        assertThat(Math.abs(ys[i] + log)).as(at).isLessThanOrEqualTo(relative * log);
                    }
                }
            }
        }
    }
}
