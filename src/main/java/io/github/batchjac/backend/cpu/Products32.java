package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.Actions32.perSampleIf;

import io.github.batchjac.graph.Op;
import io.github.batchjac.plan.Operand;
import io.github.batchjac.plan.Slot;
import io.github.batchjac.structure.Structure;
import io.github.batchjac.structure.Structure.Dense;
import io.github.batchjac.structure.Structure.Diagonal;
import io.github.batchjac.structure.Structure.Kronecker;
import io.github.batchjac.structure.Structure.LogSoftmax;
import io.github.batchjac.structure.Structure.Softmax;

/** Actions for the products that the table calls direct. */
final class Products32 {
    private final ElementwiseKernels32 elementwise;
    private final SoftmaxKernels32 softmax;
    private final DiagonalKernels32 diagonals;
    private final DenseKernels32 dense;
    private final Gemm32 gemm;
    private final Weights32 weights;

    Products32(Kernels32 kernels, Gemm32 gemm, Weights32 weights) {
        this.elementwise = kernels.elementwise();
        this.softmax = kernels.softmax();
        this.diagonals = kernels.diagonals();
        this.dense = kernels.dense();
        this.gemm = gemm;
        this.weights = weights;
    }

    Action32 multiply(Operand out, Operand left, Operand right) {
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

    /** {@code out_i = a_i·b_{i mod n}}, n the right operand's rows; a unit operand has no numbers. */
    private Action32 diagonals(Slot out, Operand left, Diagonal a, Operand right, Diagonal b) {
        int rows = a.rows();
        int n = b.rows();
        if (a.unit() || b.unit()) {
            Slot in = a.unit() ? right.part() : left.part();
            return (f, samples) -> {
                for (int i = 0; i < samples; i++) {
                    dense.broadcast(
                            f.array(out), f.offset(out, i), f.array(in), f.offset(in, i), rows / in.size(), in.size());
                }
            };
        }
        if (rows == n) {
            return Forward32.arithmetic(elementwise, Op.Arithmetic.MULTIPLY, out, left.part(), right.part());
        }
        Slot x = left.part();
        Slot y = right.part();
        return (f, samples) -> {
            for (int i = 0; i < samples; i++) {
                elementwise.arithmetic(
                        Op.Arithmetic.MULTIPLY,
                        f.array(out),
                        f.offset(out, i),
                        f.array(x),
                        f.offset(x, i),
                        rows,
                        f.array(y),
                        f.offset(y, i),
                        n,
                        rows);
            }
        };
    }

    private Action32 diagonalTimesDense(Slot out, Operand left, Diagonal d, Slot a, int cols) {
        Slot numbers = d.unit() ? null : left.part();
        boolean dShared = numbers == null || numbers.shared();
        if (d.repeat() == 1 && numbers != null) {
            return (f, samples) -> diagonals.scaleRows(
                    f.array(out),
                    f.offset(out),
                    f.array(numbers),
                    f.offset(numbers),
                    dShared,
                    f.array(a),
                    f.offset(a),
                    a.shared(),
                    samples,
                    d.n(),
                    cols);
        }
        return (f, samples) -> diagonals.tileRows(
                f.array(out),
                f.offset(out),
                f.arrayOrNull(numbers),
                f.offsetOrZero(numbers),
                dShared,
                f.array(a),
                f.offset(a),
                a.shared(),
                samples,
                d.repeat(),
                d.n(),
                cols);
    }

    private Action32 denseTimesDiagonal(Slot out, Slot a, int rows, Operand right, Diagonal d) {
        Slot numbers = d.unit() ? null : right.part();
        boolean dShared = numbers == null || numbers.shared();
        if (d.repeat() == 1 && numbers != null) {
            return (f, samples) -> diagonals.scaleColumns(
                    f.array(out),
                    f.offset(out),
                    f.array(a),
                    f.offset(a),
                    a.shared(),
                    f.array(numbers),
                    f.offset(numbers),
                    dShared,
                    samples,
                    rows,
                    d.n());
        }
        return (f, samples) -> diagonals.foldRows(
                f.array(out),
                f.offset(out),
                f.array(a),
                f.offset(a),
                a.shared(),
                f.arrayOrNull(numbers),
                f.offsetOrZero(numbers),
                dShared,
                samples,
                rows,
                d.repeat(),
                d.n());
    }

    private Action32 softmaxTimesDense(Slot out, Operand left, Slot a, int cols) {
        Slot q = left.parts().get(0);
        Slot rest = left.parts().get(1);
        int n = left.structure().rows();
        boolean log = left.structure() instanceof LogSoftmax;
        // one column is one row, and softmax's Jacobian is symmetric
        boolean rows = cols == 1;
        return perSampleIf(a.shared() != q.shared(), out, (f, b, samples) -> {
            float[] to = f.array(out);
            int o = f.offset(out, b);
            float[] m = f.array(a);
            int mo = f.offset(a, b);
            int qo = f.offset(q, b);
            int ro = f.offset(rest, b);
            if (log && rows) {
                softmax.rowsTimesLogSoftmaxTransposed(to, o, m, mo, f.array(q), qo, f.array(rest), ro, samples, 1, n);
            } else if (log) {
                softmax.logSoftmaxTimesColumns(to, o, m, mo, f.array(q), qo, f.array(rest), ro, samples, n, cols);
            } else if (rows) {
                softmax.softmaxTimesRows(to, o, m, mo, f.array(q), qo, f.array(rest), ro, samples, 1, n);
            } else {
                softmax.softmaxTimesColumns(to, o, m, mo, f.array(q), qo, f.array(rest), ro, samples, n, cols);
            }
        });
    }

    private Action32 denseTimesSoftmax(Slot out, Slot a, int rows, Operand right) {
        Slot q = right.parts().get(0);
        Slot rest = right.parts().get(1);
        int n = right.structure().rows();
        boolean log = right.structure() instanceof LogSoftmax;
        return perSampleIf(a.shared() != q.shared(), out, (f, b, samples) -> {
            float[] to = f.array(out);
            int o = f.offset(out, b);
            float[] m = f.array(a);
            int mo = f.offset(a, b);
            int qo = f.offset(q, b);
            int ro = f.offset(rest, b);
            if (log) {
                softmax.rowsTimesLogSoftmax(to, o, m, mo, f.array(q), qo, f.array(rest), ro, samples, rows, n);
            } else {
                softmax.softmaxTimesRows(to, o, m, mo, f.array(q), qo, f.array(rest), ro, samples, rows, n);
            }
        });
    }

    /** {@code out (m,n) = a (m,k) · b (k,n)}, either of them shared. */
    private Action32 dense(Slot out, Operand left, Operand right) {
        int m = left.structure().rows();
        int k = left.structure().cols();
        int n = right.structure().cols();
        Slot a = left.part();
        Slot b = right.part();
        if (b.shared() && !a.shared()) {
            Gemm32.Right32 packed = weights.right(b, false, n, k);
            return (f, samples) -> packed.multiply(
                    f.array(out), f.offset(out), n, f.array(a), f.offset(a), k, false, samples * m, false);
        } else if (a.shared() && !b.shared() && n == 1) {
            // columns as rows: (B,k)·aᵀ
            Gemm32.Right32 packed = weights.right(a, true, m, k);
            return (f, samples) ->
                    packed.multiply(f.array(out), f.offset(out), m, f.array(b), f.offset(b), k, false, samples, false);
        }
        return (f, samples) -> gemm.multiplyBatch(
                f.array(out),
                f.offset(out),
                n,
                m * n,
                f.array(a),
                f.offset(a),
                k,
                a.shared() ? 0 : m * k,
                false,
                f.array(b),
                f.offset(b),
                n,
                b.shared() ? 0 : k * n,
                false,
                samples,
                m,
                n,
                k,
                false);
    }

    /**
     * {@code (I⊗xᵀ)·t}: {@code out_jc = Σ_l x_l t_jlc}, t (m,n,c); in row form {@code out_jc = Σ_l x_l t_ljc}, t (n,m,c).
     */
    private Action32 kroneckerTimesDense(Slot out, Kronecker kronecker, Slot x, Slot t, int c) {
        int m = kronecker.rows();
        int n = kronecker.width();
        if (kronecker.rowForm()) {
            // xᵀ (1,n) times t (n, m·c)
            return perSampleIf(
                    !t.shared() || x.shared(),
                    out,
                    (f, b, samples) -> gemm.multiply(
                            f.array(out),
                            f.offset(out, b),
                            m * c,
                            f.array(x),
                            f.offset(x, b),
                            n,
                            false,
                            f.array(t),
                            f.offset(t, b),
                            m * c,
                            false,
                            samples,
                            m * c,
                            n,
                            false));
        } else if (t.shared() && c == 1) {
            // (B,n) times tᵀ, t (m,n)
            return perSampleIf(
                    x.shared(),
                    out,
                    (f, b, samples) -> gemm.multiply(
                            f.array(out),
                            f.offset(out, b),
                            m,
                            f.array(x),
                            f.offset(x, b),
                            n,
                            false,
                            f.array(t),
                            f.offset(t),
                            n,
                            true,
                            samples,
                            m,
                            n,
                            false));
        }
        // for each j: xᵀ (1,n) times t_j (n,c)
        return perSampleIf(
                true,
                out,
                (f, b, samples) -> gemm.multiplyBatch(
                        f.array(out),
                        f.offset(out, b),
                        c,
                        c,
                        f.array(x),
                        f.offset(x, b),
                        n,
                        0,
                        false,
                        f.array(t),
                        f.offset(t, b),
                        c,
                        n * c,
                        false,
                        m,
                        1,
                        c,
                        n,
                        false));
    }
}
