package io.github.batchjac.plan;

import io.github.batchjac.structure.Products;
import io.github.batchjac.structure.Structure;
import io.github.batchjac.structure.Structure.Kronecker;
import io.github.batchjac.structure.Work;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ToDoubleFunction;

/**
 * The order in which vertices are eliminated, chosen by cost. For a chain it is the cheapest of all orders (dynamic
 * programming over intervals, and for each interval over every structure that its product can have). For a general graph,
 * where the question is NP-hard, and for a very long chain it is the best of forward, reverse and greedy.
 */
final class Elimination {

    /** The longest chain that is solved exactly: the time to plan grows with the cube of the length. */
    static final int LONGEST_EXACT = 128;

    /** The most vertices that a greedy order is sought for: the time to plan grows with their square. */
    private static final int MOST_GREEDY = 1000;

    /** The name of the order in which derivatives are pushed from the inputs on. */
    static final String FORWARD = "forward";

    /** The name of the order in which derivatives are pulled from the output back. */
    static final String REVERSE = "reverse";

    /** The name of the order that takes the cheapest vertex each time. */
    static final String GREEDY = "greedy";

    /** The name of the cheapest order of a chain. */
    static final String OPTIMAL = "optimal";

    /**
     * @param name what kind of order was chosen
     * @param order the vertices, first to last
     * @param candidates the work of every order that was considered, by name
     */
    record Choice(String name, List<Integer> order, Map<String, Work> candidates) {
        Work work() {
            return work(name);
        }

        Work work(String candidate) {
            Work work = candidates.get(candidate);
            if (work == null) {
                throw new IllegalArgumentException("no candidate is named " + candidate);
            }
            return work;
        }
    }

    /** Multiplies structures and adds up what that costs. */
    static final class Tally implements LinearGraph.Algebra<Structure> {
        private Work work = Work.NONE;

        Work work() {
            return work;
        }

        void add(Work more) {
            work = work.plus(more);
        }

        @Override
        public Structure multiply(Structure left, Structure right) {
            Products.Rule rule = Products.multiply(left, right);
            add(rule.work());
            return rule.result();
        }

        @Override
        public Structure add(Structure a, Structure b) {
            Products.Rule rule = Products.add(a, b);
            add(rule.work());
            return rule.result();
        }

        @Override
        public boolean addsUp(Structure a, Structure b) {
            return worthAdding(a, b);
        }
    }

    /** Gradients with respect to weights stay apart: their sum would be dense, their sums over the batch need not be. */
    static boolean worthAdding(Structure a, Structure b) {
        return !(a instanceof Kronecker || b instanceof Kronecker);
    }

    private final LinearGraph<Structure> graph;
    private final java.util.function.Function<List<Structure>, Work> finish;
    private final ToDoubleFunction<Work> seconds;

    private Elimination(
            LinearGraph<Structure> graph,
            java.util.function.Function<List<Structure>, Work> finish,
            ToDoubleFunction<Work> seconds) {
        this.graph = graph;
        this.finish = finish;
        this.seconds = seconds;
    }

    /**
     * The cheapest order found.
     *
     * @param graph the linearised graph; not changed
     * @param finish what it costs to turn one source's Jacobian, given as its terms, into the result
     * @param seconds the time that work takes
     */
    static Choice choose(
            LinearGraph<Structure> graph,
            java.util.function.Function<List<Structure>, Work> finish,
            ToDoubleFunction<Work> seconds) {
        return choose(graph, finish, seconds, Order.CHEAPEST);
    }

    /** The order asked for; the others are candidates all the same. */
    static Choice choose(
            LinearGraph<Structure> graph,
            java.util.function.Function<List<Structure>, Work> finish,
            ToDoubleFunction<Work> seconds,
            Order order) {
        return new Elimination(graph, finish, seconds).choose(order);
    }

    private Choice choose(Order wanted) {
        Map<String, List<Integer>> orders = new LinkedHashMap<>();
        List<Integer> forward = new ArrayList<>(graph.intermediates());
        List<Integer> reverse = new ArrayList<>(forward);
        Collections.reverse(reverse);
        List<Integer> between = new ArrayList<>();
        List<Structure> factors = graph.chain(between);
        if (factors.size() > 1 && factors.size() <= LONGEST_EXACT) {
            orders.put(OPTIMAL, chain(factors, between));
        } else if (forward.size() <= MOST_GREEDY) {
            orders.put(GREEDY, greedy());
        }
        orders.put(REVERSE, reverse);
        orders.put(FORWARD, forward);

        Map<String, Work> candidates = new LinkedHashMap<>();
        orders.forEach((name, order) -> candidates.put(name, work(order)));
        if (wanted != Order.CHEAPEST) {
            return wanted == Order.FORWARD
                    ? new Choice(FORWARD, forward, candidates)
                    : new Choice(REVERSE, reverse, candidates);
        }
        // a tie goes to the order with the plainest name
        String best = REVERSE;
        double least = seconds.applyAsDouble(work(reverse));
        for (Map.Entry<String, Work> e : candidates.entrySet()) {
            double cost = seconds.applyAsDouble(e.getValue());
            if (cost < least * (1 - 1e-9)) {
                least = cost;
                best = e.getKey();
            }
        }
        return new Choice(best, orders.getOrDefault(best, reverse), candidates);
    }

