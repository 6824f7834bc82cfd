package io.github.batchjac.plan;

import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Op;
import io.github.batchjac.plan.Slot.Role;
import io.github.batchjac.structure.Products;
import io.github.batchjac.structure.Structure;
import io.github.batchjac.structure.Structure.Dense;
import io.github.batchjac.structure.Structure.Kronecker;
import io.github.batchjac.structure.Work;
import io.github.batchjac.tensor.Shape;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Writes the steps of a plan: linearises the graph, has {@link Elimination} choose the order, carries it out on operands,
 * and finishes each Jacobian as the request wants it.
 */
final class Planner {
    private final Graph graph;
    private final Request request;
    private final Workload workload;
    private final Slots slots = new Slots();
    private final Linearisation values;
    private final StepWriter products = new StepWriter(slots);
    private final List<Result> results = new ArrayList<>();

    private Planner(Graph graph, Request request, Workload workload) {
        this.graph = graph;
        this.request = request;
        this.workload = workload;
        this.values = new Linearisation(graph, slots);
    }

    static Plan plan(Graph graph, Request request, Workload workload, Cost cost) {
        return new Planner(graph, request, workload).plan(cost);
    }

    private Plan plan(Cost cost) {
        check();
        Elimination.Choice choice = null;
        if (request.kind() != Request.Kind.FORWARD) {
            LinearGraph<Operand> jacobians = values.edges(request, products);
            choice = Elimination.choose(
                    jacobians.map(Operand::structure),
                    this::finishWork,
                    work -> cost.seconds(work, (double) workload.batch(), workload.precision()));
            for (int vertex : choice.order()) {
                jacobians.eliminate(vertex, products);
            }
            finish(jacobians);
        }
        if (request.value() || request.kind() == Request.Kind.FORWARD) {
            deliverSlot(Request.VALUE, graph.output().shape(), values.place(graph.output()));
        }
        List<Step> steps = withoutDeadSteps();
        return new Plan(
                graph, request, workload, steps, used(steps), List.copyOf(results), values.work(), choice, cost);
    }

    private void check() {
        for (String name : request.wrt()) {
            if (graph.named(name).op() instanceof Op.Input in && in.index()) {
                throw new IllegalArgumentException(
                        name + " holds class indices; nothing is differentiable with respect to it");
            }
        }
        if (request.needsScalar() && graph.output().size() != 1) {
            throw new IllegalArgumentException(
                    "a gradient needs an output of one number per sample, this graph's has shape "
                            + graph.output().shape() + ": add a loss, or ask for the Jacobian");
        }
    }

    // From the Jacobian of each name to what was asked for.

    /** What {@link #finish} will cost for one Jacobian, given as its terms. */
    private Work finishWork(List<Structure> terms) {
        Work work = Work.NONE;
        if (request.reduced()) {
            for (Structure term : terms) {
                work = work.plus(sumWork(term));
            }
            return work;
        }
        boolean norms = request.kind() == Request.Kind.NORMS;
        if (norms && terms.size() == 1) {
            return normWork(terms.get(0));
        }
        for (Structure term : terms) {
            work = work.plus(Products.densify(term));
            if (term.shared() && !norms) {
                work = work.plus(Work.of(false, 0, (double) term.rows() * term.cols()));
            }
        }
        return work;
    }

    private static Work sumWork(Structure term) {
        double entries = (double) term.rows() * term.cols();
        if (term instanceof Kronecker k) {
            double left = (double) k.left().rows() * k.left().cols();
            return Products.densify(k.left()).plus(Work.of(false, 2 * entries, left + k.width()));
        }
        return Products.densify(term).plus(Work.of(false, entries, entries));
    }

    private static Work normWork(Structure term) {
        if (term instanceof Kronecker k) {
            double elements = (double) k.left().rows() * k.left().cols() + k.width();
            return Products.densify(k.left()).plus(Work.of(term.shared(), 2 * elements, elements));
        }
        double entries = (double) term.rows() * term.cols();
        return Products.densify(term).plus(Work.of(term.shared(), 2 * entries, entries));
    }

