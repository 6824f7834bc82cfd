package io.github.batchjac.backend.cuda;

import static io.github.batchjac.backend.cuda.Launches.COLUMNS;
import static io.github.batchjac.backend.cuda.Launches.LOSSES;
import static io.github.batchjac.backend.cuda.Launches.ROWS;
import static io.github.batchjac.backend.cuda.Launches.WITH_TARGETS;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.backend.cuda.Launches.Loss;
import io.github.batchjac.backend.cuda.Launches.Product;
import io.github.batchjac.backend.cuda.Trial.Operand;
import io.github.batchjac.tensor.Precision;
import java.util.Arrays;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Softmax, its Jacobians and losses of samples of any size, at any address, shared or not: each has the bits that it has alone, and,
 * where doubles can tell, those of the formula.
 */
@Tag("cuda")
class SampleSizesKernelsTest {
    private static final int TRIALS = 70;

    private static Operand operand(Trial t, int batch, int size, boolean positive) {
        boolean shared = t.random.nextInt(4) == 0;
        double[] values = t.random
                .doubles((shared ? 1L : batch) * size, positive ? 0x1p-9 : -4, 4)
                .map(t::rounded)
                .toArray();
        return t.operand(values, size, shared);
    }

    private static double[] sample(Operand operand, int b) {
        int from = operand.strided().stride() == 0 ? 0 : b * operand.size();
        return Arrays.copyOfRange(operand.values(), from, from + operand.size());
    }

    /** Of one lane, of some, of a block, and too long for shared memory, for which {@code longest} is enough. */
    private static int size(Trial t, int trial, int longest) {
        int size = switch (trial % 10) {
            case 0 -> 300 + t.random.nextInt(1200);
            case 1 -> trial % 20 == 1 ? longest + t.random.nextInt(600) : 1500 + t.random.nextInt(1500);
            case 2, 3, 4 -> 1 + t.random.nextInt(140);
            default -> 1 + t.random.nextInt(40);
        };
        return t.random.nextInt(3) == 0 ? (size + 3) / 4 * 4 : size;
    }

    private static int batch(Trial t, int n) {
        return 1 + t.random.nextInt(n > 200 ? 2 : n > 40 ? 9 : 40);
    }

    private static int longest(Precision precision) {
        return precision == Precision.F32 ? 12_300 : 6_200;
    }

