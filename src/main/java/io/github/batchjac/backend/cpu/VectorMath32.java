package io.github.batchjac.backend.cpu;

import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.LT;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** {@link Math32} on vectors: the same operations in the same order, so the same bits. */
final class VectorMath32 {
    static final VectorSpecies<Float> S = FloatVector.SPECIES_PREFERRED;

    // Constants as vectors: making one takes the compiler several operations each time, and from about 18000 nodes on
    // it no longer inlines. A loop may therefore have some forty vector operations at most; beyond, each one is an
    // object. What a loop carries from one turn to the next must not start as one of these, but as all(0f): else it is
    // an object as well.

    static final FloatVector ZERO = all(0f);
    static final FloatVector MINUS_ZERO = all(-0f);
    static final FloatVector ONE = all(1f);
    static final FloatVector TWO = all(2f);
    static final FloatVector MINUS_TWO = all(-2f);
    static final FloatVector HALF = all(0.5f);
    static final FloatVector MINUS_HALF = all(-0.5f);
    static final FloatVector FOUR = all(4f);
    static final FloatVector THREE = all(3f);
    static final FloatVector MINUS_SIX_BIAS = all(-6f * Math32.BIAS);
    static final FloatVector LOG2E = all(Math32.LOG2E);
    static final FloatVector ROUND = all(Math32.ROUND);
    static final FloatVector LN2_HIGH = all(Math32.LN2_HIGH);
    static final FloatVector LN2_LOW = all(Math32.LN2_LOW);
    private static final FloatVector MINUS_LN2_HIGH = all(-Math32.LN2_HIGH);
    private static final FloatVector MINUS_LN2_LOW = all(-Math32.LN2_LOW);
    static final FloatVector BIAS = all(Math32.BIAS);
    static final FloatVector UNBIAS = all(Math32.UNBIAS);
    static final FloatVector LOWEST = all(Math32.LOWEST);
    static final FloatVector HIGHEST = all(Math32.HIGHEST);
    static final FloatVector NORMAL_END = all(Math32.NORMAL_END);
    static final FloatVector MINUS_PEAK_UNBIAS = all(-Math32.NORMAL_PEAK * Math32.UNBIAS);
    static final FloatVector SLOPE_END = all(Math32.SLOPE_END);
    static final FloatVector ERF_END = all(Math32.ERF_END);
    static final FloatVector ERF_SLOPE = all(Math32.ERF_SLOPE);
    static final FloatVector GELU_END = all(Math32.GELU_END);
    static final FloatVector GELU1 = all(Math32.GELU1);
    static final FloatVector GELU3 = all(Math32.GELU3);
    static final FloatVector GELU3_TIMES_3 = all(Math32.GELU3_TIMES_3);
    static final FloatVector MINUS_LOWEST = all(-Math32.LOWEST);

    /** Of rⁿ in exp(r). */
    private static final FloatVector C2 = all(Fits.EXP32[0]);

    private static final FloatVector C3 = all(Fits.EXP32[1]);
    private static final FloatVector C4 = all(Fits.EXP32[2]);
    private static final FloatVector C5 = all(Fits.EXP32[3]);
    private static final FloatVector C6 = all(Fits.EXP32[4]);
    // 64 only: private static final DoubleVector C7 = all(Fits.EXP64[5]);
    // 64 only: private static final DoubleVector C8 = all(Fits.EXP64[6]);
    // 64 only: private static final DoubleVector C9 = all(Fits.EXP64[7]);
    // 64 only: private static final DoubleVector C10 = all(Fits.EXP64[8]);
    // 64 only: private static final DoubleVector C11 = all(Fits.EXP64[9]);
    // 64 only: private static final DoubleVector C12 = all(Fits.EXP64[10]);

    /** Ln = 2/n. */
    private static final FloatVector L3 = all((float) (2.0 / 3));

