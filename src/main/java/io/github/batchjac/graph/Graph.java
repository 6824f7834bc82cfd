package io.github.batchjac.graph;

import io.github.batchjac.tensor.Tensor;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A function of named inputs and named parameters to one output, as an immutable directed acyclic graph. The batch axis
 * is implied: every input is given as {@code (B, shape...)}, every parameter once.
 */
public final class Graph {
    private final Value output;
    private final List<Value> values;
    private final Map<String, Value> inputs = new LinkedHashMap<>();
    private final Map<String, Value> parameters = new LinkedHashMap<>();

    private Graph(Value output) {
        this.output = output;
        this.values = Collections.unmodifiableList(topological(output));
        for (Value value : values) {
            if (value.op() instanceof Op.Input in) {
                declare(inputs, in.name(), value);
            } else if (value.op() instanceof Op.Parameter p) {
                declare(parameters, p.name(), value);
            }
        }
    }

    /**
     * The graph of everything that {@code output} depends on.
     *
     * @throws IllegalArgumentException if two inputs or parameters have the same name
     */
    public static Graph of(Value output) {
        return new Graph(output);
    }

    private void declare(Map<String, Value> names, String name, Value value) {
        if (inputs.containsKey(name) || parameters.containsKey(name)) {
            throw new IllegalArgumentException("two inputs or parameters are named " + name);
        }
        names.put(name, value);
    }

    /** Depth first without recursion: a deep network must not overflow the stack. */
    private static List<Value> topological(Value output) {
        List<Value> order = new ArrayList<>();
        Set<Value> entered = new HashSet<>();
        Set<Value> done = new HashSet<>();
        Deque<Value> stack = new ArrayDeque<>(List.of(output));
        while (!stack.isEmpty()) {
            Value value = stack.peek();
            if (entered.add(value)) {
                // reversed, so that operands come out first to last
                for (int i = value.operands().size() - 1; i >= 0; i--) {
                    if (!entered.contains(value.operand(i))) {
                        stack.push(value.operand(i));
                    }
                }
            } else {
                stack.pop();
                if (done.add(value)) {
                    order.add(value);
                }
            }
        }
        return order;
    }

    public Value output() {
        return output;
    }

    /** All values, each after its operands; the output is the last. */
    public List<Value> values() {
        return values;
    }

    /** The inputs by name, in the order in which the graph meets them. */
    public Map<String, Value> inputs() {
        return Collections.unmodifiableMap(inputs);
    }

    /** The parameters by name, in the order in which the graph meets them. */
    public Map<String, Value> parameters() {
        return Collections.unmodifiableMap(parameters);
    }

    /**
     * The input or parameter of this name.
     *
     * @throws IllegalArgumentException naming those that exist, if there is none
     */
    public Value named(String name) {
        Value value = inputs.containsKey(name) ? inputs.get(name) : parameters.get(name);
        if (value == null) {
            throw new IllegalArgumentException("no input or parameter is named " + name + "; inputs: "
                    + String.join(", ", inputs.keySet()) + "; parameters: " + String.join(", ", parameters.keySet()));
        }
        return value;
    }

    /**
     * The same graph with other numbers for the parameters named in {@code values}.
     *
     * @throws IllegalArgumentException if a name is not a parameter's or a shape differs
     */
    public Graph with(Map<String, Tensor> values) {
        Map<Value, Value> copies = new HashMap<>();
        values.forEach((name, tensor) -> {
            Value old = parameters.get(name);
            if (old == null) {
                throw new IllegalArgumentException(
                        "no parameter is named " + name + "; parameters: " + String.join(", ", parameters.keySet()));
            }
            if (!old.shape().equals(tensor.shape())) {
                throw new IllegalArgumentException("parameter " + name + ": the new value has shape " + tensor.shape()
                        + ", expected " + old.shape());
            }
            copies.put(old, Functions.parameter(name, tensor));
        });
        for (Value value : this.values) {
            if (!copies.containsKey(value)) {
                Value[] operands = value.operands().stream().map(copies::get).toArray(Value[]::new);
                boolean unchanged = List.of(operands).equals(value.operands());
                copies.put(value, unchanged ? value : new Value(value.op(), value.shape(), operands));
            }
        }
        Value copy = copies.get(output);
        return new Graph(copy == null ? output : copy);
    }
}
