package io.github.batchjac.backend.cuda;

import static io.github.batchjac.backend.cuda.Launches.LOSSES;
import static io.github.batchjac.backend.cuda.Launches.WITH_TARGETS;
import static io.github.batchjac.backend.cuda.Samples.random;
import static io.github.batchjac.backend.cuda.SoftmaxJacobianKernelsTest.entries;

import io.github.batchjac.backend.cuda.Launches.Loss;
import io.github.batchjac.backend.cuda.SoftmaxJacobianKernelsTest.Form;
import io.github.batchjac.tensor.Precision;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** As {@link KernelFiguresTest}, of softmax, its Jacobians and losses: the first blocks of a batch of a million samples. */
class KernelSoftmaxFiguresTest {
    @ParameterizedTest
    @EnumSource(Precision.class)
    void softmaxAndItsLogarithmAreBoundByMemory(Precision precision) {
        int batch = 1 << 20;
        for (int n : IntStream.concat(IntStream.of(Samples.all()), IntStream.of(Samples.LONG))
                .toArray()) {
            double[] numbers = random(precision, new Random(n), 1 << 16, 3);
            try (Lab lab = new Lab(precision)) {
                lab.order(count -> new long[] {0, 1});
                SoftmaxKernels kernels = new SoftmaxKernels(lab.queue());
                long elements = (long) batch * n;
                long x = lab.partly(elements, numbers);
                kernels.softmax(lab.output(elements), lab.output(batch), x, batch, n);
                kernels.logSoftmax(0, lab.output(elements), 0, x, batch, n);
                kernels.logSoftmax(lab.output(elements), lab.output(elements), lab.output(batch), x, batch, n);
                kernels.logSoftmax(lab.output(elements), 0, 0, x, batch, n);
                lab.holdFigures("n " + n, kernel -> 5);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void lossesWithGradientsAreBoundByMemory(Precision precision) {
        for (int n : lengths()) {
            int length = n;
            memoryIsMoved(precision, n, true, kernel -> kernel.startsWith("squared") ? squaredError(length) : 5);
        }
    }

    /**
     * A loss without its gradient moves half as much, or two thirds, and takes nearly as many instructions: arithmetic bounds those
     * with an exponential or a logarithm of every number.
     */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void lossesAlone(Precision precision) {
        for (int n : lengths()) {
            memoryIsMoved(
                    precision,
                    n,
                    false,
                    kernel -> kernel.startsWith("squared")
                            ? 2.5
                            : kernel.contains("labels") ? 8.2 : precision == Precision.F32 ? 6.7 : 6.2);
        }
    }

    /** More where a lane has few packs, or numbers are left over. */
    private static double squaredError(int n) {
        return IntStream.of(Samples.SIZES).anyMatch(size -> size == n) ? 1.65 : 2;
    }

    private static int[] lengths() {
        return IntStream.concat(IntStream.of(Samples.all()), IntStream.of(Samples.LONG))
                .toArray();
    }

    private static void memoryIsMoved(
            Precision precision, int n, boolean gradients, ToDoubleFunction<String> instructions) {
        int batch = 1 << 20;
        double[] numbers = Arrays.stream(random(precision, new Random(n), 1 << 16, 3))
                .map(Math::abs)
                .toArray();
        try (Lab lab = new Lab(precision)) {
            lab.order(count -> new long[] {0, 1});
            long elements = (long) batch * n;
            Strided t = new Strided(lab.partly(elements, numbers), n);
            Strided p = new Strided(lab.partly(elements, numbers), n);
            Strided labels = new Strided(lab.labels(new long[1 << 12]), 1);
            for (Loss loss : LOSSES) {
                Strided target = WITH_TARGETS.contains(loss) ? t : labels;
                long gradient = gradients ? lab.output(elements) : 0;
                loss.run(new LossKernels(lab.queue()), lab.output(batch), gradient, target, p, batch, n);
            }
            lab.holdFigures("n " + n, instructions);
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void theirJacobiansAreBoundByMemory(Precision precision) {
        int batch = 1 << 20;
        for (int n : new int[] {8, 10, 12, 16, 17, 32, 33, 64, 65, 100, 128, 255, 256, 1000}) {
            double[] numbers = random(precision, new Random(n), (1 << 14) * 4, 3);
            double[][] q = entries(precision, 1, n);
            try (Lab lab = new Lab(precision)) {
                lab.order(count -> new long[] {0, 1});
                SoftmaxKernels kernels = new SoftmaxKernels(lab.queue());
                long elements = (long) batch * n;
                long x = lab.partly(elements, numbers);
                Strided entries = new Strided(lab.numbers(q[0]), 0);
                Strided rest = new Strided(lab.numbers(q[1]), 0);
                for (Form form : Form.values()) {
                    form.run(kernels, lab.output(elements), new Strided(x, n), entries, rest, batch, 1, n);
                    form.run(kernels, lab.output(16 * elements), new Strided(x, 16L * n), entries, rest, batch, 16, n);
                }
                for (int k : new int[] {3, 33}) {
                    Strided panel = new Strided(x, (long) k * n);
                    for (Form form : List.of(Form.SOFTMAX_ROWS, Form.LOG_ROWS, Form.LOG_ROWS_TRANSPOSED)) {
                        form.run(kernels, lab.output(k * elements), panel, entries, rest, batch, k, n);
                    }
                }
                for (int k : new int[] {2, 3, 17}) {
                    if (n * k < 17_000 / precision.bytes() * 4) {
                        Strided panel = new Strided(x, (long) k * n);
                        Form.SOFTMAX_COLUMNS.run(kernels, lab.output(k * elements), panel, entries, rest, batch, k, n);
                        Form.LOG_COLUMNS.run(kernels, lab.output(k * elements), panel, entries, rest, batch, k, n);
                    }
                }
                kernels.denseSoftmax(lab.output(n * elements), entries, rest, batch, n);
                kernels.denseLogSoftmax(lab.output(n * elements), entries, rest, batch, n);
                if (n == 128) {
                    x = lab.partly(n * elements, random(precision, new Random(n), 4 * n * n, 1));
                    Form.SOFTMAX_COLUMNS.run(
                            kernels, lab.output(n * elements), new Strided(x, n * n), entries, rest, batch, n, n);
                }
                lab.holdFigures("n " + n, KernelSoftmaxFiguresTest::instructions);
            }
        }
    }

    /** Panels whose columns are no whole packs, few a block or more than its threads; and too large for it. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void oddColumnsAreBoundByMemory(Precision precision) {
        int batch = 1 << 20;
        for (int[] shape :
                new int[][] {{8, 33}, {8, 65}, {8, 129}, {8, 257}, {8, 301}, {60, 301}, {30, 513}, {671, 40}}) {
            int n = shape[0];
            int k = shape[1];
            double[][] q = entries(precision, 1, n);
            try (Lab lab = new Lab(precision)) {
                lab.order(count -> new long[] {0, 1});
                SoftmaxKernels kernels = new SoftmaxKernels(lab.queue());
                long elements = (long) batch * n * k;
                Strided panel =
                        new Strided(lab.partly(elements, random(precision, new Random(n), 1 << 16, 1)), (long) k * n);
                Strided entries = new Strided(lab.numbers(q[0]), 0);
                Strided rest = new Strided(lab.numbers(q[1]), 0);
                Form.SOFTMAX_COLUMNS.run(kernels, lab.output(elements), panel, entries, rest, batch, k, n);
                Form.LOG_COLUMNS.run(kernels, lab.output(elements), panel, entries, rest, batch, k, n);
                lab.holdFigures("n %d k %d".formatted(n, k), kernel -> 5);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void longRowsAreBoundByMemory(Precision precision) {
        for (int n : new int[] {8_203, 12_289, 20_000}) {
            double[][] q = entries(precision, 2, n);
            try (Lab lab = new Lab(precision)) {
                lab.order(count -> new long[] {0, 1});
                SoftmaxKernels kernels = new SoftmaxKernels(lab.queue());
                int batch = 1 << 20;
                Strided rows = new Strided(lab.partly((long) batch * n, random(precision, new Random(n), 2 * n, 1)), n);
                Strided entries = new Strided(lab.partly((long) batch * n, q[0]), n);
                Strided rest = new Strided(lab.numbers(q[1]), 1);
                for (Form form : List.of(Form.SOFTMAX_ROWS, Form.LOG_ROWS, Form.LOG_ROWS_TRANSPOSED)) {
                    form.run(kernels, lab.output((long) batch * n), rows, entries, rest, batch, 1, n);
                }
                lab.holdFigures("n " + n, kernel -> 4);
            }
        }
    }

    /** What holds, per sector: 5. Where rows are no whole packs, each thread of a dense Jacobian looks for the row's end and the diagonal. */
    private static double instructions(String kernel) {
        return kernel.contains("dense") || kernel.contains("columns") ? 5 : 4;
    }
}
