package io.github.batchjac.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Softmax, its logarithm, its Jacobians and the loss of labels, against 60 digits; {@link SoftmaxLoss32Test} has the other loss. */
class Softmax32Test {
    static final int[] SIZES = {1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 127, 1025, 4099};
    private static final double[] SCALES = {1e-3, 1, 5, 30, 100};
    static final double ENTRY = 16; // 32 only
    // 64 only: static final double ENTRY = 8;
    static final BigDecimal U = BigDecimal.valueOf(Math.ulp(1f)).divide(Exact.TWO);

    static Stream<Kernels32> twins() {
        return Twins.kernels32();
    }

    private static float[] random(Random random, int length, double scale) {
        float[] a = new float[length];
        for (int i = 0; i < length; i++) {
            a[i] = (float) (random.nextGaussian() * scale);
        }
        return a;
    }

    /** Rows that are random at every scale; with one entry far above the others, ties, and −inf. */
    private static float[] logits(Random random, int n, int kind) {
        float[] x = random(random, n, SCALES[kind % SCALES.length]);
        switch (kind / SCALES.length) {
            case 1 -> x[n / 2] += (float) 17;
            case 2 -> x[n - 1] = x[0] = (float) 40;
            case 3 -> x[n / 3] = n == 1 ? x[0] : Float.NEGATIVE_INFINITY;
            default -> {}
        }
        return x;
    }

    private static final int KINDS = 4 * SCALES.length;

    /** The rows of a batch: of long ones one of each sort. */
    static int[] kinds(int n) {
        return n > 1000 ? new int[] {0, 6, 12, 18} : IntStream.range(0, KINDS).toArray();
    }

    static double[] row(float[] a, int b, int n) {
        double[] row = new double[n];
        for (int i = 0; i < n; i++) {
            row[i] = a[b * n + i];
        }
        return row;
    }

    static int largest(double[] a) {
        int m = 0;
        for (int i = 1; i < a.length; i++) {
            m = a[i] > a[m] ? i : m;
        }
        return m;
    }

    /** All kinds of rows of n, one after the other. */
    static float[] batch(int n) {
        Random random = new Random(n);
        int[] kinds = kinds(n);
        float[] x = new float[kinds.length * n];
        for (int b = 0; b < kinds.length; b++) {
            System.arraycopy(logits(random, n, kinds[b]), 0, x, b * n, n);
        }
        return x;
    }

