package io.github.batchjac.structure;

import java.util.ArrayList;
import java.util.List;

/**
 * The form of a Jacobian {@code (rows, cols)} = (output components, input components) of one sample. It says which
 * numbers are stored; it does not hold them. A structure is <em>shared</em> when one copy serves the whole batch.
 */
public sealed interface Structure {

    /** Output components. */
    int rows();

    /** Input components. */
    int cols();

    /** Whether one copy serves the whole batch. */
    boolean shared();

    /** What is stored, part by part: nothing for a unit diagonal. */
    List<Part> parts();

    /** Elements stored per copy. */
    default long stored() {
        return parts().stream().mapToLong(Part::size).sum();
    }

    /** One array of numbers: {@code size} of them per sample, or in all when shared. */
    record Part(int size, boolean shared) {}

    /**
     * {@code repeat} diagonal matrices {@code (n, n)} on top of each other: row i has {@code d_i} in column {@code i mod
     * n}. With {@code repeat = 1} the plain diagonal; with {@code n = 1} a column vector; with {@code unit} all ones,
     * and then nothing is stored. The Jacobian of an elementwise function, of a sum or product with broadcasting.
     */
    record Diagonal(int repeat, int n, boolean unit, boolean shared) implements Structure {
        @Override
        public int rows() {
            return repeat * n;
        }

        @Override
        public int cols() {
            return n;
        }

        @Override
        public List<Part> parts() {
            return unit ? List.of() : List.of(new Part(rows(), shared));
        }

        @Override
        public boolean isIdentity() {
            return unit && repeat == 1;
        }

        @Override
        public String toString() {
            String what = unit
                    ? (repeat == 1 ? "identity" : "tiled identity")
                    : repeat == 1 ? "diagonal" : "stacked diagonals";
            return what + size(this) + (unit || !shared ? "" : " shared");
        }
    }

    /** {@code diag q − q qᵀ}, stored as q and the sum of all q but the largest. */
    record Softmax(int n, boolean shared) implements Structure {
        @Override
        public int rows() {
            return n;
        }

        @Override
        public int cols() {
            return n;
        }

        @Override
        public List<Part> parts() {
            return List.of(new Part(n, shared), new Part(1, shared));
        }

        @Override
        public String toString() {
            return "softmax" + size(this) + (shared ? " shared" : "");
        }
    }

    /** {@code I − 1 qᵀ}, stored as q and the sum of all q but the largest. */
    record LogSoftmax(int n, boolean shared) implements Structure {
        @Override
        public int rows() {
            return n;
        }

        @Override
        public int cols() {
            return n;
        }

        @Override
        public List<Part> parts() {
            return List.of(new Part(n, shared), new Part(1, shared));
        }

        @Override
        public String toString() {
            return "log-softmax" + size(this) + (shared ? " shared" : "");
        }
    }

    /** Every entry stored, row-major. */
    record Dense(int rows, int cols, boolean shared) implements Structure {
        @Override
        public List<Part> parts() {
            return List.of(new Part(Math.multiplyExact(rows, cols), shared));
        }

        @Override
        public long stored() {
            return (long) rows * cols;
        }

        @Override
        public String toString() {
            return "dense" + size(this) + (shared ? " shared" : "");
        }
    }

    /**
     * {@code A ⊗ xᵀ} with {@code A (k, m)} of any structure and {@code x (n)}: the Jacobian with respect to a weight
     * matrix. Entry {@code (i, (j, l)) = A_ij x_l}, the columns running over W {@code (m, n)}; with {@code rowForm} over
     * W {@code (n, m)}, entry {@code (i, (l, j)) = x_l A_ij}. The local Jacobian of a linear layer has {@code A = I}; a
     * product from the left touches only A, so a per-sample weight gradient stays two vectors until somebody asks.
     *
     * @param vectorShared whether x is the same for every sample
     */
    record Kronecker(Structure left, int width, boolean rowForm, boolean vectorShared) implements Structure {
        @Override
        public int rows() {
            return left.rows();
        }

        @Override
        public int cols() {
            return left.cols() * width;
        }

        @Override
        public boolean shared() {
            return vectorShared && left.shared();
        }

        @Override
        public List<Part> parts() {
            List<Part> parts = new ArrayList<>(left.parts());
            parts.add(new Part(width, vectorShared));
            return parts;
        }

        @Override
        public long stored() {
            return left.stored() + width;
        }

        @Override
        public String toString() {
            return rowForm ? "xᵀ(" + width + ")⊗[" + left + "]" : "[" + left + "]⊗xᵀ(" + width + ")";
        }
    }

    /** The identity on n components. */
    static Diagonal identity(int n) {
        return new Diagonal(1, n, true, true);
    }

    /** {@code diag d} on n components. */
    static Diagonal diagonal(int n, boolean shared) {
        return new Diagonal(1, n, false, shared);
    }

    /** The identity on n components, {@code repeat} times on top of each other. */
    static Diagonal tiledIdentity(int repeat, int n) {
        return new Diagonal(repeat, n, true, true);
    }

    /** Whether this is the identity, which costs nothing to multiply by. */
    default boolean isIdentity() {
        return this instanceof Diagonal d && d.isIdentity();
    }

    /** The dense structure of the same size. */
    default Dense dense() {
        return new Dense(rows(), cols(), shared());
    }

    private static String size(Structure s) {
        return " " + s.rows() + "×" + s.cols();
    }
}
