package io.github.batchjac.example;

import static io.github.batchjac.graph.Functions.input;
import static io.github.batchjac.graph.Functions.labels;
import static io.github.batchjac.graph.Functions.linear;
import static io.github.batchjac.graph.Functions.parameter;
import static io.github.batchjac.graph.Functions.softmaxCrossEntropy;
import static io.github.batchjac.graph.Functions.tanh;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Program;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Value;
import io.github.batchjac.io.NpyReader;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Reduction;
import io.github.batchjac.plan.Request;
import io.github.batchjac.tensor.Tensor;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.function.Consumer;

/**
 * Trains the example's classifier with this library's own gradients: 64-32-10, tanh, softmax cross-entropy, Adam on
 * batches of 32. Of the 1797 images a fifth, chosen by a fixed seed, is held out. The same seed gives the same network on
 * the same backend and machine.
 */
public final class DigitsTraining {
    private static final int IMAGES = 1797;
    private static final int HELD_OUT = 360;
    private static final int PIXELS = 64;
    private static final int HIDDEN = 32;
    private static final int CLASSES = 10;
    private static final int BATCH = 32;
    private static final int EPOCHS = 60;
    private static final long SEED = 20261121;

    private static final double RATE = 3e-3;
    private static final double DECAY = 0.1;

    private final Backend backend;
    private final Consumer<String> log;
    private final Tensor images;
    private final long[] labels;

    /**
     * @param network from {@code x (64)} to ten logits
     * @param training share of the training images that it classifies rightly
     * @param heldOut the same of the images that it never saw
     */
    public record Trained(Graph network, double training, double heldOut) {}

    /** One parameter and what Adam remembers of its gradients. */
    private static final class Weights {
        final float[] value;
        final double[] mean;
        final double[] square;
        final Tensor tensor;

        Weights(Tensor initial) {
            tensor = initial.copy();
            value = tensor.floats();
            mean = new double[value.length];
            square = new double[value.length];
        }

        /** θ ← θ − rate·(m̂/(√v̂+ε) + decay·θ), step counting from 1. */
        void descend(float[] gradient, int step, double rate) {
            double m = 1 - Math.pow(0.9, step);
            double v = 1 - Math.pow(0.999, step);
            for (int i = 0; i < value.length; i++) {
                mean[i] = 0.9 * mean[i] + 0.1 * gradient[i];
                square[i] = 0.999 * square[i] + 0.001 * gradient[i] * gradient[i];
                double move = mean[i] / m / (Math.sqrt(square[i] / v) + 1e-8);
                value[i] -= (float) (rate * (move + DECAY * value[i]));
            }
        }
    }

    private DigitsTraining(Backend backend, Consumer<String> log) throws IOException {
        this.backend = backend;
        this.log = log;
        try (NpyReader x = Digits.images();
                NpyReader y = Digits.labels()) {
            this.images = x.readAll();
            this.labels = y.readAll().longs();
        }
    }

    /** Trains from the beginning; {@code log} is told how it goes. */
    public static Trained train(Backend backend, Consumer<String> log) throws IOException {
        return new DigitsTraining(backend, log).train();
    }

    /** Share of the held-out images that {@code network} classifies rightly. */
    public static double heldOutAccuracy(Graph network, Backend backend) throws IOException {
        DigitsTraining data = new DigitsTraining(backend, line -> {});
        return data.accuracy(network, part(false));
    }

    /** The images' numbers in an order that a fixed seed gives; the last {@value #HELD_OUT} are held out. */
    private static int[] part(boolean training) {
        int[] order = new int[IMAGES];
        java.util.Arrays.setAll(order, i -> i);
        shuffle(order, new Random(SEED));
        int cut = IMAGES - HELD_OUT;
        return training ? java.util.Arrays.copyOf(order, cut) : java.util.Arrays.copyOfRange(order, cut, IMAGES);
    }

    private static void shuffle(int[] a, Random random) {
        for (int i = a.length - 1; i > 0; i--) {
            int j = random.nextInt(i + 1);
            int t = a[i];
            a[i] = a[j];
            a[j] = t;
        }
    }

