package io.github.batchjac.plan;

import io.github.batchjac.graph.Graph;
import io.github.batchjac.structure.Structure;
import io.github.batchjac.structure.Work;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How a request is carried out: steps over slots, in order, and how many samples at a time. Plans are data; a backend
 * interprets them, and {@link #explain()} shows them. Two plans of the same graph, request and workload are the same.
 */
public final class Plan {
    /** Key of the result of a {@link #product}. */
    public static final String PRODUCT = "product";

    private final @Nullable Graph graph;
    private final @Nullable Request request;
    private final Workload workload;
    private final List<Step> once;
    private final List<Step> steps;
    private final List<Slot> slots;
    private final List<Given> inputs;
    private final List<Result> results;
    private final Map<String, Structure> structures;
    private final Memory memory;
    private final Work forwardWork;
    private final Elimination.@Nullable Choice choice;

    Plan(
            @Nullable Graph graph,
            @Nullable Request request,
            Workload workload,
            Slots slots,
            ResultWriter results,
            List<Step> written,
            Work forwardWork,
            Elimination.@Nullable Choice choice) {
        this.graph = graph;
        this.request = request;
        this.workload = workload;
        List<Step> shared = new ArrayList<>();
        List<Step> each = new ArrayList<>();
        List<Step> live = results.live(written);
        live.forEach(step -> (step.shared() ? shared : each).add(step));
        this.once = List.copyOf(shared);
        this.steps = List.copyOf(each);
        this.slots = results.used(live);
        this.inputs = slots.given();
        this.results = results.results();
        this.structures = Map.copyOf(results.structures());
        this.forwardWork = forwardWork;
        this.choice = choice;
        this.memory = Memory.of(steps, this.slots, workload);
    }

    /**
     * The cheapest plan found for {@code request}.
     *
     * @throws IllegalArgumentException if a name is unknown, the output has the wrong form for the request, or one
     *     sample's result has more than 2³¹−1 elements
     * @throws BudgetException if not even one tile of samples fits the workload's memory
     */
    public static Plan of(Graph graph, Request request, Workload workload) {
        return of(graph, request, workload, Order.CHEAPEST);
    }

    /** A plan in a given order, to compare orders; otherwise as {@link #of(Graph, Request, Workload)}. */
    public static Plan of(Graph graph, Request request, Workload workload, Order order) {
        return Planner.plan(graph, request, workload, order);
    }

    /**
     * The product of two Jacobians that are given: their parts are the inputs {@code part("left", i)} and {@code
     * part("right", i)}, the result is {@link #PRODUCT}, dense {@code (B, rows, cols)} or structured.
     */
    public static Plan product(Structure left, Structure right, boolean dense, Workload workload) {
        return Planner.product(left, right, dense, workload);
    }

    /** Key of part i of a structured Jacobian. */
    public static String part(String name, int i) {
        return name + "#" + i;
    }

    /** @throws IllegalStateException if this plan is a {@link #product} */
    public Graph graph() {
        if (graph == null) {
            throw new IllegalStateException("a product of given Jacobians has no graph");
        }
        return graph;
    }

    /** @throws IllegalStateException if this plan is a {@link #product} */
    public Request request() {
        if (request == null) {
            throw new IllegalStateException("a product of given Jacobians has no request");
        }
        return request;
    }

    /** Whether there is a graph, and not just two Jacobians to multiply. */
    public boolean hasGraph() {
        return graph != null;
    }

    public Workload workload() {
        return workload;
    }

    /** The steps whose results every sample shares: done when a parameter is given. */
    public List<Step> once() {
        return once;
    }

    /** The steps done for every tile of samples, in order. */
    public List<Step> steps() {
        return steps;
    }

    /** Every slot that must have a place. */
    public List<Slot> slots() {
        return slots;
    }

    /** What a program is given, in order: inputs, parameters, seeds. */
    public List<Given> inputs() {
        return inputs;
    }

    /** The structure of a Jacobian that is returned in parts. @throws IllegalArgumentException if there is none */
    public Structure structure(String name) {
        Structure structure = structures.get(name);
        if (structure == null) {
            throw new IllegalArgumentException("no structured result is named " + name);
        }
        return structure;
    }

    /** What a program returns, in order. */
    public List<Result> results() {
        return results;
    }

    public Memory memory() {
        return memory;
    }

    /** The cost model that the order was chosen by. */
    public Cost cost() {
        return workload.cost();
    }

    /** The order of the products: optimal, reverse, forward or greedy; null if there is nothing to multiply. */
    public @Nullable String order() {
        return choice == null ? null : choice.name();
    }

    Elimination.@Nullable Choice choice() {
        return choice;
    }

    /** All that is computed: values, products, and what turns them into results. */
    public Work work() {
        return choice == null ? forwardWork : forwardWork.plus(choice.work());
    }

    Work forwardWork() {
        return forwardWork;
    }

    /** The plan in words and figures: steps, structures, shapes, flops, bytes, memory, and what other orders would cost. */
    public String explain() {
        return Explanation.of(this);
    }
}
