package io.github.batchjac.backend.cpu;

import io.github.batchjac.graph.Elementwise;
import io.github.batchjac.graph.Op;
import org.jspecify.annotations.Nullable;

/** In plain Java, as the formulas read. */
class PlainElementwiseKernels32 implements ElementwiseKernels32 {
    @Override
    public void map(
            Elementwise f,
            float @Nullable [] value,
            int vo,
            float @Nullable [] derivative,
            int d0,
            float[] z,
            int zo,
            int length) {
        mapRange(f, value, vo, derivative, d0, z, zo, 0, length);
    }

    /** Elements {@code from} to {@code to} of {@link #map}. */
    static void mapRange(
            Elementwise f,
            float @Nullable [] value,
            int vo,
            float @Nullable [] derivative,
            int d0,
            float[] z,
            int zo,
            int from,
            int to) {
        Elementwise.Kind kind = f.kind();
        float alpha = (float) f.alpha();
        for (int i = from; i < to; i++) {
            float x = z[zo + i];
            if (value != null) {
                value[vo + i] = Math32.value(kind, alpha, x);
            }
            if (derivative != null) {
                derivative[d0 + i] = Math32.derivative(kind, alpha, x);
            }
        }
    }

    /** In runs in which neither operand starts again; an operand of period 1 is one number. */
    @Override
    public void arithmetic(
            Op.Arithmetic op,
            float[] out,
            int oo,
            float[] a,
            int ao,
            int aPeriod,
            float[] b,
            int bo,
            int bPeriod,
            int length) {
        int run;
        for (int i = 0; i < length; i += run) {
            int ai = aPeriod == 1 ? 0 : i % aPeriod;
            int bi = bPeriod == 1 ? 0 : i % bPeriod;
            run = Math.min(aPeriod == 1 ? length - i : aPeriod - ai, bPeriod == 1 ? length - i : bPeriod - bi);
            run(op, out, oo + i, a, ao + ai, aPeriod == 1 ? 0 : 1, b, bo + bi, bPeriod == 1 ? 0 : 1, run);
        }
    }

    private static void run(
            Op.Arithmetic op,
            float[] out,
            int oo,
            float[] a,
            int ao,
            int aStep,
            float[] b,
            int bo,
            int bStep,
            int length) {
        switch (op) {
            case ADD -> {
                for (int i = 0; i < length; i++) {
                    out[oo + i] = a[ao + i * aStep] + b[bo + i * bStep];
                }
            }
            case SUBTRACT -> {
                for (int i = 0; i < length; i++) {
                    out[oo + i] = a[ao + i * aStep] - b[bo + i * bStep];
                }
            }
            case MULTIPLY -> {
                for (int i = 0; i < length; i++) {
                    out[oo + i] = a[ao + i * aStep] * b[bo + i * bStep];
                }
            }
            case DIVIDE -> {
                for (int i = 0; i < length; i++) {
                    out[oo + i] = a[ao + i * aStep] / b[bo + i * bStep];
                }
            }
        }
    }

    @Override
    public void divideDerivatives(
            float @Nullable [] da,
            int dao,
            float @Nullable [] db,
            int dbo,
            float[] a,
            int ao,
            int aPeriod,
            float[] b,
            int bo,
            int bPeriod,
            int length) {
        int ai = 0;
        int bi = 0;
        for (int i = 0; i < length; i++) {
            float x = a[ao + ai];
            float y = b[bo + bi];
            if (da != null) {
                da[dao + i] = 1f / y;
            }
            if (db != null) {
                db[dbo + i] = -(x / y) / y;
            }
            ai = ai + 1 == aPeriod ? 0 : ai + 1;
            bi = bi + 1 == bPeriod ? 0 : bi + 1;
        }
    }
}
