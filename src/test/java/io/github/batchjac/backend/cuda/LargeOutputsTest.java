package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.tensor.Precision;
import java.util.TreeSet;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Outputs of more than 2³¹ and 2³² elements, in memory that exists where it is used: only those blocks run that write the
 * elements around the places where a count of 32 bits would wrap, the first, the middle and the last.
 */
class LargeOutputsTest {
    private static final int AROUND = 9;

    private interface Element {
        double at(long b, int i);
    }

    /** Runs what writes (batch,size), and compares. Operands hold {@code b mod 1009 + i/4} for samples near what is looked at. */
    private static void check(Trial t, long batch, int size, long out, Runnable launch, Element expected) {
        long total = batch * size;
        assertThat(total).isGreaterThan((1L << 32) + 100);
        Slots slots = Slots.of(t.precision, batch, size);
        TreeSet<Long> blocks = new TreeSet<>();
        long[] places = places(total);
        for (long e : places) {
            blocks.add(block(t, slots, size, e));
        }
        t.lab.order(count -> {
            assertThat(count).isEqualTo(slots.blocks());
            return blocks.stream().mapToLong(Long::longValue).toArray();
        });
        launch.run();
        for (long e : places) {
            assertThat(t.lab.read(out, e, 1)[0])
                    .as("element %d", e)
                    .isEqualTo(Double.valueOf(expected.at(e / size, (int) (e % size))));
        }
    }

    private static long[] places(long total) {
        return LongStream.of(AROUND, total / 2, 1L << 31, 1L << 32, total - AROUND)
                .flatMap(e -> LongStream.range(e - AROUND, e + AROUND))
                .toArray();
    }

    /** The block that writes element e. */
    private static long block(Trial t, Slots slots, int size, long e) {
        long group = e / size / slots.samples();
        long slot = (e - group * slots.samples() * size) / (16 / t.precision.bytes());
        long tile = slots.sharing() == 1 ? 0 : slot / slots.threads();
        return group / slots.groups() / slots.rounds() * slots.sharing() + tile;
    }

    private static double number(long b, int i) {
        return b % 1009 + i / 4.0;
    }

    /** An operand (batch,size) with numbers in all samples that those blocks read. */
    private static Strided operand(Trial t, long batch, int size, int outSize) {
        long address = t.lab.output(batch * size);
        Slots slots = Slots.of(t.precision, batch, outSize);
        long chunk = (long) slots.samples() * slots.groups() * slots.rounds();
        TreeSet<Long> chunks = new TreeSet<>();
        for (long e : places(batch * outSize)) {
            chunks.add(e / outSize / chunk);
        }
        for (long c : chunks) {
            int samples = (int) Math.min(chunk, batch - c * chunk);
            double[] values = new double[samples * size];
            for (int k = 0; k < values.length; k++) {
                values[k] = number(c * chunk + k / size, k % size);
            }
            t.fill(address, c * chunk * size, values);
        }
        return new Strided(address, size);
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void manySmallSamples(Precision precision) {
        int n = 10;
        int size = n * n;
        long batch = (1L << 32) / size + 1_000_003;
        try (Trial t = new Trial(precision, 1)) {
            DiagonalKernels diagonals = new DiagonalKernels(t.queue());
            DenseKernels dense = new DenseKernels(t.queue());
            Strided v = operand(t, batch, n, size);
            long out1 = t.lab.output(batch * size);
            check(
                    t,
                    batch,
                    size,
                    out1,
                    () -> diagonals.denseDiagonal(out1, v, batch, 1, n),
                    (b, i) -> i / n == i % n ? number(b, i % n) : 0);
            long out2 = t.lab.output(batch * size);
            check(
                    t,
                    batch,
                    size,
                    out2,
                    () -> dense.outer(out2, v, v, Strided.NONE, batch, n, n),
                    (b, i) -> number(b, i / n) * number(b, i % n));
            Strided a = operand(t, batch, size, size);
            check(
                    t,
                    batch,
                    size,
                    a.address(),
                    () -> diagonals.scaleRows(a.address(), v, a, batch, n, n),
                    (b, i) -> number(b, i / n) * number(b, i));
            long out3 = t.lab.output(batch * size);
            Strided shared = new Strided(t.lab.numbers(t.numbers(size)), 0);
            double[] values = t.lab.read(shared.address());
            check(t, batch, size, out3, () -> dense.repeat(out3, shared, batch, 1, size), (b, i) -> values[i]);
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void fewLargeSamplesOfOddSize(Precision precision) {
        int n = 1021;
        int size = n * n;
        long batch = (1L << 32) / size + 301;
        try (Trial t = new Trial(precision, 2)) {
            DiagonalKernels diagonals = new DiagonalKernels(t.queue());
            DenseKernels dense = new DenseKernels(t.queue());
            Strided v = operand(t, batch, n, size);
            long out1 = t.lab.output(batch * size);
            check(
                    t,
                    batch,
                    size,
                    out1,
                    () -> diagonals.denseDiagonal(out1, v, batch, 1, n),
                    (b, i) -> i / n == i % n ? number(b, i % n) : 0);
            long out2 = t.lab.output(batch * size);
            check(
                    t,
                    batch,
                    size,
                    out2,
                    () -> dense.outer(out2, v, v, Strided.NONE, batch, n, n),
                    (b, i) -> t.rounded(number(b, i / n) * number(b, i % n)));
            int m = 64;
            int k = 33;
            int wide = m * m * k;
            long samples = (1L << 32) / wide + 999;
            Strided x = operand(t, samples, k, wide);
            for (boolean rowForm : new boolean[] {false, true}) {
                long out = t.lab.output(samples * wide);
                check(t, samples, wide, out, () -> dense.kroneckerIdentity(out, x, samples, m, k, rowForm), (b, i) -> {
                    int row = i / (m * k);
                    int col = i % (m * k);
                    return row == (rowForm ? col % m : col / k) ? number(b, rowForm ? col / m : col % k) : 0;
                });
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void samplesOfNearlyAllThatAnIntCounts(Precision precision) {
        int m = 46339;
        int size = m * m;
        long batch = 5;
        try (Trial t = new Trial(precision, 3)) {
            DenseKernels dense = new DenseKernels(t.queue());
            Strided v = operand(t, batch, m, size);
            long out = t.lab.output(batch * size);
            check(
                    t,
                    batch,
                    size,
                    out,
                    () -> dense.outer(out, v, v, Strided.NONE, batch, m, m),
                    (b, i) -> t.times(number(b, i / m), number(b, i % m)));
        }
    }
}
