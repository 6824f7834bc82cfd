package io.github.batchjac.backend.cpu;

import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LT;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/** {@link Math32} on vectors: the same operations in the same order, so the same bits. */
final class VectorMath32 {
    static final VectorSpecies<Float> S = FloatVector.SPECIES_PREFERRED;

    // Constants as vectors: making one takes the compiler several operations each time, and from about 18000 nodes on
    // it no longer inlines. A loop may therefore have some forty vector operations at most; beyond, each one is an
    // object. What a loop carries from one turn to the next must not start as one of these, but as all(0f): else it is
    // an object as well.

    static final FloatVector ZERO = all(0f);
    static final FloatVector ONE = all(1f);
    static final FloatVector TWO = all(2f);
    static final FloatVector MINUS_TWO = all(-2f);
    static final FloatVector HALF = all(0.5f);
    static final FloatVector MINUS_HALF = all(-0.5f);
    static final FloatVector FOUR = all(4f);
    static final FloatVector LOG2E = all(Math32.LOG2E);
    static final FloatVector ROUND = all(Math32.ROUND);
    static final FloatVector LN2_HIGH = all(Math32.LN2_HIGH);
    static final FloatVector LN2_LOW = all(Math32.LN2_LOW);
    private static final FloatVector MINUS_LN2_HIGH = all(-Math32.LN2_HIGH);
    private static final FloatVector MINUS_LN2_LOW = all(-Math32.LN2_LOW);
    static final FloatVector LOWEST = all(Math32.LOWEST);
    static final FloatVector HIGHEST = all(Math32.HIGHEST);
    static final FloatVector NORMAL_END = all(Math32.NORMAL_END);
    static final FloatVector NORMAL_PEAK = all(Math32.NORMAL_PEAK);
    static final FloatVector GELU_END = all(Math32.GELU_END);
    static final FloatVector GELU1 = all(Math32.GELU1);
    static final FloatVector GELU3 = all(Math32.GELU3);
    static final FloatVector GELU3_TIMES_3 = all(Math32.GELU3_TIMES_3);
    static final FloatVector MINUS_LOWEST = all(-Math32.LOWEST);

    /** Cn = 1/n!. */
    private static final FloatVector C3 = all((float) (1.0 / 6));

    private static final FloatVector C4 = all((float) (1.0 / 24));
    private static final FloatVector C5 = all((float) (1.0 / 120));
    private static final FloatVector C6 = all((float) (1.0 / 720));
    private static final FloatVector C7 = all((float) (1.0 / 5040));
    // 64 only: private static final DoubleVector C8 = all(1.0 / 40320.0);
    // 64 only: private static final DoubleVector C9 = all(1.0 / 362880.0);
    // 64 only: private static final DoubleVector C10 = all(1.0 / 3628800.0);
    // 64 only: private static final DoubleVector C11 = all(1.0 / 39916800.0);
    // 64 only: private static final DoubleVector C12 = all(1.0 / 479001600.0);
    // 64 only: private static final DoubleVector C13 = all(1.0 / 6227020800.0);

    private static final FloatVector E2 = all(Fits.EXP32[0]); // 32 only
    private static final FloatVector E3 = all(Fits.EXP32[1]); // 32 only
    private static final FloatVector E4 = all(Fits.EXP32[2]); // 32 only
    private static final FloatVector E5 = all(Fits.EXP32[3]); // 32 only
    private static final FloatVector E6 = all(Fits.EXP32[4]); // 32 only

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

    static FloatVector expm1Reduced(FloatVector x, FloatVector err, FloatVector rounded) {
        FloatVector minusN = rounded.sub(ROUND).neg();
        FloatVector r = minusN.fma(LN2_HIGH, x).add(minusN.fma(LN2_LOW, err));
        FloatVector p = C7; // 32 only
        // 64 only: DoubleVector p = C13;
        // 64 only: p = p.fma(r, C12);
        // 64 only: p = p.fma(r, C11);
        // 64 only: p = p.fma(r, C10);
        // 64 only: p = p.fma(r, C9);
        // 64 only: p = p.fma(r, C8);
        // 64 only: p = p.fma(r, C7);
        p = p.fma(r, C6);
        p = p.fma(r, C5);
        p = p.fma(r, C4);
        p = p.fma(r, C3);
        p = p.fma(r, HALF);
        return r.mul(r).fma(p, r);
    }

    static FloatVector atLeast(FloatVector x, FloatVector lowest) {
        return x.max(lowest);
    }

    static FloatVector clamp(FloatVector x, FloatVector limit) {
        return x.min(limit).max(limit.neg());
    }

