package io.github.batchjac.backend.cpu;

import io.github.batchjac.graph.Elementwise;
import io.github.batchjac.graph.Op;
import org.jspecify.annotations.Nullable;

/**
 * Everything but matrix products that a step of a plan does on the CPU, on {@code batch} samples.
 *
 * <p>An array comes with the offset of its first element; a sample's elements are contiguous, row-major, and samples
 * follow each other. An operand that the batch shares ({@code dShared}) is stored once. Destinations come first and are
 * written completely; a destination that may be null is then not computed. Arguments are trusted. A destination may be
 * the very operand it is computed from (same array, same offset) where a method says "in place"; else they must not overlap.
 *
 * <p>A sample's result has the same bits wherever it stands in the batch and however the batch is cut into calls. u is the
 * unit roundoff, 2⁻²⁴ or 2⁻⁵³; "16 / 8 ulp" is float32 / float64. Infinities and NaN stay in their own sample.
 */
interface Kernels32 {
    // Elementwise

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

    // Softmax

    /**
     * {@code q = exp(x − max x)/s} (batch,n); {@code rest} (batch) is 1 minus the largest entry, from the sum of the other
     * numerators, so that it does not cancel. In place.
     *
     * <p>Within 16 / 8 ulp, both. −inf gives exactly 0; a sample with +inf or NaN, or −inf throughout, is NaN, its rest
     * too. n = 1: exactly 1, rest 0.
     */
    void softmax(float[] q, int qo, float @Nullable [] rest, int ro, float[] x, int xo, int batch, int n);

    /**
     * {@code y = x − max x − log1p(sum of the other numerators)}: both terms are negative, nothing cancels. Within 8 ulp.
     * y, or q and rest as of {@link #softmax}, may be null. y in place.
     */
    void logSoftmax(
            float @Nullable [] y,
            int yo,
            float @Nullable [] q,
            int qo,
            float @Nullable [] rest,
            int ro,
            float[] x,
            int xo,
            int batch,
            int n);

    /**
     * {@code out = rows·J}, {@code J = diag q − qqᵀ}; rows, out (batch,k,n). J is symmetric: row r of out is also J times
     * row r. With m the largest entry and {@code s = Σ_{i≠m} q_i g_i}: out_m = q_m(rest·g_m − s), out_i = q_i(g_i − q_m g_m − s).
     * Within (n+8)·u·Σ_k|J_ik||g_k| of J made of q and rest. In place.
     */
    void softmaxTimesRows(
            float[] out,
            int oo,
            float[] rows,
            int go,
            float[] q,
            int qo,
            float[] rest,
            int ro,
            int batch,
            int k,
            int n);

    /** {@code out = J·m}; m, out (batch,n,k). As {@link #softmaxTimesRows}, but not in place. */
    void softmaxTimesColumns(
            float[] out, int oo, float[] m, int mo, float[] q, int qo, float[] rest, int ro, int batch, int n, int k);

    /**
     * {@code out = rows·J}, {@code J = I − 1qᵀ}; (batch,k,n): {@code g − (Σg)q}, but out_m = rest·g_m − q_m·Σ_{i≠m} g_i.
     * Bound as {@link #softmaxTimesRows}. In place.
     */
    void rowsTimesLogSoftmax(
            float[] out,
            int oo,
            float[] rows,
            int go,
            float[] q,
            int qo,
            float[] rest,
            int ro,
            int batch,
            int k,
            int n);

    /** {@code out = rows·Jᵀ}: {@code out_i = g_i − ⟨q,g⟩}, {@code J = I − 1qᵀ}; otherwise as {@link #rowsTimesLogSoftmax}. */
    void rowsTimesLogSoftmaxTransposed(
            float[] out,
            int oo,
            float[] rows,
            int go,
            float[] q,
            int qo,
            float[] rest,
            int ro,
            int batch,
            int k,
            int n);

    /** {@code out = J·m}, {@code J = I − 1qᵀ}; m, out (batch,n,k). Bound as {@link #softmaxTimesRows}. Not in place. */
    void logSoftmaxTimesColumns(
            float[] out, int oo, float[] m, int mo, float[] q, int qo, float[] rest, int ro, int batch, int n, int k);