    private static void same(double[] got, int from, double[] expected, String what) {
        assertThat(Arrays.copyOfRange(got, from, from + expected.length))
                .as(what)
                .isEqualTo(expected);
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void softmaxesAreThoseOfEachSampleAlone(Precision precision) {
        for (int trial = 0; trial < TRIALS; trial++) {
            try (Trial t = new Trial(precision, trial)) {
                int n = size(t, trial, longest(precision));
                int batch = batch(t, n);
                double[] x = t.random
                        .doubles((long) batch * n, -8, 8)
                        .map(t::rounded)
                        .toArray();
                long in = t.lab.numbers(t.misalignment(), x);
                long y = t.output(batch * n);
                long q = t.output(batch * n);
                long rest = t.output(batch);
                SoftmaxKernels kernels = new SoftmaxKernels(t.queue());
                if (trial % 2 == 0) {
                    kernels.logSoftmax(y, q, rest, in, batch, n);
                } else {
                    kernels.logSoftmax(y, 0, 0, in, batch, n);
                    kernels.softmax(q, rest, in, batch, n);
                }
                double[] ys = t.lab.read(y);
                double[] qs = t.lab.read(q);
                double[] rests = t.lab.read(rest);
                for (int b = 0; b < batch; b += 1 + batch / 4) {
                    String what = "n %d sample %d of %d".formatted(n, b, batch);
                    double[] one = Arrays.copyOfRange(x, b * n, (b + 1) * n);
                    long[] alone = {t.lab.output(n), t.lab.output(n), t.lab.output(1)};
                    kernels.logSoftmax(alone[0], alone[1], alone[2], t.lab.numbers(one), 1, n);
                    same(ys, b * n, t.lab.read(alone[0]), what);
                    same(qs, b * n, t.lab.read(alone[1]), what);
                    same(rests, b, t.lab.read(alone[2]), what);
                    formula(t, one, t.lab.read(alone[0]), t.lab.read(alone[1]), rests[b], what);
                }
            }
        }
    }

    private static void formula(Trial t, double[] x, double[] y, double[] q, double rest, String what) {
        int peak = 0;
        for (int i = 0; i < x.length; i++) {
            peak = x[i] > x[peak] ? i : peak;
        }
        double others = 0;
        for (int i = 0; i < x.length; i++) {
            others += i == peak ? 0 : Math.exp(x[i] - x[peak]);
        }
        double relative = 32 * t.precision.unitRoundoff() + x.length * 0x1p-52;
        assertThat(Math.abs(rest - others / (1 + others))).as(what).isLessThanOrEqualTo(relative * rest);
        for (int i = 0; i < x.length; i++) {
            double e = Math.exp(x[i] - x[peak]) / (1 + others);
            double log = Math.log1p(others) + (x[peak] - x[i]);
            assertThat(Math.abs(q[i] - e)).as(what).isLessThanOrEqualTo(relative * e);
            assertThat(Math.abs(y[i] + log)).as(what).isLessThanOrEqualTo(relative * log);
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void rowsAndColumnsAreMultiplied(Precision precision) {
        for (int trial = 0; trial < TRIALS; trial++) {
            try (Trial t = new Trial(precision, trial)) {
                int n = size(t, trial, longest(precision));
                int batch = 1 + t.random.nextInt(n > 200 ? 2 : 6);
                int k = 1 + t.random.nextInt(n > 1500 ? 3 : n > 40 ? 9 : 70);
                Operand panel = operand(t, batch, n * k, false);
                Operand positive = operand(t, batch, n, true);
                Operand q =
                        t.operand(normalised(t, positive), n, positive.strided().stride() == 0);
                double[] rests = new double[q.values().length / n];
                for (int b = 0; b < rests.length; b++) {
                    rests[b] = t.rounded(1 - Arrays.stream(sample(q, b)).max().orElseThrow());
                }
                Strided entries = q.strided();
                Strided rest = new Strided(t.lab.numbers(rests), entries.stride() == 0 ? 0 : 1);
                for (int form = 0; form < ROWS.size() + COLUMNS.size(); form++) {
                    boolean rows = form < ROWS.size();
                    Product product = rows ? ROWS.get(form) : COLUMNS.get(form - ROWS.size());
                    long out = t.output(batch * n * k);
                    product.run(new SoftmaxKernels(t.queue()), out, panel.strided(), entries, rest, batch, k, n);
                    double[] got = t.lab.read(out);
                    for (int b = 0; b < batch; b++) {
                        for (int r = 0; r < k; r += 1 + k / 3) {
                            double[] g = new double[n];
                            double[] result = new double[n];
                            for (int i = 0; i < n; i++) {
                                int place = rows ? r * n + i : i * k + r;
                                g[i] = panel.at(b, place);
                                result[i] = got[b * n * k + place];
                            }
                            int formula = rows ? form : form == ROWS.size() ? 0 : 2;
                            String what = "form %d n %d k %d sample %d row %d".formatted(form, n, k, b, r);
                            multiplied(t, formula, sample(q, b), g, result, what);
                        }
                    }
                }
            }
        }
    }

    /** Entries of samples of positive numbers, each divided by its sum. */
    private static double[] normalised(Trial t, Operand x) {
        double[] q = x.values().clone();
        for (int from = 0; from < q.length; from += x.size()) {
            double sum = Arrays.stream(q, from, from + x.size()).sum();
            for (int i = from; i < from + x.size(); i++) {
                q[i] = t.rounded(q[i] / sum);
            }
        }
        return q;
    }

    /** Row g times, or, of 2, the transposed: q∘g − q⟨q,g⟩, g − (Σg)q, g − ⟨q,g⟩. */
    private static void multiplied(Trial t, int formula, double[] q, double[] g, double[] result, String what) {
        double sum = 0;
        double magnitudes = 0;
        for (int i = 0; i < q.length; i++) {
            double term = formula == 1 ? g[i] : q[i] * g[i];
            sum += term;
            magnitudes += Math.abs(term);
        }
        double unit = 4 * (q.length + 8) * t.precision.unitRoundoff();
        for (int i = 0; i < q.length; i++) {
            double expected = formula == 0 ? q[i] * (g[i] - sum) : formula == 1 ? g[i] - q[i] * sum : g[i] - sum;
            double size = formula == 0
                    ? q[i] * (Math.abs(g[i]) + magnitudes)
                    : Math.abs(g[i]) + (formula == 1 ? q[i] : 1) * magnitudes;
            assertThat(Math.abs(result[i] - expected)).as(what).isLessThanOrEqualTo(unit * size);
        }
    }

    /** q_i·w, w = −q_j, on the diagonal 1 − q_i, or the rest where q_i is above ½; of log-softmax w. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void jacobiansAreDense(Precision precision) {
        for (int trial = 0; trial < TRIALS; trial++) {
            try (Trial t = new Trial(precision, trial)) {
                int n = 1 + t.random.nextInt(trial % 2 == 0 ? 32 : 90);
                int batch = 1 + t.random.nextInt(n > 40 ? 6 : 20);
                Operand positive = operand(t, batch, n, true);
                double[] numbers = positive.values();
                for (int i = 0; i < numbers.length; i++) {
                    numbers[i] = i % 7 == 0 ? 0 : t.rounded(numbers[i] / 4);
                }
                Operand q = t.operand(numbers, n, positive.strided().stride() == 0);
                Operand rest = operand(t, batch, 1, true);
                Strided entries = q.strided();
                for (boolean log : new boolean[] {false, true}) {
                    long out = t.output(batch * n * n);
                    SoftmaxKernels kernels = new SoftmaxKernels(t.queue());
                    if (log) {
                        kernels.denseLogSoftmax(out, entries, rest.strided(), batch, n);
                    } else {
                        kernels.denseSoftmax(out, entries, rest.strided(), batch, n);
                    }
                    t.expect("n %d log %s".formatted(n, log), out, batch * n * n, at -> {
                        int b = at / (n * n);
                        double left = q.at(b, at / n % n);
                        boolean diagonal = at / n % n == at % n;
                        double w =
                                !diagonal ? t.plus(0, -q.at(b, at % n)) : left > 0.5 ? rest.at(b, 0) : t.plus(1, -left);
                        return log ? w : t.plus(t.times(left, w), 0);
                    });
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void lossesAreThoseOfEachSampleAlone(Precision precision) {
        for (int trial = 0; trial < TRIALS; trial++) {
            try (Trial t = new Trial(precision, trial)) {
                int n = size(t, trial, longest(precision));
                int batch = batch(t, n);
                Operand target = operand(t, batch, n, true);
                Operand prediction = operand(t, batch, n, true);
                long[] labels = t.random.longs(batch, 0, n).toArray();
                LossKernels kernels = new LossKernels(t.queue());
                for (int form = 0; form < LOSSES.size(); form++) {
                    Loss function = LOSSES.get(form);
                    boolean labelled = !WITH_TARGETS.contains(function);
                    Strided wanted = labelled ? new Strided(t.lab.labels(labels), 1) : target.strided();
                    long loss = t.output(batch);
                    long gradient = t.output(batch * n);
                    boolean apart = trial % 3 == 0;
                    function.run(kernels, loss, apart ? 0 : gradient, wanted, prediction.strided(), batch, n);
                    if (apart) {
                        function.run(kernels, 0, gradient, wanted, prediction.strided(), batch, n);
                    }
                    double[] losses = t.lab.read(loss);
                    double[] gradients = t.lab.read(gradient);
                    for (int b = 0; b < batch; b += 1 + batch / 4) {
                        String what = "form %d n %d sample %d of %d".formatted(form, n, b, batch);
                        long one = labelled ? t.lab.labels(labels[b]) : t.lab.numbers(sample(target, b));
                        long[] alone = {t.lab.output(1), t.lab.output(n)};
                        Strided given = new Strided(t.lab.numbers(sample(prediction, b)), n);
                        function.run(kernels, alone[0], alone[1], new Strided(one, n), given, 1, n);
                        same(losses, b, t.lab.read(alone[0]), what);
                        same(gradients, b * n, t.lab.read(alone[1]), what);
                        gradient(t, form, sample(target, b), labels[b], sample(prediction, b), gradients, b * n, what);
                    }
                }
            }
        }
    }

    private static void gradient(
            Trial t, int form, double[] y, long label, double[] p, double[] got, int from, String what) {
        double relative = 32 * t.precision.unitRoundoff() + p.length * 0x1p-52;
        double max = Arrays.stream(p).max().orElseThrow();
        double s = Arrays.stream(p).map(x -> Math.exp(x - max)).sum();
        double total = form == 3 ? 1 : Arrays.stream(y).sum();
        for (int i = 0; i < p.length; i++) {
            double q = Math.exp(p[i] - max) / s;
            double target = form < 3 ? y[i] : i == label ? 1 : 0;
            double expected = switch (form) {
                case 0 -> p[i] - target;
                case 1 -> -target / p[i];
                default -> total * q - target;
            };
            double size = form < 2 ? Math.abs(expected) : total * q + target;
            assertThat(Math.abs(got[from + i] - expected)).as(what).isLessThanOrEqualTo(relative * size);
        }
    }
}
