package io.github.batchjac.plan;

import io.github.batchjac.graph.Elementwise;
import io.github.batchjac.graph.Functions;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Op;
import io.github.batchjac.graph.Value;
import io.github.batchjac.plan.Slot.Role;
import io.github.batchjac.structure.LocalJacobian;
import io.github.batchjac.structure.Products;
import io.github.batchjac.structure.Structure;
import io.github.batchjac.structure.Structure.Dense;
import io.github.batchjac.structure.Structure.Diagonal;
import io.github.batchjac.structure.Structure.Kronecker;
import io.github.batchjac.structure.Work;
import io.github.batchjac.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
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
final class Planner implements LinearGraph.Algebra<Operand> {
    private final Graph graph;
    private final Request request;
    private final Workload workload;
    private final Cost cost;

    private final List<Slot> slots = new ArrayList<>();
    private final List<Step> products = new ArrayList<>();
    private final Map<Value, Integer> index = new HashMap<>();
    private final Map<Value, Slot> values = new HashMap<>();
    private final Map<Value, @Nullable Slot[]> derivatives = new HashMap<>();
    private final Map<String, Slot> given = new LinkedHashMap<>();
    private final Map<Double, Map<Integer, Slot>> constants = new HashMap<>();
    private final Map<Operand, Operand> densified = new HashMap<>();
    private final Map<Slot, Slot> transposed = new HashMap<>();
    private final List<Result> results = new ArrayList<>();
    private Work forwardWork = Work.NONE;

    private Planner(Graph graph, Request request, Workload workload, Cost cost) {
        this.graph = graph;
        this.request = request;
        this.workload = workload;
        this.cost = cost;
    }

    static Plan plan(Graph graph, Request request, Workload workload, Cost cost) {
        return new Planner(graph, request, workload, cost).plan();
    }

    private Plan plan() {
        check();
        for (Value value : graph.values()) {
            index.put(value, index.size());
            values.put(value, slotOf(value));
        }
        Elimination.Choice choice = null;
        if (request.kind() != Request.Kind.FORWARD) {
            LinearGraph<Operand> jacobians = linearise();
            choice = Elimination.choose(
                    jacobians.map(Operand::structure),
                    this::finishWork,
                    work -> cost.seconds(work, workload.batch(), workload.precision()));
            for (int vertex : choice.order()) {
                jacobians.eliminate(vertex, this);
            }
            finish(jacobians);
        }
        if (request.value() || request.kind() == Request.Kind.FORWARD) {
            deliverValue();
        }
        List<Step> steps = withoutDeadSteps();
        List<Slot> used = used(steps);
        return new Plan(graph, request, workload, steps, used, List.copyOf(results), forwardWork, choice, cost);
    }

    private void check() {
        for (String name : request.wrt()) {
            if (graph.named(name).op() instanceof Op.Input in && in.index()) {
                throw new IllegalArgumentException(name + " holds class indices; nothing is differentiable with respect to it");
            }
        }
        if (request.needsScalar() && graph.output().size() != 1) {
            throw new IllegalArgumentException("a gradient needs an output of one number per sample, this graph's has shape "
                    + graph.output().shape() + ": add a loss, or ask for the Jacobian");
        }
    }

    // Slots.

    private Slot slot(String name, long size, boolean shared, Role role) {
        if (size > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(name + " has " + size + " elements for one sample; at most "
                    + Integer.MAX_VALUE + " can be held");
        }
        Slot slot = new Slot(slots.size(), name, (int) size, shared, role, null);
        slots.add(slot);
        return slot;
    }

    private Slot work(String name, long size, boolean shared) {
        return slot(name, size, shared, Role.WORK);
    }

    private Slot given(String name, long size, boolean shared, Role role) {
        Slot slot = slot(name, size, shared, role);
        given.put(name, slot);
        return slot;
    }

    private Slot constant(double value, int size) {
        return constants.computeIfAbsent(value, v -> new HashMap<>()).computeIfAbsent(size, n -> {
            double[] numbers = new double[n];
            Arrays.fill(numbers, value);
            return constant(String.valueOf(value), numbers);
        });
    }

    private Slot constant(String name, double[] numbers) {
        Slot slot = new Slot(slots.size(), name, numbers.length, true, Role.CONSTANT, numbers);
        slots.add(slot);
        return slot;
    }

