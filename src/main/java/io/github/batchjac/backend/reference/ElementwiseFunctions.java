package io.github.batchjac.backend.reference;

import io.github.batchjac.backend.Erf;
import io.github.batchjac.graph.Elementwise;

/**
 * φ and φ' at one number, in forms that keep their digits over every finite number. At ±∞ they take their limits where
 * there are any; NaN gives NaN.
 */
final class ElementwiseFunctions {
    private static final double TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);
    private static final double ONE_OVER_SQRT_2PI = 1 / Math.sqrt(2 * Math.PI);
    private static final double SQRT_2_OVER_PI = Math.sqrt(2 / Math.PI);
    private static final double GELU_CUBE = 0.044715;

    private ElementwiseFunctions() {}

    /** φ(z). */
    static double value(Elementwise function, double z) {
        double alpha = function.alpha();
        return switch (function.kind()) {
            case IDENTITY -> z;
            case NEGATE -> -z;
            case SIGMOID -> sigmoid(z);
            case TANH -> Math.tanh(z);
            case RELU -> Math.max(z, 0);
            case LEAKY_RELU -> z > 0 ? z : alpha * z;
            case ELU -> z > 0 ? z : alpha * Math.expm1(z);
            case SOFTPLUS -> Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
            case SILU -> unlessZero(sigmoid(z), z);
            case GELU -> unlessZero(Erf.normal(z), z);
            case GELU_TANH -> unlessZero(sigmoid(2 * tanhArgument(z)), z); // ½(1 + tanh u) = σ(2u)
            case EXP -> Math.exp(z);
            case LOG -> Math.log(z);
            case SQUARE -> z * z;
            case SQRT -> Math.sqrt(z);
            case SIN -> Math.sin(z);
            case COS -> Math.cos(z);
            case RECIPROCAL -> 1 / z;
            case ERF -> Erf.erf(z);
        };
    }

    /** φ'(z). */
    static double derivative(Elementwise function, double z) {
        if (Double.isNaN(z)) {
            return function.kind().linear() ? slope(function.kind()) : Double.NaN;
        }
        double alpha = function.alpha();
        return switch (function.kind()) {
            case IDENTITY, NEGATE -> slope(function.kind());
            case SIGMOID -> sigmoidDerivative(z);
            case TANH -> 4 * sigmoidDerivative(2 * z); // tanh z = 2σ(2z) − 1
            case RELU -> z > 0 ? 1 : 0;
            case LEAKY_RELU -> z > 0 ? 1 : alpha;
            case ELU -> z > 0 ? 1 : alpha * Math.exp(z);
            case SOFTPLUS -> sigmoid(z);
            case SILU -> sigmoid(z) + unlessZero(sigmoidDerivative(z), z);
            case GELU -> Erf.normal(z) + unlessZero(ONE_OVER_SQRT_2PI * Erf.halfGauss(z), z);
            case GELU_TANH -> {
                double u = tanhArgument(z);
                double du = SQRT_2_OVER_PI * (1 + 3 * GELU_CUBE * z * z);
                yield sigmoid(2 * u) + unlessZero(sigmoidDerivative(2 * u), 2 * z * du);
            }
            case EXP -> Math.exp(z);
            case LOG -> 1 / z;
            case SQUARE -> 2 * z;
            case SQRT -> 0.5 / Math.sqrt(z);
            case SIN -> Math.cos(z);
            case COS -> -Math.sin(z);
            case RECIPROCAL -> -(1 / z) / z;
            case ERF -> TWO_OVER_SQRT_PI * Erf.gauss(z);
        };
    }

    private static double slope(Elementwise.Kind linear) {
        return linear == Elementwise.Kind.NEGATE ? -1 : 1;
    }

    /** 1/(1+exp(−z)), with an exponential that cannot overflow. */
    static double sigmoid(double z) {
        double e = Math.exp(-Math.abs(z));
        return z < 0 ? e / (1 + e) : 1 / (1 + e);
    }

    /** σ(1−σ) as {@code e/(1+e)²}: nothing cancels. */
    private static double sigmoidDerivative(double z) {
        double e = Math.exp(-Math.abs(z));
        return e / ((1 + e) * (1 + e));
    }

    /** GELU's {@code u = √(2/π)(z + 0.044715z³)}. */
    private static double tanhArgument(double z) {
        return SQRT_2_OVER_PI * (z + GELU_CUBE * z * z * z);
    }

    /** {@code factor·z}; 0 where the factor has vanished, for it does so faster than any z grows. */
    private static double unlessZero(double factor, double z) {
        return factor == 0 ? 0 : factor * z;
    }
}
