package io.github.batchjac.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.ludovic.netlib.blas.NativeBLAS;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every engine, one law a test. */
class Gemm32Test {
    private static final int[] SIZES = {0, 1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 200, 257};
    private static final float CANARY = -12345f;

    static Stream<Gemm32> engines() {
        Stream.Builder<Gemm32> engines = Stream.<Gemm32>builder()
                .add(new PlainGemm32())
                .add(new VectorGemm32())
                .add(GemmChoice32.of(false))
                .add(GemmChoice32.of(true));
        NativeBLAS blas = Blas.floats();
        if (blas != null) {
            engines.add(new BlasGemm32(blas));
        }
        return engines.build();
    }

    /** A matrix inside an array of canaries. */
    private static final class Matrix {
        final int rows;
        final int cols;
        final int at;
        final int row;
        final float[] array;

        Matrix(int rows, int cols, int at, int gap) {
            this.rows = rows;
            this.cols = cols;
            this.at = at;
            row = Math.max(1, cols + gap);
            array = new float[at + rows * row + 3];
            Arrays.fill(array, CANARY);
        }

        static Matrix random(int rows, int cols, Random random) {
            Matrix matrix = new Matrix(rows, cols, random.nextInt(4), random.nextInt(4));
            for (int i = 0; i < rows; i++) {
                for (int j = 0; j < cols; j++) {
                    matrix.set(i, j, (float) random.nextGaussian());
                }
            }
            return matrix;
        }

        float get(int i, int j) {
            return array[at + i * row + j];
        }

        void set(int i, int j, float value) {
            array[at + i * row + j] = value;
        }

        /** The same numbers in another place. */
        Matrix moved(int newAt, int gap) {
            Matrix copy = new Matrix(rows, cols, newAt, gap);
            for (int i = 0; i < rows; i++) {
                System.arraycopy(array, at + i * row, copy.array, copy.at + i * copy.row, cols);
            }
            return copy;
        }

        void assertOnlyInsideChangedSince(Matrix before) {
            for (int q = 0; q < array.length; q++) {
                int r = q - at;
                boolean inside = r >= 0 && r / row < rows && r % row < cols;
                if (!inside && array[q] != before.array[q]) {
                    fail("element %d outside the matrix changed from %s to %s", q, before.array[q], array[q]);
                }
            }
        }
    }

    /** One product: its operands and sizes. */
    private record Case(Matrix a, boolean transposeA, Matrix b, boolean transposeB, int m, int n, int k) {
        static Case random(int m, int n, int k, int transposition, Random random) {
            boolean ta = (transposition & 1) != 0;
            boolean tb = (transposition & 2) != 0;
            Matrix a = Matrix.random(ta ? k : m, ta ? m : k, random);
            Matrix b = Matrix.random(tb ? n : k, tb ? k : n, random);
            return new Case(a, ta, b, tb, m, n, k);
        }

        float left(int i, int p) {
            return transposeA ? a.get(p, i) : a.get(i, p);
        }

        float right(int p, int j) {
            return transposeB ? b.get(j, p) : b.get(p, j);
        }

        void run(Gemm32 gemm, Matrix c, boolean accumulate) {
            rows(gemm, c, 0, m, accumulate);
        }

        /** Rows i to i+count of C only. */
        void rows(Gemm32 gemm, Matrix c, int i, int count, boolean accumulate) {
            gemm.multiply(
                    c.array,
                    c.at + i * c.row,
                    c.row,
                    a.array,
                    a.at + (transposeA ? i : i * a.row),
                    a.row,
                    transposeA,
                    b.array,
                    b.at,
                    b.row,
                    transposeB,
                    count,
                    n,
                    k,
                    accumulate);
        }

        @Override
        public String toString() {
            return "m " + m + ", n " + n + ", k " + k + ", transposed " + transposeA + " " + transposeB;
        }
    }