    private static final FloatVector L5 = all((float) (2.0 / 5));
    private static final FloatVector L7 = all((float) (2.0 / 7));
    private static final FloatVector L9 = all((float) (2.0 / 9));
    private static final FloatVector L11 = all((float) (2.0 / 11));
    // 64 only: private static final DoubleVector L13 = all(2.0 / 13);
    // 64 only: private static final DoubleVector L15 = all(2.0 / 15);
    // 64 only: private static final DoubleVector L17 = all(2.0 / 17);
    // 64 only: private static final DoubleVector L19 = all(2.0 / 19);
    // 64 only: private static final DoubleVector L21 = all(2.0 / 21);
    // 64 only: private static final DoubleVector L23 = all(2.0 / 23);

    private VectorMath32() {}

    static FloatVector all(float c) {
        return FloatVector.broadcast(S, c);
    }

    static FloatVector rounded(FloatVector x) {
        return x.fma(LOG2E, ROUND);
    }

    /** The polynomial with these coefficients, the lowest power's first. */
    private static FloatVector polynomial(float[] c, FloatVector x) {
        FloatVector p = all(c[c.length - 1]);
        for (int i = c.length - 2; i >= 0; i--) {
            p = p.fma(x, all(c[i]));
        }
        return p;
    }

    /** (exp(r) − 1 − r)/r². */
    private static FloatVector expSeries(FloatVector r) {
        FloatVector p = C6; // 32 only
        // 64 only: DoubleVector p = C12;
        // 64 only: p = p.fma(r, C11);
        // 64 only: p = p.fma(r, C10);
        // 64 only: p = p.fma(r, C9);
        // 64 only: p = p.fma(r, C8);
        // 64 only: p = p.fma(r, C7);
        // 64 only: p = p.fma(r, C6);
        p = p.fma(r, C5);
        p = p.fma(r, C4);
        p = p.fma(r, C3);
        return p.fma(r, C2);
    }

    private static FloatVector expm1OfRemainder(FloatVector r) {
        return r.mul(r).fma(expSeries(r), r);
    }

    static FloatVector remainder(FloatVector x, FloatVector n) {
        return n.fma(MINUS_LN2_LOW, n.fma(MINUS_LN2_HIGH, x));
    }

    private static FloatVector expm1Reduced(FloatVector x, FloatVector rounded) {
        return expm1OfRemainder(remainder(x, rounded.sub(ROUND)));
    }

    static FloatVector atLeast(FloatVector x, FloatVector lowest) {
        return x.max(lowest);
    }

    static FloatVector size(FloatVector x, FloatVector highest) {
        return x.abs().min(highest);
    }

    /** BIAS·exp x, x ≤ 0. */
    static FloatVector biasedExp(FloatVector x) {
        FloatVector t = rounded(x);
        return VectorBits.scaleToBias(expm1Reduced(x, t).add(ONE), t);
    }

    /** exp(−|x|). */
    static FloatVector decay(FloatVector x) {
        return biasedExp(size(x, MINUS_LOWEST).neg()).mul(UNBIAS);
    }

    /** BIAS·exp(−a·x²), given {@code y = −a·x}. */
    static FloatVector biasedGauss(FloatVector y, FloatVector x) {
        FloatVector t = y.mul(LOG2E).fma(x, ROUND);
        FloatVector n = t.sub(ROUND);
        FloatVector r = n.fma(MINUS_LN2_LOW, y.fma(x, n.mul(MINUS_LN2_HIGH)));
        return VectorBits.scaleToBias(expm1OfRemainder(r).add(ONE), t);
    }

    static FloatVector exp(FloatVector x) {
        FloatVector y = x.min(HIGHEST).max(LOWEST);
        FloatVector t = rounded(y);
        return VectorBits.scale(expm1Reduced(y, t).add(ONE), t);
    }

    static FloatVector expm1(FloatVector x) {
        FloatVector y = atLeast(x, LOWEST);
        FloatVector t = rounded(y);
        FloatVector s = VectorBits.scaleToBias(ONE, t);
        return expm1Reduced(y, t).fma(s, s.sub(BIAS)).mul(UNBIAS);
    }

