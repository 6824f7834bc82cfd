package io.github.batchjac.backend;

import io.github.batchjac.plan.Result;
import io.github.batchjac.plan.Slot;
import io.github.batchjac.tensor.ElementType;
import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/** The results of one run of {@link Program#compute}, by name, to be read while this is open. Independent of later runs. */
public abstract sealed class Results implements AutoCloseable {
    private Results() {}

    /** The names of the results, in the plan's order. */
    public abstract List<String> names();

    /**
     * {@code (B, shape...)}, or the shape alone where the result is reduced or the same for every sample.
     *
     * @throws IllegalArgumentException if there is no such result; so for the other methods
     */
    public abstract Shape shape(String name);

    /**
     * A result as a whole.
     *
     * @throws IllegalArgumentException if it has more elements than an array holds
     * @throws IllegalStateException if this is closed
     */
    public abstract Tensor get(String name);

    /**
     * Samples {@code first} to {@code first + samples}, exclusive, of a result that has a batch axis.
     *
     * @throws IllegalArgumentException if there are no such samples, or more elements than an array holds
     * @throws IllegalStateException if this is closed
     */
    public abstract Tensor get(String name, long first, int samples);

    /**
     * Where a device has the numbers of a per-sample result, row-major, for other code that uses the same device; empty if
     * they are in an array. Valid until this is closed.
     */
    public abstract OptionalLong address(String name);

    /** Frees what is held. May be called again. */
    @Override
    public abstract void close();

    private static IllegalArgumentException unknown(String name, Iterable<String> names) {
        return new IllegalArgumentException("no result is named " + name + "; results: " + String.join(", ", names));
    }

    private static void checkRange(String name, long first, int samples, Shape shape, boolean perSample) {
        if (!perSample) {
            throw new IllegalArgumentException(name + " " + shape + " has no batch axis; get it as a whole");
        }
        if (first < 0 || samples < 0 || first > shape.axis(0) - samples) {
            throw new IllegalArgumentException(name + ": samples " + first + " to " + (first + samples)
                    + " came, expected some of 0 to " + shape.axis(0));
        }
    }

    private static Tensor array(String name, ElementType type, Shape shape) {
        if (shape.elements() > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(name + " " + shape + " has " + shape.elements()
                    + " elements, an array holds at most " + Integer.MAX_VALUE + "; get some samples at a time");
        }
        return Tensor.zeros(type, shape);
    }

    /** Computed in arrays. */
    static final class InArrays extends Results {
        private final Map<String, Tensor> arrays;
        private final Map<String, Boolean> perSample;
        private boolean closed;

        InArrays(List<Result> results, Map<String, Tensor> arrays) {
            this.arrays = arrays;
            this.perSample = new LinkedHashMap<>();
            results.forEach(r -> perSample.put(r.name(), r.perSample()));
        }

        private Tensor array(String name) {
            Tensor tensor = arrays.get(name);
            if (tensor == null) {
                throw unknown(name, arrays.keySet());
            }
            return tensor;
        }

        private void open() {
            if (closed) {
                throw new IllegalStateException("the results are closed");
            }
        }

        @Override
        public List<String> names() {
            return List.copyOf(perSample.keySet());
        }

        @Override
        public Shape shape(String name) {
            return array(name).shape();
        }

        @Override
        public Tensor get(String name) {
            open();
            return array(name).copy();
        }

        @Override
        public Tensor get(String name, long first, int samples) {
            open();
            Tensor tensor = array(name);
            checkRange(name, first, samples, tensor.shape(), Boolean.TRUE.equals(perSample.get(name)));
            return tensor.samples((int) first, (int) first + samples);
        }

        @Override
        public OptionalLong address(String name) {
            open();
            array(name);
            return OptionalLong.empty();
        }

        @Override
        public void close() {
            closed = true;
        }
    }

    /** Held by a device. */
    static final class OnDevice extends Results {
        private final Map<String, Result> results = new LinkedHashMap<>();
        private final ElementType type;
        private final long batch;
        private final Engine.Held held;
        private boolean closed;

        OnDevice(List<Result> results, ElementType type, long batch, Engine.Held held) {
            results.forEach(r -> this.results.put(r.name(), r));
            this.type = type;
            this.batch = batch;
            this.held = held;
        }

        private Result result(String name) {
            Result result = results.get(name);
            if (result == null) {
                throw unknown(name, results.keySet());
            }
            return result;
        }

        private Slot slot(String name) {
            if (closed) {
                throw new IllegalStateException("the results are closed");
            }
            return result(name).slot();
        }

        @Override
        public List<String> names() {
            return new ArrayList<>(results.keySet());
        }

        @Override
        public Shape shape(String name) {
            return result(name).shape(batch);
        }

        @Override
        public synchronized Tensor get(String name) {
            Slot slot = slot(name);
            Tensor to = array(name, type, shape(name));
            if (to.size() > 0) {
                held.read(slot, 0, to);
            }
            Program.finishReduced(result(name), to, batch);
            return to;
        }

        @Override
        public synchronized Tensor get(String name, long first, int samples) {
            Slot slot = slot(name);
            checkRange(name, first, samples, shape(name), result(name).perSample());
            Tensor to = array(name, type, result(name).shape(samples));
            if (to.size() > 0) {
                held.read(slot, first * slot.size(), to);
            }
            return to;
        }

        @Override
        public synchronized OptionalLong address(String name) {
            Slot slot = slot(name);
            return result(name).perSample() ? OptionalLong.of(held.address(slot)) : OptionalLong.empty();
        }

        @Override
        public synchronized void close() {
            closed = true;
            held.close();
        }
    }
}
