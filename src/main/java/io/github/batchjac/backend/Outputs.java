package io.github.batchjac.backend;

import io.github.batchjac.plan.Result;
import io.github.batchjac.plan.Slot;
import io.github.batchjac.tensor.ElementType;
import io.github.batchjac.tensor.Tensor;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Arrays for a program's results, to be filled again and again, see {@link Program#outputs}.
 *
 * <p>They are the program's: read them, do not write into them. Only then can a later run leave out what is the same in every
 * run, such as the zeros of a dense diagonal or of dz/dW, which are most of their bytes. Who wrote into them all the same says
 * so by {@link #rewrite()}.
 */
public final class Outputs {
    private final Program program;
    private final long batch;
    private final Map<String, Tensor> byName;
    private final Map<Slot, Tensor> bySlot = new HashMap<>();
    private boolean written;

    Outputs(Program program, Iterable<Result> results, ElementType type, long batch) {
        this.program = program;
        this.batch = batch;
        Map<String, Tensor> named = new LinkedHashMap<>();
        for (Result result : results) {
            Tensor tensor = Program.zeros(result, type, batch);
            named.put(result.name(), tensor);
            bySlot.put(result.slot(), tensor);
        }
        byName = Collections.unmodifiableMap(named);
    }

    /** Samples of a run. */
    public long batch() {
        return batch;
    }

    /** The results by name, in the plan's order: always the same tensors. */
    public Map<String, Tensor> all() {
        return byName;
    }

    /** @throws IllegalArgumentException if there is no such result */
    public Tensor get(String name) {
        Tensor tensor = byName.get(name);
        if (tensor == null) {
            throw new IllegalArgumentException(
                    "no result is named " + name + "; results: " + String.join(", ", byName.keySet()));
        }
        return tensor;
    }

    /** Lets the next run write every number: somebody else has written into the arrays. */
    public void rewrite() {
        written = false;
    }

    Program program() {
        return program;
    }

    Map<Slot, Tensor> bySlot() {
        return bySlot;
    }

    /** Whether the arrays hold what a run left there; from now on they do not, until {@link #done}. */
    boolean begin() {
        boolean again = written;
        written = false;
        return again;
    }

    void done() {
        written = true;
    }
}
