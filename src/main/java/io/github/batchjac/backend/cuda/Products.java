package io.github.batchjac.backend.cuda;

import static io.github.batchjac.backend.cuda.Actions.count;

import io.github.batchjac.graph.Op;
import io.github.batchjac.plan.Operand;
import io.github.batchjac.plan.Slot;
import io.github.batchjac.plan.Step;
import io.github.batchjac.structure.Structure;
import io.github.batchjac.structure.Structure.Dense;
import io.github.batchjac.structure.Structure.Diagonal;
import io.github.batchjac.structure.Structure.Kronecker;
import io.github.batchjac.structure.Structure.LogSoftmax;
import io.github.batchjac.structure.Structure.Softmax;
import org.jspecify.annotations.Nullable;

/** Launches for the products that the table calls direct. */
final class Products {
    private Products() {}

    static Action multiply(Operand out, Operand left, Operand right) {
        Structure l = left.structure();
        Structure r = right.structure();
        if (l instanceof Diagonal a && r instanceof Diagonal b) {
            return diagonals(out.part(), left, a, right, b);
        } else if (l instanceof Dense && r instanceof Dense) {
            return dense(out.part(), left, right);
        } else if (l instanceof Diagonal d) {
            return diagonalTimesDense(out.part(), left, d, right.part(), r.cols());
        } else if (r instanceof Diagonal d) {
            return denseTimesDiagonal(out.part(), left.part(), l.rows(), right, d);
        } else if (l instanceof Kronecker k) {
            return kroneckerTimesDense(out.part(), k, left.vector(), right.part(), r.cols());
        } else if (l instanceof Softmax || l instanceof LogSoftmax) {
            return softmaxTimesDense(out.part(), left, right.part(), r.cols());
        }
        return denseTimesSoftmax(out.part(), left.part(), l.rows(), right);
    }

    /** {@code out = (A·diag d)·W}, W shared: the scaling is done while A is read. */
    static Action scaled(Step.Multiply product, Step.Multiply scaling) {
        Slot out = product.out().part();
        Slot a = scaling.left().part();
        Slot d = scaling.right().part();
        Slot w = product.right().part();
        int m = scaling.left().structure().rows();
        int k = scaling.left().structure().cols();
        int n = product.right().structure().cols();
        return (kernels, f, piece) ->
                kernels.shared().multiply(f.at(out), f.of(a), count(out, piece), m, k, f.of(d), f.at(w), false, n, 0);
    }

    /** {@code out_i = a_i·b_{i mod n}}, n the right operand's rows; a unit operand has no numbers. */
    private static Action diagonals(Slot out, Operand left, Diagonal a, Operand right, Diagonal b) {
        if (a.unit() || b.unit()) {
            Slot in = a.unit() ? right.part() : left.part();
            int times = a.rows() / in.size();
            return (k, f, piece) -> k.dense().repeat(f.at(out), f.of(in), count(out, piece), times, in.size());
        }
        return Values.arithmetic(Op.Arithmetic.MULTIPLY, out, left.part(), right.part());
    }

    private static Action diagonalTimesDense(Slot out, Operand left, Diagonal d, Slot a, int cols) {
        @Nullable Slot numbers = d.unit() ? null : left.part();
        if (d.repeat() == 1 && numbers != null) {
            return (k, f, piece) ->
                    k.diagonals().scaleRows(f.at(out), f.of(numbers), f.of(a), count(out, piece), d.n(), cols);
        }
        return (k, f, piece) ->
                k.diagonals().tileRows(f.at(out), f.of(numbers), f.of(a), count(out, piece), d.repeat(), d.n(), cols);
    }

    private static Action denseTimesDiagonal(Slot out, Slot a, int rows, Operand right, Diagonal d) {
        @Nullable Slot numbers = d.unit() ? null : right.part();
        if (d.repeat() == 1 && numbers != null) {
            return (k, f, piece) ->
                    k.diagonals().scaleColumns(f.at(out), f.of(a), f.of(numbers), count(out, piece), rows, d.n());
        }
        return (k, f, piece) ->
                k.diagonals().foldRows(f.at(out), f.of(a), f.of(numbers), count(out, piece), rows, d.repeat(), d.n());
    }

