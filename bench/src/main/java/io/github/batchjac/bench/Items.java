package io.github.batchjac.bench;

import static io.github.batchjac.graph.Functions.dot;
import static io.github.batchjac.graph.Functions.input;
import static io.github.batchjac.graph.Functions.linear;
import static io.github.batchjac.graph.Functions.parameter;
import static io.github.batchjac.graph.Functions.sigmoid;
import static io.github.batchjac.graph.Functions.softmax;
import static io.github.batchjac.graph.Functions.softmaxCrossEntropy;
import static io.github.batchjac.graph.Functions.tanh;

import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Value;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Reduction;
import io.github.batchjac.plan.Request;
import io.github.batchjac.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;

/** Everything that is measured. Sizes are those that the library was planned with; see the README's table. */
public final class Items {
    private static final String TABLE = "table";
    private static final String GROWTH = "growth";
    private static final int[] MLP = {784, 256, 128, 10};
    private static final int[] SMALL = {10, 16, 4};

    private Items() {}

    /** The rows of the table. */
    public static List<Item> table() {
        List<Item> items = new ArrayList<>();
        int[][] square = {{256, 10}, {256, 128}, {4096, 32}, {64, 1024}};
        for (int[] s : square) {
            items.add(sigmoidJacobian(s[0], s[1], false));
        }
        items.add(sigmoidJacobian(64, 1024, true));
        for (int[] s : square) {
            items.add(softmaxJacobian(s[0], s[1], false));
        }
        items.add(softmaxJacobian(64, 1024, true));
        items.add(weightJacobian(256, 10, 20));
        items.add(weightJacobian(64, 32, 64));
        items.add(outerProduct(256, 10, 20));
        items.add(outerProduct(256, 128, 256));
        items.add(meanWeightGradient(256, 128, 256));
        items.add(crossEntropyGradient(256, 10));
        items.add(crossEntropyGradient(4096, 32));
        items.add(crossEntropyGradient(64, 1024));
        items.add(matrixProduct(256, 10));
        items.add(matrixProduct(4096, 32));
        items.add(matrixProduct(256, 128));
        items.add(mlpJacobian(256, MLP, true));
        items.add(mlpGradients(256, MLP));
        items.add(mlpNorms(256, MLP));
        items.add(mlpJacobian(1, SMALL, false));
        return items;
    }

    /** The same formulas for ever larger batches, up to {@code most} samples. */
    public static List<Item> growth(int most) {
        List<Item> items = new ArrayList<>();
        for (int batch = 1; batch <= most; batch *= 10) {
            items.add(softmaxJacobian(256, 10, false).withBatch(GROWTH, batch));
            items.add(mlpJacobian(256, SMALL, false).withBatch(GROWTH, batch));
            if (batch <= 10_000) {
                items.add(mlpJacobian(256, MLP, true).withBatch(GROWTH, batch));
            }
        }
        return items;
    }

    /** One small item of every formula, to try everything in seconds. */
    public static List<Item> tiny() {
        int[] net = {7, 6, 5, 3};
        return List.of(
                sigmoidJacobian(3, 5, false),
                sigmoidJacobian(3, 5, true),
                softmaxJacobian(3, 5, false),
                softmaxJacobian(3, 5, true),
                weightJacobian(3, 2, 4),
                outerProduct(3, 2, 4),
                meanWeightGradient(3, 2, 4),
                crossEntropyGradient(3, 5),
                matrixProduct(3, 4),
                mlpJacobian(3, net, true),
                mlpGradients(3, net),
                mlpNorms(3, net),
                mlpJacobian(1, SMALL, false),
                softmaxJacobian(3, 4, false).withBatch(GROWTH, 1),
                softmaxJacobian(3, 4, false).withBatch(GROWTH, 10));
    }

    /** Items that go through many steps: a tile's size matters to them. */
    static List<Item> forTiles() {
        return List.of(mlpJacobian(256, MLP, true), mlpJacobian(4096, SMALL, false), softmaxJacobian(4096, 32, false));
    }

    /** A product that is as fast as one can be: one matrix of 1024×1024 per thread. */
    static Item largeProduct(int threads) {
        return matrixProduct(threads, 1024);
    }

