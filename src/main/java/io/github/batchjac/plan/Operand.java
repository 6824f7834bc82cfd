package io.github.batchjac.plan;

import io.github.batchjac.structure.Structure;
import io.github.batchjac.structure.Structure.Kronecker;
import java.util.List;

/**
 * A Jacobian whose numbers lie in slots.
 *
 * @param structure its form
 * @param parts where its numbers are: none for a unit diagonal; {@code d} for a diagonal; {@code q, rest} for softmax and
 *     log-softmax; the entries for a dense one; the left factor's parts and then x for {@code A⊗xᵀ}
 */
public record Operand(Structure structure, List<Slot> parts) {
    public Operand {
        parts = List.copyOf(parts);
    }

    static Operand of(Structure structure, Slot... parts) {
        return new Operand(structure, List.of(parts));
    }

    /** The only part, or the first. */
    public Slot part() {
        return parts.get(0);
    }

    /** A of {@code A⊗xᵀ}. */
    public Operand left() {
        return new Operand(((Kronecker) structure).left(), parts.subList(0, parts.size() - 1));
    }

    /** x of {@code A⊗xᵀ}. */
    public Slot vector() {
        return parts.get(parts.size() - 1);
    }
}