    /** The work of one order, with what it takes to finish the results. */
    Work work(List<Integer> order) {
        LinearGraph<Structure> copy = graph.map(s -> s);
        Tally tally = new Tally();
        order.forEach(v -> copy.eliminate(v, tally));
        copy.sources().forEach(s -> tally.add(finish.apply(copy.edge(s, copy.sink()))));
        return tally.work();
    }

    static Work work(
            LinearGraph<Structure> graph,
            java.util.function.Function<List<Structure>, Work> finish,
            List<Integer> order) {
        return new Elimination(graph, finish, w -> 0).work(order);
    }

    private List<Integer> greedy() {
        LinearGraph<Structure> copy = graph.map(s -> s);
        Set<Integer> left = copy.intermediates();
        List<Integer> order = new ArrayList<>();
        while (!left.isEmpty()) {
            int best = -1;
            double least = Double.POSITIVE_INFINITY;
            for (int v : left) {
                Tally tally = new Tally();
                copy.price(v, tally);
                double cost = seconds.applyAsDouble(tally.work());
                if (cost < least || best < 0) {
                    least = cost;
                    best = v;
                }
            }
            copy.eliminate(best, new Tally());
            left.remove(best);
            order.add(best);
        }
        return order;
    }

    /** The cheapest way to a product of one structure: its work, and where its two factors are split. */
    private record Best(Work work, int split, Structure left, Structure right) {}

    private List<Integer> chain(List<Structure> factors, List<Integer> between) {
        int n = factors.size();
        Map<List<Structure>, Products.Rule> rules = new HashMap<>();
        List<List<Map<Structure, Best>>> best = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            best.add(new ArrayList<>(Collections.nCopies(n, Map.of())));
            best.get(i).set(i, Map.of(factors.get(i), new Best(Work.NONE, -1, factors.get(i), factors.get(i))));
        }
        for (int length = 2; length <= n; length++) {
            for (int i = 0; i + length <= n; i++) {
                int j = i + length - 1;
                Map<Structure, Best> cell = new LinkedHashMap<>();
                for (int split = i; split < j; split++) {
                    for (Map.Entry<Structure, Best> l : best.get(i).get(split).entrySet()) {
                        for (Map.Entry<Structure, Best> r :
                                best.get(split + 1).get(j).entrySet()) {
                            Products.Rule rule = rules.computeIfAbsent(
                                    List.of(l.getKey(), r.getKey()),
                                    pair -> Products.multiply(pair.get(0), pair.get(1)));
                            Work work = l.getValue()
                                    .work()
                                    .plus(r.getValue().work())
                                    .plus(rule.work());
                            Best known = cell.get(rule.result());
                            if (known == null || seconds.applyAsDouble(work) < seconds.applyAsDouble(known.work())) {
                                cell.put(rule.result(), new Best(work, split, l.getKey(), r.getKey()));
                            }
                        }
                    }
                }
                best.get(i).set(j, cell);
            }
        }
        Structure cheapest = null;
        double least = Double.POSITIVE_INFINITY;
        for (Map.Entry<Structure, Best> e : best.get(0).get(n - 1).entrySet()) {
            double cost = seconds.applyAsDouble(e.getValue().work().plus(finish.apply(List.of(e.getKey()))));
            if (cheapest == null || cost < least) {
                least = cost;
                cheapest = e.getKey();
            }
        }
        List<Integer> order = new ArrayList<>();
        unwind(best, between, 0, n - 1, cheapest, order);
        return order;
    }

    /** The vertex between two factors is eliminated once both of them are formed. */
    private static void unwind(
            List<List<Map<Structure, Best>>> best,
            List<Integer> between,
            int i,
            int j,
            @org.jspecify.annotations.Nullable Structure structure,
            List<Integer> order) {
        Best cell = best.get(i).get(j).get(structure);
        if (cell == null || i == j) {
            return;
        }
        unwind(best, between, i, cell.split(), cell.left(), order);
        unwind(best, between, cell.split() + 1, j, cell.right(), order);
        order.add(between.get(cell.split()));
    }
}