    /** The item of this name and batch, whichever list it is in; batch 0 for its own. @throws IllegalArgumentException if there is none */
    public static Item named(String name, int batch) {
        List<Item> all = new ArrayList<>(table());
        all.addAll(tiny());
        for (Item item : all) {
            if (item.name().equals(name)) {
                return batch == 0 || item.batch() == batch ? item : item.withBatch(GROWTH, batch);
            }
        }
        throw new IllegalArgumentException("no item is named " + name);
    }

    /** Those whose name, with the batch, contains a match. */
    public static List<Item> matching(List<Item> items, String pattern) {
        Pattern wanted = Pattern.compile(pattern);
        return items.stream()
                .filter(item -> wanted.matcher(item.toString()).find())
                .toList();
    }

    private static Item derivative(
            String formula,
            String size,
            int batch,
            Graph graph,
            Request request,
            List<String> results,
            Work work,
            Tolerance tolerance) {
        return new Item(TABLE, formula, size, batch, graph, request, 0, results, work, tolerance);
    }

    // Elementwise functions and softmax

    private static Item sigmoidJacobian(int batch, int d, boolean structured) {
        double written = structured ? d : (double) d * d;
        return derivative(
                structured ? "sigmoid-structured" : "sigmoid-jacobian",
                Integer.toString(d),
                batch,
                Graph.of(sigmoid(input("x", d))),
                structured ? Request.structured("x") : Request.jacobian("x"),
                List.of("x"),
                new Work((double) batch * d, batch * written, 6.0 * batch * d),
                // s(1−s) ≤ 1/4 is made of numbers up to 1
                Tolerance.entrywise(4 * Tolerance.FUNCTION));
    }

    private static Item softmaxJacobian(int batch, int d, boolean structured) {
        double written = structured ? d + 1 : (double) d * d;
        return derivative(
                structured ? "softmax-structured" : "softmax-jacobian",
                Integer.toString(d),
                batch,
                Graph.of(softmax(input("x", d))),
                structured ? Request.structured("x") : Request.jacobian("x"),
                List.of("x"),
                new Work((double) batch * d, batch * written, batch * (structured ? 5.0 * d : (double) d * d)),
                // the sum of d exponentials divides all; q(1−q) may be a quarter of what it is made of
                Tolerance.entrywise(4 * (d + Tolerance.FUNCTION)));
    }

    private static Item crossEntropyGradient(int batch, int n) {
        double elements = (double) batch * n;
        return derivative(
                "softmax-ce-gradient",
                Integer.toString(n),
                batch,
                Graph.of(softmaxCrossEntropy(input("p", n), input("x", n))),
                Request.gradient("x"),
                List.of("x"),
                new Work(2 * elements, elements, 7 * elements),
                Tolerance.entrywise(4 * (n + Tolerance.FUNCTION)));
    }

    // One linear layer z = Wx

    private static Value layer(int m, int n) {
        return linear(weights("W", m, n), input("x", n));
    }

    private static Item weightJacobian(int batch, int m, int n) {
        return derivative(
                "weight-jacobian",
                m + "x" + n,
                batch,
                Graph.of(layer(m, n)),
                Request.jacobian("W"),
                List.of("W"),
                new Work((double) batch * n, (double) batch * m * m * n, 0),
                Tolerance.EXACT);
    }

    private static Item outerProduct(int batch, int m, int n) {
        return derivative(
                "outer-product",
                m + "x" + n,
                batch,
                Graph.of(layer(m, n)),
                Request.vjp("W"),
                List.of("W"),
                new Work((double) batch * (m + n), (double) batch * m * n, (double) batch * m * n),
                Tolerance.entrywise(1));
    }

    private static Item meanWeightGradient(int batch, int m, int n) {
        return derivative(
                "mean-weight-gradient",
                m + "x" + n,
                batch,
                Graph.of(dot(input("r", m), layer(m, n))),
                Request.gradient("W").reduce(Reduction.MEAN),
                List.of("W"),
                new Work((double) batch * (m + n), (double) m * n, 2.0 * batch * m * n),
                // Cauchy-Schwarz: the mean of |r||x| is at most the product of two root mean squares, of normal numbers
                new Tolerance(batch + 4, 2));
    }

    private static Item matrixProduct(int batch, int n) {
        return new Item(
                TABLE,
                "matrix-product",
                Integer.toString(n),
                batch,
                null,
                null,
                n,
                List.of(Plan.PRODUCT),
                new Work(2.0 * batch * n * n, (double) batch * n * n, 2.0 * batch * n * n * n),
                // Cauchy-Schwarz, of normal numbers
                new Tolerance(n + 4, 2.0 * n));
    }