    static FloatVector scaledExp(FloatVector c, FloatVector x, FloatVector err) {
        FloatVector t = rounded(x);
        return VectorBits.scaleDown(c.mul(expm1Reduced(x, err, t).add(ONE)), t);
    }

    /** exp for x ≤ 0. */
    static FloatVector expNegative(FloatVector x) {
        FloatVector y = atLeast(x, LOWEST);
        FloatVector t = rounded(y);
        return VectorBits.scaleDown(expm1Reduced(y, ZERO, t).add(ONE), t);
    }

    static FloatVector exp(FloatVector x) {
        FloatVector y = x.min(HIGHEST).max(LOWEST);
        FloatVector t = rounded(y);
        return VectorBits.scale(expm1Reduced(y, ZERO, t).add(ONE), t);
    }

    static FloatVector expm1(FloatVector x) {
        FloatVector y = atLeast(x, LOWEST);
        FloatVector t = rounded(y);
        FloatVector s = VectorBits.scaleDown(ONE, t);
        return expm1Reduced(y, ZERO, t).fma(s, s.sub(ONE));
    }

    static FloatVector expOfRemainder(FloatVector r) {
        FloatVector p = E6.fma(r, E5); // 32 only
        // 64 only: DoubleVector p = C13.fma(r, C12);
        // 64 only: p = p.fma(r, C11);
        // 64 only: p = p.fma(r, C10);
        // 64 only: p = p.fma(r, C9);
        // 64 only: p = p.fma(r, C8);
        // 64 only: p = p.fma(r, C7);
        // 64 only: p = p.fma(r, C6);
        // 64 only: p = p.fma(r, C5);
        p = p.fma(r, E4); // 32 only
        // 64 only: p = p.fma(r, C4);
        p = p.fma(r, E3); // 32 only
        // 64 only: p = p.fma(r, C3);
        p = p.fma(r, E2); // 32 only
        // 64 only: p = p.fma(r, HALF);
        return p.fma(r, ONE).fma(r, ONE);
    }

    static FloatVector remainder(FloatVector x, FloatVector n) {
        return n.fma(MINUS_LN2_LOW, n.fma(MINUS_LN2_HIGH, x));
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
        VectorMask<Float> large = e.compare(GT, HALF);
        FloatVector log = logNearOne(e.blend(e.sub(ONE).mul(HALF), large));
        return log.blend(log.add(LN2_LOW).add(LN2_HIGH), large);
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
        FloatVector s = e.add(ONE);
        FloatVector d = s.mul(s);
        FloatVector low = s.fma(s, d.neg()).add(e.sub(s.sub(ONE)).mul(TWO).mul(s));
        FloatVector inverse = ONE.div(d);
        FloatVector q = e.mul(inverse);
        return q.neg().fma(d, e).sub(q.mul(low)).fma(inverse, q);
    }

    /** tanh z, given {@code a = exp(−2|z|) − 1}. */
    static FloatVector tanh(FloatVector z, FloatVector a) {
        return VectorBits.copySign(a.div(a.add(TWO)), z);
    }

    static FloatVector tail(FloatVector x) {
        FloatVector v = x.sub(FOUR).div(x.add(FOUR));
        FloatVector p = all(Fits.TAIL32[Fits.TAIL32.length - 1]);
        for (int i = Fits.TAIL32.length - 2; i >= 0; i--) {
            p = p.fma(v, all(Fits.TAIL32[i]));
        }
        return p.div(x.add(ONE));
    }

    static FloatVector timesNormal(FloatVector c, FloatVector x) {
        FloatVector square = x.mul(x);
        return scaledExp(c, square.mul(MINUS_HALF), x.fma(x, square.neg()).mul(MINUS_HALF));
    }

    /** z·σ(w), given {@code p, t} of exp(−|w|). */
    static FloatVector gated(FloatVector z, FloatVector p, FloatVector t) {
        FloatVector numerator = z.blend(VectorBits.scaleDown(atLeast(z, LOWEST).mul(p), t), z.compare(LT, ZERO));
        return numerator.div(VectorBits.scaleDown(p, t).add(ONE));
    }

    /** σ(w) + σ(w)σ(−w)·k, given {@code p, t} of exp(−|w|). */
    static FloatVector gatedDerivative(FloatVector w, FloatVector k, FloatVector p, FloatVector t) {
        FloatVector e = VectorBits.scaleDown(p, t);
        FloatVector s = e.add(ONE);
        FloatVector numerator = k.fma(e, s).blend(VectorBits.scaleDown(s.add(k).mul(p), t), w.compare(LT, ZERO));
        return numerator.div(s.mul(s));
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
