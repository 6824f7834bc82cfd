package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.backend.cuda.Trial.Operand;
import io.github.batchjac.tensor.Precision;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** On the interpreter, against sums without rounding. */
@Tag("cuda")
class ReductionKernelsTest {
    private static final MathContext DIGITS = new MathContext(60);

    /** All ways in which rows are taken: by a thread, by lanes of a warp, by a block; in slots and singly. */
    private static final int[] WIDTHS = widths();

    private static int[] widths() {
        List<Integer> widths = new ArrayList<>();
        for (int n = 1; n <= 67; n++) {
            widths.add(n);
        }
        widths.addAll(List.of(99, 100, 128, 129, 200, 255, 256, 257, 511, 1024, 1025, 4095, 4096, 4097, 5000));
        return widths.stream().mapToInt(Integer::intValue).toArray();
    }

    private static BigDecimal exact(double x) {
        return new BigDecimal(x);
    }

    private static BigDecimal u(Trial t) {
        return exact(t.precision.unitRoundoff());
    }

    /** Numbers of very different sizes and both signs, whose sum is far smaller than they are. */
    private static double[] cancelling(Trial t, int count) {
        double[] values = new double[count];
        for (int i = 0; i < count; i++) {
            values[i] = t.rounded(
                    i % 2 == 1 && t.random.nextInt(3) > 0
                            ? -values[i - 1] * (1 + 0x1p-10 * t.random.nextGaussian())
                            : t.random.nextGaussian() * Math.scalb(1.0, t.random.nextInt(20)));
        }
        return values;
    }

    private static int batch(Trial t, int n) {
        return n > 300
                ? 1 + t.random.nextInt(3)
                : n > 64 ? t.random.nextInt(40) : t.random.nextInt(4) == 0 ? 150 : t.random.nextInt(10);
    }

    private static void within(String what, double got, BigDecimal exact, BigDecimal bound) {
        assertThat(got).as(what).isFinite();
        assertThat(exact(got).subtract(exact).abs()).as(what).isLessThanOrEqualTo(bound);
    }

    /** Within so many units in the last place. */
    private static void close(Trial t, String what, double got, BigDecimal exact, int ulps) {
        double unit = t.precision.ulp(exact.doubleValue());
        within(what, got, exact, exact(unit).multiply(BigDecimal.valueOf(ulps)));
    }

