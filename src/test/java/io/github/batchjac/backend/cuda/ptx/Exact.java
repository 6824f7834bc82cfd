package io.github.batchjac.backend.cuda.ptx;

/** Floating-point instructions with modifiers, lane by lane: rounding modes, flushing, saturation, approximation. */
final class Exact {
    private Exact() {}

    static void run(Instruction i, long[] r, int d, Approximate approximate) {
        for (int l = 0; l < 32; l++) {
            long a = r[i.a + l];
            long b = r[i.b + l];
            long c = r[i.c + l];
            r[d + l] = i.size == 4
                    ? Float.floatToRawIntBits(one(i, bits(i, a), bits(i, b), bits(i, c), approximate))
                    : Double.doubleToRawLongBits(one(
                            i,
                            Double.longBitsToDouble(a),
                            Double.longBitsToDouble(b),
                            Double.longBitsToDouble(c),
                            approximate));
        }
    }

    private static float bits(Instruction i, long a) {
        float value = Float.intBitsToFloat((int) a);
        return i.flush ? Floats.flush(value) : value;
    }

    private static float one(Instruction i, float a, float b, float c, Approximate approximate) {
        float result;
        if (i.approximate) {
            result = approximate.apply(i.op, a, b);
        } else {
            int mode = i.rounding;
            result = switch (i.op) {
                case ADD -> Floats.fma(a, 1f, b, mode);
                case SUB -> Floats.fma(b, -1f, a, mode);
                case MUL -> mode == Rounding.NEAREST ? a * b : Floats.narrow((double) a * b, mode);
                case FMA -> Floats.fma(a, b, c, mode);
                case DIV -> Floats.divide(a, b, mode);
                case RCP -> Floats.divide(1f, a, mode);
                case SQRT -> Floats.squareRoot(a, mode);
                case MIN -> Floats.min(a, b);
                case MAX -> Floats.max(a, b);
                case MIN_NAN -> Math.min(a, b);
                case MAX_NAN -> Math.max(a, b);
                case NEG -> -a;
                case ABS -> Math.abs(a);
                default -> throw i.source.unknown("unknown form");
            };
        }
        result = i.flush ? Floats.flush(result) : result;
        return i.saturate ? Floats.saturate(result) : result;
    }

    private static double one(Instruction i, double a, double b, double c, Approximate approximate) {
        if (i.approximate) {
            return approximate.apply(i.op, a);
        }
        int mode = i.rounding;
        return switch (i.op) {
            case ADD -> Floats.fma(a, 1d, b, mode);
            case SUB -> Floats.fma(b, -1d, a, mode);
            case MUL -> Floats.multiply(a, b, mode);
            case FMA -> Floats.fma(a, b, c, mode);
            case DIV -> Floats.divide(a, b, mode);
            case RCP -> Floats.divide(1d, a, mode);
            case SQRT -> Floats.squareRoot(a, mode);
            default -> throw i.source.unknown("unknown form");
        };
    }
}
