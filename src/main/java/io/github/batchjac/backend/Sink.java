package io.github.batchjac.backend;

import io.github.batchjac.tensor.Tensor;
import java.io.IOException;
import java.util.Map;

/** Where a run in chunks leaves its per-sample results. */
@FunctionalInterface
public interface Sink {

    /**
     * Takes the results of the samples from {@code first} on, by name: {@code (samples, shape...)}. Chunks come in order.
     * The arrays are the program's: to be read, not written into, and overwritten by the next chunk.
     */
    void accept(long first, Map<String, Tensor> results) throws IOException;
}
