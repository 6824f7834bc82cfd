package io.github.batchjac.backend.cpu;

import io.github.batchjac.graph.Elementwise;

/**
 * The functions that need care, one number at a time. {@code VectorMath32} does the same operations in the same order
 * on a vector, so that a result has the same bits in a lane, in a loop's tail and in the plain twin: nothing depends on
 * a sample's position. Every operation is one IEEE operation; u is the unit roundoff.
 *
 * <p>exp is {@code 2^n·(1 + q)} with {@code q = exp(r) − 1}, {@code |r| ≤ ½ln 2}: relative error within 1.5u, and half a
 * unit of the smallest number where the result is subnormal.
 */
final class Math32 {
    /** Adding it rounds to an integer. */
    static final float ROUND = Bits.ROUND32;

    static final float LOG2E = (float) 1.4426950408889634;

    /** Times exp of what is not positive nothing becomes subnormal that counts. */
    static final float BIAS = Bits.BIAS32;

    static final float UNBIAS = Bits.UNBIAS32;

    /** ln 2 in two pieces, the first short enough for n·LN2_HIGH to be exact. */
    static final float LN2_HIGH = 0x1.62e4p-1f; // 32 only
    // 64 only: static final double LN2_HIGH = 0x1.62e42feep-1;
    static final float LN2_LOW = (float) 1.428606820309417e-06; // 32 only
    // 64 only: static final double LN2_LOW = 1.9082149292705877e-10;

    /** exp is 0 below, even times 10⁴. */
    static final float LOWEST = -120f; // 32 only
    // 64 only: static final double LOWEST = -760d;
    /** exp is infinite from here on. */
    static final float HIGHEST = 89f; // 32 only
    // 64 only: static final double HIGHEST = 710d;

    /** Where exp(−x²/2) is 0. */
    static final float NORMAL_END = 16f; // 32 only
    // 64 only: static final double NORMAL_END = 40d;

    /** φ(0) = 1/√(2π). */
    static final float NORMAL_PEAK = (float) 0.3989422804014327;

    /** 2/√π, and what takes the bias away. */
    static final float ERF_SLOPE = (float) 1.1283791670955126 * UNBIAS;

    /** The argument of GELU's tanh form is −½z(GELU1 + GELU3·z²): GELU1 = −2√(2/π). */
    static final float GELU1 = (float) -1.5957691216057308;

    static final float GELU3 = (float) -0.07135481627260025;
    static final float GELU3_TIMES_3 = (float) -0.21406444881780073;

    /** From here on GELU's tanh form is z or 0. */
    static final float GELU_END = 11.5f; // 32 only
    // 64 only: static final double GELU_END = 22d;

    /** From here on erf is 1. */
    static final float ERF_END = 4f; // 32 only
    // 64 only: static final double ERF_END = 6d;

    /** Where exp(−x²) is 0. */
    static final float SLOPE_END = (float) 0.7 * NORMAL_END;

    private Math32() {}

    /** ROUND + n, n the integer nearest to x/ln 2. */
    static float rounded(float x) {
        return Math.fma(x, LOG2E, ROUND);
    }

    /** The polynomial with these coefficients, the lowest power's first. */
    private static float polynomial(float[] c, float x) {
        float p = c[c.length - 1];
        for (int i = c.length - 2; i >= 0; i--) {
            p = Math.fma(p, x, c[i]);
        }
        return p;
    }

    /** exp(r) − 1, |r| ≤ ½ln 2. */
    private static float expm1OfRemainder(float r) {
        return Math.fma(r * r, polynomial(Fits.EXP32, r), r);
    }

    /** {@code x − n·ln 2}, the first product exact. */
    static float remainder(float x, float n) {
        return Math.fma(n, -LN2_LOW, Math.fma(n, -LN2_HIGH, x));
    }

    /** q = exp(x − n·ln 2) − 1; within 1.5u of 1 + q. */
    private static float expm1Reduced(float x, float rounded) {
        return expm1OfRemainder(remainder(x, rounded - ROUND));
    }

    static float atLeast(float x, float lowest) {
        return x < lowest ? lowest : x;
    }

    /** |x|, or {@code highest} if that is less. */
    private static float size(float x, float highest) {
        return Math.abs(x) > highest ? highest : Math.abs(x);
    }

    /** BIAS·exp x, never subnormal: x ≤ 0, near LOWEST or above. */
    private static float biasedExp(float x) {
        float t = rounded(x);
        return Bits.scaleToBias(1f + expm1Reduced(x, t), t);
    }

