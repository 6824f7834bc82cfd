package io.github.batchjac.backend.cuda;

import static io.github.batchjac.backend.cuda.Samples.entryBound;
import static io.github.batchjac.backend.cuda.Samples.largest;
import static io.github.batchjac.backend.cuda.Samples.logits;
import static io.github.batchjac.backend.cuda.Samples.random;
import static io.github.batchjac.backend.cuda.Samples.round;
import static io.github.batchjac.backend.cuda.Samples.row;
import static io.github.batchjac.backend.cuda.Samples.ulps;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Percentage.withPercentage;

import io.github.batchjac.backend.cpu.Exact;
import io.github.batchjac.backend.cpu.Worst;
import io.github.batchjac.tensor.Precision;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.Random;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Losses on the interpreter, against 60 digits. */
@Tag("cuda")
class LossKernelsTest {
    private static final int[] SIZES = {1, 2, 3, 4, 5, 7, 8, 10, 16, 17, 31, 32, 33, 36, 64, 67, 128, 2053};

    private interface Launch {
        void run(LossKernels kernels, long loss, long gradient, Strided target, Strided prediction, long batch, int n);
    }

    private static final Launch[] WITH_TARGETS = {
        LossKernels::squaredError, LossKernels::crossEntropy, LossKernels::softmaxCrossEntropy
    };

