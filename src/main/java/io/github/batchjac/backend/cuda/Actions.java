package io.github.batchjac.backend.cuda;

import io.github.batchjac.graph.Op;
import io.github.batchjac.plan.Buffers;
import io.github.batchjac.plan.Operand;
import io.github.batchjac.plan.Slot;
import io.github.batchjac.plan.Step;
import io.github.batchjac.structure.Structure;
import io.github.batchjac.structure.Structure.Diagonal;
import io.github.batchjac.structure.Structure.Kronecker;
import io.github.batchjac.structure.Structure.LogSoftmax;
import io.github.batchjac.structure.Structure.Softmax;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Turns the steps of a plan into launches: chooses kernels and resolves shapes. */
final class Actions {
    private final Sums sums;
    private final ScaledProducts scaled;

    /**
     * @param sums where sums over the batch are formed
     * @param scaled the products that do a scaling as well
     */
    Actions(Sums sums, ScaledProducts scaled) {
        this.sums = sums;
        this.scaled = scaled;
    }

    /** One or two steps of the plan and the slots they use. */
    record Fused(Buffers.Use use, Action action) {}

    /** The launches of {@code steps}, in order. A scaling whose only reader is a matrix product goes into that product. */
    List<Fused> of(List<Step> steps) {
        List<Fused> actions = new ArrayList<>();
        for (Step step : steps) {
            Step.Multiply scaling = scaled.scalingOf(step);
            if (scaling != null) {
                Step.Multiply product = (Step.Multiply) step;
                List<Slot> reads = new ArrayList<>(scaling.reads());
                reads.addAll(product.right().parts());
                actions.add(new Fused(new Buffers.Use(reads, product.writes()), Products.scaled(product, scaling)));
            } else if (!scaled.done(step)) {
                actions.add(new Fused(Buffers.Use.of(step), of(step)));
            }
        }
        return actions;
    }

    private Action of(Step step) {
        if (step instanceof Step.Evaluate s) {
            return Values.of(s);
        } else if (step instanceof Step.Multiply s) {
            return Products.multiply(s.out(), s.left(), s.right());
        } else if (step instanceof Step.Add s) {
            return add(s.out(), s.left(), s.right());
        } else if (step instanceof Step.Densify s) {
            return densify(s.out().part(), s.in());
        } else if (step instanceof Step.Repeat s) {
            int times = s.out().size() / s.in().size();
            return (k, f, piece) ->
                    k.dense().repeat(f.at(s.out()), f.of(s.in()), count(s.out(), piece), times, s.in().size());
        } else if (step instanceof Step.Transpose s) {
            return (k, f, piece) -> k.dense().transpose(f.at(s.out()), f.at(s.in()), s.rows(), s.cols());
        } else if (step instanceof Step.SumBatch s) {
            return sums.of(s);
        } else if (step instanceof Step.Norm s) {
            Slot a = s.term().part();
            Slot x = s.term().structure() instanceof Kronecker ? s.term().vector() : null;
            int width = x == null ? 0 : x.size();
            return (k, f, piece) ->
                    k.reductions().norm(f.at(s.out()), f.of(a), a.size(), f.of(x), width, count(s.out(), piece));
        } else if (step instanceof Step.JoinNorms s) {
            return (k, f, piece) -> k.reductions()
                    .joinNorms(f.at(s.out()), s.norms().stream().map(f::of).toList(), count(s.out(), piece));
        } else if (step instanceof Step.ClipFactors s) {
            return (k, f, piece) ->
                    k.reductions().clipFactors(f.at(s.out()), f.at(s.norm()), s.limit(), count(s.out(), piece));
        }
        throw new IllegalStateException("no kernel for " + step);
    }

    /** Samples that {@code out} holds: one when it is shared. */
    static long count(Slot out, Piece piece) {
        return out.shared() ? 1 : piece.samples();
    }

    private static Action add(Operand out, Operand left, Operand right) {
        Slot to = out.part();
        int n = to.size();
        // a unit diagonal has no numbers: it adds 1
        if (left.parts().isEmpty() || right.parts().isEmpty()) {
            List<Slot> rest = left.parts().isEmpty() ? right.parts() : left.parts();
            @Nullable Slot d = rest.isEmpty() ? null : rest.get(0);
            return (k, f, piece) -> k.diagonals().addOne(f.at(to), f.of(d), count(to, piece), n);
        }
        return Values.arithmetic(Op.Arithmetic.ADD, to, left.part(), right.part());
    }

    private static Action densify(Slot out, Operand in) {
        Structure structure = in.structure();
        if (structure instanceof Diagonal d) {
            @Nullable Slot numbers = d.unit() ? null : in.part();
            return (k, f, piece) ->
                    k.diagonals().denseDiagonal(f.at(out), f.of(numbers), count(out, piece), d.repeat(), d.n());
        } else if (structure instanceof Softmax || structure instanceof LogSoftmax) {
            Slot q = in.parts().get(0);
            Slot rest = in.parts().get(1);
            int n = structure.rows();
            boolean log = structure instanceof LogSoftmax;
            return (k, f, piece) -> {
                if (log) {
                    k.softmax().denseLogSoftmax(f.at(out), f.of(q), f.of(rest), count(out, piece), n);
                } else {
                    k.softmax().denseSoftmax(f.at(out), f.of(q), f.of(rest), count(out, piece), n);
                }
            };
        } else if (structure instanceof Kronecker kronecker) {
            Slot x = in.vector();
            int m = kronecker.left().cols();
            int n = kronecker.width();
            boolean rowForm = kronecker.rowForm();
            if (kronecker.left().isIdentity()) {
                return (k, f, piece) ->
                        k.dense().kroneckerIdentity(f.at(out), f.of(x), count(out, piece), m, n, rowForm);
            }
            Slot a = in.left().part();
            int rows = structure.rows();
            return (k, f, piece) ->
                    k.dense().kronecker(f.at(out), f.of(a), f.of(x), count(out, piece), rows, m, n, rowForm);
        }
        // dense already
        Slot a = in.part();
        return (k, f, piece) -> k.dense().repeat(f.at(out), f.of(a), count(out, piece), 1, a.size());
    }
}
