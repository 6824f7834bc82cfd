package io.github.batchjac.cli;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Backends;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Op;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Every device in both precisions against the reference, and the reference against finite differences. */
@Command(
        name = "check",
        header = "Compare every device, in both precisions, with the reference, and that with finite differences.",
        description = {
            "Each error is held against a bound derived from the network and the numbers themselves (rounding carried",
            "through every operation). Exit code 1 if any is larger."
        },
        customSynopsis = "batchjac check MODEL INPUT [--loss LOSS --target FILE] [--wrt NAME]... [options]",
        footer = {
            "",
            "Examples:",
            "  batchjac check model.onnx x.npy",
            "  batchjac check example:digits example:digits --samples 4",
            "  batchjac check model.onnx x.npy --loss softmax-cross-entropy --target labels.npy --wrt params"
        })
final class CheckCommand implements Callable<Integer> {
    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    CommandSpec spec;

    @Mixin
    final ModelArgument model = new ModelArgument();

    @Parameters(index = "1", paramLabel = "INPUT", description = "The batch, as for the other commands.")
    String input = "";

    @Mixin
    final Target target = new Target();

    @Mixin
    final Wrt wrt = new Wrt();

    @Option(
            names = "--samples",
            paramLabel = "N",
            description = "Check the first N samples only. Default: 8; the reference is slow.")
    int samples = 8;

    @Option(names = "--threads", paramLabel = "N", description = "Threads of the CPU. Default: one per processor.")
    int threads;

    @Mixin
    final OutputOptions output = new OutputOptions();

    @Override
    public Integer call() throws IOException {
        if (samples < 1) {
            throw new ParameterException(spec.commandLine(), "--samples is " + samples + ", expected 1 or more");
        }
        Op.Loss loss = target.loss;
        if ((loss == null) != (target.target == null)) {
            throw new ParameterException(spec.commandLine(), "--loss and --target go together");
        }
        try (Sources sources = new Sources()) {
            Graph graph = model.load();
            Inputs inputs = new Inputs(sources, Precision.F64, !model.allowNonFinite);
            inputs.model(graph, input);
            List<String> names = loss == null ? wrt.orInputs(graph) : wrt.orParameters(graph);
            Graph whole = loss == null ? graph : target.on(graph, loss, inputs);
            Map<String, Tensor> first = first(inputs.batch());
            List<CheckRow> rows = new ArrayList<>();
            try (Backend reference = Backends.reference()) {
                FiniteDifferences differences = new FiniteDifferences(reference, whole, names, first);
                rows.add(differences.check());
                for (String device : Backends.available()) {
                    try (Backend backend = Backends.choose(device, threads)) {
                        for (Precision precision : precisions(backend)) {
                            rows.addAll(new Comparison(reference, backend, whole, names, first, precision).check());
                        }
                    }
                }
            }
            return report(rows, names);
        }
    }

    /** Not the reference in float64: that would be compared with itself. */
    private static List<Precision> precisions(Backend backend) {
        return backend.name().equals("reference") ? List.of(Precision.F32) : List.of(Precision.values());
    }

    private Map<String, Tensor> first(Batch batch) throws IOException {
        int n = (int) Math.min(samples, batch.count());
        if (n == 0) {
            throw new Failure(input + ": has no samples to check");
        }
        return batch.read(0, n);
    }

    private int report(List<CheckRow> rows, List<String> names) {
        long broken = rows.stream().filter(r -> !r.holds()).count();
        String verdict = broken == 0 ? "every promise holds" : broken + " of " + rows.size() + " promises are broken";
        Summary summary = new Summary(
                        "check",
                        "check of " + model.model + " wrt " + String.join(", ", names) + "\n\n" + CheckRow.table(rows)
                                + "\n" + verdict)
                .fact("model", model.model)
                .fact("wrt", names)
                .fact("rows", rows.stream().map(CheckRow::facts).toList())
                .fact("holds", broken == 0);
        output.report(summary, spec.commandLine().getOut());
        if (broken > 0) {
            CheckRow worst = rows.stream().filter(r -> !r.holds()).findFirst().orElseThrow();
            throw new Failure("check: " + verdict + ", the first: " + worst.describe());
        }
        return 0;
    }

    /** A copy of {@code tensors} in which every number is one that {@code precision} has. */
    static Map<String, Tensor> rounded(Map<String, @Nullable Tensor> tensors, Precision precision) {
        Map<String, Tensor> out = new LinkedHashMap<>();
        tensors.forEach((name, tensor) -> {
            if (tensor != null) {
                boolean labels = tensor.type() == io.github.batchjac.tensor.ElementType.I64;
                out.put(name, labels ? tensor : tensor.to(precision).to(Precision.F64));
            }
        });
        return out;
    }
}
