package io.github.batchjac.backend.cpu;

import io.github.batchjac.graph.Op;
import io.github.batchjac.plan.Operand;
import io.github.batchjac.plan.Slot;
import io.github.batchjac.plan.Step;
import io.github.batchjac.structure.Structure.Diagonal;
import io.github.batchjac.structure.Structure.Kronecker;
import io.github.batchjac.structure.Structure.LogSoftmax;
import io.github.batchjac.structure.Structure.Softmax;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Turns the steps of one plan into actions: chooses kernels, resolves shapes, allocates scratch. */
final class Actions32 {
    private final ElementwiseKernels32 elementwise;
    private final SoftmaxKernels32 softmax;
    private final DiagonalKernels32 diagonals;
    private final DenseKernels32 dense;
    private final ReductionKernels32 reductions;
    private final Gemm32 gemm;
    private final Weights32 weights;
    private final Forward32 forward;
    private final Products32 products;
    private final Set<Slot> summed = new HashSet<>();
    private int scratchPerSample;

    Actions32(Kernels32 kernels, Gemm32 gemm) {
        this.elementwise = kernels.elementwise();
        this.softmax = kernels.softmax();
        this.diagonals = kernels.diagonals();
        this.dense = kernels.dense();
        this.reductions = kernels.reductions();
        this.gemm = gemm;
        this.weights = new Weights32(gemm);
        this.forward = new Forward32(kernels, weights);
        this.products = new Products32(kernels, gemm, weights);
    }

    /** Repacks the shared matrices; to be run once these have changed. */
    Action32 packing() {
        return weights;
    }

    /** Elements per sample that the actions need a frame's scratch to have. */
    int scratchPerSample() {
        return scratchPerSample;
    }

    List<Action32> of(List<Step> steps) {
        List<Action32> actions = new ArrayList<>();
        steps.forEach(step -> actions.add(of(step)));
        return actions;
    }

    private Action32 of(Step step) {
        if (step instanceof Step.Evaluate s) {
            return forward.of(s);
        } else if (step instanceof Step.Multiply s) {
            return products.multiply(s.out(), s.left(), s.right());
        } else if (step instanceof Step.Add s) {
            return add(s.out(), s.left(), s.right());
        } else if (step instanceof Step.Densify s) {
            return densify(s.out().part(), s.in());
        } else if (step instanceof Step.Repeat s) {
            return repeat(s.out(), s.in());
        } else if (step instanceof Step.Transpose s) {
            return (f, samples) -> dense.transpose(
                    f.array(s.out()), f.offset(s.out()), f.array(s.in()), f.offset(s.in()), 1, s.rows(), s.cols());
        } else if (step instanceof Step.SumBatch s) {
            return sum(s);
        } else if (step instanceof Step.Norm s) {
            return norm(s.out(), s.term());
        } else if (step instanceof Step.JoinNorms s) {
            return join(s.out(), s.norms());
        } else if (step instanceof Step.ClipFactors s) {
            return clip(s);
        }
        throw new IllegalStateException("no action for " + step);
    }

    private Action32 add(Operand out, Operand left, Operand right) {
        Slot to = out.part();
        // a unit diagonal has no numbers: it adds 1
        if (left.parts().isEmpty() || right.parts().isEmpty()) {
            float ones = left.parts().isEmpty() && right.parts().isEmpty() ? 2 : 1;
            List<Slot> rest = left.parts().isEmpty() ? right.parts() : left.parts();
            return (f, samples) -> {
                float[] sum = f.array(to);
                int at = f.offset(to);
                int n = to.size();
                for (int b = 0; b < samples; b++) {
                    for (int i = 0; i < n; i++) {
                        sum[at + b * n + i] =
                                rest.isEmpty() ? ones : ones + f.array(rest.get(0))[f.offset(rest.get(0), b) + i];
                    }
                }
            };
        }
        return Forward32.arithmetic(elementwise, Op.Arithmetic.ADD, to, left.part(), right.part());
    }

    private Action32 densify(Slot out, Operand in) {
        int rows = in.structure().rows();
        int cols = in.structure().cols();
        if (in.structure() instanceof Diagonal d) {
            Slot numbers = d.unit() ? null : in.part();
            return (f, samples) -> diagonals.denseDiagonal(
                    f.array(out),
                    f.offset(out),
                    f.arrayOrNull(numbers),
                    f.offsetOrZero(numbers),
                    numbers == null || numbers.shared(),
                    samples,
                    d.repeat(),
                    d.n(),
                    f.zeroed(out));
        } else if (in.structure() instanceof Softmax || in.structure() instanceof LogSoftmax) {
            Slot q = in.parts().get(0);
            Slot rest = in.parts().get(1);
            boolean log = in.structure() instanceof LogSoftmax;
            return (f, samples) -> {
                if (log) {
                    softmax.denseLogSoftmax(
                            f.array(out),
                            f.offset(out),
                            f.array(q),
                            f.offset(q),
                            f.array(rest),
                            f.offset(rest),
                            samples,
                            rows);
                } else {
                    softmax.denseSoftmax(
                            f.array(out),
                            f.offset(out),
                            f.array(q),
                            f.offset(q),
                            f.array(rest),
                            f.offset(rest),
                            samples,
                            rows);
                }
            };
        } else if (in.structure() instanceof Kronecker k) {
            Slot x = in.vector();
            int m = k.left().cols();
            if (k.left().isIdentity()) {
                return perSampleIf(
                        x.shared() && !out.shared(),
                        out,
                        (f, b, samples) -> dense.kroneckerIdentity(
                                f.array(out),
                                f.offset(out, b),
                                f.array(x),
                                f.offset(x, b),
                                samples,
                                m,
                                k.width(),
                                k.rowForm(),
                                f.zeroed(out)));
            }
            Slot a = in.left().part();
            return perSampleIf(
                    x.shared() && !out.shared(),
                    out,
                    (f, b, samples) -> dense.kronecker(
                            f.array(out),
                            f.offset(out, b),
                            f.array(a),
                            f.offset(a, b),
                            a.shared(),
                            f.array(x),
                            f.offset(x, b),
                            samples,
                            rows,
                            m,
                            k.width(),
                            k.rowForm()));
        }
        // dense already
        return (f, samples) -> System.arraycopy(
                f.array(in.part()), f.offset(in.part()), f.array(out), f.offset(out), samples * rows * cols);
    }

