package io.github.batchjac.plan;

import io.github.batchjac.graph.Elementwise;
import io.github.batchjac.graph.Functions;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Op;
import io.github.batchjac.graph.Value;
import io.github.batchjac.plan.Slot.Role;
import io.github.batchjac.structure.LocalJacobian;
import io.github.batchjac.structure.Structure;
import io.github.batchjac.structure.Structure.Dense;
import io.github.batchjac.structure.Structure.Diagonal;
import io.github.batchjac.structure.Work;
import io.github.batchjac.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Where the values of a graph and their local Jacobians lie. A local Jacobian mostly needs nothing of its own: its numbers
 * are another operand's value, a weight matrix, or what the operation can give along with its value.
 */
final class Linearisation {
    private final Graph graph;
    private final Slots slots;
    private final Map<Value, Integer> index = new HashMap<>();
    private final Map<Value, Slot> places = new HashMap<>();
    private final Map<Value, @Nullable Slot[]> derivatives = new HashMap<>();
    private final Map<Slot, Slot> transposed = new HashMap<>();
    private final List<Step> extra = new ArrayList<>();
    private Work work = Work.NONE;

    Linearisation(Graph graph, Slots slots) {
        this.graph = graph;
        this.slots = slots;
        for (Value value : graph.values()) {
            index.put(value, index.size());
            places.put(value, makePlace(value));
        }
    }

    /** Where a value's numbers are. */
    Slot place(Value value) {
        return Objects.requireNonNull(places.get(value));
    }

    /** The vertex of a value; 0 is kept for a seed, and the one after the last value's for the sink. */
    int vertex(Value value) {
        return 1 + Objects.requireNonNull(index.get(value));
    }

    /** What computing the values costs. */
    Work work() {
        return work;
    }

    /** The place of a value: given, or computed, or, where nothing changes, its operand's. */
    private Slot makePlace(Value value) {
        Op op = value.op();
        if (op instanceof Op.Input in) {
            return slots.given(in.name(), value.shape(), false, in.index() ? Role.LABELS : Role.INPUT);
        } else if (op instanceof Op.Parameter p) {
            return slots.given(p.name(), value.shape(), true, Role.PARAMETER);
        } else if (op instanceof Op.Constant c) {
            double[] numbers = new double[value.size()];
            Arrays.setAll(numbers, c.value()::get);
            return slots.constant("constant", numbers);
        } else if (isAlias(op)) {
            return place(value.operand(0));
        }
        work = work.plus(workOf(value));
        return slots.work(label(value), value.size(), value.shared());
    }

    private static boolean isAlias(Op op) {
        return op instanceof Op.Reshape
                || (op instanceof Op.Map map && map.function().kind() == Elementwise.Kind.IDENTITY);
    }

    private String label(Value value) {
        Op op = value.op();
        return op instanceof Op.Input || op instanceof Op.Parameter
                ? place(value).name()
                : op.title().split(" ")[0] + "#" + vertex(value);
    }

    private static Work workOf(Value value) {
        double read = value.operands().stream()
                .filter(v -> !v.shared())
                .mapToDouble(Value::size)
                .sum();
        double flops =
                value.op() instanceof Op.Linear ? 2.0 * value.operand(1).size() : 8 * Math.max(read, value.size());
        return Work.of(value.shared(), flops, read + value.size());
    }

