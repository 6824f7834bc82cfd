package io.github.batchjac.backend.cuda;

import static io.github.batchjac.backend.cuda.Samples.random;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.tensor.Precision;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Samples so short and so many that a thread has several: they have the bits of those of a small batch, where a thread has one. Of all
 * blocks the last ones run, and the last is not full.
 */
@Tag("cuda")
class ShortSamplesKernelsTest {
    /** Samples that are there, at the end of a large batch or as a batch of their own, and how many of them are looked at. */
    private static final int THERE = 1600;

    private static final int LOOKED_AT = 130;

    /** One launch, of operands and results so many numbers a sample. */
    private interface Launch {
        void run(Lab lab, long[] in, long[] out, long batch);
    }

    private static void sameBits(Precision precision, int misaligned, int[] ins, int[] outs, Launch launch) {
        double[][] values = new double[ins.length][];
        for (int i = 0; i < ins.length; i++) {
            values[i] = Arrays.stream(random(precision, new Random(i), THERE * ins[i], 3))
                    .map(Math::abs)
                    .toArray();
        }
        double[][] few = run(precision, misaligned, ins, outs, values, THERE, launch);
        assertThat(run(precision, misaligned, ins, outs, values, (6L << 15) + 77, launch))
                .as("%s from %s to %s numbers", precision, Arrays.toString(ins), Arrays.toString(outs))
                .isDeepEqualTo(few);
    }

    private static double[][] run(
            Precision precision, int misaligned, int[] ins, int[] outs, double[][] values, long batch, Launch launch) {
        try (Lab lab = new Lab(precision)) {
            long[] in = new long[ins.length];
            for (int i = 0; i < in.length; i++) {
                in[i] = lab.output(misaligned, batch * ins[i]);
                lab.fill(in[i], (batch - THERE) * ins[i], values[i]);
            }
            long[] out = new long[outs.length];
            Arrays.setAll(out, i -> lab.output(misaligned, batch * outs[i]));
            if (batch > THERE) {
                lab.order(count -> new long[] {count - 4, count - 3, count - 2, count - 1});
            }
            launch.run(lab, in, out, batch);
            double[][] got = new double[outs.length][];
            Arrays.setAll(got, i -> lab.read(out[i], (batch - LOOKED_AT) * outs[i], LOOKED_AT * outs[i]));
            return got;
        }
    }

    /** Every remainder of packs, up to the longest samples of which a thread has two. */
    private static int[] sizes(Precision precision) {
        return precision == Precision.F32 ? new int[] {1, 2, 5, 8, 10, 16, 19, 23} : new int[] {1, 2, 5, 8, 11};
    }

    private static int[] numbers(int... ofASample) {
        return ofASample;
    }

    private static Strided strided(long address, int stride) {
        return new Strided(address, stride);
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void softmaxes(Precision precision) {
        for (int n : sizes(precision)) {
            Launch softmax =
                    (lab, x, to, batch) -> new SoftmaxKernels(lab.queue()).softmax(to[0], to[1], x[0], batch, n);
            Launch logSoftmax = (lab, x, to, batch) ->
                    new SoftmaxKernels(lab.queue()).logSoftmax(to[0], to[1], to[2], x[0], batch, n);
            for (int misaligned = 0; misaligned < 2; misaligned++) {
                sameBits(precision, misaligned, numbers(n), numbers(n, 1), softmax);
                sameBits(precision, misaligned, numbers(n), numbers(n, n, 1), logSoftmax);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void products(Precision precision) {
        for (int n : sizes(precision)) {
            for (int k = 1; k <= 2; k++) {
                int size = k * n;
                int rows = k;
                for (Launches.Product product : Launches.ROWS) {
                    Launch launch = (lab, x, to, batch) -> {
                        Strided panel = strided(x[1], size);
                        Strided q = strided(x[0], n);
                        product.run(new SoftmaxKernels(lab.queue()), to[0], panel, q, strided(x[2], 1), batch, rows, n);
                    };
                    sameBits(precision, 0, numbers(n, size, 1), numbers(size), launch);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void losses(Precision precision) {
        for (int n : sizes(precision)) {
            for (Launches.Loss loss : Launches.LOSSES) {
                boolean labelled = !Launches.WITH_TARGETS.contains(loss);
                Launch launch = (lab, x, to, batch) -> {
                    Strided target = labelled ? strided(lab.labels(n / 2), 0) : strided(x[1], n);
                    loss.run(new LossKernels(lab.queue()), to[0], to[1], target, strided(x[0], n), batch, n);
                };
                sameBits(precision, 0, numbers(n, n), numbers(1, n), launch);
            }
        }
    }
}
