package io.github.batchjac.backend;

import io.github.batchjac.tensor.Tensor;
import java.io.IOException;
import java.util.Map;

/** Where a run in chunks takes its inputs from. */
public interface Samples {

    /** The number of samples in all. */
    long count();

    /**
     * The inputs of samples {@code first} to {@code first + samples}, exclusive, by name: {@code (samples, shape...)};
     * tangents of parameters as they are.
     */
    Map<String, Tensor> read(long first, int samples) throws IOException;
}
