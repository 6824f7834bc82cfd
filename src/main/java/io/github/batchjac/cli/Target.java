package io.github.batchjac.cli;

import io.github.batchjac.cli.Sources.Example;
import io.github.batchjac.graph.Functions;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Op;
import io.github.batchjac.graph.Value;
import io.github.batchjac.tensor.ElementType;
import io.github.batchjac.tensor.Shape;
import java.io.IOException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** A loss, and what the model's output is compared with. */
final class Target {
    /** The target's name among the graph's inputs: none that a model file is likely to use. */
    private static final String KEY = "@target";

    @Option(
            names = "--loss",
            paramLabel = "LOSS",
            description = "softmax-cross-entropy of logits (target: int64 labels (B,), or distributions (B, m)),"
                    + " cross-entropy of probabilities, or squared-error, half the sum of squares (targets: (B, m)).",
            converter = LossConverter.class)
    Op.@Nullable Loss loss;

    @Option(
            names = "--target",
            paramLabel = "FILE",
            description = "What the loss compares with: .npy, or example:digits.")
    @Nullable String target;

    /** The model with the loss on top; adds the target to {@code inputs}. */
    Graph on(Graph graph, Op.Loss chosen, Inputs inputs) throws IOException {
        Value output = graph.output();
        Shape each = output.shape();
        String file = target;
        if (file == null) {
            boolean labels = chosen == Op.Loss.SOFTMAX_CROSS_ENTROPY;
            return Graph.of(
                    Functions.loss(chosen, labels ? Functions.labels(KEY) : Functions.input(KEY, each.axes()), output));
        }
        Source source = inputs.open(file, Example.LABELS);
        boolean labels = source.type() == ElementType.I64;
        String distributions = "float32 or float64 " + Inputs.batched(each);
        if (labels && chosen != Op.Loss.SOFTMAX_CROSS_ENTROPY) {
            throw new Failure(source.where() + ": holds integers, int64 " + source.shape() + ", expected "
                    + distributions + " (class labels go with --loss softmax-cross-entropy)");
        } else if (labels && source.shape().rank() != 1) {
            throw source.unexpected("int64 labels (B,), or " + distributions);
        } else if (!labels && !source.isBatchOf(each)) {
            throw source.unexpected(
                    distributions + (chosen == Op.Loss.SOFTMAX_CROSS_ENTROPY ? ", or int64 labels (B,)" : ""));
        }
        Value given = labels ? Functions.labels(KEY) : Functions.input(KEY, each.axes());
        Graph whole = Graph.of(Functions.loss(chosen, given, output));
        if (labels) {
            inputs.labels(KEY, source, output.size());
        } else {
            inputs.numbers(KEY, source, each);
        }
        return whole;
    }

    static final class LossConverter implements ITypeConverter<Op.Loss> {
        @Override
        public Op.Loss convert(String text) {
            for (Op.Loss loss : Op.Loss.values()) {
                if (loss.toString().equals(text)) {
                    return loss;
                }
            }
            throw new TypeConversionException(
                    "'" + text + "' is not a loss; expected softmax-cross-entropy, cross-entropy or squared-error");
        }
    }
}
