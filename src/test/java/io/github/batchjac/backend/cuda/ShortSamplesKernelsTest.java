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

    private static void sameBits(
            String what, Precision precision, int misaligned, int[] ins, int[] outs, Launch launch) {
        double[][] values = new double[ins.length][];
        for (int i = 0; i < ins.length; i++) {
            values[i] = Arrays.stream(random(precision, new Random(i), THERE * ins[i], 3))
                    .map(Math::abs)
                    .toArray();
        }
        double[][] few = run(precision, misaligned, ins, outs, values, THERE, launch);
        assertThat(run(precision, misaligned, ins, outs, values, (6L << 15) + 77, launch))
                .as("%s %s", what, precision)
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

    @ParameterizedTest
    @EnumSource(Precision.class)
    void softmaxes(Precision precision) {
        for (int n : precision == Precision.F32 ? new int[] {1, 2, 5, 8, 10, 16, 19, 23} : new int[] {1, 2, 5, 8, 11}) {
            for (int misaligned = 0; misaligned < 2; misaligned++) {
                int[] in = {n};
                sameBits(
                        "softmax",
                        precision,
                        misaligned,
                        in,
                        new int[] {n, 1},
                        (lab, x, out, batch) ->
                                new SoftmaxKernels(lab.queue()).softmax(out[0], out[1], x[0], batch, n));
                sameBits(
                        "log_softmax",
                        precision,
                        misaligned,
                        in,
                        new int[] {n, n, 1},
                        (lab, x, out, batch) ->
                                new SoftmaxKernels(lab.queue()).logSoftmax(out[0], out[1], out[2], x[0], batch, n));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void products(Precision precision) {
        for (int n : precision == Precision.F32 ? new int[] {1, 5, 8, 10, 16, 23} : new int[] {1, 5, 8, 11}) {
            for (int k : new int[] {1, 2}) {
                int[] in = {n, k * n, 1};
                int[] out = {k * n};
                sameBits(
                        "softmax_times_rows",
                        precision,
                        0,
                        in,
                        out,
                        (lab, x, to, batch) -> new SoftmaxKernels(lab.queue())
                                .softmaxTimesRows(
                                        to[0], strided(x[1], k * n), strided(x[0], n), strided(x[2], 1), batch, k, n));
                sameBits(
                        "rows_times_log_softmax",
                        precision,
                        0,
                        in,
                        out,
                        (lab, x, to, batch) -> new SoftmaxKernels(lab.queue())
                                .rowsTimesLogSoftmax(
                                        to[0], strided(x[1], k * n), strided(x[0], n), strided(x[2], 1), batch, k, n));
                sameBits(
                        "rows_times_log_softmax_transposed",
                        precision,
                        0,
                        in,
                        out,
                        (lab, x, to, batch) -> new SoftmaxKernels(lab.queue())
                                .rowsTimesLogSoftmaxTransposed(
                                        to[0], strided(x[1], k * n), strided(x[0], n), strided(x[2], 1), batch, k, n));
            }
        }
    }

    private static Strided strided(long address, int stride) {
        return new Strided(address, stride);
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void losses(Precision precision) {
        for (int n : precision == Precision.F32 ? new int[] {1, 5, 8, 10, 16, 23} : new int[] {1, 5, 8, 11}) {
            int[] in = {n, n};
            int[] out = {1, n};
            sameBits(
                    "squared_error",
                    precision,
                    0,
                    in,
                    out,
                    (lab, x, to, batch) -> new LossKernels(lab.queue())
                            .squaredError(to[0], to[1], strided(x[0], n), strided(x[1], n), batch, n));
            sameBits(
                    "cross_entropy",
                    precision,
                    0,
                    in,
                    out,
                    (lab, x, to, batch) -> new LossKernels(lab.queue())
                            .crossEntropy(to[0], to[1], strided(x[0], n), strided(x[1], n), batch, n));
            sameBits(
                    "softmax_cross_entropy",
                    precision,
                    0,
                    in,
                    out,
                    (lab, x, to, batch) -> new LossKernels(lab.queue())
                            .softmaxCrossEntropy(to[0], to[1], strided(x[0], n), strided(x[1], n), batch, n));
            sameBits(
                    "softmax_cross_entropy_labels",
                    precision,
                    0,
                    new int[] {n},
                    out,
                    (lab, x, to, batch) -> new LossKernels(lab.queue())
                            .softmaxCrossEntropyLabels(
                                    to[0], to[1], strided(lab.labels(n / 2), 0), strided(x[0], n), batch, n));
        }
    }
}