    static FloatVector expOfRemainder(FloatVector r) {
        return expSeries(r).fma(r, ONE).fma(r, ONE);
    }

    private static FloatVector logNearOne(FloatVector f) {
        FloatVector s = f.div(f.add(TWO));
        FloatVector w = s.mul(s);
        FloatVector p = L11; // 32 only
        // 64 only: DoubleVector p = L23;
        // 64 only: p = p.fma(w, L21);
        // 64 only: p = p.fma(w, L19);
        // 64 only: p = p.fma(w, L17);
        // 64 only: p = p.fma(w, L15);
        // 64 only: p = p.fma(w, L13);
        // 64 only: p = p.fma(w, L11);
        p = p.fma(w, L9);
        p = p.fma(w, L7);
        p = p.fma(w, L5);
        p = p.fma(w, L3);
        FloatVector half = f.mul(HALF).mul(f);
        return f.sub(half.sub(s.mul(p.fma(w, half))));
    }

    static FloatVector log1pUnit(FloatVector e) {
        return e.mul(e).fma(polynomial(Fits.LOG32, e), e);
    }

    static FloatVector log1p(FloatVector x) {
        FloatVector s = x.add(ONE);
        FloatVector c = sumError(ONE, x, s).div(s);
        FloatVector k = VectorBits.exponent(s);
        FloatVector log = logNearOne(VectorBits.mantissa(s).sub(ONE));
        return k.fma(LN2_HIGH, log.add(k.fma(LN2_LOW, c)));
    }

    /** σ(z), given {@code e = exp(−|z|)}. */
    static FloatVector sigmoid(FloatVector z, FloatVector e) {
        return e.blend(ONE, z.compare(GE, ZERO)).div(e.add(ONE));
    }

    static FloatVector slope(FloatVector e) {
        return e.div(e.fma(e.add(TWO), ONE));
    }

    /** tanh z, given {@code a = exp(−2|z|) − 1}. */
    static FloatVector tanh(FloatVector z, FloatVector a) {
        return VectorBits.copySign(a.div(a.add(TWO)), z);
    }

    static FloatVector tail(FloatVector x) {
        FloatVector inverse = UNBIAS.div(x.add(THREE));
        return polynomial(Fits.TAIL32, inverse.fma(MINUS_SIX_BIAS, ONE)).mul(inverse);
    }

    /** z·σ(w), given BIAS·exp(−|w|). */
    static FloatVector gated(FloatVector z, FloatVector size, FloatVector biased) {
        return z.max(MINUS_ZERO).sub(size.mul(biased).div(biased.add(BIAS)));
    }

    /** σ(w) + σ(w)σ(−w)·z·w', given {@code k = −|z·w'|} and BIAS·exp(−|w|). */
    static FloatVector gatedDerivative(FloatVector z, FloatVector k, FloatVector biased) {
        FloatVector s = biased.fma(UNBIAS, ONE);
        return reflected(z, s.add(k).mul(biased).mul(UNBIAS).div(s.mul(s)));
    }

    /** What is f at −|z|, at z, where f(z) + f(−z) = 1. */
    static FloatVector reflected(FloatVector z, FloatVector f) {
        return ONE.sub(f).blend(f, z.compare(LT, ZERO));
    }

    /** The argument of erf's polynomial to what exp is of 1 − erf, as of {@link Fits#ERF32}. */
    static FloatVector erfExponent(FloatVector y) {
        return y.fma(polynomial(Fits.ERF32, y), y);
    }

    /** max(z, 0), NaN where z is. */
    static FloatVector positive(FloatVector z) {
        return z.max(ZERO);
    }

    /** The rounding error of sum = a + b. */
    static FloatVector sumError(FloatVector a, FloatVector b, FloatVector sum) {
        FloatVector other = sum.sub(a);
        return a.sub(sum.sub(other)).add(b.sub(other));
    }
}
