package io.github.batchjac.plan;

import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Op;
import io.github.batchjac.plan.Slot.Role;
import io.github.batchjac.structure.Products;
import io.github.batchjac.structure.Structure;
import io.github.batchjac.structure.Structure.Kronecker;
import io.github.batchjac.structure.Work;
import io.github.batchjac.tensor.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes the steps of a plan: linearises the graph, has {@link Elimination} choose the order, carries it out on operands,
 * and finishes each Jacobian as the request wants it.
 */
final class Planner {
    private final Graph graph;
    private final Request request;
    private final Workload workload;
    private final Order order;
    private final Slots slots = new Slots();
    private final Linearisation values;
    private final StepWriter products = new StepWriter(slots);
    private final ResultWriter results = new ResultWriter(slots, products);

    private Planner(Graph graph, Request request, Workload workload, Order order) {
        this.graph = graph;
        this.request = request;
        this.workload = workload;
        this.order = order;
        this.values = new Linearisation(graph, slots);
    }

    static Plan plan(Graph graph, Request request, Workload workload, Order order) {
        return new Planner(graph, request, workload, order).plan();
    }

    /** A product of two given Jacobians; see {@link Plan#product}. */
    static Plan product(Structure left, Structure right, boolean dense, Workload workload) {
        Slots slots = new Slots();
        StepWriter products = new StepWriter(slots);
        ResultWriter results = new ResultWriter(slots, products);
        Operand product = products.multiply(given(slots, "left", left), given(slots, "right", right));
        if (dense) {
            results.deliver(Plan.PRODUCT, Shape.of(left.rows(), right.cols()), List.of(product));
        } else {
            results.deliverStructured(Plan.PRODUCT, List.of(product));
        }
        return new Plan(null, null, workload, slots, results, products.steps(), Work.NONE, null);
    }

    private static Operand given(Slots slots, String name, Structure structure) {
        List<Slot> parts = new ArrayList<>();
        structure.parts().forEach(part -> {
            Shape shape = Shape.of(part.size());
            parts.add(slots.given(Plan.part(name, parts.size()), shape, part.shared(), Role.INPUT));
        });
        return new Operand(structure, parts);
    }

    private Plan plan() {
        check();
        Elimination.Choice choice = null;
        if (request.kind() != Request.Kind.FORWARD) {
            LinearGraph<Operand> jacobians = values.edges(request, products);
            choice = Elimination.choose(
                    jacobians.map(Operand::structure),
                    this::finishWork,
                    work -> workload.cost().seconds(work, (double) workload.batch(), workload.precision()),
                    order);
            for (int vertex : choice.order()) {
                jacobians.eliminate(vertex, products);
            }
            finish(jacobians);
        }
        if (request.value() || request.kind() == Request.Kind.FORWARD) {
            results.deliverSlot(Request.VALUE, graph.output().shape(), values.place(graph.output()));
        }
        List<Step> steps = new ArrayList<>(values.steps());
        steps.addAll(products.steps());
        return new Plan(graph, request, workload, slots, results, steps, values.work(), choice);
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
            results.deliver(Request.TANGENT, shape, jacobians.edge(0, jacobians.sink()));
            return;
        }
        Map<String, List<Operand>> terms = new LinkedHashMap<>();
        for (String name : request.wrt()) {
            terms.put(name, jacobians.edge(values.vertex(graph.named(name)), jacobians.sink()));
        }
        switch (request.kind()) {
            case JACOBIAN ->
                terms.forEach((name, t) -> results.deliver(
                        name, graph.output().shape().concat(graph.named(name).shape()), t));
            case STRUCTURED -> terms.forEach(results::deliverStructured);
            case VJP ->
                terms.forEach((name, t) -> {
                    Shape shape = graph.named(name).shape();
                    results.deliver(name, request.seeds() == 0 ? shape : shape.prepend(request.seeds()), t);
                });
            case GRADIENT ->
                terms.forEach((name, t) -> {
                    if (request.reduced()) {
                        results.deliverSum(name, graph.named(name).shape(), t, null, request.reduction());
                    } else {
                        results.deliver(name, graph.named(name).shape(), t);
                    }
                });
            case NORMS -> {
                List<Slot> norms = new ArrayList<>();
                terms.forEach((name, t) -> {
                    Slot norm = results.norm(name, t);
                    norms.add(norm);
                    results.deliverSlot(name, Shape.scalar(), norm);
                });
                results.deliverSlot(Request.NORM, Shape.scalar(), results.join(norms));
            }
            case CLIPPED_SUM -> {
                List<Slot> norms = new ArrayList<>();
                terms.forEach((name, t) -> norms.add(results.norm(name, t)));
                Slot norm = results.join(norms);
                Slot factors = slots.work("clip factors", 1, norm.shared());
                products.add(new Step.ClipFactors(factors, norm, request.limit()));
                terms.forEach((name, t) -> results.deliverSum(
                        name, graph.named(name).shape(), t, results.perSample(factors), Reduction.SUM));
                results.deliverSlot(Request.NORM, Shape.scalar(), norm);
            }
            default -> throw new IllegalStateException(request.kind().toString());
        }
    }
}
