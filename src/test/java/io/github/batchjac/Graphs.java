package io.github.batchjac;

import static io.github.batchjac.graph.Functions.*;

import io.github.batchjac.backend.Program;
import io.github.batchjac.graph.Elementwise;
import io.github.batchjac.graph.Functions;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Op;
import io.github.batchjac.graph.Value;
import io.github.batchjac.plan.Reduction;
import io.github.batchjac.plan.Request;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/**
 * Small networks that together contain every operation and every row of the mathematics, each with numbers to run on. Laws
 * that hold for all graphs are tested over {@link #all()}.
 *
 * <p>All numbers are float32 values, so that both precisions start from the same ones. They depend on nothing but the
 * case's name, the input's name and the sample's position: a larger batch begins with the samples of a smaller one.
 */
public final class Graphs {

    private Graphs() {}

    /** Which numbers an input is given. */
    public enum Domain {
        /** Normally distributed. */
        NORMAL,
        /** Normally distributed, 30 times as wide: softmax in its corners. */
        WIDE,
        /** Between ½ and 2. */
        POSITIVE,
        /** Non-negative, with sum 1 but for rounding. */
        DISTRIBUTION
    }

    /**
     * A graph and what it runs on.
     *
     * @param domains of the inputs, by name; {@link Domain#NORMAL} where none is given. Class indices are always in range
     */
    public record Case(String name, Graph graph, Map<String, Domain> domains) {

        /** The names one can differentiate with respect to: all inputs and parameters that no target is made of. */
        public List<String> names() {
            Set<Value> fixed = new HashSet<>();
            for (Value value : graph.values()) {
                if (value.op() instanceof Op.Loss) {
                    fixed.addAll(Graph.of(value.operand(0)).values());
                }
            }
            List<String> names = new ArrayList<>();
            graph.inputs().forEach((name, value) -> {
                if (!fixed.contains(value)) {
                    names.add(name);
                }
            });
            graph.parameters().forEach((name, value) -> {
                if (!fixed.contains(value)) {
                    names.add(name);
                }
            });
            return names;
        }

        /** Whether gradients may be asked for. */
        public boolean scalar() {
            return graph.output().size() == 1;
        }

        /** Numbers for all that a program of this graph must be given: inputs, labels, cotangents, tangents. */
        public Map<String, Tensor> inputs(Program program, int batch) {
            Map<String, Tensor> inputs = new LinkedHashMap<>();
            for (String input : program.inputs()) {
                inputs.put(
                        input,
                        numbers(
                                input,
                                program.inputShape(input, batch),
                                program.plan().workload().precision()));
            }
            return inputs;
        }

        private Tensor numbers(String input, Shape shape, Precision precision) {
            Random random = new Random((name + "/" + input).hashCode());
            Value value = graph.inputs().get(input);
            if (value != null && value.op() instanceof Op.Input in && in.index()) {
                long[] labels = random.longs(shape.size(), 0, classes(value)).toArray();
                return Tensor.of(labels, shape);
            }
            double[] x = draw(random, domains.getOrDefault(input, Domain.NORMAL), shape);
            return rounded(x, shape).to(precision);
        }

        private int classes(Value labels) {
            return graph.values().stream()
                    .filter(v -> v.op() instanceof Op.Loss && v.operand(0) == labels)
                    .mapToInt(v -> v.operand(1).size())
                    .min()
                    .orElseThrow();
        }

        @Override
        public String toString() {
            return name;
        }
    }

    private static double[] draw(Random random, Domain domain, Shape shape) {
        double[] x = new double[shape.size()];
        switch (domain) {
            case NORMAL -> Arrays.setAll(x, i -> random.nextGaussian());
            case WIDE -> Arrays.setAll(x, i -> 30 * random.nextGaussian());
            case POSITIVE -> Arrays.setAll(x, i -> 0.5 + 1.5 * random.nextDouble());
            case DISTRIBUTION -> {
                int n = (int) shape.axis(shape.rank() - 1);
                for (int from = 0; from < x.length; from += n) {
                    double sum = 0;
                    for (int i = from; i < from + n; i++) {
                        x[i] = random.nextDouble();
                        sum += x[i];
                    }
                    for (int i = from; i < from + n; i++) {
                        x[i] /= sum;
                    }
                }
            }
        }
        return x;
    }

