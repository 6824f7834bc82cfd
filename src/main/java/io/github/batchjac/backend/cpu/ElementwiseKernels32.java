package io.github.batchjac.backend.cpu;

import io.github.batchjac.graph.Elementwise;
import io.github.batchjac.graph.Op;
import org.jspecify.annotations.Nullable;

/** Element by element. Conventions as in {@link Kernels32}. */
interface ElementwiseKernels32 {
    /**
     * {@code value = φ(z)}, {@code derivative = φ'(z)}; either may be null. In place for either of them.
     *
     * <p>In ulp, over every finite z: identity, negate, relu, leaky relu, square, sqrt, reciprocal 1; sigmoid, tanh, elu,
     * exp 4; silu, erf 6; softplus 8; gelu 12; gelu tanh 8 + 4|w|, where it is z·σ(w); log, sin, cos 2. Derivatives: sigmoid
     * and tanh 6 / 4; elu, exp, softplus, erf 4; log, sqrt, sin, cos 2; reciprocal 3 where 1/z is finite; identity, negate,
     * relu, leaky relu, square 0. Those of silu, gelu and gelu tanh have a zero: within 8, 8 and 8 + 4|w| times u times the
     * sum of the magnitudes of their two terms, plus the smallest number.
     */
    void map(
            Elementwise f,
            float @Nullable [] value,
            int vo,
            float @Nullable [] derivative,
            int d0,
            float[] z,
            int zo,
            int length);

    /**
     * {@code out_i = a[i mod aPeriod] ∘ b[i mod bPeriod]}, one rounding each; the periods divide the length. In place for an
     * operand that is not repeated.
     */
    void arithmetic(
            Op.Arithmetic op,
            float[] out,
            int oo,
            float[] a,
            int ao,
            int aPeriod,
            float[] b,
            int bo,
            int bPeriod,
            int length);

    /** Of a/b: {@code da = 1/b}, {@code db = −(a/b)/b}; either may be null. Periods as in {@link #arithmetic}. */
    void divideDerivatives(
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
            int length);
}
