package io.github.batchjac.backend.cuda;

import io.github.batchjac.tensor.Precision;

/** Small networks as a whole. */
final class NetworkKernels {
    /** Rows of a panel: the widest layer. */
    static final int WIDEST = 64;

    private static final int THREADS = 128;
    /** Dynamic shared memory of a block; some is taken by the table of layers. */
    private static final int SHARED_BYTES = 47 << 10;

    private final Queue queue;
    private final int multiprocessors;
    private final int numberBytes;
    /** Columns of a panel, and lines of W at a time, as {@code network.cuh} has them. */
    private final int columns;

    private final int lines;
    /** Numbers of a sector. */
    private final int run;

    NetworkKernels(Queue queue) {
        this(queue, queue.device().info().multiprocessors());
    }

    /** For a device of so many multiprocessors: results are the same, how many samples a block takes may not be. */
    NetworkKernels(Queue queue, int multiprocessors) {
        this.queue = queue;
        this.multiprocessors = multiprocessors;
        boolean single = queue.precision() == Precision.F32;
        numberBytes = single ? Float.BYTES : Double.BYTES;
        columns = single ? 64 : 32;
        lines = single ? 32 : 16;
        run = 32 / numberBytes;
    }

    /** Whether {@link #jacobian} takes it: 1 to 8 layers, all widths 1 to 64. */
    boolean fits(Network network) {
        return !network.layers().isEmpty()
                && network.layers().size() <= Network.MOST_LAYERS
                && network.layers().stream().allMatch(layer -> fits(layer.in()) && fits(layer.out()));
    }

    private static boolean fits(int width) {
        return width >= 1 && width <= WIDEST;
    }

    /**
     * The input Jacobian {@code out} (batch, outputs, inputs) and, unless it is 0, the {@code value} (batch, outputs) of a
     * network that {@link #fits}, in one launch. Entries are chains of products {@code (diag φ')·W·…}, each within the
     * bound of {@link MatrixKernels}, bracketed from the input or from the output, whichever takes fewer
     * operations: that depends on the network alone, and so do a sample's bits.
     *
     * @param x (batch, inputs), without gaps
     */
    void jacobian(long out, long value, Network network, long x, long batch) {
        jacobian(out, value, network, x, batch, backwardIsLess(network));
    }

    /** Bracketed as told. */
    void jacobian(long out, long value, Network network, long x, long batch, boolean backward) {
        if (batch == 0) {
            return;
        }
        Shape shape = shape(network, backward);
        // Rather few samples a block than idle multiprocessors.
        int samples = (int) Math.min(shape.samples, (batch + multiprocessors - 1) / multiprocessors);
        int pitch = pitch(network, backward);
        long slopes = (long) samples * pitch;
        queue.launch(
                "network_jacobian",
                (batch + samples - 1) / samples * shape.parts,
                THREADS,
                (int) (panelBytes() + slopes * numberBytes),
                new Arguments()
                        .with(out)
                        .with(value)
                        .with(network.table())
                        .with(network.layers().size())
                        .with(x)
                        .with(batch)
                        .with(samples)
                        .with(shape.columns)
                        .with(shape.parts)
                        .with(shape.lead)
                        .with(pitch)
                        .with(backward ? 1 : 0)
                        .with(Divisor.small(samples))
                        .with(Divisor.small(shape.columns))
                        .with(Divisor.small(network.inputs()))
                        .with(Divisor.small(network.outputs()))
                        .with(Divisor.small(backward ? network.inputs() : shape.columns - shape.lead)));
    }

    /**
     * What a block does.
     *
     * @param samples that it takes
     * @param columns of the panel for each, besides its values
     * @param parts blocks that share one sample's columns
     * @param lead columns that a part shares with the one before, so that each row's can start where a sector does
     */
    private record Shape(int samples, int columns, int parts, int lead) {}

    private Shape shape(Network network, boolean backward) {
        int all = backward ? network.outputs() : network.inputs();
        int values = backward ? 0 : 1;
        int most = columns - values;
        int parts = up(all, most);
        if (parts > 1) {
            int lead = backward || all % run == 0 ? 0 : run - 1;
            int each = up(up(all + lead, parts), run) * run;
            return each + lead <= most
                    ? new Shape(1, each + lead, parts, lead)
                    : new Shape(1, up(all, parts), parts, 0);
        }
        int samples = columns / (all + values);
        if (backward) {
            samples = (int) Math.min(samples, (SHARED_BYTES - panelBytes()) / numberBytes / pitch(network, true));
        }
        return new Shape(samples, all, 1, 0);
    }

    private static int up(int a, int b) {
        return (a + b - 1) / b;
    }

    /** The panel, and some lines of W. */
    private long panelBytes() {
        return numberBytes * ((long) lines * (WIDEST + run) + (long) WIDEST * (columns + 4));
    }

    /**
     * Numbers from a sample's slopes to the next one's, in whole sectors; an odd number of a quarter of the banks. Slopes of all
     * layers are kept on the way forward if there is one back.
     */
    private int pitch(Network network, boolean backward) {
        int sectors = backward
                ? network.layers().stream()
                        .mapToInt(layer -> (layer.out() + run - 1) / run)
                        .sum()
                : WIDEST / run;
        return (sectors + (5 - sectors % 4) % 4) * run;
    }

    private boolean backwardIsLess(Network network) {
        Shape forward = shape(network, false);
        Shape backward = shape(network, true);
        long there = 0;
        long back = 0;
        for (int l = 0; l < network.layers().size(); l++) {
            there += network.layers().get(l).in();
            if (l > 0) {
                back += network.layers().get(l).out();
            }
        }
        return (there + back) * backward.parts / (double) backward.samples
                < there * forward.parts / (double) forward.samples;
    }
}
