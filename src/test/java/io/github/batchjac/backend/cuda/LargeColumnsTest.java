package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.tensor.Precision;
import java.util.Arrays;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Sums down columns of batches so large that blocks do several rounds, bit for bit. Of all blocks those of the first and the last
 * chains run, in memory that exists where it is used.
 */
class LargeColumnsTest {
    /** Chains of a sample, rows of a chain, columns: chains that come whole, and others, up to rows that blocks share. */
    private static final int[][] SHAPES = {
        {1, 1, 1},
        {1, 2, 9},
        {1, 8, 2},
        {3, 2, 8},
        {10, 3, 5},
        {7, 8, 33},
        {2, 40, 10},
        {1, 300, 1},
        {3, 700, 3},
        {2, 90, 129},
        {300, 2, 9},
        {1, 3, 1500},
        {2, 23, 513},
        {1, 11, 4099}
    };

    /** Numbers of many samples, of which the first and the last are there; or of one for all. */
    private static final class Ends {
        final int size;
        final int there;
        final long last;
        final double[][] values;
        final Strided strided;

        Ends(Trial t, long samples, int size, int there, boolean shared, int gap) {
            this.size = size + gap;
            this.there = (int) (shared ? 1 : Math.min(samples, there));
            last = shared ? 0 : samples - this.there;
            long address = t.output((shared ? 1 : samples) * this.size);
            values = new double[][] {t.numbers(this.there * this.size), t.numbers(this.there * this.size)};
            t.fill(address, 0, values[0]);
            t.fill(address, last * this.size, values[1]);
            strided = new Strided(address, shared ? 0 : this.size);
        }

        double at(long sample, int i) {
            boolean end = strided.stride() == 0 || sample >= last;
            return values[end ? 1 : 0][(int) (strided.stride() == 0 ? 0 : end ? sample - last : sample) * size + i];
        }
    }

    private interface Sum {
        double of(long chain, int j);
    }

    private interface Launch {
        void run(Trial t, Columns dealt, long out);
    }

    /** Launches the blocks of the first chains and of the last, and looks at what they wrote. */
    private static void check(Trial t, Columns dealt, long chains, int n, Launch launch, Sum sum) {
        long out = t.output(chains * n);
        long starts = dealt.blocks() - dealt.parts();
        t.lab.order(blocks -> {
            assertThat(blocks).isEqualTo(dealt.blocks());
            return LongStream.range(0, blocks)
                    .filter(b -> b < dealt.parts() || b >= starts)
                    .toArray();
        });
        launch.run(t, dealt, out);
        long turn = (long) dealt.together() * dealt.rounds();
        for (long from : new long[] {0, starts / dealt.parts() * turn}) {
            double[] got = t.lab.read(out, from * n, (int) Math.min(turn, chains - from) * n);
            for (int k = 0; k < got.length; k++) {
                double expected = sum.of(from + k / n, k % n);
                if (Double.compare(got[k], expected) != 0) {
                    assertThat(got[k])
                            .as("%s %s: chain %d of %d, column %d", t.precision, dealt, from + k / n, chains, k % n)
                            .isEqualTo(Double.valueOf(expected));
                }
            }
        }
    }

