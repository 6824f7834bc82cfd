package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.backend.cuda.ptx.LaunchReport;
import io.github.batchjac.tensor.Precision;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Every entry against the chain of multiply-adds that it promises to be, bit for bit. */
@ParameterizedClass
@EnumSource(Precision.class)
@Tag("cuda")
class MatrixKernelsTest extends MatrixTrial {
    private static final List<Placed> PLACES = List.of(Placed.CONTIGUOUS, Placed.SHARED, Placed.ASKEW);

    /** batch, m, k, n: each shape of tile, with and without rows, columns and steps that a tile does not fill. */
    private static final int[][] SIZES = {
        {1, 1, 1, 1},
        {9, 1, 67, 33},
        {2, 3, 130, 64},
        {1, 8, 256, 31},
        {1, 32, 32, 160},
        {3, 31, 31, 33},
        {8, 128, 8, 8},
        {33, 31, 32, 5},
        {4, 128, 16, 16},
        {7, 67, 33, 12},
        {3, 128, 16, 32},
        {5, 127, 1, 31},
        {2, 64, 12, 128},
        {9, 33, 9, 40},
        {1, 128, 17, 256},
        {3, 127, 31, 250},
    };

    /** A tile that is done after one step, whose results are turned where its operands lie. */
    @Test
    void sharedProductsOfOneStep() {
        int[][] sizes = {
            {33, 31, 1, 5},
            {64, 32, 2, 5},
            {7, 67, 1, 13},
            {3, 128, 1, 29},
            {9, 33, 3, 61},
            {2, 128, 1, 65},
            {3, 127, 2, 251},
            {1, 32, 3, 63},
            {1, 64, 2, 61}
        };
        for (int[] size : sizes) {
            for (int variant : new int[] {0, 12}) {
                Shared product = new Shared(size[0], size[1], size[2], size[3], variant);
                assertSame(product.run(1), product.expected(), Arrays.toString(size) + ", variant " + variant);
            }
        }
    }

    @Test
    void sharedProductsAreOneChainPerEntryInEveryVariant() {
        int variant = 0;
        for (int[] size : SIZES) {
            int variants = (long) size[0] * size[1] * size[2] * size[3] > 300_000 ? 4 : 12;
            for (int v = 0; v < variants; v++, variant += 5) {
                Shared product = new Shared(size[0], size[1], size[2], size[3], variant % 48);
                String what = Arrays.toString(size) + ", variant " + variant % 48;
                assertSame(product.run(v % 3 == 2 ? 1 : 0), product.expected(), what);
            }
        }
    }

    @Test
    void everyShapeOfTileIsReached() {
        Set<String> reached = new TreeSet<>();
        for (int[] size : SIZES) {
            new Shared(size[0], size[1], size[2], size[3], 0).run(0);
        }
        lab.reports().forEach(report -> reached.add(plain(report)));
        assertThat(reached).containsExactlyInAnyOrderElementsOf(TILES);
    }

    @Test
    void nothingIsLaunchedForNothing() {
        kernels.timesShared(0, new Strided(0, 1), 0, 1, 1, Strided.NONE, 0, false, 1, 0);
        kernels.batched(0, new Strided(0, 1), new Strided(0, 1), 0, 1, 1, 1);
        kernels.kroneckerTimesDense(0, new Strided(0, 1), new Strided(0, 1), 0, 1, 1, 1);
        kernels.sumOuter(0, 0, 0, 0, 0, 0, 1, 1, 4);
        assertThat(lab.reports()).isEmpty();
    }

    @Test
    void anEmptyInnerAxisGivesTheBias() {
        Shared product = new Shared(3, 5, 0, 7, 24);
        assertSame(product.run(0), product.expected(), "k = 0");
        for (int[] size : new int[][] {{3, 4}, {1, 9}, {7, 1}}) {
            int m = size[0];
            int n = size[1];
            Strided nothing = new Strided(lab.numbers(new double[5]), 1);
            long out = lab.output(5L * m * n);
            kernels.batched(out, nothing, nothing, 5, m, 0, n);
            assertThat(lab.read(out)).containsOnly(0);
            long row = lab.output(5L * m * n);
            kernels.kroneckerTimesDense(row, nothing, nothing, 5, m, 0, n);
            assertThat(lab.read(row)).containsOnly(0);
        }
    }

