package io.github.batchjac.backend;

import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Op;
import io.github.batchjac.graph.Value;
import io.github.batchjac.plan.Given;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Reduction;
import io.github.batchjac.plan.Request;
import io.github.batchjac.plan.Result;
import io.github.batchjac.plan.Slot;
import io.github.batchjac.tensor.ElementType;
import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;

/**
 * A plan, ready to run again and again: everything it needs was allocated when it was prepared. Runs of one program wait
 * for each other; different programs may run at the same time.
 *
 * <p>Inputs are keyed by name, {@code (B, shape...)} in the plan's precision, labels int64 {@code (B)}; cotangents by
 * {@link Request#COTANGENT}, tangents by {@link Request#tangent}. All inputs of one run have the same B, which need not be
 * the batch that the plan was made for (but is, if nothing is given per sample).
 */
public final class Program implements AutoCloseable {
    private final Plan plan;
    private final Engine engine;
    private final ElementType type;
    private final Map<String, Given> inputs = new LinkedHashMap<>();
    private final Map<String, Given> parameters = new LinkedHashMap<>();
    private final Map<String, Result> results = new LinkedHashMap<>();
    private final Map<String, Integer> classes = new HashMap<>();
    // A run goes through arrays and a map that is kept, because it is not to allocate any.
    private final Given[] expected;
    private final Result[] sums;
    private final Map<Slot, Tensor> given = new HashMap<>();

    private boolean closed;

    /** For backends. Takes over the engine and gives it the graph's parameters. */
    public Program(Plan plan, Engine engine) {
        this.plan = plan;
        this.engine = engine;
        this.type = ElementType.of(plan.workload().precision());
        for (Given given : plan.inputs()) {
            boolean parameter = given.slot().role() == Slot.Role.PARAMETER;
            (parameter ? parameters : inputs).put(given.name(), given);
        }
        plan.results().forEach(r -> results.put(r.name(), r));
        expected = inputs.values().toArray(Given[]::new);
        sums = plan.results().stream()
                .filter(result -> result.slot().role() == Slot.Role.REDUCED)
                .toArray(Result[]::new);
        if (plan.hasGraph()) {
            countClasses(plan.graph());
            parameters.forEach((name, given) -> {
                Op.Parameter p = (Op.Parameter) plan.graph().named(name).op();
                engine.bind(given.slot(), p.value().to(plan.workload().precision()));
            });
        }
    }

    private void countClasses(Graph graph) {
        for (Value value : graph.values()) {
            if (value.op() instanceof Op.Loss && value.operand(0).op() instanceof Op.Input in && in.index()) {
                classes.merge(in.name(), value.operand(1).size(), Math::min);
            }
        }
    }

    public Plan plan() {
        return plan;
    }

    Engine engine() {
        return engine;
    }

    /** What this program runs on and why, in one line: it may be less than the backend has. */
    public String description() {
        return engine.description();
    }

    /** The names of the inputs that every run must give. */
    public List<String> inputs() {
        return List.copyOf(inputs.keySet());
    }

    /** The shape of an input for a batch of {@code batch}. */
    public Shape inputShape(String name, long batch) {
        Given input = inputs.get(name);
        if (input == null) {
            throw new IllegalArgumentException(
                    "no input is named " + name + "; inputs: " + String.join(", ", inputs.keySet()));
        }
        return input.shape(batch);
    }

    /**
     * Gives a parameter new numbers, for all later runs.
     *
     * @throws IllegalArgumentException if there is no such parameter or the shape differs
     */
    public synchronized void bind(String parameter, Tensor value) {
        open();
        Given given = parameters.get(parameter);
        if (given == null) {
            throw new IllegalArgumentException(
                    "no parameter is named " + parameter + "; parameters: " + String.join(", ", parameters.keySet()));
        }
        Shape expected = given.shape();
        if (!expected.equals(value.shape()) || value.type() == ElementType.I64) {
            throw new IllegalArgumentException(
                    "parameter " + parameter + ": " + value + " came, " + type + " " + expected + " was expected");
        }
        engine.bind(given.slot(), value.to(plan.workload().precision()));
    }

