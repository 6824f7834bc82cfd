package io.github.batchjac.cli;

import io.github.batchjac.tensor.ElementType;
import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * One of a program's inputs on its way from a file: read by ranges, converted, and checked number by number. The tensor is
 * overwritten by the next range.
 */
final class Column {
    /** Numbers converted at a time, so that a float64 file costs no second chunk. */
    private static final int PIECE = 1 << 15;

    private final Source source;
    private final ElementType type;
    private final Shape each;
    private final boolean shared;
    private final int classes;
    private final boolean finite;
    private @Nullable Tensor tensor;

    /**
     * @param source the file's array, whose shape fits
     * @param type what the program takes
     * @param each the shape for one sample, or in all if {@code shared}
     * @param shared whether there is one for the whole batch, a parameter's tangent
     * @param classes labels are less than this; 0 if these are no labels
     * @param finite whether infinities and NaN are refused
     */
    Column(Source source, ElementType type, Shape each, boolean shared, int classes, boolean finite) {
        this.source = source;
        this.type = type;
        this.each = each;
        this.shared = shared;
        this.classes = classes;
        this.finite = finite;
    }

    Source source() {
        return source;
    }

    /** The number of samples; −1 if it is the same for all. */
    long count() {
        return shared ? -1 : source.shape().axis(0);
    }

    Tensor read(long first, int samples) throws IOException {
        Tensor out = tensor;
        if (shared) {
            if (out == null) {
                out = Tensor.zeros(type, each);
                convert(source.reader().readAll(), out, 0);
                check(out, 0);
                tensor = out;
            }
            return out;
        }
        Shape shape = each.prepend(samples);
        if (out == null || !out.shape().equals(shape)) {
            tensor = null; // the old one may go before the new one comes
            out = Tensor.zeros(type, shape);
            tensor = out;
        }
        fill(out, first, samples);
        check(out, first);
        return out;
    }

    private void fill(Tensor out, long first, int samples) throws IOException {
        if (source.type() == type) {
            switch (type) {
                case F32 -> source.reader().read(first, samples, out.floats(), 0);
                case F64 -> source.reader().read(first, samples, out.doubles(), 0);
                case I64 -> source.reader().read(first, samples, out.longs(), 0);
            }
            return;
        }
        int size = each.size();
        int atOnce = Math.max(1, PIECE / Math.max(1, size));
        for (int s = 0; s < samples; s += atOnce) {
            int n = Math.min(atOnce, samples - s);
            convert(source.reader().read(first + s, n), out, s * size);
        }
    }

    private static void convert(Tensor in, Tensor out, int offset) {
        int n = in.size();
        if (out.type() == ElementType.F32) {
            float[] to = out.floats();
            for (int i = 0; i < n; i++) {
                to[offset + i] = (float) in.get(i);
            }
        } else {
            double[] to = out.doubles();
            for (int i = 0; i < n; i++) {
                to[offset + i] = in.get(i);
            }
        }
    }

    private void check(Tensor out, long first) {
        int bad = -1;
        switch (type) {
            case F32 -> bad = finite ? firstNonFinite(out.floats()) : -1;
            case F64 -> bad = finite ? firstNonFinite(out.doubles()) : -1;
            case I64 -> checkLabels(out.longs(), first);
        }
        if (bad >= 0) {
            int size = Math.max(1, each.size());
            String place = shared ? "component " + bad : "sample " + (first + bad / size) + ", component " + bad % size;
            throw new Failure(source.where() + ": " + place + " is " + out.get(bad) + " as " + type
                    + ", expected a finite number (--allow-nonfinite takes it as it is)");
        }
    }

    private static int firstNonFinite(float[] a) {
        for (int i = 0; i < a.length; i++) {
            if (!Float.isFinite(a[i])) {
                return i;
            }
        }
        return -1;
    }

    private static int firstNonFinite(double[] a) {
        for (int i = 0; i < a.length; i++) {
            if (!Double.isFinite(a[i])) {
                return i;
            }
        }
        return -1;
    }

    private void checkLabels(long[] labels, long first) {
        for (int b = 0; b < labels.length; b++) {
            if (labels[b] < 0 || labels[b] >= classes) {
                throw new Failure(source.where() + ": sample " + (first + b) + " has label " + labels[b]
                        + ", expected 0 to " + (classes - 1));
            }
        }
    }
}
