package io.github.batchjac.plan;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * A linearised graph: vertices are values, an edge {@code u → w} holds {@code ∂w/∂u} as a sum of terms. Eliminating a
 * vertex v replaces every path {@code u → v → w} by an edge that holds {@code ∂w/∂v · ∂v/∂u}, added to what is there.
 * When only sources and the sink are left, their edges are the Jacobians (Griewank and Walther, Evaluating Derivatives,
 * ch. 9).
 *
 * @param <E> a term: a structure when orders are compared, an operand when steps are written
 */
final class LinearGraph<E> {

    /** How terms are multiplied and added. */
    interface Algebra<E> {
        /** {@code left·right}. */
        E multiply(E left, E right);

        /** {@code a + b}. */
        E add(E a, E b);

        /** Whether the sum of two terms is worth forming before it is needed. */
        boolean addsUp(E a, E b);
    }

    private final List<Map<Integer, List<E>>> in = new ArrayList<>();
    private final List<Map<Integer, List<E>>> out = new ArrayList<>();
    private final Set<Integer> sources;
    private final int sink;

    /** Vertices 0 … {@code vertices − 1}, in topological order. */
    LinearGraph(int vertices, Set<Integer> sources, int sink) {
        for (int i = 0; i < vertices; i++) {
            in.add(new LinkedHashMap<>());
            out.add(new LinkedHashMap<>());
        }
        this.sources = sources;
        this.sink = sink;
    }

    Set<Integer> sources() {
        return sources;
    }

    int sink() {
        return sink;
    }

    /** The same graph with every term replaced. */
    <F> LinearGraph<F> map(java.util.function.Function<E, F> f) {
        LinearGraph<F> copy = new LinearGraph<>(in.size(), sources, sink);
        for (int from = 0; from < out.size(); from++) {
            for (Map.Entry<Integer, List<E>> e : out.get(from).entrySet()) {
                List<F> terms = new ArrayList<>(e.getValue().stream().map(f).toList());
                copy.out.get(from).put(e.getKey(), terms);
                copy.in.get(e.getKey()).put(from, terms);
            }
        }
        return copy;
    }

    void addEdge(int from, int to, E term, Algebra<E> algebra) {
        List<E> terms = out.get(from).computeIfAbsent(to, k -> new ArrayList<>());
        in.get(to).put(from, terms);
        for (int i = 0; i < terms.size(); i++) {
            if (algebra.addsUp(terms.get(i), term)) {
                terms.set(i, algebra.add(terms.get(i), term));
                return;
            }
        }
        terms.add(term);
    }

    /** The terms of {@code ∂to/∂from}; none if there is no path. */
    List<E> edge(int from, int to) {
        return out.get(from).getOrDefault(to, List.of());
    }

    /** The vertices to eliminate, in topological order: on a path, neither source nor sink. */
    Set<Integer> intermediates() {
        Set<Integer> result = new TreeSet<>();
        for (int v = 0; v < in.size(); v++) {
            if (v != sink
                    && !sources.contains(v)
                    && !(in.get(v).isEmpty() && out.get(v).isEmpty())) {
                result.add(v);
            }
        }
        return result;
    }

    void eliminate(int v, Algebra<E> algebra) {
        Map<Integer, List<E>> from = new LinkedHashMap<>(in.get(v));
        Map<Integer, List<E>> to = new LinkedHashMap<>(out.get(v));
        in.get(v).clear();
        out.get(v).clear();
        from.keySet().forEach(u -> out.get(u).remove(v));
        to.keySet().forEach(w -> in.get(w).remove(v));
        to.forEach((w, lefts) -> from.forEach((u, rights) -> {
            for (E left : lefts) {
                for (E right : rights) {
                    addEdge(u, w, algebra.multiply(left, right), algebra);
                }
            }
        }));
    }

    /** Forms every product that eliminating v would, and drops them: for their price. */
    void price(int v, Algebra<E> algebra) {
        out.get(v)
                .forEach((w, lefts) -> in.get(v).forEach((u, rights) -> {
                    for (E left : lefts) {
                        for (E right : rights) {
                            E product = algebra.multiply(left, right);
                            edge(u, w).stream()
                                    .filter(term -> algebra.addsUp(term, product))
                                    .findFirst()
                                    .ifPresent(term -> algebra.add(term, product));
                        }
                    }
                }));
    }

    /**
     * The terms from the sink back to the source, {@code F_1·F_2·…·F_n}, with the vertices between them, if the graph is
     * one path of single terms; else empty.
     */
    List<E> chain(List<Integer> between) {
        List<E> factors = new ArrayList<>();
        if (sources.size() != 1) {
            return List.of();
        }
        int v = sink;
        int source = sources.iterator().next();
        while (v != source) {
            if (in.get(v).size() != 1) {
                return List.of();
            }
            Map.Entry<Integer, List<E>> edge = in.get(v).entrySet().iterator().next();
            int u = edge.getKey();
            if (edge.getValue().size() != 1 || out.get(u).size() != 1) {
                return List.of();
            }
            factors.add(edge.getValue().get(0));
            if (u != source) {
                between.add(u);
            }
            v = u;
        }
        return factors;
    }
}
