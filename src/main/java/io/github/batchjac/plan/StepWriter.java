package io.github.batchjac.plan;

import io.github.batchjac.structure.Products;
import io.github.batchjac.structure.Structure;
import io.github.batchjac.structure.Structure.Dense;
import io.github.batchjac.structure.Structure.Diagonal;
import io.github.batchjac.structure.Structure.Kronecker;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Multiplies and adds operands as {@link Products} says, by writing steps. */
final class StepWriter implements LinearGraph.Algebra<Operand> {
    private final Slots slots;
    private final List<Step> steps = new ArrayList<>();
    private final Map<Operand, Operand> densified = new HashMap<>();

    StepWriter(Slots slots) {
        this.slots = slots;
    }

    void add(Step step) {
        steps.add(step);
    }

    List<Step> steps() {
        return steps;
    }

    private Operand fresh(Structure structure, String name) {
        if (structure instanceof Diagonal d && d.unit()) {
            return Operand.of(structure);
        }
        return Operand.of(structure, slots.work(name, structure.stored(), structure.shared()));
    }

    @Override
    public Operand multiply(Operand left, Operand right) {
        Products.Rule rule = Products.multiply(left.structure(), right.structure());
        return switch (rule.form()) {
            case LEFT -> left;
            case RIGHT -> right;
            case INTO_KRONECKER -> kronecker(rule.result(), multiply(left, right.left()), right.vector());
            case DENSIFY_LEFT -> multiply(densify(left), right);
            case DENSIFY_RIGHT -> multiply(left, densify(right));
            case DIRECT -> direct(left, right, rule.result());
        };
    }

    private Operand direct(Operand left, Operand right, Structure result) {
        if (left.structure() instanceof Kronecker k && !k.left().isIdentity()) {
            // (A⊗xᵀ)t = A·((I⊗xᵀ)t)
            Structure identity = Structure.identity(k.left().cols());
            Structure contraction = new Kronecker(identity, k.width(), k.rowForm(), k.vectorShared());
            return multiply(left.left(), multiply(Operand.of(contraction, left.vector()), right));
        }
        Operand out = fresh(result, "J" + steps.size());
        if (!out.parts().isEmpty()) {
            steps.add(new Step.Multiply(out, left, right));
        }
        return out;
    }

    private static Operand kronecker(Structure structure, Operand left, Slot vector) {
        List<Slot> parts = new ArrayList<>(left.parts());
        parts.add(vector);
        return new Operand(structure, parts);
    }

    @Override
    public Operand add(Operand a, Operand b) {
        Structure result = Products.add(a.structure(), b.structure()).result();
        boolean diagonal = result instanceof Diagonal;
        Operand left = diagonal ? a : densify(a);
        Operand right = diagonal ? b : densify(b);
        Operand out = fresh(result, "J" + steps.size());
        steps.add(new Step.Add(out, left, right));
        return out;
    }

    @Override
    public boolean addsUp(Operand a, Operand b) {
        return Elimination.worthAdding(a.structure(), b.structure());
    }

    /** Every entry of {@code operand}; itself if it is dense. */
    Operand densify(Operand operand) {
        if (operand.structure() instanceof Dense) {
            return operand;
        }
        Operand known = densified.get(operand);
        if (known != null) {
            return known;
        }
        // not computeIfAbsent: making a left factor dense comes back here
        Operand in = readable(operand);
        Operand out = fresh(operand.structure().dense(), "J" + steps.size());
        steps.add(new Step.Densify(out, in));
        densified.put(operand, out);
        return out;
    }

    /** {@code A⊗xᵀ} with A the identity or dense, as {@link Step.Densify} takes it; anything else as it is. */
    Operand readable(Operand operand) {
        return operand.structure() instanceof Kronecker k && !k.left().isIdentity() ? denseLeft(operand) : operand;
    }

    /** {@code A⊗xᵀ} with A dense. */
    Operand denseLeft(Operand operand) {
        Kronecker k = (Kronecker) operand.structure();
        Operand left = densify(operand.left());
        return kronecker(
                new Kronecker(left.structure(), k.width(), k.rowForm(), k.vectorShared()), left, operand.vector());
    }
}
