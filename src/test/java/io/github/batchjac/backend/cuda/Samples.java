package io.github.batchjac.backend.cuda;

import io.github.batchjac.backend.cpu.Exact;
import io.github.batchjac.tensor.Precision;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;

/** What softmax and losses are tested on, and how far they may be off. */
final class Samples {
    private static final double[] SCALES = {1e-3, 1, 5, 30, 100, 1e4};
    /** Rows of {@link #logits}. */
    static final int KINDS = 4 * SCALES.length;

    /** Of one lane and of several: what instructions are counted of. */
    static final int[] SIZES = {
        8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 255, 256, 257,
        1000
    };

    /** Where most instructions are needed: as few packs a lane as there are, left-over numbers, gaps, a block for a sample. */
    static final int[] RAGGED = {81, 164, 281, 554, 657, 1097, 1283, 1289, 2595, 3008};

    /** Too long for shared memory, or nearly. */
    static final int[] LONG = {5903, 12_289, 20_001, 32_000};

    static int[] all() {
        return IntStream.concat(IntStream.of(SIZES), IntStream.of(RAGGED)).toArray();
    }

    static double round(Precision precision, double x) {
        return precision == Precision.F32 ? (float) x : x;
    }

    static double[] random(Precision precision, Random random, int length, double scale) {
        double[] a = new double[length];
        for (int i = 0; i < length; i++) {
            a[i] = round(precision, random.nextGaussian() * scale);
        }
        return a;
    }

    /** Rows that are random at every scale; with one entry far above the others, ties, and −inf. */
    static double[] logits(Precision precision, int n) {
        Random random = new Random(n);
        double[] all = new double[KINDS * n];
        for (int b = 0; b < KINDS; b++) {
            double[] x = random(precision, random, n, SCALES[b % SCALES.length]);
            switch (b / SCALES.length) {
                case 1 -> x[n / 2] = round(precision, x[n / 2] + 17);
                case 2 -> x[n - 1] = x[0] = 40;
                case 3 -> x[n / 3] = n == 1 ? x[0] : Double.NEGATIVE_INFINITY;
                default -> {}
            }
            System.arraycopy(x, 0, all, b * n, n);
        }
        return all;
    }

    static double[] row(double[] a, int b, int n) {
        return Arrays.copyOfRange(a, b * n, (b + 1) * n);
    }

    static int largest(double[] a) {
        int m = 0;
        for (int i = 1; i < a.length; i++) {
            m = a[i] > a[m] ? i : m;
        }
        return m;
    }

    static double ulps(Precision precision, double got, BigDecimal exact) {
        return precision == Precision.F32 ? Exact.ulps((float) got, exact) : Exact.ulps(got, exact);
    }

    static double entryBound(Precision precision) {
        return precision == Precision.F32 ? 16 : 8;
    }

    private Samples() {}
}
