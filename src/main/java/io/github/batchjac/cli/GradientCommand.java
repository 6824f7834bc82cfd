package io.github.batchjac.cli;

import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Op;
import io.github.batchjac.plan.Reduction;
import io.github.batchjac.plan.Request;
import java.io.IOException;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** Gradients of a loss: per sample, summed or averaged over the batch, their norms, or clipped and summed. */
@Command(
        name = "gradient",
        header = "The gradient of a loss: per sample (B, param...), or reduced over the batch (param...).",
        description = "With respect to all parameters unless --wrt says otherwise.",
        customSynopsis = {
            "batchjac gradient MODEL INPUT --loss LOSS --target FILE --reduce none|sum|mean"
                    + " [--wrt NAME]... --out g.npy|g.npz [options]",
            "       batchjac gradient MODEL INPUT --loss LOSS --target FILE --norms [--wrt NAME]... --out n.npy|n.npz",
            "       batchjac gradient MODEL INPUT --loss LOSS --target FILE --clip C [--wrt NAME]... --out g.npz"
        },
        footer = {
            "",
            "Examples:",
            "  batchjac gradient model.onnx x.npy --loss softmax-cross-entropy --target labels.npy \\",
            "      --reduce mean --out g.npz",
            "  batchjac gradient model.onnx x.npy --loss squared-error --target y.npy \\",
            "      --reduce none --wrt fc1.weight --out g.npy                per sample, (B, m, n)",
            "  batchjac gradient example:digits example:digits --loss softmax-cross-entropy \\",
            "      --target example:digits --norms --out n.npy               (1797,), without the gradients",
            "  batchjac plan gradient model.onnx --batch 4096 --loss softmax-cross-entropy --reduce mean"
        })
final class GradientCommand extends Computation {
    @Mixin
    final Target target = new Target();

    @Mixin
    final Wrt wrt = new Wrt();

    @Option(
            names = "--reduce",
            paramLabel = "none|sum|mean",
            description = "Over the batch; never implied. none: one gradient per sample.",
            converter = ReductionConverter.class)
    @Nullable Reduction reduce;

    @Option(
            names = "--norms",
            description =
                    "Not the gradients but their Euclidean norms, (B,): in an .npz for each name; in an .npy over all"
                            + " names together.")
    boolean norms;

    @Option(
            names = "--clip",
            paramLabel = "C",
            description =
                    "The sum of per-sample gradients, each first scaled down to norm C (over all names together).")
    @Nullable Double clip;

    @Override
    void checkUsage() {
        if (norms && clip != null) {
            throw usage("--norms and --clip exclude each other");
        } else if (norms && reduce != null && reduce != Reduction.NONE) {
            throw usage("--norms gives one norm per sample: leave --reduce out, or say none");
        } else if (clip != null && reduce != null && reduce != Reduction.SUM) {
            throw usage("--clip gives a sum over the batch: leave --reduce out, or say sum");
        } else if (clip != null && !(clip > 0 && Double.isFinite(clip))) {
            throw usage("--clip is " + clip + ", expected a positive number");
        } else if (!norms && clip == null) {
            require(reduce, "--reduce none|sum|mean");
        }
        if (target.target != null) {
            require(target.loss, "--loss LOSS");
        }
        if (target.loss != null && !planning()) {
            require(target.target, "--target FILE");
        }
    }

    @Override
    Task task(Graph graph, Inputs inputs) throws IOException {
        String[] names = wrt.orParameters(graph).toArray(String[]::new);
        Op.Loss loss = target.loss;
        if (loss == null && graph.output().size() != 1) {
            throw new Failure(model.model + ": the output has shape "
                    + Inputs.batched(graph.output().shape())
                    + ", a gradient needs one number per sample: name a --loss and a --target");
        }
        Graph whole = loss == null ? graph : target.on(graph, loss, inputs);
        Double limit = clip;
        if (limit != null) {
            return Task.perName(whole, Request.clippedSum(limit, names));
        } else if (!norms) {
            return Task.perName(whole, Request.gradient(names).reduce(require(reduce, "--reduce none|sum|mean")));
        } else if (out != null && out.toString().endsWith(".npz")) {
            return Task.perName(whole, Request.norms(names));
        }
        return Task.of(whole, Request.norms(names), Request.NORM, "norm");
    }

    static final class ReductionConverter implements ITypeConverter<Reduction> {
        @Override
        public Reduction convert(String text) {
            try {
                return Reduction.valueOf(text.toUpperCase(Locale.ROOT));
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException("'" + text + "' is not a reduction; expected none, sum or mean");
            }
        }
    }
}
