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

    static final float SQRT2 = (float) 1.4142135623730951;
    /** 2/√π. */
    static final float ERF_SLOPE = (float) 1.1283791670955126;

    /** The argument of GELU's tanh form is ½z(GELU1 + GELU3·z²): GELU1 = 2√(2/π). */
    static final float GELU1 = (float) 1.5957691216057308;

    static final float GELU3 = (float) 0.07135481627260025;
    static final float GELU3_TIMES_3 = (float) 0.21406444881780073;
    /** From here on GELU's tanh form is z or 0. */
    static final float GELU_END = 32f;

    private Math32() {}

    /** ROUND + n, n the integer nearest to x/ln 2. */
    static float rounded(float x) {
        return Math.fma(x, LOG2E, ROUND);
    }

    /** q = exp(x + err − n·ln 2) − 1; within 1.5u of 1 + q. */
    private static float expm1Reduced(float x, float err, float rounded) {
        float n = rounded - ROUND;
        float r = Math.fma(-n, LN2_HIGH, x) + Math.fma(-n, LN2_LOW, err);
        float p = (float) (1.0 / 5040); // 32 only
        // 64 only: double p = 1.0 / 6227020800.0;
        // 64 only: p = Math.fma(p, r, 1.0 / 479001600.0);
        // 64 only: p = Math.fma(p, r, 1.0 / 39916800.0);
        // 64 only: p = Math.fma(p, r, 1.0 / 3628800.0);
        // 64 only: p = Math.fma(p, r, 1.0 / 362880.0);
        // 64 only: p = Math.fma(p, r, 1.0 / 40320.0);
        // 64 only: p = Math.fma(p, r, 1.0 / 5040.0);
        p = Math.fma(p, r, (float) (1.0 / 720));
        p = Math.fma(p, r, (float) (1.0 / 120));
        p = Math.fma(p, r, (float) (1.0 / 24));
        p = Math.fma(p, r, (float) (1.0 / 6));
        p = Math.fma(p, r, 0.5f);
        return Math.fma(r * r, p, r);
    }

    static float atLeast(float x, float lowest) {
        return x < lowest ? lowest : x;
    }

    /** c·exp(x + err), rounded to a subnormal only once: x ≤ 0, near LOWEST or above, and a tiny err. */
    private static float scaledExp(float c, float x, float err) {
        float t = rounded(x);
        return Bits.scaleDown(c * (1f + expm1Reduced(x, err, t)), t);
    }

    /** exp x, every x. Within 1.5u, or half the smallest number. */
    static float exp(float x) {
        float y = x > HIGHEST ? HIGHEST : atLeast(x, LOWEST);
        float t = rounded(y);
        return Bits.scale(1f + expm1Reduced(y, 0f, t), t);
    }

    /** exp r for |r| ≤ ½ln 2. Within 1.1u. */
    static float expOfRemainder(float r) {
        float p = Fits.EXP32[Fits.EXP32.length - 1];
        for (int i = Fits.EXP32.length - 2; i >= 0; i--) {
            p = Math.fma(p, r, Fits.EXP32[i]);
        }
        return Math.fma(Math.fma(p, r, 1f), r, 1f);
    }

    /** {@code x − n·ln 2}, the first product exact. */
    static float remainder(float x, float n) {
        return Math.fma(n, -LN2_LOW, Math.fma(n, -LN2_HIGH, x));
    }

    /** exp(x) − 1 for x ≤ 0. Within 2u. */
    static float expm1(float x) {
        float y = atLeast(x, LOWEST);
        float t = rounded(y);
        float s = Bits.scaleDown(1f, t);
        return Math.fma(expm1Reduced(y, 0f, t), s, s - 1f);
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

    /** log(1 + e) for 0 ≤ e ≤ 1. Within 2u. */
    private static float log1pUnit(float e) {
        boolean large = e > 0.5f;
        float log = logNearOne(large ? (e - 1f) * 0.5f : e);
        return large ? LN2_HIGH + (log + LN2_LOW) : log;
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
        float e = exp(-Math.abs(z));
        return (z >= 0f ? 1f : e) / (1f + e);
    }

    /** e/(1+e)², the rounding errors of the denominator and of the division made good: within 1.1u for the e given. */
    static float slope(float e) {
        float s = 1f + e;
        float d = s * s;
        float low = Math.fma(s, s, -d) + 2f * (e - (s - 1f)) * s;
        float inverse = 1f / d;
        float q = e * inverse;
        return Math.fma(Math.fma(-q, d, e) - q * low, inverse, q);
    }

    /** −a/(2+a), {@code a = exp(−2|z|) − 1}, with z's sign. Within 4u. */
    static float tanh(float z) {
        float a = expm1(-2f * Math.abs(z));
        return Math.copySign(-a / (2f + a), z);
    }

    /** (1+x)·½erfcx(x/√2)/(1+x) = ½exp(x²/2)·erfc(x/√2), x ≥ 0: the normal distribution's tail over its density. */
    static float tail(float x) {
        float v = (x - 4f) / (x + 4f);
        float p = Fits.TAIL32[Fits.TAIL32.length - 1];
        for (int i = Fits.TAIL32.length - 2; i >= 0; i--) {
            p = Math.fma(p, v, Fits.TAIL32[i]);
        }
        return p / (1f + x);
    }

    /** c·exp(−x²/2), x² to twice the precision. */
    private static float timesNormal(float c, float x) {
        float square = x * x;
        return scaledExp(c, -0.5f * square, -0.5f * Math.fma(x, x, -square));
    }

    private static float clamp(float x, float limit) {
        return x > limit ? limit : atLeast(x, -limit);
    }

    /** z·Φ(z). Within 10u. */
    static float gelu(float z) {
        float y = clamp(z, NORMAL_END);
        float small = timesNormal(y * tail(Math.abs(y)), y);
        return z < 0f ? small : z - small;
    }

    /** Φ(z) + z·φ(z). */
    static float geluDerivative(float z) {
        float y = clamp(z, NORMAL_END);
        float x = Math.abs(y);
        float small = timesNormal(tail(x) - x * NORMAL_PEAK, y);
        return z < 0f ? small : 1f - small;
    }

    /** z·σ(w), for z and w of the same sign. */
    private static float gated(float z, float w) {
        float y = atLeast(-Math.abs(w), LOWEST);
        float t = rounded(y);
        float p = 1f + expm1Reduced(y, 0f, t);
        float numerator = z < 0f ? Bits.scaleDown(atLeast(z, LOWEST) * p, t) : z;
        return numerator / (1f + Bits.scaleDown(p, t));
    }

    /** σ(w) + σ(w)σ(−w)·k, where k = z·w'. */
    private static float gatedDerivative(float w, float k) {
        float y = atLeast(-Math.abs(w), LOWEST);
        float t = rounded(y);
        float p = 1f + expm1Reduced(y, 0f, t);
        float e = Bits.scaleDown(p, t);
        float s = 1f + e;
        float numerator = w < 0f ? Bits.scaleDown((s + k) * p, t) : Math.fma(k, e, s);
        return numerator / (s * s);
    }

    static float silu(float z) {
        return gated(z, z);
    }

    static float siluDerivative(float z) {
        return gatedDerivative(z, clamp(z, -LOWEST));
    }

    static float geluTanh(float z) {
        float y = clamp(z, GELU_END);
        return gated(z, y * Math.fma(GELU3, y * y, GELU1));
    }

    static float geluTanhDerivative(float z) {
        float y = clamp(z, GELU_END);
        float square = y * y;
        return gatedDerivative(y * Math.fma(GELU3, square, GELU1), y * Math.fma(GELU3_TIMES_3, square, GELU1));
    }

    /** erf z. Within 6u. */
    static float erf(float z) {
        float x = Math.abs(z);
        if (x < 1f) {
            float w = z * z;
            float p = Fits.ERF32[Fits.ERF32.length - 1];
            for (int i = Fits.ERF32.length - 2; i >= 0; i--) {
                p = Math.fma(p, w, Fits.ERF32[i]);
            }
            return z * p;
        }
        float y = x > 8f ? 8f : x;
        float square = y * y;
        return Math.copySign(1f - scaledExp(2f * tail(SQRT2 * y), -square, -Math.fma(y, y, -square)), z);
    }

    /** (2/√π)·exp(−z²). Within 4u. */
    static float erfDerivative(float z) {
        float x = clamp(z, SQRT2 * NORMAL_END * 0.5f);
        float square = x * x;
        return scaledExp(ERF_SLOPE, -square, -Math.fma(x, x, -square));
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
            case SOFTPLUS -> (z <= 0f ? 0f : z) + log1pUnit(exp(-Math.abs(z)));
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
            case SIGMOID -> slope(exp(-Math.abs(z)));
            case TANH -> 4f * slope(exp(-2f * Math.abs(z)));
            case RELU -> z > 0f ? 1f : z <= 0f ? 0f : z;
            case LEAKY_RELU -> z > 0f ? 1f : z <= 0f ? alpha : z;
            case ELU -> z > 0f ? 1f : alpha * exp(-Math.abs(z));
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
