package io.github.batchjac.cli;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Program;
import io.github.batchjac.example.Digits;
import io.github.batchjac.example.SaliencySheet;
import io.github.batchjac.graph.Functions;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.io.NpyReader;
import io.github.batchjac.io.WholeFile;
import io.github.batchjac.plan.Memory;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Request;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The main job on the embedded example: the input Jacobians of a batch of digits, how fast, and a picture of them. */
@Command(
        name = "demo",
        header = "See it at work: the Jacobians of 1797 handwritten digits, and a picture.",
        customSynopsis = "batchjac demo [--out FILE.png] [options]",
        footer = {"", "Examples:", "  batchjac demo", "  batchjac demo --out digits.png --device cpu --threads 1"})
final class DemoCommand implements Callable<Integer> {
    private static final long MEASURE_NANOS = 1_000_000_000;
    private static final int MOST_RUNS = 2000;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    CommandSpec spec;

    @Option(names = "--out", paramLabel = "FILE", description = "The picture, a PNG file. Default: batchjac-demo.png.")
    Path out = Path.of("batchjac-demo.png");

    @Mixin
    final DeviceOptions device = new DeviceOptions();

    @Mixin
    final OutputOptions output = new OutputOptions();

    @Override
    public Integer call() throws IOException {
        System.setProperty("java.awt.headless", "true");
        Graph network = Graph.of(Functions.softmax(Digits.classifier().output()));
        try (WholeFile picture = WholeFile.open(out);
                NpyReader images = Digits.images();
                NpyReader labels = Digits.labels();
                Backend backend = device.backend()) {
            Tensor x = images.readAll();
            long batch = x.shape().axis(0);
            Plan plan = Plan.of(
                    network,
                    Request.jacobian("x").withValue(),
                    backend.workload(batch).in(Precision.F32));
            try (Program program = backend.prepare(plan)) {
                Map<String, Tensor> results = program.run(Map.of("x", x));
                double seconds = measure(program, Map.of("x", x), results);
                Tensor jacobian = Objects.requireNonNull(results.get("x"));
                Tensor probabilities = Objects.requireNonNull(results.get(Request.VALUE));
                DemoDigits digits = new DemoDigits(x, labels.readAll().longs(), probabilities, jacobian);
                String speed = String.format(
                        Locale.ROOT,
                        "Jacobians of %s digits in %s on the %s",
                        batch,
                        Sizes.time(seconds),
                        backend.name());
                picture.write(SaliencySheet.png(digits.sections(), speed + ", by ./batchjac demo"));
                output.report(
                        summary(plan, backend, jacobian, seconds, digits.accuracy()),
                        spec.commandLine().getOut());
            }
        }
        return 0;
    }

    /** The best of as many runs as a second allows: what the machine can do when nobody disturbs it. */
    private static double measure(Program program, Map<String, Tensor> inputs, Map<String, Tensor> results) {
        long best = Long.MAX_VALUE;
        long start = System.nanoTime();
        for (int i = 0; i < MOST_RUNS && System.nanoTime() - start < MEASURE_NANOS; i++) {
            long before = System.nanoTime();
            program.run(inputs, results);
            best = Math.min(best, System.nanoTime() - before);
        }
        return best * 1e-9;
    }

    private Summary summary(Plan plan, Backend backend, Tensor jacobian, double seconds, double accuracy) {
        long batch = plan.workload().batch();
        double bytes = jacobian.size() * (double) Float.BYTES;
        String description = device.describe(backend.description());
        return new Summary(
                        "demo",
                        "The Jacobian of ten class probabilities with respect to 64 pixels, for each of " + batch
                                + " digits")
                .line("digits", Digits.SOURCE)
                .line(
                        "network",
                        String.format(
                                Locale.ROOT,
                                "64-32-10, tanh, softmax; trained by this library; right on %.1f%%",
                                100 * accuracy))
                .line("result", jacobian + ", " + Memory.bytes((long) bytes) + " (B, out, in)")
                .line("device", description)
                .line(
                        "plan",
                        Summary.plan(plan) + " (more: batchjac plan jacobian example:digits --batch " + batch + ")")
                .line(
                        "time",
                        String.format(
                                Locale.ROOT,
                                "%s for the batch, the best of a second of runs: %s samples/s, %.2f GB/s of Jacobians",
                                Sizes.time(seconds),
                                Sizes.rate(batch / seconds),
                                bytes / seconds / 1e9))
                .line("picture", out.toString())
                .fact("batch", batch)
                .fact("device", backend.name())
                .fact("device_description", description)
                .fact("order", plan.order())
                .fact("accuracy", accuracy)
                .fact("seconds", seconds)
                .fact("samples_per_second", batch / seconds)
                .fact("gigabytes_per_second", bytes / seconds / 1e9)
                .fact("data_source", Digits.SOURCE)
                .fact("out", out.toString());
    }
}
