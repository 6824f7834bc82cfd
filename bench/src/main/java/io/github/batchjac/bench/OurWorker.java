package io.github.batchjac.bench;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Backends;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The library itself. */
final class OurWorker extends Worker {
    private final Backend backend;
    private @Nullable Prepared prepared;

    /** @param device as {@link Backends#choose} understands it */
    OurWorker(String device, int threads) {
        this.backend = Backends.choose(device, threads);
    }

    @Override
    String load(Item item, Precision precision, Map<String, Tensor> files) {
        if (prepared != null) {
            prepared.close();
        }
        Prepared now = Prepared.of(item, precision, backend, files);
        prepared = now;
        describe(now.description());
        return "";
    }

    @Override
    Map<String, Tensor> results() {
        return Objects.requireNonNull(prepared).results();
    }

    @Override
    void run() {
        Objects.requireNonNull(prepared).run();
    }
}
