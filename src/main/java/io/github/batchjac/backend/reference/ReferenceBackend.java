package io.github.batchjac.backend.reference;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Program;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Request;
import io.github.batchjac.plan.Workload;

/**
 * The oracle: computes in float64 whatever the plan's precision, one sample at a time, by multiplying dense local
 * Jacobians in the order they come. Pays no heed to a plan's steps, structures and memory; made to be trusted, not fast.
 */
public final class ReferenceBackend implements Backend {
    static final String DESCRIPTION = "reference: dense float64, one sample at a time on one thread";

    private volatile boolean closed;

    @Override
    public String name() {
        return "reference";
    }

    @Override
    public String description() {
        return DESCRIPTION;
    }

    @Override
    public Workload workload(long batch) {
        return Workload.of(batch).workers(1);
    }

    @Override
    public Program prepare(Plan plan) {
        if (closed) {
            throw new IllegalStateException("the reference backend is closed");
        }
        if (!plan.hasGraph() || plan.request().kind() == Request.Kind.STRUCTURED) {
            throw new IllegalArgumentException(
                    "the reference backend computes dense Jacobians and knows no structures");
        }
        return new Program(plan, new ReferenceEngine(plan));
    }

    @Override
    public void close() {
        closed = true;
    }
}
