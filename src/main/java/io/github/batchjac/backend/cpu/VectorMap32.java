package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.VectorMath32.ERF_END;
import static io.github.batchjac.backend.cpu.VectorMath32.ERF_SLOPE;
import static io.github.batchjac.backend.cpu.VectorMath32.FOUR;
import static io.github.batchjac.backend.cpu.VectorMath32.GELU1;
import static io.github.batchjac.backend.cpu.VectorMath32.GELU3;
import static io.github.batchjac.backend.cpu.VectorMath32.GELU3_TIMES_3;
import static io.github.batchjac.backend.cpu.VectorMath32.GELU_END;
import static io.github.batchjac.backend.cpu.VectorMath32.HALF;
import static io.github.batchjac.backend.cpu.VectorMath32.MINUS_HALF;
import static io.github.batchjac.backend.cpu.VectorMath32.MINUS_LOWEST;
import static io.github.batchjac.backend.cpu.VectorMath32.MINUS_PEAK_UNBIAS;
import static io.github.batchjac.backend.cpu.VectorMath32.MINUS_TWO;
import static io.github.batchjac.backend.cpu.VectorMath32.MINUS_ZERO;
import static io.github.batchjac.backend.cpu.VectorMath32.NORMAL_END;
import static io.github.batchjac.backend.cpu.VectorMath32.ONE;
import static io.github.batchjac.backend.cpu.VectorMath32.SLOPE_END;
import static io.github.batchjac.backend.cpu.VectorMath32.TWO;
import static io.github.batchjac.backend.cpu.VectorMath32.ZERO;
import static io.github.batchjac.backend.cpu.VectorMath32.biasedExp;
import static io.github.batchjac.backend.cpu.VectorMath32.biasedGauss;
import static io.github.batchjac.backend.cpu.VectorMath32.decay;
import static io.github.batchjac.backend.cpu.VectorMath32.size;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LE;

import io.github.batchjac.graph.Elementwise;
import io.github.batchjac.graph.Elementwise.Kind;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/**
 * Elementwise functions and their derivatives, a loop for each. A loop that makes a value and a derivative together
 * would be more than the compiler inlines ({@link VectorLoops32}); computing exp twice is cheaper than that.
 */
final class VectorMap32 {
    private static final VectorSpecies<Float> S = VectorMath32.S;
    private static final int L = S.length();

    private VectorMap32() {}

    /** By kind, the loops one after the other that make a value; none where there is no vector form. */
    private static final MethodHandle[][] VALUES = new MethodHandle[Kind.values().length][];

    private static final MethodHandle[][] DERIVATIVES = new MethodHandle[Kind.values().length][];

    static {
        set(Kind.SIGMOID, "sigmoid", "sigmoidDerivative");
        set(Kind.TANH, "less tanh", "tanhDerivative");
        set(Kind.RELU, "relu", "reluDerivative");
        set(Kind.LEAKY_RELU, "leakyRelu", "leakyReluDerivative");
        set(Kind.ELU, "elu", "eluDerivative");
        set(Kind.SOFTPLUS, "small softplus", "sigmoid");
        set(Kind.SILU, "biased silu", "biased siluDerivative");
        set(Kind.GELU, "gelu", "geluDerivative");
        set(Kind.GELU_TANH, "geluBiased geluTanh", "geluBiased geluTanhDerivative");
        set(Kind.EXP, "exp", "exp");
        set(Kind.SQUARE, "square", "squareDerivative");
        set(Kind.SQRT, "sqrt", "sqrtDerivative");
        set(Kind.RECIPROCAL, "reciprocal", "reciprocalDerivative");
        set(Kind.ERF, "erfLess erf", "erfDerivative");
    }

    private static void set(Kind kind, String value, String derivative) {
        VALUES[kind.ordinal()] = VectorLoops32.find(MethodHandles.lookup(), value);
        DERIVATIVES[kind.ordinal()] = VectorLoops32.find(MethodHandles.lookup(), derivative);
    }

    /** {@code out = φ(z)} for the first elements; returns how many: whole vectors, or 0 for what has no vector form. */
    static int values(Elementwise f, float[] out, int oo, float[] z, int zo, float[] scratch, int length) {
        return run(VALUES[f.kind().ordinal()], f, out, oo, z, zo, scratch, length);
    }

    /** {@code out = φ'(z)}, as {@link #values}. */
    static int derivatives(Elementwise f, float[] out, int oo, float[] z, int zo, float[] scratch, int length) {
        return run(DERIVATIVES[f.kind().ordinal()], f, out, oo, z, zo, scratch, length);
    }

    private static int run(
            MethodHandle @Nullable [] loops,
            Elementwise f,
            float[] out,
            int oo,
            float[] z,
            int zo,
            float[] scratch,
            int length) {
        if (loops == null) {
            return 0;
        }
        for (MethodHandle loop : loops) {
            VectorLoops32.run(loop, out, oo, z, zo, scratch, 0, length, (float) f.alpha(), 0f);
        }
        return length / L * L;
    }

    // Into scratch, for a second loop.