    /** exp(−|x|). */
    private static float decay(float x) {
        return biasedExp(-size(x, -LOWEST)) * UNBIAS;
    }

    /** BIAS·exp(−a·x²), x² to twice the precision: a = 1 or ½, −a·x² near LOWEST or above. */
    private static float biasedGauss(float a, float x) {
        float y = -a * x;
        float t = Math.fma(y * LOG2E, x, ROUND);
        float n = t - ROUND;
        float r = Math.fma(-n, LN2_LOW, Math.fma(y, x, -n * LN2_HIGH));
        return Bits.scaleToBias(1f + expm1OfRemainder(r), t);
    }

    /** exp x, every x. Within 1.5u, or half the smallest number. */
    static float exp(float x) {
        float y = x > HIGHEST ? HIGHEST : atLeast(x, LOWEST);
        float t = rounded(y);
        return Bits.scale(1f + expm1Reduced(y, t), t);
    }

    /** exp r for |r| ≤ ½ln 2. Within 1.1u. */
    static float expOfRemainder(float r) {
        return Math.fma(Math.fma(polynomial(Fits.EXP32, r), r, 1f), r, 1f);
    }

    /** exp(x) − 1 for x ≤ 0. Within 2u. */
    static float expm1(float x) {
        float y = atLeast(x, LOWEST);
        float t = rounded(y);
        float s = Bits.scaleToBias(1f, t);
        return Math.fma(expm1Reduced(y, t), s, s - BIAS) * UNBIAS;
    }

    /** log(1 + f) for −0.3 ≤ f ≤ 0.5; as fdlibm has it: f − (f²/2 − s(f²/2 + R)), s = f/(2+f). Within 2u. */
    private static float logNearOne(float f) {
        float s = f / (2f + f);
        float w = s * s;
        float p = (float) (2.0 / 11); // 32 only
        // 64 only: double p = 2.0 / 23;
        // 64 only: p = Math.fma(p, w, 2.0 / 21);
        // 64 only: p = Math.fma(p, w, 2.0 / 19);
        // 64 only: p = Math.fma(p, w, 2.0 / 17);
        // 64 only: p = Math.fma(p, w, 2.0 / 15);
        // 64 only: p = Math.fma(p, w, 2.0 / 13);
        // 64 only: p = Math.fma(p, w, 2.0 / 11);
        p = Math.fma(p, w, (float) (2.0 / 9));
        p = Math.fma(p, w, (float) (2.0 / 7));
        p = Math.fma(p, w, (float) (2.0 / 5));
        p = Math.fma(p, w, (float) (2.0 / 3));
        float half = 0.5f * f * f;
        return f - (half - s * Math.fma(p, w, half));
    }

    /** log(1 + e) for 0 ≤ e ≤ 1. Within 2.5u. */
    private static float log1pUnit(float e) {
        return Math.fma(e * e, polynomial(Fits.LOG32, e), e);
    }

    /** log(1 + x) for 0 ≤ x < ∞; NaN for NaN. Within 2.5u. */
    static float log1p(float x) {
        float s = 1f + x;
        float c = sumError(1f, x, s) / s;
        float k = Bits.exponent(s);
        float log = logNearOne(Bits.mantissa(s) - 1f);
        return Math.fma(k, LN2_HIGH, log + Math.fma(k, LN2_LOW, c));
    }

    /** 1/(1+exp(−z)). Within 4u. */
    static float sigmoid(float z) {
        float e = decay(z);
        return (z >= 0f ? 1f : e) / (1f + e);
    }

    /** e/(1+e)². Of a relative error of e, (1−e)/(1+e) times as much remains: within 3.5u for one of 1.5u. */
    private static float slope(float e) {
        return e / Math.fma(e, 2f + e, 1f);
    }

    /** −a/(2+a), {@code a = exp(−2|z|) − 1}, with z's sign. Within 4u. */
    static float tanh(float z) {
        float a = expm1(-2f * Math.abs(z));
        return Math.copySign(a / (2f + a), z);
    }

    /** ½exp(x²/2)·erfc(x/√2)/BIAS, x ≥ 0: the normal distribution's tail over its density. */
    private static float tail(float x) {
        float inverse = UNBIAS / (x + 3f);
        return polynomial(Fits.TAIL32, Math.fma(inverse, -6f * BIAS, 1f)) * inverse;
    }

    /** z·Φ(z). Within 11u. */
    static float gelu(float z) {
        float x = size(z, NORMAL_END);
        return Math.max(z, -0f) - x * biasedGauss(0.5f, x) * tail(x);
    }

