package io.github.batchjac.backend.cuda;

import java.util.List;

/** What several tests do with all kernels of a kind. */
final class Launches {
    interface Product {
        void run(SoftmaxKernels kernels, long out, Strided panel, Strided q, Strided rest, long batch, int k, int n);
    }

    /** Rows times the Jacobian of softmax, of log-softmax and of that transposed. */
    static final List<Product> ROWS = List.of(
            SoftmaxKernels::softmaxTimesRows,
            SoftmaxKernels::rowsTimesLogSoftmax,
            SoftmaxKernels::rowsTimesLogSoftmaxTransposed);

    /** The Jacobian of softmax, and of log-softmax, times columns. */
    static final List<Product> COLUMNS = List.of(
            (kernels, out, m, q, rest, batch, k, n) -> kernels.softmaxTimesColumns(out, m, q, rest, batch, n, k),
            (kernels, out, m, q, rest, batch, k, n) -> kernels.logSoftmaxTimesColumns(out, m, q, rest, batch, n, k));

    interface Loss {
        void run(LossKernels kernels, long loss, long gradient, Strided target, Strided prediction, long batch, int n);
    }

    /** Losses whose targets are numbers like predictions. */
    static final List<Loss> WITH_TARGETS =
            List.of(LossKernels::squaredError, LossKernels::crossEntropy, LossKernels::softmaxCrossEntropy);

    /** These, and that of labels. */
    static final List<Loss> LOSSES = List.of(
            WITH_TARGETS.get(0), WITH_TARGETS.get(1), WITH_TARGETS.get(2), LossKernels::softmaxCrossEntropyLabels);

    private Launches() {}
}
