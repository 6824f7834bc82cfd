package io.github.batchjac.bench;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The best formulas we know in DJL's operations: results by name, from inputs by name. */
interface DjlFormulas {
    Map<String, NDArray> call(Map<String, NDArray> inputs);

    /** @param manager of what is kept between calls; null if there is no such formula */
    static @Nullable DjlFormulas named(String formula, NDManager manager, Map<String, NDArray> inputs) {
        return switch (formula) {
            case "sigmoid-jacobian", "sigmoid-structured" -> sigmoid(manager, get(inputs, "x"));
            case "softmax-jacobian", "softmax-structured" -> DjlFormulas::softmax;
            case "weight-jacobian" -> weights(manager, get(inputs, "x"), get(inputs, "W"));
            case "outer-product" -> i -> Map.of("W", outer(get(i, "cotangent"), get(i, "x")));
            case "mean-weight-gradient" ->
                i -> Map.of(
                        "W",
                        get(i, "r")
                                .transpose()
                                .matMul(get(i, "x"))
                                .divi(get(i, "x").getShape().get(0)));
            case "softmax-ce-gradient" -> i -> Map.of("x", crossEntropy(get(i, "x"), get(i, "p")));
            case "matrix-product" -> i -> Map.of("product", get(i, "left").matMul(get(i, "right")));
            case "mlp-jacobian" -> i -> jacobian(i, true);
            case "small-net-jacobian" -> i -> jacobian(i, false);
            case "mlp-sample-gradients" -> DjlFormulas::gradients;
            case "mlp-gradient-norms" -> DjlFormulas::norms;
            default -> null;
        };
    }

    private static NDArray get(Map<String, NDArray> inputs, String name) {
        return Objects.requireNonNull(inputs.get(name), name);
    }

    /** Zeros are written once; the diagonal is a view. */
    private static DjlFormulas sigmoid(NDManager manager, NDArray x) {
        long d = x.getShape().get(1);
        NDArray out = manager.zeros(new Shape(x.getShape().get(0), d, d), x.getDataType());
        NDArray diagonal = out.diagonal(0, 1, 2);
        return i -> {
            NDArray s = Activation.sigmoid(get(i, "x"));
            diagonal.muli(0).addi(s.mul(s.neg().addi(1)));
            return Map.of("x", out);
        };
    }

    private static Map<String, NDArray> softmax(Map<String, NDArray> i) {
        NDArray q = get(i, "x").softmax(1);
        NDArray out = q.expandDims(2).mul(q.neg().expandDims(1));
        out.diagonal(0, 1, 2).addi(q);
        return Map.of("x", out);
    }

    private static DjlFormulas weights(NDManager manager, NDArray x, NDArray w) {
        long batch = x.getShape().get(0);
        long m = w.getShape().get(0);
        NDArray out = manager.zeros(new Shape(batch, m, m, x.getShape().get(1)), x.getDataType());
        NDArray copies = out.diagonal(0, 1, 2);
        return i -> {
            copies.muli(0).addi(get(i, "x").expandDims(2));
            return Map.of("W", out);
        };
    }

    private static NDArray outer(NDArray a, NDArray b) {
        return a.expandDims(2).mul(b.expandDims(1));
    }

    private static NDArray crossEntropy(NDArray z, NDArray p) {
        return z.softmax(1).muli(p.sum(new int[] {1}, true)).subi(p);
    }

    /** 1 − h². */
    private static NDArray slope(NDArray h) {
        return h.mul(h).negi().addi(1);
    }

    /** Values of all layers, x first. */
    private static List<NDArray> forward(Map<String, NDArray> i, boolean tanhLast) {
        List<NDArray> h = new ArrayList<>(List.of(get(i, "x")));
        for (int layer = 1; i.containsKey("W" + layer); layer++) {
            NDArray z = h.get(layer - 1).matMul(get(i, "W" + layer).transpose()).addi(get(i, "b" + layer));
            h.add(tanhLast || i.containsKey("W" + (layer + 1)) ? z.tanh() : z);
        }
        return h;
    }

    private static Map<String, NDArray> jacobian(Map<String, NDArray> i, boolean softmaxHead) {
        List<NDArray> h = forward(i, !softmaxHead);
        int layers = h.size() - 1;
        NDArray last = get(i, "W" + layers);
        NDArray panel;
        if (softmaxHead) {
            NDArray q = h.get(layers).softmax(1);
            panel = last.expandDims(0).sub(q.matMul(last).expandDims(1)).muli(q.expandDims(2));
        } else {
            panel = slope(h.get(layers)).expandDims(2).mul(last.expandDims(0));
        }
        long batch = h.get(0).getShape().get(0);
        for (int k = layers - 1; k > 0; k--) {
            NDArray w = get(i, "W" + k);
            panel = panel.muli(slope(h.get(k)).expandDims(1))
                    .reshape(-1, w.getShape().get(0))
                    .matMul(w)
                    .reshape(batch, -1, w.getShape().get(1));
        }
        return Map.of("x", panel);
    }

    /** The gradient with respect to each layer's output before its function; layer 1 first. */
    private static List<NDArray> deltas(Map<String, NDArray> i, List<NDArray> h) {
        List<NDArray> deltas = new ArrayList<>();
        NDArray delta = crossEntropy(h.get(h.size() - 1), get(i, "p"));
        for (int layer = h.size() - 1; layer > 0; layer--) {
            deltas.add(0, delta);
            if (layer > 1) {
                delta = delta.matMul(get(i, "W" + layer)).muli(slope(h.get(layer - 1)));
            }
        }
        return deltas;
    }

    private static Map<String, NDArray> gradients(Map<String, NDArray> i) {
        List<NDArray> h = forward(i, false);
        List<NDArray> deltas = deltas(i, h);
        Map<String, NDArray> results = new LinkedHashMap<>();
        for (int layer = 1; layer < h.size(); layer++) {
            results.put("W" + layer, outer(deltas.get(layer - 1), h.get(layer - 1)));
            results.put("b" + layer, deltas.get(layer - 1));
        }
        return results;
    }

    private static Map<String, NDArray> norms(Map<String, NDArray> i) {
        List<NDArray> h = forward(i, false);
        List<NDArray> deltas = deltas(i, h);
        int[] components = {1};
        NDArray sum = null;
        for (int layer = 1; layer < h.size(); layer++) {
            NDArray term = deltas.get(layer - 1).square().sum(components);
            term.muli(h.get(layer - 1).square().sum(components).addi(1));
            sum = sum == null ? term : sum.addi(term);
        }
        return Map.of("norm", Objects.requireNonNull(sum).sqrt());
    }
}
