package io.github.batchjac.backend;

import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Slot;
import io.github.batchjac.plan.Workload;
import io.github.batchjac.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** One backend, and another one from the moment on that the first one's device is lost. */
final class FallingBack implements Backend {
    private final Backend first;
    private final Backend second;
    private volatile @Nullable DeviceLostException lost;

    FallingBack(Backend first, Backend second) {
        this.first = first;
        this.second = second;
    }

    @Override
    public String name() {
        return lost == null ? first.name() : second.name();
    }

    @Override
    public String description() {
        DeviceLostException cause = lost;
        return cause == null
                ? first.description() + "; should it fail, " + second.name()
                : second.description() + " (" + cause.getMessage() + ")";
    }

    @Override
    public Workload workload(long batch) {
        if (lost != null) {
            return second.workload(batch);
        }
        // the plan must suit both
        Workload other = second.workload(batch);
        Workload own = first.workload(batch);
        return own.workers(Math.max(own.workers(), other.workers())).within(Math.min(own.memory(), other.memory()));
    }

    @Override
    public Program prepare(Plan plan) {
        Pair pair = null;
        if (lost == null) {
            try {
                pair = new Pair(first.prepare(plan), plan);
            } catch (DeviceLostException e) {
                lost = e;
            }
        }
        if (pair == null) {
            return second.prepare(plan);
        }
        try {
            return new Program(plan, pair);
        } catch (RuntimeException e) {
            pair.close();
            throw e;
        }
    }

    @Override
    public void close() {
        try {
            first.close();
        } finally {
            second.close();
        }
    }

    /** The engine in use, and what the other one must be told if it takes over. */
    private final class Pair implements Engine {
        private final Plan plan;
        private final Map<Slot, Tensor> parameters = new LinkedHashMap<>();
        private Program program;
        private boolean fallen;

        Pair(Program program, Plan plan) {
            this.program = program;
            this.plan = plan;
        }

        private interface Task<T> {
            T on(Engine engine);
        }

        private <T> T on(Task<T> task) {
            if (!fallen) {
                try {
                    return task.on(program.engine());
                } catch (DeviceLostException e) {
                    lost = e;
                    fallBack();
                }
            }
            return task.on(program.engine());
        }

        private void fallBack() {
            program.close();
            program = second.prepare(plan);
            parameters.forEach(program.engine()::bind);
            fallen = true;
        }

        @Override
        public void bind(Slot parameter, Tensor value) {
            parameters.put(parameter, value.copy());
            on(engine -> {
                engine.bind(parameter, value);
                return true;
            });
        }

        /** A run that fails has added nothing to reduced results, so the other engine goes on from there. */
        @Override
        public void run(long start, int samples, long batch, Map<Slot, Tensor> inputs, Map<Slot, Tensor> results) {
            on(engine -> {
                engine.run(start, samples, batch, inputs, results);
                return true;
            });
        }

        @Override
        public @Nullable Held hold(int batch, Map<Slot, Tensor> inputs) {
            return on(engine -> Optional.ofNullable(engine.hold(batch, inputs))).orElse(null);
        }

        @Override
        public String description() {
            return fallen
                    ? FallingBack.this.description()
                    : program.description() + "; should it fail, " + second.name();
        }

        @Override
        public void close() {
            program.close();
        }
    }
}
