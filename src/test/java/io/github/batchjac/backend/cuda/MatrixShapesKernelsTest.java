package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.tensor.Precision;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Products of sizes drawn at random, and of more rows than 32 bits count: every entry against its chain, bit for bit. */
@ParameterizedClass
@EnumSource(Precision.class)
@Tag("cuda")
class MatrixShapesKernelsTest extends MatrixTrial {
    private static final int PRODUCTS = 150;

    private Placed place() {
        Placed[] all = Placed.values();
        return all[random.nextInt(all.length)];
    }

    /** Up to a size of the order of 8, 32, 64 or 130, at times a multiple of four. */
    private int size() {
        int most = new int[] {9, 33, 66, 132}[random.nextInt(4)];
        int size = 1 + random.nextInt(most);
        return random.nextInt(3) == 0 ? (size + 3) / 4 * 4 : size;
    }

    /** Steps of the inner axis: few, or more than a tile takes at a time. */
    private int steps() {
        int steps = 1 + random.nextInt(random.nextBoolean() ? 9 : 40);
        return random.nextInt(3) == 0 ? (steps + 3) / 4 * 4 : steps;
    }

    private int off() {
        return random.nextInt(3) == 0 ? 1 : 0;
    }

    @Test
    void aSharedProductOfAnySizeIsOneChainPerEntry() {
        for (int product = 0; product < PRODUCTS; product++) {
            kernels = new MatrixKernels(
                    lab.queue(), random.nextInt(3) == 0 ? 1 + random.nextInt(100) : 1, sharedPerBlock());
            boolean ragged = product % 10 == 0; // a few rows more than two large tiles have
            int m = ragged ? 257 + random.nextInt(30) : size();
            int n = ragged ? 1 + random.nextInt(32) : size();
            int batch = 1 + random.nextInt(1 + (n > 16 ? 160 : 600) / m);
            Placed scaled = random.nextBoolean() ? place() : null;
            Shared shared =
                    new Shared(batch, m, steps(), n, place(), scaled, random.nextBoolean(), random.nextBoolean());
            String what = "(%d,%d,%d)·(%d,%d)".formatted(batch, m, shared.k, shared.k, n);
            assertSame(shared.run(off(), off()), shared.expected(), what);
        }
        assertThat(lab.reports()).extracting(MatrixTrial::plain).containsAll(TILES);
    }

    @Test
    void batchedProductsOfAnySizeAreOneChainPerEntry() {
        for (int product = 0; product < PRODUCTS; product++) {
            boolean small = random.nextInt(4) > 0;
            int most = random.nextBoolean() ? 32 : 64;
            int m = small ? 1 + random.nextInt(most) : size();
            int n = small ? 1 + random.nextInt(most) : random.nextInt(3) == 0 ? 1 : size();
            int k = steps();
            int batch = 1 + random.nextInt(small ? 40 : 4);
            Operand a = operand(batch, m * k, place());
            Operand b = operand(batch, k * n, place());
            long out = lab.output(off(), (long) batch * m * n);
            kernels.batched(out, placed(a), placed(b), batch, m, k, n);
            String what = "%d times (%d,%d)·(%d,%d)".formatted(batch, m, k, k, n);
            assertSame(lab.read(out), chains(a, b, batch, m, k, n), what);
        }
    }

    /** Sums over tiles of the batch, tiles of the result along one axis, or both. */
    @ParameterizedTest
    @CsvSource({
        "20, 40, 3, 8",
        "9, 17, 8, 4",
        "11, 100, 1, 3",
        "13, 2, 90, 5",
        "17, 16, 15, 6",
        "6, 65, 66, 4",
        "5, 150, 9, 2",
    })
    void sumsOfOuterProductsHaveTilesEitherWay(int samples, int m, int n, int tile) {
        for (int off = 0; off < 2; off++) {
            for (boolean weighted : new boolean[] {false, true}) {
                double[] r = Arrays.copyOf(numbers(samples * m), samples * m);
                double[] x = Arrays.copyOf(numbers(samples * n), samples * n);
                double[] weights = weighted ? Arrays.copyOf(numbers(samples), samples) : null;
                double[] expected = sums(r, x, weights, samples, m, n, tile);
                long partial = lab.output(off, expected.length);
                kernels.sumOuter(
                        partial,
                        lab.numbers(off, r),
                        lab.numbers(off, x),
                        weighted ? lab.numbers(weights) : 0,
                        0,
                        samples,
                        m,
                        n,
                        tile);
                assertSame(lab.read(partial), expected, "weighted " + weighted);
            }
        }
    }

    /** The last block of more than 2³² rows: where they start is counted with 64 bits. */
    @Test
    void rowsOfASharedProductAreCountedWith64Bits() {
        lab.order(blocks -> new long[] {blocks - 1});
        Set<String> reached = new TreeSet<>();
        int tail = 256;
        int k = 3;
        long batch = (1L << 33) + 5;
        double[] a = Arrays.copyOf(numbers(tail * k), tail * k);
        for (int n : new int[] {8, 16, 32, 64, 65}) {
            for (int multiprocessors : new int[] {1, 1 << 26, n > 32 ? 2 : 1 << 30}) {
                double[] w = Arrays.copyOf(numbers(k * n), k * n);
                long out = lab.output(batch * n);
                new MatrixKernels(lab.queue(), multiprocessors, sharedPerBlock())
                        .timesShared(
                                out,
                                new Strided(ending(batch * k, a), k),
                                batch,
                                1,
                                k,
                                Strided.NONE,
                                lab.numbers(w),
                                false,
                                n,
                                0);
                double[] last = chains(new Operand(a, 0, k), new Operand(w, 0, 0), tail, 1, k, n);
                assertSame(lab.read(out, batch * n - 1, 1), new double[] {last[last.length - 1]}, n);
                reached.add(plain(lab.reports().get(0)));
            }
        }
        reached.add("product_small"); // in float64 only batches are cut into them, see MatrixKernelsTest
        assertThat(reached).containsExactlyInAnyOrderElementsOf(TILES);
    }

    /** The last block of more than 2³² small products whose operands lie apart: all ways to move them. */
    @ParameterizedTest
    @CsvSource({"4, 4", "2, 2", "3, 1"})
    void smallProductsAreCountedWith64Bits(int n, int gap) {
        lab.order(blocks -> new long[] {blocks - 1});
        int tail = 4096;
        int m = 2;
        int k = 4;
        long batch = (1L << 32) + 300;
        Operand a = new Operand(numbers(tail * (m * k + gap)), 0, m * k + gap);
        Operand b = new Operand(numbers(tail * (k * n + gap)), 0, k * n + gap);
        long out = lab.output(batch * m * n);
        kernels.batched(out, apart(a, batch, tail, gap), apart(b, batch, tail, gap), batch, m, k, n);
        double[] all = chains(a, b, tail, m, k, n);
        int size = m * n;
        assertSame(lab.read(out, (batch - 1) * size, size), Arrays.copyOfRange(all, all.length - size, all.length), n);
        assertThat(plain(lab.reports().get(0))).startsWith("product_batch_");
    }

    private Strided apart(Operand operand, long batch, int tail, int gap) {
        int stride = operand.stride();
        double[] last = Arrays.copyOf(operand.values(), tail * stride - gap);
        return new Strided(ending(batch * stride - gap, last), stride);
    }
}