    /** So many samples that blocks do the rounds, of which the last is not full; of chains that do not come whole, a few blocks. */
    private static long samples(Trial t, Columns any, int per, int rounds) {
        long turns = any.rows() > 0 ? 3 : (long) rounds * Columns.ENOUGH_BLOCKS + 1 + t.random.nextInt(3);
        return turns * any.together() / per + 1 + t.random.nextInt(5);
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void panelsAreFolded(Precision precision) {
        int seed = 0;
        for (int[] shape : SHAPES) {
            int rows = shape[0];
            int repeat = shape[1];
            int n = shape[2];
            for (int way = 0; way < 6; way++) {
                try (Trial t = new Trial(precision, ++seed)) {
                    boolean ones = way >= 4;
                    boolean one = (way & 1) != 0;
                    boolean same = (way & 2) != 0;
                    int gap = seed % 5 == 0 ? 3 : 0;
                    int size = rows * repeat * n;
                    Columns any = folded(t, 1L << 30, shape, one ? 0 : size + gap, ones, same);
                    long batch = samples(t, any, rows, 2 + seed % 3);
                    Columns dealt = folded(t, batch, shape, one ? 0 : size + gap, ones, same);
                    int there = 2 * dealt.together() * dealt.rounds() / rows + 2;
                    Ends a = new Ends(t, batch, size, there, one, gap);
                    Ends d = new Ends(t, batch, repeat * n, there, same, 0);
                    DiagonalKernels kernels = new DiagonalKernels(t.queue());
                    Strided factors = ones ? Strided.NONE : d.strided;
                    check(
                            t,
                            dealt,
                            batch * rows,
                            n,
                            (x, columns, out) -> kernels.foldRows(out, a.strided, factors, batch, rows, repeat, n),
                            (c, j) -> {
                                double sum = 0;
                                for (int r = 0; r < repeat; r++) {
                                    double x = a.at(c / rows, ((int) (c % rows) * repeat + r) * n + j);
                                    sum = ones ? t.plus(sum, x) : t.fma(x, d.at(c / rows, r * n + j), sum);
                                }
                                return sum;
                            });
                }
            }
        }
    }

    private static Columns folded(Trial t, long batch, int[] shape, long stride, boolean ones, boolean same) {
        int rows = shape[0];
        int repeat = shape[1];
        int n = shape[2];
        return Columns.of(
                t.precision,
                batch,
                rows,
                repeat,
                n,
                Columns.Operand.of(stride, n, true, batch, rows, repeat),
                ones ? Columns.Operand.NONE : Columns.Operand.of(same ? 0 : repeat * n, n, false, batch, rows, repeat),
                false);
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void rowsAreMultiplied(Precision precision) {
        int seed = 100;
        for (int[] shape : SHAPES) {
            int repeats = shape[0];
            int k = shape[1];
            int n = Math.max(2, shape[2]);
            for (int way = 0; way < 4; way++) {
                try (Trial t = new Trial(precision, ++seed)) {
                    boolean one = repeats > 1 && (way & 1) != 0;
                    boolean same = (way & 2) != 0;
                    Columns any = multiplied(t, 1L << 30, repeats, k, n, one, same);
                    long batch = samples(t, any, repeats, 2 + seed % 3);
                    Columns dealt = multiplied(t, batch, repeats, k, n, one, same);
                    int there = 2 * dealt.together() * dealt.rounds() / repeats + 2;
                    Ends b = new Ends(t, batch, repeats * k * n, there, one, 0);
                    Ends x = new Ends(t, batch, k, there, same, 0);
                    MatrixKernels kernels = new MatrixKernels(t.queue());
                    check(
                            t,
                            dealt,
                            batch * repeats,
                            n,
                            (y, columns, out) ->
                                    kernels.kroneckerTimesDense(out, x.strided, b.strided, batch, repeats, k, n),
                            (c, j) -> {
                                double sum = 0;
                                for (int l = 0; l < k; l++) {
                                    double entry = b.at(c / repeats, ((int) (c % repeats) * k + l) * n + j);
                                    sum = t.fma(x.at(c / repeats, l), entry, sum);
                                }
                                return sum;
                            });
                }
            }
        }
    }

    private static Columns multiplied(Trial t, long batch, int repeats, int k, int n, boolean one, boolean same) {
        return Columns.of(
                t.precision,
                batch,
                repeats,
                k,
                n,
                Columns.Operand.of(one ? 0 : (long) repeats * k * n, n, true, batch, repeats, k),
                Columns.Operand.of(same ? 0 : k, 1, false, batch, repeats, k),
                true);
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void batchesAreSummed(Precision precision) {
        int seed = 200;
        for (int[] shape : SHAPES) {
            int tile = shape[1];
            int n = shape[2];
            for (int way = 0; way < 4; way++) {
                try (Trial t = new Trial(precision, ++seed)) {
                    boolean weighted = (way & 1) != 0;
                    int offset = (way & 2) == 0 ? 0 : t.random.nextInt(tile);
                    Columns any = summed(t, 1L << 40, tile, n, weighted);
                    long tiles = samples(t, any, 1, 2 + seed % 3);
                    long samples = tiles * tile - offset - t.random.nextInt(tile);
                    Columns dealt = summed(t, samples + offset, tile, n, weighted);
                    int there = (2 * dealt.together() * dealt.rounds() + 2) * tile;
                    Ends a = new Ends(t, samples, n, there, false, 0);
                    Ends w = new Ends(t, samples, 1, there, false, 0);
                    double[] before = t.numbers(n);
                    ReductionKernels kernels = new ReductionKernels(t.queue());
                    check(
                            t,
                            dealt,
                            (offset + samples + tile - 1) / tile,
                            n,
                            (x, columns, out) -> {
                                if (offset > 0) {
                                    t.fill(out, 0, Arrays.copyOf(before, n));
                                }
                                long weights = weighted ? w.strided.address() : 0;
                                kernels.sumBatch(out, a.strided.address(), weights, offset, samples, n, tile);
                            },
                            (c, j) -> {
                                double sum = c == 0 && offset > 0 ? before[j] : 0;
                                long first = Math.max(0, c * tile - offset);
                                for (long b = first; b < Math.min(samples, (c + 1) * tile - offset); b++) {
                                    double x = a.at(b, j);
                                    sum = t.plus(sum, weighted ? t.times(w.at(b, 0), x) : x);
                                }
                                return sum;
                            });
                }
            }
        }
    }

    private static Columns summed(Trial t, long rows, int tile, int n, boolean weighted) {
        return Columns.of(
                t.precision,
                (rows + tile - 1) / tile,
                1,
                tile,
                n,
                new Columns.Operand((long) tile * n, n, true, 0),
                weighted ? new Columns.Operand(tile, 1, true, 0) : Columns.Operand.NONE,
                false);
    }

    /** More than 2³² chains, the last block of them. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void chainsAreCountedWithSixtyFourBits(Precision precision) {
        long batch = (1L << 31) + 5;
        try (Trial t = new Trial(precision, 300)) {
            t.lab.order(blocks -> new long[] {blocks - 1});
            int there = 1 << 19;
            Ends a = new Ends(t, batch, 3 * 2, there, false, 0);
            Ends d = new Ends(t, batch, 2, there, false, 0);
            DiagonalKernels kernels = new DiagonalKernels(t.queue());
            long out = t.output(batch * 3);
            int last = 5 * 3 + 2;
            for (boolean ones : new boolean[] {false, true}) {
                kernels.foldRows(out, a.strided, ones ? Strided.NONE : d.strided, batch, 3, 2, 1);
                double[] got = t.lab.read(out, batch * 3 - last, last);
                for (int k = 0; k < last; k++) {
                    long c = batch * 3 - last + k;
                    double sum = 0;
                    for (int r = 0; r < 2; r++) {
                        double x = a.at(c / 3, (int) (c % 3) * 2 + r);
                        sum = ones ? t.plus(sum, x) : t.fma(x, d.at(c / 3, r), sum);
                    }
                    assertThat(got[k]).isEqualTo(Double.valueOf(sum));
                }
            }
        }
        long samples = (1L << 32) + (1 << 20) + 3;
        try (Trial t = new Trial(precision, 301)) {
            t.lab.order(blocks -> new long[] {blocks - 1});
            Ends a = new Ends(t, samples, 1, 1 << 19, false, 0);
            Ends w = new Ends(t, samples, 1, 1 << 19, false, 0);
            long out = t.output(samples);
            for (boolean weighted : new boolean[] {false, true}) {
                long weights = weighted ? w.strided.address() : 0;
                new ReductionKernels(t.queue()).sumBatch(out, a.strided.address(), weights, 0, samples, 1, 1);
                double x = a.at(samples - 1, 0);
                assertThat(t.lab.read(out, samples - 1, 1)[0])
                        .isEqualTo(Double.valueOf(t.plus(0, weighted ? t.times(w.at(samples - 1, 0), x) : x)));
            }
            Ends b = new Ends(t, samples, 33, 1 << 14, false, 0);
            long rows = t.output(samples * 33);
            new MatrixKernels(t.queue()).batched(rows, w.strided, b.strided, samples, 1, 1, 33);
            assertThat(t.lab.read(rows, samples * 33 - 1, 1)[0])
                    .isEqualTo(Double.valueOf(t.fma(w.at(samples - 1, 0), b.at(samples - 1, 32), 0)));
        }
    }
}