    /**
     * The local Jacobians along every path from the names in the request to the output, and at the ends the seeds, if
     * there are any.
     */
    LinearGraph<Operand> edges(Request request, LinearGraph.Algebra<Operand> algebra) {
        Set<Value> active = new HashSet<>();
        Set<Integer> sources = new LinkedHashSet<>();
        int n = graph.values().size();
        boolean tangents = request.kind() == Request.Kind.JVP;
        // vertex 0 is a seed for tangents, then come the values, then the sink
        for (String name : request.wrt()) {
            Value value = graph.named(name);
            active.add(value);
            sources.add(vertex(value));
        }
        LinearGraph<Operand> edges = new LinearGraph<>(n + 2, tangents ? Set.of(0) : sources, n + 1);
        if (tangents) {
            for (String name : request.wrt()) {
                Value value = graph.named(name);
                int columns = Math.max(1, request.seeds());
                Shape shape =
                        request.seeds() == 0 ? value.shape() : value.shape().concat(Shape.of(columns));
                Slot seed = slots.given(Request.tangent(name), shape, value.shared(), Role.INPUT);
                edges.addEdge(
                        0, vertex(value), Operand.of(new Dense(value.size(), columns, value.shared()), seed), algebra);
            }
        }
        for (Value value : graph.values()) {
            for (int i = 0; i < value.operands().size(); i++) {
                if (active.contains(value.operand(i))) {
                    edges.addEdge(vertex(value.operand(i)), vertex(value), local(value, i), algebra);
                    active.add(value);
                }
            }
        }
        Value output = graph.output();
        if (request.kind() == Request.Kind.VJP) {
            int rows = Math.max(1, request.seeds());
            Shape shape = request.seeds() == 0 ? output.shape() : output.shape().prepend(rows);
            Slot seed = slots.given(Request.COTANGENT, shape, false, Role.INPUT);
            if (active.contains(output)) {
                edges.addEdge(vertex(output), n + 1, Operand.of(new Dense(rows, output.size(), false), seed), algebra);
            }
        } else if (active.contains(output)) {
            edges.addEdge(vertex(output), n + 1, Operand.of(Structure.identity(output.size())), algebra);
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
                    ? Operand.of(structure, slots.constant(-1, value.size()))
                    : Operand.of(structure, derivative(value, 0, value.size()));
        } else if (op instanceof Op.Arithmetic arithmetic) {
            return switch (arithmetic) {
                case SUBTRACT -> Operand.of(structure, slots.constant(-1, value.size()));
                case MULTIPLY -> Operand.of(structure, repeated(place(value.operand(1 - i)), value.size()));
                default ->
                    i == 0
                            ? Operand.of(structure, repeated(reciprocal(value.operand(1)), value.size()))
                            : Operand.of(structure, derivative(value, 0, value.size()));
            };
        } else if (op instanceof Op.Linear) {
            return i == 0 ? Operand.of(structure, matrix(value)) : Operand.of(structure, place(value.operand(0)));
        } else if (op == Op.Normalise.SOFTMAX) {
            return Operand.of(structure, place(value), derivative(value, 0, 1));
        } else if (op == Op.Normalise.LOG_SOFTMAX) {
            return Operand.of(structure, derivative(value, 0, value.size()), derivative(value, 1, 1));
        } else if (op instanceof Op.Reduce reduce) {
            int n = value.operand(0).size();
            return switch (reduce) {
                case SUM -> Operand.of(structure, slots.constant(1, n));
                case MEAN -> Operand.of(structure, slots.constant(1.0 / n, n));
                case HALF_SQUARED_NORM -> Operand.of(structure, place(value.operand(0)));
            };
        } else if (op instanceof Op.Dot) {
            return Operand.of(structure, place(value.operand(1 - i)));
        } else if (op instanceof Op.Loss) {
            return Operand.of(structure, derivative(value, 0, value.operand(1).size()));
        }
        throw new IllegalStateException("no Jacobian for " + value);
    }

    /** The place of what {@link Step.Evaluate} calls derivative i of a value, {@code size} components. */
    private Slot derivative(Value value, int i, int size) {
        @Nullable Slot[] all = derivatives.computeIfAbsent(value, v -> new @Nullable Slot[2]);
        Slot slot = all[i];
        if (slot == null) {
            slot = slots.work("d(" + label(value) + ")" + (i == 0 ? "" : "." + i), size, value.shared());
            all[i] = slot;
        }
        return slot;
    }

    /** {@code 1/b}. */
    private Slot reciprocal(Value b) {
        Value value = Functions.reciprocal(b);
        Slot out = slots.work("1/" + place(b).name(), b.size(), b.shared());
        extra.add(new Step.Evaluate(value, List.of(place(b)), out, List.of()));
        return out;
    }

    /** The numbers of {@code slot} over and over, {@code size} in all. */
    private Slot repeated(Slot slot, int size) {
        if (slot.size() == size) {
            return slot;
        }
        Slot out = slots.work("repeated " + slot.name(), size, slot.shared());
        extra.add(new Step.Repeat(out, slot));
        return out;
    }

    /** {@code ∂z/∂x} of a linear layer, {@code (m, n)}: W, or in row form its transpose, formed once. */
    private Slot matrix(Value linear) {
        Slot w = place(linear.operand(1));
        if (!((Op.Linear) linear.op()).rowForm()) {
            return w;
        }
        return transposed.computeIfAbsent(w, slot -> {
            Slot out = slots.work(slot.name() + "ᵀ", slot.size(), true);
            extra.add(new Step.Transpose(out, slot, linear.operand(0).size(), linear.size()));
            return out;
        });
    }

    /** The steps that compute the values and their derivatives, in order. Not all of them need be needed. */
    List<Step> steps() {
        List<Step> steps = new ArrayList<>();
        for (Value value : graph.values()) {
            if (!value.operands().isEmpty() && !isAlias(value.op())) {
                List<Slot> operands = value.operands().stream().map(this::place).toList();
                List<@Nullable Slot> beside = Arrays.asList(derivatives.getOrDefault(value, new @Nullable Slot[0]));
                steps.add(new Step.Evaluate(value, operands, place(value), beside));
            }
        }
        steps.addAll(extra);
        return steps;
    }
}
