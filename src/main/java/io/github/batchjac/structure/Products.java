package io.github.batchjac.structure;

import io.github.batchjac.structure.Structure.Dense;
import io.github.batchjac.structure.Structure.Diagonal;
import io.github.batchjac.structure.Structure.Kronecker;

/**
 * The table of products and sums of structures: for every pair the structure of the result, how it is formed, and what
 * it costs. Whoever plans reads the cost here and whoever executes reads the form here, so they cannot disagree.
 *
 * <pre>
 * left \ right   identity  diagonal   softmax    dense   A⊗xᵀ
 * identity          —      diagonal   softmax    dense   A⊗xᵀ      nothing to do
 * diagonal       diagonal  diagonal   dense*     dense   (LA)⊗xᵀ
 * (log-)softmax  softmax   *dense     dense*     dense   (LA)⊗xᵀ
 * dense          dense     dense      dense      dense   (LA)⊗xᵀ
 * A⊗xᵀ           A⊗xᵀ      dense*     dense*     dense   dense*
 * </pre>
 *
 * A star stands beside the operand that is made dense first. The product of two stacks of diagonals is a stack of
 * diagonals.
 */
public final class Products {
    private Products() {}

    /** How a product is formed. */
    public enum Form {
        /** The result is the left operand. */
        LEFT,
        /** The result is the right operand. */
        RIGHT,
        /** One kernel takes both operands as they are. */
        DIRECT,
        /** {@code L(A⊗xᵀ) = (LA)⊗xᵀ}: a product with A. */
        INTO_KRONECKER,
        /** The left operand is made dense, then multiplied. */
        DENSIFY_LEFT,
        /** The right operand is made dense, then multiplied. */
        DENSIFY_RIGHT
    }

    /** The result of one product, or of one sum. */
    public record Rule(Form form, Structure result, Work work) {}

    /**
     * The product {@code left·right}.
     *
     * @throws IllegalArgumentException if the left operand's columns are not the right operand's rows
     */
    public static Rule multiply(Structure left, Structure right) {
        if (left.cols() != right.rows()) {
            throw new IllegalArgumentException("product of " + left + " and " + right + ": " + left.cols()
                    + " columns meet " + right.rows() + " rows");
        }
        if (left.isIdentity()) {
            return new Rule(Form.RIGHT, right, Work.NONE);
        }
        if (right.isIdentity()) {
            return new Rule(Form.LEFT, left, Work.NONE);
        }
        if (right instanceof Kronecker k) {
            Rule inner = multiply(left, k.left());
            return new Rule(
                    Form.INTO_KRONECKER,
                    new Kronecker(inner.result(), k.width(), k.rowForm(), k.vectorShared()),
                    inner.work());
        }
        if (left instanceof Diagonal l && right instanceof Diagonal r) {
            return diagonals(l, r);
        }
        if (left instanceof Dense || right instanceof Dense) {
            return direct(left, right);
        }
        // no kernel takes both as they are: make dense the one that is richer, so that the other still acts structured
        boolean densifyLeft = right instanceof Diagonal && !(left instanceof Kronecker);
        Structure denser = densifyLeft ? left : right;
        Rule then = densifyLeft ? direct(left.dense(), right) : direct(left, right.dense());
        return new Rule(
                densifyLeft ? Form.DENSIFY_LEFT : Form.DENSIFY_RIGHT,
                then.result(),
                densify(denser).plus(then.work()));
    }

    private static Rule diagonals(Diagonal l, Diagonal r) {
        int repeat = l.repeat() * r.repeat();
        boolean unit = l.unit() && r.unit();
        boolean shared = (l.unit() || l.shared()) && (r.unit() || r.shared());
        Diagonal result = new Diagonal(repeat, r.n(), unit, shared);
        if (unit) {
            return new Rule(Form.DIRECT, result, Work.NONE);
        }
        return new Rule(Form.DIRECT, result, Work.of(shared, result.rows(), 3.0 * result.rows()));
    }

    /** One operand at least is dense. */
    private static Rule direct(Structure left, Structure right) {
        boolean shared = left.shared() && right.shared();
        Dense result = new Dense(left.rows(), right.cols(), shared);
        double out = (double) left.rows() * right.cols();
        double flops;
        if (left instanceof Dense && right instanceof Dense) {
            flops = 2 * out * left.cols();
        } else if (left instanceof Kronecker k) {
            // contract x first, then multiply by A
            double inner = (double) k.left().cols() * right.cols();
            flops = 2 * inner * k.width();
            if (!k.left().isIdentity()) {
                Structure contracted = new Dense(k.left().cols(), right.cols(), k.vectorShared() && right.shared());
                flops += multiply(k.left(), contracted).work().flops(1);
            }
        } else if (left instanceof Diagonal) {
            flops = out;
        } else if (right instanceof Diagonal d) {
            flops = out * (2 * d.repeat() - 1);
        } else {
            // softmax and log-softmax: one inner product and one update per row or column of the panel
            flops = 4 * out;
        }
        double elements = out + perSample(left, shared) + perSample(right, shared);
        return new Rule(Form.DIRECT, result, Work.of(shared, flops, elements));
    }

    private static double perSample(Structure s, boolean resultShared) {
        return s.shared() && !resultShared ? 0 : s.stored();
    }

    /** The cost of writing out a structure's every entry. */
    public static Work densify(Structure s) {
        if (s instanceof Dense) {
            return Work.NONE;
        }
        double entries = (double) s.rows() * s.cols();
        Work own = Work.of(s.shared(), s instanceof Diagonal ? 0 : entries, entries + s.stored());
        return s instanceof Kronecker k && !(k.left() instanceof Diagonal) ? own.plus(densify(k.left())) : own;
    }

    /**
     * The sum {@code a + b} of two Jacobians along two paths. Diagonals stay diagonal; all else becomes dense.
     *
     * @throws IllegalArgumentException if the sizes differ
     */
    public static Rule add(Structure a, Structure b) {
        if (a.rows() != b.rows() || a.cols() != b.cols()) {
            throw new IllegalArgumentException("sum of " + a + " and " + b + ": the sizes differ");
        }
        boolean shared = a.shared() && b.shared();
        if (a instanceof Diagonal x && b instanceof Diagonal) {
            Diagonal result = new Diagonal(x.repeat(), x.n(), false, shared);
            return new Rule(Form.DIRECT, result, Work.of(shared, x.rows(), 3.0 * x.rows()));
        }
        double entries = (double) a.rows() * a.cols();
        Work work = densify(a).plus(densify(b)).plus(Work.of(shared, entries, 3 * entries));
        return new Rule(Form.DIRECT, new Dense(a.rows(), a.cols(), shared), work);
    }
}