    /** Runs on a batch and returns the results in arrays of their own, by name. See {@link #run(Map, Map)}. */
    public Map<String, Tensor> run(Map<String, Tensor> inputs) {
        long batch = batch(inputs);
        Map<String, Tensor> out = new LinkedHashMap<>();
        results.forEach((name, result) -> out.put(name, zeros(result, type, batch)));
        run(inputs, out);
        return out;
    }

    static Tensor zeros(Result result, ElementType type, long batch) {
        Shape shape = result.shape(batch);
        if (shape.elements() > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(result.name() + ": the result " + shape + " has " + shape.elements()
                    + " elements, an array holds at most " + Integer.MAX_VALUE + "; run in chunks with stream()");
        }
        return Tensor.zeros(type, shape);
    }

    /**
     * Arrays for the results of a batch, for {@link #run(Map, Outputs)}.
     *
     * @throws IllegalArgumentException if the batch is negative or a result has more elements than an array holds
     */
    public Outputs outputs(long batch) {
        return new Outputs(this, results.values(), type, batch);
    }

    /**
     * Runs on a batch of as many samples as {@code outputs} was made for, and fills its arrays. The fastest way to run again and
     * again: from the second time on, what is the same in every run is not written again. On the CPU a run allocates nothing,
     * or some hundred bytes where it is large enough to be shared by threads.
     *
     * @throws IllegalArgumentException as {@link #run(Map, Map)}, or if the outputs are another program's
     * @throws IllegalStateException if the program is closed
     */
    public synchronized void run(Map<String, Tensor> inputs, Outputs outputs) {
        open();
        if (outputs.program() != this) {
            throw new IllegalArgumentException(
                    "the outputs are another program's; this one's come from outputs(batch)");
        }
        long batch = outputs.batch();
        Map<Slot, Tensor> in = check(inputs, batch, 0);
        Map<Slot, Tensor> out = outputs.bySlot();
        clearReduced(out);
        boolean again = outputs.begin();
        if (batch > 0) {
            if (again) {
                engine.runAgain(0, (int) batch, batch, in, out);
            } else {
                engine.run(0, (int) batch, batch, in, out);
            }
        }
        finishReduced(outputs.all(), batch);
        outputs.done();
    }

    /**
     * Runs on a batch and writes the results into the caller's arrays, which the program does not keep. Nothing of their
     * size is allocated.
     *
     * @throws IllegalArgumentException if a name is missing or unknown, a type or shape is not what is expected, or a
     *     label is not an index of a class; nothing has been written then
     * @throws IllegalStateException if the program is closed
     */
    public synchronized void run(Map<String, Tensor> inputs, Map<String, Tensor> results) {
        open();
        long batch = batch(inputs);
        Map<Slot, Tensor> in = check(inputs, batch, 0);
        Map<Slot, Tensor> out = checkResults(results, batch);
        clearReduced(out);
        if (batch > 0) {
            engine.run(0, (int) batch, batch, in, out);
        }
        finishReduced(results, batch);
    }

    /**
     * Runs on a batch and leaves the results where they were computed: in the memory of the device, if there is one, until
     * they are asked for. There a result may have more than 2³¹ elements.
     *
     * @throws IllegalArgumentException as {@link #run(Map, Map)}
     * @throws DeviceMemoryException if the device has no room for the results
     */
    public synchronized Results compute(Map<String, Tensor> inputs) {
        open();
        long batch = batch(inputs);
        Engine.Held held = engine.hold((int) batch, check(inputs, batch, 0));
        List<Result> all = List.copyOf(results.values());
        return held == null ? new Results.InArrays(all, run(inputs)) : new Results.OnDevice(all, type, batch, held);
    }

