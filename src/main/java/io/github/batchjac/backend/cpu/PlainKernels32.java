package io.github.batchjac.backend.cpu;

/** The kernels in plain Java, as the formulas read: the twins of every faster one. */
final class PlainKernels32 {
    private PlainKernels32() {}

    static Kernels32 create() {
        PlainSums32 sums = new PlainSums32();
        PlainNormaliser32 normaliser = new PlainNormaliser32();
        return new Kernels32(
                new PlainElementwiseKernels32(),
                new PlainSoftmaxKernels32(normaliser, sums),
                new PlainLossKernels32(normaliser, sums),
                new PlainDiagonalKernels32(),
                new PlainDenseKernels32(),
                new ReductionKernels32(sums));
    }
}
