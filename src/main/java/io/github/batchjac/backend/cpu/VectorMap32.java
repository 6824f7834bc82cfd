package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.VectorMath32.all;
import static io.github.batchjac.backend.cpu.VectorMath32.atLeast;
import static io.github.batchjac.backend.cpu.VectorMath32.clamp;
import static io.github.batchjac.backend.cpu.VectorMath32.expNegative;
import static io.github.batchjac.backend.cpu.VectorMath32.expm1Reduced;
import static io.github.batchjac.backend.cpu.VectorMath32.rounded;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LE;
import static jdk.incubator.vector.VectorOperators.LT;

import io.github.batchjac.graph.Elementwise;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/**
 * Elementwise functions and their derivatives, one loop for each: a loop over all of them would not be compiled to
 * vector instructions. Every loop returns how many elements it did, whole vectors only.
 */
final class VectorMap32 {
    private static final VectorSpecies<Float> S = VectorMath32.S;
    private static final int L = S.length();

    private VectorMap32() {}

    /** Does the first elements and returns how many: 0 for the functions that have no vector form. */
    static int map(
            Elementwise f, float @Nullable [] v, int vo, float @Nullable [] d, int d0, float[] z, int zo, int length) {
        float alpha = (float) f.alpha();
        return switch (f.kind()) {
            case SIGMOID -> sigmoid(v, vo, d, d0, z, zo, length);
            case TANH -> tanh(v, vo, d, d0, z, zo, length);
            case RELU -> relu(v, vo, d, d0, z, zo, length);
            case LEAKY_RELU -> leakyRelu(alpha, v, vo, d, d0, z, zo, length);
            case ELU -> elu(alpha, v, vo, d, d0, z, zo, length);
            case SOFTPLUS -> softplus(v, vo, d, d0, z, zo, length);
            case SILU -> silu(v, vo, d, d0, z, zo, length);
            case GELU -> gelu(v, vo, d, d0, z, zo, length);
            case GELU_TANH -> geluTanh(v, vo, d, d0, z, zo, length);
            case EXP -> exp(v, vo, d, d0, z, zo, length);
            case SQUARE -> square(v, vo, d, d0, z, zo, length);
            case SQRT -> sqrt(v, vo, d, d0, z, zo, length);
            case RECIPROCAL -> reciprocal(v, vo, d, d0, z, zo, length);
            case IDENTITY, NEGATE, LOG, SIN, COS, ERF -> 0;
        };
    }

    private static int sigmoid(
            float @Nullable [] v, int vo, float @Nullable [] d, int d0, float[] z, int zo, int length) {
        int i = 0;
        for (; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            FloatVector e = expNegative(x.abs().neg());
            if (v != null) {
                VectorMath32.sigmoid(x, e).intoArray(v, vo + i);
            }
            if (d != null) {
                VectorMath32.slope(e).intoArray(d, d0 + i);
            }
        }
        return i;
    }

    private static int tanh(float @Nullable [] v, int vo, float @Nullable [] d, int d0, float[] z, int zo, int length) {
        int i = 0;
        for (; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            if (v != null) {
                VectorMath32.tanh(x).intoArray(v, vo + i);
            }
            if (d != null) {
                VectorMath32.slope(expNegative(x.abs().mul(-2f))).mul(4f).intoArray(d, d0 + i);
            }
        }
        return i;
    }

    private static int relu(float @Nullable [] v, int vo, float @Nullable [] d, int d0, float[] z, int zo, int length) {
        int i = 0;
        for (; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            if (v != null) {
                VectorMath32.positive(x).intoArray(v, vo + i);
            }
            if (d != null) {
                step(x, 0f).intoArray(d, d0 + i);
            }
        }
        return i;
    }

    private static int leakyRelu(
            float alpha, float @Nullable [] v, int vo, float @Nullable [] d, int d0, float[] z, int zo, int length) {
        int i = 0;
        for (; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            if (v != null) {
                x.mul(alpha).blend(x, x.compare(GT, 0f)).intoArray(v, vo + i);
            }
            if (d != null) {
                step(x, alpha).intoArray(d, d0 + i);
            }
        }
        return i;
    }

    private static int elu(
            float alpha, float @Nullable [] v, int vo, float @Nullable [] d, int d0, float[] z, int zo, int length) {
        int i = 0;
        for (; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            VectorMask<Float> positive = x.compare(GT, 0f);
            FloatVector y = x.abs().neg();
            if (v != null) {
                VectorMath32.expm1(y).mul(alpha).blend(x, positive).intoArray(v, vo + i);
            }
            if (d != null) {
                expNegative(y).mul(alpha).blend(1f, positive).intoArray(d, d0 + i);
            }
        }
        return i;
    }

