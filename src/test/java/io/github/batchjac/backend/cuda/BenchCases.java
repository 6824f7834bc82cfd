package io.github.batchjac.backend.cuda;

import io.github.batchjac.tensor.Precision;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Every kernel at widths 10, 32, 128 and 512, a GiB at a time, and at the sizes whose floors are known. */
abstract class BenchCases {
    /** Samples that are summed by one thread. */
    static final int TILE = 1024;

    final Precision precision;
    final boolean tiny;
    final long room;
    private final List<BenchCase> cases = new ArrayList<>();

    /** @param room bytes that a case's outputs may take */
    BenchCases(Precision precision, boolean tiny, long room) {
        this.precision = precision;
        this.tiny = tiny;
        this.room = room;
    }

    /**
     * All of a family.
     *
     * @param cublas to compare our own products with, where it is found
     */
    static List<BenchCase> of(
            String family, Precision precision, boolean tiny, long room, @Nullable CublasProducts cublas) {
        BenchCases all = switch (family) {
            case "elementwise" -> new ElementwiseCases(precision, tiny, room);
            case "softmax" -> new SoftmaxCases(precision, tiny, room);
            case "losses" -> new LossCases(precision, tiny, room);
            case "diagonals" -> new DiagonalCases(precision, tiny, room);
            case "dense" -> new DenseCases(precision, tiny, room);
            case "reductions" -> new ReductionCases(precision, tiny, room);
            case "matrix" -> new MatrixCases(precision, tiny, room, cublas);
            case "networks" -> new NetworkCases(precision, tiny, room);
            default -> throw new IllegalArgumentException("no family is named " + family);
        };
        all.addAll();
        return List.copyOf(all.cases);
    }

    /** Adds the cases of this family. */
    abstract void addAll();

    final int[] widths() {
        return tiny ? new int[] {10, 33} : new int[] {10, 32, 128, 512};
    }

    /** With one for which a row does not fit into shared memory. */
    final int[] widthsOfRows() {
        return tiny ? widths() : new int[] {10, 32, 128, 512, 16384};
    }

    /** Samples of so many elements that together make a GiB. */
    final long batch(long elements) {
        return tiny ? 3 : Math.max(1, Math.min(1L << 30, room / 4) / (elements * precision.bytes()));
    }

    /** So many samples in float32, half as many in float64, fewer if there is no room. */
    final long samples(long wanted, long elements) {
        long bytes = elements * precision.bytes();
        return tiny ? 3 : Math.max(1, Math.min(wanted * Float.BYTES / precision.bytes(), (room - (64 << 20)) / bytes));
    }

    /** A size, or a small one. */
    final int size(int wanted, int small) {
        return tiny ? small : wanted;
    }

    final BenchCase add(String kernel, String shape, Object... sizes) {
        BenchCase added = new BenchCase(kernel, String.format(shape, sizes));
        cases.add(added);
        return added;
    }

    static Strided each(long address, long stride) {
        return new Strided(address, stride);
    }

    /** In the precision of the moment. */
    final double rounded(double x) {
        return precision == Precision.F32 ? (float) x : x;
    }

    static double square(double x) {
        return x * x;
    }
}