    /**
     * Runs in chunks that keep to the plan's memory budget. The results are those of one run over the whole batch, bit for
     * bit.
     *
     * @return the results that are reduced over the batch, by name; per-sample ones went to {@code sink}
     */
    public synchronized Map<String, Tensor> stream(Samples source, Sink sink) throws IOException {
        open();
        long batch = source.count();
        int chunk = chunk(batch);
        Map<String, Tensor> reduced = new LinkedHashMap<>();
        Map<String, Tensor> whole = new LinkedHashMap<>();
        for (Result result : results.values()) {
            if (result.perSample()) {
                whole.put(result.name(), Tensor.zeros(type, result.shape(chunk)));
            } else {
                reduced.put(result.name(), Tensor.zeros(type, result.shape(chunk)));
            }
        }
        for (long first = 0; first < batch; first += chunk) {
            int samples = (int) Math.min(chunk, batch - first);
            Map<String, Tensor> part = new LinkedHashMap<>();
            Map<Slot, Tensor> out = new HashMap<>();
            for (Map.Entry<String, Tensor> e : whole.entrySet()) {
                Tensor tensor = samples == chunk
                        ? e.getValue()
                        : Tensor.zeros(type, results(e.getKey()).shape(samples));
                part.put(e.getKey(), tensor);
                out.put(results(e.getKey()).slot(), tensor);
            }
            reduced.forEach((name, tensor) -> out.put(results(name).slot(), tensor));
            Map<Slot, Tensor> in = check(source.read(first, samples), samples, first);
            if (first > 0 && samples == chunk) {
                engine.runAgain(first, samples, batch, in, out);
            } else {
                engine.run(first, samples, batch, in, out);
            }
            sink.accept(first, part);
        }
        finishReduced(reduced, batch);
        return reduced;
    }

    /** The whole batch, or as many tiles as the plan has room for and an array of 2³¹−1 elements holds. */
    private int chunk(long batch) {
        long widest = 1;
        for (Slot slot : plan.slots()) {
            if (!slot.shared()) {
                widest = Math.max(widest, slot.size());
            }
        }
        // a plan for a smaller batch has a chunk of that batch, which need not end where a tile does
        long most = Math.min(plan.memory().chunk(), Integer.MAX_VALUE / widest);
        int tile = plan.memory().tile();
        return (int) (batch <= most ? batch : Math.max(1, most / tile) * tile);
    }

    private Result results(String name) {
        Result result = results.get(name);
        if (result == null) {
            throw new IllegalArgumentException(
                    "no result is named " + name + "; results: " + String.join(", ", results.keySet()));
        }
        return result;
    }

    private void clearReduced(Map<Slot, Tensor> out) {
        for (Result result : sums) {
            Tensor tensor = Objects.requireNonNull(out.get(result.slot()));
            if (type == ElementType.F32) {
                Arrays.fill(tensor.floats(), 0);
            } else {
                Arrays.fill(tensor.doubles(), 0);
            }
        }
    }

    private void finishReduced(Map<String, Tensor> out, long batch) {
        for (Result result : sums) {
            finishReduced(result, Objects.requireNonNull(out.get(result.name())), batch);
        }
    }

    /** From sums to means. */
    static void finishReduced(Result result, Tensor tensor, long batch) {
        if (result.reduction() == Reduction.MEAN) {
            divide(tensor, batch);
        }
    }

    /** Every quotient is rounded once. */
    static void divide(Tensor tensor, long batch) {
        if (tensor.type() == ElementType.F32) {
            float[] a = tensor.floats();
            float count = batch;
            if ((long) count == batch) { // the same bits, several at a time
                for (int i = 0; i < a.length; i++) {
                    a[i] /= count;
                }
            } else {
                for (int i = 0; i < a.length; i++) {
                    a[i] = (float) (a[i] / (double) batch);
                }
            }
        } else {
            double[] a = tensor.doubles();
            for (int i = 0; i < a.length; i++) {
                a[i] /= batch;
            }
        }
    }

