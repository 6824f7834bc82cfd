package io.github.batchjac;

import static io.github.batchjac.Runs.numbers;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Program;
import io.github.batchjac.backend.cpu.CpuBackend;
import io.github.batchjac.backend.cuda.TestCuda;
import io.github.batchjac.backend.reference.ReferenceBackend;
import io.github.batchjac.graph.Functions;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.io.NpyReader;
import io.github.batchjac.io.OnnxModel;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Request;
import io.github.batchjac.tensor.ElementType;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Networks as ONNX against values, Jacobians and gradients that another autodiff computed in float64. The norm of an
 * array's difference, relative to the norm of the array, stays within 1e-9 in float64 and 1e-5 in float32.
 */
@Tag("cuda")
class GoldenTest {
    private static final Path GOLDEN = Path.of("src", "test", "resources", "golden");

    private static final Map<String, Supplier<Backend>> BACKENDS =
            Map.of("reference", ReferenceBackend::new, "cpu", () -> new CpuBackend(2), "cuda", TestCuda::backend);

    static List<Arguments> networks() throws IOException {
        return networks(folder -> true);
    }

    static List<Arguments> networksWithLabels() throws IOException {
        return networks(folder -> Files.exists(folder.resolve("labels.npy")));
    }

    private static List<Arguments> networks(Predicate<Path> wanted) throws IOException {
        List<Arguments> all = new ArrayList<>();
        try (Stream<Path> folders = Files.list(GOLDEN)) {
            for (Path folder :
                    folders.filter(Files::isDirectory).filter(wanted).sorted().toList()) {
                for (String backend : BACKENDS.keySet()) {
                    for (Precision precision : Precision.values()) {
                        all.add(Arguments.of(folder.getFileName().toString(), backend, precision));
                    }
                }
            }
        }
        return all;
    }

