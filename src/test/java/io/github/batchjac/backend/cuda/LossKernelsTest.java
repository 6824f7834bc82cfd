package io.github.batchjac.backend.cuda;

import static io.github.batchjac.backend.cuda.Launches.LOSSES;
import static io.github.batchjac.backend.cuda.Launches.WITH_TARGETS;
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
import io.github.batchjac.backend.cuda.Launches.Loss;
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

    /** Losses, then gradients, each the same however asked for. */
    private static double[][] run(
            Loss loss, Precision precision, double[] target, boolean shared, double[] prediction, int batch, int n) {
        try (Lab lab = new Lab(precision)) {
            Strided t = new Strided(lab.numbers(target), shared ? 0 : n);
            long apart = t.stride() * precision.bytes();
            double[][] result = run(lab, precision, loss, t, apart, prediction, batch, n);
            if (!shared) {
                Strided inPlace = new Strided(lab.numbers(target), n);
                Strided p = new Strided(lab.numbers(prediction), n);
                loss.run(new LossKernels(lab.queue()), lab.output(batch), inPlace.address(), inPlace, p, batch, n);
                assertThat(lab.read(inPlace.address()))
                        .as("in place of the target, n %d", n)
                        .isEqualTo(result[1]);
            }
            return result;
        }
    }

    private static double[][] run(Precision precision, long[] labels, double[] logits, int n) {
        try (Lab lab = new Lab(precision)) {
            Strided target = new Strided(lab.labels(labels), 1);
            Loss loss = LossKernels::softmaxCrossEntropyLabels;
            return run(lab, precision, loss, target, Long.BYTES, logits, labels.length, n);
        }
    }

    /**
     * The same bits when only one of them is wanted, in place, shifted, and for a sample alone.
     *
     * @param apart bytes from sample to sample of the target
     */
    private static double[][] run(
            Lab lab,
            Precision precision,
            Loss loss,
            Strided target,
            long apart,
            double[] prediction,
            int batch,
            int n) {
        LossKernels kernels = new LossKernels(lab.queue());
        Strided p = new Strided(lab.numbers(prediction), n);
        long losses = lab.output(batch);
        long gradients = lab.output(prediction.length);
        loss.run(kernels, losses, gradients, target, p, batch, n);
        double[][] result = {lab.read(losses), lab.read(gradients)};

        long only = lab.output(batch);
        loss.run(kernels, only, 0, target, p, batch, n);
        assertThat(lab.read(only)).as("loss alone, n %d", n).isEqualTo(result[0]);
        long shifted = lab.output(1, prediction.length);
        loss.run(kernels, 0, shifted, target, new Strided(lab.numbers(1, prediction), n), batch, n);
        assertThat(lab.read(shifted)).as("gradient alone, shifted, n %d", n).isEqualTo(result[1]);
        Strided inPlace = new Strided(lab.numbers(1, prediction), n);
        loss.run(kernels, lab.output(batch), inPlace.address(), target, inPlace, batch, n);
        assertThat(lab.read(inPlace.address()))
                .as("in place of the prediction, n %d", n)
                .isEqualTo(result[1]);
        if (batch > 1) {
            int b = batch - 1;
            Strided target1 = new Strided(target.address() + b * apart, 0);
            Strided p1 = new Strided(p.address() + (long) b * n * precision.bytes(), 0);
            long last = lab.output(1);
            long lastGradient = lab.output(n);
            loss.run(kernels, last, lastGradient, target1, p1, 1, n);
            assertThat(lab.read(last)[0]).as("a sample alone, n %d", n).isEqualTo(result[0][b]);
            assertThat(lab.read(lastGradient)).isEqualTo(row(result[1], b, n));
        }
        return result;
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
                Exact.Distribution exact = Exact.softmaxCrossEntropy(t, row);
                String at = "n " + n + " row " + b;
                losses.see(ulps(precision, result[0][b], exact.loss()), bound, at);
                for (int i = 0; i < n; i++) {
                    // an ulp of both magnitudes, and what the rounded sum of the targets costs
                    BigDecimal unit = exact.up()[i]
                            .add(exact.down()[i])
                            .add(exact.targets().multiply(exact.q()[i]))
                            .multiply(u.multiply(Exact.TWO))
                            .add(Exact.of(precision.smallest()));
                    gradients.see(Exact.inUnits(result[1][b * n + i], exact.gradient(i), unit), bound, at);
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
            double[][] result = run(precision, labels, x, n);
            double[] loss = result[0];
            double[] gradient = result[1];
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
        long[] labels = new long[batch];
        Arrays.fill(labels, 5);
        labels[0] = n - 1;
        // 16 ulp, and what sums of n doubles lose here
        double relative = 32 * precision.unitRoundoff() + n * 0x1p-53;
        for (int form = 0; form < LOSSES.size(); form++) {
            boolean labelled = form == 3;
            double[][] result =
                    labelled ? run(precision, labels, p, n) : run(LOSSES.get(form), precision, t, false, p, batch, n);
            for (int b = 0; b < batch; b++) {
                double[] x = row(p, b, n);
                double[] target = labelled ? new double[n] : row(t, b, n);
                if (labelled) {
                    target[(int) labels[b]] = 1;
                }
                double max = Arrays.stream(x).max().orElseThrow();
                double s = Arrays.stream(x).map(v -> Math.exp(v - max)).sum();
                double total = Arrays.stream(target).sum();
                double loss = 0;
                double magnitude = 0;
                for (int i = 0; i < n; i++) {
                    double q = Math.exp(x[i] - max) / s;
                    double term = switch (form) {
                        case 0 -> (x[i] - target[i]) * (x[i] - target[i]) / 2;
                        case 1 -> -target[i] * Math.log(x[i]);
                        default -> target[i] * (Math.log(s) + max - x[i]);
                    };
                    double slope = switch (form) {
                        case 0 -> x[i] - target[i];
                        case 1 -> -target[i] / x[i];
                        default -> total * q - target[i];
                    };
                    loss += term;
                    magnitude += Math.abs(term);
                    double size = form == 2 ? total * q + target[i] : Math.abs(slope);
                    assertThat(Math.abs(result[1][b * n + i] - slope)).isLessThanOrEqualTo(relative * size);
                }
                assertThat(Math.abs(result[0][b] - loss)).isLessThanOrEqualTo(relative * magnitude);
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
            for (Loss loss : WITH_TARGETS) {
                loss.run(new LossKernels(lab.queue()), lab.output(0), lab.output(0), none, none, 0, 3);
            }
            new LossKernels(lab.queue()).softmaxCrossEntropyLabels(0, lab.output(0), none, none, 0, 3);
            assertThat(lab.reports()).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void neitherMayBeAskedFor(Precision precision) {
        try (Lab lab = new Lab(precision)) {
            Strided operand = new Strided(lab.numbers(new double[88]), 0);
            for (Loss loss : WITH_TARGETS) {
                for (int n : new int[] {7, 8, 87, 88}) {
                    loss.run(new LossKernels(lab.queue()), 0, 0, operand, operand, 2, n);
                }
            }
            assertThat(lab.reports())
                    .allSatisfy(report -> assertThat(report.storeSectors()).isZero());
        }
    }

    /** A block for a sample: in shared memory, and just too long for it. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void samplesOfABlockGiveWhatThoseOfALaneDo(Precision precision) {
        for (int n : new int[] {600, 1100, 1504, 2001, 2725, 3204, 6301}) {
            heldToDoubles(precision, n, n < 3000 ? 6 : 2);
        }
    }

    /** One class has nearly all of the probability: its entry of the softmax comes from the sum of the others. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void labelsOfWhatIsNearlyCertain(Precision precision) {
        for (int n : new int[] {7, 8, 10, 87, 88, 2725, 3204}) {
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
        for (int n : new int[] {1, 3, 6, 7, 8, 12, 17, 33, 42, 64, 84, 87, 130, 1100, 6301, 12_301}) {
            int batch = n > 6000 ? 3 : 7;
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
                    for (int form = 0; form < LOSSES.size(); form++) {
                        Loss function = LOSSES.get(form);
                        Strided target = WITH_TARGETS.contains(function)
                                ? new Strided(lab.numbers(misaligned, targets), n)
                                : new Strided(lab.labels(labels), 1);
                        long[] loss = {lab.output(batch), lab.output(batch)};
                        long[] gradient = {lab.output(batch * n), lab.output(misaligned, batch * n)};
                        function.run(kernels, loss[0], gradient[0], target, many, batch, n);
                        function.run(kernels, loss[1], gradient[1], target, one, batch, n);
                        String what = "form %d n %d".formatted(form, n);
                        assertThat(lab.read(loss[1])).as(what).isEqualTo(lab.read(loss[0]));
                        assertThat(lab.read(gradient[1])).as(what).isEqualTo(lab.read(gradient[0]));
                    }
                }
            }
        }
    }
}
