package io.github.batchjac.backend.cuda;

import io.github.batchjac.tensor.Precision;
import java.util.ArrayList;
import java.util.List;

/** A launch to be timed: its operands in the order of their indices, what it moves and computes, and what comes out. */
final class BenchCase {
    /** Where an operand's numbers come from. */
    enum Numbers {
        /** Normally distributed. */
        NORMAL,
        /** Between ½ and 3½. */
        POSITIVE,
        /** {@code int64}, below a bound that divides no period: the element's index modulo it. */
        LABELS,
        /** What {@link #prepare} launches write, or nothing before the timed launch. */
        WORK
    }

    /**
     * @param bound of the labels
     * @param traffic whether the timed launch reads or writes it
     * @param expected of an output; null for operands
     */
    record Operand(long elements, Numbers numbers, int bound, boolean traffic, boolean output, Oracle expected) {}

    /** What is launched; {@code at} has the operands' addresses. */
    interface Launch {
        void on(Kernels kernels, long[] at);
    }

    /** An output's element. */
    interface Oracle {
        Near at(Given given, long index);
    }

    /** Numbers of the operands, as doubles. */
    interface Given {
        double at(int operand, long index);

        default Sum softmax(int operand, long sample, int n) {
            Sum sum = new Sum();
            double max = Double.NEGATIVE_INFINITY;
            for (int j = 0; j < n; j++) {
                max = Math.max(max, at(operand, sample * n + j));
            }
            for (int j = 0; j < n; j++) {
                sum.add(Math.exp(at(operand, sample * n + j) - max));
            }
            sum.shift = max;
            return sum;
        }

        /** Entry j of a sample's softmax. */
        default double q(int operand, long sample, int n, int j) {
            Sum s = softmax(operand, sample, n);
            return Math.exp(at(operand, sample * n + j) - s.shift) / s.value;
        }
    }

    /** A value, and the units of roundoff that a result may be off by. */
    record Near(double value, double roundoffs) {
        static Near exactly(double value) {
            return new Near(value, 0);
        }

        /** Within so many roundings of the value itself. */
        static Near within(double ulps, double value) {
            return new Near(value, ulps * Math.abs(value));
        }

        boolean holds(double actual, Precision precision) {
            if (roundoffs == 0) {
                double rounded = precision == Precision.F32 ? (float) value : value;
                return actual == rounded;
            }
            return Math.abs(actual - value) <= precision.unitRoundoff() * roundoffs + Float.MIN_NORMAL;
        }
    }

    /** A sum and the sum of its magnitudes. */
    static final class Sum {
        double value;
        double shift;
        private double magnitude;
        private int terms;

        Sum add(double term) {
            value += term;
            magnitude += Math.abs(term);
            terms++;
            return this;
        }

        /** Within as many roundings of the magnitudes as there are terms, and a few: those of the terms. */
        Near near() {
            return new Near(value, (terms + 64) * magnitude);
        }
    }

    final String kernel;
    final String shape;
    final List<Operand> operands = new ArrayList<>();
    Launch prepare = (kernels, at) -> {};
    Launch launch = (kernels, at) -> {};
    double flops;

    BenchCase(String kernel, String shape) {
        this.kernel = kernel;
        this.shape = shape;
    }

    private BenchCase with(Operand operand) {
        operands.add(operand);
        return this;
    }

    BenchCase reads(long elements) {
        return reads(elements, Numbers.NORMAL);
    }

    BenchCase reads(long elements, Numbers numbers) {
        return with(new Operand(elements, numbers, 0, true, false, null));
    }

    BenchCase labels(long elements, int bound) {
        return with(new Operand(elements, Numbers.LABELS, bound, true, false, null));
    }

    /** What only preparation reads. */
    BenchCase from(long elements) {
        return with(new Operand(elements, Numbers.NORMAL, 0, false, false, null));
    }

    BenchCase writes(long elements, Oracle expected) {
        return with(new Operand(elements, Numbers.WORK, 0, true, true, expected));
    }

    BenchCase flops(double count) {
        flops = count;
        return this;
    }

    BenchCase prepare(Launch first) {
        prepare = first;
        return this;
    }

    BenchCase launch(Launch timed) {
        launch = timed;
        return this;
    }

    private static long bytes(Operand operand, Precision precision) {
        return operand.elements() * (operand.numbers() == Numbers.LABELS ? Long.BYTES : precision.bytes());
    }

    /** Bytes that it reads, each once. */
    long read(Precision precision) {
        return operands.stream()
                .filter(o -> o.traffic() && !o.output())
                .mapToLong(o -> bytes(o, precision))
                .sum();
    }

    long written(Precision precision) {
        return operands.stream()
                .filter(Operand::output)
                .mapToLong(o -> bytes(o, precision))
                .sum();
    }
}