    @ParameterizedTest
    @MethodSource("twins")
    void entriesRestsLogarithmsAndDiagonalsKeepTheirDigits(Kernels32 kernels) {
        Worst q = new Worst("softmax " + Twins.name(kernels));
        Worst rest = new Worst("rest " + Twins.name(kernels));
        Worst log = new Worst("log-softmax " + Twins.name(kernels));
        Worst sums = new Worst("row sum/(n ulp(1)) " + Twins.name(kernels));
        Worst diagonal = new Worst("softmax Jacobian diagonal " + Twins.name(kernels));
        Worst labelGradient = new Worst("gradient at the label " + Twins.name(kernels));
        Worst labelLoss = new Worst("loss of a label " + Twins.name(kernels));
        for (int n : SIZES) {
            float[] x = batch(n);
            int batch = kinds(n).length;
            float[] qs = new float[x.length];
            float[] ys = new float[x.length];
            float[] rests = new float[batch];
            kernels.softmax().logSoftmax(ys, 0, qs, 0, rests, 0, x, 0, batch, n);
            BigDecimal[][] numerators = new BigDecimal[batch][];
            for (int b = 0; b < batch; b++) {
                numerators[b] = Exact.numerators(row(x, b, n));
            }
            int dense = n <= 33 ? n : 0;
            float[] jacobian = new float[batch * dense * dense];
            float[] logJacobian = new float[batch * dense * dense];
            if (dense > 0) {
                kernels.softmax().denseSoftmax(jacobian, 0, qs, 0, rests, 0, batch, n);
                kernels.softmax().denseLogSoftmax(logJacobian, 0, qs, 0, rests, 0, batch, n);
            }
            for (int label = 0; label < n; label += Math.max(1, n / 4)) {
                long[] labels = new long[batch];
                Arrays.fill(labels, label);
                float[] loss = new float[batch];
                float[] gradient = new float[x.length];
                kernels.losses().softmaxCrossEntropyLabels(loss, 0, gradient, 0, labels, 0, x, 0, batch, n);
                for (int b = 0; b < batch; b++) {
                    double[] row = row(x, b, n);
                    BigDecimal[] e = numerators[b];
                    BigDecimal s = Exact.sum(e);
                    BigDecimal others = s.subtract(e[label]);
                    String at = "n " + n + " row " + b + " label " + label;
                    labelGradient.see(Exact.ulps(-gradient[b * n + label], others.divide(s, Exact.MC)), ENTRY, at);
                    if (row[label] != Double.NEGATIVE_INFINITY) {
                        BigDecimal y = Exact.of(row[largest(row)]).subtract(Exact.of(row[label]));
                        y = y.add(Exact.log1p(s.subtract(Exact.ONE)));
                        labelLoss.see(Exact.ulps(loss[b], y), 8, at);
                    }
                    for (int i = 0; i < n; i++) {
                        if (i != label) {
                            assertThat(gradient[b * n + i]).isEqualTo(qs[b * n + i]);
                        }
                    }
                }
            }
            for (int b = 0; b < batch; b++) {
                double[] row = row(x, b, n);
                int m = largest(row);
                BigDecimal[] e = numerators[b];
                BigDecimal s = Exact.sum(e);
                BigDecimal logS = Exact.log1p(s.subtract(Exact.ONE));
                String at = "n " + n + " row " + b;
                BigDecimal sum = BigDecimal.ZERO;
                rest.see(Exact.ulps(rests[b], s.subtract(e[m]).divide(s, Exact.MC)), ENTRY, at);
                for (int i = 0; i < n; i++) {
                    float entry = qs[b * n + i];
                    sum = sum.add(Exact.of(entry));
                    q.see(Exact.ulps(entry, e[i].divide(s, Exact.MC)), ENTRY, at);
                    if (row[i] == Double.NEGATIVE_INFINITY) {
                        assertThat(entry).isZero();
                        assertThat(ys[b * n + i]).isEqualTo(Float.NEGATIVE_INFINITY);
                    } else {
                        BigDecimal y =
                                Exact.of(row[i]).subtract(Exact.of(row[m])).subtract(logS);
                        log.see(Exact.ulps(ys[b * n + i], y), 8, at);
                    }
                    if (dense > 0) {
                        BigDecimal others = s.subtract(e[i]).divide(s, Exact.MC);
                        BigDecimal d = e[i].multiply(others).divide(s, Exact.MC);
                        int o = (b * n + i) * n;
                        diagonal.see(Exact.ulps(jacobian[o + i], d), ENTRY, at);
                        diagonal.see(Exact.ulps(logJacobian[o + i], others), ENTRY, at);
                        for (int j = 0; j < n; j++) {
                            if (j != i) {
                                assertThat(jacobian[o + j]).isEqualTo(-qs[b * n + i] * qs[b * n + j]);
                                assertThat(logJacobian[o + j]).isEqualTo(-qs[b * n + j]);
                            }
                        }
                    }
                }
                sums.see(Exact.inUnits(1, sum, Exact.of(n * (double) Math.ulp(1f))), 1, at);
                if (n == 1) {
                    assertThat(qs[b]).isEqualTo(1f);
                    assertThat(rests[b]).isEqualTo(0f);
                    assertThat(jacobian[b]).isZero();
                }
            }
        }
        for (Worst worst : new Worst[] {q, rest, log, sums, diagonal, labelGradient, labelLoss}) {
            worst.check();
        }
    }

