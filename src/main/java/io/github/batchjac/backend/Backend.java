package io.github.batchjac.backend;

import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Workload;

/** A device and a way of computing on it. Holds threads or memory until closed; so do its programs. */
public interface Backend extends AutoCloseable {

    /** One word: {@code reference}, {@code cpu}. */
    String name();

    /** What is in use and why, in one line: threads, vector width, libraries. */
    String description();

    /** A workload for this backend: as many workers as it has. */
    Workload workload(long batch);

    /**
     * Allocates all that the plan needs. The program keeps no reference to the graph's parameter arrays.
     *
     * @throws IllegalStateException if this backend is closed
     */
    Program prepare(Plan plan);

    @Override
    void close();
}
