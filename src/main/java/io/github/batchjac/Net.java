package io.github.batchjac;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Backends;
import io.github.batchjac.backend.Program;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Value;
import io.github.batchjac.io.OnnxModel;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Reduction;
import io.github.batchjac.plan.Request;
import io.github.batchjac.tensor.ElementType;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * A function and its derivatives, one call each, on the best device, for batches of any size:
 *
 * <pre>{@code
 * Net net = Net.of(graph);                          // or Net.read(Path.of("model.onnx"))
 * Tensor j = net.jacobian("x").apply(x);            // (B, out..., in...)
 * Tensor g = net.vjp("x").apply(x, v);              // v (B, out...) → (B, in...)
 * }</pre>
 *
 * <p>The precision is that of the input. Every call plans and prepares anew; what runs again and again is better {@linkplain
 * Backend#prepare prepared} once.
 */
public final class Net {
    private final Graph graph;

    private Net(Graph graph) {
        this.graph = graph;
    }

    public static Net of(Graph graph) {
        return new Net(graph);
    }

    /** The network in an ONNX file. @throws IOException naming node and operator, if it cannot be expressed */
    public static Net read(Path onnx) throws IOException {
        return new Net(OnnxModel.read(onnx).graph());
    }

    public Graph graph() {
        return graph;
    }

    /** The output, {@code (B, out...)}. */
    public Call forward() {
        return new Call(Request.forward(), Request.VALUE);
    }

    /** The Jacobian with respect to the input or parameter {@code name}, {@code (B, out..., in...)}. */
    public Call jacobian(String name) {
        return new Call(Request.jacobian(name), name);
    }

    /** A cotangent {@code (B, out...)} times the Jacobian, {@code (B, in...)}; {@code (B, k, out...)} gives {@code (B, k, in...)}. */
    public Call vjp(String name) {
        return new Call(Request.vjp(name), name);
    }

    /** The Jacobian times a tangent {@code (B, in...)}, {@code (B, out...)}; {@code (B, in..., k)} gives {@code (B, out..., k)}. */
    public Call jvp(String name) {
        return new Call(Request.jvp(name), Request.TANGENT);
    }

    /** The gradient of a net whose output is one number per sample; {@code (B, in...)}, reduced {@code (in...)}. */
    public Call gradient(String name, Reduction reduction) {
        return new Call(Request.gradient(name).reduce(reduction), name);
    }

    /** A derivative that waits for its arguments. */
    public final class Call {
        private final Request request;
        private final String result;

        private Call(Request request, String result) {
            this.request = request;
            this.result = result;
        }

        /**
         * Of a net with one input, at the batch {@code x}.
         *
         * @throws IllegalArgumentException if shape or type are not what is expected, naming both
         */
        public Tensor apply(Tensor x) {
            return apply(Map.of(input(), x));
        }

        /** At the batch {@code x}, along the cotangent or tangent {@code seed}. */
        public Tensor apply(Tensor x, Tensor seed) {
            return apply(Map.of(input(), x), seed);
        }

        /** Of a net with several inputs, by name. */
        public Tensor apply(Map<String, Tensor> inputs) {
            return run(request, inputs);
        }

        /** Of a net with several inputs, along a cotangent or tangent. */
        public Tensor apply(Map<String, Tensor> inputs, Tensor seed) {
            Map<String, Tensor> all = new LinkedHashMap<>(inputs);
            if (request.kind() == Request.Kind.VJP) {
                all.put(Request.COTANGENT, seed);
                int own = graph.output().shape().rank();
                return run(
                        seed.shape().rank() > own + 1
                                ? request.seeds((int) seed.shape().axis(1))
                                : request,
                        all);
            } else if (request.kind() == Request.Kind.JVP) {
                String name = request.wrt().get(0);
                Value value = graph.named(name);
                all.put(Request.tangent(name), seed);
                int own = value.shape().rank() + (value.shared() ? 0 : 1);
                int axes = seed.shape().rank();
                return run(axes > own ? request.seeds((int) seed.shape().axis(axes - 1)) : request, all);
            }
            throw new IllegalArgumentException("only vjp and jvp take a cotangent or a tangent");
        }

        private String input() {
            if (graph.inputs().size() != 1) {
                throw new IllegalArgumentException("the net has the inputs "
                        + String.join(", ", graph.inputs().keySet()) + "; give them by name");
            }
            return graph.inputs().keySet().iterator().next();
        }

        private Tensor run(Request wanted, Map<String, Tensor> inputs) {
            Tensor first = inputs.values().stream()
                    .filter(t -> t.type() != ElementType.I64 && t.shape().rank() > 0)
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException("no batch of numbers came"));
            Precision precision = first.type() == ElementType.F32 ? Precision.F32 : Precision.F64;
            try (Backend backend = Backends.best();
                    Program program = backend.prepare(Plan.of(
                            graph,
                            wanted,
                            backend.workload(first.shape().axis(0)).in(precision)))) {
                return Objects.requireNonNull(program.run(inputs).get(result));
            }
        }
    }
}
