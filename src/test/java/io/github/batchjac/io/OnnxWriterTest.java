package io.github.batchjac.io;

import static io.github.batchjac.graph.Functions.add;
import static io.github.batchjac.graph.Functions.constant;
import static io.github.batchjac.graph.Functions.halfSquaredNorm;
import static io.github.batchjac.graph.Functions.input;
import static io.github.batchjac.graph.Functions.multiply;
import static io.github.batchjac.graph.Functions.parameter;
import static io.github.batchjac.graph.Functions.reshape;
import static io.github.batchjac.graph.Functions.sum;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.batchjac.graph.Elementwise;
import io.github.batchjac.graph.Functions;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Op;
import io.github.batchjac.graph.Value;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class OnnxWriterTest {
    @TempDir
    Path directory;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "deep_linear",
                "gated",
                "relu_wide",
                "residual_tanh",
                "saturated",
                "sigmoid_logits",
                "tanh_softmax"
            })
    void aGoldenModelIsWrittenAsTheSameGraphAndFunction(String name) throws Exception {
        Graph graph = OnnxModel.read(OnnxModelTest.golden(name, "model.onnx")).graph();
        Path file = directory.resolve("x.onnx");
        OnnxWriter.write(graph, Precision.F32, file);
        Graph back = OnnxModel.read(file).graph();
        assertThat(titles(back)).isEqualTo(titles(graph));
        graph.parameters().forEach((key, value) -> ArrayWriterTest.assertSame(number(back, key), number(graph, key)));
        Tensor y = OnnxModelTest.run(
                Files.readAllBytes(file),
                Map.of("x", NpyReader.read(OnnxModelTest.golden(name, "x.npy")).to(Precision.F32)));
        Tensor expected = OnnxModelTest.run(
                Files.readAllBytes(OnnxModelTest.golden(name, "model.onnx")),
                Map.of("x", NpyReader.read(OnnxModelTest.golden(name, "x.npy")).to(Precision.F32)));
        assertThat(y.floats()).containsExactly(expected.floats(), org.assertj.core.data.Offset.offset(1e-5f));
    }

    private static Tensor number(Graph graph, String name) {
        return ((Op.Parameter) graph.named(name).op()).value();
    }

    private static List<String> titles(Graph graph) {
        return graph.values().stream().map(Value::toString).toList();
    }

    @ParameterizedTest
    @EnumSource(Elementwise.Kind.class)
    void everyElementwiseFunctionIsReadBackAsItself(Elementwise.Kind kind) throws FormatException {
        boolean hasAlpha = kind == Elementwise.Kind.LEAKY_RELU || kind == Elementwise.Kind.ELU;
        Elementwise function = new Elementwise(kind, hasAlpha ? 0.3 : 0);
        Graph graph = Graph.of(Functions.map(function, input("x", 3)));
        for (Precision precision : Precision.values()) {
            OnnxModel model = OnnxModel.parse(OnnxWriter.bytes(graph, precision), "test", null);
            assertThat(model.precision()).isEqualTo(precision);
            Op op = model.graph().output().op();
            assertThat(op)
                    .isEqualTo(kind == Elementwise.Kind.IDENTITY ? new Op.Input("x", false) : new Op.Map(function));
        }
    }

    @Test
    void operandsOfDifferentRankAreAligned() throws Exception {
        Value x = input("x", 2, 3);
        Value u = input("u", 3);
        Value c = parameter("c", Tensor.of(new float[] {2}, 1, 1, 1));
        Value scalar = reshape(sum(u));
        Graph graph = Graph.of(multiply(add(multiply(x, u), scalar), multiply(c, u)));
        OnnxModelTest.assertSameFunction(OnnxWriter.bytes(graph, Precision.F32));
    }

    @Test
    void namesThatAreTakenAreLeftToTheirOwners() throws Exception {
        Value y = parameter("y", Tensor.of(new float[] {2, 3}, 2));
        Value v = parameter("v0", Tensor.of(new float[] {2, 3}, 2));
        Graph graph = Graph.of(add(multiply(input("x", 2), y), multiply(v, constant(2))));
        assertThat(OnnxModel.parse(OnnxWriter.bytes(graph, Precision.F32), "test", null)
                        .graph()
                        .parameters())
                .containsOnlyKeys("y", "v0");
    }

    @Test
    void whatOnnxCannotSayIsRefusedByName() {
        Value x = input("x", 2);
        assertThatThrownBy(() -> OnnxWriter.bytes(Graph.of(halfSquaredNorm(x)), Precision.F32))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("half squared norm (1,) has no equivalent");
        assertThatThrownBy(() -> OnnxWriter.bytes(Graph.of(constant(1)), Precision.F32))
                .hasMessageContaining("depends on no input");
        assertThat(directory).isEmptyDirectory();
    }

    @Test
    void aModelThatCannotBeWrittenLeavesNothing() {
        Graph graph = Graph.of(Functions.tanh(input("x", 2)));
        Path file = directory.resolve("missing").resolve("x.onnx");
        assertThatThrownBy(() -> OnnxWriter.write(graph, Precision.F32, file))
                .hasMessageContaining("there is no directory");
        assertThat(directory).isEmptyDirectory();
    }
}
