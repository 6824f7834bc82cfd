package io.github.batchjac.backend.cpu;

import java.util.Locale;
import java.util.stream.Stream;

/** Both twins of the kernels, the vector one whatever this machine prefers; and sizes that leave every kind of tail. */
final class Twins {
    static final int[] SIZES = {1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 127, 1025};
    static final int[] BATCHES = {0, 1, 5, 17};

    private Twins() {}

    static Stream<Kernels32> kernels32() {
        return Stream.of(new PlainKernels32(), new VectorKernels32());
    }

    static Stream<Kernels64> kernels64() {
        return Stream.of(new PlainKernels64(), new VectorKernels64());
    }

    static String name(Object kernels) {
        return kernels.getClass().getSimpleName().toLowerCase(Locale.ROOT);
    }
}