    private long batch(Map<String, Tensor> given) {
        for (Given input : expected) {
            Tensor tensor = given.get(input.name());
            if (tensor != null && !input.slot().shared()) {
                if (tensor.shape().rank() == 0) {
                    throw new IllegalArgumentException("input " + input.name() + ": " + tensor + " came, "
                            + expected(input, "B") + " was expected");
                }
                return tensor.shape().axis(0);
            }
        }
        if (inputs.values().stream().allMatch(input -> input.slot().shared())) {
            return plan.workload().batch();
        }
        throw new IllegalArgumentException("no input came; expected: " + String.join(", ", inputs.keySet()));
    }

    private String expected(Given input, String batch) {
        String axes = input.shape().toString();
        if (!input.slot().shared()) {
            String inner = axes.substring(1, axes.length() - 1);
            axes = inner.isEmpty() ? "(" + batch + ",)" : "(" + batch + ", " + inner.replaceAll(",$", "") + ")";
        }
        return (input.slot().role() == Slot.Role.LABELS ? ElementType.I64 : type) + " " + axes;
    }

    /** The inputs by slot: the same map for every run. */
    private Map<Slot, Tensor> check(Map<String, Tensor> given, long batch, long first) {
        for (Given input : expected) {
            Tensor tensor = given.get(input.name());
            if (tensor == null) {
                refuseUnknown(given);
                throw new IllegalArgumentException(
                        "input " + input.name() + " is missing: " + expected(input, "B") + " was expected");
            }
            boolean labels = input.slot().role() == Slot.Role.LABELS;
            if (tensor.type() != (labels ? ElementType.I64 : type) || !input.fits(tensor.shape(), batch)) {
                throw new IllegalArgumentException("input " + input.name() + ": " + tensor + " came, "
                        + expected(input, String.valueOf(batch)) + " was expected");
            }
            if (labels) {
                checkLabels(input.name(), tensor.longs(), first);
            }
            this.given.put(input.slot(), tensor);
        }
        if (given.size() > expected.length) {
            refuseUnknown(given);
        }
        return this.given;
    }

    private void refuseUnknown(Map<String, Tensor> given) {
        TreeSet<String> unknown = new TreeSet<>(given.keySet());
        unknown.removeAll(inputs.keySet());
        if (!unknown.isEmpty()) {
            throw new IllegalArgumentException(
                    "unknown input " + String.join(", ", unknown) + "; inputs: " + String.join(", ", inputs.keySet()));
        }
    }

    private void checkLabels(String name, long[] labels, long first) {
        int n = classes.getOrDefault(name, Integer.MAX_VALUE);
        for (int b = 0; b < labels.length; b++) {
            if (labels[b] < 0 || labels[b] >= n) {
                throw new IllegalArgumentException("input " + name + ": sample " + (first + b) + " has label "
                        + labels[b] + ", expected 0 to " + (n - 1));
            }
        }
    }

    private Map<Slot, Tensor> checkResults(Map<String, Tensor> given, long batch) {
        Map<Slot, Tensor> out = new HashMap<>();
        for (Result result : results.values()) {
            Tensor tensor = given.get(result.name());
            Shape shape = result.shape(batch);
            if (tensor == null) {
                throw new IllegalArgumentException("no array for result " + result.name() + ": " + type + " " + shape);
            }
            if (tensor.type() != type || !tensor.shape().equals(shape)) {
                throw new IllegalArgumentException(
                        "result " + result.name() + ": " + tensor + " came, " + type + " " + shape + " was expected");
            }
            out.put(result.slot(), tensor);
        }
        return out;
    }

    private void open() {
        if (closed) {
            throw new IllegalStateException("the program is closed");
        }
    }

    /** Frees the program's buffers. May be called again. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            engine.close();
        }
    }
}