    /** exp(−|z|). */
    private static void small(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            decay(FloatVector.fromArray(S, z, zo + i)).intoArray(scratch, i);
        }
    }

    /** exp(−2|z|) − 1. */
    private static void less(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            VectorMath32.expm1(x.abs().mul(MINUS_TWO)).intoArray(scratch, i);
        }
    }

    /** BIAS·exp(−|z|). */
    private static void biased(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            biasedExp(size(x, MINUS_LOWEST).neg()).intoArray(scratch, i);
        }
    }

    /** As {@link #biased} for the argument of GELU's tanh form. */
    private static void geluBiased(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = size(FloatVector.fromArray(S, z, zo + i), GELU_END);
            biasedExp(x.mul(x.mul(x).fma(GELU3, GELU1))).intoArray(scratch, i);
        }
    }

    /** −erf(|z|). */
    private static void erfLess(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector y = size(FloatVector.fromArray(S, z, zo + i), ERF_END).neg();
            VectorMath32.expm1(VectorMath32.erfExponent(y)).intoArray(scratch, i);
        }
    }

    // From z, and scratch, to out.

    private static void sigmoid(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            VectorMath32.sigmoid(x, decay(x)).intoArray(out, oo + i);
        }
    }

    private static void sigmoidDerivative(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            VectorMath32.slope(decay(x)).intoArray(out, oo + i);
        }
    }

    private static void tanh(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            VectorMath32.tanh(x, FloatVector.fromArray(S, scratch, i)).intoArray(out, oo + i);
        }
    }

    private static void tanhDerivative(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            VectorMath32.slope(decay(x.mul(TWO))).mul(FOUR).intoArray(out, oo + i);
        }
    }

    private static void relu(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            VectorMath32.positive(x).intoArray(out, oo + i);
        }
    }

    private static void reluDerivative(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            step(x, ZERO).intoArray(out, oo + i);
        }
    }

    private static void leakyRelu(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        FloatVector a = VectorMath32.all(alpha);
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            x.mul(a).blend(x, x.compare(GT, ZERO)).intoArray(out, oo + i);
        }
    }

    private static void leakyReluDerivative(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        FloatVector a = VectorMath32.all(alpha);
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            step(x, a).intoArray(out, oo + i);
        }
    }

    private static void elu(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        FloatVector a = VectorMath32.all(alpha);
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            VectorMath32.expm1(x.abs().neg())
                    .mul(a)
                    .blend(x, x.compare(GT, ZERO))
                    .intoArray(out, oo + i);
        }
    }

    private static void eluDerivative(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        FloatVector a = VectorMath32.all(alpha);
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            decay(x).mul(a).blend(ONE, x.compare(GT, ZERO)).intoArray(out, oo + i);
        }
    }

    private static void softplus(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            VectorMath32.positive(x)
                    .add(VectorMath32.log1pUnit(FloatVector.fromArray(S, scratch, i)))
                    .intoArray(out, oo + i);
        }
    }

    private static void silu(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            VectorMath32.gated(x, size(x, MINUS_LOWEST), FloatVector.fromArray(S, scratch, i))
                    .intoArray(out, oo + i);
        }
    }

    private static void siluDerivative(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            FloatVector k = size(x, MINUS_LOWEST).neg();
            VectorMath32.gatedDerivative(x, k, FloatVector.fromArray(S, scratch, i))
                    .intoArray(out, oo + i);
        }
    }

    private static void gelu(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            FloatVector y = size(x, NORMAL_END);
            FloatVector small = y.mul(biasedGauss(y.mul(MINUS_HALF), y)).mul(VectorMath32.tail(y));
            x.max(MINUS_ZERO).sub(small).intoArray(out, oo + i);
        }
    }

    private static void geluDerivative(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            FloatVector y = size(x, NORMAL_END);
            FloatVector small = y.fma(MINUS_PEAK_UNBIAS, VectorMath32.tail(y)).mul(biasedGauss(y.mul(MINUS_HALF), y));
            VectorMath32.reflected(x, small).intoArray(out, oo + i);
        }
    }

    private static void geluTanh(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            VectorMath32.gated(x, size(x, GELU_END), FloatVector.fromArray(S, scratch, i))
                    .intoArray(out, oo + i);
        }
    }

    private static void geluTanhDerivative(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            FloatVector y = size(x, GELU_END);
            FloatVector k = y.mul(y.mul(y).fma(GELU3_TIMES_3, GELU1));
            VectorMath32.gatedDerivative(x, k, FloatVector.fromArray(S, scratch, i))
                    .intoArray(out, oo + i);
        }
    }

    private static void erf(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            VectorBits.copySign(FloatVector.fromArray(S, scratch, i), x).intoArray(out, oo + i);
        }
    }

    private static void erfDerivative(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = size(FloatVector.fromArray(S, z, zo + i), SLOPE_END);
            biasedGauss(x.neg(), x).mul(ERF_SLOPE).intoArray(out, oo + i);
        }
    }

    private static void exp(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            VectorMath32.exp(x).intoArray(out, oo + i);
        }
    }

    private static void square(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            x.mul(x).intoArray(out, oo + i);
        }
    }

    private static void squareDerivative(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            x.mul(TWO).intoArray(out, oo + i);
        }
    }

    private static void sqrt(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            x.sqrt().intoArray(out, oo + i);
        }
    }

    private static void sqrtDerivative(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            HALF.div(x.sqrt()).intoArray(out, oo + i);
        }
    }

    private static void reciprocal(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            ONE.div(x).intoArray(out, oo + i);
        }
    }

    private static void reciprocalDerivative(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            FloatVector r = ONE.div(x);
            r.neg().mul(r).intoArray(out, oo + i);
        }
    }

    /** 1 for x > 0, c for x ≤ 0, NaN for NaN. */
    private static FloatVector step(FloatVector x, FloatVector c) {
        return x.blend(ONE, x.compare(GT, ZERO)).blend(c, x.compare(LE, ZERO));
    }
}
