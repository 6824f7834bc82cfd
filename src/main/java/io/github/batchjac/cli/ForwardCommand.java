package io.github.batchjac.cli;

import io.github.batchjac.graph.Graph;
import io.github.batchjac.plan.Request;
import picocli.CommandLine.Command;

/** The model's output, {@code (B, out...)}. */
@Command(
        name = "forward",
        header = "The model's output for every sample: (B, out...).",
        customSynopsis = "batchjac forward MODEL INPUT --out y.npy [options]",
        footer = {
            "",
            "Examples:",
            "  batchjac forward model.onnx x.npy --out y.npy",
            "  batchjac forward example:digits example:digits --out logits.npy",
            "  batchjac forward model.onnx x.npy --out y.npy --precision f64 --device reference"
        })
final class ForwardCommand extends Computation {
    @Override
    Task task(Graph graph, Inputs inputs) {
        return Task.of(graph, Request.forward(), Request.VALUE, "y");
    }
}
