package io.github.batchjac.bench;

import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Op;
import io.github.batchjac.graph.Value;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Request;
import io.github.batchjac.plan.Workload;
import io.github.batchjac.structure.Structure;
import io.github.batchjac.tensor.ElementType;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * One thing to be timed: a formula at one size. A derivative of a graph, or (without one) the product of two batches of
 * square matrices.
 *
 * @param group what it is part of: {@code table}, {@code growth}
 * @param formula what peers know it by
 * @param size told by its name, {@code formula/size}; peers read sizes off the inputs
 * @param batch samples
 * @param graph null for a product of n×n matrices
 * @param n of the matrices; 0 where there is a graph
 * @param results the names of the results that are compared
 */
public record Item(
        String group,
        String formula,
        String size,
        int batch,
        @Nullable Graph graph,
        @Nullable Request request,
        int n,
        List<String> results,
        Work work,
        Tolerance tolerance) {
    /** Unique with the batch; no blanks. */
    public String name() {
        return formula + "/" + size;
    }

    @Override
    public String toString() {
        return name() + " B" + batch;
    }

    /** The same for another number of samples. */
    public Item withBatch(String newGroup, int samples) {
        double ratio = samples / (double) batch;
        Work scaled = new Work(work.reads() * ratio, work.writes() * ratio, work.flops() * ratio);
        return new Item(newGroup, formula, size, samples, graph, request, n, results, scaled, tolerance);
    }

    /** Whether there is a graph, and not two batches of matrices. */
    public boolean hasGraph() {
        return graph != null;
    }

    public Graph theGraph() {
        return Objects.requireNonNull(graph);
    }

    public Request theRequest() {
        return Objects.requireNonNull(request);
    }

    /** Whether the result is left as its structure's parts, which are made dense only to be checked. */
    public boolean structured() {
        return request != null && request.kind() == Request.Kind.STRUCTURED;
    }

    /** Whether the result is summed over the batch. */
    public boolean reduced() {
        return request != null && request.reduced();
    }

    /** The plan for these circumstances. */
    public Plan plan(Workload workload) {
        if (hasGraph()) {
            return Plan.of(theGraph(), theRequest(), workload);
        }
        Structure matrix = new Structure.Dense(n, n, false);
        return Plan.product(matrix, matrix, true, workload);
    }

    // Inputs. The same numbers for everybody: float32 values, whatever is computed in.

    /** What all contenders are given, by the name of the file that it is written to: inputs and parameters. */
    public Map<String, Tensor> files(Precision precision) {
        Map<String, Tensor> files = new LinkedHashMap<>();
        shapes().forEach((name, shape) -> files.put(name, numbers(name, shape).to(precision)));
        if (hasGraph()) {
            theGraph().parameters().forEach((name, value) -> files.put(name, parameter(value, precision)));
        }
        return files;
    }

    /** From files to what a program of {@link #plan} is given. */
    public static Map<String, Tensor> inputs(List<String> wanted, Map<String, Tensor> files) {
        Map<String, Tensor> inputs = new LinkedHashMap<>();
        for (String key : wanted) {
            Tensor tensor = get(files, file(key));
            inputs.put(key, key.contains("#") ? flat(tensor) : tensor);
        }
        return inputs;
    }

    static Tensor get(Map<String, Tensor> files, String name) {
        Tensor tensor = files.get(name);
        if (tensor == null) {
            throw new IllegalArgumentException("no array is named " + name);
        }
        return tensor;
    }

    /** The name of the file that holds an input or a result: without what marks it as special. */
    public static String file(String key) {
        return key.replace("@", "").replaceFirst("#0$", "");
    }

    private static Tensor flat(Tensor matrices) {
        long batch = matrices.shape().axis(0);
        return matrices.reshape(Shape.of(batch, matrices.shape().tail().elements()));
    }

    private Map<String, Shape> shapes() {
        Map<String, Shape> shapes = new LinkedHashMap<>();
        if (!hasGraph()) {
            shapes.put("left", Shape.of(batch, n, n));
            shapes.put("right", Shape.of(batch, n, n));
            return shapes;
        }
        theGraph()
                .inputs()
                .forEach((name, value) -> shapes.put(name, value.shape().prepend(batch)));
        if (theRequest().kind() == Request.Kind.VJP) {
            shapes.put(file(Request.COTANGENT), theGraph().output().shape().prepend(batch));
        }
        return shapes;
    }

    /** The input p is a distribution, all others are normal. */
    private Tensor numbers(String name, Shape shape) {
        Random random = new Random((formula + "/" + name).hashCode());
        float[] x = new float[shape.size()];
        if (!name.equals("p")) {
            for (int i = 0; i < x.length; i++) {
                x[i] = (float) random.nextGaussian();
            }
            return Tensor.of(x, shape);
        }
        int width = shape.tail().size();
        for (int from = 0; from < x.length; from += width) {
            double[] row = random.doubles(width).toArray();
            double sum = Arrays.stream(row).sum();
            for (int j = 0; j < width; j++) {
                x[from + j] = (float) (row[j] / sum);
            }
        }
        return Tensor.of(x, shape);
    }

    private static Tensor parameter(Value value, Precision precision) {
        if (value.op() instanceof Op.Parameter p) {
            return p.value().to(precision);
        }
        throw new IllegalStateException(value + " is no parameter");
    }

    /** Every {@code step}-th sample of what has a batch axis, all of what has none. */
    public Map<String, Tensor> every(int step, Map<String, Tensor> files) {
        Map<String, Tensor> some = new LinkedHashMap<>();
        files.forEach((name, tensor) -> {
            boolean parameter = hasGraph() && theGraph().parameters().containsKey(name);
            some.put(name, parameter || step == 1 ? tensor : every(step, tensor));
        });
        return some;
    }

    static Tensor every(int step, Tensor tensor) {
        int batch = (int) tensor.shape().axis(0);
        List<Tensor> rows = new ArrayList<>();
        for (int b = 0; b < batch; b += step) {
            rows.add(tensor.samples(b, b + 1));
        }
        int each = tensor.shape().tail().size();
        Tensor out = Tensor.zeros(tensor.type(), tensor.shape().tail().prepend(rows.size()));
        for (int r = 0; r < rows.size(); r++) {
            Object from = tensor.type() == ElementType.F32
                    ? rows.get(r).floats()
                    : rows.get(r).doubles();
            Object to = tensor.type() == ElementType.F32 ? out.floats() : out.doubles();
            System.arraycopy(from, 0, to, r * each, each);
        }
        return out;
    }
}
