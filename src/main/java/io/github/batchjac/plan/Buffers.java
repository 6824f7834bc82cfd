package io.github.batchjac.plan;

import io.github.batchjac.plan.Slot.Role;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Where what is computed per sample lives, step by step: slots share a buffer if they are not alive together, and what a
 * step writes never lies where it reads.
 *
 * @param sizes elements per sample of each buffer
 * @param of for each per-sample work slot the buffer it lives in
 */
public record Buffers(List<Integer> sizes, Map<Slot, Integer> of) {

    /** The slots that one step uses. */
    public record Use(List<Slot> reads, List<Slot> writes) {
        public static Use of(Step step) {
            return new Use(step.reads(), step.writes());
        }
    }

    /** Elements per sample of all buffers together. */
    public long elements() {
        return sizes.stream().mapToLong(Integer::longValue).sum();
    }

    /** Linear scan: a slot takes the smallest free buffer that holds it, else the largest free one grows. */
    public static Buffers of(List<Use> steps) {
        Map<Slot, Integer> last = new HashMap<>();
        for (int i = 0; i < steps.size(); i++) {
            for (Slot slot : steps.get(i).reads()) {
                last.put(slot, i);
            }
        }
        List<Integer> sizes = new ArrayList<>();
        Map<Slot, Integer> assigned = new HashMap<>();
        Set<Integer> free = new HashSet<>();
        for (int i = 0; i < steps.size(); i++) {
            Use step = steps.get(i);
            for (Slot slot : step.writes()) {
                if (slot.role() == Role.WORK && !slot.shared() && !assigned.containsKey(slot)) {
                    int choice = take(free, sizes, slot.size());
                    free.remove(choice);
                    assigned.put(slot, choice);
                }
            }
            for (Slot slot : new HashSet<>(step.reads())) {
                Integer own = assigned.get(slot);
                if (own != null && Integer.valueOf(i).equals(last.get(slot))) {
                    free.add(own);
                }
            }
        }
        return new Buffers(List.copyOf(sizes), Map.copyOf(assigned));
    }

    private static int take(Set<Integer> free, List<Integer> sizes, int size) {
        Comparator<Integer> bySize = Comparator.comparing(sizes::get);
        int choice = free.stream()
                .filter(b -> sizes.get(b) >= size)
                .min(bySize)
                .orElseGet(() -> free.isEmpty() ? -1 : Collections.max(free, bySize));
        if (choice < 0) {
            sizes.add(size);
            return sizes.size() - 1;
        }
        sizes.set(choice, Math.max(size, sizes.get(choice)));
        return choice;
    }
}
