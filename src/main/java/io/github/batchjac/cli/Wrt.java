package io.github.batchjac.cli;

import io.github.batchjac.graph.Graph;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What to differentiate with respect to. */
final class Wrt {
    private static final String PARAMETERS = "params";

    @Option(
            names = "--wrt",
            paramLabel = "NAME",
            description = "Differentiate with respect to this input or parameter (the name in the ONNX file);"
                    + " may be repeated. 'params' stands for all parameters.")
    @Nullable List<String> names;

    /** The inputs, unless something else was asked for. */
    List<String> orInputs(Graph graph) {
        return names == null ? List.copyOf(graph.inputs().keySet()) : resolve(graph, names);
    }

    /** All parameters, unless something else was asked for. */
    List<String> orParameters(Graph graph) {
        return names == null ? parameters(graph) : resolve(graph, names);
    }

    private static List<String> resolve(Graph graph, List<String> names) {
        Set<String> resolved = new LinkedHashSet<>();
        for (String name : names) {
            boolean exists =
                    graph.inputs().containsKey(name) || graph.parameters().containsKey(name);
            if (name.equals(PARAMETERS) && !exists) {
                resolved.addAll(parameters(graph));
            } else if (exists) {
                resolved.add(name);
            } else {
                throw new Failure("--wrt " + name + ": the model has no such input or parameter; inputs: "
                        + list(graph.inputs().keySet()) + "; parameters: "
                        + list(graph.parameters().keySet()));
            }
        }
        return List.copyOf(resolved);
    }

    private static List<String> parameters(Graph graph) {
        if (graph.parameters().isEmpty()) {
            throw new Failure("the model has no parameters; name an input with --wrt: "
                    + list(graph.inputs().keySet()));
        }
        return List.copyOf(graph.parameters().keySet());
    }

    private static String list(Set<String> names) {
        List<String> few = new ArrayList<>(names).subList(0, Math.min(names.size(), 30));
        return few.isEmpty() ? "none" : String.join(", ", few) + (few.size() < names.size() ? ", …" : "");
    }
}
