package io.github.batchjac.backend;

import io.github.batchjac.graph.Graph;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Request;
import io.github.batchjac.plan.Workload;
import io.github.batchjac.structure.Structure;
import io.github.batchjac.structure.Structure.Dense;
import io.github.batchjac.tensor.ElementType;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A Jacobian over a batch in the form that its operations gave it: a diagonal is n numbers per sample, softmax's is q,
 * that of a linear layer is one matrix for the whole batch. It is made dense only when {@link #dense()} is asked for.
 * Immutable; its products run on the backend that made it, which must still be open.
 */
public final class Jacobian {
    private final Backend backend;
    private final Precision precision;
    private final long batch;
    private final Structure structure;
    private final Shape outputShape;
    private final Shape inputShape;
    private final List<Tensor> parts;

    private Jacobian(
            Backend backend,
            Precision precision,
            long batch,
            Structure structure,
            Shape outputShape,
            Shape inputShape,
            List<Tensor> parts) {
        this.backend = backend;
        this.precision = precision;
        this.batch = batch;
        this.structure = structure;
        this.outputShape = outputShape;
        this.inputShape = inputShape;
        this.parts = List.copyOf(parts);
    }

    /**
     * The Jacobian of a graph's output with respect to one of its inputs or parameters.
     *
     * @param inputs every input of the graph, {@code (B, shape...)}, all float32 or all float64
     * @throws IllegalArgumentException if the name is unknown or an input is missing or does not fit
     */
    public static Jacobian of(Backend backend, Graph graph, String wrt, Map<String, Tensor> inputs) {
        long batch = 0;
        Precision precision = Precision.F32;
        for (Tensor tensor : inputs.values()) {
            batch = tensor.shape().rank() == 0 ? 0 : tensor.shape().axis(0);
            precision = tensor.type() == ElementType.F64 ? Precision.F64 : precision;
        }
        Workload workload = backend.workload(batch).in(precision);
        try (Program program = backend.prepare(Plan.of(graph, Request.structured(wrt), workload))) {
            Structure structure = program.plan().structure(wrt);
            return new Jacobian(
                    backend,
                    precision,
                    batch,
                    structure,
                    graph.output().shape(),
                    graph.named(wrt).shape(),
                    parts(structure, wrt, program.run(inputs)));
        }
    }

    private static List<Tensor> parts(Structure structure, String name, Map<String, Tensor> results) {
        List<Tensor> parts = new ArrayList<>();
        for (int i = 0; i < structure.parts().size(); i++) {
            Tensor part = results.get(Plan.part(name, i));
            if (part == null) {
                throw new IllegalStateException("no part " + i + " of " + structure);
            }
            parts.add(part);
        }
        return parts;
    }

    /** Its form for one sample, {@code (rows, cols)}. */
    public Structure structure() {
        return structure;
    }

    /** Samples. */
    public long batch() {
        return batch;
    }

    /** Numbers stored: those that the batch shares once, the others per sample. */
    public long stored() {
        return parts.stream().mapToLong(Tensor::size).sum();
    }

    /** Every entry, {@code (B, output..., input...)}. */
    public Tensor dense() {
        Tensor entries = product(Structure.identity(structure.rows()), List.of(), structure, parts);
        return entries.reshape(outputShape.concat(inputShape).prepend(batch));
    }

    /** {@code v·J}: cotangents {@code (B, output...)} to {@code (B, input...)}. */
    public Tensor vjp(Tensor cotangents) {
        expect("cotangents", cotangents, outputShape);
        Structure row = new Dense(1, structure.rows(), false);
        return product(row, List.of(flat(cotangents, structure.rows())), structure, parts)
                .reshape(inputShape.prepend(batch));
    }

    /** {@code J·t}: tangents {@code (B, input...)} to {@code (B, output...)}. */
    public Tensor jvp(Tensor tangents) {
        expect("tangents", tangents, inputShape);
        Structure column = new Dense(structure.cols(), 1, false);
        return product(structure, parts, column, List.of(flat(tangents, structure.cols())))
                .reshape(outputShape.prepend(batch));
    }

    /**
     * {@code this·right}, the chain rule: the Jacobian of this function after that one, in the form that the table of
     * products gives.
     *
     * @throws IllegalArgumentException if the batches, precisions or sizes do not fit
     */
    public Jacobian times(Jacobian right) {
        if (batch != right.batch || precision != right.precision || !inputShape.equals(right.outputShape)) {
            throw new IllegalArgumentException("product of " + this + " and " + right + ": expected equal batches and "
                    + "precisions, and the left one's inputs to be the right one's outputs");
        }
        Plan plan = Plan.product(structure, right.structure, false, workload());
        Structure result = plan.structure(Plan.PRODUCT);
        Map<String, Tensor> out = run(plan, parts, right.parts);
        return new Jacobian(
                backend, precision, batch, result, outputShape, right.inputShape, parts(result, Plan.PRODUCT, out));
    }

    private Workload workload() {
        return backend.workload(batch).in(precision);
    }

    private Tensor product(Structure left, List<Tensor> leftParts, Structure right, List<Tensor> rightParts) {
        Map<String, Tensor> out = run(Plan.product(left, right, true, workload()), leftParts, rightParts);
        Tensor product = out.get(Plan.PRODUCT);
        if (product == null) {
            throw new IllegalStateException("no product of " + left + " and " + right);
        }
        return product;
    }

    private Map<String, Tensor> run(Plan plan, List<Tensor> left, List<Tensor> right) {
        Map<String, Tensor> inputs = new HashMap<>();
        for (int i = 0; i < left.size(); i++) {
            inputs.put(Plan.part("left", i), left.get(i));
        }
        for (int i = 0; i < right.size(); i++) {
            inputs.put(Plan.part("right", i), right.get(i));
        }
        try (Program program = backend.prepare(plan)) {
            return program.run(inputs);
        }
    }

    private Tensor flat(Tensor seeds, int size) {
        return seeds.reshape(Shape.of(batch, size));
    }

    private void expect(String what, Tensor came, Shape shape) {
        if (came.type() != ElementType.of(precision) || !came.shape().equals(shape.prepend(batch))) {
            throw new IllegalArgumentException(
                    what + ": " + came + " came, " + precision + " " + shape.prepend(batch) + " was expected");
        }
    }

    @Override
    public String toString() {
        return structure + " over " + batch + " samples, " + precision;
    }
}
