package io.github.batchjac.backend.cuda.ptx;

/**
 * The instructions that hardware computes approximately: correctly rounded here (but for about one argument in 2²⁸, where
 * the double that is rounded is not good enough), or off by up to {@value #ULPS} units in the last place, depending on
 * argument and seed. Results that are exact by definition (zero, infinite, NaN, 2⁰) stay so.
 */
final class Approximate {
    private static final int ULPS = 2;
    private static final double LN2 = Math.log(2);

    private final long seed;

    /** @param seed 0 for correctly rounded results */
    Approximate(long seed) {
        this.seed = seed;
    }

    long seed() {
        return seed;
    }

    float apply(Op op, float a, float b) {
        double exact = switch (op) {
            case EX2 -> Math.pow(2, a);
            case LG2 -> log2(a);
            case SIN -> Math.sin(a);
            case COS -> Math.cos(a);
            case TANH -> Math.tanh(a);
            case RCP -> 1d / a;
            case RSQRT -> 1d / Math.sqrt(a);
            case SQRT -> Math.sqrt(a);
            case DIV -> (double) a / b;
            default -> throw new IllegalStateException("approximate " + op);
        };
        float result = (float) exact;
        boolean definite = op == Op.EX2 && a == 0 || op == Op.COS && a == 0;
        if (seed == 0 || definite || result == 0 || !(Math.abs(result) <= Float.MAX_VALUE)) {
            return result;
        }
        int bits = Float.floatToRawIntBits(result);
        int magnitude = bits & 0x7fffffff;
        magnitude += offset(Float.floatToRawIntBits(a) * 31L + Float.floatToRawIntBits(b) + op.ordinal());
        magnitude = Math.max(0, Math.min(magnitude, 0x7f7fffff));
        return Float.intBitsToFloat(magnitude | bits & 0x80000000);
    }

    private static double log2(double a) {
        int exponent = Math.getExponent(a);
        if (!(a > 0) || Double.isInfinite(a)) {
            return Math.log(a);
        }
        double fraction = Math.scalb(a, -exponent);
        if (fraction > 1.5) {
            fraction /= 2;
            exponent++;
        }
        return exponent + Math.log1p(fraction - 1) / LN2;
    }

    /** {@code rcp.approx.ftz.f64} and {@code rsqrt}: the upper halves of argument and result only. */
    double apply(Op op, double a) {
        double high = Double.longBitsToDouble(Double.doubleToRawLongBits(a) & 0xffffffff00000000L);
        high = flush(high);
        double exact = switch (op) {
            case RCP -> 1d / high;
            case RSQRT -> 1d / Math.sqrt(high);
            default -> throw new IllegalStateException("approximate " + op);
        };
        long bits = Double.doubleToRawLongBits(flush(exact));
        if (seed != 0 && exact != 0 && Math.abs(exact) <= Double.MAX_VALUE) {
            bits += (long) offset(Double.doubleToRawLongBits(a)) << 32;
        }
        return Double.longBitsToDouble(bits & 0xffffffff00000000L);
    }

    private static double flush(double a) {
        return Math.abs(a) < Double.MIN_NORMAL ? Math.copySign(0d, a) : a;
    }

    private int offset(long argument) {
        long mixed = (argument ^ seed) * 0x9e3779b97f4a7c15L;
        mixed = (mixed ^ mixed >>> 32) * 0xd6e8feb86659fd93L;
        mixed ^= mixed >>> 32;
        return Math.floorMod(mixed, 2 * ULPS + 1) - ULPS;
    }
}
