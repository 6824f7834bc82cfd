package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.tensor.Precision;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Batches so large that a block goes round several times, the last of them over a remainder. Of all blocks the first and the last
 * ones run, in memory that exists where it is used.
 */
class LargeBatchesTest {
    /** Blocks (or their groups, if several share a sample) that keep a large device busy: from twice as many on, there are rounds. */
    private static final int ENOUGH_BLOCKS = 2048;

    /** What is dealt out, where it lies and what is looked at. */
    private static final class Deal implements AutoCloseable {
        final Trial t;
        final int size;
        final long batch;
        final Slots slots;
        /** Samples of a block's rounds, or of the blocks that share them. */
        final long chunk;

        final TreeSet<Long> chunks = new TreeSet<>();

        Deal(Precision precision, long seed, int size, int rounds) {
            t = new Trial(precision, seed);
            this.size = size;
            Slots any = Slots.of(t.precision, 1L << 40, size);
            long turn = (long) any.samples() * any.groups();
            long turns =
                    (long) rounds * ((ENOUGH_BLOCKS + any.sharing() - 1) / any.sharing()) + 1 + t.random.nextInt(3);
            batch = (turns - 1) * turn + 1 + t.random.nextInt((int) turn);
            slots = Slots.of(t.precision, batch, size);
            assertThat(slots.rounds()).isEqualTo(rounds);
            chunk = turn * rounds;
            chunks.addAll(List.of(0L, (batch - 1) / chunk - 1, (batch - 1) / chunk));
            t.lab.order(count -> {
                assertThat(count).isEqualTo(slots.blocks());
                return chunks.stream()
                        .flatMapToLong(c -> LongStream.range(c * slots.sharing(), (c + 1) * slots.sharing())
                                .boxed()
                                .mapToLong(Long::longValue))
                        .toArray();
            });
        }

        int samples(long c) {
            return (int) Math.min(chunk, batch - c * chunk);
        }

        /** One in four has gaps. */
        Operand anyOperand(int width, boolean shared) {
            return new Operand(this, width, shared, t.random.nextInt(4) == 0 ? 3 : 0);
        }

        Operand operand(int width, boolean shared) {
            return new Operand(this, width, shared, 0);
        }

        long output() {
            return t.output(batch * size);
        }

        /** All samples of those blocks. */
        void expect(String what, long out, Element expected) {
            String all = "%s %s (%d,%d) %s".formatted(what, t.precision, batch, size, slots);
            for (long c : chunks) {
                double[] got = t.lab.read(out, c * chunk * size, samples(c) * size);
                for (int k = 0; k < got.length; k++) {
                    double e = expected.at(c * chunk + k / size, k % size);
                    if (Double.compare(got[k], e) != 0) {
                        assertThat(got[k])
                                .as("%s: sample %d element %d", all, c * chunk + k / size, k % size)
                                .isEqualTo(Double.valueOf(e));
                    }
                }
            }
        }

        @Override
        public void close() {
            t.close();
        }
    }

    private interface Element {
        double at(long b, int i);
    }

    /** Numbers of the samples that are looked at, or of all. */
    private static final class Operand {
        final Deal deal;
        final int width;
        final Strided strided;
        private final Map<Long, double[]> chunks = new HashMap<>();

        /** @param gap numbers between samples that nobody reads */
        Operand(Deal deal, int width, boolean shared, int gap) {
            this.deal = deal;
            this.width = width;
            Trial t = deal.t;
            if (shared) {
                double[] values = t.numbers(width);
                deal.chunks.forEach(c -> chunks.put(c, values));
                strided = new Strided(t.lab.numbers(t.misalignment(), values), 0);
                return;
            }
            int stride = width + gap;
            strided = new Strided(t.output(deal.batch * stride), stride);
            for (long c : deal.chunks) {
                int samples = deal.samples(c);
                double[] values = t.numbers(samples * width);
                chunks.put(c, values);
                double[] apart = new double[samples * stride];
                for (int b = 0; b < samples; b++) {
                    System.arraycopy(values, b * width, apart, b * stride, width);
                }
                t.fill(strided.address(), c * deal.chunk * stride, apart);
            }
        }

        double at(long b, int i) {
            long c = b / deal.chunk;
            return chunks.get(c)[(strided.stride() == 0 ? 0 : (int) (b - c * deal.chunk) * width) + i];
        }

