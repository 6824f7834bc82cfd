package io.github.batchjac.cli;

import io.github.batchjac.io.NpyReader;
import io.github.batchjac.tensor.ElementType;
import io.github.batchjac.tensor.Shape;

/**
 * An array that a command reads, and what messages call it.
 *
 * @param where the file, or {@code file:array} in an {@code .npz}
 * @param reader its contents
 */
record Source(String where, NpyReader reader) {
    ElementType type() {
        return reader.type();
    }

    Shape shape() {
        return reader.shape();
    }

    /** Refuses class indices where numbers are expected. */
    Source real(String expected) {
        if (type() == ElementType.I64) {
            throw new Failure(where + ": holds integers, " + type() + " " + shape() + ", expected float32 or float64 "
                    + expected);
        }
        return this;
    }

    /** Whether this is {@code (B, each...)}, or the same with the axes of one sample laid out as one. */
    boolean isBatchOf(Shape each) {
        if (shape().rank() == 0) {
            return false;
        }
        Shape own = shape().tail();
        return own.equals(each)
                || (own.rank() == 1 && own.elements() == each.elements())
                || (own.rank() == 0 && each.elements() == 1);
    }

    Failure unexpected(String expected) {
        return new Failure(where + ": has shape " + shape() + ", expected " + expected);
    }
}
