package io.github.batchjac.backend.cuda;

import io.github.batchjac.plan.Slot;
import io.github.batchjac.plan.Step;
import io.github.batchjac.structure.Structure.Dense;
import io.github.batchjac.structure.Structure.Diagonal;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Where {@code (A·diag d)·W} can be one product, W shared by the batch and nothing else reading the scaled A. This is a
 * layer of reverse mode, {@code J ← J·diag(φ')·W}.
 */
final class ScaledProducts {
    /** By the product. */
    private final Map<Step, Step.Multiply> scalings = new HashMap<>();

    private ScaledProducts() {}

    /**
     * @param steps all of a plan
     * @param tooWide from this inner size on a product does no scaling as well
     */
    static ScaledProducts in(List<Step> steps, int tooWide) {
        Map<Slot, Integer> readers = new HashMap<>();
        Map<Slot, Step.Multiply> scaled = new HashMap<>();
        for (Step step : steps) {
            step.reads().forEach(slot -> readers.merge(slot, 1, Integer::sum));
            if (step instanceof Step.Multiply m && scales(m)) {
                scaled.put(m.out().part(), m);
            }
        }
        ScaledProducts found = new ScaledProducts();
        for (Step step : steps) {
            if (step instanceof Step.Multiply product
                    && product.left().structure() instanceof Dense
                    && product.right().structure() instanceof Dense w
                    && w.shared()
                    && w.rows() < tooWide) {
                Slot left = product.left().part();
                Step.Multiply scaling = scaled.get(left);
                if (scaling != null && Integer.valueOf(1).equals(readers.get(left))) {
                    found.scalings.put(product, scaling);
                }
            }
        }
        return found;
    }

    /** Whether {@code step} is {@code A·diag d}, and its result only an intermediate one. */
    private static boolean scales(Step.Multiply step) {
        return step.left().structure() instanceof Dense
                && step.right().structure() instanceof Diagonal d
                && d.repeat() == 1
                && !d.unit()
                && step.out().part().role() == Slot.Role.WORK;
    }

    /** The scaling that the product {@code step} is to do as well, or null. */
    Step.@Nullable Multiply scalingOf(Step step) {
        return scalings.get(step);
    }

    /** Whether {@code step} is a scaling that a product does. */
    boolean done(Step step) {
        return scalings.containsValue(step);
    }
}
