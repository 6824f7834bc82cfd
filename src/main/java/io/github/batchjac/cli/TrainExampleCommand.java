package io.github.batchjac.cli;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.example.DigitsTraining;
import io.github.batchjac.io.OnnxWriter;
import io.github.batchjac.tensor.Precision;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Trains the embedded classifier anew. */
@Command(
        name = "train-example",
        header = "Train the example's classifier anew, with the library's own gradients.",
        customSynopsis = "batchjac train-example --out digits.onnx [options]",
        footer = {
            "",
            "Example:",
            "  batchjac train-example --out digits.onnx && batchjac forward digits.onnx example:digits --out y.npy"
        })
final class TrainExampleCommand implements Callable<Integer> {
    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    CommandSpec spec;

    @Option(names = "--out", paramLabel = "FILE", description = "The .onnx file to write.")
    @Nullable Path out;

    @Mixin
    final DeviceOptions device = new DeviceOptions();

    @Mixin
    final OutputOptions output = new OutputOptions();

    @Override
    public Integer call() throws IOException {
        Path file = out;
        if (file == null || !file.toString().endsWith(".onnx")) {
            throw new ParameterException(spec.commandLine(), "name the model to write: --out FILE.onnx");
        }
        PrintWriter text = spec.commandLine().getOut();
        boolean words = !output.quiet && !output.json;
        try (Backend backend = device.backend()) {
            DigitsTraining.Trained trained = DigitsTraining.train(backend, line -> {
                if (words) {
                    text.println(line);
                    text.flush();
                }
            });
            OnnxWriter.write(trained.network(), Precision.F32, file);
            Summary summary = new Summary(
                            "train-example",
                            String.format(
                                    Locale.ROOT,
                                    "classifies %.1f%% of the training digits and %.1f%% of those held out; in %s",
                                    100 * trained.training(),
                                    100 * trained.heldOut(),
                                    file))
                    .fact("training_accuracy", trained.training())
                    .fact("held_out_accuracy", trained.heldOut())
                    .fact("out", file.toString());
            output.report(summary, text);
        }
        return 0;
    }
}
