package io.github.batchjac.backend.cpu;

import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LE;
import static jdk.incubator.vector.VectorOperators.LT;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/** {@link Math32} on vectors: the same operations in the same order, so the same bits. */
final class VectorMath32 {
    static final VectorSpecies<Float> S = FloatVector.SPECIES_PREFERRED;

    private VectorMath32() {}

    static FloatVector all(float c) {
        return FloatVector.broadcast(S, c);
    }

    static FloatVector rounded(FloatVector x) {
        return x.fma(all(Math32.LOG2E), all(Math32.ROUND));
    }

    static FloatVector expm1Reduced(FloatVector x, FloatVector err, FloatVector rounded) {
        FloatVector minusN = rounded.sub(Math32.ROUND).neg();
        FloatVector r = minusN.fma(all(Math32.LN2_HIGH), x).add(minusN.fma(all(Math32.LN2_LOW), err));
        FloatVector p = all((float) (1.0 / 5040)); // 32 only
        // 64 only: DoubleVector p = all(1.0 / 6227020800.0);
        // 64 only: p = p.fma(r, all(1.0 / 479001600.0));
        // 64 only: p = p.fma(r, all(1.0 / 39916800.0));
        // 64 only: p = p.fma(r, all(1.0 / 3628800.0));
        // 64 only: p = p.fma(r, all(1.0 / 362880.0));
        // 64 only: p = p.fma(r, all(1.0 / 40320.0));
        // 64 only: p = p.fma(r, all(1.0 / 5040.0));
        p = p.fma(r, all((float) (1.0 / 720)));
        p = p.fma(r, all((float) (1.0 / 120)));
        p = p.fma(r, all((float) (1.0 / 24)));
        p = p.fma(r, all((float) (1.0 / 6)));
        p = p.fma(r, all(0.5f));
        return r.mul(r).fma(p, r);
    }

    static FloatVector atLeast(FloatVector x, float lowest) {
        return x.blend(lowest, x.compare(LT, lowest));
    }

    static FloatVector clamp(FloatVector x, float limit) {
        return atLeast(x.blend(limit, x.compare(GT, limit)), -limit);
    }

    static FloatVector scaledExp(FloatVector c, FloatVector x, FloatVector err) {
        FloatVector t = rounded(x);
        return VectorBits.scale(c.mul(expm1Reduced(x, err, t).add(1f)), t);
    }

    /** exp for x ≤ 0. */
    static FloatVector expNegative(FloatVector x) {
        FloatVector y = atLeast(x, Math32.LOWEST);
        FloatVector t = rounded(y);
        return VectorBits.scale(expm1Reduced(y, all(0f), t).add(1f), t);
    }

    static FloatVector exp(FloatVector x) {
        return expNegative(x.blend(Math32.HIGHEST, x.compare(GT, Math32.HIGHEST)));
    }

    static FloatVector expm1(FloatVector x) {
        FloatVector y = atLeast(x, Math32.LOWEST);
        FloatVector t = rounded(y);
        FloatVector s = VectorBits.scale(all(1f), t);
        return expm1Reduced(y, all(0f), t).fma(s, s.sub(1f));
    }

    /** exp(x − largest) for x ≤ largest, the rounding error of the difference made good. */
    static FloatVector expDifference(FloatVector x, FloatVector largest) {
        FloatVector difference = x.sub(largest);
        FloatVector err = sumError(x, largest.neg(), difference);
        VectorMask<Float> zero = difference.compare(LT, Math32.LOWEST);
        FloatVector y = difference.blend(Math32.LOWEST, zero);
        FloatVector t = rounded(y);
        return VectorBits.scale(expm1Reduced(y, err.blend(0f, zero), t).add(1f), t);
    }