    // Losses: loss (batch), gradient with respect to the prediction (batch,n); either may be null. The gradient in
    // place
    // of either operand.

    /** {@code ½Σ(y−p)²}, compensated: 8 ulp of the value from p − y rounded once; {@code p − y}. */
    void squaredError(
            float @Nullable [] loss,
            int lo,
            float @Nullable [] gradient,
            int go,
            float[] y,
            int yo,
            float[] p,
            int po,
            int batch,
            int n);

    /**
     * {@code −Σ target·log prediction}, within 8u of the sum of the magnitudes; {@code −target/prediction}. A target of 0
     * adds 0 and has gradient 0, whatever prediction ≥ 0.
     */
    void crossEntropy(
            float @Nullable [] loss,
            int lo,
            float @Nullable [] gradient,
            int go,
            float[] target,
            int to,
            float[] prediction,
            int po,
            int batch,
            int n);

    /**
     * {@code Σ_k target_k·(logsumexp θ − θ_k)}, every factor without cancellation: 16 / 8 ulp for targets ≥ 0. A target of 0
     * adds 0. Gradient {@code (Σtarget)q − target} as (Σ_{k≠i}target_k)·q_i − target_i·(1−q_i), within 16 / 8 ulp of the sum of these
     * two magnitudes, given Σ_{k≠i} as Σtarget − target_i.
     */
    void softmaxCrossEntropy(
            float @Nullable [] loss,
            int lo,
            float @Nullable [] gradient,
            int go,
            float[] target,
            int to,
            float[] logits,
            int xo,
            int batch,
            int n);

    /**
     * {@code logsumexp θ − θ_label}, 8 ulp; gradient q, at the label −(the sum of the others)/s, 16 / 8 ulp. Labels are in
     * {@code 0..n−1}.
     */
    void softmaxCrossEntropyLabels(
            float @Nullable [] loss,
            int lo,
            float @Nullable [] gradient,
            int go,
            long[] labels,
            int to,
            float[] logits,
            int xo,
            int batch,
            int n);

    // Diagonals times dense. One product each: the same bits everywhere.

    /** {@code out[b,i,j] = a[b,i,j]·d[b,j]}; a, out (batch,rows,cols). In place where a is not shared. */
    void scaleColumns(
            float[] out,
            int oo,
            float[] a,
            int ao,
            boolean aShared,
            float[] d,
            int d0,
            boolean dShared,
            int batch,
            int rows,
            int cols);

    /** {@code out[b,i,j] = d[b,i]·a[b,i,j]}; a, out (batch,rows,cols). In place where a is not shared. */
    void scaleRows(
            float[] out,
            int oo,
            float[] d,
            int d0,
            boolean dShared,
            float[] a,
            int ao,
            boolean aShared,
            int batch,
            int rows,
            int cols);

    /** {@code out[b,:] = c[b]·a[b,:]}; (batch,n). In place. */
    void scaleSamples(float[] out, int oo, float[] c, int co, float[] a, int ao, int batch, int n);

    /**
     * A row panel times a stack of diagonals: {@code out[b,i,j] = Σ_r a[b,i,r·n+j]·d[b,r·n+j]}, added in the order of r with
     * fused multiply-adds; a (batch,rows,repeat·n), out (batch,rows,n). No d: ones.
     */
    void foldRows(
            float[] out,
            int oo,
            float[] a,
            int ao,
            boolean aShared,
            float @Nullable [] d,
            int d0,
            boolean dShared,
            int batch,
            int rows,
            int repeat,
            int n);

    /**
     * A stack of diagonals times a panel: {@code out[b,r·n+i,j] = d[b,r·n+i]·a[b,i,j]}; a (batch,n,cols), out
     * (batch,repeat·n,cols). No d: ones.
     */
    void tileRows(
            float[] out,
            int oo,
            float @Nullable [] d,
            int d0,
            boolean dShared,
            float[] a,
            int ao,
            boolean aShared,
            int batch,
            int repeat,
            int n,
            int cols);

    // Dense forms. Every element is written.