    /** The place of a value: given, or computed, or, where nothing changes, its operand's. */
    private Slot slotOf(Value value) {
        Op op = value.op();
        if (op instanceof Op.Input in) {
            return given(in.name(), value.size(), false, in.index() ? Role.LABELS : Role.INPUT);
        } else if (op instanceof Op.Parameter p) {
            return given(p.name(), value.size(), true, Role.PARAMETER);
        } else if (op instanceof Op.Constant c) {
            double[] numbers = new double[value.size()];
            Arrays.setAll(numbers, c.value()::get);
            return constant("constant", numbers);
        } else if (isAlias(op)) {
            return values.get(value.operand(0));
        }
        forwardWork = forwardWork.plus(workOf(value));
        return work(label(value), value.size(), value.shared());
    }

    private static boolean isAlias(Op op) {
        return op instanceof Op.Reshape
                || (op instanceof Op.Map map && map.function().kind() == Elementwise.Kind.IDENTITY);
    }

    private String label(Value value) {
        Op op = value.op();
        return op instanceof Op.Input || op instanceof Op.Parameter
                ? values.get(value).name()
                : op.title().split(" ")[0] + "#" + index.get(value);
    }

    private static Work workOf(Value value) {
        double read = value.operands().stream().filter(v -> !v.shared()).mapToDouble(Value::size).sum();
        double flops = value.op() instanceof Op.Linear ? 2.0 * value.operand(1).size() : 8 * Math.max(read, value.size());
        return Work.of(value.shared(), flops, read + value.size());
    }

    // The linearised graph.

    private LinearGraph<Operand> linearise() {
        Set<Value> active = new HashSet<>();
        Set<Integer> sources = new LinkedHashSet<>();
        int n = graph.values().size();
        boolean tangents = request.kind() == Request.Kind.JVP;
        // vertex 0 is a seed for tangents, then come the values, then the sink
        for (String name : request.wrt()) {
            Value value = graph.named(name);
            active.add(value);
            sources.add(1 + index.get(value));
        }
        LinearGraph<Operand> edges = new LinearGraph<>(n + 2, tangents ? Set.of(0) : sources, n + 1);
        if (tangents) {
            for (String name : request.wrt()) {
                Value value = graph.named(name);
                int columns = Math.max(1, request.seeds());
                Slot seed = given(Request.tangent(name), (long) value.size() * columns, value.shared(), Role.INPUT);
                edges.addEdge(
                        0,
                        1 + index.get(value),
                        Operand.of(new Dense(value.size(), columns, value.shared()), seed),
                        this);
            }
        }
        for (Value value : graph.values()) {
            for (int i = 0; i < value.operands().size(); i++) {
                if (active.contains(value.operand(i))) {
                    edges.addEdge(1 + index.get(value.operand(i)), 1 + index.get(value), local(value, i), this);
                    active.add(value);
                }
            }
        }
        Value output = graph.output();
        if (request.kind() == Request.Kind.VJP) {
            int rows = Math.max(1, request.seeds());
            Slot seed = given(Request.COTANGENT, (long) rows * output.size(), false, Role.INPUT);
            if (active.contains(output)) {
                edges.addEdge(1 + index.get(output), n + 1, Operand.of(new Dense(rows, output.size(), false), seed), this);
            }
        } else if (active.contains(output)) {
            edges.addEdge(1 + index.get(output), n + 1, Operand.of(Structure.identity(output.size())), this);
        }
        return edges;
    }