    /** A kernel over {@code samples} samples from b on. */
    @FunctionalInterface
    interface From32 {
        void run(Frame32 frame, int b, int samples);
    }

    /** The kernel over the whole tile, or, where it cannot mix shared with per-sample operands, over each sample. */
    static Action32 perSampleIf(boolean mixed, Slot out, From32 kernel) {
        if (!mixed || out.shared()) {
            return (f, samples) -> kernel.run(f, 0, samples);
        }
        return (f, samples) -> {
            for (int b = 0; b < samples; b++) {
                kernel.run(f, b, 1);
            }
        };
    }

    private Action32 repeat(Slot out, Slot in) {
        int size = in.size();
        if (in.shared() && !out.shared()) {
            return (f, samples) -> dense.broadcast(
                    f.array(out), f.offset(out), f.array(in), f.offset(in), samples * (out.size() / size), size);
        }
        return (f, samples) -> {
            for (int b = 0; b < samples; b++) {
                dense.broadcast(f.array(out), f.offset(out, b), f.array(in), f.offset(in, b), out.size() / size, size);
            }
        };
    }

    /** Adds to what earlier terms left in the tile's part of the sum; the first term overwrites it. */
    private Action32 sum(Step.SumBatch s) {
        Slot out = s.out();
        boolean accumulate = !summed.add(out);
        Operand term = s.term();
        Slot a = term.part();
        if (s.weights() != null) {
            scratchPerSample = Math.max(scratchPerSample, a.size());
        }
        if (term.structure() instanceof Kronecker k) {
            Slot x = term.vector();
            int m = k.left().rows() * k.left().cols();
            int n = k.width();
            return (f, samples) -> {
                float[] left = weighted(f, a, s.weights(), samples);
                int at = s.weights() == null ? f.offset(a) : 0;
                if (k.rowForm()) {
                    gemm.multiply(
                            f.array(out),
                            f.offset(out),
                            m,
                            f.array(x),
                            f.offset(x),
                            n,
                            true,
                            left,
                            at,
                            m,
                            false,
                            n,
                            m,
                            samples,
                            accumulate);
                } else {
                    gemm.multiply(
                            f.array(out),
                            f.offset(out),
                            n,
                            left,
                            at,
                            m,
                            true,
                            f.array(x),
                            f.offset(x),
                            n,
                            false,
                            m,
                            n,
                            samples,
                            accumulate);
                }
            };
        }
        return (f, samples) -> reductions.sumRows(
                f.array(out),
                f.offset(out),
                weighted(f, a, s.weights(), samples),
                s.weights() == null ? f.offset(a) : 0,
                samples,
                a.size(),
                accumulate);
    }

    /** Each sample of {@code a} times its weight, in the frame's scratch; {@code a} itself if there are no weights. */
    private float[] weighted(Frame32 f, Slot a, @Nullable Slot weights, int samples) {
        if (weights == null) {
            return f.array(a);
        }
        diagonals.scaleSamples(
                f.scratch(), 0, f.array(weights), f.offset(weights), f.array(a), f.offset(a), samples, a.size());
        return f.scratch();
    }

    private static Action32 norm(Slot out, Operand term) {
        Slot a = term.part();
        Slot x = term.structure() instanceof Kronecker ? term.vector() : null;
        return (f, samples) -> {
            for (int b = 0; b < samples; b++) {
                double norm = Norms32.norm(f.array(a), f.offset(a, b), a.size());
                if (x != null) {
                    norm *= Norms32.norm(f.array(x), f.offset(x, b), x.size());
                }
                f.array(out)[f.offset(out, b)] = (float) norm;
            }
        };
    }

    private static Action32 join(Slot out, List<Slot> joint) {
        Slot[] norms = joint.toArray(Slot[]::new);
        return (f, samples) -> {
            for (int b = 0; b < samples; b++) {
                double joined = 0;
                for (Slot norm : norms) {
                    joined = Math.hypot(joined, f.array(norm)[f.offset(norm, b)]);
                }
                f.array(out)[f.offset(out, b)] = (float) joined;
            }
        };
    }

    private static Action32 clip(Step.ClipFactors s) {
        return (f, samples) -> {
            for (int b = 0; b < samples; b++) {
                double norm = f.array(s.norm())[f.offset(s.norm(), b)];
                // written so that a NaN norm gives a NaN factor
                f.array(s.out())[f.offset(s.out(), b)] = (float) (norm <= s.limit() ? 1 : s.limit() / norm);
            }
        };
    }
}