        long address() {
            return strided.address();
        }
    }

    /** Rows and columns: all ways in which slots lie in rows and samples; then operands that are too large to be staged. */
    private static final int[][] SHAPES = {
        {1, 1}, {1, 2}, {1, 3}, {3, 1}, {2, 2}, {1, 4}, {4, 1}, {3, 2}, {1, 5}, {3, 3}, {2, 4}, {5, 4}, {1, 8}, {3, 7},
        {4, 8}, {6, 6}, {7, 9}, {8, 16}, {5, 33}, {33, 5}, {3, 100}, {17, 65}, {41, 40}, {1543, 3}, {1, 1539}
    };

    /** Fewer and more than come to shared memory at a time, and as many. */
    private static int rounds(int seed) {
        return 3 + seed % 4;
    }

    private interface Case {
        void run(Deal deal, int rows, int cols, int shared);
    }

    /** Every shape; each sharing of operands, address and number of rounds comes up. */
    private static void each(Precision precision, int ways, int outer, Case launch) {
        int seed = 0;
        for (int[] shape : SHAPES) {
            for (int shared = 0; shared < ways; shared++) {
                for (int turn = 0; turn < 2; turn++) {
                    int rounds = rounds(seed);
                    try (Deal deal = new Deal(precision, ++seed, outer * shape[0] * shape[1], rounds)) {
                        launch.run(deal, shape[0], shape[1], shared);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void rowsAreScaled(Precision precision) {
        each(precision, 4, 1, (deal, rows, cols, shared) -> {
            Operand d = deal.anyOperand(rows, (shared & 1) != 0);
            Operand a = deal.anyOperand(rows * cols, (shared & 2) != 0);
            long out = deal.output();
            new DiagonalKernels(deal.t.queue()).scaleRows(out, d.strided, a.strided, deal.batch, rows, cols);
            deal.expect("scale_rows", out, (b, i) -> deal.t.times(d.at(b, i / cols), a.at(b, i)));
        });
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void columnsAreScaled(Precision precision) {
        each(precision, 4, 1, (deal, rows, cols, shared) -> {
            Operand d = deal.operand(cols, (shared & 1) != 0);
            Operand a = deal.operand(rows * cols, (shared & 2) != 0);
            DiagonalKernels kernels = new DiagonalKernels(deal.t.queue());
            long out = deal.output();
            kernels.scaleColumns(out, a.strided, d.strided, deal.batch, rows, cols);
            deal.expect("scale_columns", out, (b, i) -> deal.t.times(a.at(b, i), d.at(b, i % cols)));
            if ((shared & 2) == 0) {
                kernels.scaleColumns(a.address(), a.strided, d.strided, deal.batch, rows, cols);
                deal.expect("in place", a.address(), (b, i) -> deal.t.times(a.at(b, i), d.at(b, i % cols)));
            }
        });
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void rowsAreTiled(Precision precision) {
        int repeat = 3;
        each(precision, 6, repeat, (deal, n, cols, shared) -> {
            boolean ones = shared >= 4;
            Operand d = deal.anyOperand(repeat * n, (shared & 1) != 0);
            Operand a = deal.anyOperand(n * cols, (shared & 2) != 0 || shared == 5);
            long out = deal.output();
            new DiagonalKernels(deal.t.queue())
                    .tileRows(out, ones ? Strided.NONE : d.strided, a.strided, deal.batch, repeat, n, cols);
            deal.expect("tile_rows", out, (b, i) -> {
                double x = a.at(b, i % (n * cols));
                return ones ? x : deal.t.times(d.at(b, i / cols), x);
            });
        });
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void diagonalsAreDense(Precision precision) {
        int seed = 0;
        for (int repeat : new int[] {1, 2, 3, 5, 520}) {
            for (int n : repeat > 5 ? new int[] {3} : new int[] {1, 2, 3, 4, 5, 7, 8, 12, 17}) {
                for (int shared = 0; shared < 3; shared++) {
                    for (int turn = 0; turn < 2; turn++) {
                        try (Deal deal = new Deal(precision, ++seed, repeat * n * n, rounds(seed))) {
                            boolean ones = shared == 2;
                            Operand d = deal.anyOperand(repeat * n, shared == 1);
                            long out = deal.output();
                            new DiagonalKernels(deal.t.queue())
                                    .denseDiagonal(out, ones ? Strided.NONE : d.strided, deal.batch, repeat, n);
                            deal.expect(
                                    "dense_diagonal",
                                    out,
                                    (b, i) -> i / n % n != i % n ? 0 : ones ? 1 : d.at(b, i / n));
                        }
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void oneIsAdded(Precision precision) {
        each(precision, 3, 1, (deal, rows, cols, shared) -> {
            boolean ones = shared == 2;
            Operand d = deal.operand(deal.size, shared == 1);
            long out = shared == 0 && deal.batch % 2 == 0 ? d.address() : deal.output();
            new DiagonalKernels(deal.t.queue()).addOne(out, ones ? Strided.NONE : d.strided, deal.batch, deal.size);
            deal.expect("add_one", out, (b, i) -> ones ? 2 : deal.t.plus(1, d.at(b, i)));
        });
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void outerProductsAreFormed(Precision precision) {
        each(precision, 8, 1, (deal, m, n, shared) -> {
            Operand r = deal.anyOperand(m, (shared & 1) != 0);
            Operand x = deal.anyOperand(n, (shared & 2) != 0);
            boolean scaled = (shared & 4) != 0;
            Operand scale = deal.anyOperand(1, false);
            long out = deal.output();
            new DenseKernels(deal.t.queue())
                    .outer(out, r.strided, x.strided, scaled ? scale.strided : Strided.NONE, deal.batch, m, n);
            deal.expect("outer", out, (b, i) -> {
                double left = scaled ? deal.t.times(scale.at(b, 0), r.at(b, i / n)) : r.at(b, i / n);
                return deal.t.times(left, x.at(b, i % n));
            });
        });
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void weightsJacobiansAreDense(Precision precision) {
        int seed = 0;
        for (int m : new int[] {1, 2, 3, 4, 5, 8}) {
            for (int n : m == 3 ? new int[] {1, 2, 3, 4, 5, 8, 12, 1539} : new int[] {1, 2, 3, 4, 5, 8, 12}) {
                for (int shared = 0; shared < 4; shared++) {
                    for (int k : new int[] {0, 1, 3}) {
                        int size = (k == 0 ? m : k) * m * n;
                        try (Deal deal = new Deal(precision, ++seed, size, rounds(seed))) {
                            boolean rowForm = k != 0 || (shared & 1) != 0;
                            Operand x = deal.anyOperand(n, (shared & 2) != 0);
                            long out = deal.output();
                            DenseKernels kernels = new DenseKernels(deal.t.queue());
                            if (k == 0) {
                                kernels.kroneckerIdentity(out, x.strided, deal.batch, m, n, rowForm);
                            } else {
                                Operand a = deal.anyOperand(k * m, (shared & 1) != 0);
                                kernels.kronecker(out, a.strided, x.strided, deal.batch, k, m, n, true);
                                deal.expect(
                                        "kronecker_rows",
                                        out,
                                        (b, i) -> deal.t.times(
                                                a.at(b, i / (m * n) * m + i % m), x.at(b, i % (m * n) / m)));
                                continue;
                            }
                            deal.expect("kronecker_identity " + rowForm, out, (b, i) -> {
                                int p = i % (m * n);
                                return i / (m * n) != (rowForm ? p % m : p / n) ? 0 : x.at(b, rowForm ? p / m : p % n);
                            });
                        }
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void numbersAreRepeated(Precision precision) {
        int times = 3;
        each(precision, 2, times, (deal, rows, cols, shared) -> {
            Operand in = deal.operand(rows * cols, shared == 1);
            long out = deal.output();
            new DenseKernels(deal.t.queue()).repeat(out, in.strided, deal.batch, times, rows * cols);
            deal.expect("repeat", out, (b, i) -> in.at(b, i % (rows * cols)));
        });
    }

    private interface Sums {
        void run(ReductionKernels kernels, long out, Strided a, Strided x, long batch, int n);
    }

    private static final Map<String, Sums> SUMS = Map.of(
            "sum_components", (kernels, out, a, x, batch, n) -> kernels.sumComponents(out, a.address(), batch, n, 0.5),
            "half_squared_norms",
                    (kernels, out, a, x, batch, n) -> kernels.halfSquaredNorms(out, a.address(), batch, n),
            "dot", (kernels, out, a, x, batch, n) -> kernels.dot(out, a, x, batch, n),
            "norm", (kernels, out, a, x, batch, n) -> kernels.norm(out, a, n, Strided.NONE, 0, batch),
            "norms", (kernels, out, a, x, batch, n) -> kernels.norm(out, a, n, x, n, batch));

    /** A sample's sum has the bits that it has in a batch of a few, which other tests look at. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void rowsAreReducedInRounds(Precision precision) {
        int[] exponents = precision == Precision.F32 ? new int[] {0} : new int[] {0, 900, -900};
        for (int n : new int[] {1, 3, 4, 6, 8, 33, 64, 66, 100, 129, 256, 1000, 4097, 4100, 6000}) {
            SUMS.forEach((name, sums) -> {
                for (int exponent : exponents) {
                    reduced(precision, n, name, sums, exponent);
                }
            });
        }
    }

    private static void reduced(Precision precision, int n, String name, Sums sums, int exponent) {
        try (Trial t = new Trial(precision, n)) {
            int rows = n <= 64 ? 128 : n >= 4096 ? 1 : 128 / Math.min(32, Integer.highestOneBit(n - 1) / 32);
            int rounds = 2 + n % 2;
            long batch = ((long) rounds * ENOUGH_BLOCKS + 1) * rows - t.random.nextInt(rows);
            int samples = rounds * rows;
            long[] starts = {0, batch - samples};
            double[][] values = new double[2][];
            for (int end = 0; end < 2; end++) {
                values[end] = t.random
                        .doubles((long) samples * n)
                        .map(x -> t.rounded(Math.scalb(2 * x - 1, exponent)))
                        .toArray();
            }
            int misaligned = t.misalignment();
            Strided a = new Strided(t.lab.output(misaligned, batch * n), n);
            Strided x = new Strided(t.lab.output(t.misalignment(), batch * n), n);
            for (int end = 0; end < 2; end++) {
                t.fill(a.address(), starts[end] * n, values[end]);
                t.fill(x.address(), starts[end] * n, values[1 - end]);
            }
            long out = t.lab.output(batch);
            long[] blocks = {0};
            t.lab.order(count -> {
                blocks[0] = count;
                return new long[] {0, count - 1};
            });
            sums.run(new ReductionKernels(t.queue()), out, a, x, batch, n);
            int ofABlock = (int) ((batch + blocks[0] - 1) / blocks[0]);
            assertThat(ofABlock).as("several rounds").isEqualTo(samples);
            t.lab.order(count -> null);
            long few = t.lab.output(samples);
            for (int end = 0; end < 2; end++) {
                long shift = starts[end] * n * precision.bytes();
                sums.run(
                        new ReductionKernels(t.queue()),
                        few,
                        new Strided(a.address() + shift, n),
                        new Strided(x.address() + shift, n),
                        samples,
                        n);
                double[] expected = t.lab.read(few);
                int count = end == 0 ? samples : (int) (batch - (blocks[0] - 1) * samples);
                int from = end == 0 ? 0 : samples - count;
                double[] got = t.lab.read(out, starts[end] + from, count);
                for (int k = 0; k < count; k++) {
                    assertThat(got[k])
                            .as("%s %s n %d batch %d sample %d", name, precision, n, batch, starts[end] + from + k)
                            .isEqualTo(Double.valueOf(expected[from + k]));
                }
            }
        }
    }

    /** More than 2³² partial sums. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void aBatchIsSummedTileByTile(Precision precision) {
        int n = 70_001;
        int samples = 70_003;
        int last = n % 512;
        try (Trial t = new Trial(precision, 1)) {
            double[] values = t.numbers(n);
            double[] weights = t.numbers(1);
            long a = t.lab.output((long) n * samples);
            t.fill(a, (long) n * (samples - 1), values);
            long w = t.lab.output(samples);
            t.fill(w, samples - 1, weights);
            for (boolean weighted : new boolean[] {false, true}) {
                long out = t.lab.output((long) n * samples);
                t.lab.order(count -> new long[] {count - 1});
                new ReductionKernels(t.queue()).sumBatch(out, a, weighted ? w : 0, 0, samples, n, 1);
                double[] got = t.lab.read(out, (long) n * samples - last, last);
                for (int k = 0; k < last; k++) {
                    double x = values[n - last + k];
                    double expected = t.plus(0, weighted ? t.times(weights[0], x) : x);
                    assertThat(got[k]).isEqualTo(Double.valueOf(expected));
                }
            }
        }
    }
}
