package io.github.batchjac.io;

import static io.github.batchjac.io.Models.attribute;
import static io.github.batchjac.io.Models.floats;
import static io.github.batchjac.io.Models.ints;
import static io.github.batchjac.io.Models.longs;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import com.google.protobuf.ByteString;
import io.github.batchjac.graph.Elementwise;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Op;
import io.github.batchjac.graph.Value;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class OnnxModelTest {
    private static final int SAMPLES = 3;

    @TempDir
    Path directory;

    static Path golden(String name, String file) {
        return NpyReaderTest.resource("golden/" + name + "/" + file);
    }

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
    void aGoldenModelHasTheParametersThatItsCaseLists(String name) throws IOException {
        OnnxModel model = OnnxModel.read(golden(name, "model.onnx"));
        Graph graph = model.graph();
        String text = Files.readString(golden(name, "case.json"));
        Map<String, Shape> expected = new LinkedHashMap<>();
        Matcher parameter = Pattern.compile("\"([^\"]+)\": \\[([^]]*)]").matcher(text);
        while (parameter.find()) {
            expected.put(
                    parameter.group(1),
                    Shape.of(Arrays.stream(parameter.group(2).split(","))
                            .map(String::strip)
                            .mapToLong(Long::parseLong)
                            .toArray()));
        }
        Map<String, Shape> came = new LinkedHashMap<>();
        graph.parameters().forEach((key, value) -> came.put(key, value.shape()));
        if (name.equals("deep_linear")) {
            // Without a bias torch exports MatMul with the transposed weight under a name of its own.
            assertThat(came.values())
                    .containsExactlyElementsOf(expected.values().stream()
                            .map(s -> Shape.of(s.axis(1), s.axis(0)))
                            .toList());
        } else {
            assertThat(came).isEqualTo(expected);
        }
        assertThat(graph.named("x").shape())
                .isEqualTo(NpyReader.read(golden(name, "x.npy")).shape().tail());
        assertThat(graph.output().shape())
                .isEqualTo(NpyReader.read(golden(name, "y.npy")).shape().tail());
        assertThat(model.producer()).isEqualTo("pytorch 1.13.0");
        assertThat(model.opset()).isEqualTo(13);
        assertThat(model.precision()).isEqualTo(Precision.F32);
        assertThat(model.output()).isEqualTo("y");
    }

    // What a model becomes is written again and run by onnxruntime beside the model itself.

    private static Arguments model(String title, UnaryOperator<Models> nodes) {
        return Arguments.of(Named.of(title, nodes));
    }

    static Stream<Arguments> models() {
        Stream<Arguments> elementwise = Stream.of(
                        "Sigmoid",
                        "Tanh",
                        "Relu",
                        "LeakyRelu",
                        "Elu",
                        "Softplus",
                        "Erf",
                        "Exp",
                        "Sqrt",
                        "Log",
                        "Neg",
                        "Reciprocal",
                        "Sin",
                        "Cos",
                        "Identity",
                        "Softmax",
                        "LogSoftmax",
                        "Flatten")
                .map(op -> model(op, m -> m.input("x", 4).node(op, "y", "x")));
        Stream<Arguments> arithmetic = Stream.of("Add", "Sub", "Mul", "Div")
                .flatMap(op -> Stream.of(
                                new long[0], new long[] {1}, new long[] {4}, new long[] {1, 1}, new long[] {1, 4})
                        .flatMap(axes -> Stream.of("x c", "c x")
                                .map(in -> model(
                                        op + " " + in + Arrays.toString(axes),
                                        m -> m.input("x", 4).weight("c", axes).node(op, "y", in)))));
        return Stream.of(elementwise, arithmetic, linear(), shapes(), others()).flatMap(s -> s);
    }

    private static Stream<Arguments> linear() {
        return Stream.of(
                model(
                        "Gemm transB",
                        m -> m.input("x", 4)
                                .weight("w", 3, 4)
                                .weight("b", 3)
                                .node("Gemm", "y", "x w b", attribute("transB", 1))),
                model("Gemm", m -> m.input("x", 4).weight("w", 4, 3).node("Gemm", "y", "x w")),
                model(
                        "Gemm row bias",
                        m -> m.input("x", 4).weight("w", 4, 3).weight("b", 1, 3).node("Gemm", "y", "x w b")),
                model(
                        "Gemm number bias",
                        m -> m.input("x", 4)
                                .weight("w", 4, 3)
                                .weight("b", 1)
                                .node("Gemm", "y", "x w b", attribute("beta", 0.25f))),
                model(
                        "Gemm scalar bias",
                        m -> m.input("x", 4).weight("w", 4, 3).weight("b").node("Gemm", "y", "x w b")),
                model(
                        "Gemm alpha beta",
                        m -> m.input("x", 4)
                                .weight("w", 3, 4)
                                .weight("b", 3)
                                .node(
                                        "Gemm",
                                        "y",
                                        "x w b",
                                        attribute("transB", 1),
                                        attribute("alpha", 0.5f),
                                        attribute("beta", 2f))),
                model(
                        "Gemm beta",
                        m -> m.input("x", 4)
                                .weight("w", 4, 3)
                                .weight("b", 3)
                                .node("Gemm", "y", "x w b", attribute("beta", 2f))),
                model(
                        "Gemm no beta",
                        m -> m.input("x", 4)
                                .weight("w", 4, 3)
                                .weight("b", 3)
                                .node("Gemm", "y", "x w b", attribute("beta", 0f))),
                model(
                        "Gemm batched C",
                        m -> m.input("x", 4).weight("w", 4, 4).node("Gemm", "y", "x w x", attribute("alpha", 3f))),
                model(
                        "Gemm of one output and alpha",
                        m -> m.input("x", 4)
                                .weight("w", 4, 1)
                                .weight("b", 1)
                                .node("Gemm", "y", "x w b", attribute("alpha", 3f))),
                model("MatMul", m -> m.input("x", 4).weight("w", 4, 3).node("MatMul", "y", "x w")),
                model(
                        "MatMul Add",
                        m -> m.input("x", 4)
                                .weight("w", 4, 3)
                                .weight("b", 3)
                                .node("MatMul", "z", "x w")
                                .node("Add", "y", "b z")),
                model(
                        "MatMul Transpose",
                        m -> m.input("x", 4)
                                .weight("w", 3, 4)
                                .node("Transpose", "v", "w", ints("perm", 1L, 0L))
                                .node("MatMul", "y", "x v")),
                model(
                        "Gemm transB Transpose Cast",
                        m -> m.input("x", 4)
                                .weight("w", 4, 3)
                                .node("Transpose", "u", "w")
                                .node("Cast", "v", "u", attribute("to", 1))
                                .node("Gemm", "y", "x v", attribute("transB", 1))),
                model(
                        "Gemm of a computed bias",
                        m -> m.input("x", 4)
                                .weight("w", 4, 3)
                                .weight("b", 3)
                                .weight("c", 1, 3)
                                .node("Mul", "d", "b c")
                                .node("Exp", "e", "d")
                                .node("Gemm", "y", "x w e")));
    }

    private static Stream<Arguments> shapes() {
        return Stream.of(
                model("Flatten", m -> m.input("x", 2, 3).node("Flatten", "y", "x")),
                model(
                        "Reshape -1 n",
                        m -> m.input("x", 2, 3).integers("s", -1, 6).node("Reshape", "y", "x s")),
                model(
                        "Reshape 0 -1",
                        m -> m.input("x", 2, 3).integers("s", 0, -1).node("Reshape", "y", "x s")),
                model(
                        "Reshape B n",
                        m -> m.input("x", 2, 3).integers("s", SAMPLES, 6).node("Reshape", "y", "x s")),
                model(
                        "Reshape 0 0 n",
                        m -> m.input("x", 2, 3).integers("s", 0, 0, 3, 1).node("Reshape", "y", "x s")),
                model(
                        "Squeeze",
                        m -> m.input("x", 1, 4)
                                .integers("a", 1)
                                .node("Squeeze", "z", "x a")
                                .node("Softmax", "y", "z")),
                model("Unsqueeze", m -> m.input("x", 4).integers("a", -1, 1).node("Unsqueeze", "y", "x a")),
                model(
                        "Transpose of ones",
                        m -> m.input("x", 1, 4).node("Transpose", "y", "x", ints("perm", 0L, 2L, 1L))),
                model("suffix", m -> m.input("x", 2, 3).weight("c", 3).node("Mul", "y", "x c")),
                model("hidden suffix", m -> m.input("x", 1, 3).weight("c", 2, 3).node("Sub", "y", "c x")),
                model("one against many", m -> m.input("x", 1).weight("c", 5).node("Sub", "y", "x c")),
                model(
                        "(1, 1) against (n)",
                        m -> m.input("x", 1, 1).weight("c", 5).node("Sub", "y", "x c")),
                model(
                        "leading axis",
                        m -> m.input("x", 2, 3).weight("c", 1, 2, 3).node("Sub", "y", "x c")),
                model(
                        "Reshape of a parameter",
                        m -> m.input("x", 4)
                                .weight("c", 2, 2)
                                .integers("s", 1, -1)
                                .node("Reshape", "d", "c s")
                                .node("Mul", "y", "d x")));
    }

    private static Stream<Arguments> others() {
        return Stream.of(
                model(
                        "residual",
                        m -> m.input("x", 4)
                                .weight("w", 4, 4)
                                .weight("b", 4)
                                .node("Gemm", "z", "x w b")
                                .node("Tanh", "h", "z")
                                .node("Add", "y", "x h")),
                model("two inputs", m -> m.input("x", 4).input("u", 4).node("Div", "y", "u x")),
                model("silu", m -> m.input("x", 4).node("Sigmoid", "s", "x").node("Mul", "y", "s x")),
                model(
                        "gelu of torch",
                        m -> m.input("x", 4)
                                .constant("r", floats(new float[] {1.41421356f}))
                                .constant("one", floats(new float[] {1}))
                                .constant("half", floats(new float[] {0.5f}))
                                .node("Div", "d", "x r")
                                .node("Erf", "e", "d")
                                .node("Add", "f", "e one")
                                .node("Mul", "g", "x f")
                                .node("Mul", "y", "g half")),
                model(
                        "square",
                        m -> m.input("x", 4)
                                .constant("two", floats(new float[] {2}))
                                .node("Pow", "y", "x two")),
                model(
                        "square root",
                        m -> m.input("x", 4)
                                .constant("half", floats(new float[] {0.5f}, 1))
                                .node("Pow", "y", "x half")),
                model("ReduceSum", m -> m.input("x", 4).integers("a", -1).node("ReduceSum", "y", "x a")),
                model("ReduceMean", m -> m.input("x", 4).node("ReduceMean", "y", "x", ints("axes", 1L))),
                model(
                        "ReduceSum without its axis",
                        m -> m.input("x", 4).integers("a", 1).node("ReduceSum", "y", "x a", attribute("keepdims", 0))),
                model(
                        "normalisation",
                        m -> m.input("x", 4)
                                .node("ReduceMean", "mu", "x", ints("axes", -1L))
                                .node("Sub", "y", "x mu")),
                model(
                        "Dropout",
                        m -> m.input("x", 4)
                                .constant("r", floats(new float[] {0.5f}))
                                .node("Dropout", "y", "x r")),
                model(
                        "integer constant cast",
                        m -> m.input("x", 4)
                                .constant("two", longs(2))
                                .node("Cast", "c", "two", attribute("to", 1))
                                .node("Mul", "y", "c x")),
                model(
                        "Constant value_floats",
                        m -> m.input("x", 2)
                                .node(
                                        "Constant",
                                        "c",
                                        "",
                                        ai.onnx.proto.OnnxMl.AttributeProto.newBuilder()
                                                .setName("value_floats")
                                                .setType(ai.onnx.proto.OnnxMl.AttributeProto.AttributeType.FLOATS)
                                                .addAllFloats(List.of(1f, 2f))
                                                .build())
                                .node("Mul", "y", "c x")),
                model(
                        "alphas",
                        m -> m.input("x", 4)
                                .node("Neg", "n", "x")
                                .node("LeakyRelu", "l", "n", attribute("alpha", 0.2f))
                                .node("Elu", "y", "l", attribute("alpha", 1.5f))),
                model(
                        "nodes out of order",
                        m -> m.input("x", 4).node("Tanh", "y", "h").node("Exp", "h", "x")));
    }

    @ParameterizedTest
    @MethodSource("models")
    void aModelIsTheFunctionThatOnnxruntimeComputes(UnaryOperator<Models> nodes) throws Exception {
        byte[] model = nodes.apply(new Models(13)).output("y").bytes();
        assertSameFunction(model);
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "tanh"})
    void geluIsTheFunctionThatOnnxruntimeComputes(String approximate) throws Exception {
        byte[] model = new Models(20)
                .input("x", 4)
                .integers("a", 1)
                .node("Gelu", "h", "x", attribute("approximate", approximate))
                .node("ReduceMean", "y", "h a")
                .output("y")
                .bytes();
        assertSameFunction(model);
    }

    @ParameterizedTest
    @ValueSource(ints = {9, 11})
    void olderOpsetsSqueezeAndNormaliseByAttributes(int opset) throws Exception {
        byte[] model = new Models(opset)
                .input("x", 1, 4)
                .node("Squeeze", "h", "x", ints("axes", 1L))
                .node("Softmax", "s", "h")
                .node("Unsqueeze", "u", "s", ints("axes", 1L))
                .node("Flatten", "f", "u")
                .node("ReduceSum", "y", "f", ints("axes", 1L))
                .output("y")
                .bytes();
        assertSameFunction(model);
    }

    static void assertSameFunction(byte[] model) throws FormatException, OrtException {
        Graph graph = OnnxModel.parse(model, "test", null).graph();
        byte[] written = OnnxWriter.bytes(graph, Precision.F32);
        Graph back = OnnxModel.parse(written, "written", null).graph();
        assertThat(shapes(back)).isEqualTo(shapes(graph));
        Random random = new Random(9);
        Map<String, Tensor> inputs = new HashMap<>();
        graph.inputs().forEach((name, value) -> {
            float[] x = new float[SAMPLES * value.size()];
            for (int i = 0; i < x.length; i++) {
                x[i] = 0.1f + random.nextFloat() * 2;
            }
            inputs.put(name, Tensor.of(x, value.shape().prepend(SAMPLES)));
        });
        Tensor expected = run(model, inputs);
        Tensor came = run(written, inputs);
        assertThat(came.shape()).isEqualTo(expected.shape());
        assertThat(graph.output().shape().prepend(SAMPLES)).isEqualTo(expected.shape());
        for (int i = 0; i < came.size(); i++) {
            // Both are float32 of the same few operations, fused or not: a few roundings of numbers below 100.
            assertThat(came.get(i)).isCloseTo(expected.get(i), within(1e-5 + 1e-5 * Math.abs(expected.get(i))));
        }
    }

    private static Map<String, Shape> shapes(Graph graph) {
        Map<String, Shape> shapes = new HashMap<>();
        graph.inputs().forEach((name, value) -> shapes.put(name, value.shape()));
        graph.parameters().forEach((name, value) -> shapes.put(name, value.shape()));
        return shapes;
    }

    static Tensor run(byte[] model, Map<String, Tensor> inputs) throws OrtException {
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        Map<String, OnnxTensor> feeds = new HashMap<>();
        try (OrtSession session = environment.createSession(model)) {
            for (Map.Entry<String, Tensor> in : inputs.entrySet()) {
                Tensor t = in.getValue();
                feeds.put(
                        in.getKey(),
                        OnnxTensor.createTensor(
                                environment,
                                FloatBuffer.wrap(t.floats()),
                                t.shape().axes()));
            }
            try (OrtSession.Result result = session.run(feeds)) {
                OnnxTensor y = (OnnxTensor) result.get(0);
                FloatBuffer buffer = y.getFloatBuffer();
                float[] data = new float[buffer.remaining()];
                buffer.get(data);
                return Tensor.of(data, y.getInfo().getShape());
            }
        } finally {
            feeds.values().forEach(OnnxTensor::close);
        }
    }

    // Structure.

    private static Graph parse(Models model) throws FormatException {
        return OnnxModel.parse(model.output("y").bytes(), "test", null).graph();
    }

    @Test
    void aTransposedWeightIsTheOtherFormOfTheSameParameter() throws FormatException {
        Graph graph = parse(new Models(13)
                .input("x", 4)
                .weight("w", 3, 4)
                .node("Transpose", "v", "w")
                .node("MatMul", "y", "x v"));
        assertThat(graph.output().op()).isEqualTo(new Op.Linear(false));
        assertThat(graph.output().operand(1)).isSameAs(graph.named("w"));
        assertThat(graph.named("w").shape()).isEqualTo(Shape.of(3, 4));
    }

    @Test
    void aMatMulWhoseOnlyUseIsAnAddIsOneLayer() throws FormatException {
        Models model = new Models(13)
                .input("x", 4)
                .weight("w", 4, 3)
                .weight("b", 1, 3)
                .node("MatMul", "z", "x w")
                .node("Add", "y", "z b");
        Value y = parse(model).output();
        assertThat(y.op()).isEqualTo(new Op.Linear(true));
        assertThat(y.operands()).hasSize(3);
    }

    @Test
    void aMatMulWithAnotherUseStaysAlone() throws FormatException {
        Models model = new Models(13)
                .input("x", 4)
                .weight("w", 4, 3)
                .weight("b", 3)
                .node("MatMul", "z", "x w")
                .node("Add", "a", "z b")
                .node("Mul", "y", "a z");
        Graph graph = parse(model);
        assertThat(graph.output().operand(0).op()).isEqualTo(Op.Arithmetic.ADD);
    }

    @Test
    void aParameterWithABatchAxisOfOneKeepsItsShape() throws FormatException {
        Graph graph = parse(new Models(13).input("x", 4).weight("c", 1, 4).node("Mul", "y", "x c"));
        assertThat(graph.named("c").shape()).isEqualTo(Shape.of(1, 4));
        assertThat(graph.output().shape()).isEqualTo(Shape.of(4));
    }

    @Test
    void aWeightUsedTwiceIsOneParameter() throws FormatException {
        Graph graph = parse(new Models(13)
                .input("x", 4)
                .weight("w", 4, 4)
                .node("Identity", "tied", "w")
                .node("MatMul", "h", "x w")
                .node("MatMul", "y", "h tied"));
        assertThat(graph.parameters()).containsOnlyKeys("w");
    }

    @Test
    void constantNodesAreNotParameters() throws FormatException {
        Graph graph = parse(new Models(13)
                .input("x", 4)
                .constant("c", floats(new float[] {2}))
                .node("Mul", "y", "x c"));
        assertThat(graph.parameters()).isEmpty();
    }

    @Test
    void sigmoidTimesItsArgumentIsSilu() throws FormatException {
        Graph graph =
                parse(new Models(13).input("x", 4).node("Sigmoid", "s", "x").node("Mul", "y", "x s"));
        assertThat(graph.output().op()).isEqualTo(new Op.Map(Elementwise.of(Elementwise.Kind.SILU)));
    }

    @Test
    void aSlopeIsTheDecimalThatWasMeant() throws FormatException {
        Graph graph = parse(new Models(13).input("x", 4).node("LeakyRelu", "y", "x", attribute("alpha", 0.01f)));
        assertThat(graph.output().op()).isEqualTo(new Op.Map(new Elementwise(Elementwise.Kind.LEAKY_RELU, 0.01)));
    }

    @Test
    void ofSeveralOutputsTheNamedOneIsImportedAndOnlyItsNodes() throws FormatException {
        byte[] model = new Models(13)
                .input("x", 4)
                .node("Tanh", "y", "x")
                .node("Conv", "other", "x")
                .output("y")
                .output("other")
                .bytes();
        assertThat(OnnxModel.parse(model, "test", "y").graph().values()).hasSize(2);
        assertThatThrownBy(() -> OnnxModel.parse(model, "test", null))
                .hasMessage("test: has 2 outputs, name the one to import: \"y\", \"other\"");
        assertThatThrownBy(() -> OnnxModel.parse(model, "test", "z"))
                .hasMessage("test: has no output \"z\", only \"y\", \"other\"");
        assertThatThrownBy(() -> OnnxModel.parse(model, "test", "other"))
                .hasMessage("test: node \"make_other\" (Conv): this operator is not supported");
    }

    @Test
    void aChainOfAHundredThousandNodesIsImported() throws FormatException {
        Models model = new Models(13).input("x", 4);
        model.node("Tanh", "h0", "x");
        for (int i = 1; i < 100_000; i++) {
            model.node("Tanh", "h" + i, "h" + (i - 1));
        }
        model.node("Tanh", "y", "h99999");
        assertThat(parse(model).values()).hasSize(100_002);
    }

    // Refusals.

    private static Arguments refused(String message, UnaryOperator<Models> nodes) {
        return Arguments.of(Named.of(message, message), nodes);
    }

    static Stream<Arguments> refusals() {
        return Stream.of(
                refused(
                        "node \"make_y\" (Conv): this operator is not supported",
                        m -> m.input("x", 4).node("Conv", "y", "x")),
                refused(
                        "transA would transpose the batch",
                        m -> m.input("x", 4).weight("w", 4, 3).node("Gemm", "y", "x w", attribute("transA", 1))),
                refused(
                        "node \"make_y\" (Gemm): linear xW: x has shape (4,), W (5, 3) expects (5,)",
                        m -> m.input("x", 4).weight("w", 5, 3).node("Gemm", "y", "x w")),
                refused(
                        "shapes (2, 3) and (B, 3): a constant may not extend along the batch",
                        m -> m.input("x", 4).weight("w", 4, 3).weight("b", 2, 3).node("Gemm", "y", "x w b")),
                refused(
                        "C has shape (3,), which does not broadcast to (1,)",
                        m -> m.input("x", 4).weight("w", 4, 1).weight("b", 3).node("Gemm", "y", "x w b")),
                refused(
                        "both operands depend on the batch",
                        m -> m.input("x", 4).node("MatMul", "y", "x x")),
                refused(
                        "does not depend on the batch",
                        m -> m.input("x", 4)
                                .weight("w", 4, 4)
                                .node("MatMul", "v", "w w")
                                .node("MatMul", "y", "x v")),
                refused(
                        "alpha is Infinity",
                        m -> m.input("x", 4)
                                .weight("w", 4, 4)
                                .node("Gemm", "y", "x w", attribute("alpha", Float.POSITIVE_INFINITY))),
                refused(
                        "attribute alpha is INT, expected FLOAT",
                        m -> m.input("x", 4).node("Elu", "y", "x", attribute("alpha", 1))),
                refused("along axis 0", m -> m.input("x", 4).node("Softmax", "y", "x", attribute("axis", 0))),
                refused(
                        "along axis -1 of shape (B, 2, 3)",
                        m -> m.input("x", 2, 3).node("Softmax", "y", "x")),
                refused("reduces all axes", m -> m.input("x", 4).node("ReduceSum", "y", "x")),
                refused("reduces axes [0]", m -> m.input("x", 4).node("ReduceMean", "y", "x", ints("axes", 0L))),
                refused(
                        "training_mode is true",
                        m -> m.input("x", 4)
                                .constant("r", floats(new float[] {0.5f}))
                                .initializer(TensorProto.newBuilder()
                                        .setName("t")
                                        .setDataType(TensorProto.DataType.BOOL_VALUE)
                                        .addInt32Data(1))
                                .node("Dropout", "y", "x r t")),
                refused("a type that is float16", m -> m.input("x", 4).node("Cast", "y", "x", attribute("to", 10))),
                refused(
                        "its exponent is 3.0",
                        m -> m.input("x", 4)
                                .constant("c", floats(new float[] {3}))
                                .node("Pow", "y", "x c")),
                refused(
                        "its exponent has shape (1, 1, 1)",
                        m -> m.input("x", 4)
                                .constant("c", floats(new float[] {2}, 1, 1, 1))
                                .node("Pow", "y", "x c")),
                refused(
                        "\"x\" is not a constant of one number",
                        m -> m.input("x", 4).node("Pow", "y", "x x")),
                refused("do not broadcast", m -> m.input("x", 4).weight("c", 3).node("Add", "y", "x c")),
                refused(
                        "may not extend along the batch",
                        m -> m.input("x", 4).weight("c", 3, 4).node("Add", "y", "x c")),
                refused(
                        "whose batch axes do not align",
                        m -> m.input("x", 4).input("u", 4, 4).node("Add", "y", "x u")),
                refused(
                        "expected equal shapes, one number, or one that ends the other",
                        m -> m.input("x", 2, 3).weight("c", 2, 1).node("Add", "y", "x c")),
                refused(
                        "does not keep the batch axis",
                        m -> m.input("x", 4).integers("s", 1, -1).node("Reshape", "y", "x s")),
                refused(
                        "reshape: (4,) has 4 components, (2,) has 2",
                        m -> m.input("x", 4).integers("s", -1, 2).node("Reshape", "y", "x s")),
                refused(
                        "do not divide 4 elements",
                        m -> m.input("x", 4).integers("s", 0, 3, -1).node("Reshape", "y", "x s")),
                refused(
                        "copies axis 2, which is not there",
                        m -> m.input("x", 4).integers("s", 0, 4, 0).node("Reshape", "y", "x s")),
                refused(
                        "expected a vector of integers",
                        m -> m.input("x", 4).weight("s", 2).node("Reshape", "y", "x s")),
                refused(
                        "\"x\" is computed, expected a constant",
                        m -> m.input("x", 4).node("Reshape", "y", "x x")),
                refused(
                        "at axis 0, expected axis 1",
                        m -> m.input("x", 4).node("Flatten", "y", "x", attribute("axis", 0))),
                refused("perm moves the batch axis", m -> m.input("x", 4).node("Transpose", "y", "x")),
                refused(
                        "reorders the components of shape (B, 2, 3)",
                        m -> m.input("x", 2, 3).node("Transpose", "y", "x", ints("perm", 0L, 2L, 1L))),
                refused(
                        "perm is no permutation",
                        m -> m.input("x", 2, 3).node("Transpose", "y", "x", ints("perm", 0L, 1L, 1L))),
                refused(
                        "the transpose of initializer \"w\" is used",
                        m -> m.input("x", 4)
                                .weight("w", 4, 1)
                                .node("Transpose", "v", "w")
                                .node("Add", "y", "x v")),
                refused(
                        "it would change the batch axis",
                        m -> m.input("x", 4).integers("a", 0).node("Unsqueeze", "y", "x a")),
                refused(
                        "out of range or comes twice",
                        m -> m.input("x", 4).integers("a", Long.MIN_VALUE).node("Unsqueeze", "y", "x a")),
                refused(
                        "whose length is not 1",
                        m -> m.input("x", 4).integers("a", 1).node("Squeeze", "y", "x a")),
                refused("depends on the batch's length", m -> m.input("x", 4).node("Squeeze", "y", "x")),
                refused(
                        "approximate is \"fast\"",
                        m -> m.input("x", 4).node("Gelu", "y", "x", attribute("approximate", "fast"))),
                refused("it has 1 inputs, expected 2", m -> m.input("x", 4).node("Add", "y", "x")),
                refused("its input 1 is missing", m -> m.input("x", 4).node("Add", "y", "x _")),
                refused("input \"w\" is made by no node", m -> m.input("x", 4).node("MatMul", "y", "x w")),
                refused(
                        "it depends on its own output",
                        m -> m.input("x", 4).node("Add", "y", "x h").node("Tanh", "h", "y")),
                refused(
                        "its output \"y\" is defined twice",
                        m -> m.input("x", 4).node("Tanh", "y", "x").node("Exp", "y", "x")),
                refused(
                        "its output \"x\" is defined twice",
                        m -> m.input("x", 4).node("Tanh", "x", "x")),
                refused(
                        "has two initializers \"w\"",
                        m -> m.input("x", 4).weight("w", 4).weight("w", 4).node("Mul", "y", "x w")),
                refused(
                        "has two inputs \"x\"",
                        m -> m.input("x", 4).input("x", 4).node("Tanh", "y", "x")),
                refused("no node makes its output \"y\"", m -> m.input("x", 4).node("Tanh", "z", "x")),
                refused("without nodes", m -> m.input("x", 4)),
                refused(
                        "does not depend on an input",
                        m -> m.input("x", 4).weight("w", 4).node("Tanh", "y", "w")),
                refused(
                        "is float16, expected float32 or float64",
                        m -> m.input("x", 4)
                                .initializer(TensorProto.newBuilder()
                                        .setName("w")
                                        .setDataType(TensorProto.DataType.FLOAT16_VALUE)
                                        .addDims(1)
                                        .setRawData(ByteString.copyFrom(new byte[2])))
                                .node("Mul", "y", "x w")),
                refused(
                        "of the unknown ONNX type 99",
                        m -> m.input("x", 4)
                                .initializer(
                                        TensorProto.newBuilder().setName("w").setDataType(99))
                                .node("Mul", "y", "x w")),
                refused(
                        "holds integers, expected float32 or float64",
                        m -> m.input("x", 4).integers("w", 1).node("Mul", "y", "x w")),
                refused(
                        "lies in another file (external data)",
                        m -> m.input("x", 4)
                                .initializer(TensorProto.newBuilder()
                                        .setName("w")
                                        .setDataType(1)
                                        .addDims(4)
                                        .setDataLocation(TensorProto.DataLocation.EXTERNAL))
                                .node("Mul", "y", "x w")),
                refused(
                        "has shape (4,) and 8 bytes of data, expected 16",
                        m -> m.input("x", 4)
                                .initializer(TensorProto.newBuilder()
                                        .setName("w")
                                        .setDataType(1)
                                        .addDims(4)
                                        .setRawData(ByteString.copyFrom(new byte[8])))
                                .node("Mul", "y", "x w")),
                refused(
                        "has shape (1000000000,) and 1 numbers, expected 1000000000",
                        m -> m.input("x", 4)
                                .initializer(floats(new float[1], 1_000_000_000).setName("w"))
                                .node("Mul", "y", "x w")),
                refused(
                        "an array holds at most 2147483647",
                        m -> m.input("x", 4)
                                .initializer(floats(new float[1], 1L << 40).setName("w"))
                                .node("Mul", "y", "x w")),
                refused(
                        "has more than 2^63 elements",
                        m -> m.input("x", 4)
                                .initializer(
                                        floats(new float[1], 1L << 40, 1L << 40).setName("w"))
                                .node("Mul", "y", "x w")),
                refused(
                        "has a negative axis",
                        m -> m.input("x", 4)
                                .initializer(floats(new float[1], -1).setName("w"))
                                .node("Mul", "y", "x w")),
                refused(
                        "has no components",
                        m -> m.input("x", 4)
                                .initializer(floats(new float[0], 0).setName("w"))
                                .node("Mul", "y", "x w")),
                refused("axis 1 has length 0", m -> m.input("x", 0).node("Tanh", "y", "x")),
                refused("axis 1 has length -3", m -> m.input("x", -3).node("Tanh", "y", "x")),
                refused("an output that the importer does not provide", m -> {
                    m.input("x", 4).node("Dropout", "d", "x");
                    m.graph.getNodeBuilder(0).addOutput("mask");
                    return m.node("Mul", "y", "d mask");
                }),
                refused("node \"make_y\" (\"com.example\" Tanh): operators of this domain", m -> {
                    m.input("x", 4).node("Tanh", "y", "x");
                    m.graph.getNodeBuilder(0).setDomain("com.example");
                    return m;
                }),
                refused("input \"x\" is int64", m -> {
                    m.input("x", 4).node("Tanh", "y", "x");
                    m.graph
                            .getInputBuilder(0)
                            .getTypeBuilder()
                            .getTensorTypeBuilder()
                            .setElemType(7);
                    return m;
                }),
                refused("node #0 (Tanh): input \"x\" has no shape", m -> {
                    m.input("x", 4).node("Tanh", "y", "x");
                    m.graph
                            .getInputBuilder(0)
                            .getTypeBuilder()
                            .getTensorTypeBuilder()
                            .clearShape();
                    m.graph.getNodeBuilder(0).clearName();
                    return m;
                }),
                refused("has the variable length \"length\"", m -> {
                    m.input("x", 4).node("Tanh", "y", "x");
                    m.graph
                            .getInputBuilder(0)
                            .getTypeBuilder()
                            .getTensorTypeBuilder()
                            .getShapeBuilder()
                            .getDimBuilder(1)
                            .setDimParam("length");
                    return m;
                }));
    }

    @ParameterizedTest
    @MethodSource("refusals")
    void whatAGraphCannotExpressIsRefusedByName(String message, UnaryOperator<Models> nodes) {
        byte[] model = nodes.apply(new Models(13)).output("y").bytes();
        assertThatThrownBy(() -> OnnxModel.parse(model, "net.onnx", null))
                .isInstanceOf(FormatException.class)
                .hasMessageStartingWith("net.onnx: ")
                .hasMessageContaining(message);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 6, 26, Integer.MAX_VALUE})
    void anUnknownOpsetIsRefused(int opset) {
        byte[] model = new Models(opset)
                .input("x", 4)
                .node("Tanh", "y", "x")
                .output("y")
                .bytes();
        assertThatThrownBy(() -> OnnxModel.parse(model, "test", null))
                .isInstanceOf(FormatException.class)
                .hasMessageContaining("expected 7 to 25");
    }

    @Test
    void anUntrustedNameIsShortenedInMessages() {
        String name = "evil\u001b[31m\n" + "x".repeat(1_000_000);
        byte[] model =
                new Models(13).input("x", 4).node(name, "y", "x").output("y").bytes();
        assertThatThrownBy(() -> OnnxModel.parse(model, "test", null))
                .isInstanceOf(FormatException.class)
                .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(300).doesNotContain("\u001b", "\n"));
    }

    @Test
    void whatIsNoModelIsRefused() throws IOException {
        for (String text : List.of("", "hello", "\u0008\u0008", String.join("", Collections.nCopies(5000, "\u000b")))) {
            Path file = Files.writeString(directory.resolve("x.onnx"), text);
            assertThatThrownBy(() -> OnnxModel.read(file))
                    .isInstanceOf(FormatException.class)
                    .hasMessageStartingWith(file + ": is not an ONNX model");
        }
        assertThatThrownBy(() -> OnnxModel.read(directory)).hasMessageContaining("is a directory");
    }

    @Test
    void aTruncatedModelIsRefused() throws IOException {
        byte[] whole = Files.readAllBytes(golden("gated", "model.onnx"));
        int imported = 0;
        for (int length = 0; length < whole.length; length++) {
            byte[] part = Arrays.copyOf(whole, length);
            try {
                OnnxModel.parse(part, "test", null);
                imported++;
            } catch (FormatException e) {
                assertThat(e).hasMessageStartingWith("test: ");
            }
        }
        assertThat(imported).isZero();
    }
}
