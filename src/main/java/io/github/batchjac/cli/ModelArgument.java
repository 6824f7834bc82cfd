package io.github.batchjac.cli;

import io.github.batchjac.example.Digits;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.io.OnnxModel;
import io.github.batchjac.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The model that a command works on. */
final class ModelArgument {
    @Parameters(index = "0", paramLabel = "MODEL", description = "An .onnx file, or example:digits.")
    String model = "";

    @Option(names = "--model-output", paramLabel = "NAME", description = "Which output, of a model that has several.")
    @Nullable String output;

    @Option(names = "--allow-nonfinite", description = "Take infinities and NaN in models and inputs as they are.")
    boolean allowNonFinite;

    Graph load() throws IOException {
        Graph graph = read();
        if (!allowNonFinite) {
            graph.parameters().forEach((name, value) -> {
                if (value.op() instanceof io.github.batchjac.graph.Op.Parameter p) {
                    requireFinite(name, p.value());
                }
            });
        }
        return graph;
    }

    private Graph read() throws IOException {
        if (model.equals(Digits.NAME)) {
            return Digits.classifier();
        } else if (model.startsWith(Digits.SCHEME)) {
            throw new Failure(model + ": there is no such example; there is " + Digits.NAME);
        } else if (!model.endsWith(".onnx")) {
            throw new Failure(model + ": expected an .onnx file or " + Digits.NAME);
        }
        return OnnxModel.read(Path.of(model), output).graph();
    }

    private void requireFinite(String name, Tensor value) {
        for (int i = 0; i < value.size(); i++) {
            if (!Double.isFinite(value.get(i))) {
                throw new Failure(model + ": parameter " + name + " has " + value.get(i) + " at component " + i
                        + ", expected finite numbers (--allow-nonfinite takes it as it is)");
            }
        }
    }
}