    /** To float32, as float64. */
    private static Tensor rounded(double[] x, Shape shape) {
        return Tensor.of(Arrays.stream(x).map(d -> (float) d).toArray(), shape);
    }

    /** A request of every kind that the graph allows, with respect to every name that it allows. */
    public static List<Request> requests(Case c) {
        String[] names = c.names().toArray(String[]::new);
        List<Request> requests = new ArrayList<>(List.of(
                Request.forward(),
                Request.jacobian(names),
                Request.jacobian(names[names.length - 1]).withValue(),
                Request.vjp(names),
                Request.vjp(names[0]).seeds(3),
                Request.jvp(names),
                Request.jvp(names[0]).seeds(3)));
        if (c.scalar()) {
            requests.add(Request.gradient(names).withValue());
            requests.add(Request.gradient(names).reduce(Reduction.SUM));
            requests.add(Request.gradient(names).reduce(Reduction.MEAN));
            requests.add(Request.norms(names));
            requests.add(Request.clippedSum(0.5, names));
        }
        return requests;
    }

    // The cases.

    /** Every case. */
    public static List<Case> all() {
        List<Case> all = new ArrayList<>();
        for (Elementwise.Kind kind : Elementwise.Kind.values()) {
            all.add(elementwise(kind));
        }
        all.addAll(networks());
        all.addAll(broadcasts());
        all.addAll(reductions());
        all.addAll(losses());
        all.addAll(corners());
        return all;
    }

    /** The case of this name. */
    public static Case named(String name) {
        return all().stream().filter(c -> c.name().equals(name)).findFirst().orElseThrow();
    }

    private static Case of(String name, Value output) {
        return new Case(name, Graph.of(output), Map.of());
    }

    private static Case of(String name, Value output, String input, Domain domain) {
        return new Case(name, Graph.of(output), Map.of(input, domain));
    }

    /** A parameter with normally distributed numbers, scaled so that a linear layer keeps its input's size. */
    private static Value weights(String name, long... axes) {
        return parameter(name, numbers(name, axes));
    }

    private static Tensor numbers(String name, long... axes) {
        Shape shape = Shape.of(axes);
        Random random = new Random(name.hashCode());
        double scale = 1 / Math.sqrt(axes[axes.length - 1]);
        double[] x = new double[shape.size()];
        Arrays.setAll(x, i -> scale * random.nextGaussian());
        return rounded(x, shape);
    }

    private static Value positive(Value z) {
        return add(square(z), constant(0.5));
    }

    /** Row 1 between two linear layers, rows 4 to 6. */
    private static Case elementwise(Elementwise.Kind kind) {
        double alpha = kind == Elementwise.Kind.LEAKY_RELU ? 0.125 : kind == Elementwise.Kind.ELU ? 0.75 : 0;
        Value z = linear(weights("W1", 6, 5), weights("b1", 6), input("x", 5));
        boolean restricted = switch (kind) {
            case LOG, SQRT, RECIPROCAL -> true;
            default -> false;
        };
        Value h = map(new Elementwise(kind, alpha), restricted ? positive(z) : z);
        return of("mlp " + kind, linear(weights("W2", 3, 6), weights("b2", 3), h));
    }

