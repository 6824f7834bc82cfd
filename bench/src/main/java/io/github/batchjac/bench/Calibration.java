package io.github.batchjac.bench;

import static io.github.batchjac.graph.Functions.input;
import static io.github.batchjac.graph.Functions.linear;
import static io.github.batchjac.graph.Functions.multiply;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Backends;
import io.github.batchjac.backend.Outputs;
import io.github.batchjac.backend.Program;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Value;
import io.github.batchjac.plan.Cost;
import io.github.batchjac.plan.Order;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Request;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;

/**
 * The cost model's constants as plans meet them: what a longer chain costs more than a shorter one, in work as plans count it.
 * Inputs, results and dispatch are the same for both and drop out.
 */
final class Calibration {
    private static final double MS = 700;
    private static final int FEW = 2;
    private static final int MANY = 6;
    private static final int WIDTH = 256;
    private static final int ROWS = 32;

    private final Backend backend;

    private Calibration(Backend backend) {
        this.backend = backend;
    }

    static void run(int threads, PrintStream out) {
        try (Backend cpu = Backends.cpu(threads)) {
            Calibration calibration = new Calibration(cpu);
            Cost measured = calibration.measure(out);
            out.printf("%s%n", cpu.description());
            out.printf("in use:    %s%n", line(Cost.CPU));
            out.printf("measured:  %s%n", line(measured));
            out.printf(
                    Locale.ROOT,
                    "{\"machine\": \"%s\", \"flopsPerSecond\": %.4g, \"bytesPerSecond\": %.4g, \"tileBytes\": %d}%n",
                    Machine.title(),
                    measured.flopsPerSecond(),
                    measured.bytesPerSecond(),
                    measured.tileBytes());
        }
    }

    /** As it stands in Cost.java. */
    static String line(Cost cost) {
        return String.format(
                Locale.ROOT,
                "public static final Cost CPU = new Cost(%.0fe9, %.0fe9, %s);",
                cost.flopsPerSecond() / 1e9,
                cost.bytesPerSecond() / 1e9,
                tile(cost.tileBytes()));
    }

    private static String tile(long bytes) {
        return Long.bitCount(bytes) == 1 ? "1 << " + Long.numberOfTrailingZeros(bytes) : Long.toString(bytes);
    }

    private Cost measure(PrintStream out) {
        Point matrix = difference(Calibration::matrices, Cost.CPU);
        Point diagonal = difference(Calibration::diagonals, Cost.CPU);
        // two unknowns, two equations: seconds = flops·f + bytes·b
        double determinant = matrix.flops * diagonal.bytes - diagonal.flops * matrix.bytes;
        double f = (matrix.seconds * diagonal.bytes - diagonal.seconds * matrix.bytes) / determinant;
        double b = (matrix.flops * diagonal.seconds - diagonal.flops * matrix.seconds) / determinant;
        long best = Cost.CPU.tileBytes();
        double least = Double.POSITIVE_INFINITY;
        for (long tile = 1 << 17; tile <= 1 << 23; tile *= 2) {
            Cost cost = new Cost(1 / f, 1 / b, tile);
            List<Double> times = new ArrayList<>();
            for (Item item : Items.forTiles()) {
                times.add(time(item, cost));
            }
            times.add(seconds(diagonals(MANY), cost, 2048).seconds);
            double mean = Statistics.geometricMean(times);
            out.printf(Locale.ROOT, "tiles of %5d KiB: %s (geometric mean)%n", tile >> 10, Text.time(mean * 1e9));
            if (mean < least) {
                least = mean;
                best = tile;
            }
        }
        return new Cost(1 / f, 1 / b, best);
    }

    /** What was done, in how long. */
    private record Point(double flops, double bytes, double seconds) {
        Point minus(Point o) {
            return new Point(flops - o.flops, bytes - o.bytes, seconds - o.seconds);
        }
    }

    private Point difference(java.util.function.IntFunction<Graph> chain, Cost cost) {
        return seconds(chain.apply(MANY), cost, 2048).minus(seconds(chain.apply(FEW), cost, 2048));
    }

    /** ROWS outputs of a chain of layers: dense times a matrix that the batch shares. */
    private static Graph matrices(int length) {
        Value x = multiply(input("a", WIDTH), input("x", WIDTH));
        for (int l = 0; l < length; l++) {
            x = linear(Items.weights("W" + l, WIDTH, WIDTH), x);
        }
        // so that the product begins dense and per sample
        return Graph.of(linear(Items.weights("V", ROWS, WIDTH), multiply(input("s", WIDTH), x)));
    }

    /** A dense matrix times diagonals, one after the other. */
    private static Graph diagonals(int length) {
        Value x = input("x", WIDTH);
        for (int l = 0; l < length; l++) {
            x = multiply(input("d" + l, WIDTH), x);
        }
        return Graph.of(linear(Items.weights("V", ROWS, WIDTH), x));
    }

    private Point seconds(Graph graph, Cost cost, int batch) {
        var workload = backend.workload(batch).at(cost);
        Plan plan = Plan.of(graph, Request.jacobian("x"), workload, Order.REVERSE);
        try (Program program = backend.prepare(plan)) {
            Random random = new Random(1);
            Map<String, Tensor> inputs = new LinkedHashMap<>();
            for (String name : program.inputs()) {
                float[] numbers = new float[program.inputShape(name, batch).size()];
                for (int i = 0; i < numbers.length; i++) {
                    numbers[i] = 0.5f + random.nextFloat();
                }
                inputs.put(name, Tensor.of(numbers, program.inputShape(name, batch)));
            }
            Outputs outputs = program.outputs(batch);
            Stopwatch.time(MS, () -> program.run(inputs, outputs));
            double ns = Stopwatch.time(MS, () -> program.run(inputs, outputs));
            double bytes = plan.work().elements(batch) * Precision.F32.bytes();
            return new Point(plan.work().flops(batch), bytes, ns / 1e9);
        }
    }

    private double time(Item item, Cost cost) {
        Plan plan = item.plan(backend.workload(item.batch()).at(cost));
        try (Program program = backend.prepare(plan)) {
            Map<String, Tensor> inputs = Item.inputs(program.inputs(), item.files(Precision.F32));
            Outputs outputs = program.outputs(item.batch());
            Stopwatch.time(MS, () -> program.run(inputs, outputs));
            return Stopwatch.time(MS, () -> program.run(inputs, outputs)) / 1e9;
        }
    }
}
