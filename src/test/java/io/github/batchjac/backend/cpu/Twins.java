package io.github.batchjac.backend.cpu;

import java.util.Locale;
import java.util.stream.Stream;

/** Both twins of the kernels, the vector one whatever this machine prefers; and sizes that leave every kind of tail. */
final class Twins {
    static final int[] SIZES = {1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 127, 1025};
    static final int[] BATCHES = {0, 1, 5, 17};

    private Twins() {}

    static Stream<Kernels32> kernels32() {
        return Stream.of(PlainKernels32.create(), VectorKernels32.create());
    }

    static Stream<Kernels64> kernels64() {
        return Stream.of(PlainKernels64.create(), VectorKernels64.create());
    }

    static String name(Kernels32 kernels) {
        return name(kernels.elementwise());
    }

    static String name(Kernels64 kernels) {
        return name(kernels.elementwise());
    }

    /** "plain32". */
    static String name(Object kernels) {
        String name = kernels.getClass().getSimpleName();
        return name.replace("ElementwiseKernels", "").toLowerCase(Locale.ROOT);
    }
}
