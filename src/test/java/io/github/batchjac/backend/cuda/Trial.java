package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.backend.cuda.ptx.LaunchReport;
import io.github.batchjac.tensor.Precision;
import java.util.List;
import java.util.Random;

/** A laboratory with operands of random numbers, shared or not, aligned or not, and the arithmetic of one precision. */
final class Trial implements AutoCloseable {
    static final int[] WIDTHS = widths();
    private static final double[] SPECIAL = {
        0, -0.0, 1, -1, Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, 0x1p-140, -0x1p127
    };

    final Precision precision;
    final Lab lab;
    final Random random;

    Trial(Precision precision, long seed) {
        this.precision = precision;
        this.lab = new Lab(precision);
        this.random = new Random(seed);
    }

    private static int[] widths() {
        int[] widths = new int[69];
        for (int n = 1; n <= 67; n++) {
            widths[n - 1] = n;
        }
        widths[67] = 128;
        widths[68] = 1025;
        return widths;
    }

    /** Numbers of each sample, and where they are. */
    record Operand(double[] values, int size, Strided strided) {
        double at(int b, int i) {
            return values[(strided.stride() == 0 ? 0 : b * size) + i];
        }

        long address() {
            return strided.address();
        }
    }

    Queue queue() {
        return lab.queue();
    }

    double rounded(double x) {
        return precision == Precision.F32 ? (float) x : x;
    }

    double times(double a, double b) {
        return precision == Precision.F32 ? (float) a * (float) b : a * b;
    }

    double plus(double a, double b) {
        return precision == Precision.F32 ? (float) a + (float) b : a + b;
    }

    double fma(double a, double b, double c) {
        return precision == Precision.F32 ? Math.fma((float) a, (float) b, (float) c) : Math.fma(a, b, c);
    }

    /** Random numbers with some NaN, infinities and zeros of either sign among them. */
    double[] numbers(int count) {
        double[] values = new double[count];
        for (int i = 0; i < count; i++) {
            values[i] =
                    random.nextInt(12) == 0 ? SPECIAL[random.nextInt(SPECIAL.length)] : rounded(random.nextGaussian());
        }
        return values;
    }

    /** One in four is off by some elements: not aligned to 16 bytes, or to no more. */
    int misalignment() {
        return random.nextInt(4) == 0 ? 1 + random.nextInt(4) : 0;
    }

    Operand operand(int batch, int size, boolean shared) {
        return operand(numbers((shared ? 1 : batch) * size), size, shared);
    }

    Operand operand(double[] values, int size, boolean shared) {
        return new Operand(values, size, new Strided(lab.numbers(misalignment(), values), shared ? 0 : size));
    }

    /** Samples that do not follow each other. */
    Operand apart(int batch, int size) {
        int stride = size + 1 + random.nextInt(4);
        double[] values = numbers(batch * size);
        double[] spread = numbers(batch * stride);
        for (int b = 0; b < batch; b++) {
            System.arraycopy(values, b * size, spread, b * stride, size);
        }
        return new Operand(values, size, new Strided(lab.numbers(misalignment(), spread), stride));
    }

    long output(long elements) {
        return lab.output(misalignment(), elements);
    }

    interface Element {
        double at(int index);
    }

    interface Entry {
        double at(int b, int i, int j);
    }

    /** Every entry of (batch,rows,cols) has these bits. */
    void expect(long out, int batch, int rows, int cols, Entry expected) {
        expect(
                "%s (%d,%d,%d)".formatted(precision, batch, rows, cols),
                out,
                batch * rows * cols,
                k -> expected.at(k / (rows * cols), k / cols % rows, k % cols));
    }

    /** Every element has these bits. */
    void expect(String what, long out, int count, Element expected) {
        double[] got = lab.read(out);
        assertThat(got).as(what).hasSize(count);
        for (int i = 0; i < count; i++) {
            if (Double.compare(got[i], expected.at(i)) != 0) {
                assertThat(got[i]).as("%s: element %d of %d", what, i, count).isEqualTo(Double.valueOf(expected.at(i)));
            }
        }
    }

    /** A wide piece of numbers, of which only those from {@code first} on are there. */
    void fill(long address, long first, double... values) {
        lab.fill(address, first, values);
    }

    /** The launch since the last report. */
    LaunchReport report() {
        List<LaunchReport> reports = lab.reports();
        assertThat(reports).hasSize(1);
        return reports.get(0);
    }

    @Override
    public void close() {
        lab.close();
    }
}
