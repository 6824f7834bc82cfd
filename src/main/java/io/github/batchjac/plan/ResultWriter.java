package io.github.batchjac.plan;

import io.github.batchjac.plan.Slot.Role;
import io.github.batchjac.structure.Structure;
import io.github.batchjac.structure.Structure.Dense;
import io.github.batchjac.structure.Structure.Kronecker;
import io.github.batchjac.tensor.Shape;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Finishes Jacobians, given as sums of terms: every entry, sums over the batch, norms, or as they are. */
final class ResultWriter {
    private final Slots slots;
    private final StepWriter products;
    private final List<Result> results = new ArrayList<>();
    private final Map<String, Structure> structures = new LinkedHashMap<>();

    ResultWriter(Slots slots, StepWriter products) {
        this.slots = slots;
        this.products = products;
    }

    List<Result> results() {
        return List.copyOf(results);
    }

    /** The structures of what was delivered as it is, by name. */
    Map<String, Structure> structures() {
        return structures;
    }

    /** The Jacobian as it is: its parts, in arrays named by {@link Plan#part}. */
    void deliverStructured(String name, List<Operand> terms) {
        Operand whole = sum(terms);
        structures.put(name, whole.structure());
        for (int i = 0; i < whole.parts().size(); i++) {
            Slot part = whole.parts().get(i);
            deliverSlot(Plan.part(name, i), Shape.of(part.size()), part, part.shared());
        }
    }

    /** At least one term: whatever is in a graph has a path to its output. */
    private Operand sum(List<Operand> terms) {
        return terms.stream().reduce(products::add).orElseThrow();
    }

    /** Every entry, for every sample. */
    void deliver(String name, Shape shape, List<Operand> terms) {
        Operand whole = sum(terms);
        if (whole.structure() instanceof Dense || whole.structure().shared()) {
            deliverSlot(name, shape, products.densify(whole).part());
        } else {
            Slot out = slots.make(name, shape.elements(), false, Role.RESULT);
            products.add(new Step.Densify(Operand.of(whole.structure().dense(), out), products.readable(whole)));
            results.add(new Result(name, out, shape, Reduction.NONE));
        }
    }

    /** The slot itself becomes the result if it may, else its copy does. */
    void deliverSlot(String name, Shape shape, Slot slot) {
        deliverSlot(name, shape, slot, false);
    }

    private void deliverSlot(String name, Shape shape, Slot slot, boolean shared) {
        Slot out = slot;
        if (slot.role() == Role.WORK && slot.shared() == shared) {
            slot.becomeResult();
        } else {
            out = slots.make(name, slot.size(), shared, Role.RESULT);
            products.add(new Step.Repeat(out, slot));
        }
        results.add(new Result(name, out, shape, Reduction.NONE));
    }

    void deliverSum(String name, Shape shape, List<Operand> terms, @Nullable Slot weights, Reduction reduction) {
        Slot out = slots.make(name, shape.elements(), true, Role.REDUCED);
        for (Operand term : terms) {
            Operand factored =
                    term.structure() instanceof Kronecker ? products.denseLeft(term) : products.densify(term);
            List<Slot> parts = factored.parts().stream().map(this::perSample).toList();
            products.add(new Step.SumBatch(out, new Operand(perSample(factored.structure()), parts), weights));
        }
        results.add(new Result(name, out, shape, reduction));
    }

    /** The slot, or a copy for every sample where it is shared. */
    Slot perSample(Slot slot) {
        if (!slot.shared()) {
            return slot;
        }
        Slot out = slots.work(slot.name() + " for each", slot.size(), false);
        products.add(new Step.Repeat(out, slot));
        return out;
    }

    private static Structure perSample(Structure structure) {
        return structure instanceof Kronecker k
                ? new Kronecker(perSample(k.left()), k.width(), k.rowForm(), false)
                : new Dense(structure.rows(), structure.cols(), false);
    }

    /** The slot of the norms. */
    Slot norm(String name, List<Operand> terms) {
        Operand whole = sum(terms);
        Operand term = whole.structure() instanceof Kronecker ? products.denseLeft(whole) : products.densify(whole);
        Slot out = slots.work("norm " + name, 1, term.structure().shared());
        products.add(new Step.Norm(out, term));
        return out;
    }

    /** The slot of the norms over several names together. */
    Slot join(List<Slot> norms) {
        Slot out = slots.work("norm", 1, norms.stream().allMatch(Slot::shared));
        products.add(new Step.JoinNorms(out, norms));
        return out;
    }

    /** {@code steps} without those that no result needs. */
    List<Step> live(List<Step> steps) {
        Set<Slot> live = new HashSet<>();
        results.forEach(r -> live.add(r.slot()));
        List<Step> kept = new ArrayList<>();
        for (int i = steps.size() - 1; i >= 0; i--) {
            Step step = steps.get(i);
            if (step instanceof Step.Evaluate e) {
                Slot out = live.contains(e.out()) ? e.out() : null;
                step = new Step.Evaluate(e.value(), e.operands(), out, e.derivatives());
            }
            if (step.writes().stream().anyMatch(live::contains)) {
                kept.add(0, step);
                live.addAll(step.reads());
            }
        }
        return List.copyOf(kept);
    }

    /** The slots that the steps touch, and everything given: the caller must not be refused for giving it. */
    List<Slot> used(List<Step> steps) {
        Set<Slot> touched = new LinkedHashSet<>();
        slots.given().forEach(given -> touched.add(given.slot()));
        for (Step step : steps) {
            touched.addAll(step.reads());
            touched.addAll(step.writes());
        }
        results.forEach(r -> touched.add(r.slot()));
        return List.copyOf(touched);
    }
}
