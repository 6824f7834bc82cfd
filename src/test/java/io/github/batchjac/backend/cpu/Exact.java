package io.github.batchjac.backend.cpu;

import io.github.batchjac.graph.Elementwise;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Arrays;

/** The mathematics with 60 digits and no tricks: what kernels are held to. Shares no formula with them but definitions. */
public final class Exact {
    public static final MathContext MC = new MathContext(60);
    public static final BigDecimal ONE = BigDecimal.ONE;
    public static final BigDecimal TWO = BigDecimal.valueOf(2);
    public static final BigDecimal HALF = new BigDecimal("0.5");
    private static final BigDecimal LN2 = logNear(TWO);
    public static final BigDecimal PI = new BigDecimal(
            "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534");

    private Exact() {}

    public static BigDecimal of(double x) {
        return new BigDecimal(x);
    }

    /** Distance in units in the last place of the exact value; infinite if one of them overflows or is NaN alone. */
    public static double ulps(float got, BigDecimal exact) {
        float rounded = exact.floatValue();
        if (!Float.isFinite(got) || !Float.isFinite(rounded)) {
            return got == rounded ? 0 : Double.POSITIVE_INFINITY;
        }
        return of(got).subtract(exact, MC)
                .abs()
                .divide(of(Math.ulp(rounded)), MC)
                .doubleValue();
    }

    /** As for float. */
    public static double ulps(double got, BigDecimal exact) {
        double rounded = exact.doubleValue();
        if (!Double.isFinite(got) || !Double.isFinite(rounded)) {
            return got == rounded ? 0 : Double.POSITIVE_INFINITY;
        }
        return of(got).subtract(exact, MC)
                .abs()
                .divide(of(Math.ulp(rounded)), MC)
                .doubleValue();
    }

    /** |got − exact| in units of {@code unit}; infinite where got is not finite. */
    public static double inUnits(double got, BigDecimal exact, BigDecimal unit) {
        if (!Double.isFinite(got)) {
            return Double.POSITIVE_INFINITY;
        }
        BigDecimal error = of(got).subtract(exact).abs();
        return error.signum() == 0
                ? 0
                : unit.signum() == 0
                        ? Double.POSITIVE_INFINITY
                        : error.divide(unit, MC).doubleValue();
    }

    public static BigDecimal exp(BigDecimal x) {
        return exp(x, MC);
    }

    private static BigDecimal exp(BigDecimal x, MathContext mc) {
        if (x.compareTo(BigDecimal.valueOf(-5000)) < 0) {
            return new BigDecimal("1e-2000");
        }
        int n = (int) Math.round(x.doubleValue() / Math.log(2));
        MathContext more = new MathContext(mc.getPrecision() + 10);
        BigDecimal r = x.subtract(LN2.multiply(BigDecimal.valueOf(n)), more).divide(BigDecimal.valueOf(256), more);
        BigDecimal sum = ONE;
        BigDecimal term = ONE;
        for (int i = 1; term.signum() != 0 && i < 60; i++) {
            term = term.multiply(r).divide(BigDecimal.valueOf(i), more);
            sum = sum.add(term, more);
        }
        sum = sum.pow(256, more);
        return n >= 0 ? sum.multiply(TWO.pow(n), mc) : sum.divide(TWO.pow(-n), mc);
    }

    /** log x = 2·artanh((x−1)/(x+1)), for x near 1. */
    private static BigDecimal logNear(BigDecimal x) {
        MathContext more = new MathContext(100);
        BigDecimal s = x.subtract(ONE).divide(x.add(ONE), more);
        BigDecimal square = s.multiply(s, more);
        BigDecimal sum = BigDecimal.ZERO;
        BigDecimal power = s;
        for (int i = 1; i < 400 && power.signum() != 0; i += 2) {
            sum = sum.add(power.divide(BigDecimal.valueOf(i), more), more);
            power = power.multiply(square, more);
        }
        return sum.multiply(TWO);
    }

    /** log(1 + x), with relative accuracy for small x > 0. */
    public static BigDecimal log1p(BigDecimal x) {
        if (x.compareTo(new BigDecimal("1e-30")) < 0 && x.compareTo(new BigDecimal("-1e-30")) > 0) {
            return x.subtract(x.multiply(x).divide(TWO, MC), MC);
        }
        return log(ONE.add(x, new MathContext(100)));
    }

    public static BigDecimal log(BigDecimal x) {
        int k = 0;
        BigDecimal y = x;
        while (y.compareTo(TWO) > 0) {
            y = y.divide(TWO, new MathContext(100));
            k++;
        }
        while (y.compareTo(HALF) < 0) {
            y = y.multiply(TWO);
            k--;
        }
        return logNear(y).add(LN2.multiply(BigDecimal.valueOf(k)));
    }

