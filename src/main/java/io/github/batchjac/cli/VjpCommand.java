package io.github.batchjac.cli;

import io.github.batchjac.cli.Sources.Example;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.plan.Request;
import io.github.batchjac.tensor.Shape;
import java.io.IOException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Rows times Jacobians, {@code (B, in...)}. */
@Command(
        name = "vjp",
        header = "A row v times the Jacobian, for every sample: (B, in...), several rows at once (B, k, in...).",
        description = "With respect to the input unless --wrt says otherwise. The Jacobian itself is never formed.",
        customSynopsis = "batchjac vjp MODEL INPUT --cotangent v.npy [--wrt NAME]... --out g.npy|g.npz [options]",
        footer = {
            "",
            "Examples:",
            "  batchjac vjp model.onnx x.npy --cotangent v.npy --out g.npy       v (B, m) gives (B, n)",
            "  batchjac vjp model.onnx x.npy --cotangent v.npy --out g.npy       v (B, k, m) gives (B, k, n)",
            "  batchjac vjp model.onnx x.npy --cotangent v.npy --wrt params --out g.npz",
            "  batchjac plan vjp model.onnx --batch 4096 --seeds 3               how it would be done"
        })
final class VjpCommand extends Computation {
    @Mixin
    final Wrt wrt = new Wrt();

    @Option(
            names = "--cotangent",
            paramLabel = "FILE",
            description = "The rows v: .npy of shape (B, out...), or (B, k, out...) for k at once.")
    @Nullable String cotangent;

    @Override
    void checkUsage() {
        if (!planning()) {
            require(cotangent, "--cotangent FILE");
        }
    }

    @Override
    Task task(Graph graph, Inputs inputs) throws IOException {
        String[] names = wrt.orInputs(graph).toArray(String[]::new);
        int seeds = cotangent == null ? plannedSeeds() : add(cotangent, graph, inputs);
        return Task.perName(graph, Request.vjp(names).seeds(seeds));
    }

    /** Adds the cotangents and returns how many there are for each sample, 0 for one without an axis. */
    private static int add(String argument, Graph graph, Inputs inputs) throws IOException {
        Shape out = graph.output().shape();
        String expected = Inputs.batched(out) + ", or "
                + Inputs.batched(Shape.of(1).concat(out)).replaceFirst("1", "k");
        Source source = inputs.open(argument, Example.NONE).real(expected);
        Shape shape = source.shape();
        if (shape.rank() == out.rank() + 2 && shape.tail().tail().equals(out) && fits(shape.axis(1))) {
            inputs.numbers(Request.COTANGENT, source, shape.tail());
            return (int) shape.axis(1);
        } else if (!source.isBatchOf(out)) {
            throw source.unexpected(expected);
        }
        inputs.numbers(Request.COTANGENT, source, out);
        return 0;
    }

    private static boolean fits(long seeds) {
        return seeds > 0 && seeds <= Integer.MAX_VALUE;
    }
}
