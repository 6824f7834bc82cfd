package io.github.batchjac.plan;

import io.github.batchjac.graph.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** One thing that a backend does, over all samples of a chunk, or once if all it writes is shared. */
public sealed interface Step {

    /** The slots whose numbers are used. */
    List<Slot> reads();

    /** The slots that are filled (or, by {@link SumBatch}, added to). */
    List<Slot> writes();

    /** Whether the step is done once for the whole batch. */
    default boolean shared() {
        return writes().stream().allMatch(s -> s.shared() && s.role() != Slot.Role.REDUCED);
    }

    /**
     * A value of the graph, and what its Jacobians need.
     *
     * @param value the operation
     * @param operands its operands' numbers
     * @param out the value; null if only the derivatives are needed
     * @param derivatives by operation, each null if not needed. Elementwise: {@code φ'(z)}. Divide a/b:
     *     {@code −a/b²}. Softmax: {@code rest} (all of q but the largest, summed). Log-softmax: {@code q, rest}. Loss:
     *     the gradient. Others: none.
     */
    record Evaluate(
            Value value, List<Slot> operands, @Nullable Slot out, List<@Nullable Slot> derivatives) implements Step {
        @Override
        public List<Slot> reads() {
            return operands;
        }

        @Override
        public List<Slot> writes() {
            List<Slot> writes = new ArrayList<>();
            if (out != null) {
                writes.add(out);
            }
            derivatives.stream().filter(Objects::nonNull).forEach(writes::add);
            return writes;
        }

        /** The slot of derivative i, or null. */
        public @Nullable Slot derivative(int i) {
            return i < derivatives.size() ? derivatives.get(i) : null;
        }
    }

    /** {@code out = left·right}, a product that the table calls direct. */
    record Multiply(Operand out, Operand left, Operand right) implements Step {
        @Override
        public List<Slot> reads() {
            return concat(left.parts(), right.parts());
        }

        @Override
        public List<Slot> writes() {
            return out.parts();
        }
    }

    /** {@code out = left + right}; both diagonal or both dense. */
    record Add(Operand out, Operand left, Operand right) implements Step {
        @Override
        public List<Slot> reads() {
            return concat(left.parts(), right.parts());
        }

        @Override
        public List<Slot> writes() {
            return out.parts();
        }
    }

    /** {@code out} = every entry of {@code in}. The left factor of {@code A⊗xᵀ} is the identity or dense. */
    record Densify(Operand out, Operand in) implements Step {
        @Override
        public List<Slot> reads() {
            return in.parts();
        }

        @Override
        public List<Slot> writes() {
            return out.parts();
        }
    }

    /** {@code out} = {@code in} repeated: its numbers over and over until {@code out} is full, for every sample. */
    record Repeat(Slot out, Slot in) implements Step {
        @Override
        public List<Slot> reads() {
            return List.of(in);
        }

        @Override
        public List<Slot> writes() {
            return List.of(out);
        }
    }

    /** {@code out (cols, rows) = inᵀ}, {@code in (rows, cols)}; both shared. */
    record Transpose(Slot out, Slot in, int rows, int cols) implements Step {
        @Override
        public List<Slot> reads() {
            return List.of(in);
        }

        @Override
        public List<Slot> writes() {
            return List.of(out);
        }
    }

    /**
     * {@code out += Σ_b c_b·term_b}, c = 1 if {@code weights} is null. The term is dense, or {@code A⊗xᵀ} with dense A:
     * then this is one matrix product over the batch. Neither is shared.
     */
    record SumBatch(Slot out, Operand term, @Nullable Slot weights) implements Step {
        @Override
        public List<Slot> reads() {
            return weights == null ? term.parts() : concat(term.parts(), List.of(weights));
        }

        @Override
        public List<Slot> writes() {
            return List.of(out);
        }
    }

    /** {@code out_b = ‖term_b‖}, Euclidean over all entries. Dense, or {@code A⊗xᵀ} with dense A: then {@code ‖A‖‖x‖}. */
    record Norm(Slot out, Operand term) implements Step {
        @Override
        public List<Slot> reads() {
            return term.parts();
        }

        @Override
        public List<Slot> writes() {
            return List.of(out);
        }
    }

    /** {@code out_b = √Σ n_b²} over the given norms. */
    record JoinNorms(Slot out, List<Slot> norms) implements Step {
        @Override
        public List<Slot> reads() {
            return norms;
        }

        @Override
        public List<Slot> writes() {
            return List.of(out);
        }
    }

    /** {@code out_b = min(1, limit/norm_b)}. */
    record ClipFactors(Slot out, Slot norm, double limit) implements Step {
        @Override
        public List<Slot> reads() {
            return List.of(norm);
        }

        @Override
        public List<Slot> writes() {
            return List.of(out);
        }
    }

    private static List<Slot> concat(List<Slot> a, List<Slot> b) {
        List<Slot> all = new ArrayList<>(a);
        all.addAll(b);
        return all;
    }
}