    private static Action softmaxTimesDense(Slot out, Operand left, Slot a, int cols) {
        Slot q = left.parts().get(0);
        Slot rest = left.parts().get(1);
        int n = left.structure().rows();
        boolean log = left.structure() instanceof LogSoftmax;
        // one column is one row, and softmax's Jacobian is symmetric
        boolean row = cols == 1;
        return (k, f, piece) -> {
            SoftmaxKernels kernels = k.softmax();
            long batch = count(out, piece);
            if (log && row) {
                kernels.rowsTimesLogSoftmaxTransposed(f.at(out), f.of(a), f.of(q), f.of(rest), batch, 1, n);
            } else if (log) {
                kernels.logSoftmaxTimesColumns(f.at(out), f.of(a), f.of(q), f.of(rest), batch, n, cols);
            } else if (row) {
                kernels.softmaxTimesRows(f.at(out), f.of(a), f.of(q), f.of(rest), batch, 1, n);
            } else {
                kernels.softmaxTimesColumns(f.at(out), f.of(a), f.of(q), f.of(rest), batch, n, cols);
            }
        };
    }

    private static Action denseTimesSoftmax(Slot out, Slot a, int rows, Operand right) {
        Slot q = right.parts().get(0);
        Slot rest = right.parts().get(1);
        int n = right.structure().rows();
        boolean log = right.structure() instanceof LogSoftmax;
        return (k, f, piece) -> {
            if (log) {
                k.softmax().rowsTimesLogSoftmax(f.at(out), f.of(a), f.of(q), f.of(rest), count(out, piece), rows, n);
            } else {
                k.softmax().softmaxTimesRows(f.at(out), f.of(a), f.of(q), f.of(rest), count(out, piece), rows, n);
            }
        };
    }

    /** {@code out (m,n) = a (m,k)·b (k,n)}, either of them shared. */
    private static Action dense(Slot out, Operand left, Operand right) {
        int m = left.structure().rows();
        int inner = left.structure().cols();
        int n = right.structure().cols();
        Slot a = left.part();
        Slot b = right.part();
        if (b.shared()) {
            return (k, f, piece) -> k.shared()
                    .multiply(f.at(out), f.of(a), count(out, piece), m, inner, Strided.NONE, f.at(b), false, n, 0);
        } else if (a.shared() && n == 1) {
            // columns as rows: (B,k)·aᵀ
            return (k, f, piece) -> k.shared()
                    .multiply(f.at(out), f.of(b), count(out, piece), 1, inner, Strided.NONE, f.at(a), true, m, 0);
        }
        return (k, f, piece) -> k.matrix().batched(f.at(out), f.of(a), f.of(b), count(out, piece), m, inner, n);
    }

    /** {@code (I⊗xᵀ)·t}: {@code out_jc = Σ_l x_l t_jlc}, t (m,n,c); in row form {@code out_jc = Σ_l x_l t_ljc}, t (n,m,c). */
    private static Action kroneckerTimesDense(Slot out, Kronecker kronecker, Slot x, Slot t, int c) {
        int m = kronecker.rows();
        int n = kronecker.width();
        if (kronecker.rowForm() && t.shared()) {
            // xᵀ (1,n) times t (n, m·c)
            return (k, f, piece) -> k.shared()
                    .multiply(f.at(out), f.of(x), count(out, piece), 1, n, Strided.NONE, f.at(t), false, m * c, 0);
        } else if (kronecker.rowForm()) {
            return (k, f, piece) -> k.matrix().batched(f.at(out), f.of(x), f.of(t), count(out, piece), 1, n, m * c);
        } else if (t.shared() && c == 1) {
            // (B,n) times tᵀ, t (m,n)
            return (k, f, piece) ->
                    k.shared().multiply(f.at(out), f.of(x), count(out, piece), 1, n, Strided.NONE, f.at(t), true, m, 0);
        }
        return (k, f, piece) -> k.matrix().kroneckerTimesDense(f.at(out), f.of(x), f.of(t), count(out, piece), m, n, c);
    }
}
