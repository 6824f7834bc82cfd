package io.github.batchjac.tensor;

import java.util.Arrays;

/**
 * A dense row-major array on the host: {@code float[]}, {@code double[]} or {@code long[]} (class indices) with a
 * shape. At most 2³¹−1 elements; larger results are streamed in chunks.
 *
 * <p>A tensor wraps the array it was made from and hands out that same array: nothing is copied, and whoever holds the
 * array may write to it. A tensor that a {@code Graph} keeps (a parameter) is copied when the graph is built.
 */
public final class Tensor {
    private final ElementType type;
    private final Shape shape;
    private final Object data;

    private Tensor(ElementType type, Shape shape, Object data, int length) {
        if (shape.elements() != length) {
            throw new IllegalArgumentException(
                    "shape " + shape + " has " + shape.elements() + " elements, the array has " + length);
        }
        this.type = type;
        this.shape = shape;
        this.data = data;
    }

    /** Wraps {@code data}. @throws IllegalArgumentException if its length is not the shape's number of elements */
    public static Tensor of(float[] data, long... shape) {
        return of(data, Shape.of(shape));
    }

    /** Wraps {@code data}. @throws IllegalArgumentException if its length is not the shape's number of elements */
    public static Tensor of(double[] data, long... shape) {
        return of(data, Shape.of(shape));
    }

    /** Wraps {@code data}, class indices. @throws IllegalArgumentException if its length does not fit the shape */
    public static Tensor of(long[] data, long... shape) {
        return of(data, Shape.of(shape));
    }

    /** Wraps {@code data}. @throws IllegalArgumentException if its length is not the shape's number of elements */
    public static Tensor of(float[] data, Shape shape) {
        return new Tensor(ElementType.F32, shape, data, data.length);
    }

    /** Wraps {@code data}. @throws IllegalArgumentException if its length is not the shape's number of elements */
    public static Tensor of(double[] data, Shape shape) {
        return new Tensor(ElementType.F64, shape, data, data.length);
    }

    /** Wraps {@code data}, class indices. @throws IllegalArgumentException if its length does not fit the shape */
    public static Tensor of(long[] data, Shape shape) {
        return new Tensor(ElementType.I64, shape, data, data.length);
    }

    /** A tensor of zeros. @throws IllegalArgumentException if the shape has more than 2³¹−1 elements */
    public static Tensor zeros(ElementType type, Shape shape) {
        int size = shape.size();
        return switch (type) {
            case F32 -> of(new float[size], shape);
            case F64 -> of(new double[size], shape);
            case I64 -> of(new long[size], shape);
        };
    }

    public ElementType type() {
        return type;
    }

    public Shape shape() {
        return shape;
    }

    public int size() {
        return shape.size();
    }

    /** The array itself. @throws IllegalStateException if this tensor is not float32 */
    public float[] floats() {
        require(ElementType.F32);
        return (float[]) data;
    }

    /** The array itself. @throws IllegalStateException if this tensor is not float64 */
    public double[] doubles() {
        require(ElementType.F64);
        return (double[]) data;
    }

    /** The array itself. @throws IllegalStateException if this tensor is not int64 */
    public long[] longs() {
        require(ElementType.I64);
        return (long[]) data;
    }

    private void require(ElementType wanted) {
        if (type != wanted) {
            throw new IllegalStateException("tensor " + this + " is " + type + ", not " + wanted);
        }
    }

    /** Element {@code i} in row-major order, as a double. */
    public double get(int i) {
        return switch (type) {
            case F32 -> ((float[]) data)[i];
            case F64 -> ((double[]) data)[i];
            case I64 -> ((long[]) data)[i];
        };
    }

    /** This tensor's numbers in {@code precision}, rounded to nearest: itself if it has that precision, else a copy. */
    public Tensor to(Precision precision) {
        if (type == ElementType.of(precision)) {
            return this;
        }
        int n = size();
        if (precision == Precision.F32) {
            float[] out = new float[n];
            for (int i = 0; i < n; i++) {
                out[i] = (float) get(i);
            }
            return of(out, shape);
        }
        double[] out = new double[n];
        for (int i = 0; i < n; i++) {
            out[i] = get(i);
        }
        return of(out, shape);
    }

    /** The same array under another shape. @throws IllegalArgumentException if the numbers of elements differ */
    public Tensor reshape(Shape other) {
        return new Tensor(type, other, data, size());
    }

    /** A copy with an array of its own. */
    public Tensor copy() {
        return slice0(0, size(), shape);
    }

    /** A copy of samples {@code from} (inclusive) to {@code to} (exclusive) along the first axis. */
    public Tensor samples(int from, int to) {
        int each = shape.tail().size();
        return slice0(from * each, to * each, shape.tail().prepend(to - from));
    }

    private Tensor slice0(int from, int to, Shape shape) {
        return switch (type) {
            case F32 -> of(Arrays.copyOfRange((float[]) data, from, to), shape);
            case F64 -> of(Arrays.copyOfRange((double[]) data, from, to), shape);
            case I64 -> of(Arrays.copyOfRange((long[]) data, from, to), shape);
        };
    }

    /** Type and shape, such as {@code float32 (256, 10)}; never the contents. */
    @Override
    public String toString() {
        return type + " " + shape;
    }
}
