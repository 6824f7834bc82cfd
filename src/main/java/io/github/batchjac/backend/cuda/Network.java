package io.github.batchjac.backend.cuda;

import io.github.batchjac.graph.Elementwise;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A feed-forward network on the device: each layer takes what the one before it gives. */
record Network(List<Layer> layers) {
    /** Layers that the kernels' table has room for, and the bytes of one. */
    static final int MOST_LAYERS = 8;

    private static final int LAYER_BYTES = 40;

    /**
     * {@code φ(Wx + bias)}.
     *
     * @param w address of W, (out, in), or (in, out) in row form
     * @param bias address of (out) numbers; 0 for none
     * @param in width
     * @param out width
     * @param rowForm whether the layer is {@code φ(xW + bias)}
     * @param function φ, or null for none
     */
    record Layer(
            long w,
            long bias,
            int in,
            int out,
            boolean rowForm,
            @Nullable Elementwise function) {}

    Network {
        layers = List.copyOf(layers);
        for (int l = 1; l < layers.size(); l++) {
            if (layers.get(l).in != layers.get(l - 1).out) {
                throw new IllegalArgumentException("layer " + l + " takes " + layers.get(l).in
                        + " numbers, the one before gives " + layers.get(l - 1).out);
            }
        }
    }

    int inputs() {
        return layers.get(0).in;
    }

    int outputs() {
        return layers.get(layers.size() - 1).out;
    }

    /** As {@code network.cuh} declares it: functions have the numbers of their order there as well. */
    @SuppressWarnings("EnumOrdinal")
    byte[] table() {
        ByteBuffer table = ByteBuffer.allocate(MOST_LAYERS * LAYER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (Layer layer : layers) {
            Elementwise function = layer.function;
            table.putLong(layer.w)
                    .putLong(layer.bias)
                    .putInt(layer.in)
                    .putInt(layer.out)
                    .putInt(layer.rowForm ? 1 : 0)
                    .putInt(function == null ? -1 : number(function.kind()))
                    .putDouble(function == null ? 0 : function.alpha());
        }
        return table.array();
    }

    /** As {@code network.cuh} numbers the functions. */
    private static int number(Elementwise.Kind kind) {
        return switch (kind) {
            case IDENTITY -> 0;
            case NEGATE -> 1;
            case SIGMOID -> 2;
            case TANH -> 3;
            case RELU -> 4;
            case LEAKY_RELU -> 5;
            case ELU -> 6;
            case SOFTPLUS -> 7;
            case SILU -> 8;
            case GELU -> 9;
            case GELU_TANH -> 10;
            case EXP -> 11;
            case LOG -> 12;
            case SQUARE -> 13;
            case SQRT -> 14;
            case SIN -> 15;
            case COS -> 16;
            case RECIPROCAL -> 17;
            case ERF -> 18;
        };
    }
}
