package io.github.batchjac.backend;

/**
 * The error function in double precision, by the rational approximations of W. J. Cody (Rational Chebyshev approximations
 * for the error function, Math. Comp. 23, 1969; coefficients of his CALERF, 1990). Relative error at most 1e-15, also far
 * out in the tails, until results are subnormal.
 */
@SuppressWarnings("FloatingPointLiteralPrecision") // the digits as published
public final class Erf {
    // |x| ≤ 0.46875: erf x = x·A(x²)/B(x²)
    private static final double[] A = {
        1.85777706184603153e-1,
        3.16112374387056560e0,
        1.13864154151050156e2,
        3.77485237685302021e2,
        3.20937758913846947e3
    };
    private static final double[] B = {
        1, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3
    };
    // 0.46875 ≤ x ≤ 4: exp(x²)·erfc x = C(x)/D(x)
    private static final double[] C = {
        2.15311535474403846e-8,
        5.64188496988670089e-1,
        8.88314979438837594e0,
        6.61191906371416295e1,
        2.98635138197400131e2,
        8.81952221241769090e2,
        1.71204761263407058e3,
        2.05107837782607147e3,
        1.23033935479799725e3
    };
    private static final double[] D = {
        1,
        1.57449261107098347e1,
        1.17693950891312499e2,
        5.37181101862009858e2,
        1.62138957456669019e3,
        3.29079923573345963e3,
        4.36261909014324716e3,
        3.43936767414372164e3,
        1.23033935480374942e3
    };
    // 4 ≤ x: exp(x²)·erfc x = (1/√π − x⁻²·P(x⁻²)/Q(x⁻²))/x
    private static final double[] P = {
        1.63153871373020978e-2,
        3.05326634961232344e-1,
        3.60344899949804439e-1,
        1.25781726111229246e-1,
        1.60837851487422766e-2,
        6.58749161529837803e-4
    };
    private static final double[] Q = {
        1,
        2.56852019228982242e0,
        1.87295284992346725e0,
        5.27905102951428412e-1,
        6.05183413124413191e-2,
        2.33520497626869185e-3
    };

    private static final double INVERSE_SQRT_PI = 0.56418958354775628695;
    private static final double SQRT2 = 1.41421356237309504880;
    private static final double CENTRE = 0.46875;

    /** Beyond it 1/x² adds nothing. */
    private static final double FAR = 6.71e7;

    private Erf() {}

    /** {@code (2/√π)·∫₀ˣ exp(−t²) dt}. */
    public static double erf(double x) {
        double y = Math.abs(x);
        if (!(y > CENTRE)) {
            return x * ratio(A, B, x * x);
        }
        return Math.copySign(1 - gauss(y) * scaled(y), x);
    }

    /** {@code 1 − erf x}, without the cancellation. */
    public static double erfc(double x) {
        double y = Math.abs(x);
        if (!(y > CENTRE)) {
            return 1 - erf(x);
        }
        double tail = gauss(y) * scaled(y);
        return x < 0 ? 2 - tail : tail;
    }

    /** The standard normal distribution function Φ(z) = ½erfc(−z/√2); the rounding of z/√2 does no harm in the tail. */
    public static double normal(double z) {
        double y = Math.abs(z) / SQRT2;
        if (!(y > CENTRE)) {
            return 0.5 + 0.5 * erf(z / SQRT2);
        }
        double tail = 0.5 * halfGauss(z) * scaled(y);
        return z < 0 ? tail : 1 - tail;
    }

    /** {@code exp(−x²)}, with the rounding error of x² made good. */
    public static double gauss(double x) {
        double square = x * x;
        return square > 1000 ? 0 : Math.exp(-square) * (1 - Math.fma(x, x, -square));
    }

    /** {@code exp(−x²/2)}, with the rounding error of x² made good. */
    public static double halfGauss(double x) {
        double square = x * x;
        return square > 2000 ? 0 : Math.exp(-square / 2) * (1 - Math.fma(x, x, -square) / 2);
    }

    /** {@code exp(y²)·erfc y} for y ≥ 0.46875. */
    private static double scaled(double y) {
        if (y <= 4) {
            return ratio(C, D, y);
        }
        if (y > FAR) {
            return INVERSE_SQRT_PI / y;
        }
        double w = 1 / (y * y);
        return (INVERSE_SQRT_PI - w * ratio(P, Q, w)) / y;
    }

    /** Two polynomials, highest power first. */
    private static double ratio(double[] numerator, double[] denominator, double x) {
        double n = 0;
        double d = 0;
        for (int i = 0; i < numerator.length; i++) {
            n = n * x + numerator[i];
            d = d * x + denominator[i];
        }
        return n / d;
    }
}