    /** The Jacobian of a value with respect to operand i, and where its numbers are. */
    private Operand local(Value value, int i) {
        Structure structure = LocalJacobian.of(value, i);
        Op op = value.op();
        if (structure.isIdentity() || (structure instanceof Diagonal d && d.unit())) {
            return Operand.of(structure);
        } else if (op instanceof Op.Map map) {
            return map.function().kind() == Elementwise.Kind.NEGATE
                    ? Operand.of(structure, constant(-1, value.size()))
                    : Operand.of(structure, derivative(value, 0, value.size()));
        } else if (op instanceof Op.Arithmetic arithmetic) {
            return switch (arithmetic) {
                case SUBTRACT -> Operand.of(structure, constant(-1, value.size()));
                case MULTIPLY -> Operand.of(structure, repeated(values.get(value.operand(1 - i)), value.size()));
                default -> i == 0
                        ? Operand.of(structure, repeated(reciprocal(value.operand(1)), value.size()))
                        : Operand.of(structure, derivative(value, 0, value.size()));
            };
        } else if (op instanceof Op.Linear) {
            return i == 0
                    ? Operand.of(structure, matrix(value))
                    : Operand.of(structure, values.get(value.operand(0)));
        } else if (op == Op.Normalise.SOFTMAX) {
            return Operand.of(structure, values.get(value), derivative(value, 0, 1));
        } else if (op == Op.Normalise.LOG_SOFTMAX) {
            return Operand.of(structure, derivative(value, 0, value.size()), derivative(value, 1, 1));
        } else if (op instanceof Op.Reduce reduce) {
            int n = value.operand(0).size();
            return switch (reduce) {
                case SUM -> Operand.of(structure, constant(1, n));
                case MEAN -> Operand.of(structure, constant(1.0 / n, n));
                case HALF_SQUARED_NORM -> Operand.of(structure, values.get(value.operand(0)));
            };
        } else if (op instanceof Op.Dot) {
            return Operand.of(structure, values.get(value.operand(1 - i)));
        } else if (op instanceof Op.Loss) {
            return Operand.of(structure, derivative(value, 0, value.operand(1).size()));
        }
        throw new IllegalStateException("no Jacobian for " + value);
    }

    /** The place of what {@link Step.Evaluate} calls derivative i of a value, {@code size} components. */
    private Slot derivative(Value value, int i, int size) {
        Slot[] all = derivatives.computeIfAbsent(value, v -> new Slot[2]);
        Slot slot = all[i];
        if (slot == null) {
            slot = work("d(" + label(value) + ")" + (i == 0 ? "" : "." + i), size, value.shared());
            all[i] = slot;
        }
        return slot;
    }

    /** {@code 1/b}. */
    private Slot reciprocal(Value b) {
        Value value = Functions.reciprocal(b);
        Slot out = work("1/" + values.get(b).name(), b.size(), b.shared());
        products.add(new Step.Evaluate(value, List.of(values.get(b)), out, List.of()));
        return out;
    }

    /** The numbers of {@code slot} over and over, {@code size} in all. */
    private Slot repeated(Slot slot, int size) {
        if (slot.size() == size) {
            return slot;
        }
        Slot out = work("repeated " + slot.name(), size, slot.shared());
        products.add(new Step.Repeat(out, slot));
        return out;
    }

    /** {@code ∂z/∂x} of a linear layer, {@code (m, n)}: W, or in row form its transpose, formed once. */
    private Slot matrix(Value linear) {
        Slot w = values.get(linear.operand(1));
        if (!((Op.Linear) linear.op()).rowForm()) {
            return w;
        }
        return transposed.computeIfAbsent(w, slot -> {
            Slot out = work(slot.name() + "ᵀ", slot.size(), true);
            products.add(new Step.Transpose(out, slot, linear.operand(0).size(), linear.size()));
            return out;
        });
    }

    // Products and sums, carried out as the table says.

