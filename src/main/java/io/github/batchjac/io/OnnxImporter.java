package io.github.batchjac.io;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import io.github.batchjac.graph.Functions;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Value;
import io.github.batchjac.tensor.Precision;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Walks an ONNX graph from its output, without recursion, and makes each node in an order in which its inputs exist. */
final class OnnxImporter {
    private static final long OLDEST_OPSET = 7;
    private static final long NEWEST_OPSET = 25;
    private static final Set<String> STANDARD_DOMAINS = Set.of("", "ai.onnx");

    private final String where;
    private final GraphProto graph;
    private final long opset;
    private final String output;
    private final Map<String, OnnxTensor> initializers = new HashMap<>();
    private final Map<String, ValueInfoProto> inputs = new LinkedHashMap<>();
    private final Map<String, Integer> makers = new HashMap<>();
    private final Map<String, Integer> uses = new HashMap<>();
    private final Map<String, OnnxOperand> known = new HashMap<>();
    private @Nullable Precision precision;

    OnnxImporter(ModelProto model, @Nullable String output, String where) throws FormatException {
        this.where = where;
        if (!model.hasGraph() || model.getGraph().getNodeCount() == 0) {
            throw new FormatException(where + ": is not an ONNX model, or one without nodes");
        }
        this.graph = model.getGraph();
        this.opset = opset(model);
        this.output = output(output);
        declare();
    }

    long opset() {
        return opset;
    }

    String output() {
        return output;
    }

    /** The precision of the inputs that the output depends on: float64 if any is. */
    Precision precision() {
        return precision == null ? Precision.F32 : precision;
    }

    private FormatException refused(String what) {
        return new FormatException(where + ": " + what);
    }

    private long opset(ModelProto model) throws FormatException {
        long version = 0;
        for (OperatorSetIdProto set : model.getOpsetImportList()) {
            if (STANDARD_DOMAINS.contains(set.getDomain())) {
                version = set.getVersion();
            }
        }
        if (version < OLDEST_OPSET || version > NEWEST_OPSET) {
            throw refused("uses " + (version == 0 ? "no opset of ONNX" : "opset " + version) + ", expected "
                    + OLDEST_OPSET + " to " + NEWEST_OPSET);
        }
        return version;
    }

    private String output(@Nullable String wanted) throws FormatException {
        List<String> names =
                graph.getOutputList().stream().map(ValueInfoProto::getName).toList();
        if (wanted == null && names.size() == 1) {
            return names.get(0);
        }
        if (wanted != null && names.contains(wanted)) {
            return wanted;
        }
        String list = names.stream().limit(20).map(InputFiles::quote).collect(Collectors.joining(", "))
                + (names.size() > 20 ? ", …" : "");
        throw refused(
                wanted != null
                        ? "has no output " + InputFiles.quote(wanted) + ", only " + list
                        : names.isEmpty()
                                ? "has no output"
                                : "has " + names.size() + " outputs, name the one to import: " + list);
    }

    /** Every name may be given once: by an initializer, an input (which an initializer may repeat), or a node. */
    private void declare() throws FormatException {
        if (graph.getSparseInitializerCount() > 0) {
            throw refused("has sparse initializers, expected dense ones");
        }
        for (TensorProto tensor : graph.getInitializerList()) {
            if (initializers.put(tensor.getName(), OnnxTensor.initializer(tensor)) != null) {
                throw refused("has two initializers " + InputFiles.quote(tensor.getName()));
            }
        }
        for (ValueInfoProto input : graph.getInputList()) {
            if (initializers.containsKey(input.getName())) {
                continue;
            }
            if (inputs.put(input.getName(), input) != null) {
                throw refused("has two inputs " + InputFiles.quote(input.getName()));
            }
        }
        for (int i = 0; i < graph.getNodeCount(); i++) {
            for (String name : graph.getNode(i).getOutputList()) {
                if (name.isEmpty()) {
                    continue;
                }
                if (makers.put(name, i) != null || initializers.containsKey(name) || inputs.containsKey(name)) {
                    throw refused(title(i) + ": its output " + InputFiles.quote(name) + " is defined twice");
                }
            }
        }
    }

    private String title(int node) {
        return OnnxNode.title(graph.getNode(node), node);
    }

    Graph read() throws FormatException {
        List<Integer> order = order();
        for (ValueInfoProto info : graph.getOutputList()) {
            uses.merge(info.getName(), 1, Integer::sum);
        }
        OnnxOperators operators = new OnnxOperators(opset, batch(), name -> uses.getOrDefault(name, 0) == 1);
        for (int i : order) {
            NodeProto node = graph.getNode(i);
            try {
                if (!STANDARD_DOMAINS.contains(node.getDomain())) {
                    throw new IllegalArgumentException("operators of this domain are not supported");
                }
                if (node.getOutputCount() == 0 || node.getOutput(0).isEmpty()) {
                    throw new IllegalArgumentException("its first output has no name");
                }
                for (String name : node.getInputList()) {
                    resolve(name);
                }
                known.put(node.getOutput(0), operators.apply(new OnnxNode(node, known)));
            } catch (IllegalArgumentException | ArithmeticException e) {
                throw new FormatException(where + ": " + title(i) + ": " + e.getMessage(), e);
            }
        }
        return graph();
    }

