package io.github.batchjac.backend.cuda;

import org.jspecify.annotations.Nullable;

/**
 * All kernels of one precision on one stream. Conventions: row-major; the destination first; per-sample operands that the
 * batch may share are {@link Strided}; addresses are the device's, 0 where something is not wanted.
 */
record Kernels(
        Queue queue,
        ElementwiseKernels elementwise,
        SoftmaxKernels softmax,
        LossKernels losses,
        DiagonalKernels diagonals,
        DenseKernels dense,
        ReductionKernels reductions,
        MatrixKernels matrix,
        SharedProducts shared,
        NetworkKernels networks) {

    /** @param library for large products, or null */
    static Kernels on(Queue queue, SharedProducts.@Nullable Library library) {
        ElementwiseKernels elementwise = new ElementwiseKernels(queue);
        MatrixKernels matrix = new MatrixKernels(queue);
        return new Kernels(
                queue,
                elementwise,
                new SoftmaxKernels(queue),
                new LossKernels(queue),
                new DiagonalKernels(queue),
                new DenseKernels(queue),
                new ReductionKernels(queue),
                matrix,
                new SharedProducts(matrix, elementwise, queue.precision(), library),
                new NetworkKernels(queue));
    }
}