    private static Tensor array(String folder, String name) {
        try {
            return NpyReader.read(GOLDEN.resolve(folder).resolve(name + ".npy"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Graph network(String folder) throws IOException {
        return OnnxModel.read(GOLDEN.resolve(folder).resolve("model.onnx")).graph();
    }

    /** The name of a network's only input. */
    private static String input(Graph graph) {
        return graph.inputs().keySet().iterator().next();
    }

    private static Map<String, Tensor> run(
            String backend, Graph graph, Request request, Precision precision, Map<String, Tensor> inputs) {
        int batch = (int) inputs.get(input(graph)).shape().axis(0);
        Map<String, Tensor> given = new HashMap<>();
        inputs.forEach((name, t) -> given.put(name, t.type() == ElementType.I64 ? t : t.to(precision)));
        try (Backend device = BACKENDS.get(backend).get();
                Program program = device.prepare(Plan.of(graph, request, Runs.workload(batch, precision)))) {
            return program.run(given);
        }
    }

    private static void assertAgree(String what, Tensor actual, Tensor expected, Precision precision) {
        double[] a = numbers(actual);
        double[] e = numbers(expected);
        assertThat(a).as(what).hasSameSizeAs(e);
        double difference = 0;
        double size = 0;
        for (int i = 0; i < e.length; i++) {
            difference += (a[i] - e[i]) * (a[i] - e[i]);
            size += e[i] * e[i];
        }
        assertThat(Math.sqrt(difference))
                .as(what)
                .isLessThanOrEqualTo((precision == Precision.F64 ? 1e-9 : 1e-5) * Math.sqrt(size));
    }

    @ParameterizedTest(name = "{0}, {1}, {2}")
    @MethodSource("networks")
    void valuesAndJacobiansAreThoseOfAnotherAutodiff(String folder, String backend, Precision precision)
            throws IOException {
        Graph graph = network(folder);
        String x = input(graph);
        Map<String, Tensor> inputs = new HashMap<>(Map.of(x, array(folder, "x")));
        Map<String, Tensor> results = run(backend, graph, Request.jacobian(x).withValue(), precision, inputs);
        assertAgree("y", results.get(Request.VALUE), array(folder, "y"), precision);
        assertAgree("J", results.get(x), array(folder, "jacobian_x"), precision);

        inputs.put(Request.COTANGENT, array(folder, "v"));
        Tensor vjp = run(backend, graph, Request.vjp(x), precision, inputs).get(x);
        assertAgree("vJ", vjp, array(folder, "vjp_x"), precision);

        inputs.remove(Request.COTANGENT);
        inputs.put(Request.tangent(x), array(folder, "t"));
        Tensor jvp = run(backend, graph, Request.jvp(x), precision, inputs).get(Request.TANGENT);
        assertAgree("Jt", jvp, array(folder, "jvp_x"), precision);
    }

    @ParameterizedTest(name = "{0}, {1}, {2}")
    @MethodSource("networksWithLabels")
    void gradientsOfTheLossAreThoseOfAnotherAutodiff(String folder, String backend, Precision precision)
            throws IOException {
        Graph logits = network(folder);
        String x = input(logits);
        Graph loss = Graph.of(Functions.softmaxCrossEntropy(Functions.labels("label"), logits.output()));
        List<String> names = new ArrayList<>(List.of(x));
        names.addAll(logits.parameters().keySet());
        Map<String, Tensor> results = run(
                backend,
                loss,
                Request.gradient(names.toArray(String[]::new)).withValue(),
                precision,
                Map.of(x, array(folder, "x"), "label", array(folder, "labels")));
        assertAgree("loss", results.get(Request.VALUE), array(folder, "loss"), precision);
        assertAgree("gradient_x", results.get(x), array(folder, "gradient_x"), precision);
        filesByParameter(folder, logits).forEach((name, file) -> {
            Tensor expected = array(folder, file);
            Tensor gradient = results.get(name);
            boolean transposed = !gradient.shape().equals(expected.shape());
            assertAgree(file, transposed ? transposed(gradient) : gradient, expected, precision);
        });
    }

    /** Layers without a bias have their weights transposed in the file, under another name: they are found by their place. */
    private static Map<String, String> filesByParameter(String folder, Graph graph) throws IOException {
        List<String> files;
        try (Stream<Path> all = Files.list(GOLDEN.resolve(folder))) {
            files = new ArrayList<>(all.map(f -> f.getFileName().toString().replace(".npy", ""))
                    .filter(f -> f.startsWith("gradient_") && !f.equals("gradient_x"))
                    .sorted()
                    .toList());
        }
        assertThat(files).hasSameSizeAs(graph.parameters().keySet());
        Map<String, String> found = new HashMap<>();
        List<String> unnamed = new ArrayList<>();
        for (String name : graph.parameters().keySet()) {
            if (files.remove("gradient_" + name)) {
                found.put(name, "gradient_" + name);
            } else {
                unnamed.add(name);
            }
        }
        for (int i = 0; i < unnamed.size(); i++) {
            found.put(unnamed.get(i), files.get(i));
        }
        return found;
    }

    /** (B, n, m) to (B, m, n). */
    private static Tensor transposed(Tensor t) {
        int rows = (int) t.shape().axis(1);
        int cols = (int) t.shape().axis(2);
        double[] in = numbers(t);
        double[] out = new double[in.length];
        for (int at = 0; at < in.length; at++) {
            int b = at / (rows * cols);
            int i = at / cols % rows;
            int j = at % cols;
            out[(b * cols + j) * rows + i] = in[at];
        }
        return Tensor.of(out, t.shape().axis(0), cols, rows);
    }

    /** Where softmax is all but constant, digits are lost that a norm does not notice. */
    @ParameterizedTest(name = "{0}")
    @ValueSource(strings = {"reference", "cpu"})
    void everyEntryOfASaturatedNetworkKeepsItsDigits(String backend) throws IOException {
        String folder = "saturated";
        Graph graph = network(folder);
        String x = input(graph);
        double[] actual = numbers(run(backend, graph, Request.jacobian(x), Precision.F64, Map.of(x, array(folder, "x")))
                .get(x));
        double[] truth = numbers(array(folder, "jacobian_x"));
        for (int i = 0; i < truth.length; i++) {
            if (Math.abs(truth[i]) > 1e-250) {
                assertThat(Math.abs(actual[i] / truth[i] - 1)).as("entry %d", i).isLessThan(1e-7);
            }
        }
    }
}