    static FloatVector log1p(FloatVector e) {
        VectorMask<Float> large = e.compare(GT, 0.5f);
        FloatVector f = e.blend(e.sub(1f).mul(0.5f), large);
        FloatVector s = f.div(f.add(2f));
        FloatVector w = s.mul(s);
        FloatVector p = all((float) (2.0 / 11)); // 32 only
        // 64 only: DoubleVector p = all(2.0 / 23);
        // 64 only: p = p.fma(w, all(2.0 / 21));
        // 64 only: p = p.fma(w, all(2.0 / 19));
        // 64 only: p = p.fma(w, all(2.0 / 17));
        // 64 only: p = p.fma(w, all(2.0 / 15));
        // 64 only: p = p.fma(w, all(2.0 / 13));
        // 64 only: p = p.fma(w, all(2.0 / 11));
        p = p.fma(w, all((float) (2.0 / 9)));
        p = p.fma(w, all((float) (2.0 / 7)));
        p = p.fma(w, all((float) (2.0 / 5)));
        p = p.fma(w, all((float) (2.0 / 3)));
        FloatVector half = f.mul(0.5f).mul(f);
        FloatVector log = f.sub(half.sub(s.mul(p.fma(w, half))));
        return log.blend(log.add(Math32.LN2_LOW).add(Math32.LN2_HIGH), large);
    }

    /** σ(z), given {@code e = exp(−|z|)}. */
    static FloatVector sigmoid(FloatVector z, FloatVector e) {
        return e.blend(1f, z.compare(GE, 0f)).div(e.add(1f));
    }

    static FloatVector slope(FloatVector e) {
        FloatVector s = e.add(1f);
        FloatVector d = s.mul(s);
        FloatVector low = s.fma(s, d.neg()).add(e.sub(s.sub(1f)).mul(2f).mul(s));
        FloatVector inverse = all(1f).div(d);
        FloatVector q = e.mul(inverse);
        return q.neg().fma(d, e).sub(q.mul(low)).fma(inverse, q);
    }

    static FloatVector tanh(FloatVector z) {
        FloatVector a = expm1(z.abs().mul(-2f));
        return VectorBits.copySign(a.div(a.add(2f)), z);
    }

    static FloatVector tail(FloatVector x) {
        FloatVector v = x.sub(4f).div(x.add(4f));
        FloatVector p = all(Fits.TAIL32[Fits.TAIL32.length - 1]);
        for (int i = Fits.TAIL32.length - 2; i >= 0; i--) {
            p = p.fma(v, all(Fits.TAIL32[i]));
        }
        return p.div(x.add(1f));
    }

    static FloatVector timesNormal(FloatVector c, FloatVector x) {
        FloatVector square = x.mul(x);
        return scaledExp(c, square.mul(-0.5f), x.fma(x, square.neg()).mul(-0.5f));
    }

    /** z·σ(w), given {@code p, t} of exp(−|w|). */
    static FloatVector gated(FloatVector z, FloatVector p, FloatVector t) {
        FloatVector numerator =
                z.blend(VectorBits.scale(atLeast(z, Math32.LOWEST).mul(p), t), z.compare(LT, 0f));
        return numerator.div(VectorBits.scale(p, t).add(1f));
    }

    /** σ(w) + σ(w)σ(−w)·k, given {@code p, t} of exp(−|w|). */
    static FloatVector gatedDerivative(FloatVector w, FloatVector k, FloatVector p, FloatVector t) {
        FloatVector e = VectorBits.scale(p, t);
        FloatVector s = e.add(1f);
        FloatVector numerator = k.fma(e, s).blend(VectorBits.scale(s.add(k).mul(p), t), w.compare(LT, 0f));
        return numerator.div(s.mul(s));
    }

    /** max(z, 0), NaN where z is. */
    static FloatVector positive(FloatVector z) {
        return z.blend(0f, z.compare(LE, 0f));
    }

    /** The rounding error of sum = a + b. */
    static FloatVector sumError(FloatVector a, FloatVector b, FloatVector sum) {
        FloatVector other = sum.sub(a);
        return a.sub(sum.sub(other)).add(b.sub(other));
    }
}