    private static List<Case> cases(int count, long seed) {
        Random random = new Random(seed);
        List<Case> cases = new ArrayList<>();
        for (int q = 0; q < count; q++) {
            cases.add(Case.random(size(random), size(random), size(random), q, random));
        }
        for (int transposition = 0; transposition < 4; transposition++) {
            cases.add(Case.random(1, 257, 127, transposition, random));
            cases.add(Case.random(257, 1, 127, transposition, random));
            cases.add(Case.random(70, 270, 530, transposition, random));
            cases.add(Case.random(3, 33, 0, transposition, random));
        }
        return cases;
    }

    private static int size(Random random) {
        return SIZES[random.nextInt(SIZES.length)];
    }

    /** Against sums in twice double precision (two-product, two-sum). */
    private static void assertWithinBound(Case product, Matrix c, Matrix before, boolean accumulate) {
        double unit = Math.ulp(1f) / 2;
        for (int i = 0; i < product.m; i++) {
            for (int j = 0; j < product.n; j++) {
                double high = accumulate ? before.get(i, j) : 0;
                double low = 0;
                double magnitude = Math.abs(high);
                for (int p = 0; p < product.k; p++) {
                    double x = product.left(i, p);
                    double y = product.right(p, j);
                    double xy = x * y;
                    double sum = high + xy;
                    double part = sum - high;
                    low += Math.fma(x, y, -xy) + ((high - (sum - part)) + (xy - part));
                    high = sum;
                    magnitude += Math.abs(xy);
                }
                double error = Math.abs((c.get(i, j) - high) - low);
                double bound = (product.k + 4) * unit * magnitude;
                if (!(error <= bound)) {
                    fail("%s, entry %d %d: %s, exactly %s, bound %s", product, i, j, c.get(i, j), high + low, bound);
                }
            }
        }
    }

