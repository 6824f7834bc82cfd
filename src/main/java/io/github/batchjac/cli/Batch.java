package io.github.batchjac.cli;

import io.github.batchjac.backend.Samples;
import io.github.batchjac.tensor.Tensor;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/** The inputs of a run, read from files as they are needed. */
final class Batch implements Samples {
    private final Map<String, Column> columns = new LinkedHashMap<>();
    private long count = -1;
    private String counted = "";

    /** Adds what the program calls {@code key}. @throws Failure if it has another number of samples than those before */
    void add(String key, Column column) {
        long samples = column.count();
        if (samples >= 0) {
            if (count >= 0 && samples != count) {
                throw new Failure(
                        column.source().where() + ": has " + samples + " samples, but " + counted + " has " + count);
            }
            count = samples;
            counted = column.source().where();
        }
        columns.put(key, column);
    }

    @Override
    public long count() {
        return Math.max(0, count);
    }

    @Override
    public Map<String, Tensor> read(long first, int samples) throws IOException {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (Map.Entry<String, Column> e : columns.entrySet()) {
            tensors.put(e.getKey(), e.getValue().read(first, samples));
        }
        return tensors;
    }
}