    // Networks

    private static Value net(int[] widths, boolean softmaxHead) {
        Value x = input("x", widths[0]);
        for (int l = 1; l < widths.length; l++) {
            Value z = linear(weights("W" + l, widths[l], widths[l - 1]), weights("b" + l, widths[l], 0), x);
            x = l < widths.length - 1 || !softmaxHead ? tanh(z) : z;
        }
        return x;
    }

    private static Item mlpJacobian(int batch, int[] widths, boolean softmaxHead) {
        Value logits = net(widths, softmaxHead);
        int last = widths[widths.length - 1];
        double flops = 0;
        for (int l = 1; l < widths.length; l++) {
            flops += 2.0 * widths[l] * widths[l - 1] * (l == widths.length - 1 ? 1 : last + 1);
        }
        return derivative(
                softmaxHead ? "mlp-jacobian" : "small-net-jacobian",
                size(widths),
                batch,
                Graph.of(softmaxHead ? softmax(logits) : logits),
                Request.jacobian("x"),
                List.of("x"),
                new Work((double) batch * widths[0], (double) batch * last * widths[0], batch * flops),
                network(widths, last));
    }

    private static Item mlpGradients(int batch, int[] widths) {
        double weights = parameters(widths);
        return derivative(
                "mlp-sample-gradients",
                size(widths),
                batch,
                Graph.of(softmaxCrossEntropy(input("p", widths[widths.length - 1]), net(widths, true))),
                Request.gradient(names(widths)),
                List.of(names(widths)),
                new Work((double) batch * widths[0], batch * weights, batch * gradientFlops(widths) + batch * weights),
                network(widths, 1));
    }

    private static Item mlpNorms(int batch, int[] widths) {
        return derivative(
                "mlp-gradient-norms",
                size(widths),
                batch,
                Graph.of(softmaxCrossEntropy(input("p", widths[widths.length - 1]), net(widths, true))),
                Request.norms(names(widths)),
                List.of(Item.file(Request.NORM)),
                new Work((double) batch * widths[0], batch, batch * gradientFlops(widths)),
                network(widths, 1));
    }

    /** Forward, and back to the first layer's output. */
    private static double gradientFlops(int[] widths) {
        double flops = 0;
        for (int l = 1; l < widths.length; l++) {
            flops += 2.0 * widths[l] * widths[l - 1] * (l == 1 ? 1 : 2);
        }
        return flops;
    }

    /**
     * The chain's longest sums, forward and back, and a bound on what is added up: weights of layer l are normal with variance
     * 1/n, so a row's 2-norm is about 1, and by Cauchy-Schwarz a product of layers adds up magnitudes of at most the product
     * of the Frobenius norms {@code √m} between the first and the last.
     */
    private static Tolerance network(int[] widths, int outputs) {
        double roundings = outputs;
        double scale = 4; // inputs are normal
        for (int l = 1; l < widths.length; l++) {
            roundings += widths[l - 1] + widths[l] + 2 * Tolerance.FUNCTION;
            scale *= l > 1 && l < widths.length - 1 ? Math.sqrt(widths[l]) : 1;
        }
        return new Tolerance(roundings, scale);
    }

    private static String size(int[] widths) {
        StringBuilder size = new StringBuilder();
        for (int width : widths) {
            size.append(size.isEmpty() ? "" : "-").append(width);
        }
        return size.toString();
    }

    private static double parameters(int[] widths) {
        double sum = 0;
        for (int l = 1; l < widths.length; l++) {
            sum += (double) widths[l] * (widths[l - 1] + 1);
        }
        return sum;
    }

    private static String[] names(int[] widths) {
        String[] names = new String[2 * (widths.length - 1)];
        for (int l = 1; l < widths.length; l++) {
            names[2 * l - 2] = "W" + l;
            names[2 * l - 1] = "b" + l;
        }
        return names;
    }

    /** Normal numbers, float32 values, scaled so that a layer keeps its input's size; a vector for {@code n = 0}. */
    static Value weights(String name, int m, int n) {
        Random random = new Random(name.hashCode());
        float[] w = new float[n == 0 ? m : m * n];
        double scale = 1 / Math.sqrt(n == 0 ? m : n);
        for (int i = 0; i < w.length; i++) {
            w[i] = (float) (scale * random.nextGaussian());
        }
        return parameter(name, n == 0 ? Tensor.of(w, m) : Tensor.of(w, m, n));
    }
}
