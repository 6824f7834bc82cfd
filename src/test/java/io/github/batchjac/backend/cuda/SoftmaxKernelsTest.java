package io.github.batchjac.backend.cuda;

import static io.github.batchjac.backend.cuda.Samples.KINDS;
import static io.github.batchjac.backend.cuda.Samples.entryBound;
import static io.github.batchjac.backend.cuda.Samples.largest;
import static io.github.batchjac.backend.cuda.Samples.logits;
import static io.github.batchjac.backend.cuda.Samples.random;
import static io.github.batchjac.backend.cuda.Samples.row;
import static io.github.batchjac.backend.cuda.Samples.ulps;
import static org.assertj.core.api.Assertions.assertThat;

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

/** Softmax and its logarithm on the interpreter, against 60 digits. */
@Tag("cuda")
class SoftmaxKernelsTest {
    /** Every remainder of packs and warps. */
    private static final int[] SIZES = {
        1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 16, 17, 20, 31, 32, 33, 34, 35, 36, 63, 64, 65, 66, 67, 100, 128, 129
    };

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

    /** The largest of a block's numbers in each of its warps, first, last and twice. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void thePeakMayBeAnywhere(Precision precision) {
        int batch = 9;
        for (int n : new int[] {31, 260, 600, 1100, 1504, 3000, 3001, 6301}) {
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
        for (int n : new int[] {1, 3, 6, 7, 8, 12, 17, 33, 36, 42, 67, 84, 87, 130, 1025}) {
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

    /** All three results at once, wherever they lie, and each of them alone. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void resultsDoNotDependOnWhereTheyGo(Precision precision) {
        for (int n : new int[] {1, 3, 8, 10, 16, 33, 36, 67, 130, 600, 1025, 1028, 2701, 4100, 7000}) {
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
}
