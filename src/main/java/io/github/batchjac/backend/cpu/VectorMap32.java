package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.VectorMath32.FOUR;
import static io.github.batchjac.backend.cpu.VectorMath32.GELU1;
import static io.github.batchjac.backend.cpu.VectorMath32.GELU3;
import static io.github.batchjac.backend.cpu.VectorMath32.GELU3_TIMES_3;
import static io.github.batchjac.backend.cpu.VectorMath32.GELU_END;
import static io.github.batchjac.backend.cpu.VectorMath32.HALF;
import static io.github.batchjac.backend.cpu.VectorMath32.LOWEST;
import static io.github.batchjac.backend.cpu.VectorMath32.MINUS_LOWEST;
import static io.github.batchjac.backend.cpu.VectorMath32.MINUS_TWO;
import static io.github.batchjac.backend.cpu.VectorMath32.NORMAL_END;
import static io.github.batchjac.backend.cpu.VectorMath32.NORMAL_PEAK;
import static io.github.batchjac.backend.cpu.VectorMath32.ONE;
import static io.github.batchjac.backend.cpu.VectorMath32.TWO;
import static io.github.batchjac.backend.cpu.VectorMath32.ZERO;
import static io.github.batchjac.backend.cpu.VectorMath32.atLeast;
import static io.github.batchjac.backend.cpu.VectorMath32.clamp;
import static io.github.batchjac.backend.cpu.VectorMath32.expNegative;
import static io.github.batchjac.backend.cpu.VectorMath32.expm1Reduced;
import static io.github.batchjac.backend.cpu.VectorMath32.rounded;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LE;
import static jdk.incubator.vector.VectorOperators.LT;

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
        set(Kind.SILU, "reduced silu", "reduced siluDerivative");
        set(Kind.GELU, "gelu", "geluDerivative");
        set(Kind.GELU_TANH, "geluReduced geluTanh", "geluReduced geluTanhDerivative");
        set(Kind.EXP, "exp", "exp");
        set(Kind.SQUARE, "square", "squareDerivative");
        set(Kind.SQRT, "sqrt", "sqrtDerivative");
        set(Kind.RECIPROCAL, "reciprocal", "reciprocalDerivative");
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
            expNegative(FloatVector.fromArray(S, z, zo + i).abs().neg()).intoArray(scratch, i);
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

    /** exp(−|z|) without its power of two. */
    private static void reduced(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector y = atLeast(FloatVector.fromArray(S, z, zo + i).abs().neg(), LOWEST);
            expm1Reduced(y, ZERO, rounded(y)).add(ONE).intoArray(scratch, i);
        }
    }

    /** As {@link #reduced} for the argument of GELU's tanh form. */
    private static void geluReduced(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector c = clamp(FloatVector.fromArray(S, z, zo + i), GELU_END);
            FloatVector y = atLeast(c.mul(c.mul(c).fma(GELU3, GELU1)).abs().neg(), LOWEST);
            expm1Reduced(y, ZERO, rounded(y)).add(ONE).intoArray(scratch, i);
        }
    }

    // From z, and scratch, to out.

    private static void sigmoid(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            VectorMath32.sigmoid(x, expNegative(x.abs().neg())).intoArray(out, oo + i);
        }
    }

    private static void sigmoidDerivative(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            VectorMath32.slope(expNegative(x.abs().neg())).intoArray(out, oo + i);
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
            VectorMath32.slope(expNegative(x.abs().mul(MINUS_TWO))).mul(FOUR).intoArray(out, oo + i);
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
            expNegative(x.abs().neg()).mul(a).blend(ONE, x.compare(GT, ZERO)).intoArray(out, oo + i);
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
            FloatVector y = atLeast(x.abs().neg(), LOWEST);
            FloatVector t = rounded(y);
            FloatVector p = FloatVector.fromArray(S, scratch, i);
            VectorMath32.gated(x, p, t).intoArray(out, oo + i);
        }
    }

    private static void siluDerivative(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            FloatVector y = atLeast(x.abs().neg(), LOWEST);
            FloatVector t = rounded(y);
            FloatVector p = FloatVector.fromArray(S, scratch, i);
            VectorMath32.gatedDerivative(x, clamp(x, MINUS_LOWEST), p, t).intoArray(out, oo + i);
        }
    }

    private static void gelu(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            FloatVector y = clamp(x, NORMAL_END);
            FloatVector small = VectorMath32.timesNormal(y.mul(VectorMath32.tail(y.abs())), y);
            x.sub(small).blend(small, x.compare(LT, ZERO)).intoArray(out, oo + i);
        }
    }

    private static void geluDerivative(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            FloatVector y = clamp(x, NORMAL_END);
            FloatVector r = y.abs();
            FloatVector small = VectorMath32.timesNormal(VectorMath32.tail(r).sub(r.mul(NORMAL_PEAK)), y);
            ONE.sub(small).blend(small, x.compare(LT, ZERO)).intoArray(out, oo + i);
        }
    }

    private static void geluTanh(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            FloatVector c = clamp(x, GELU_END);
            FloatVector w = c.mul(c.mul(c).fma(GELU3, GELU1));
            FloatVector y = atLeast(w.abs().neg(), LOWEST);
            FloatVector t = rounded(y);
            VectorMath32.gated(x, FloatVector.fromArray(S, scratch, i), t).intoArray(out, oo + i);
        }
    }

    private static void geluTanhDerivative(
            float[] out, int oo, float[] z, int zo, float[] scratch, int so, int length, float alpha, float none) {
        for (int i = 0; i <= length - L; i += L) {
            FloatVector x = FloatVector.fromArray(S, z, zo + i);
            FloatVector c = clamp(x, GELU_END);
            FloatVector square = c.mul(c);
            FloatVector w = c.mul(square.fma(GELU3, GELU1));
            FloatVector k = c.mul(square.fma(GELU3_TIMES_3, GELU1));
            FloatVector y = atLeast(w.abs().neg(), LOWEST);
            FloatVector t = rounded(y);
            VectorMath32.gatedDerivative(w, k, FloatVector.fromArray(S, scratch, i), t)
                    .intoArray(out, oo + i);
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
