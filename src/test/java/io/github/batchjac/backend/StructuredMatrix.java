package io.github.batchjac.backend;

import io.github.batchjac.structure.Structure;
import io.github.batchjac.structure.Structure.Dense;
import io.github.batchjac.structure.Structure.Diagonal;
import io.github.batchjac.structure.Structure.Kronecker;
import io.github.batchjac.structure.Structure.LogSoftmax;
import io.github.batchjac.structure.Structure.Softmax;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** A structure with random numbers in it, and what it means: every entry, straight from the definitions, in float64. */
record StructuredMatrix(Structure structure, List<Tensor> parts) {

    /** Every structure with this many rows, shared and per sample; at least six of them for an odd number of rows. */
    static List<Structure> withRows(int rows) {
        List<Structure> all = new ArrayList<>(List.of(
                Structure.identity(rows),
                Structure.diagonal(rows, false),
                Structure.diagonal(rows, true),
                new Softmax(rows, false),
                new Softmax(rows, true),
                new LogSoftmax(rows, false),
                new LogSoftmax(rows, true),
                new Dense(rows, 4, false),
                new Dense(rows, 4, true),
                new Dense(rows, 1, false),
                new Kronecker(Structure.identity(rows), 2, false, false),
                new Kronecker(Structure.identity(rows), 2, true, false),
                new Kronecker(Structure.identity(rows), 2, false, true),
                new Kronecker(new Dense(rows, 3, false), 2, false, false),
                new Kronecker(new Dense(rows, 3, true), 2, true, false),
                new Kronecker(new Dense(rows, 3, false), 2, false, true),
                new Kronecker(Structure.diagonal(rows, false), 2, true, false),
                new Kronecker(new Softmax(rows, false), 2, false, false)));
        if (rows % 2 == 0) {
            all.add(Structure.tiledIdentity(2, rows / 2));
            all.add(new Diagonal(2, rows / 2, false, false));
            all.add(new Diagonal(2, rows / 2, false, true));
        }
        return all;
    }

    static StructuredMatrix random(Structure structure, long batch, Precision precision, Random random) {
        List<Tensor> parts = new ArrayList<>();
        fill(structure, batch, precision, random, parts);
        return new StructuredMatrix(structure, parts);
    }

    private static void fill(Structure structure, long batch, Precision precision, Random random, List<Tensor> parts) {
        if (structure instanceof Kronecker k) {
            fill(k.left(), batch, precision, random, parts);
            parts.add(normal(k.vectorShared() ? Shape.of(k.width()) : Shape.of(batch, k.width()), precision, random));
        } else if (structure instanceof Softmax || structure instanceof LogSoftmax) {
            int n = structure.rows();
            int copies = (int) (structure.shared() ? 1 : batch);
            double[] q = new double[copies * n];
            double[] rest = new double[copies];
            for (int b = 0; b < copies; b++) {
                double sum = 0;
                int largest = 0;
                for (int i = 0; i < n; i++) {
                    q[b * n + i] = Math.exp(3 * random.nextGaussian());
                    sum += q[b * n + i];
                    largest = q[b * n + i] > q[b * n + largest] ? i : largest;
                }
                for (int i = 0; i < n; i++) {
                    rest[b] += i == largest ? 0 : q[b * n + i] / sum;
                    q[b * n + i] /= sum;
                }
            }
            boolean shared = structure.shared();
            parts.add(Tensor.of(q, shared ? Shape.of(n) : Shape.of(batch, n)).to(precision));
            parts.add(Tensor.of(rest, shared ? Shape.of(1) : Shape.of(batch, 1)).to(precision));
        } else {
            for (Structure.Part part : structure.parts()) {
                parts.add(normal(
                        part.shared() ? Shape.of(part.size()) : Shape.of(batch, part.size()), precision, random));
            }
        }
    }

    private static Tensor normal(Shape shape, Precision precision, Random random) {
        double[] numbers = new double[shape.size()];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = random.nextGaussian();
        }
        return Tensor.of(numbers, shape).to(precision);
    }

    /** Every entry for sample b, {@code [rows][cols]}. */
    double[][] entries(int b) {
        return entries(structure, parts, b);
    }

    private static double[][] entries(Structure structure, List<Tensor> parts, int b) {
        double[][] out = new double[structure.rows()][structure.cols()];
        if (structure instanceof Diagonal d) {
            for (int i = 0; i < d.rows(); i++) {
                out[i][i % d.n()] = d.unit() ? 1 : at(parts.get(0), d.shared(), b, i, d.rows());
            }
        } else if (structure instanceof Dense m) {
            for (int i = 0; i < m.rows(); i++) {
                for (int j = 0; j < m.cols(); j++) {
                    out[i][j] = at(parts.get(0), m.shared(), b, i * m.cols() + j, m.rows() * m.cols());
                }
            }
        } else if (structure instanceof Kronecker k) {
            double[][] left = entries(k.left(), parts.subList(0, parts.size() - 1), b);
            int m = k.left().cols();
            for (int i = 0; i < k.rows(); i++) {
                for (int j = 0; j < m; j++) {
                    for (int l = 0; l < k.width(); l++) {
                        double x = at(parts.get(parts.size() - 1), k.vectorShared(), b, l, k.width());
                        out[i][k.rowForm() ? l * m + j : j * k.width() + l] = left[i][j] * x;
                    }
                }
            }
        } else {
            int n = structure.rows();
            int largest = 0;
            for (int i = 0; i < n; i++) {
                if (q(structure, parts, b, i) > q(structure, parts, b, largest)) {
                    largest = i;
                }
            }
            boolean log = structure instanceof LogSoftmax;
            for (int i = 0; i < n; i++) {
                for (int j = 0; j < n; j++) {
                    double others = i == largest
                            ? at(parts.get(1), structure.shared(), b, 0, 1)
                            : 1 - q(structure, parts, b, i);
                    double qi = log ? 1 : q(structure, parts, b, i);
                    out[i][j] = i == j ? qi * others : -qi * q(structure, parts, b, j);
                }
            }
        }
        return out;
    }

    private static double q(Structure structure, List<Tensor> parts, int b, int i) {
        return at(parts.get(0), structure.shared(), b, i, structure.rows());
    }

    private static double at(Tensor tensor, boolean shared, int b, int i, int size) {
        return tensor.get((shared ? 0 : b * size) + i);
    }
}
