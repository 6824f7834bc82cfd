package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.backend.cuda.ptx.LaunchReport;
import io.github.batchjac.tensor.Precision;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.Parameter;

/** Kernels of matrix products, operands, and the chains of multiply-adds that products promise to be. */
abstract class MatrixTrial {
    static final Set<String> TILES = Set.of(
            "product_large",
            "product_medium",
            "product_thin32",
            "product_thin16",
            "product_thin8",
            "product_small",
            "product_few");

    @Parameter
    Precision precision;

    Lab lab;
    MatrixKernels kernels;
    Random random;

    @BeforeEach
    void open() {
        lab = new Lab(precision);
        kernels = new MatrixKernels(lab.queue(), 1, sharedPerBlock());
        random = new Random(1);
    }

    int sharedPerBlock() {
        return lab.queue().device().info().sharedPerBlock();
    }

    @AfterEach
    void close() {
        lab.close();
    }

    /** A matrix for each sample, or one for all (stride 0). */
    record Operand(double[] values, int offset, int stride) {
        double at(int sample, int i) {
            return values[offset + sample * stride + i];
        }
    }

    enum Placed {
        CONTIGUOUS,
        SHARED,
        /** An odd number of elements off, and a gap of one between samples. */
        ASKEW,
        /** An odd number of elements off. */
        OFF,
        /** With gaps of 16 bytes between samples. */
        APART,
        /** With gaps of one element between samples. */
        CLOSE;

        int gap(int bytes) {
            return this == APART ? 16 / bytes : this == ASKEW || this == CLOSE ? 1 : 0;
        }

        int offset() {
            return this == ASKEW || this == OFF ? 1 : 0;
        }
    }

    Operand operand(int batch, int size, Placed placed) {
        int gap = placed.gap(precision.bytes());
        int stride = placed == Placed.SHARED ? 0 : size + gap;
        int count = placed == Placed.SHARED ? size : Math.max(0, batch * stride - gap);
        return new Operand(numbers(count), placed.offset(), stride);
    }

    double[] numbers(int count) {
        double[] values = new double[count + 1];
        for (int i = 0; i < values.length; i++) {
            values[i] = rounded(random.nextGaussian());
        }
        return values;
    }

    Strided placed(Operand operand) {
        double[] own = Arrays.copyOfRange(operand.values, operand.offset, operand.values.length - 1 + operand.offset);
        return new Strided(lab.numbers(operand.offset, own), operand.stride);
    }

    double rounded(double x) {
        return precision == Precision.F32 ? (float) x : x;
    }

    double fma(double a, double b, double c) {
        return precision == Precision.F32 ? Math.fma((float) a, (float) b, (float) c) : Math.fma(a, b, c);
    }

    void assertSame(double[] actual, double[] expected, Object what) {
        assertThat(actual.length).isEqualTo(expected.length);
        for (int i = 0; i < actual.length; i++) {
            if (Double.doubleToLongBits(actual[i]) != Double.doubleToLongBits(expected[i])) {
                assertThat(actual[i])
                        .as("%s, entry %d: %s", what, i, expected[i])
                        .isEqualTo(expected[i]);
            }
        }
    }

    /** A product with a shared W. */
    final class Shared {
        final int batch;
        final int m;
        final int k;
        final int n;
        final Operand a;
        final Operand scale;
        final boolean transposed;
        final double[] w;
        final double[] bias;

        /** @param variant its digits choose what there is and how it lies */
        Shared(int batch, int m, int k, int n, int variant) {
            this(
                    batch,
                    m,
                    k,
                    n,
                    Placed.values()[variant % 3],
                    variant / 3 % 4 == 0 ? null : Placed.values()[variant / 3 % 4 - 1],
                    variant / 12 % 2 == 1,
                    variant / 24 % 2 == 1);
        }

        /** @param scaled null for no scale */
        Shared(int batch, int m, int k, int n, Placed placed, Placed scaled, boolean transposed, boolean biased) {
            this.batch = batch;
            this.m = m;
            this.k = k;
            this.n = n;
            a = operand(batch, m * k, placed);
            scale = scaled == null ? null : operand(batch, k, scaled);
            this.transposed = transposed;
            w = numbers(k * n);
            bias = biased ? numbers(n) : null;
        }

        double[] expected() {
            double[] out = new double[batch * m * n];
            for (int s = 0; s < batch; s++) {
                for (int i = 0; i < m; i++) {
                    for (int j = 0; j < n; j++) {
                        double sum = 0;
                        for (int l = 0; l < k; l++) {
                            double scaled =
                                    scale == null ? a.at(s, i * k + l) : rounded(a.at(s, i * k + l) * scale.at(s, l));
                            sum = fma(scaled, w[transposed ? j * k + l : l * n + j], sum);
                        }
                        out[(s * m + i) * n + j] = bias == null ? sum : rounded(sum + bias[j]);
                    }
                }
            }
            return out;
        }

        /** @param off elements by which W, bias and the result are misaligned */
        double[] run(int off) {
            return run(off, off);
        }

        /** @param off elements by which W and bias are misaligned, and {@code outOff} the result */
        double[] run(int off, int outOff) {
            long out = lab.output(outOff, (long) batch * m * n);
            kernels.timesShared(
                    out,
                    placed(a),
                    batch,
                    m,
                    k,
                    scale == null ? Strided.NONE : placed(scale),
                    lab.numbers(off, Arrays.copyOf(w, k * n)),
                    transposed,
                    n,
                    bias == null ? 0 : lab.numbers(off, Arrays.copyOf(bias, n)));
            return lab.read(out);
        }
    }

    static String plain(LaunchReport report) {
        return report.kernel().replaceAll("_f(32|64)$", "");
    }

    double[] chains(Operand a, Operand b, int batch, int m, int k, int n) {
        double[] out = new double[batch * m * n];
        for (int s = 0; s < batch; s++) {
            for (int i = 0; i < m; i++) {
                for (int j = 0; j < n; j++) {
                    double sum = 0;
                    for (int l = 0; l < k; l++) {
                        sum = fma(a.at(s, i * k + l), b.at(s, l * n + j), sum);
                    }
                    out[(s * m + i) * n + j] = sum;
                }
            }
        }
        return out;
    }

    /** Sums over tiles, each entry one chain. */
    double[] sums(double[] r, double[] x, double[] weights, int samples, int m, int n, int tile) {
        double[] partial = new double[(samples + tile - 1) / tile * m * n];
        for (int s = 0; s < samples; s++) {
            for (int i = 0; i < m; i++) {
                for (int j = 0; j < n; j++) {
                    int at = (s / tile * m + i) * n + j;
                    double left = weights == null ? r[s * m + i] : rounded(weights[s] * r[s * m + i]);
                    partial[at] = fma(left, x[s * n + j], partial[at]);
                }
            }
        }
        return partial;
    }

    /** An array of which only the end has numbers. */
    long ending(long count, double[] last) {
        long address = lab.output(count);
        int bytes = precision == Precision.F32 ? Float.BYTES : Double.BYTES;
        ByteBuffer buffer = ByteBuffer.allocate(last.length * bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (double value : last) {
            if (precision == Precision.F32) {
                buffer.putFloat((float) value);
            } else {
                buffer.putDouble(value);
            }
        }
        lab.machine().memory().copyIn(address + (count - last.length) * bytes, buffer.flip());
        return address;
    }
}