    private static List<Case> networks() {
        List<Case> cases = new ArrayList<>();
        Value x = input("x", 7);
        Value h = Functions.tanh(linear(weights("W1", 5, 7), weights("b1", 5), x));
        cases.add(of("softmax head", softmax(linear(weights("W2", 4, 5), weights("b2", 4), h))));
        cases.add(of("log-softmax head", logSoftmax(linear(weights("W2", 4, 5), weights("b2", 4), h))));
        cases.add(of(
                "softmax bottleneck",
                softmax(linear(weights("W3", 6, 2), softmax(linear(weights("W2", 2, 7), softmax(x)))))));
        cases.add(of(
                "bottleneck",
                linear(weights("W2", 9, 2), Functions.tanh(linear(weights("W1", 2, 12), input("x", 12))))));
        cases.add(of(
                "row form",
                rowLinear(Functions.tanh(rowLinear(x, weights("W1", 7, 5), weights("b1", 5))), weights("W2", 5, 3))));
        cases.add(of("residual", add(x, linear(weights("W2", 7, 5), h))));
        cases.add(of(
                "gated",
                multiply(
                        linear(weights("Wa", 5, 7), weights("ba", 5), x),
                        sigmoid(linear(weights("Wb", 5, 7), weights("bb", 5), x)))));
        cases.add(of("gate of two inputs", multiply(input("a", 6), sigmoid(input("b", 6)))));
        Value w = weights("W", 5, 5);
        cases.add(of("tied", Functions.tanh(linear(w, Functions.tanh(linear(w, input("x", 5)))))));
        Value v = weights("W", 3, 7);
        cases.add(of("tied in both forms", rowLinear(Functions.tanh(linear(v, x)), v)));
        Value deep = linear(weights("W3", 3, 4), linear(weights("W2", 4, 6), linear(weights("W1", 6, 7), x)));
        cases.add(of("deep linear", deep));
        cases.add(of("deep linear with squared error", squaredError(input("y", 3), deep)));
        cases.add(of("diamond", multiply(sin(x), exp(x))));
        Value narrow = x;
        long[] widths = {7, 4, 9, 3, 8, 2, 6, 5};
        for (int l = 1; l < widths.length; l++) {
            narrow = Functions.tanh(
                    linear(weights("W" + l, widths[l], widths[l - 1]), weights("b" + l, widths[l]), narrow));
        }
        cases.add(of("seven layers", narrow));
        cases.add(of(
                "wide",
                softmax(linear(
                        weights("W2", 10, 32),
                        weights("b2", 10),
                        relu(linear(weights("W1", 32, 33), weights("b1", 32), input("x", 33)))))));
        return cases;
    }

    private static List<Case> broadcasts() {
        List<Case> cases = new ArrayList<>();
        Value matrix = input("X", 3, 4);
        cases.add(of("broadcast sum", add(sin(matrix), exp(input("y", 4)))));
        cases.add(of("broadcast sum with a parameter", square(add(matrix, weights("y", 4)))));
        cases.add(of("broadcast product", multiply(sin(matrix), cos(input("y", 4)))));
        cases.add(of("broadcast product with a parameter", sin(multiply(matrix, weights("y", 4)))));
        cases.add(of("a vector less a matrix", subtract(weights("y", 4), matrix)));
        cases.add(of("a number less a vector", subtract(input("t", 1), square(input("x", 5)))));
        cases.add(of("vector of a scalar", sin(multiply(weights("w", 6), input("t", 1)))));
        cases.add(of("vector of a number without axes", exp(multiply(weights("w", 6), Functions.tanh(input("t"))))));
        cases.add(of("division", divide(sin(input("a", 5)), input("b", 5)), "b", Domain.POSITIVE));
        cases.add(of("matrix by vector", divide(matrix, input("b", 4)), "b", Domain.POSITIVE));
        cases.add(of("number by vector", divide(input("a", 1), input("b", 4)), "b", Domain.POSITIVE));
        cases.add(of("vector by number", divide(exp(input("a", 4)), input("b", 1)), "b", Domain.POSITIVE));
        cases.add(of("parameter by vector", divide(weights("p", 4), input("b", 4)), "b", Domain.POSITIVE));
        cases.add(of("vector by parameter", divide(input("x", 4), positive(weights("p", 4)))));
        Value u = input("x", 5);
        cases.add(of("a vector by its own square", divide(u, positive(u))));
        cases.add(of("square by product", multiply(u, u)));
        cases.add(of("constants", multiply(constant(numbers("c", 5)), linear(constant(numbers("C", 5, 5)), u))));
        Value grid = add(reshape(linear(weights("W1", 12, 5), u), 3, 4), weights("y", 4));
        cases.add(of("reshaped in the middle", linear(weights("W2", 2, 12), reshape(Functions.tanh(grid), 12))));
        cases.add(of("what the batch shares", add(linear(weights("W", 5, 4), Functions.tanh(weights("p", 4))), u)));
        cases.add(of("a shared softmax", multiply(softmax(weights("p", 5)), sin(u))));
        return cases;
    }

