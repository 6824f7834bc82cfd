package io.github.batchjac.backend.reference;

/**
 * A dense matrix (rows, cols) that knows which of its entries are zero by structure. Those are absent: they are +0, and a
 * product passes them over instead of multiplying by them, so that an infinity elsewhere does not make them NaN. The
 * Jacobian of {@code exp(exp x)} at a large x has infinities on its diagonal and zeros beside it.
 */
final class Matrix {
    private final int rows;
    private final int cols;
    private final double[] entries;
    private final boolean[] present;

    /** All entries absent. */
    Matrix(int rows, int cols) {
        this.rows = rows;
        this.cols = cols;
        this.entries = new double[Math.multiplyExact(rows, cols)];
        this.present = new boolean[entries.length];
    }

    static Matrix identity(int n) {
        Matrix identity = new Matrix(n, n);
        for (int i = 0; i < n; i++) {
            identity.add(i, i, 1);
        }
        return identity;
    }

    /** All entries present. */
    static Matrix of(int rows, int cols, double[] entries) {
        Matrix matrix = new Matrix(rows, cols);
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < cols; j++) {
                matrix.add(i, j, entries[i * cols + j]);
            }
        }
        return matrix;
    }

    int rows() {
        return rows;
    }

    int cols() {
        return cols;
    }

    /** Row-major; the array itself. */
    double[] entries() {
        return entries;
    }

    double get(int i, int j) {
        return entries[i * cols + j];
    }

    /** Whether entry (i, j) is more than a zero by structure. */
    boolean has(int i, int j) {
        return present[i * cols + j];
    }

    /** {@code this_ij += x}; the first time {@code this_ij = x}, so that −0 stays what it is. */
    void add(int i, int j, double x) {
        int at = i * cols + j;
        entries[at] = present[at] ? entries[at] + x : x;
        present[at] = true;
    }

    /** {@code this += m}. */
    void add(Matrix m) {
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < cols; j++) {
                if (m.has(i, j)) {
                    add(i, j, m.get(i, j));
                }
            }
        }
    }

    /** {@code (this·right)_ij = Σ_k this_ik right_kj}, in the order of k, over the k for which both are present. */
    Matrix times(Matrix right) {
        Matrix product = new Matrix(rows, right.cols);
        for (int i = 0; i < rows; i++) {
            for (int k = 0; k < cols; k++) {
                if (has(i, k)) {
                    for (int j = 0; j < right.cols; j++) {
                        if (right.has(k, j)) {
                            product.add(i, j, get(i, k) * right.get(k, j));
                        }
                    }
                }
            }
        }
        return product;
    }
}
