package io.github.batchjac.cli;

import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Value;
import io.github.batchjac.plan.Request;
import io.github.batchjac.tensor.Shape;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Jacobians times columns, {@code (B, out...)}. */
@Command(
        name = "jvp",
        header =
                "The Jacobian times a column t, for every sample: (B, out...), several columns at once (B, out..., k).",
        description = {
            "With respect to the input unless --wrt says otherwise; several names add up.",
            "The Jacobian itself is never formed."
        },
        customSynopsis = "batchjac jvp MODEL INPUT --tangent t.npy [--wrt NAME]... --out d.npy [options]",
        footer = {
            "",
            "Examples:",
            "  batchjac jvp model.onnx x.npy --tangent t.npy --out d.npy        t (B, n) gives (B, m)",
            "  batchjac jvp model.onnx x.npy --tangent t.npy --out d.npy        t (B, n, k) gives (B, m, k)",
            "  batchjac jvp model.onnx x.npy --wrt x --wrt fc1.bias --tangent t.npz --out d.npy",
            "  batchjac plan jvp model.onnx --batch 4096 --seeds 3              how it would be done"
        })
final class JvpCommand extends Computation {
    @Mixin
    final Wrt wrt = new Wrt();

    @Option(
            names = "--tangent",
            paramLabel = "FILE",
            description = "The columns t: .npy of shape (B, in...), or (B, in..., k) for k at once; for a parameter"
                    + " (param...[, k]). With several --wrt an .npz keyed by name.")
    @Nullable String tangent;

    @Override
    void checkUsage() {
        if (!planning()) {
            require(tangent, "--tangent FILE");
        }
    }

    @Override
    Task task(Graph graph, Inputs inputs) throws IOException {
        List<String> names = wrt.orInputs(graph);
        int seeds = tangent == null ? plannedSeeds() : add(tangent, graph, names, inputs);
        Request request = Request.jvp(names.toArray(String[]::new)).seeds(seeds);
        return Task.of(graph, request, Request.TANGENT, "jvp");
    }

    /** Adds the tangents and returns how many there are, 0 for one without an axis. */
    private static int add(String argument, Graph graph, List<String> names, Inputs inputs) throws IOException {
        Map<String, Source> sources = inputs.open(argument, names);
        int seeds = -1;
        for (String name : names) {
            Source source = sources.get(name);
            if (source == null) {
                throw new IllegalStateException(name);
            }
            int own = add(name, source, graph.named(name), inputs);
            if (seeds >= 0 && own != seeds) {
                throw new Failure(argument + ": " + name + " has "
                        + (own == 0 ? "no axis of tangents" : own + " tangents") + ", " + names.get(0) + " has "
                        + (seeds == 0 ? "no such axis" : seeds + "") + "; expected as many for all");
            }
            seeds = own;
        }
        return seeds;
    }

    private static int add(String name, Source source, Value value, Inputs inputs) {
        Shape each = value.shape();
        boolean shared = value.shared();
        String several = each.concat(Shape.of(1)).toString().replaceFirst("1,?\\)$", "k)");
        String expected =
                shared ? each + " or " + several : Inputs.batched(each) + " or " + several.replaceFirst("\\(", "(B, ");
        Shape own = source.real(expected).shape();
        Shape tail = shared || own.rank() == 0 ? own : own.tail();
        String key = Request.tangent(name);
        if (tail.rank() == each.rank() + 1
                && tail.size() > 0
                && each.concat(last(tail)).equals(tail)) {
            add(key, source, tail, shared, inputs);
            return (int) tail.axis(tail.rank() - 1);
        } else if (shared ? !own.equals(each) : !source.isBatchOf(each)) {
            throw source.unexpected(expected);
        }
        add(key, source, each, shared, inputs);
        return 0;
    }

    private static void add(String key, Source source, Shape shape, boolean shared, Inputs inputs) {
        if (shared) {
            inputs.shared(key, source, shape);
        } else {
            inputs.numbers(key, source, shape);
        }
    }

    private static Shape last(Shape shape) {
        return Shape.of(shape.axis(shape.rank() - 1));
    }
}
