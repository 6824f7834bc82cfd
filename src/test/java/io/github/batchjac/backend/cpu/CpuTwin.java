package io.github.batchjac.backend.cpu;

import io.github.batchjac.graph.Elementwise;
import io.github.batchjac.tensor.Precision;

/** The plain CPU kernels, for backends that promise the same bits. */
public final class CpuTwin {
    private final boolean single;
    private final Kernels32 kernels32 = PlainKernels32.create();
    private final Kernels64 kernels64 = PlainKernels64.create();

    public CpuTwin(Precision precision) {
        single = precision == Precision.F32;
    }

    /** φ(z), then φ'(z). */
    public double[][] map(Elementwise f, double[] z) {
        if (single) {
            float[][] out = new float[2][z.length];
            kernels32.elementwise().map(f, out[0], 0, out[1], 0, floats(z), 0, z.length);
            return new double[][] {doubles(out[0]), doubles(out[1])};
        }
        double[][] out = new double[2][z.length];
        kernels64.elementwise().map(f, out[0], 0, out[1], 0, z, 0, z.length);
        return out;
    }

    /** (batch,n,n), dense Jacobian of softmax or log-softmax. */
    public double[] denseSoftmax(boolean log, double[] q, double[] rest, int batch, int n) {
        if (single) {
            float[] out = new float[batch * n * n];
            SoftmaxKernels32 softmax = kernels32.softmax();
            if (log) {
                softmax.denseLogSoftmax(out, 0, floats(q), 0, floats(rest), 0, batch, n);
            } else {
                softmax.denseSoftmax(out, 0, floats(q), 0, floats(rest), 0, batch, n);
            }
            return doubles(out);
        }
        double[] out = new double[batch * n * n];
        if (log) {
            kernels64.softmax().denseLogSoftmax(out, 0, q, 0, rest, 0, batch, n);
        } else {
            kernels64.softmax().denseSoftmax(out, 0, q, 0, rest, 0, batch, n);
        }
        return out;
    }

    private static float[] floats(double[] a) {
        float[] b = new float[a.length];
        for (int i = 0; i < a.length; i++) {
            b[i] = (float) a[i];
        }
        return b;
    }

    private static double[] doubles(float[] a) {
        double[] b = new double[a.length];
        for (int i = 0; i < a.length; i++) {
            b[i] = a[i];
        }
        return b;
    }
}
