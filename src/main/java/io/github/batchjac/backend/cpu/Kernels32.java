package io.github.batchjac.backend.cpu;

/**
 * Everything but matrix products that a step of a plan does on the CPU, on {@code batch} samples, by family.
 *
 * <p>An array comes with the offset of its first element; a sample's elements are contiguous, row-major, and samples
 * follow each other. An operand that the batch shares ({@code dShared}) is stored once. Destinations come first and are
 * written completely; a destination that may be null is then not computed. Arguments are trusted. A destination may be
 * the very operand it is computed from (same array, same offset) where a method says "in place"; else they must not overlap.
 *
 * <p>A sample's result has the same bits wherever it stands in the batch and however the batch is cut into calls. u is the
 * unit roundoff, 2⁻²⁴ or 2⁻⁵³; "16 / 8 ulp" is float32 / float64. Infinities and NaN stay in their own sample.
 */
record Kernels32(
        ElementwiseKernels32 elementwise,
        SoftmaxKernels32 softmax,
        LossKernels32 losses,
        DiagonalKernels32 diagonals,
        DenseKernels32 dense,
        ReductionKernels32 reductions) {}