    private Operand fresh(Structure structure, String name) {
        if (structure instanceof Diagonal d && d.unit()) {
            return Operand.of(structure);
        }
        return Operand.of(structure, work(name, structure.stored(), structure.shared()));
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
            case DIRECT -> {
                Operand out = fresh(rule.result(), "J" + products.size());
                if (!out.parts().isEmpty()) {
                    products.add(new Step.Multiply(out, left, right));
                }
                yield out;
            }
        };
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
        Operand out = fresh(result, "J" + products.size());
        products.add(new Step.Add(out, left, right));
        return out;
    }

    @Override
    public boolean addsUp(Operand a, Operand b) {
        return Elimination.worthAdding(a.structure(), b.structure());
    }

    private Operand densify(Operand operand) {
        if (operand.structure() instanceof Dense) {
            return operand;
        }
        return densified.computeIfAbsent(operand, o -> {
            Operand out = fresh(o.structure().dense(), "J" + products.size());
            products.add(new Step.Densify(out, readable(o)));
            return out;
        });
    }

    /** {@code A⊗xᵀ} with A the identity or dense, as {@link Step.Densify} takes it; anything else as it is. */
    private Operand readable(Operand operand) {
        return operand.structure() instanceof Kronecker k && !k.left().isIdentity() ? denseLeft(operand) : operand;
    }

    private Operand denseLeft(Operand operand) {
        Kronecker k = (Kronecker) operand.structure();
        Operand left = densify(operand.left());
        return kronecker(
                new Kronecker(left.structure(), k.width(), k.rowForm(), k.vectorShared()), left, operand.vector());
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
            terms.put(name, jacobians.edge(1 + index.get(graph.named(name)), jacobians.sink()));
        }
        switch (request.kind()) {
            case JACOBIAN -> terms.forEach((name, t) ->
                    deliver(name, graph.output().shape().concat(graph.named(name).shape()), t));
            case VJP -> terms.forEach((name, t) -> {
                Shape shape = graph.named(name).shape();
                deliver(name, request.seeds() == 0 ? shape : shape.prepend(request.seeds()), t);
            });
            case GRADIENT -> terms.forEach((name, t) -> {
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
                Slot factors = work("clip factors", 1, norm.shared());
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
            Slot zero = slot(name, shape.elements(), false, Role.RESULT);
            products.add(new Step.Zero(zero));
            results.add(new Result(name, zero, shape, Reduction.NONE));
            return;
        }
        Operand whole = terms.stream().reduce(this::add).orElseThrow();
        if (whole.structure() instanceof Dense || whole.structure().shared()) {
            deliverSlot(name, shape, densify(whole).part());
        } else {
            Slot out = slot(name, shape.elements(), false, Role.RESULT);
            products.add(new Step.Densify(Operand.of(whole.structure().dense(), out), readable(whole)));
            results.add(new Result(name, out, shape, Reduction.NONE));
        }
    }

    /** The slot itself becomes the result if it may, else its copy does. */
    private void deliverSlot(String name, Shape shape, Slot slot) {
        Slot out = slot;
        if (slot.role() == Role.WORK && !slot.shared()) {
            slot.becomeResult();
        } else {
            out = slot(name, slot.size(), false, Role.RESULT);
            products.add(new Step.Repeat(out, slot));
        }
        results.add(new Result(name, out, shape, Reduction.NONE));
    }

    private void deliverSum(String name, List<Operand> terms, @Nullable Slot weights, Reduction reduction) {
        Shape shape = graph.named(name).shape();
        Slot out = slot(name, shape.elements(), true, Role.REDUCED);
        for (Operand term : terms) {
            Operand factored = term.structure() instanceof Kronecker ? denseLeft(term) : densify(term);
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
        Slot out = work(slot.name() + " for each", slot.size(), false);
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
            Slot zero = work("norm " + name, 1, false);
            products.add(new Step.Zero(zero));
            return zero;
        }
        Operand whole = terms.stream().reduce(this::add).orElseThrow();
        Operand term = whole.structure() instanceof Kronecker ? denseLeft(whole) : densify(whole);
        Slot out = work("norm " + name, 1, term.structure().shared());
        products.add(new Step.Norm(out, term));
        return out;
    }

    private Slot join(List<Slot> norms) {
        Slot out = work("norm", 1, norms.stream().allMatch(Slot::shared));
        products.add(new Step.JoinNorms(out, norms));
        return out;
    }

    private void deliverValue() {
        Value output = graph.output();
        deliverSlot(Request.VALUE, output.shape(), values.get(output));
    }

    // The steps in order.

    private List<Step> withoutDeadSteps() {
        List<Step> all = new ArrayList<>();
        for (Value value : graph.values()) {
            Op op = value.op();
            boolean leaf = value.operands().isEmpty();
            if (!leaf && !isAlias(op)) {
                List<Slot> operands = value.operands().stream().map(values::get).toList();
                @Nullable Slot[] extra = derivatives.getOrDefault(value, new Slot[0]);
                all.add(new Step.Evaluate(value, operands, values.get(value), Arrays.asList(extra)));
            }
        }
        all.addAll(products);

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
        Set<Slot> touched = new LinkedHashSet<>(given.values());
        for (Step step : steps) {
            touched.addAll(step.reads());
            touched.addAll(step.writes());
        }
        results.forEach(r -> touched.add(r.slot()));
        return List.copyOf(touched);
    }
}
