package io.github.batchjac.backend.cuda;

import io.github.batchjac.backend.cuda.BenchCase.Given;
import io.github.batchjac.backend.cuda.BenchCase.Near;
import io.github.batchjac.graph.Elementwise;
import io.github.batchjac.graph.Elementwise.Kind;
import io.github.batchjac.tensor.Precision;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Whole input Jacobians of small networks. */
final class NetworkCases extends BenchCases {
    NetworkCases(Precision precision, boolean tiny, long room) {
        super(precision, tiny, room);
    }

    @Override
    void addAll() {
        network(batch(10 * 10), 10, 32, 32, 10);
        network(batch(32 * 10), 32, 64, 10);
        network(batch(10 * 64), 10, 64, 64, 64);
        // the smallest that is worth a kernel of its own
        network(samples(1 << 20, 64 * 10), 64, 64, 64, 10);
    }

    /** Layers without bias, leaky rectifiers between them. */
    private void network(long batch, int... widths) {
        int layers = widths.length - 1;
        int in = widths[0];
        int out = widths[layers];
        double multiplied = 0;
        BenchCase of = add("network_jacobian", "B=%d widths %s", batch, Arrays.toString(widths))
                .reads(batch * in);
        for (int l = 0; l < layers; l++) {
            of.reads((long) widths[l] * widths[l + 1]);
            // the values, and the narrower side's panel
            multiplied += (double) widths[l] * widths[l + 1] * (l == 0 ? 1 : 1 + Math.min(in, out));
        }
        Elementwise leaky = new Elementwise(Kind.LEAKY_RELU, 0.25);
        of.writes(batch * out * in, (g, at) -> entry(g, at, widths))
                .flops(2 * batch * multiplied)
                .launch((k, at) -> {
                    List<Network.Layer> table = new ArrayList<>();
                    for (int l = 0; l < layers; l++) {
                        table.add(new Network.Layer(
                                at[l + 1], 0, widths[l], widths[l + 1], false, l == layers - 1 ? null : leaky));
                    }
                    k.networks().jacobian(at[layers + 1], 0, new Network(table), at[0], batch);
                });
    }

    private static Near entry(Given g, long at, int[] widths) {
        int layers = widths.length - 1;
        int in = widths[0];
        long b = at / ((long) in * widths[layers]);
        int i = (int) (at / in % widths[layers]);
        double[] z = new double[in];
        double[] column = new double[in];
        double[] magnitudes = new double[in];
        for (int j = 0; j < in; j++) {
            z[j] = g.at(0, b * in + j);
        }
        column[(int) (at % in)] = 1;
        magnitudes[(int) (at % in)] = 1;
        for (int l = 0; l < layers; l++) {
            double[] nextZ = new double[widths[l + 1]];
            double[] nextColumn = new double[widths[l + 1]];
            double[] nextMagnitudes = new double[widths[l + 1]];
            for (int r = 0; r < widths[l + 1]; r++) {
                for (int c = 0; c < widths[l]; c++) {
                    double w = g.at(l + 1, (long) r * widths[l] + c);
                    nextZ[r] += w * z[c];
                    nextColumn[r] += w * column[c];
                    nextMagnitudes[r] += Math.abs(w * magnitudes[c]);
                }
                double slope = l == layers - 1 || nextZ[r] > 0 ? 1 : 0.25;
                nextZ[r] *= slope;
                nextColumn[r] *= slope;
                nextMagnitudes[r] *= slope;
            }
            z = nextZ;
            column = nextColumn;
            magnitudes = nextMagnitudes;
        }
        return new Near(column[i], layers * 80 * magnitudes[i]);
    }
}