    private void finish(LinearGraph<Operand> jacobians) {
        if (request.kind() == Request.Kind.JVP) {
            int columns = Math.max(1, request.seeds());
            Shape shape = request.seeds() == 0
                    ? graph.output().shape()
                    : graph.output().shape().concat(Shape.of(columns));
            deliver(Request.TANGENT, shape, jacobians.edge(0, jacobians.sink()));
            return;
        }
        Map<String, List<Operand>> terms = new LinkedHashMap<>();
        for (String name : request.wrt()) {
            terms.put(name, jacobians.edge(values.vertex(graph.named(name)), jacobians.sink()));
        }
        switch (request.kind()) {
            case JACOBIAN ->
                terms.forEach((name, t) -> deliver(
                        name, graph.output().shape().concat(graph.named(name).shape()), t));
            case VJP ->
                terms.forEach((name, t) -> {
                    Shape shape = graph.named(name).shape();
                    deliver(name, request.seeds() == 0 ? shape : shape.prepend(request.seeds()), t);
                });
            case GRADIENT ->
                terms.forEach((name, t) -> {
                    if (request.reduced()) {
                        deliverSum(name, t, null, request.reduction());
                    } else {
                        deliver(name, graph.named(name).shape(), t);
                    }
                });
            case NORMS -> {
                List<Slot> norms = new ArrayList<>();
                terms.forEach((name, t) -> {
                    Slot norm = norm(name, t);
                    norms.add(norm);
                    deliverSlot(name, Shape.scalar(), norm);
                });
                deliverSlot(Request.NORM, Shape.scalar(), join(norms));
            }
            case CLIPPED_SUM -> {
                List<Slot> norms = new ArrayList<>();
                terms.forEach((name, t) -> norms.add(norm(name, t)));
                Slot norm = join(norms);
                Slot factors = slots.work("clip factors", 1, norm.shared());
                products.add(new Step.ClipFactors(factors, norm, request.limit()));
                terms.forEach((name, t) -> deliverSum(name, t, perSample(factors), Reduction.SUM));
                deliverSlot(Request.NORM, Shape.scalar(), norm);
            }
            default -> throw new IllegalStateException(request.kind().toString());
        }
    }

    /** Every entry, for every sample. */
    private void deliver(String name, Shape shape, List<Operand> terms) {
        if (terms.isEmpty()) {
            Slot zero = slots.make(name, shape.elements(), false, Role.RESULT);
            products.add(new Step.Zero(zero));
            results.add(new Result(name, zero, shape, Reduction.NONE));
            return;
        }
        Operand whole = terms.stream().reduce(products::add).orElseThrow();
        if (whole.structure() instanceof Dense || whole.structure().shared()) {
            deliverSlot(name, shape, products.densify(whole).part());
        } else {
            Slot out = slots.make(name, shape.elements(), false, Role.RESULT);
            products.add(new Step.Densify(Operand.of(whole.structure().dense(), out), products.readable(whole)));
            results.add(new Result(name, out, shape, Reduction.NONE));
        }
    }

    /** The slot itself becomes the result if it may, else its copy does. */
    private void deliverSlot(String name, Shape shape, Slot slot) {
        Slot out = slot;
        if (slot.role() == Role.WORK && !slot.shared()) {
            slot.becomeResult();
        } else {
            out = slots.make(name, slot.size(), false, Role.RESULT);
            products.add(new Step.Repeat(out, slot));
        }
        results.add(new Result(name, out, shape, Reduction.NONE));
    }

    private void deliverSum(String name, List<Operand> terms, @Nullable Slot weights, Reduction reduction) {
        Shape shape = graph.named(name).shape();
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
    private Slot perSample(Slot slot) {
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

    private Slot norm(String name, List<Operand> terms) {
        if (terms.isEmpty()) {
            Slot zero = slots.work("norm " + name, 1, false);
            products.add(new Step.Zero(zero));
            return zero;
        }
        Operand whole = terms.stream().reduce(products::add).orElseThrow();
        Operand term = whole.structure() instanceof Kronecker ? products.denseLeft(whole) : products.densify(whole);
        Slot out = slots.work("norm " + name, 1, term.structure().shared());
        products.add(new Step.Norm(out, term));
        return out;
    }

    private Slot join(List<Slot> norms) {
        Slot out = slots.work("norm", 1, norms.stream().allMatch(Slot::shared));
        products.add(new Step.JoinNorms(out, norms));
        return out;
    }

    // The steps in order.

    private List<Step> withoutDeadSteps() {
        List<Step> all = values.steps();
        all.addAll(products.steps());
        Set<Slot> live = new HashSet<>();
        results.forEach(r -> live.add(r.slot()));
        List<Step> kept = new ArrayList<>();
        for (int i = all.size() - 1; i >= 0; i--) {
            Step step = all.get(i);
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

    /** The slots that the steps touch, and everything given that the caller must not be refused for giving. */
    private List<Slot> used(List<Step> steps) {
        Set<Slot> touched = new LinkedHashSet<>(slots.given());
        for (Step step : steps) {
            touched.addAll(step.reads());
            touched.addAll(step.writes());
        }
        results.forEach(r -> touched.add(r.slot()));
        return List.copyOf(touched);
    }
}
