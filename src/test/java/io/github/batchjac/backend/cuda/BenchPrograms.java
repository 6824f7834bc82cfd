package io.github.batchjac.backend.cuda;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Backends;
import io.github.batchjac.backend.Program;
import io.github.batchjac.backend.Results;
import io.github.batchjac.graph.Functions;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Value;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Reduction;
import io.github.batchjac.plan.Request;
import io.github.batchjac.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/** Whole programs by the clock on the wall: replayed and launched one by one, left on the device and copied out, and the CPU. */
final class BenchPrograms {
    private final Driver driver;
    private final boolean tiny;
    private final Path file;

    BenchPrograms(Driver driver, boolean tiny, Path file) {
        this.driver = driver;
        this.tiny = tiny;
        this.file = file;
    }

    void run() throws IOException {
        Graph small = mlp(10, 64, 64, 10);
        // not a chain that one kernel takes
        Graph deep = Graph.of(Functions.softmax(small.output()));
        Graph wide = mlp(784, 512, 512, 10);
        Graph softmax = Graph.of(Functions.softmax(Functions.input("x", 64)));
        Graph loss = Graph.of(Functions.softmaxCrossEntropy(Functions.labels("label"), wide.output()));
        int few = tiny ? 2 : 256;
        int many = tiny ? 3 : 32768;
        try (Backend cuda = TestCuda.backend(driver);
                Backend plain = TestCuda.backend(Watched.withoutGraphs(driver));
                Backend cpu = Backends.cpu()) {
            String jacobian = "mlp 10-64-64-10, Jacobian";
            time("cuda", cuda, jacobian, small, Request.jacobian("x"), few);
            time("cuda, launched one by one", plain, jacobian, small, Request.jacobian("x"), few);
            time("cuda", cuda, "softmax of it, Jacobian", deep, Request.jacobian("x"), few);
            time("cuda, launched one by one", plain, "softmax of it, Jacobian", deep, Request.jacobian("x"), few);
            for (Backend backend : new Backend[] {cuda, cpu}) {
                time(backend.name(), backend, jacobian, small, Request.jacobian("x"), many);
                time(backend.name(), backend, "softmax 64, dense Jacobian", softmax, Request.jacobian("x"), many);
                time(backend.name(), backend, "mlp 784-512-512-10, VJP", wide, Request.vjp("x"), many);
                String[] weights = loss.parameters().keySet().toArray(String[]::new);
                Request mean = Request.gradient(weights).reduce(Reduction.MEAN);
                time(backend.name(), backend, "mlp 784-512-512-10, mean gradient", loss, mean, many);
                time(backend.name(), backend, "mlp 784-512-512-10, gradient norms", loss, Request.norms(weights), many);
            }
        }
    }

    private static Graph mlp(int... widths) {
        Random random = new Random(widths.length);
        Value x = Functions.input("x", widths[0]);
        for (int i = 1; i < widths.length; i++) {
            double[] w =
                    random.doubles((long) widths[i] * widths[i - 1], -0.1, 0.1).toArray();
            double[] b = random.doubles(widths[i], -0.1, 0.1).toArray();
            Value weights = Functions.parameter("w" + i, Tensor.of(w, widths[i], widths[i - 1]));
            Value bias = Functions.parameter("b" + i, Tensor.of(b, widths[i]));
            x = Functions.linear(weights, bias, i == 1 ? x : Functions.tanh(x));
        }
        return Graph.of(x);
    }

    private void time(String on, Backend backend, String what, Graph graph, Request request, int batch)
            throws IOException {
        Plan plan = Plan.of(graph, request, backend.workload(batch));
        try (Program program = backend.prepare(plan)) {
            Map<String, Tensor> inputs = inputs(program, batch);
            Map<String, Tensor> results = program.run(inputs);
            long in = bytes(inputs);
            long out = bytes(results);
            row(
                    what + ", to arrays",
                    on,
                    batch,
                    milliseconds(() -> program.run(inputs, results)),
                    in,
                    out,
                    finite(results));
            if (!backend.name().equals("cpu")) {
                row(
                        what + ", left on the device",
                        on,
                        batch,
                        milliseconds(() -> {
                            try (Results held = program.compute(inputs)) {
                                held.names();
                            }
                        }),
                        in,
                        out,
                        "");
            }
        } catch (RuntimeException e) {
            row(what, on, batch, Double.NaN, 0, 0, e.toString());
        }
    }

    private static String finite(Map<String, Tensor> results) {
        for (Map.Entry<String, Tensor> e : results.entrySet()) {
            for (float x : e.getValue().floats()) {
                if (!Float.isFinite(x)) {
                    return "result " + e.getKey() + " has " + x;
                }
            }
        }
        return "";
    }

    private static Map<String, Tensor> inputs(Program program, int batch) {
        Random random = new Random(2);
        Map<String, Tensor> inputs = new LinkedHashMap<>();
        for (String name : program.inputs()) {
            var shape = program.inputShape(name, batch);
            if (name.equals("label")) {
                inputs.put(name, Tensor.of(random.longs(batch, 0, 10).toArray(), shape));
            } else {
                float[] x = new float[shape.size()];
                for (int i = 0; i < x.length; i++) {
                    x[i] = random.nextFloat() - 0.5f;
                }
                inputs.put(name, Tensor.of(x, shape));
            }
        }
        return inputs;
    }

    private static long bytes(Map<String, Tensor> tensors) {
        return tensors.values().stream()
                .mapToLong(t -> (long) t.size() * t.type().bytes())
                .sum();
    }

    /** The median of up to nine runs, of fewer if they take long, after two. */
    private double milliseconds(Runnable run) {
        if (tiny) {
            run.run();
            return 0;
        }
        run.run();
        double once = elapsed(run);
        double[] repeats = new double[(int) Math.max(1, Math.min(9, 3000 / Math.max(once, 1)))];
        for (int i = 0; i < repeats.length; i++) {
            repeats[i] = elapsed(run);
        }
        Arrays.sort(repeats);
        return repeats[repeats.length / 2];
    }

    private static double elapsed(Runnable run) {
        long before = System.nanoTime();
        run.run();
        return (System.nanoTime() - before) / 1e6;
    }

    private void row(String what, String on, int batch, double ms, long read, long written, String error)
            throws IOException {
        Rows.append(
                file,
                "programs",
                what,
                on + ", B=" + batch,
                "float32",
                Double.toString(ms),
                Long.toString(read),
                Long.toString(written),
                "0",
                "0",
                error);
    }
}