    /** Losses, then gradients; the same bits when only one of them is wanted, in place, shifted, and for a sample alone. */
    private static double[][] run(
            Launch launch,
            Precision precision,
            double[] target,
            boolean shared,
            double[] prediction,
            int batch,
            int n) {
        try (Lab lab = new Lab(precision)) {
            LossKernels kernels = new LossKernels(lab.queue());
            int stride = shared ? 0 : n;
            Strided t = new Strided(lab.numbers(target), stride);
            Strided p = new Strided(lab.numbers(prediction), n);
            long loss = lab.output(batch);
            long gradient = lab.output(prediction.length);
            launch.run(kernels, loss, gradient, t, p, batch, n);
            double[][] result = {lab.read(loss), lab.read(gradient)};

            long only = lab.output(batch);
            launch.run(kernels, only, 0, t, p, batch, n);
            assertThat(lab.read(only)).as("loss alone, n %d", n).isEqualTo(result[0]);
            long shifted = lab.output(1, prediction.length);
            launch.run(kernels, 0, shifted, t, new Strided(lab.numbers(1, prediction), n), batch, n);
            assertThat(lab.read(shifted)).as("gradient alone, shifted, n %d", n).isEqualTo(result[1]);
            Strided inPlace = new Strided(lab.numbers(prediction), n);
            launch.run(kernels, lab.output(batch), inPlace.address(), t, inPlace, batch, n);
            assertThat(lab.read(inPlace.address()))
                    .as("in place of the prediction, n %d", n)
                    .isEqualTo(result[1]);
            if (!shared) {
                inPlace = new Strided(lab.numbers(target), n);
                launch.run(kernels, lab.output(batch), inPlace.address(), inPlace, p, batch, n);
                assertThat(lab.read(inPlace.address()))
                        .as("in place of the target, n %d", n)
                        .isEqualTo(result[1]);
            }
            if (batch > 1) {
                long last = lab.output(1);
                long from = (long) (batch - 1) * n * precision.bytes();
                long lastGradient = lab.output(n);
                Strided target1 = new Strided(t.address() + (shared ? 0 : from), 0);
                launch.run(kernels, last, lastGradient, target1, new Strided(p.address() + from, 0), 1, n);
                assertThat(lab.read(last)[0]).as("a sample alone, n %d", n).isEqualTo(result[0][batch - 1]);
                assertThat(lab.read(lastGradient)).isEqualTo(row(result[1], batch - 1, n));
            }
            return result;
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void squaredErrorsAreCompensated(Precision precision) {
        Worst worst = new Worst("squared error " + precision);
        for (int n : SIZES) {
            for (boolean shared : new boolean[] {false, true}) {
                int batch = n % 9 + 1;
                double[] y = random(precision, new Random(n), shared ? n : batch * n, 2);
                double[] p = random(precision, new Random(n + 1), batch * n, 1);
                double[][] result = run(LossKernels::squaredError, precision, y, shared, p, batch, n);
                for (int b = 0; b < batch; b++) {
                    BigDecimal sum = BigDecimal.ZERO;
                    for (int i = 0; i < n; i++) {
                        double r = round(precision, p[b * n + i] - y[(shared ? 0 : b * n) + i]);
                        assertThat(result[1][b * n + i]).isEqualTo(r);
                        sum = sum.add(Exact.of(r).pow(2));
                    }
                    worst.see(ulps(precision, result[0][b], sum.multiply(Exact.HALF)), 8, "n " + n);
                }
            }
        }
        worst.check();
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void crossEntropiesAreWithinEightRoundings(Precision precision) {
        Worst worst = new Worst("cross-entropy, of 8u " + precision);
        BigDecimal u = Exact.of(precision.unitRoundoff());
        for (int n : SIZES) {
            int batch = n > 100 ? 2 : n % 9 + 1;
            Random random = new Random(n);
            double[] t = new double[batch * n];
            double[] p = new double[batch * n];
            for (int i = 0; i < t.length; i++) {
                t[i] = random.nextInt(4) == 0 ? 0 : round(precision, random.nextDouble());
                p[i] = t[i] == 0 && random.nextBoolean() ? 0 : round(precision, random.nextDouble() * 1.5 + 1e-9);
            }
            double[][] result = run(LossKernels::crossEntropy, precision, t, false, p, batch, n);
            for (int b = 0; b < batch; b++) {
                BigDecimal sum = BigDecimal.ZERO;
                BigDecimal magnitude = Exact.of(precision.smallest());
                for (int i = b * n; i < (b + 1) * n; i++) {
                    assertThat(result[1][i] + 0.0).isEqualTo(t[i] == 0 ? 0 : round(precision, -t[i] / p[i]));
                    if (t[i] != 0) {
                        BigDecimal term = Exact.of(t[i]).multiply(Exact.log(Exact.of(p[i])));
                        sum = sum.subtract(term);
                        magnitude = magnitude.add(term.abs());
                    }
                }
                worst.see(Exact.inUnits(result[0][b], sum, magnitude.multiply(u)), 8, "n " + n);
            }
        }
        worst.check();
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void distributionsKeepTheirDigits(Precision precision) {
        double bound = entryBound(precision);
        Worst losses = new Worst("loss of a distribution " + precision);
        Worst gradients = new Worst("gradient of a distribution " + precision);
        BigDecimal u = Exact.of(precision.unitRoundoff());
        for (int n : new int[] {1, 2, 3, 7, 8, 17, 32, 33, 67, 128}) {
            double[] x = logits(precision, n);
            int batch = x.length / n;
            Random random = new Random(n);
            double[] target = new double[x.length];
            for (int b = 0; b < batch; b++) {
                for (int i = 0; i < n; i++) {
                    boolean absent = Double.isInfinite(x[b * n + i]) || (b % 3 == 0 && i != n / 2);
                    target[b * n + i] = absent ? 0 : b % 3 == 0 ? 1 : round(precision, random.nextDouble());
                }
            }
            double[][] result = run(LossKernels::softmaxCrossEntropy, precision, target, false, x, batch, n);
            for (int b = 0; b < batch; b++) {
                double[] row = row(x, b, n);
                double[] t = row(target, b, n);
                int m = largest(row);
                BigDecimal[] e = Exact.numerators(row);
                BigDecimal s = Exact.sum(e);
                BigDecimal logS = Exact.log1p(s.subtract(Exact.ONE));
                BigDecimal sum = BigDecimal.ZERO;
                BigDecimal exact = BigDecimal.ZERO;
                for (int i = 0; i < n; i++) {
                    sum = sum.add(Exact.of(t[i]));
                    if (t[i] != 0) {
                        exact = exact.add(Exact.of(t[i])
                                .multiply(logS.add(Exact.of(row[m])).subtract(Exact.of(row[i]))));
                    }
                }
                String at = "n " + n + " row " + b;
                losses.see(ulps(precision, result[0][b], exact), bound, at);
                for (int i = 0; i < n; i++) {
                    BigDecimal q = e[i].divide(s, Exact.MC);
                    BigDecimal down = Exact.of(t[i]).multiply(s.subtract(e[i])).divide(s, Exact.MC);
                    BigDecimal up = sum.subtract(Exact.of(t[i])).multiply(q);
                    BigDecimal ulp = u.multiply(Exact.TWO);
                    // what the rounded sum of the targets costs, and an ulp of both magnitudes
                    BigDecimal unit = up.add(down)
                            .multiply(ulp)
                            .add(sum.multiply(ulp).multiply(q))
                            .add(Exact.of(precision.smallest()));
                    gradients.see(Exact.inUnits(result[1][b * n + i], up.subtract(down), unit), bound, at);
                }
            }
        }
        losses.check();
        gradients.check();
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void labelsKeepTheirDigits(Precision precision) {
        Worst gradients = new Worst("gradient at the label " + precision);
        Worst losses = new Worst("loss of a label " + precision);
        for (int n : new int[] {1, 2, 3, 7, 8, 17, 32, 33, 67, 128}) {
            double[] x = logits(precision, n);
            int batch = x.length / n;
            double[] q;
            try (Lab lab = new Lab(precision)) {
                long out = lab.output(x.length);
                new SoftmaxKernels(lab.queue()).softmax(out, 0, lab.numbers(x), batch, n);
                q = lab.read(out);
            }
            long[] labels = new long[batch];
            for (int b = 0; b < batch; b++) {
                labels[b] = b * 7L % n;
            }
            double[] loss;
            double[] gradient;
            try (Lab lab = new Lab(precision)) {
                LossKernels kernels = new LossKernels(lab.queue());
                Strided l = new Strided(lab.labels(labels), 1);
                Strided logits = new Strided(lab.numbers(x), n);
                long a = lab.output(batch);
                long b = lab.output(x.length);
                kernels.softmaxCrossEntropyLabels(a, b, l, logits, batch, n);
                loss = lab.read(a);
                gradient = lab.read(b);
                long only = lab.output(batch);
                kernels.softmaxCrossEntropyLabels(only, 0, l, logits, batch, n);
                assertThat(lab.read(only)).isEqualTo(loss);
                Strided inPlace = new Strided(lab.numbers(1, x), n);
                kernels.softmaxCrossEntropyLabels(lab.output(batch), inPlace.address(), l, inPlace, batch, n);
                assertThat(lab.read(inPlace.address())).isEqualTo(gradient);
            }
            for (int b = 0; b < batch; b++) {
                double[] row = row(x, b, n);
                int label = (int) labels[b];
                BigDecimal[] e = Exact.numerators(row);
                BigDecimal s = Exact.sum(e);
                String at = "n " + n + " row " + b + " label " + label;
                BigDecimal others = s.subtract(e[label]).divide(s, Exact.MC);
                gradients.see(ulps(precision, -gradient[b * n + label], others), entryBound(precision), at);
                if (row[label] != Double.NEGATIVE_INFINITY) {
                    BigDecimal y = Exact.of(row[largest(row)]).subtract(Exact.of(row[label]));
                    losses.see(ulps(precision, loss[b], y.add(Exact.log1p(s.subtract(Exact.ONE)))), 8, at);
                } else {
                    assertThat(loss[b]).isEqualTo(Double.POSITIVE_INFINITY);
                }
                for (int i = 0; i < n; i++) {
                    if (i != label) {
                        assertThat(gradient[b * n + i]).isEqualTo(q[b * n + i]);
                    }
                }
            }
        }
        gradients.check();
        losses.check();
    }

    /** Too long for shared memory: held to the same formulas in double. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void longSamplesGiveWhatShortOnesDo(Precision precision) {
        heldToDoubles(precision, 13001, 2);
    }

    private static void heldToDoubles(Precision precision, int n, int batch) {
        double[] t = Arrays.stream(random(precision, new Random(1), batch * n, 1))
                .map(Math::abs)
                .toArray();
        double[] p = Arrays.stream(random(precision, new Random(2), batch * n, 1))
                .map(x -> Math.abs(x) + 0x1p-10)
                .toArray();
        for (int b = 0; b < batch; b++) {
            p[b * n + b * (n - 1) / (batch - 1)] = 6; // the largest: another warp's in each sample
        }
        // 16 ulp, and what sums of n doubles lose here
        double relative = 32 * precision.unitRoundoff() + n * 0x1p-53;
        for (int form = 0; form < 3; form++) {
            double[][] result = run(WITH_TARGETS[form], precision, t, false, p, batch, n);
            for (int b = 0; b < batch; b++) {
                double max = Arrays.stream(row(p, b, n)).max().orElseThrow();
                double s =
                        Arrays.stream(row(p, b, n)).map(x -> Math.exp(x - max)).sum();
                double total = Arrays.stream(row(t, b, n)).sum();
                double loss = 0;
                double magnitude = 0;
                for (int i = b * n; i < (b + 1) * n; i++) {
                    double q = Math.exp(p[i] - max) / s;
                    double term = switch (form) {
                        case 0 -> (p[i] - t[i]) * (p[i] - t[i]) / 2;
                        case 1 -> -t[i] * Math.log(p[i]);
                        default -> t[i] * (Math.log(s) + max - p[i]);
                    };
                    double slope = switch (form) {
                        case 0 -> p[i] - t[i];
                        case 1 -> -t[i] / p[i];
                        default -> total * q - t[i];
                    };
                    loss += term;
                    magnitude += Math.abs(term);
                    double size = form == 2 ? total * q + t[i] : Math.abs(slope);
                    assertThat(Math.abs(result[1][i] - slope)).isLessThanOrEqualTo(relative * size);
                }
                assertThat(Math.abs(result[0][b] - loss)).isLessThanOrEqualTo(relative * magnitude);
            }
        }
        try (Lab lab = new Lab(precision)) {
            LossKernels kernels = new LossKernels(lab.queue());
            long[] all = new long[batch];
            Arrays.fill(all, 5);
            all[0] = n - 1;
            Strided labels = new Strided(lab.labels(all), 1);
            Strided logits = new Strided(lab.numbers(p), n);
            long loss = lab.output(batch);
            long gradient = lab.output(p.length);
            kernels.softmaxCrossEntropyLabels(loss, gradient, labels, logits, batch, n);
            double[] gradients = lab.read(gradient);
            kernels.softmaxCrossEntropyLabels(lab.output(batch), logits.address(), labels, logits, batch, n);
            assertThat(lab.read(logits.address())).as("in place").isEqualTo(gradients);
            for (int b = 0; b < batch; b++) {
                int label = b == 0 ? n - 1 : 5;
                double max = Arrays.stream(row(p, b, n)).max().orElseThrow();
                double s =
                        Arrays.stream(row(p, b, n)).map(x -> Math.exp(x - max)).sum();
                double expected = Math.log(s) + max - p[b * n + label];
                assertThat(Math.abs(lab.read(loss)[b] - expected)).isLessThanOrEqualTo(relative * expected);
                for (int i = 0; i < n; i++) {
                    double q = Math.exp(p[b * n + i] - max) / s - (i == label ? 1 : 0);
                    assertThat(Math.abs(gradients[b * n + i] - q)).isLessThanOrEqualTo(relative * Math.abs(q));
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void aSampleThatHasNoSoftmaxIsNanAndAlone(Precision precision) {
        for (int n : new int[] {1, 2, 7, 8, 33, 2100, 13000}) {
            int batch = 9;
            double[] x = random(precision, new Random(n), batch * n, 1);
            x[n + n / 2] = Double.POSITIVE_INFINITY;
            Arrays.fill(x, 3 * n, 4 * n, Double.NEGATIVE_INFINITY);
            x[5 * n + n - 1] = Double.NaN;
            Arrays.fill(x, 7 * n, 8 * n, Double.NaN);
            try (Lab lab = new Lab(precision)) {
                LossKernels kernels = new LossKernels(lab.queue());
                Strided logits = new Strided(lab.numbers(x), n);
                long[][] outputs = new long[2][2];
                for (long[] out : outputs) {
                    out[0] = lab.output(batch);
                    out[1] = lab.output(x.length);
                }
                Strided target = new Strided(lab.numbers(new double[n]), 0);
                kernels.softmaxCrossEntropy(outputs[0][0], outputs[0][1], target, logits, batch, n);
                Strided labels = new Strided(lab.labels(0), 0);
                kernels.softmaxCrossEntropyLabels(outputs[1][0], outputs[1][1], labels, logits, batch, n);
                for (long[] out : outputs) {
                    double[] loss = lab.read(out[0]);
                    double[] gradient = lab.read(out[1]);
                    for (int i = 0; i < x.length; i++) {
                        boolean nan = i / n % 2 == 1;
                        if (Double.isNaN(loss[i / n]) != nan || Double.isNaN(gradient[i]) != nan) {
                            assertThat(gradient[i])
                                    .as("n %d, %d of sample %d", n, i % n, i / n)
                                    .isEqualTo(nan ? Double.NaN : 0);
                        }
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void aSumThatOverflowsIsInfinite(Precision precision) {
        double largest = precision == Precision.F32 ? Float.MAX_VALUE : Double.MAX_VALUE;
        for (int n : new int[] {1, 2, 7, 16, 33, 127}) {
            double[] p = new double[n];
            Arrays.fill(p, largest);
            double[][] result = run(LossKernels::squaredError, precision, new double[n], false, p, 1, n);
            assertThat(result[0][0]).isEqualTo(Double.POSITIVE_INFINITY);
            assertThat(result[1]).containsOnly(largest);
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void anEmptyBatchLaunchesNothing(Precision precision) {
        try (Lab lab = new Lab(precision)) {
            Strided none = new Strided(lab.output(0), 3);
            for (Launch launch : WITH_TARGETS) {
                launch.run(new LossKernels(lab.queue()), lab.output(0), lab.output(0), none, none, 0, 3);
            }
            new LossKernels(lab.queue()).softmaxCrossEntropyLabels(0, lab.output(0), none, none, 0, 3);
            assertThat(lab.reports()).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void neitherMayBeAskedFor(Precision precision) {
        try (Lab lab = new Lab(precision)) {
            Strided operand = new Strided(lab.numbers(new double[72]), 0);
            for (Launch launch : WITH_TARGETS) {
                for (int n : new int[] {7, 8, 71, 72}) {
                    launch.run(new LossKernels(lab.queue()), 0, 0, operand, operand, 2, n);
                }
            }
            assertThat(lab.reports())
                    .allSatisfy(report -> assertThat(report.storeSectors()).isZero());
        }
    }

    /** Of a batch of a million samples the first blocks. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void memoryIsMovedInFewInstructions(Precision precision) {
        int batch = 1 << 20;
        for (int n : new int[] {8, 9, 10, 32, 33, 128, 1000}) {
            double[] numbers = Arrays.stream(random(precision, new Random(n), 1 << 15, 3))
                    .map(Math::abs)
                    .toArray();
            try (Lab lab = new Lab(precision)) {
                lab.order(count -> new long[] {0, 1});
                LossKernels kernels = new LossKernels(lab.queue());
                long elements = (long) batch * n;
                Strided t = new Strided(lab.partly(elements, numbers), n);
                Strided p = new Strided(lab.partly(elements, numbers), n);
                for (Launch launch : WITH_TARGETS) {
                    launch.run(kernels, lab.output(batch), lab.output(elements), t, p, batch, n);
                }
                Strided labels = new Strided(lab.labels(new long[1 << 12]), 1);
                kernels.softmaxCrossEntropyLabels(lab.output(batch), lab.output(elements), labels, p, batch, n);
                int width = n;
                lab.holdFigures("n " + n, kernel -> instructions(precision, kernel, width));
            }
        }
    }

    /** A block for a sample: in shared memory, and just too long for it. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void samplesOfABlockGiveWhatThoseOfALaneDo(Precision precision) {
        for (int n : new int[] {600, 1100, 1504, 2001, 2301, 3200, 6301}) {
            heldToDoubles(precision, n, n < 3000 ? 6 : 2);
        }
    }

    /** One class has nearly all of the probability: its entry of the softmax comes from the sum of the others. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void labelsOfWhatIsNearlyCertain(Precision precision) {
        for (int n : new int[] {7, 8, 10, 71, 72, 2301, 3200}) {
            double[] x = new double[2 * n];
            x[n / 2] = 30;
            x[n + n / 2] = 30;
            double others = (n - 1) * Math.exp(-30);
            try (Lab lab = new Lab(precision)) {
                long loss = lab.output(2);
                long gradient = lab.output(2 * n);
                Strided labels = new Strided(lab.labels(n / 2, 0), 1);
                new LossKernels(lab.queue())
                        .softmaxCrossEntropyLabels(loss, gradient, labels, new Strided(lab.numbers(x), n), 2, n);
                double[] g = lab.read(gradient);
                Percentage few = withPercentage(1e-4);
                assertThat(lab.read(loss)[0]).isCloseTo(Math.log1p(others), few);
                assertThat(lab.read(loss)[1]).isCloseTo(30, few);
                assertThat(g[n / 2]).isCloseTo(-others / (1 + others), few);
                assertThat(g[n]).isCloseTo(-1, few);
                assertThat(g[n + n / 2]).isLessThanOrEqualTo(1).isCloseTo(1 / (1 + others), few);
            }
        }
    }

    /** What was held to be impossible and came has an infinite loss; what did not come, none. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void crossEntropyOfWhatIsImpossibleIsInfinite(Precision precision) {
        for (int n : new int[] {1, 3, 8, 33, 130, 1100, 6301, 12601}) {
            int batch = 3;
            double[] target = new double[batch * n];
            double[] prediction = new double[batch * n];
            Arrays.fill(prediction, 0.25);
            for (int b = 0; b < batch; b++) {
                target[b * n + b * n / batch] = b == 1 ? 0 : 1;
                prediction[b * n + b * n / batch] = 0;
            }
            try (Lab lab = new Lab(precision)) {
                long loss = lab.output(batch);
                long gradient = lab.output(batch * n);
                Strided t = new Strided(lab.numbers(target), n);
                new LossKernels(lab.queue())
                        .crossEntropy(loss, gradient, t, new Strided(lab.numbers(prediction), n), batch, n);
                double infinity = Double.POSITIVE_INFINITY;
                assertThat(lab.read(loss)).as("n %d", n).containsExactly(infinity, 0, infinity);
                double[] expected = new double[batch * n];
                for (int i = 0; i < expected.length; i++) {
                    expected[i] = target[i] == 0 ? 0 : -infinity;
                }
                assertThat(lab.read(gradient)).as("n %d", n).isEqualTo(expected);
            }
        }
    }

    /** What the batch shares gives the bits that as many copies of it do, wherever results lie. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void aSharedPredictionIsAsManyCopies(Precision precision) {
        for (int n : new int[] {1, 3, 6, 7, 8, 12, 17, 33, 38, 64, 71, 76, 130, 1100}) {
            int batch = 7;
            double[] p = Arrays.stream(random(precision, new Random(n), n, 1))
                    .map(x -> Math.abs(x) + 0x1p-10)
                    .toArray();
            double[] copies = new double[batch * n];
            for (int b = 0; b < batch; b++) {
                System.arraycopy(p, 0, copies, b * n, n);
            }
            double[] targets = Arrays.stream(random(precision, new Random(n), batch * n, 1))
                    .map(Math::abs)
                    .toArray();
            long[] labels = new Random(n).longs(batch, 0, n).toArray();
            try (Lab lab = new Lab(precision)) {
                LossKernels kernels = new LossKernels(lab.queue());
                Strided many = new Strided(lab.numbers(copies), n);
                for (int misaligned = 0; misaligned < 2; misaligned++) {
                    Strided one = new Strided(lab.numbers(misaligned, p), 0);
                    for (int form = 0; form <= WITH_TARGETS.length; form++) {
                        boolean labelled = form == WITH_TARGETS.length;
                        Launch launch = labelled ? LossKernels::softmaxCrossEntropyLabels : WITH_TARGETS[form];
                        Strided target = labelled
                                ? new Strided(lab.labels(labels), 1)
                                : new Strided(lab.numbers(misaligned, targets), n);
                        long[] loss = {lab.output(batch), lab.output(batch)};
                        long[] gradient = {lab.output(batch * n), lab.output(misaligned, batch * n)};
                        launch.run(kernels, loss[0], gradient[0], target, many, batch, n);
                        launch.run(kernels, loss[1], gradient[1], target, one, batch, n);
                        String what = "form %d n %d".formatted(form, n);
                        assertThat(lab.read(loss[1])).as(what).isEqualTo(lab.read(loss[0]));
                        assertThat(lab.read(gradient[1])).as(what).isEqualTo(lab.read(gradient[0]));
                    }
                }
            }
        }
    }

    /**
     * What holds, per sector: 5, where bytes bound, but for float32, of which 60 instructions a number are allowed (with labels 40). A
     * logarithm and a division are 45 a number, with 12 to move it; softmax's losses take 27 to 40 a number and some 170 a sample.
     */
    private static double instructions(Precision precision, String kernel, int n) {
        if (kernel.startsWith("squared")) {
            return 1.8;
        }
        if (precision == Precision.F64) {
            return 5;
        }
        return kernel.startsWith("cross") ? n == 1000 ? 5.3 : 5.2 : n == 9 ? 5.65 : n < 12 ? 5.2 : 5;
    }
}