    /** {@code out[b, r·n+j, j] = d[b, r·n+j]}, +0 elsewhere; (batch,repeat·n,n). No d: ones. */
    void denseDiagonal(
            float[] out, int oo, float @Nullable [] d, int d0, boolean dShared, int batch, int repeat, int n);

    /** {@code diag q − qqᵀ}, the diagonal as q_i(1−q_i), at the largest entry q_m·rest: 16 / 8 ulp. (batch,n,n). */
    void denseSoftmax(float[] out, int oo, float[] q, int qo, float[] rest, int ro, int batch, int n);

    /** {@code I − 1qᵀ}, the diagonal as 1−q_i, at the largest entry rest: 16 / 8 ulp. (batch,n,n). */
    void denseLogSoftmax(float[] out, int oo, float[] q, int qo, float[] rest, int ro, int batch, int n);

    /** {@code out[b,i,j] = r[b,i]·x[b,j]}, one product; (batch,m,n). */
    void outer(
            float[] out,
            int oo,
            float[] r,
            int ro,
            boolean rShared,
            float[] x,
            int xo,
            boolean xShared,
            int batch,
            int m,
            int n);

    /** {@code out[b,i,j] += (c·r[b,i])·x[b,j]}, one product and a fused multiply-add; (batch,m,n). */
    void accumulateOuter(
            float[] out,
            int oo,
            float c,
            float[] r,
            int ro,
            boolean rShared,
            float[] x,
            int xo,
            boolean xShared,
            int batch,
            int m,
            int n);

    /** dz/dW of {@code z = Wx}: {@code out[b,i, i·n+k] = x_k}, or in row form {@code out[b,i, k·m+i] = x_k}; +0 elsewhere; (batch,m,m·n). */
    void kroneckerIdentity(float[] out, int oo, float[] x, int xo, int batch, int m, int n, boolean rowForm);

    /**
     * {@code A·dz/dW}: {@code out[b,i, j·n+l] = A_ij·x_l}, or in row form {@code out[b,i, l·m+j] = A_ij·x_l}; A (batch,k,m), x
     * (batch,n), out (batch,k,m·n). One product.
     */
    void kronecker(
            float[] out,
            int oo,
            float[] a,
            int ao,
            boolean aShared,
            float[] x,
            int xo,
            int batch,
            int k,
            int m,
            int n,
            boolean rowForm);

    /** {@code out[b,j,i] = a[b,i,j]}; a (batch,rows,cols). */
    void transpose(float[] out, int oo, float[] a, int ao, int batch, int rows, int cols);

    /** {@code out = a + b}. In place. */
    void add(float[] out, int oo, float[] a, int ao, float[] b, int bo, int length);

    /** {@code out += a}. */
    void accumulate(float[] out, int oo, float[] a, int ao, int length);

    /** {@code out[b,:] = a}; out (batch,size). */
    void broadcast(float[] out, int oo, float[] a, int ao, int batch, int size);

    // Reductions. Sums over components are compensated: as if in twice the precision, then rounded.

    /** {@code out[b] = Σ_j a[b,j]²}, or added to out. Squares overflow and underflow as they do. 4 ulp. */
    void squaredNorms(float[] out, int oo, float[] a, int ao, int batch, int n, boolean accumulate);

    /** {@code out[b] = ½Σ_j a[b,j]²}. 4 ulp. */
    void halfSquaredNorms(float[] out, int oo, float[] a, int ao, int batch, int n);

    /** {@code out[b] = scale·Σ_j a[b,j]}: within 2u|sum| + n²u²Σ|a|, times scale. */
    void sumComponents(float[] out, int oo, float[] a, int ao, int batch, int n, float scale);

    /** {@code out[b] = Σ_j u[b,j]·v[b,j]}: within u|sum| + n²u²Σ|u||v|. */
    void dot(
            float[] out,
            int oo,
            float[] u,
            int uo,
            boolean uShared,
            float[] v,
            int vo,
            boolean vShared,
            int batch,
            int n);

    /** {@code out[j] = Σ_b a[b,j]}, or added to out, in the order of b: cut into accumulating calls, the same bits. batch·u·Σ|a|. */
    void sumRows(float[] out, int oo, float[] a, int ao, int batch, int n, boolean accumulate);
}