    private static void assertSameBits(Matrix actual, Matrix expected, int rows, String what) {
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < expected.cols; j++) {
                if (Float.compare(actual.get(i, j), expected.get(i, j)) != 0) {
                    assertThat(actual.get(i, j))
                            .as("%s, entry %d %d", what, i, j)
                            .isEqualTo(expected.get(i, j));
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("engines")
    void productsAreWithinTheBoundAndTouchNothingElse(Gemm32 gemm) {
        Random random = new Random(1);
        for (Case product : cases(120, 2)) {
            for (boolean accumulate : new boolean[] {false, true}) {
                Matrix c = Matrix.random(product.m, product.n, random);
                Matrix before = c.moved(c.at, c.row - c.cols);
                product.run(gemm, c, accumulate);
                assertWithinBound(product, c, before, accumulate);
                c.assertOnlyInsideChangedSince(before);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("engines")
    void theBitsOfARowDependNeitherOnItsPlaceNorOnHowRowsAreDivided(Gemm32 gemm) {
        Random random = new Random(3);
        List<Case> cases = cases(60, 4);
        for (int n : new int[] {1, 2, 10, 33, 64, 257}) {
            for (int k : new int[] {1, 10, 64, 300}) {
                cases.add(Case.random(700, n, k, random.nextInt(4), random));
            }
        }
        for (Case product : cases) {
            for (boolean accumulate : new boolean[] {false, true}) {
                Matrix start = Matrix.random(product.m, product.n, random);
                Matrix whole = start.moved(0, 0);
                product.run(gemm, whole, accumulate);
                Matrix parts = start.moved(5, 2);
                Case moved = new Case(
                        product.a.moved(3, 5),
                        product.transposeA,
                        product.b.moved(1, 7),
                        product.transposeB,
                        product.m,
                        product.n,
                        product.k);
                for (int i = 0, count; i < product.m; i += count) {
                    count = Math.min(product.m - i, 1 + random.nextInt(random.nextBoolean() ? 5 : 300));
                    moved.rows(gemm, parts, i, count, accumulate);
                }
                assertSameBits(parts, whole, product.m, product.toString());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("engines")
    void aStoredRightOperandGivesTheSameBits(Gemm32 gemm) {
        Random random = new Random(5);
        for (Case product : cases(60, 6)) {
            Gemm32.Right32 right = gemm.right(product.transposeB, product.n, product.k);
            right.set(new float[product.b.array.length], product.b.at, product.b.row);
            right.set(product.b.array, product.b.at, product.b.row);
            for (boolean accumulate : new boolean[] {false, true}) {
                Matrix expected = Matrix.random(product.m, product.n, random);
                Matrix actual = expected.moved(2, 3);
                Matrix before = actual.moved(2, 3);
                product.run(gemm, expected, accumulate);
                right.multiply(
                        actual.array,
                        actual.at,
                        actual.row,
                        product.a.array,
                        product.a.at,
                        product.a.row,
                        product.transposeA,
                        product.m,
                        accumulate);
                assertSameBits(actual, expected, product.m, product.toString());
                actual.assertOnlyInsideChangedSince(before);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("engines")
    void aBatchGivesTheBitsOfItsProducts(Gemm32 gemm) {
        Random random = new Random(7);
        for (int[] shape : new int[][] {
            {10, 10, 10},
            {3, 7, 5},
            {32, 32, 32},
            {65, 33, 17},
            {0, 3, 3},
            {3, 4, 0},
            {1, 40, 9},
            {70, 70, 300},
            {5, 1, 9},
            {7, 2, 33},
            {13, 2, 257},
            {8, 3, 40},
            {50, 20, 50},
            {64, 5, 64}
        }) {
            int m = shape[0];
            int n = shape[1];
            int k = shape[2];
            for (int mode = 0; mode < 32; mode++) {
                boolean ta = (mode & 1) != 0;
                boolean tb = (mode & 2) != 0;
                boolean accumulate = (mode & 16) != 0;
                int batch =
                        n < 6 ? 5 * (mode % 9) : mode % 7; // few columns go side by side, samples of up to two vectors
                int gap = mode % 3;
                Matrix a = Matrix.random(Math.max(1, batch) * ((ta ? k : m) + gap), ta ? m : k, random);
                Matrix b = Matrix.random(Math.max(1, batch) * ((tb ? n : k) + gap), tb ? k : n, random);
                Matrix c = Matrix.random(Math.max(1, batch) * (m + gap), n, random);
                int strideA = (mode & 4) != 0 ? 0 : ((ta ? k : m) + gap) * a.row;
                int strideB = (mode & 8) != 0 ? 0 : ((tb ? n : k) + gap) * b.row;
                int strideC = (m + gap) * c.row;
                Matrix expected = c.moved(c.at, c.row - c.cols);
                for (int s = 0; s < batch; s++) {
                    gemm.multiply(
                            expected.array,
                            expected.at + s * strideC,
                            c.row,
                            a.array,
                            a.at + s * strideA,
                            a.row,
                            ta,
                            b.array,
                            b.at + s * strideB,
                            b.row,
                            tb,
                            m,
                            n,
                            k,
                            accumulate);
                }
                gemm.multiplyBatch(
                        c.array,
                        c.at,
                        c.row,
                        strideC,
                        a.array,
                        a.at,
                        a.row,
                        strideA,
                        ta,
                        b.array,
                        b.at,
                        b.row,
                        strideB,
                        tb,
                        batch,
                        m,
                        n,
                        k,
                        accumulate);
                assertSameBits(c, expected, c.rows, Arrays.toString(shape) + " mode " + mode);
                c.assertOnlyInsideChangedSince(expected);
            }
        }
    }

    /** Where results lie without gaps, a row may be stored over the start of the next one: never behind the last. */
    @ParameterizedTest
    @MethodSource("engines")
    void aBatchWithoutGapsGivesTheBitsOfItsProducts(Gemm32 gemm) {
        Random random = new Random(9);
        int around = 40;
        for (int n = 1; n <= 35; n++) {
            for (int m : new int[] {1, 2, 3, 4, 5, 10, 17}) {
                for (int k : new int[] {1, 3, 10, 257}) {
                    int batch = 1 + (n + m + k) % 4;
                    float[] a = numbers(random, batch * m * k);
                    float[] b = numbers(random, batch * k * n);
                    float[] c = new float[batch * m * n + 2 * around];
                    Arrays.fill(c, -7f);
                    float[] expected = c.clone();
                    for (int s = 0; s < batch; s++) {
                        int to = around + s * m * n;
                        gemm.multiply(expected, to, n, a, s * m * k, k, false, b, s * k * n, n, false, m, n, k, false);
                    }
                    gemm.multiplyBatch(
                            c, around, n, m * n, a, 0, k, m * k, false, b, 0, n, k * n, false, batch, m, n, k, false);
                    assertThat(c).as("%d of (%d,%d,%d)", batch, m, n, k).isEqualTo(expected);
                }
            }
        }
    }

    private static float[] numbers(Random random, int count) {
        float[] numbers = new float[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = (float) random.nextGaussian();
        }
        return numbers;
    }

    @ParameterizedTest
    @MethodSource("engines")
    void notANumberAndInfinityStayInTheirRowAndColumn(Gemm32 gemm) {
        Random random = new Random(8);
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
            for (Case product : cases(80, 9)) {
                if (product.m == 0 || product.n == 0 || product.k == 0) {
                    continue;
                }
                int row = random.nextInt(product.m);
                int col = random.nextInt(product.n);
                int p = random.nextInt(product.k);
                product.a.set(product.transposeA ? p : row, product.transposeA ? row : p, bad);
                product.b.set(product.transposeB ? col : p, product.transposeB ? p : col, bad);
                for (int q = 0; q < product.b.row - product.b.cols; q++) {
                    product.b.array[product.b.at + product.b.cols + q] = bad;
                }
                Matrix c = Matrix.random(product.m, product.n, random);
                product.run(gemm, c, false);
                for (int i = 0; i < product.m; i++) {
                    for (int j = 0; j < product.n; j++) {
                        boolean finite = Math.abs(c.get(i, j)) <= Float.MAX_VALUE;
                        if (finite != (i != row && j != col)) {
                            fail("%s, bad %d %d, entry %d %d: %s", product, row, col, i, j, c.get(i, j));
                        }
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("engines")
    void zeroTimesNotANumberIsNotANumber(Gemm32 gemm) {
        for (int size : new int[] {1, 3, 10, 64, 300}) {
            float[] zeros = new float[size * size];
            float[] bad = new float[size * size];
            Arrays.fill(bad, Float.NaN);
            float[] c = new float[size * size];
            gemm.multiply(c, 0, size, zeros, 0, size, false, bad, 0, size, false, size, size, size, false);
            assertThat(hasOnlyNotANumber(c)).isTrue();
            gemm.multiply(c, 0, size, bad, 0, size, false, zeros, 0, size, false, size, size, size, false);
            assertThat(hasOnlyNotANumber(c)).isTrue();
        }
    }

    private static boolean hasOnlyNotANumber(float[] c) {
        for (float value : c) {
            if (!Float.isNaN(value)) {
                return false;
            }
        }
        return true;
    }

    @ParameterizedTest
    @MethodSource("engines")
    void whatWasInCDoesNotMatterUnlessAccumulating(Gemm32 gemm) {
        Random random = new Random(10);
        for (Case product : cases(40, 11)) {
            Matrix c = new Matrix(product.m, product.n, 1, 1);
            Arrays.fill(c.array, Float.NaN);
            product.run(gemm, c, false);
            Matrix zeros = Matrix.random(product.m, product.n, random);
            product.run(gemm, zeros, false);
            assertSameBits(c, zeros, product.m, product.toString());
        }
    }

    @ParameterizedTest
    @MethodSource("engines")
    void threadsDoNotDisturbEachOther(Gemm32 gemm) throws Exception {
        List<Case> cases = cases(24, 12);
        ExecutorService pool = Executors.newFixedThreadPool(4);
        try {
            List<Matrix> alone = new ArrayList<>();
            for (Case product : cases) {
                Matrix c = new Matrix(product.m, product.n, 0, 0);
                product.run(gemm, c, false);
                alone.add(c);
            }
            List<Future<?>> running = new ArrayList<>();
            for (int t = 0; t < 4; t++) {
                running.add(pool.submit(() -> {
                    for (int q = 0; q < cases.size(); q++) {
                        Case product = cases.get(q);
                        Matrix c = new Matrix(product.m, product.n, 1, 2);
                        product.run(gemm, c, false);
                        assertSameBits(c, alone.get(q), product.m, product.toString());
                    }
                }));
            }
            for (Future<?> task : running) {
                task.get();
            }
        } finally {
            pool.shutdownNow();
        }
    }
}