    /** Φ(z) + z·φ(z). */
    static float geluDerivative(float z) {
        float x = size(z, NORMAL_END);
        return reflected(z, Math.fma(x, -NORMAL_PEAK * UNBIAS, tail(x)) * biasedGauss(0.5f, x));
    }

    /** z·σ(w) = max(z, 0) − |z|·e/(1+e), e = exp(−|w|): for z and w of the same sign, which a zero keeps; biased = BIAS·e. */
    private static float gated(float z, float size, float biased) {
        return Math.max(z, -0f) - size * biased / (BIAS + biased);
    }

    /** σ(w) + σ(w)σ(−w)·z·w', {@code k = −|z·w'|}; where w is positive 1 minus what it is at −w. */
    private static float gatedDerivative(float z, float k, float biased) {
        float s = Math.fma(biased, UNBIAS, 1f);
        return reflected(z, (s + k) * biased * UNBIAS / (s * s));
    }

    /** What is f at −|z|, at z, where f(z) + f(−z) = 1. */
    private static float reflected(float z, float f) {
        return z < 0f ? f : 1f - f;
    }

    static float silu(float z) {
        float x = size(z, -LOWEST);
        return gated(z, x, biasedExp(-x));
    }

    static float siluDerivative(float z) {
        float x = size(z, -LOWEST);
        return gatedDerivative(z, -x, biasedExp(-x));
    }

    static float geluTanh(float z) {
        float x = size(z, GELU_END);
        return gated(z, x, biasedExp(x * Math.fma(GELU3, x * x, GELU1)));
    }

    static float geluTanhDerivative(float z) {
        float x = size(z, GELU_END);
        float square = x * x;
        float biased = biasedExp(x * Math.fma(GELU3, square, GELU1));
        return gatedDerivative(z, x * Math.fma(GELU3_TIMES_3, square, GELU1), biased);
    }

    /** erf z. Within 6u. */
    static float erf(float z) {
        float y = -size(z, ERF_END);
        return Math.copySign(expm1(Math.fma(y, polynomial(Fits.ERF32, y), y)), z);
    }

    /** (2/√π)·exp(−z²). Within 4u. */
    static float erfDerivative(float z) {
        return biasedGauss(1f, size(z, SLOPE_END)) * ERF_SLOPE;
    }

    /** φ(z). */
    static float value(Elementwise.Kind kind, float alpha, float z) {
        return switch (kind) {
            case IDENTITY -> z;
            case NEGATE -> -z;
            case SIGMOID -> sigmoid(z);
            case TANH -> tanh(z);
            case RELU -> z <= 0f ? 0f : z;
            case LEAKY_RELU -> z > 0f ? z : alpha * z;
            case ELU -> z > 0f ? z : alpha * expm1(-Math.abs(z));
            case SOFTPLUS -> (z <= 0f ? 0f : z) + log1pUnit(decay(z));
            case SILU -> silu(z);
            case GELU -> gelu(z);
            case GELU_TANH -> geluTanh(z);
            case EXP -> exp(z);
            case LOG -> (float) Math.log(z);
            case SQUARE -> z * z;
            case SQRT -> (float) Math.sqrt(z);
            case SIN -> (float) Math.sin(z);
            case COS -> (float) Math.cos(z);
            case RECIPROCAL -> 1f / z;
            case ERF -> erf(z);
        };
    }

    /** φ'(z). */
    static float derivative(Elementwise.Kind kind, float alpha, float z) {
        return switch (kind) {
            case IDENTITY -> 1f;
            case NEGATE -> -1f;
            case SIGMOID -> slope(decay(z));
            case TANH -> 4f * slope(decay(2f * z));
            case RELU -> z > 0f ? 1f : z <= 0f ? 0f : z;
            case LEAKY_RELU -> z > 0f ? 1f : z <= 0f ? alpha : z;
            case ELU -> z > 0f ? 1f : alpha * decay(z);
            case SOFTPLUS -> sigmoid(z);
            case SILU -> siluDerivative(z);
            case GELU -> geluDerivative(z);
            case GELU_TANH -> geluTanhDerivative(z);
            case EXP -> exp(z);
            case LOG -> 1f / z;
            case SQUARE -> 2f * z;
            case SQRT -> 0.5f / (float) Math.sqrt(z);
            case SIN -> (float) Math.cos(z);
            case COS -> -(float) Math.sin(z);
            case RECIPROCAL -> -(1f / z) * (1f / z);
            case ERF -> erfDerivative(z);
        };
    }

    /** The rounding error of sum = a + b. */
    static float sumError(float a, float b, float sum) {
        float other = sum - a;
        return (a - (sum - other)) + (b - other);
    }
}