    private static int softplus(
            float @Nullable [] v, int vo, float @Nullable [] d, int d0, float[] z, int zo, int length) {
        int i = 0;
        for (; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            FloatVector e = expNegative(x.abs().neg());
            if (v != null) {
                VectorMath32.positive(x).add(VectorMath32.log1p(e)).intoArray(v, vo + i);
            }
            if (d != null) {
                VectorMath32.sigmoid(x, e).intoArray(d, d0 + i);
            }
        }
        return i;
    }

    private static int silu(float @Nullable [] v, int vo, float @Nullable [] d, int d0, float[] z, int zo, int length) {
        int i = 0;
        for (; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            FloatVector y = atLeast(x.abs().neg(), Math32.LOWEST);
            FloatVector t = rounded(y);
            FloatVector p = expm1Reduced(y, all(0f), t).add(1f);
            if (v != null) {
                VectorMath32.gated(x, p, t).intoArray(v, vo + i);
            }
            if (d != null) {
                VectorMath32.gatedDerivative(x, clamp(x, -Math32.LOWEST), p, t).intoArray(d, d0 + i);
            }
        }
        return i;
    }

    private static int gelu(float @Nullable [] v, int vo, float @Nullable [] d, int d0, float[] z, int zo, int length) {
        int i = 0;
        for (; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            FloatVector y = clamp(x, Math32.NORMAL_END);
            FloatVector g = VectorMath32.tail(y.abs());
            VectorMask<Float> negative = x.compare(LT, 0f);
            if (v != null) {
                FloatVector small = VectorMath32.timesNormal(y.mul(g), y);
                x.sub(small).blend(small, negative).intoArray(v, vo + i);
            }
            if (d != null) {
                FloatVector small = VectorMath32.timesNormal(g.sub(y.abs().mul(Math32.NORMAL_PEAK)), y);
                all(1f).sub(small).blend(small, negative).intoArray(d, d0 + i);
            }
        }
        return i;
    }

    private static int geluTanh(
            float @Nullable [] v, int vo, float @Nullable [] d, int d0, float[] z, int zo, int length) {
        int i = 0;
        for (; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            FloatVector c = clamp(x, Math32.GELU_END);
            FloatVector square = c.mul(c);
            FloatVector w = c.mul(square.fma(all(Math32.GELU3), all(Math32.GELU1)));
            FloatVector y = atLeast(w.abs().neg(), Math32.LOWEST);
            FloatVector t = rounded(y);
            FloatVector p = expm1Reduced(y, all(0f), t).add(1f);
            if (v != null) {
                VectorMath32.gated(x, p, t).intoArray(v, vo + i);
            }
            if (d != null) {
                FloatVector k = c.mul(square.fma(all(Math32.GELU3_TIMES_3), all(Math32.GELU1)));
                VectorMath32.gatedDerivative(w, k, p, t).intoArray(d, d0 + i);
            }
        }
        return i;
    }

    private static int exp(float @Nullable [] v, int vo, float @Nullable [] d, int d0, float[] z, int zo, int length) {
        int i = 0;
        for (; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            FloatVector e = VectorMath32.exp(x);
            if (v != null) {
                e.intoArray(v, vo + i);
            }
            if (d != null) {
                e.intoArray(d, d0 + i);
            }
        }
        return i;
    }

    private static int square(
            float @Nullable [] v, int vo, float @Nullable [] d, int d0, float[] z, int zo, int length) {
        int i = 0;
        for (; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            if (v != null) {
                x.mul(x).intoArray(v, vo + i);
            }
            if (d != null) {
                x.mul(2f).intoArray(d, d0 + i);
            }
        }
        return i;
    }

    private static int sqrt(float @Nullable [] v, int vo, float @Nullable [] d, int d0, float[] z, int zo, int length) {
        int i = 0;
        for (; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            FloatVector root = x.sqrt();
            if (v != null) {
                root.intoArray(v, vo + i);
            }
            if (d != null) {
                all(0.5f).div(root).intoArray(d, d0 + i);
            }
        }
        return i;
    }

    private static int reciprocal(
            float @Nullable [] v, int vo, float @Nullable [] d, int d0, float[] z, int zo, int length) {
        int i = 0;
        for (; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            FloatVector r = all(1f).div(x);
            if (v != null) {
                r.intoArray(v, vo + i);
            }
            if (d != null) {
                r.neg().mul(r).intoArray(d, d0 + i);
            }
        }
        return i;
    }

    /** 1 for x > 0, c for x ≤ 0, NaN for NaN. */
    private static FloatVector step(FloatVector x, float c) {
        return x.blend(1f, x.compare(GT, 0f)).blend(c, x.compare(LE, 0f));
    }
}