    private Trained train() throws IOException {
        Random random = new Random(SEED);
        Graph network = initial(random);
        Map<String, Weights> weights = new LinkedHashMap<>();
        network.parameters()
                .forEach((name, value) ->
                        weights.put(name, new Weights(((io.github.batchjac.graph.Op.Parameter) value.op()).value())));

        Graph loss = Graph.of(softmaxCrossEntropy(labels("label"), network.output()));
        Request request = Request.gradient(weights.keySet().toArray(String[]::new))
                .reduce(Reduction.MEAN)
                .withValue();
        Tensor x = Tensor.of(new float[BATCH * PIXELS], BATCH, PIXELS);
        Tensor y = Tensor.of(new long[BATCH], BATCH);
        int[] order = part(true);
        log.accept("training on " + order.length + " digits, " + HELD_OUT + " held out; " + backend.description());
        try (Program program = backend.prepare(Plan.of(loss, request, backend.workload(BATCH)))) {
            int step = 0;
            for (int epoch = 1; epoch <= EPOCHS; epoch++) {
                shuffle(order, random);
                double rate = RATE * 0.5 * (1 + Math.cos(Math.PI * (epoch - 1) / EPOCHS));
                double sum = 0;
                int batches = order.length / BATCH;
                for (int b = 0; b < batches; b++) {
                    gather(order, b * BATCH, x, y);
                    sum += step(program, weights, x, y, ++step, rate);
                }
                if (epoch % 20 == 0) {
                    log.accept(String.format(java.util.Locale.ROOT, "epoch %2d: loss %.4f", epoch, sum / batches));
                }
            }
        }
        Map<String, Tensor> values = new LinkedHashMap<>();
        weights.forEach((name, w) -> values.put(name, w.tensor));
        Graph trained = network.with(values);
        return new Trained(trained, accuracy(trained, part(true)), accuracy(trained, part(false)));
    }

    /** One step on one batch; returns its mean loss. */
    private static double step(
            Program program, Map<String, Weights> weights, Tensor x, Tensor y, int step, double rate) {
        Map<String, Tensor> results = program.run(Map.of("x", x, "label", y));
        weights.forEach((name, w) -> {
            w.descend(Objects.requireNonNull(results.get(name)).floats(), step, rate);
            program.bind(name, w.tensor);
        });
        double sum = 0;
        for (float loss : Objects.requireNonNull(results.get(Request.VALUE)).floats()) {
            sum += loss;
        }
        return sum / BATCH;
    }

    private static Graph initial(Random random) {
        Value x = input("x", PIXELS);
        Value hidden = tanh(linear(
                parameter("hidden.weight", glorot(random, HIDDEN, PIXELS)),
                parameter("hidden.bias", Tensor.of(new float[HIDDEN], HIDDEN)),
                x));
        return Graph.of(linear(
                parameter("out.weight", glorot(random, CLASSES, HIDDEN)),
                parameter("out.bias", Tensor.of(new float[CLASSES], CLASSES)),
                hidden));
    }

    /** Uniform within ±√(6/(m+n)), which keeps the scale from layer to layer. */
    private static Tensor glorot(Random random, int m, int n) {
        float[] w = new float[m * n];
        double limit = Math.sqrt(6.0 / (m + n));
        for (int i = 0; i < w.length; i++) {
            w[i] = (float) ((2 * random.nextDouble() - 1) * limit);
        }
        return Tensor.of(w, m, n);
    }

    private void gather(int[] order, int first, Tensor x, Tensor y) {
        for (int b = 0; b < y.size(); b++) {
            int from = order[first + b];
            System.arraycopy(images.floats(), from * PIXELS, x.floats(), b * PIXELS, PIXELS);
            y.longs()[b] = labels[from];
        }
    }

    private double accuracy(Graph network, int[] which) {
        Tensor x = Tensor.of(new float[which.length * PIXELS], which.length, PIXELS);
        Tensor y = Tensor.of(new long[which.length], which.length);
        gather(which, 0, x, y);
        int right = 0;
        try (Program program = backend.prepare(Plan.of(network, Request.forward(), backend.workload(which.length)))) {
            float[] logits = Objects.requireNonNull(program.run(Map.of("x", x)).get(Request.VALUE))
                    .floats();
            for (int b = 0; b < which.length; b++) {
                int best = 0;
                for (int c = 1; c < CLASSES; c++) {
                    if (logits[b * CLASSES + c] > logits[b * CLASSES + best]) {
                        best = c;
                    }
                }
                right += best == y.longs()[b] ? 1 : 0;
            }
        }
        return (double) right / which.length;
    }
}
