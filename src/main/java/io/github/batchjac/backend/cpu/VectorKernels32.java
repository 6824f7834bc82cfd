package io.github.batchjac.backend.cpu;

/**
 * The kernels with the vector API. Memory is never accessed through a mask, which on Java 17 is slower than a scalar
 * loop. Instead
 *
 * <ul>
 *   <li>a row of at least one vector ends with a vector that overlaps the one before, read before anything is written, so
 *       that a row may be replaced in place; where that would count an element twice, its end is copied and padded;
 *   <li>rows of a softmax that fill their vectors go through scratch, some at a time; short ones are transposed there, one sample
 *       per lane; both up to some thousand elements, beyond one by one;
 *   <li>writers of rows that follow one another let a vector spill into the next row, which is written after.
 * </ul>
 *
 * <p>Left to the plain twins: sums down the rows, additions, arithmetic, folds and column panels, which C2 turns
 * into vector instructions by itself; copies; transposition; cross-entropy of probabilities, whose logarithm is
 * {@link Math#log}.
 */
final class VectorKernels32 {
    private VectorKernels32() {}

    static Kernels32 create() {
        VectorSums32 sums = new VectorSums32();
        VectorNormaliser32 normaliser = new VectorNormaliser32();
        return new Kernels32(
                new VectorElementwiseKernels32(),
                new VectorSoftmaxKernels32(normaliser, sums),
                new VectorLossKernels32(normaliser, sums),
                new VectorDiagonalKernels32(),
                new VectorDenseKernels32(),
                new ReductionKernels32(sums));
    }
}