    private Graph graph() throws FormatException {
        try {
            resolve(output);
            OnnxOperand result = known.get(output);
            if (result == null) {
                throw refused("its output " + InputFiles.quote(output) + " is one that the importer does not provide");
            }
            if (!result.batched()) {
                throw refused("its output " + InputFiles.quote(output) + " does not depend on an input");
            }
            return Graph.of(result.value());
        } catch (IllegalArgumentException e) {
            throw new FormatException(where + ": " + e.getMessage(), e);
        }
    }

    /** The nodes that the output depends on, each after those that make its inputs (Kahn's algorithm). */
    private List<Integer> order() throws FormatException {
        Set<Integer> needed = needed();
        Map<Integer, Integer> missing = new HashMap<>();
        Map<Integer, List<Integer>> takers = new HashMap<>();
        Deque<Integer> ready = new ArrayDeque<>();
        for (int i : needed.stream().sorted().toList()) {
            int count = 0;
            for (String name : graph.getNode(i).getInputList()) {
                uses.merge(name, 1, Integer::sum);
                Integer maker = makers.get(name);
                if (maker != null) {
                    takers.computeIfAbsent(maker, m -> new ArrayList<>()).add(i);
                    count++;
                }
            }
            missing.put(i, count);
            if (count == 0) {
                ready.add(i);
            }
        }
        List<Integer> order = new ArrayList<>();
        while (!ready.isEmpty()) {
            int i = ready.remove();
            order.add(i);
            for (int taker : takers.getOrDefault(i, List.of())) {
                if (missing.merge(taker, -1, Integer::sum) == 0) {
                    ready.add(taker);
                }
            }
        }
        if (order.size() < needed.size()) {
            order.forEach(needed::remove);
            throw refused(title(needed.iterator().next()) + ": it depends on its own output");
        }
        return order;
    }

    private Set<Integer> needed() throws FormatException {
        Set<Integer> needed = new HashSet<>();
        Deque<Integer> open = new ArrayDeque<>();
        Integer last = makers.get(output);
        if (last == null && !inputs.containsKey(output)) {
            throw refused("no node makes its output " + InputFiles.quote(output));
        }
        if (last != null) {
            needed.add(last);
            open.add(last);
        }
        while (!open.isEmpty()) {
            int i = open.remove();
            for (String name : graph.getNode(i).getInputList()) {
                Integer maker = makers.get(name);
                if (maker != null && needed.add(maker)) {
                    open.add(maker);
                } else if (maker == null
                        && !name.isEmpty()
                        && !initializers.containsKey(name)
                        && !inputs.containsKey(name)) {
                    throw refused(title(i) + ": its input " + InputFiles.quote(name)
                            + " is made by no node and is neither an input nor an initializer");
                }
            }
        }
        return needed;
    }

    /** Makes a name known that stands for an initializer or an input. */
    private void resolve(String name) {
        if (name.isEmpty() || known.containsKey(name)) {
            return;
        }
        OnnxTensor initializer = initializers.get(name);
        ValueInfoProto input = inputs.get(name);
        if (initializer != null) {
            known.put(name, OnnxOperand.Stored.of(initializer));
        } else if (input != null) {
            known.put(name, new OnnxOperand.Batched(input(input)));
        }
    }

    private Value input(ValueInfoProto info) {
        String title = "input " + InputFiles.quote(info.getName());
        TypeProto.Tensor type = info.getType().getTensorType();
        int element = type.getElemType();
        if (!info.getType().hasTensorType()
                || (element != TensorProto.DataType.FLOAT_VALUE && element != TensorProto.DataType.DOUBLE_VALUE)) {
            throw new IllegalArgumentException(title + " is "
                    + (info.getType().hasTensorType() ? OnnxTensor.typeName(element) : "no tensor")
                    + ", expected float32 or float64");
        }
        TensorShapeProto shape = type.getShape();
        if (!type.hasShape() || shape.getDimCount() == 0 || shape.getDimCount() > NpyHeader.MOST_AXES) {
            throw new IllegalArgumentException(title + " has "
                    + (type.hasShape() ? shape.getDimCount() + " axes" : "no shape")
                    + ", expected the batch and then the axes of one sample");
        }
        long[] axes = new long[shape.getDimCount() - 1];
        for (int i = 0; i < axes.length; i++) {
            TensorShapeProto.Dimension dim = shape.getDim(i + 1);
            if (!dim.hasDimValue() || dim.getDimValue() <= 0) {
                throw new IllegalArgumentException(title + ": axis " + (i + 1) + " has "
                        + (dim.hasDimParam()
                                ? "the variable length " + InputFiles.quote(dim.getDimParam())
                                : "length " + dim.getDimValue())
                        + "; only the first axis, the batch, may vary");
            }
            axes[i] = dim.getDimValue();
        }
        boolean wide = element == TensorProto.DataType.DOUBLE_VALUE || precision == Precision.F64;
        precision = wide ? Precision.F64 : Precision.F32;
        return Functions.input(info.getName(), axes);
    }

    /** The batch's length, if all inputs fix it to the same. */
    private OptionalLong batch() {
        OptionalLong batch = OptionalLong.empty();
        for (ValueInfoProto input : inputs.values()) {
            TensorShapeProto shape = input.getType().getTensorType().getShape();
            if (shape.getDimCount() == 0 || !shape.getDim(0).hasDimValue()) {
                return OptionalLong.empty();
            }
            long length = shape.getDim(0).getDimValue();
            if (batch.isPresent() && batch.getAsLong() != length) {
                return OptionalLong.empty();
            }
            batch = OptionalLong.of(length);
        }
        return batch;
    }
}