    /** A sum of a million numerators. */
    @ParameterizedTest
    @MethodSource("twins")
    void aMillionComponentsKeepTheirDigits(Kernels32 kernels) {
        int n = 1_000_000;
        float[] x = random(new Random(3), n, 3);
        float[] q = new float[n];
        kernels.softmax().softmax(q, 0, null, 0, x, 0, 1, n);
        double max = Double.NEGATIVE_INFINITY;
        for (float v : x) {
            max = Math.max(max, v);
        }
        BigDecimal sum = BigDecimal.ZERO;
        java.math.MathContext digits = new java.math.MathContext(40);
        for (float v : x) {
            sum = sum.add(new BigDecimal(StrictMath.exp(v - max)), digits); // a random error of 1e-16 each
        }
        Worst worst = new Worst("softmax of a million " + Twins.name(kernels));
        for (int i = 0; i < n; i += 9973) {
            BigDecimal e = Exact.exp(Exact.of(x[i]).subtract(Exact.of(max)));
            worst.see(Exact.ulps(q[i], e.divide(sum, Exact.MC)), ENTRY, i);
        }
        worst.check();
    }

    @ParameterizedTest
    @MethodSource("twins")
    void aSampleThatHasNoSoftmaxIsNanAndAlone(Kernels32 kernels) {
        for (int n : SIZES) {
            int batch = 9;
            float[] x = random(new Random(n), batch * n, 1);
            x[n + n / 2] = Float.POSITIVE_INFINITY;
            Arrays.fill(x, 3 * n, 4 * n, Float.NEGATIVE_INFINITY);
            x[5 * n + n - 1] = Float.NaN;
            Arrays.fill(x, 7 * n, 8 * n, Float.NaN);
            Arrays.fill(x, 8 * n, 9 * n, 3f);
            float[] q = new float[batch * n];
            float[] y = new float[batch * n];
            float[] rest = new float[batch];
            float[] loss = new float[batch];
            float[] gradient = new float[batch * n];
            float[] target = new float[batch * n];
            kernels.softmax().logSoftmax(y, 0, q, 0, rest, 0, x, 0, batch, n);
            kernels.losses().softmaxCrossEntropy(loss, 0, gradient, 0, target, 0, x, 0, batch, n);
            for (int b = 0; b < batch; b++) {
                boolean nan = b % 2 == 1;
                assertThat(Float.isNaN(rest[b])).isEqualTo(nan);
                assertThat(Float.isNaN(loss[b])).isEqualTo(nan);
                for (int i = b * n; i < (b + 1) * n; i++) {
                    assertThat(Float.isNaN(q[i])).isEqualTo(nan);
                    assertThat(Float.isNaN(y[i])).as("n %d, %d", n, i).isEqualTo(nan);
                    assertThat(Float.isNaN(gradient[i])).isEqualTo(nan);
                }
            }
            assertThat(rest[8]).as("n %d, all the same", n).isEqualTo((n - 1f) / n);
            kernels.losses().softmaxCrossEntropyLabels(loss, 0, gradient, 0, new long[batch], 0, x, 0, batch, n);
            for (int b = 0; b < batch; b++) {
                assertThat(Float.isNaN(loss[b])).isEqualTo(b % 2 == 1);
                assertThat(Float.isNaN(gradient[b * n])).isEqualTo(b % 2 == 1);
            }
        }
    }

