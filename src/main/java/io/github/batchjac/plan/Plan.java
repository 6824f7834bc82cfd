package io.github.batchjac.plan;

import io.github.batchjac.graph.Graph;
import io.github.batchjac.structure.Work;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a request is carried out: steps over slots, in order, and how many samples at a time. Plans are data; a backend
 * interprets them, and {@link #explain()} shows them. Two plans of the same graph, request and workload are the same.
 */
public final class Plan {
    private final Graph graph;
    private final Request request;
    private final Workload workload;
    private final List<Step> once;
    private final List<Step> steps;
    private final List<Slot> slots;
    private final List<Result> results;
    private final Memory memory;
    private final Work forwardWork;
    private final Elimination.@Nullable Choice choice;
    private final Cost cost;

    Plan(
            Graph graph,
            Request request,
            Workload workload,
            List<Step> all,
            List<Slot> slots,
            List<Result> results,
            Work forwardWork,
            Elimination.@Nullable Choice choice,
            Cost cost) {
        this.graph = graph;
        this.request = request;
        this.workload = workload;
        List<Step> shared = new ArrayList<>();
        List<Step> each = new ArrayList<>();
        all.forEach(step -> (step.shared() ? shared : each).add(step));
        this.once = List.copyOf(shared);
        this.steps = List.copyOf(each);
        this.slots = slots;
        this.results = results;
        this.forwardWork = forwardWork;
        this.choice = choice;
        this.cost = cost;
        this.memory = Memory.of(steps, slots, workload);
    }

    /**
     * The cheapest plan found for {@code request}.
     *
     * @throws IllegalArgumentException if a name is unknown, the output has the wrong form for the request, or one
     *     sample's result has more than 2³¹−1 elements
     * @throws BudgetException if not even one tile of samples fits the workload's memory
     */
    public static Plan of(Graph graph, Request request, Workload workload) {
        return Planner.plan(graph, request, workload, Cost.CPU);
    }

    public Graph graph() {
        return graph;
    }

    public Request request() {
        return request;
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

    /** What a program returns, in order. */
    public List<Result> results() {
        return results;
    }

    public Memory memory() {
        return memory;
    }

    /** The cost model that the order was chosen by. */
    public Cost cost() {
        return cost;
    }

    /** The order of the products: optimal, reverse, forward or greedy; null if there is nothing to multiply. */
    public @Nullable String order() {
        return choice == null ? null : choice.name();
    }

    Elimination.@Nullable Choice choice() {
        return choice;
    }

    Work forwardWork() {
        return forwardWork;
    }

    /** The plan in words and figures: steps, structures, shapes, flops, bytes, memory, and what other orders would cost. */
    public String explain() {
        return Explanation.of(this);
    }
}
