package io.github.batchjac.backend.cuda.ptx;

/** Floating point on 32 bits, rounded to nearest. */
final class Float32 {
    private Float32() {}

    /** All 32 lanes of register d from those of a, b and c. Returns whether it knows the operation. */
    static boolean run(Op op, long[] r, int d, int a, int b, int c, int x) {
        switch (op) {
            case ADD -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Float.floatToRawIntBits(
                            Float.intBitsToFloat((int) r[a + l]) + Float.intBitsToFloat((int) r[b + l]));
                }
            }
            case SUB -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Float.floatToRawIntBits(
                            Float.intBitsToFloat((int) r[a + l]) - Float.intBitsToFloat((int) r[b + l]));
                }
            }
            case MUL -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Float.floatToRawIntBits(
                            Float.intBitsToFloat((int) r[a + l]) * Float.intBitsToFloat((int) r[b + l]));
                }
            }
            case FMA -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Float.floatToRawIntBits(Math.fma(
                            Float.intBitsToFloat((int) r[a + l]),
                            Float.intBitsToFloat((int) r[b + l]),
                            Float.intBitsToFloat((int) r[c + l])));
                }
            }
            case DIV -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Float.floatToRawIntBits(
                            Float.intBitsToFloat((int) r[a + l]) / Float.intBitsToFloat((int) r[b + l]));
                }
            }
            case SQRT -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Float.floatToRawIntBits((float) Math.sqrt(Float.intBitsToFloat((int) r[a + l])));
                }
            }
            case RCP -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Float.floatToRawIntBits(1f / Float.intBitsToFloat((int) r[a + l]));
                }
            }
            case MIN -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Float.floatToRawIntBits(
                            Floats.min(Float.intBitsToFloat((int) r[a + l]), Float.intBitsToFloat((int) r[b + l])));
                }
            }
            case MAX -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Float.floatToRawIntBits(
                            Floats.max(Float.intBitsToFloat((int) r[a + l]), Float.intBitsToFloat((int) r[b + l])));
                }
            }
            case MIN_NAN -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Float.floatToRawIntBits(
                            Math.min(Float.intBitsToFloat((int) r[a + l]), Float.intBitsToFloat((int) r[b + l])));
                }
            }
            case MAX_NAN -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Float.floatToRawIntBits(
                            Math.max(Float.intBitsToFloat((int) r[a + l]), Float.intBitsToFloat((int) r[b + l])));
                }
            }
            case NEG -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = r[a + l] ^ 0x80000000L;
                }
            }
            case ABS -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = r[a + l] & 0x7fffffffL;
                }
            }
            case COPYSIGN -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = (r[b + l] & 0x7fffffffL) | (r[a + l] & 0x80000000L);
                }
            }
            default -> {
                return false;
            }
        }
        return true;
    }
}
