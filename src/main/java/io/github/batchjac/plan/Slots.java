package io.github.batchjac.plan;

import io.github.batchjac.plan.Slot.Role;
import io.github.batchjac.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Makes the slots of one plan. */
final class Slots {
    private final List<Slot> all = new ArrayList<>();
    private final Map<String, Given> given = new LinkedHashMap<>();
    private final Map<List<Double>, Slot> constants = new HashMap<>();

    Slot make(String name, long size, boolean shared, Role role) {
        if (size > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(
                    name + " has " + size + " elements for one sample; at most " + Integer.MAX_VALUE + " can be held");
        }
        return keep(new Slot(all.size(), name, (int) size, shared, role, null));
    }

    /** A slot for what is computed. */
    Slot work(String name, long size, boolean shared) {
        return make(name, size, shared, Role.WORK);
    }

    /** The slot of an input, a parameter or a seed. */
    Slot given(String name, Shape shape, boolean shared, Role role) {
        Slot slot = make(name, shape.elements(), shared, role);
        given.put(name, new Given(name, slot, shape));
        return slot;
    }

    /** The number {@code value}, {@code size} times. */
    Slot constant(double value, int size) {
        return constants.computeIfAbsent(List.of(value, (double) size), k -> {
            double[] numbers = new double[size];
            Arrays.fill(numbers, value);
            return constant(String.valueOf(value), numbers);
        });
    }

    Slot constant(String name, double[] numbers) {
        return keep(new Slot(all.size(), name, numbers.length, true, Role.CONSTANT, numbers));
    }

    private Slot keep(Slot slot) {
        all.add(slot);
        return slot;
    }

    /** All that the caller gives, in order. */
    List<Given> given() {
        return List.copyOf(given.values());
    }
}
