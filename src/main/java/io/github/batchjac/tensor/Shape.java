package io.github.batchjac.tensor;

import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/**
 * The lengths of an array's axes, row-major (the last axis runs fastest). Immutable. A scalar has rank 0 and one
 * element. Axes may have length 0 (an empty batch).
 */
public final class Shape {
    private static final Shape SCALAR = new Shape(new long[0]);

    private final long[] axes;

    private Shape(long[] axes) {
        this.axes = axes;
    }

    /**
     * The shape with these axes.
     *
     * @throws IllegalArgumentException if an axis is negative or the number of elements overflows 2⁶³
     */
    public static Shape of(long... axes) {
        if (axes.length == 0) {
            return SCALAR;
        }
        Shape shape = new Shape(axes.clone());
        long product = 1;
        for (long axis : axes) {
            if (axis < 0) {
                throw new IllegalArgumentException("shape " + shape + " has a negative axis");
            }
            try {
                product = Math.multiplyExact(product, axis);
            } catch (ArithmeticException e) {
                throw new IllegalArgumentException("shape " + shape + " has more than 2^63 elements", e);
            }
        }
        return shape;
    }

    /** The shape of one number. */
    public static Shape scalar() {
        return SCALAR;
    }

    public int rank() {
        return axes.length;
    }

    public long axis(int i) {
        return axes[i];
    }

    /** The axes, as a fresh array. */
    public long[] axes() {
        return axes.clone();
    }

    /** The product of the axes; 1 for a scalar. */
    public long elements() {
        long product = 1;
        for (long axis : axes) {
            product *= axis;
        }
        return product;
    }

    /** {@link #elements()} as an {@code int}. @throws IllegalArgumentException beyond 2³¹−1, the most a host array holds */
    public int size() {
        long elements = elements();
        if (elements > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(
                    "shape " + this + " has " + elements + " elements; an array holds at most " + Integer.MAX_VALUE);
        }
        return (int) elements;
    }

    /** {@code (axis, this...)}. */
    public Shape prepend(long axis) {
        return Shape.of(axis).concat(this);
    }

    /** {@code (this..., next...)}: output axes first, then input axes. */
    public Shape concat(Shape next) {
        long[] all = Arrays.copyOf(axes, axes.length + next.axes.length);
        System.arraycopy(next.axes, 0, all, axes.length, next.axes.length);
        return Shape.of(all);
    }

    /** The shape without its first axis. @throws IllegalArgumentException if this is a scalar */
    public Shape tail() {
        if (axes.length == 0) {
            throw new IllegalArgumentException("a scalar has no first axis");
        }
        return new Shape(Arrays.copyOfRange(axes, 1, axes.length));
    }

    /** Whether this shape's axes are the last axes of {@code other} (a scalar's always are). */
    public boolean isSuffixOf(Shape other) {
        int skip = other.axes.length - axes.length;
        return skip >= 0 && Arrays.equals(axes, 0, axes.length, other.axes, skip, other.axes.length);
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof Shape s && Arrays.equals(axes, s.axes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(axes);
    }

    /** {@code (5, 3)}, {@code (5,)}, {@code ()}. */
    @Override
    public String toString() {
        String list = LongStream.of(axes).mapToObj(Long::toString).collect(Collectors.joining(", "));
        return axes.length == 1 ? "(" + list + ",)" : "(" + list + ")";
    }
}