    private static List<Case> reductions() {
        List<Case> cases = new ArrayList<>();
        Value x = input("x", 6);
        Value w = weights("W", 4, 6);
        cases.add(of("dot of two inputs", dot(sin(x), input("v", 6))));
        cases.add(of("dot with a constant", dot(constant(numbers("c", 6)), exp(x))));
        cases.add(of("sum", sum(Functions.tanh(linear(w, x)))));
        cases.add(of("mean", mean(Functions.tanh(linear(w, x)))));
        cases.add(of("half squared norm", halfSquaredNorm(Functions.tanh(linear(w, x)))));
        cases.add(of("sum of a matrix", sum(multiply(input("X", 3, 4), weights("y", 4)))));
        // row 26
        Value h = Functions.tanh(linear(w, weights("b", 4), x));
        cases.add(of("one hidden layer", dot(weights("u", 4), h)));
        // one name along two paths, of which one is a Kronecker product and the other is dense
        cases.add(of("tied with its own sum", add(sum(linear(w, sin(x))), dot(sum(w), mean(x)))));
        return cases;
    }

    private static List<Case> losses() {
        List<Case> cases = new ArrayList<>();
        Value x = input("x", 6);
        Value z = linear(weights("W", 4, 6), weights("b", 4), Functions.tanh(x));
        // row 25
        cases.add(of("linear regression", squaredError(input("y", 4), linear(weights("W", 4, 6), x))));
        cases.add(of("cross-entropy", crossEntropy(input("p", 4), softmax(z)), "p", Domain.DISTRIBUTION));
        cases.add(of("softmax cross-entropy", softmaxCrossEntropy(input("p", 4), z), "p", Domain.DISTRIBUTION));
        cases.add(of("softmax cross-entropy of labels", softmaxCrossEntropy(labels("label"), z)));
        cases.add(of(
                "softmax cross-entropy, row form",
                softmaxCrossEntropy(labels("label"), rowLinear(sigmoid(x), weights("W", 6, 4), weights("b", 4)))));
        Value tied = weights("W", 6, 6);
        cases.add(of(
                "tied with a loss",
                squaredError(input("y", 6), linear(tied, Functions.tanh(linear(tied, weights("b", 6), x))))));
        return cases;
    }

    private static List<Case> corners() {
        List<Case> cases = new ArrayList<>();
        cases.add(of("the input itself", input("x", 4)));
        cases.add(of("the input reshaped", reshape(input("x", 4), 2, 2)));
        cases.add(of("softmax of one", softmax(linear(weights("W", 1, 3), input("x", 3)))));
        cases.add(of("log-softmax of one", logSoftmax(linear(weights("W", 1, 3), input("x", 3)))));
        cases.add(of("one by one", Functions.tanh(linear(weights("W", 1, 1), weights("b", 1), input("x", 1)))));
        cases.add(of("peaked softmax", softmax(input("x", 9)), "x", Domain.WIDE));
        cases.add(of(
                "peaked softmax between layers",
                linear(weights("W", 3, 9), softmax(multiply(constant(8), input("x", 9))))));
        cases.add(of("peaked log-softmax", logSoftmax(input("x", 9)), "x", Domain.WIDE));
        return cases;
    }
}