    /** Sums of equal terms, whose errors all have one sign. */
    @ParameterizedTest
    @MethodSource("twins")
    void longSumsAreCompensated(Kernels32 kernels) {
        Worst worst = new Worst("a sum of equal terms " + Twins.name(kernels));
        for (int n : new int[] {1000, 2047, 4096, 5000}) {
            float[] x = new float[n];
            float[] target = new float[n];
            Arrays.fill(x, 1, n, (float) -4.1584);
            Arrays.fill(target, (float) 0.1);
            float[] q = new float[n];
            float[] rest = new float[1];
            float[] loss = new float[1];
            kernels.softmax().softmax(q, 0, rest, 0, x, 0, 1, n);
            kernels.losses().softmaxCrossEntropy(loss, 0, null, 0, target, 0, x, 0, 1, n);
            BigDecimal others = Exact.exp(Exact.of(x[1])).multiply(Exact.of(n - 1));
            BigDecimal s = others.add(BigDecimal.ONE);
            worst.see(Exact.ulps(rest[0], others.divide(s, Exact.MC)), 5, n);
            BigDecimal all = Exact.log1p(others)
                    .multiply(Exact.of(n))
                    .subtract(Exact.of(x[1]).multiply(Exact.of(n - 1)));
            worst.see(Exact.ulps(loss[0], all.multiply(Exact.of(target[0]))), 5, n);
        }
        worst.check();
    }

    @ParameterizedTest
    @MethodSource("twins")
    void extremesHaveTheirLimits(Kernels32 kernels) {
        for (int n : SIZES) {
            if (n < 6) {
                continue;
            }
            float[] x = new float[n];
            float[] target = new float[n];
            x[3] = Float.NEGATIVE_INFINITY;
            target[3] = target[5] = 1f;
            float[] loss = new float[1];
            kernels.losses().softmaxCrossEntropy(loss, 0, null, 0, target, 0, x, 0, 1, n);
            assertThat(loss[0]).as("n %d, what cannot be came", n).isEqualTo(Float.POSITIVE_INFINITY);

            Arrays.fill(x, 1f);
            x[0] = Float.MAX_VALUE;
            x[1] = Math.ulp(Float.MAX_VALUE) * 1.5f;
            float[] y = new float[n];
            kernels.softmax().logSoftmax(y, 0, null, 0, null, 0, x, 0, 1, n);
            assertThat(y[0]).as("n %d", n).isEqualTo(0f);
            assertThat(y[1]).as("n %d, far apart", n).isEqualTo(x[1] - x[0]);
            assertThat(y[2]).as("n %d, far apart", n).isEqualTo(-Float.MAX_VALUE);
        }
    }

    /** J made of q and rest, column k: exact. */
    private static BigDecimal entry(double[] q, double rest, int m, int i, int k, boolean log) {
        BigDecimal diagonal = i == m ? Exact.of(rest) : Exact.ONE.subtract(Exact.of(q[i]));
        if (log) {
            return i == k ? diagonal : Exact.of(q[k]).negate();
        }
        return Exact.of(q[i]).multiply(i == k ? diagonal : Exact.of(q[k]).negate());
    }