    public static BigDecimal sigmoid(BigDecimal z) {
        BigDecimal e = exp(z.abs().negate());
        return (z.signum() < 0 ? e : ONE).divide(ONE.add(e, MC), MC);
    }

    /** σ'(z) = 1/(exp(z) + 2 + exp(−z)). */
    public static BigDecimal sigmoidDerivative(BigDecimal z) {
        BigDecimal e = exp(z.abs().negate());
        return e.divide(ONE.add(e, MC).pow(2, MC), MC);
    }

    /** exp(x) − 1, with relative accuracy for tiny x. */
    public static BigDecimal expm1(BigDecimal x) {
        return x.abs().compareTo(new BigDecimal("1e-25")) < 0
                ? x.add(x.multiply(x).divide(TWO, MC), MC)
                : exp(x, new MathContext(90)).subtract(ONE, MC);
    }

    public static BigDecimal tanh(BigDecimal z) {
        BigDecimal a = expm1(z.abs().multiply(TWO).negate());
        BigDecimal t = a.negate().divide(TWO.add(a), MC);
        return z.signum() < 0 ? t.negate() : t;
    }

    public static BigDecimal erf(BigDecimal z) {
        return z.signum() < 0 ? erf(z.negate()).negate() : z.compareTo(BigDecimal.valueOf(60)) > 0 ? ONE : erf(z, MC);
    }

    /** (2/√π)·exp(−z²)·Σ 2ⁿz²ⁿ⁺¹/(2n+1)!!, all terms positive. */
    private static BigDecimal erf(BigDecimal z, MathContext mc) {
        BigDecimal square = z.multiply(z, mc);
        BigDecimal term = z;
        BigDecimal sum = z;
        for (int i = 1; term.compareTo(sum.scaleByPowerOfTen(-mc.getPrecision())) > 0; i++) {
            term = term.multiply(TWO).multiply(square).divide(BigDecimal.valueOf(2L * i + 1), mc);
            sum = sum.add(term, mc);
        }
        return sum.multiply(exp(square.negate(), mc)).multiply(TWO).divide(PI.sqrt(mc), mc);
    }

    /** Φ(z). Below 0 as exp(−z²/2)·∫, by erfc's continued fraction where that converges, else as 1 − erf. */
    public static BigDecimal normal(BigDecimal z) {
        BigDecimal x = z.divide(TWO.sqrt(MC), MC);
        if (x.compareTo(BigDecimal.valueOf(-2)) > 0) {
            return ONE.add(erf(x)).multiply(HALF);
        }
        BigDecimal y = x.negate();
        BigDecimal fraction = y;
        for (int k = 400; k >= 1; k--) {
            fraction = y.add(BigDecimal.valueOf(k).multiply(HALF).divide(fraction, MC), MC);
        }
        return exp(y.multiply(y).negate())
                .divide(fraction.multiply(PI.sqrt(MC)), MC)
                .multiply(HALF);
    }

    /** φ(z). */
    public static BigDecimal density(BigDecimal z) {
        return exp(z.multiply(z).multiply(HALF).negate())
                .divide(PI.multiply(TWO).sqrt(MC), MC);
    }

    private static final BigDecimal GELU1 = TWO.multiply(TWO.divide(PI, MC).sqrt(MC), MC);
    private static final BigDecimal GELU3 = GELU1.multiply(new BigDecimal("0.044715"));

    /** GELU's tanh form is z·σ(w). */
    public static BigDecimal geluArgument(BigDecimal z) {
        return z.multiply(GELU1.add(GELU3.multiply(z).multiply(z)), MC);
    }

    public static BigDecimal value(Elementwise f, BigDecimal z) {
        boolean positive = z.signum() > 0;
        BigDecimal alpha = of(f.alpha());
        return switch (f.kind()) {
            case IDENTITY -> z;
            case NEGATE -> z.negate();
            case SIGMOID -> sigmoid(z);
            case TANH -> tanh(z);
            case RELU -> positive ? z : BigDecimal.ZERO;
            case LEAKY_RELU -> positive ? z : alpha.multiply(z);
            case ELU -> positive ? z : alpha.multiply(expm1(z));
            case SOFTPLUS ->
                (positive ? z : BigDecimal.ZERO).add(log1p(exp(z.abs().negate())));
            case SILU -> z.multiply(sigmoid(z), MC);
            case GELU -> z.multiply(normal(z), MC);
            case GELU_TANH -> z.multiply(sigmoid(geluArgument(z)), MC);
            case EXP -> exp(z);
            case SQUARE -> z.multiply(z);
            case SQRT -> z.sqrt(MC);
            case RECIPROCAL -> ONE.divide(z, MC);
            case ERF -> erf(z);
            case LOG, SIN, COS -> throw new IllegalArgumentException("log, sin and cos are held against StrictMath");
        };
    }

