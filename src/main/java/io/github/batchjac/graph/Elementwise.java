package io.github.batchjac.graph;

import java.util.Locale;

/**
 * An elementwise function {@code h = φ(z)}; its Jacobian is {@code diag φ'(z)}.
 *
 * @param kind which function
 * @param alpha its parameter: the slope of {@link Kind#LEAKY_RELU} below 0, the scale of {@link Kind#ELU}; else 0
 */
public record Elementwise(Kind kind, double alpha) {

    /** The functions. {@code e = exp(−|z|)} in the forms that keep their digits. */
    public enum Kind {
        /** z; 1. */
        IDENTITY,
        /** −z; −1. */
        NEGATE,
        /** 1/(1+exp(−z)); {@code e/(1+e)²}, which unlike σ(1−σ) does not cancel. */
        SIGMOID,
        /** tanh z; {@code 4e/(1+e)²} with {@code e = exp(−2|z|)}. */
        TANH,
        /** max(z, 0); 1 for z > 0, else 0 (0 at 0). */
        RELU,
        /** z for z > 0, else αz; 1 for z > 0, else α. */
        LEAKY_RELU,
        /** z for z > 0, else α(exp(z)−1); 1 for z > 0, else α·exp(z). */
        ELU,
        /** log(1+exp z) = max(z,0) + log1p(e); sigmoid(z). */
        SOFTPLUS,
        /** z·σ(z); σ(z)·(1 + z·σ(−z)). */
        SILU,
        /** z·Φ(z), Φ the standard normal distribution function; Φ(z) + z·φ(z). */
        GELU,
        /** ½z(1+tanh u), {@code u = √(2/π)(z + 0.044715z³)}. */
        GELU_TANH,
        /** exp z. */
        EXP,
        /** log z; 1/z. */
        LOG,
        /** z²; 2z. */
        SQUARE,
        /** √z; 1/(2√z). */
        SQRT,
        /** sin z; cos z. */
        SIN,
        /** cos z; −sin z. */
        COS,
        /** 1/z; −1/z². */
        RECIPROCAL,
        /** erf z; (2/√π)·exp(−z²). */
        ERF;

        /** Whether the derivative is the same number everywhere, so that it is stored once. */
        public boolean linear() {
            return this == IDENTITY || this == NEGATE;
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT).replace('_', ' ');
        }
    }

    public Elementwise {
        if (!Double.isFinite(alpha)) {
            throw new IllegalArgumentException(kind + ": alpha is " + alpha + ", expected a finite number");
        }
    }

    public static Elementwise of(Kind kind) {
        return new Elementwise(kind, 0);
    }

    @Override
    public String toString() {
        return alpha == 0 ? kind.toString() : kind + "(" + alpha + ")";
    }
}
