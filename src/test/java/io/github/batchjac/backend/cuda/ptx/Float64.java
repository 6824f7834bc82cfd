package io.github.batchjac.backend.cuda.ptx;

/** Floating point on 64 bits, rounded to nearest. */
final class Float64 {
    private Float64() {}

    /** All 32 lanes of register d from those of a, b and c. Returns whether it knows the operation. */
    static boolean run(Op op, long[] r, int d, int a, int b, int c, int x) {
        switch (op) {
            case ADD -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Double.doubleToRawLongBits(
                            Double.longBitsToDouble(r[a + l]) + Double.longBitsToDouble(r[b + l]));
                }
            }
            case SUB -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Double.doubleToRawLongBits(
                            Double.longBitsToDouble(r[a + l]) - Double.longBitsToDouble(r[b + l]));
                }
            }
            case MUL -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Double.doubleToRawLongBits(
                            Double.longBitsToDouble(r[a + l]) * Double.longBitsToDouble(r[b + l]));
                }
            }
            case FMA -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Double.doubleToRawLongBits(Math.fma(
                            Double.longBitsToDouble(r[a + l]),
                            Double.longBitsToDouble(r[b + l]),
                            Double.longBitsToDouble(r[c + l])));
                }
            }
            case DIV -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Double.doubleToRawLongBits(
                            Double.longBitsToDouble(r[a + l]) / Double.longBitsToDouble(r[b + l]));
                }
            }
            case SQRT -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Double.doubleToRawLongBits(Math.sqrt(Double.longBitsToDouble(r[a + l])));
                }
            }
            case RCP -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Double.doubleToRawLongBits(1d / Double.longBitsToDouble(r[a + l]));
                }
            }
            case MIN -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Double.doubleToRawLongBits(
                            Floats.min(Double.longBitsToDouble(r[a + l]), Double.longBitsToDouble(r[b + l])));
                }
            }
            case MAX -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Double.doubleToRawLongBits(
                            Floats.max(Double.longBitsToDouble(r[a + l]), Double.longBitsToDouble(r[b + l])));
                }
            }
            case MIN_NAN -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Double.doubleToRawLongBits(
                            Math.min(Double.longBitsToDouble(r[a + l]), Double.longBitsToDouble(r[b + l])));
                }
            }
            case MAX_NAN -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Double.doubleToRawLongBits(
                            Math.max(Double.longBitsToDouble(r[a + l]), Double.longBitsToDouble(r[b + l])));
                }
            }
            case NEG -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = r[a + l] ^ 0x8000000000000000L;
                }
            }
            case ABS -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = r[a + l] & 0x7fffffffffffffffL;
                }
            }
            case COPYSIGN -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = (r[b + l] & 0x7fffffffffffffffL) | (r[a + l] & 0x8000000000000000L);
                }
            }
            default -> {
                return false;
            }
        }
        return true;
    }
}
