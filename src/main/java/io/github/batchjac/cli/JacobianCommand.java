package io.github.batchjac.cli;

import io.github.batchjac.graph.Graph;
import io.github.batchjac.plan.Request;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Dense Jacobians, {@code (B, out..., in...)}. */
@Command(
        name = "jacobian",
        header = "The Jacobian of the model's output for every sample: (B, out..., in...).",
        description = "With respect to the input unless --wrt says otherwise.",
        customSynopsis = "batchjac jacobian MODEL INPUT [--wrt NAME]... --out j.npy|j.npz [options]",
        footer = {
            "",
            "Examples:",
            "  batchjac jacobian model.onnx x.npy --out j.npy",
            "  batchjac jacobian model.onnx x.npy --wrt x --wrt fc1.weight --out j.npz",
            "  batchjac jacobian example:digits example:digits --out j.npy    (1797, 10, 64)",
            "  batchjac jacobian model.onnx huge.npy --memory 512M --out j.npy",
            "  batchjac plan jacobian model.onnx --batch 4096    how it would be done"
        })
final class JacobianCommand extends Computation {
    @Mixin
    final Wrt wrt = new Wrt();

    @Override
    Task task(Graph graph, Inputs inputs) {
        return Task.perName(graph, Request.jacobian(wrt.orInputs(graph).toArray(String[]::new)));
    }
}
