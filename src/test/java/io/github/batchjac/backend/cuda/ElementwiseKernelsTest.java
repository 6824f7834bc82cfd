package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.backend.cpu.CpuTwin;
import io.github.batchjac.backend.cpu.Exact;
import io.github.batchjac.backend.cpu.Worst;
import io.github.batchjac.backend.cuda.ptx.LaunchReport;
import io.github.batchjac.graph.Elementwise;
import io.github.batchjac.graph.Elementwise.Kind;
import io.github.batchjac.graph.Op;
import io.github.batchjac.tensor.Precision;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Elementwise functions and arithmetic, held to the CPU's bits. */
@Tag("cuda")
class ElementwiseKernelsTest {
    private static final Set<Kind> OWN = EnumSet.of(Kind.LOG, Kind.SIN, Kind.COS);

    private static Elementwise function(Kind kind) {
        return new Elementwise(kind, kind == Kind.ELU || kind == Kind.LEAKY_RELU ? 0.25 : 0);
    }

    /** Every exponent and both signs, the range where exp is neither 0 nor 1 more densely, what is not finite. */
    private static double[] points(Precision precision) {
        Random random = new Random(1);
        boolean single = precision == Precision.F32;
        List<Double> points = new ArrayList<>();
        for (int e = single ? -149 : -1074; e <= (single ? 127 : 1023); e += single ? 1 : 3) {
            double z = Math.scalb(1 + random.nextDouble(), e);
            points.add(z);
            points.add(-z);
        }
        double range = single ? 60 : 400;
        for (int i = 0; i < 300; i++) {
            points.add(random.nextGaussian() * 4);
            points.add(random.nextGaussian() * range);
        }
        for (int i = 0; i < 50; i++) {
            points.add(i * Math.PI / 2); // near the zeros of sine and cosine
            points.add(-1.2784645427610738 + random.nextGaussian() * 1e-3); // SiLU' = 0
            points.add(-0.7517915246935645 + random.nextGaussian() * 1e-3); // GELU' = 0
        }
        // where one way ends and another begins: on either side, and one further
        double[] ends = {0.5, 1, 4, 6, 11.2, 11.5, 16, 22, 28, 40, 60, 89, 120, 380, 710, 760, 65536, 1048576};
        for (double end : ends) {
            for (double z :
                    new double[] {Math.nextUp((float) end), Math.nextDown((float) end), end - .5, end + .5, end}) {
                points.add(z);
                points.add(-z);
            }
        }
        double smallest = precision.smallest();
        double largest = single ? Float.MAX_VALUE : Double.MAX_VALUE;
        for (double z : new double[] {0, 1, 0.5, 120, 760, 89, 710, smallest, largest, Double.POSITIVE_INFINITY}) {
            points.add(z);
            points.add(-z);
        }
        points.add(Double.NaN);
        return points.stream().mapToDouble(z -> single ? z.floatValue() : z).toArray();
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void valuesAndDerivativesHaveTheBitsOfTheCpu(Precision precision) {
        double[] z = points(precision);
        CpuTwin twin = new CpuTwin(precision);
        for (Kind kind : EnumSet.complementOf(EnumSet.copyOf(OWN))) {
            double[][] expected = twin.map(function(kind), z);
            try (Lab lab = new Lab(precision)) {
                long value = lab.output(z.length);
                long derivative = lab.output(z.length);
                new ElementwiseKernels(lab.queue()).map(function(kind), value, derivative, lab.numbers(z), z.length);
                check(kind + "", lab.read(value), expected[0], z);
                check(kind + "'", lab.read(derivative), expected[1], z);
            }
        }
    }

    private static void check(String what, double[] got, double[] expected, double[] z) {
        for (int i = 0; i < z.length; i++) {
            if (Double.compare(got[i], expected[i]) != 0) {
                assertThat(got[i]).as("%s(%s)", what, z[i]).isEqualTo(expected[i]);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void logarithmAndTrigonometryAreWithinTwoUlp(Precision precision) {
        double[] z = points(precision);
        for (Kind kind : OWN) {
            Worst worst = new Worst(kind + " " + precision);
            try (Lab lab = new Lab(precision)) {
                long value = lab.output(z.length);
                long derivative = lab.output(z.length);
                new ElementwiseKernels(lab.queue()).map(function(kind), value, derivative, lab.numbers(z), z.length);
                double[] values = lab.read(value);
                double[] derivatives = lab.read(derivative);
                for (int i = 0; i < z.length; i++) {
                    see(worst, precision, values[i], kind, z[i]);
                    if (kind == Kind.LOG) {
                        see(worst, precision, derivatives[i], 1 / z[i], z[i]);
                    } else {
                        see(worst, precision, derivatives[i], kind == Kind.SIN ? Kind.COS : null, z[i]);
                    }
                }
            }
            worst.check();
        }
    }

    /** @param kind null is −sin */
    private static void see(Worst worst, Precision precision, double got, Kind kind, double z) {
        if (kind == Kind.LOG && z > 0 && Double.isFinite(z)) {
            worst.see(ulps(precision, got, Exact.log(Exact.of(z))), 2, z);
        } else if (kind != Kind.LOG && Double.isFinite(z)) {
            BigDecimal exact = sine(Exact.of(z), kind == Kind.COS);
            worst.see(ulps(precision, got, kind == null ? exact.negate() : exact), 2, z);
        } else {
            double limit = kind == Kind.LOG ? StrictMath.log(z) : Double.NaN;
            worst.see(Double.compare(got, limit) == 0 ? 0 : Double.NaN, 2, z);
        }
    }

    private static void see(Worst worst, Precision precision, double got, double expected, double z) {
        double e = precision == Precision.F32 ? (float) expected : expected;
        worst.see(Double.compare(got, e) == 0 ? 0 : Double.NaN, 2, z);
    }

    private static double ulps(Precision precision, double got, BigDecimal exact) {
        return precision == Precision.F32 ? Exact.ulps((float) got, exact) : Exact.ulps(got, exact);
    }

    private static final java.math.MathContext DIGITS = new java.math.MathContext(60);
    /** Of 400 digits, so that numbers of 308 can be reduced. */
    private static final BigDecimal PI = pi();

    /** Machin. */
    private static BigDecimal pi() {
        return arctangent(5)
                .multiply(BigDecimal.valueOf(16))
                .subtract(arctangent(239).multiply(BigDecimal.valueOf(4)));
    }

    private static BigDecimal arctangent(int inverse) {
        java.math.MathContext digits = new java.math.MathContext(400);
        BigDecimal square = BigDecimal.valueOf((long) inverse * inverse);
        BigDecimal term = BigDecimal.ONE.divide(BigDecimal.valueOf(inverse), digits);
        BigDecimal sum = BigDecimal.ZERO;
        for (int i = 1; term.compareTo(new BigDecimal("1e-400")) > 0; i += 2) {
            BigDecimal part = term.divide(BigDecimal.valueOf(i), digits);
            sum = i % 4 == 1 ? sum.add(part) : sum.subtract(part);
            term = term.divide(square, digits);
        }
        return sum;
    }

    private static BigDecimal sine(BigDecimal x, boolean cosine) {
        BigDecimal turns = x.divide(PI, new java.math.MathContext(400)).setScale(0, java.math.RoundingMode.HALF_EVEN);
        BigDecimal r = x.subtract(turns.multiply(PI)).round(DIGITS);
        boolean odd = turns.toBigInteger().testBit(0);
        BigDecimal term = cosine ? BigDecimal.ONE : r;
        BigDecimal sum = BigDecimal.ZERO;
        BigDecimal square = r.multiply(r, DIGITS);
        for (int i = cosine ? 1 : 2; i < 80; i += 2) {
            sum = sum.add(term, DIGITS);
            term = term.multiply(square, DIGITS).divide(BigDecimal.valueOf(-(long) i * (i + 1)), DIGITS);
        }
        return odd ? sum.negate() : sum;
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void everyLengthAlignmentAndDestinationGivesTheSameBits(Precision precision) {
        CpuTwin twin = new CpuTwin(precision);
        double[] points = points(precision);
        for (Kind kind : new Kind[] {Kind.TANH, Kind.RELU, Kind.GELU}) {
            for (int n : new int[] {0, 1, 2, 3, 4, 5, 31, 32, 33, 67, 1023, 1024, 1025, 2050}) {
                for (int misaligned = 0; misaligned < 4; misaligned++) {
                    double[] z = Arrays.copyOf(Arrays.copyOfRange(points, 100, 100 + n), n);
                    double[][] expected = twin.map(function(kind), z);
                    try (Lab lab = new Lab(precision)) {
                        ElementwiseKernels kernels = new ElementwiseKernels(lab.queue());
                        long x = lab.numbers(misaligned == 2 ? 1 : 0, z);
                        long value = lab.output(misaligned == 1 ? 1 : 0, n);
                        long derivative = lab.output(misaligned == 3 ? 3 : 0, n);
                        kernels.map(function(kind), value, 0, x, n);
                        kernels.map(function(kind), 0, derivative, x, n);
                        check(kind + " " + n, lab.read(value), expected[0], z);
                        check(kind + "' " + n, lab.read(derivative), expected[1], z);
                        long other = lab.output(n);
                        long inPlace = lab.numbers(z);
                        kernels.map(function(kind), inPlace, other, inPlace, n);
                        check(kind + " in place " + n, lab.read(inPlace), expected[0], z);
                        check(kind + "' beside " + n, lab.read(other), expected[1], z);
                        inPlace = lab.numbers(z);
                        kernels.map(function(kind), 0, inPlace, inPlace, n);
                        check(kind + "' in place " + n, lab.read(inPlace), expected[1], z);
                    }
                }
            }
        }
    }

    /** Parts of a block that end anywhere, each of the addresses off by any number of elements. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void everyFunctionEndsWhereItsNumbersEnd(Precision precision) {
        double[] points = points(precision);
        for (Kind kind : Kind.values()) {
            for (int n : new int[] {1, 2, 257, 300, 513, 769, 1000, 1281}) {
                try (Lab lab = new Lab(precision)) {
                    ElementwiseKernels kernels = new ElementwiseKernels(lab.queue());
                    double[] z = Arrays.copyOfRange(points, n % 7, n % 7 + n);
                    long[] value = new long[3];
                    long[] derivative = new long[3];
                    for (int turn = 0; turn < 3; turn++) {
                        int off = turn == 0 ? 0 : 1 + n % 4;
                        value[turn] = lab.output(turn == 1 ? off : 0, n);
                        derivative[turn] = lab.output(turn == 2 ? off : 0, n);
                        long x = lab.numbers(turn == 2 ? n % 4 : 0, z);
                        if (turn == 2) {
                            kernels.map(function(kind), value[turn], 0, x, n);
                            kernels.map(function(kind), 0, derivative[turn], x, n);
                        } else {
                            kernels.map(function(kind), value[turn], derivative[turn], x, n);
                        }
                        check(kind + " " + n, lab.read(value[turn]), lab.read(value[0]), z);
                        check(kind + "' " + n, lab.read(derivative[turn]), lab.read(derivative[0]), z);
                    }
                }
            }
        }
    }

    private static double[] random(Precision precision, int seed, int length) {
        Random random = new Random(seed);
        return random.doubles(length, -2, 2)
                .map(x -> precision == Precision.F32 ? (float) x : x)
                .toArray();
    }

    private static double apply(
            Op.@org.jspecify.annotations.Nullable Arithmetic op, Precision precision, double a, double b) {
        double exact = op == null
                ? -rounded(precision, a / b) / b
                : switch (op) {
                    case ADD -> a + b;
                    case SUBTRACT -> a - b;
                    case MULTIPLY -> a * b;
                    case DIVIDE -> a / b;
                };
        // A double's sum, product or quotient of two floats, rounded to float, is the float's.
        return rounded(precision, exact);
    }

    private static double rounded(Precision precision, double x) {
        return precision == Precision.F32 ? (float) x : x;
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void arithmeticRepeatsAndSharesOperands(Precision precision) {
        for (int n : new int[] {1, 6, 31, 33, 1026}) {
            for (int batch : new int[] {0, 1, 9}) {
                int half = n % 2 == 0 ? n / 2 : 1;
                for (int[] sizes : new int[][] {{n, n}, {n, 1}, {1, n}, {half, n}, {n, half}}) {
                    for (int shared = 0; shared < 4; shared++) {
                        arithmetic(precision, n, batch, sizes[0], shared % 2 == 1, sizes[1], shared > 1);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void arithmeticEndsWhereItsNumbersEnd(Precision precision) {
        for (int n : new int[] {2, 129, 255, 257, 300, 511, 513, 700, 767, 769, 1000, 1023, 1281, 1537, 1900}) {
            arithmetic(precision, n, 1, n, false, n, false);
            arithmetic(precision, n, 2, n, false, 1, true);
            arithmetic(precision, n, 3, 1, false, n, n % 4 == 0);
        }
    }

    private static void arithmetic(
            Precision precision, int n, int batch, int aSize, boolean aShared, int bSize, boolean bShared) {
        int misaligned = n % 5 == 1 ? 1 : 0;
        double[] a = random(precision, 1, aSize * (aShared ? 1 : Math.max(1, batch)));
        double[] b = random(precision, 2, bSize * (bShared ? 1 : Math.max(1, batch)));
        List<Op.Arithmetic> operations = new ArrayList<>(List.of(Op.Arithmetic.values()));
        operations.add(null);
        for (Op.Arithmetic op : operations) {
            double[] expected = new double[batch * n];
            for (int i = 0; i < expected.length; i++) {
                double x = a[(aShared ? 0 : i / n * aSize) + i % n % aSize];
                double y = b[(bShared ? 0 : i / n * bSize) + i % n % bSize];
                expected[i] = apply(op, precision, x, y);
            }
            try (Lab lab = new Lab(precision)) {
                Strided x = new Strided(lab.numbers(misaligned, a), aShared ? 0 : aSize);
                Strided y = new Strided(lab.numbers(b), bShared ? 0 : bSize);
                long out = lab.output(expected.length);
                launch(lab, op, out, n, x, aSize, y, bSize, batch);
                assertThat(lab.read(out))
                        .as("%s n %d batch %d %s %s", op, n, batch, x, y)
                        .isEqualTo(expected);
                if (batch > 0 && aSize == n && !aShared) {
                    launch(lab, op, x.address(), n, x, aSize, y, bSize, batch);
                    assertThat(lab.read(x.address())).as("in place of a").isEqualTo(expected);
                } else if (batch > 0 && bSize == n && !bShared) {
                    launch(lab, op, y.address(), n, x, aSize, y, bSize, batch);
                    assertThat(lab.read(y.address())).as("in place of b").isEqualTo(expected);
                }
            }
        }
    }

    private static void launch(
            Lab lab,
            Op.@org.jspecify.annotations.Nullable Arithmetic op,
            long out,
            int n,
            Strided a,
            int aSize,
            Strided b,
            int bSize,
            int batch) {
        ElementwiseKernels kernels = new ElementwiseKernels(lab.queue());
        if (op == null) {
            kernels.divideDerivative(out, n, a, aSize, b, bSize, batch);
        } else {
            kernels.arithmetic(op, out, n, a, aSize, b, bSize, batch);
        }
    }

    /** The last block of more than 2³² results. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void repeatedOperandsOfAVeryLargeBatch(Precision precision) {
        int n = 5;
        long batch = 1L << 30;
        int samples = 1024;
        double[] numbers = random(precision, 5, samples * n);
        double[] scales = random(precision, 6, samples);
        for (Op.Arithmetic op : Op.Arithmetic.values()) {
            try (Lab lab = new Lab(precision)) {
                long a = lab.output(batch * n);
                long b = lab.output(batch);
                lab.fill(a, (batch - samples) * n, numbers);
                lab.fill(b, batch - samples, scales);
                long out = lab.output(batch * n);
                lab.order(count -> new long[] {count - 1});
                ElementwiseKernels kernels = new ElementwiseKernels(lab.queue());
                kernels.arithmetic(op, out, n, new Strided(a, n), n, new Strided(b, 1), 1, batch);
                double expected = numbers[samples * n - 1];
                double other = scales[samples - 1];
                double exact = switch (op) {
                    case ADD -> expected + other;
                    case SUBTRACT -> expected - other;
                    case MULTIPLY -> expected * other;
                    case DIVIDE -> expected / other;
                };
                assertThat(lab.read(out, batch * n - 1, 1)[0]).as("%s", op).isEqualTo(Samples.round(precision, exact));
                long derivative = lab.output(batch * n);
                kernels.divideDerivative(derivative, n, new Strided(a, n), n, new Strided(b, 1), 1, batch);
                double quotient = Samples.round(precision, expected / other);
                assertThat(lab.read(derivative, batch * n - 1, 1)[0])
                        .isEqualTo(Samples.round(precision, -quotient / other));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void memoryIsMovedInFewInstructions(Precision precision) {
        int n = 1 << 14;
        double[] z = random(precision, 1, n);
        for (Kind kind : Kind.values()) {
            try (Lab lab = new Lab(precision)) {
                ElementwiseKernels kernels = new ElementwiseKernels(lab.queue());
                // What has no logarithm goes another way.
                double[] points =
                        kind == Kind.LOG ? Arrays.stream(z).map(Math::abs).toArray() : z;
                long x = lab.numbers(points);
                long value = lab.output(n);
                kernels.map(function(kind), value, 0, x, n);
                kernels.map(function(kind), 0, lab.output(n), x, n);
                kernels.map(function(kind), lab.output(n), lab.output(n), x, n);
                for (LaunchReport report : lab.reports()) {
                    Lab.print(kind.name(), report);
                    assertThat(report.sectorRatio()).as("%s", report).isEqualTo(1);
                    assertThat(report.instructionsPerSector()).as("%s", report).isLessThanOrEqualTo(5);
                }
            }
        }
        try (Lab lab = new Lab(precision)) {
            ElementwiseKernels kernels = new ElementwiseKernels(lab.queue());
            long a = lab.numbers(z);
            for (int size : new int[] {1, 10, 128, n}) {
                Strided row = new Strided(a, 0);
                kernels.arithmetic(
                        Op.Arithmetic.MULTIPLY, lab.output(n), n, new Strided(a, n), n, new Strided(a, n), n, 1);
                kernels.arithmetic(Op.Arithmetic.ADD, lab.output(n), n, new Strided(a, n), n, row, 1, 1);
                kernels.arithmetic(Op.Arithmetic.ADD, lab.output(n), 128, new Strided(a, 128), 128, row, 128, n / 128);
            }
            lab.holdFigures("arithmetic", kernel -> 5);
        }
    }

    /** Each point in every place of 16 bytes, aligned and not, in whole blocks and in a part of one. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void everyFunctionGivesTheSameBitsInEveryPlace(Precision precision) {
        double[] points = points(precision);
        int n = points.length;
        int whole = (n + 1023) / 1024 * 1024;
        for (Kind kind : Kind.values()) {
            try (Lab lab = new Lab(precision)) {
                ElementwiseKernels kernels = new ElementwiseKernels(lab.queue());
                long value = lab.output(n);
                long derivative = lab.output(n);
                kernels.map(function(kind), value, derivative, lab.numbers(points), n);
                double[] values = lab.read(value);
                double[] derivatives = lab.read(derivative);
                for (int shift = 0; shift < 5; shift++) {
                    // whole blocks, then two that are not: one is not aligned, the other has a part of a block
                    int count = shift < 4 ? whole : n - 3;
                    int misaligned = shift % 4;
                    int from = shift;
                    double[] z = turned(points, from, count);
                    kernels.map(function(kind), value = lab.output(count), 0, lab.numbers(z), count);
                    check(kind + " from " + from, lab.read(value), turned(values, from, count), z);
                    kernels.map(function(kind), 0, derivative = lab.output(count), lab.numbers(z), count);
                    check(kind + "' from " + from, lab.read(derivative), turned(derivatives, from, count), z);
                    value = lab.output(count);
                    derivative = lab.output(misaligned, count);
                    kernels.map(function(kind), value, derivative, lab.numbers(misaligned, z), count);
                    check(kind + " shifted " + from, lab.read(value), turned(values, from, count), z);
                    check(kind + "' shifted " + from, lab.read(derivative), turned(derivatives, from, count), z);
                }
            }
        }
    }

    /** Round and round from an element on. */
    private static double[] turned(double[] a, int from, int count) {
        double[] turned = new double[count];
        for (int i = 0; i < count; i++) {
            turned[i] = a[(from + i) % a.length];
        }
        return turned;
    }

    /** Many samples of a block, and whole aligned blocks with one number for an operand. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void arithmeticFillsBlocks(Precision precision) {
        for (int shared = 0; shared < 4; shared++) {
            arithmetic(precision, 300, 7, 100, shared % 2 == 1, 300, shared > 1);
            arithmetic(precision, 300, 7, 300, shared % 2 == 1, 30, shared > 1);
            arithmetic(precision, 7, 301, 1, shared % 2 == 1, 7, shared > 1);
            arithmetic(precision, 1024, 3, 1, shared % 2 == 1, 1024, shared > 1);
            arithmetic(precision, 2052, 1, 2052, shared % 2 == 1, 1, shared > 1);
            arithmetic(precision, 2052, 1, 1, shared % 2 == 1, 2052, shared > 1);
            arithmetic(precision, 2052, 2, 1, shared % 2 == 1, 2052, shared > 1);
            arithmetic(precision, 2052, 1, 2052, shared % 2 == 1, 2052, shared > 1);
        }
    }
}