    @ParameterizedTest
    @MethodSource("twins")
    void jacobiansTimesPanelsAreWithinTheBoundOfAProduct(Kernels32 kernels) {
        Worst worst = new Worst("Jacobian times panel, of (n+8)u " + Twins.name(kernels));
        for (int n : new int[] {1, 2, 3, 7, 8, 15, 16, 17, 33, 127}) {
            for (int k : new int[] {1, 3, 17}) {
                Random random = new Random(n + k);
                float[] x = batch(n);
                float[] q = new float[x.length];
                float[] rest = new float[KINDS];
                kernels.softmax().softmax(q, 0, rest, 0, x, 0, KINDS, n);
                float[] rows = random(random, KINDS * k * n, 1);
                float[] columns = new float[rows.length];
                kernels.dense().transpose(columns, 0, rows, 0, KINDS, k, n);
                float[][] results = new float[5][rows.length];
                kernels.softmax().softmaxTimesRows(results[0], 0, rows, 0, q, 0, rest, 0, KINDS, k, n);
                kernels.softmax().rowsTimesLogSoftmax(results[1], 0, rows, 0, q, 0, rest, 0, KINDS, k, n);
                kernels.softmax().rowsTimesLogSoftmaxTransposed(results[2], 0, rows, 0, q, 0, rest, 0, KINDS, k, n);
                float[] out = new float[rows.length];
                kernels.softmax().softmaxTimesColumns(out, 0, columns, 0, q, 0, rest, 0, KINDS, n, k);
                kernels.dense().transpose(results[3], 0, out, 0, KINDS, n, k);
                kernels.softmax().logSoftmaxTimesColumns(out, 0, columns, 0, q, 0, rest, 0, KINDS, n, k);
                kernels.dense().transpose(results[4], 0, out, 0, KINDS, n, k);
                float[] inPlace = rows.clone();
                kernels.softmax().softmaxTimesRows(inPlace, 0, inPlace, 0, q, 0, rest, 0, KINDS, k, n);
                assertThat(inPlace).isEqualTo(results[0]);
                for (int b = 0; b < KINDS; b++) {
                    double[] qb = row(q, b, n);
                    int m = largest(qb);
                    for (int r = 0; r < k; r += 2) {
                        for (int i = 0; i < n; i += 1 + n / 10) {
                            for (int form = 0; form < 5; form++) {
                                BigDecimal sum = BigDecimal.ZERO;
                                BigDecimal magnitude = BigDecimal.ZERO;
                                for (int c = 0; c < n; c++) {
                                    BigDecimal j = form == 1
                                            ? entry(qb, rest[b], m, c, i, true)
                                            : entry(qb, rest[b], m, i, c, form == 2 || form == 4);
                                    BigDecimal term = j.multiply(Exact.of(rows[(b * k + r) * n + c]));
                                    sum = sum.add(term);
                                    magnitude = magnitude.add(term.abs());
                                }
                                BigDecimal unit = magnitude.multiply(U).add(Exact.of(Float.MIN_VALUE));
                                double e = Exact.inUnits(results[form][(b * k + r) * n + i], sum, unit);
                                worst.see(e / (n + 8), 1, "form " + form + " n " + n + " k " + k + " row " + b);
                            }
                        }
                    }
                }
            }
        }
        worst.check();
    }

    @ParameterizedTest
    @MethodSource("twins")
    void aSampleHasTheSameBitsInEveryBatch(Kernels32 kernels) {
        for (int n : SIZES) {
            for (int batch : new int[] {1, 5, 17, 40}) {
                float[] x = random(new Random(n), batch * n, 8);
                float[] target = random(new Random(n + 1), batch * n, 1);
                for (int b = 0; b < batch; b += 3) { // two are the largest
                    x[b * n + n - 1] = Float.NEGATIVE_INFINITY;
                    target[b * n + n - 1] = 0f;
                    x[b * n] = x[b * n + n / 2] = (float) 40;
                }
                float[] whole = run(kernels, x, target, 0, batch, n);
                float[] parts = new float[whole.length];
                for (int b = 0; b < batch; b++) {
                    float[] one = run(kernels, x, target, b, 1, n);
                    int o = 0;
                    for (int size : new int[] {n, n, 1, 1, n, n}) {
                        System.arraycopy(one, o, parts, o * batch + b * size, size);
                        o += size;
                    }
                }
                assertThat(parts).as("n %d batch %d", n, batch).isEqualTo(whole);
            }
        }
    }

    /** q, y, rest, loss, gradient and q in place, of samples {@code from} on. */
    private static float[] run(Kernels32 kernels, float[] x, float[] target, int from, int batch, int n) {
        int size = batch * n;
        float[] out = new float[4 * size + 2 * batch];
        kernels.softmax().logSoftmax(out, size, out, 0, out, 2 * size, x, from * n, batch, n);
        kernels.losses()
                .softmaxCrossEntropy(
                        out, 2 * size + batch, out, 2 * size + 2 * batch, target, from * n, x, from * n, batch, n);
        System.arraycopy(x, from * n, out, out.length - size, size);
        kernels.softmax().softmax(out, out.length - size, null, 0, out, out.length - size, batch, n);
        for (int i = 0; i < size; i++) {
            assertThat(out[out.length - size + i]).isEqualTo(out[i]);
        }
        return out;
    }
}