    @Test
    void stepsBeyondTheInnerAxisChangeNothingNotEvenMinusZero() {
        double small = precision == Precision.F32 ? 1e-30 : 1e-300;
        for (int[] size : SIZES) {
            Shared product = new Shared(size[0], size[1], 1, size[3], 0);
            Arrays.fill(product.a.values(), rounded(-small));
            Arrays.fill(product.w, rounded(small));
            assertSame(product.run(0), product.expected(), Arrays.toString(size));
        }
    }

    @Test
    void nanAndInfinityStayInTheirRowsAndColumns() {
        double[] wild = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY};
        for (int[] size : SIZES) {
            for (int v = 0; v < 3; v++) {
                Shared product = new Shared(size[0], size[1], size[2], size[3], 12 * (v % 2));
                product.a.values()[(size[0] / 2) * size[1] * size[2]] = wild[v];
                product.w[product.w.length / 2] = wild[v];
                assertSame(product.run(0), product.expected(), Arrays.toString(size));
            }
        }
    }

    private void batched(int batch, int m, int k, int n) {
        for (Placed left : PLACES) {
            for (Placed right : PLACES) {
                Operand a = operand(batch, m * k, left);
                Operand b = operand(batch, k * n, right);
                int off = left == Placed.ASKEW ? 1 : 0;
                long out = lab.output(off, (long) batch * m * n);
                kernels.batched(out, placed(a), placed(b), batch, m, k, n);
                String what = left + ", " + right;
                assertSame(lab.read(out), chains(a, b, batch, m, k, n), what);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "1, 1, 1, 1, row_times_matrices",
        "9, 10, 10, 10, product_batch*",
        "9, 7, 10, 6, product_batch*",
        "5, 13, 12, 20, product_batch*",
        "7, 3, 40, 8, product_batch*",
        "67, 9, 9, 9, product_batch*",
        "9, 16, 16, 16, product_batch*",
        "33, 3, 5, 2, product_batch*",
        "31, 1, 31, 4, row_times_matrices",
        "5, 24, 24, 24, product_batch*",
        "5, 23, 1, 17, product_batch*",
        "67, 1, 7, 1, row_times_matrices",
        "9, 32, 32, 32, product_batch*",
        "9, 5, 14, 16, product_batch*",
        "9, 33, 33, 33, product_batch*",
        "5, 40, 40, 40, product_batch*",
        "3, 50, 45, 49, product_batch*",
        "3, 33, 31, 64, product_batch*",
        "5, 64, 64, 64, product_batch*",
        "7, 3, 64, 64, product_batch*",
        "3, 64, 300, 33, product_medium",
        "1, 127, 33, 250, product_large",
        "3, 32, 300, 31, product_small",
        "9, 1, 33, 41, row_times_matrices",
        "3, 1, 64, 300, row_times_matrices",
        "2, 1, 700, 5, row_times_matrices",
        "7, 33, 101, 1, row_times_matrices",
        "1, 129, 32, 1, row_times_matrices",
        "9, 13, 12, 1, row_times_matrices",
        "9, 13, 40, 1, row_times_matrices",
        "3, 300, 1, 1, row_times_matrices",
        "3, 65, 23, 1, row_times_matrices",
        "5, 1, 3100, 1, row_times_matrices",
    })
    void batchedProductsAreOneChainPerEntry(int batch, int m, int k, int n, String kernel) {
        batched(batch, m, k, n);
        assertThat(lab.reports())
                .extracting(MatrixTrial::plain)
                .anyMatch(name -> name.matches(kernel.replace("*", "_\\w+")));
    }

    @ParameterizedTest
    @CsvSource({
        "3, 4, 5, 1, row_times_matrices",
        "3, 40, 5, 1, row_times_matrices",
        "5, 7, 10, 10, row_times_matrices",
        "3, 6, 12, 8, row_times_matrices",
        "3, 33, 31, 9, row_times_matrices",
        "3, 5, 17, 67, row_times_matrices",
        "1, 1, 1, 33, row_times_matrices",
    })
    void kroneckerTimesDenseIsOneChainPerEntry(int batch, int m, int n, int cols, String kernel) {
        for (Placed left : PLACES) {
            for (Placed right : PLACES) {
                Operand x = operand(batch, n, left);
                Operand t = operand(batch, m * n * cols, right);
                double[] expected = new double[batch * m * cols];
                for (int s = 0; s < batch; s++) {
                    for (int j = 0; j < m; j++) {
                        for (int c = 0; c < cols; c++) {
                            double sum = 0;
                            for (int l = 0; l < n; l++) {
                                sum = fma(x.at(s, l), t.at(s, (j * n + l) * cols + c), sum);
                            }
                            expected[(s * m + j) * cols + c] = sum;
                        }
                    }
                }
                long out = lab.output((long) batch * m * cols);
                kernels.kroneckerTimesDense(out, placed(x), placed(t), batch, m, n, cols);
                assertSame(lab.read(out), expected, left + ", " + right);
            }
        }
        assertThat(lab.reports())
                .extracting(MatrixTrial::plain)
                .anyMatch(name -> name.matches(kernel.replace("*", "_\\w+")));
    }

    @ParameterizedTest
    @CsvSource({
        "1, 1, 1, 1",
        "9, 10, 10, 4",
        "67, 16, 16, 32",
        "33, 1, 67, 32",
        "31, 64, 64, 31",
        "40, 33, 65, 16",
        "130, 17, 31, 127",
        "7, 128, 130, 3",
    })
    void sumsOfOuterProductsAreTheSameInPieces(int samples, int m, int n, int tile) {
        for (boolean weighted : new boolean[] {false, true}) {
            double[] r = Arrays.copyOf(numbers(samples * m), samples * m);
            double[] x = Arrays.copyOf(numbers(samples * n), samples * n);
            double[] weights = weighted ? Arrays.copyOf(numbers(samples), samples) : null;
            double[] expected = sums(r, x, weights, samples, m, n, tile);
            for (int piece : new int[] {samples, (samples + 1) / 2, 5}) {
                int off = piece == samples ? 0 : 1;
                int bytes = precision == Precision.F32 ? Float.BYTES : Double.BYTES;
                long partial = lab.output(off, expected.length);
                long left = lab.numbers(off, r);
                long right = lab.numbers(off, x);
                long factors = weighted ? lab.numbers(weights) : 0;
                for (int first = 0; first < samples; first += piece) {
                    kernels.sumOuter(
                            partial + (long) (first / tile) * m * n * bytes,
                            left + (long) first * m * bytes,
                            right + (long) first * n * bytes,
                            weighted ? factors + (long) first * bytes : 0,
                            first % tile,
                            Math.min(piece, samples - first),
                            m,
                            n,
                            tile);
                }
                assertSame(lab.read(partial), expected, "pieces of " + piece + ", weighted " + weighted);
            }
        }
    }

    /** The figures that hold without a card: sectors, banks, and instructions where memory is what counts. */
    @Test
    void alignedProductsMoveWholeSectorsWithoutBankConflicts() {
        List<Shared> products = new ArrayList<>();
        for (int variant : new int[] {0, 3, 12}) {
            products.add(new Shared(1, 128, 64, 256, variant));
            products.add(new Shared(2, 64, 64, 128, variant));
            products.add(new Shared(3, 128, 64, 32, variant));
            products.add(new Shared(4, 128, 64, 16, variant));
            products.add(new Shared(8, 128, 64, 8, variant));
            products.add(new Shared(1, 32, 64, 160, variant));
            products.add(new Shared(1, 8, 256, 32, variant));
        }
        for (Shared product : products) {
            product.run(0);
            LaunchReport report = lab.reports().get(0);
            assertThat(report.sectorRatio()).as(report.kernel()).isLessThanOrEqualTo(1.05);
            assertThat(report.bankConflictRatio()).as(report.kernel()).isLessThanOrEqualTo(1.1);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "640, 8, 8, 8",
        "512, 10, 10, 10",
        "256, 12, 12, 12",
        "256, 14, 14, 14",
        "256, 15, 15, 15",
        "320, 16, 16, 16",
        "128, 20, 20, 20",
        "64, 24, 24, 24",
        "64, 31, 31, 31",
        "32, 32, 32, 32",
        "8, 64, 64, 64",
        "128, 1, 32, 32",
        "32, 1, 64, 128",
        "8, 64, 128, 1"
    })
    void batchedProductsReadEveryNumberOnce(int batch, int m, int k, int n) {
        LaunchReport report = contiguousProduct(batch, m, k, n);
        assertThat(report.sectorRatio()).isLessThanOrEqualTo(1.05);
        assertThat(report.bankConflictRatio()).isLessThanOrEqualTo(1.1);
    }

    /** A matrix of d·d numbers takes d/12 multiply-adds of a warp a sector in float32, d/24 in float64. */
    @Test
    void smallBatchedProductsAreBoundByMemory() {
        for (int d = 8; d <= 32; d++) {
            bound(d, d, d, 5, 1.1);
        }
    }

    /** Arithmetic counts from here on: in float32 alone d/12 of these. Tiles do not fill all matrices; 43 and 45 least. */
    @Test
    void largerBatchedProductsReadEveryNumberOnce() {
        for (int d = 33; d <= 64; d++) {
            double instructions = d <= 42 ? 6.1 : d <= 46 || d % 4 == 0 ? 7.5 : 9;
            bound(d, d, d, precision == Precision.F32 ? instructions : 5.05, 1.1);
        }
    }

    /** Of the samples of 25·8 four together are packs from one to the next, and many of them are in a warp. */
    @ParameterizedTest
    @CsvSource({
        "9, 12, 8",
        "16, 8, 24",
        "10, 12, 20",
        "31, 9, 31",
        "32, 24, 28",
        "14, 22, 18",
        "14, 6, 10",
        "16, 64, 16",
        "64, 8, 64",
        "10, 64, 10",
        "25, 8, 25",
        "11, 9, 10",
        "13, 14, 15",
        "8, 32, 31",
        "17, 32, 17",
    })
    void smallProductsThatAreNotSquareAreBoundByMemory(int m, int k, int n) {
        bound(m, k, n, 5, m == 25 ? 1.2 : 1.1);
    }

    /**
     * Any sizes from 8 to 32. Most hold the figures of squares. Of the others, numbers read one at a time where samples lie in packs meet in
     * banks, or tiles fill neither matrices nor warps.
     */
    @Test
    void smallProductsOfAnySizeAreNearlyBoundByMemory() {
        int shapes = 100;
        int over = 0;
        double instructions = 0;
        Random sizes = new Random(11);
        for (int shape = 0; shape < shapes; shape++) {
            LaunchReport report = bound(8 + sizes.nextInt(25), 8 + sizes.nextInt(25), 8 + sizes.nextInt(25), 6, 1.65);
            instructions += report.instructionsPerSector() / shapes;
            over += report.instructionsPerSector() > 5 || report.bankConflictRatio() > 1.1 ? 1 : 0;
        }
        assertThat(instructions).isLessThanOrEqualTo(3.9);
        assertThat(over).isLessThanOrEqualTo(shapes / 8);
    }

    /** Of a batch of which all blocks have all their rounds; two of them. */
    private LaunchReport bound(int m, int k, int n, double instructions, double banks) {
        try (Lab large = new Lab(precision)) {
            large.order(blocks -> new long[] {0, 1});
            long batch = 1L << 21;
            double[] some = numbers(1 << 19);
            long a = large.partly(batch * m * k, some);
            long b = large.partly(batch * k * n, some);
            long out = large.output(batch * m * n);
            new MatrixKernels(large.queue()).batched(out, new Strided(a, m * k), new Strided(b, k * n), batch, m, k, n);
            LaunchReport report = large.reports().get(0);
            Lab.print(m + "·" + k + "·" + n, report);
            assertThat(report.sectorRatio()).as("%s", report).isLessThanOrEqualTo(1.05);
            assertThat(report.bankConflictRatio()).as("%s", report).isLessThanOrEqualTo(banks);
            assertThat(report.instructionsPerSector()).as("%s", report).isLessThanOrEqualTo(instructions);
            return report;
        }
    }

    /** Blocks that take some samples after the other, the last of them fewer. */
    @ParameterizedTest
    @CsvSource({
        "8421, 8, 8, 4",
        "4813, 7, 5, 9",
        "2405, 10, 6, 10",
        "2405, 10, 8, 9",
        "4813, 4, 9, 6",
        "1301, 17, 3, 18",
        "281, 32, 4, 31",
    })
    void roundsOfSmallProductsAreOneChainPerEntry(int batch, int m, int k, int n) {
        Operand a = operand(batch, m * k, Placed.CONTIGUOUS);
        Operand b = operand(batch, k * n, Placed.CONTIGUOUS);
        double[] expected = chains(a, b, batch, m, k, n);
        for (int off = 0; off < 2; off++) {
            long out = lab.output(off, (long) batch * m * n);
            kernels.batched(out, placed(a), placed(b), batch, m, k, n);
            assertSame(lab.read(out), expected, off);
        }
    }

    /** On a device whose blocks have no more, whole matrices of 64·64 are too much. */
    @Test
    void blocksTakeNoMoreSharedMemoryThanThereIs() {
        int bytes = (precision == Precision.F32 ? 32 : 48) << 10;
        kernels = new MatrixKernels(lab.queue(), 1, bytes);
        batched(3, 64, 64, 64);
        assertThat(lab.reports()).extracting(MatrixTrial::plain).noneMatch(name -> name.startsWith("product_batch"));
        batched(3, 48, 48, 48);
        assertThat(lab.reports()).extracting(MatrixTrial::plain).anyMatch(name -> name.startsWith("product_batch"));
        assertThat(lab.reports()).allMatch(report -> report.sharedBytes() <= bytes);
    }

    private LaunchReport contiguousProduct(int batch, int m, int k, int n) {
        Operand a = operand(batch, m * k, Placed.CONTIGUOUS);
        Operand b = operand(batch, k * n, Placed.CONTIGUOUS);
        long out = lab.output((long) batch * m * n);
        kernels.batched(out, placed(a), placed(b), batch, m, k, n);
        return lab.reports().get(0);
    }

    /** The last block of an array of more than 2³² numbers, for each kernel that a batch can make so large. */
    @ParameterizedTest
    @CsvSource({
        "product_batch*, 67108867, 8, 8, 8",
        "product_batch*, 1048579, 64, 64, 64",
        "product_medium, 1048579, 64, 150, 64",
        "row_times_matrices, 131073, 1, 64, 513",
        "row_times_matrices, 1048577, 67, 64, 1",
        "row_times_matrices, 134217729, 33, 16, 1",
        "product_small, 134217729, 33, 600, 31",
    })
    void batchesOfMoreNumbersThan32BitsCount(String kernel, long batch, int m, int k, int n) {
        int tail = kernel.endsWith("*") ? 2048 : 64;
        lab.order(blocks -> new long[] {blocks - 1});
        double[] a = Arrays.copyOf(numbers(tail * m * k), tail * m * k);
        double[] b = Arrays.copyOf(numbers(tail * k * n), tail * k * n);
        long out = lab.output(batch * m * n);
        kernels.batched(
                out,
                new Strided(ending(batch * m * k, a), (long) m * k),
                new Strided(ending(batch * k * n, b), (long) k * n),
                batch,
                m,
                k,
                n);
        double[] all = chains(new Operand(a, 0, m * k), new Operand(b, 0, k * n), tail, m, k, n);
        double[] last = lab.read(out, batch * m * n - 1, 1);
        assertThat(plain(lab.reports().get(0))).matches(kernel.replace("*", "_\\w+"));
        assertSame(last, new double[] {all[all.length - 1]}, kernel);
    }

    @Test
    void sharedProductsOfMoreNumbersThan32BitsCount() {
        lab.order(blocks -> new long[] {blocks - 1});
        long batch = (1L << 28) + 1;
        int tail = 256;
        Operand a = new Operand(numbers(tail * 2 * 3), 0, 6);
        double[] w = Arrays.copyOf(numbers(27), 27);
        long out = lab.output(batch * 2 * 9);
        long from = ending(batch * 6, Arrays.copyOf(a.values(), tail * 6));
        kernels.timesShared(out, new Strided(from, 6), batch, 2, 3, Strided.NONE, lab.numbers(w), false, 9, 0);
        double[] all = chains(a, new Operand(w, 0, 0), tail, 2, 3, 9);
        assertSame(lab.read(out, batch * 18 - 9, 9), Arrays.copyOfRange(all, all.length - 9, all.length), "last row");
    }

    @Test
    void sumsOfMoreNumbersThan32BitsCount() {
        lab.order(blocks -> new long[] {blocks - 1});
        long samples = (1L << 20) + 1;
        double[] r = Arrays.copyOf(numbers(64), 64);
        double[] x = Arrays.copyOf(numbers(64), 64);
        long partial = lab.output(samples * 64 * 64);
        kernels.sumOuter(partial, ending(samples * 64, r), ending(samples * 64, x), 0, 0, samples, 64, 64, 1);
        assertSame(lab.read(partial, samples * 4096 - 4096, 4096), sums(r, x, null, 1, 64, 64, 1), "last tile");
    }
}