    /** u|sum|·roundings + n²u²Σ|terms|. */
    private static BigDecimal compensated(Trial t, int n, BigDecimal sum, BigDecimal magnitudes, int roundings) {
        BigDecimal nu = u(t).multiply(BigDecimal.valueOf(n));
        return u(t).multiply(sum.abs())
                .multiply(BigDecimal.valueOf(roundings))
                .add(nu.multiply(nu).multiply(magnitudes));
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void aSumIsRoundedAsIfFormedInTwiceThePrecision(Precision precision) {
        try (Trial t = new Trial(precision, 1)) {
            ReductionKernels kernels = new ReductionKernels(t.queue());
            for (int n : WIDTHS) {
                int batch = batch(t, n);
                double scale = t.rounded(n % 2 == 0 ? 1.0 / n : 1);
                Operand a = t.operand(cancelling(t, batch * n), n, false);
                long out = t.output(batch);
                kernels.sumComponents(out, a.address(), batch, n, scale);
                double[] got = t.lab.read(out);
                for (int b = 0; b < batch; b++) {
                    BigDecimal sum = BigDecimal.ZERO;
                    BigDecimal magnitudes = BigDecimal.ZERO;
                    for (int j = 0; j < n; j++) {
                        sum = sum.add(exact(a.at(b, j)));
                        magnitudes = magnitudes.add(exact(a.at(b, j)).abs());
                    }
                    BigDecimal bound = compensated(t, n, sum, magnitudes, 2).multiply(exact(scale));
                    within("n=" + n + " sample " + b, got[b], sum.multiply(exact(scale)), bound);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void halfASquaredNormIsWithinFourUnits(Precision precision) {
        try (Trial t = new Trial(precision, 2)) {
            ReductionKernels kernels = new ReductionKernels(t.queue());
            for (int n : WIDTHS) {
                int batch = batch(t, n);
                Operand a = t.operand(cancelling(t, batch * n), n, false);
                long out = t.output(batch);
                kernels.halfSquaredNorms(out, a.address(), batch, n);
                double[] got = t.lab.read(out);
                for (int b = 0; b < batch; b++) {
                    BigDecimal sum = BigDecimal.ZERO;
                    for (int j = 0; j < n; j++) {
                        sum = sum.add(exact(a.at(b, j)).pow(2));
                    }
                    close(t, "n=" + n + " sample " + b, got[b], sum.multiply(new BigDecimal("0.5")), 4);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void aDotProductIsRoundedAsIfFormedInTwiceThePrecision(Precision precision) {
        try (Trial t = new Trial(precision, 3)) {
            ReductionKernels kernels = new ReductionKernels(t.queue());
            for (int n : WIDTHS) {
                for (int shared = 0; shared < 3; shared++) {
                    int batch = batch(t, n);
                    Operand x = t.operand(cancelling(t, (shared == 1 ? 1 : batch) * n), n, shared == 1);
                    Operand y = t.operand(cancelling(t, (shared == 2 ? 1 : batch) * n), n, shared == 2);
                    long out = t.output(batch);
                    kernels.dot(out, x.strided(), y.strided(), batch, n);
                    double[] got = t.lab.read(out);
                    for (int b = 0; b < batch; b++) {
                        BigDecimal sum = BigDecimal.ZERO;
                        BigDecimal magnitudes = BigDecimal.ZERO;
                        for (int j = 0; j < n; j++) {
                            BigDecimal product = exact(x.at(b, j)).multiply(exact(y.at(b, j)));
                            sum = sum.add(product);
                            magnitudes = magnitudes.add(product.abs());
                        }
                        within("n=" + n + " sample " + b, got[b], sum, compensated(t, n, sum, magnitudes, 1));
                    }
                }
            }
        }
    }

    private static BigDecimal norm(Operand a, int b) {
        BigDecimal sum = BigDecimal.ZERO;
        for (int j = 0; j < a.size(); j++) {
            sum = sum.add(exact(a.at(b, j)).pow(2));
        }
        return sum.sqrt(DIGITS);
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void aNormNeitherOverflowsNorUnderflowsBeforeItsResultDoes(Precision precision) {
        int top = precision == Precision.F32 ? 127 : 1023;
        try (Trial t = new Trial(precision, 4)) {
            ReductionKernels kernels = new ReductionKernels(t.queue());
            for (int n : WIDTHS) {
                int batch = batch(t, n);
                int exponent = n % 4 == 0 ? 0 : n % 4 == 1 ? top - 9 : n % 4 == 2 ? -top : -top / 2 - 20;
                double[] numbers = new double[batch * n];
                for (int i = 0; i < numbers.length; i++) {
                    numbers[i] = t.rounded(Math.scalb(t.random.nextGaussian(), exponent - t.random.nextInt(9)));
                }
                Operand a = t.operand(numbers, n, false);
                long out = t.output(batch);
                kernels.norm(out, a.strided(), n, Strided.NONE, 0, batch);
                double[] got = t.lab.read(out);
                for (int b = 0; b < batch; b++) {
                    close(t, "n=" + n + " sample " + b, got[b], norm(a, b), 2);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void theNormOfAnOuterProductIsTheProductOfTwoNorms(Precision precision) {
        int top = precision == Precision.F32 ? 127 : 1023;
        try (Trial t = new Trial(precision, 5)) {
            ReductionKernels kernels = new ReductionKernels(t.queue());
            for (int n : WIDTHS) {
                int nx = 1 + t.random.nextInt(n % 5 == 0 ? 300 : 64);
                int batch = batch(t, Math.max(n, nx));
                int exponent = n % 3 == 0 ? 0 : n % 3 == 1 ? top - 2 : 20 - top;
                Operand a = t.operand(scaled(t, batch * n, exponent), n, false);
                Operand x = t.operand(scaled(t, (n % 2 == 0 ? 1 : batch) * nx, -exponent), nx, n % 2 == 0);
                long out = t.output(batch);
                kernels.norm(out, a.strided(), n, x.strided(), nx, batch);
                double[] got = t.lab.read(out);
                for (int b = 0; b < batch; b++) {
                    close(
                            t,
                            "n=" + n + " nx=" + nx + " sample " + b,
                            got[b],
                            norm(a, b).multiply(norm(x, b)),
                            4);
                }
            }
        }
    }

    private static double[] scaled(Trial t, int count, int exponent) {
        double[] values = new double[count];
        for (int i = 0; i < count; i++) {
            values[i] = t.rounded(Math.scalb(2 * t.random.nextDouble() - 1, exponent));
        }
        return values;
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void whatIsNotANumberStaysInItsSample(Precision precision) {
        try (Trial t = new Trial(precision, 6)) {
            ReductionKernels kernels = new ReductionKernels(t.queue());
            for (int n : new int[] {1, 3, 32, 33, 64, 65, 100, 128, 257, 4096}) {
                int batch = 9;
                double[] clean = cancelling(t, batch * n);
                double[] dirty = clean.clone();
                dirty[2 * n + n / 2] = Double.NaN;
                dirty[4 * n + n / 3] = Double.NEGATIVE_INFINITY;
                dirty[6 * n] = Double.POSITIVE_INFINITY;
                dirty[7 * n] = Double.NaN;
                dirty[7 * n + n - 1] = n == 1 ? Double.NaN : Double.POSITIVE_INFINITY;
                double[][] expected = new double[4][];
                double[][] got = new double[4][];
                for (int turn = 0; turn < 2; turn++) {
                    Strided a = new Strided(t.lab.numbers(turn == 0 ? clean : dirty), n);
                    double[][] results = turn == 0 ? expected : got;
                    long[] out = new long[4];
                    for (int i = 0; i < 4; i++) {
                        out[i] = t.lab.output(batch);
                    }
                    kernels.sumComponents(out[0], a.address(), batch, n, 1);
                    kernels.halfSquaredNorms(out[1], a.address(), batch, n);
                    kernels.dot(out[2], a, a, batch, n);
                    kernels.norm(out[3], a, n, Strided.NONE, 0, batch);
                    for (int i = 0; i < 4; i++) {
                        results[i] = t.lab.read(out[i]);
                    }
                }
                for (int i = 0; i < 4; i++) {
                    expected[i][2] = Double.NaN;
                    expected[i][4] = i == 0 ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
                    expected[i][6] = Double.POSITIVE_INFINITY;
                    expected[i][7] = Double.NaN;
                    assertThat(got[i]).as("n=" + n + " kernel " + i).containsExactly(expected[i]);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void aSamplesBitsDoNotDependOnItsPlace(Precision precision) {
        try (Trial t = new Trial(precision, 7)) {
            ReductionKernels kernels = new ReductionKernels(t.queue());
            for (int n : new int[] {1, 7, 31, 32, 64, 65, 66, 128, 257, 1025, 4097}) {
                int batch = n > 1000 ? 5 : 137;
                double[] values = cancelling(t, batch * n);
                long all = t.output(batch);
                kernels.dot(
                        all, new Strided(t.lab.numbers(values), n), new Strided(t.lab.numbers(1, values), n), batch, n);
                double[] together = t.lab.read(all);
                for (int b : new int[] {0, 1, batch / 2, batch - 1}) {
                    double[] sample = java.util.Arrays.copyOfRange(values, b * n, (b + 1) * n);
                    long alone = t.output(1);
                    Strided a = new Strided(t.lab.numbers(3, sample), n);
                    kernels.dot(alone, a, new Strided(a.address(), 0), 1, n);
                    assertThat(t.lab.read(alone)[0])
                            .as("n=" + n + " sample " + b)
                            .isEqualTo(together[b]);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void anyNumberOfNormsIsJoined(Precision precision) {
        double huge = precision == Precision.F32 ? 0x1p126 : 0x1p1022;
        double tiny = precision == Precision.F32 ? 0x1p-140 : 0x1p-1060;
        try (Trial t = new Trial(precision, 8)) {
            ReductionKernels kernels = new ReductionKernels(t.queue());
            for (int count : new int[] {1, 2, 7, 8, 9, 15, 16, 31}) {
                int batch = count % 2 == 0 ? 1100 : 300; // one full block of packs, or none
                double[][] norms = new double[count][batch];
                List<Strided> places = new ArrayList<>();
                for (int i = 0; i < count; i++) {
                    for (int b = 0; b < batch; b++) {
                        double size = b % 3 == 0 ? 1 : b % 3 == 1 ? huge / 8 : tiny;
                        norms[i][b] = t.rounded(t.random.nextDouble() * size);
                    }
                    norms[i][3] = 0;
                    norms[i][7] = i == count - 1 ? Double.NaN : 1;
                    norms[i][9] = i == 0 ? Double.POSITIVE_INFINITY : 1;
                    norms[i][11] = i == 0 ? Double.POSITIVE_INFINITY : Double.NaN;
                    boolean shared = i % 4 == 2 && i < count - 1;
                    if (shared) {
                        Arrays.fill(norms[i], norms[i][0]);
                    }
                    places.add(
                            shared
                                    ? new Strided(t.lab.numbers(norms[i][0]), 0)
                                    : new Strided(t.lab.numbers(norms[i]), 1));
                }
                long out = t.lab.output(count % 4 == 0 ? 1 : 0, batch); // numbers of a full block, too, one by one
                kernels.joinNorms(out, places, batch);
                double[] got = t.lab.read(out);
                for (int b = 0; b < batch; b++) {
                    if (b == 7 || b == 9 || b == 11) {
                        assertThat(got[b]).isEqualTo(Double.valueOf(b == 7 ? Double.NaN : Double.POSITIVE_INFINITY));
                        continue;
                    }
                    BigDecimal sum = BigDecimal.ZERO;
                    for (int i = 0; i < count; i++) {
                        sum = sum.add(exact(norms[i][b]).pow(2));
                    }
                    // each launch rounds three times and takes seven norms more
                    close(t, count + " norms, sample " + b, got[b], sum.sqrt(DIGITS), 2 + count / 7);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void normsThatTheBatchSharesAreJoined(Precision precision) {
        try (Trial t = new Trial(precision, 13)) {
            List<Strided> norms = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                norms.add(new Strided(t.lab.numbers((double) (2 * i + 1)), 0)); // their squares add up to 680
            }
            for (int batch : new int[] {5, 1100}) {
                long out = t.lab.output(batch);
                new ReductionKernels(t.queue()).joinNorms(out, norms, batch);
                t.expect("joined", out, batch, b -> t.rounded(Math.sqrt(680)));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void aFactorClipsWhatIsLongerThanTheLimit(Precision precision) {
        try (Trial t = new Trial(precision, 9)) {
            ReductionKernels kernels = new ReductionKernels(t.queue());
            double[] norms = t.numbers(700);
            norms[0] = 0.7;
            norms[1] = t.rounded(0.7);
            long out = t.output(norms.length);
            long in = t.lab.numbers(norms);
            kernels.clipFactors(out, in, 0.7, norms.length);
            t.expect(
                    "factors",
                    out,
                    norms.length,
                    b -> t.rounded(t.rounded(norms[b]) <= 0.7 ? 1 : 0.7 / t.rounded(norms[b])));
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void samplesAreAddedInTheirOrderTileByTile(Precision precision) {
        try (Trial t = new Trial(precision, 10)) {
            ReductionKernels kernels = new ReductionKernels(t.queue());
            for (int n : new int[] {1, 2, 3, 8, 10, 31, 32, 33, 67, 300}) {
                for (int tile : new int[] {1, 2, 7, 16, 33}) {
                    int samples = 1 + t.random.nextInt(100);
                    boolean weighted = t.random.nextBoolean();
                    double[] a = t.numbers(samples * n);
                    double[] w = t.numbers(samples);
                    int tiles = (samples + tile - 1) / tile;
                    double[] expected = new double[tiles * n];
                    for (int b = 0; b < samples; b++) {
                        for (int j = 0; j < n; j++) {
                            int k = b / tile * n + j;
                            double x = a[b * n + j];
                            expected[k] = t.plus(expected[k], weighted ? t.times(w[b], x) : x);
                        }
                    }
                    long whole = t.output(tiles * n);
                    kernels.sumBatch(whole, t.lab.numbers(a), weighted ? t.lab.numbers(w) : 0, 0, samples, n, tile);
                    t.expect("whole", whole, tiles * n, k -> expected[k]);
                    // in two pieces, the second of which continues a tile, or starts one
                    int cut = t.random.nextInt(samples + 1);
                    long first = t.output((cut + tile - 1) / tile * n);
                    sum(kernels, t, first, a, w, weighted, 0, cut, n, tile);
                    int offset = cut % tile;
                    int row = cut / tile;
                    long second = first + (long) row * n * precision.bytes();
                    if (offset == 0) {
                        second = t.output((tiles - row) * n);
                    } else if (cut + tile - offset < samples) {
                        second = t.lab.output((tiles - row) * n);
                        t.fill(second, 0, t.lab.read(first, (long) row * n, n));
                    }
                    sum(kernels, t, second, a, w, weighted, cut, samples, n, tile);
                    if (cut < samples) {
                        double[] got = t.lab.read(second, 0, (tiles - row) * n);
                        for (int k = 0; k < got.length; k++) {
                            assertThat(got[k]).isEqualTo(Double.valueOf(expected[row * n + k]));
                        }
                    }
                }
            }
        }
    }

    private static void sum(
            ReductionKernels kernels,
            Trial t,
            long partial,
            double[] a,
            double[] w,
            boolean weighted,
            int from,
            int to,
            int n,
            int tile) {
        double[] piece = java.util.Arrays.copyOfRange(a, from * n, to * n);
        double[] weights = java.util.Arrays.copyOfRange(w, from, to);
        kernels.sumBatch(
                partial, t.lab.numbers(piece), weighted ? t.lab.numbers(weights) : 0, from % tile, to - from, n, tile);
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void tilesAreAddedInTheirOrder(Precision precision) {
        try (Trial t = new Trial(precision, 11)) {
            ReductionKernels kernels = new ReductionKernels(t.queue());
            for (int n : new int[] {1, 2, 33, 67, 300, 1025}) {
                for (int tiles : new int[] {0, 1, 2, 15, 16, 17, 40}) {
                    double[] total = t.numbers(n);
                    double[] partial = t.numbers(tiles * n);
                    long out = t.lab.numbers(t.misalignment(), total);
                    kernels.addTiles(out, t.lab.numbers(partial), tiles, n);
                    t.expect("tiles", out, n, j -> {
                        double sum = total[j];
                        for (int k = 0; k < tiles; k++) {
                            sum = t.plus(sum, partial[k * n + j]);
                        }
                        return sum;
                    });
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void anEmptyBatchLaunchesNothing(Precision precision) {
        try (Trial t = new Trial(precision, 12)) {
            ReductionKernels kernels = new ReductionKernels(t.queue());
            kernels.sumComponents(0, 0, 0, 5, 1);
            kernels.halfSquaredNorms(0, 0, 0, 5);
            kernels.dot(0, Strided.NONE, Strided.NONE, 0, 5);
            kernels.norm(0, Strided.NONE, 5, Strided.NONE, 0, 0);
            kernels.joinNorms(0, List.of(new Strided(1, 1)), 0);
            kernels.clipFactors(0, 0, 1, 0);
            kernels.sumBatch(0, 0, 0, 0, 0, 5, 3);
            kernels.addTiles(0, 0, 0, 5);
            assertThat(t.lab.reports()).isEmpty();
        }
    }

    /** All lengths of what a lane adds in one go, with numbers whose squares overflow and underflow, or not. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void anAddressThatIsNotAlignedChangesNoBit(Precision precision) {
        int[] exponents = precision == Precision.F32 ? new int[] {0} : new int[] {0, 700, -700};
        int[] widths = {
            6, 8, 65, 66, 68, 70, 72, 76, 80, 96, 100, 120, 128, 136, 160, 192, 196, 252, 256, 264, 320, 384, 500, 512,
            520, 1000, 1024, 1032, 1536, 2044, 2048, 4092, 4096, 4098, 4100, 5000, 5120, 6144, 8192
        };
        for (int n : widths) {
            for (int exponent : exponents) {
                try (Trial t = new Trial(precision, n)) {
                    int batch = 1 + n % 7 / 3;
                    double[] a = scaled(t, batch * n, exponent);
                    double[] x = scaled(t, batch * n, -exponent);
                    if (exponent != 0 && batch > 1) {
                        System.arraycopy(scaled(t, n, 0), 0, a, n, n); // one row needs care, another does not
                    }
                    double[][] aligned = reduced(t, a, x, batch, n, 0);
                    assertThat(reduced(t, a, x, batch, n, 1))
                            .as("n %d, 2^%d", n, exponent)
                            .isDeepEqualTo(aligned);
                    for (int b = 0; b < batch; b++) {
                        BigDecimal norm = BigDecimal.ZERO;
                        for (int j = 0; j < n; j++) {
                            norm = norm.add(exact(a[b * n + j]).pow(2));
                        }
                        close(t, "n=" + n + " sample " + b, aligned[3][b], norm.sqrt(DIGITS), 2);
                    }
                }
            }
        }
    }

    /** NaN, and infinities before and after one, in every place of what a lane adds. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void whatIsNotANumberIsSeenAtEveryAddress(Precision precision) {
        for (int n : new int[] {6, 8, 66, 68, 72, 100, 128, 257, 1000, 4096, 4100}) {
            try (Trial t = new Trial(precision, n)) {
                int batch = 12;
                double[] a = scaled(t, batch * n, 0);
                boolean[] nan = new boolean[batch];
                for (int b = 0; b < batch; b++) {
                    int at = t.random.nextInt(n);
                    nan[b] = b % 3 != 0;
                    a[b * n + at] = b % 3 == 1 ? Double.NaN : Double.POSITIVE_INFINITY;
                    if (b % 3 == 2) {
                        a[b * n + (at + 1 + t.random.nextInt(n - 1)) % n] = Double.NaN;
                    }
                }
                double[] ones = scaled(t, batch * n, 0);
                for (int misaligned = 0; misaligned < 2; misaligned++) {
                    double[][] got = reduced(t, a, ones, batch, n, misaligned);
                    for (int b = 0; b < batch; b++) {
                        for (int kernel = 0; kernel < got.length; kernel++) {
                            String what = "n %d sample %d kernel %d".formatted(n, b, kernel);
                            if (nan[b]) {
                                assertThat(got[kernel][b]).as(what).isNaN();
                            } else {
                                assertThat(got[kernel][b]).as(what).isInfinite();
                            }
                        }
                    }
                }
            }
        }
    }

    private static double[][] reduced(Trial t, double[] a, double[] x, int batch, int n, int misaligned) {
        ReductionKernels kernels = new ReductionKernels(t.queue());
        Strided left = new Strided(t.lab.numbers(misaligned, a), n);
        Strided right = new Strided(t.lab.numbers(2 * misaligned, x), n);
        long[] out = new long[5];
        for (int i = 0; i < out.length; i++) {
            out[i] = t.lab.output(batch);
        }
        kernels.sumComponents(out[0], left.address(), batch, n, 1);
        kernels.halfSquaredNorms(out[1], left.address(), batch, n);
        kernels.dot(out[2], left, right, batch, n);
        kernels.norm(out[3], left, n, Strided.NONE, 0, batch);
        kernels.norm(out[4], left, n, right, n, batch);
        return Arrays.stream(out).mapToObj(t.lab::read).toArray(double[][]::new);
    }
}