    /** The terms that the derivative is the sum of: one number, or two of which one may be negative. */
    public static BigDecimal[] derivative(Elementwise f, BigDecimal z) {
        boolean positive = z.signum() > 0;
        BigDecimal alpha = of(f.alpha());
        return switch (f.kind()) {
            case IDENTITY -> new BigDecimal[] {ONE};
            case NEGATE -> new BigDecimal[] {ONE.negate()};
            case SIGMOID -> new BigDecimal[] {sigmoidDerivative(z)};
            case TANH -> new BigDecimal[] {sigmoidDerivative(z.multiply(TWO)).multiply(BigDecimal.valueOf(4))};
            case RELU -> new BigDecimal[] {positive ? ONE : BigDecimal.ZERO};
            case LEAKY_RELU -> new BigDecimal[] {positive ? ONE : alpha};
            case ELU -> new BigDecimal[] {positive ? ONE : alpha.multiply(exp(z))};
            case SOFTPLUS -> new BigDecimal[] {sigmoid(z)};
            case SILU -> new BigDecimal[] {sigmoid(z), z.multiply(sigmoidDerivative(z), MC)};
            case GELU -> new BigDecimal[] {normal(z), z.multiply(density(z), MC)};
            case GELU_TANH -> {
                BigDecimal w = geluArgument(z);
                BigDecimal slope = GELU1.add(
                        GELU3.multiply(BigDecimal.valueOf(3)).multiply(z).multiply(z), MC);
                yield new BigDecimal[] {sigmoid(w), z.multiply(slope).multiply(sigmoidDerivative(w), MC)};
            }
            case EXP -> new BigDecimal[] {exp(z)};
            case SQUARE -> new BigDecimal[] {z.multiply(TWO)};
            case SQRT -> new BigDecimal[] {HALF.divide(z.sqrt(MC), MC)};
            case RECIPROCAL -> new BigDecimal[] {ONE.negate().divide(z.multiply(z), MC)};
            case ERF ->
                new BigDecimal[] {TWO.multiply(exp(z.multiply(z).negate())).divide(PI.sqrt(MC), MC)};
            case LOG, SIN, COS -> throw new IllegalArgumentException("log, sin and cos are held against StrictMath");
        };
    }

    /** The numerators exp(x_i − max x). */
    public static BigDecimal[] numerators(double[] x) {
        double largest = Double.NEGATIVE_INFINITY;
        for (double v : x) {
            largest = Math.max(largest, v);
        }
        BigDecimal[] e = new BigDecimal[x.length];
        for (int i = 0; i < x.length; i++) {
            e[i] = x[i] == Double.NEGATIVE_INFINITY ? BigDecimal.ZERO : exp(of(x[i]).subtract(of(largest)));
        }
        return e;
    }

    public static BigDecimal sum(BigDecimal[] a) {
        BigDecimal sum = BigDecimal.ZERO;
        for (BigDecimal v : a) {
            sum = sum.add(v, new MathContext(400));
        }
        return sum;
    }

    /**
     * The cross-entropy {@code Σ_k t_k·(logsumexp x − x_k)} of targets and the softmax q of logits; its gradient is
     * {@code up − down}, (Σ_{k≠i} t_k)·q_i and t_i·(1 − q_i).
     *
     * @param targets their sum
     */
    public record Distribution(
            BigDecimal loss, BigDecimal targets, BigDecimal[] q, BigDecimal[] up, BigDecimal[] down) {
        public BigDecimal gradient(int i) {
            return up[i].subtract(down[i]);
        }
    }

    /** A target of 0 adds 0. */
    public static Distribution softmaxCrossEntropy(double[] target, double[] x) {
        int n = x.length;
        BigDecimal[] e = numerators(x);
        BigDecimal s = sum(e);
        BigDecimal surprise =
                log1p(s.subtract(ONE)).add(of(Arrays.stream(x).max().orElseThrow()));
        BigDecimal loss = BigDecimal.ZERO;
        BigDecimal targets = BigDecimal.ZERO;
        for (int i = 0; i < n; i++) {
            targets = targets.add(of(target[i]));
            if (target[i] != 0) {
                loss = loss.add(of(target[i]).multiply(surprise.subtract(of(x[i]))));
            }
        }
        BigDecimal[] q = new BigDecimal[n];
        BigDecimal[] up = new BigDecimal[n];
        BigDecimal[] down = new BigDecimal[n];
        for (int i = 0; i < n; i++) {
            q[i] = e[i].divide(s, MC);
            up[i] = targets.subtract(of(target[i])).multiply(q[i]);
            down[i] = of(target[i]).multiply(s.subtract(e[i])).divide(s, MC);
        }
        return new Distribution(loss, targets, q, up, down);
    }
}
