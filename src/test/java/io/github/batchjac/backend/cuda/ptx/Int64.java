package io.github.batchjac.backend.cuda.ptx;

/** Integer arithmetic on 64 bits. */
final class Int64 {
    private Int64() {}

    /** All 32 lanes of register d from those of a, b and c. Returns whether it knows the operation. */
    static boolean common(Op op, long[] r, int d, int a, int b, int c, int x) {
        switch (op) {
            case ADD -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = r[a + l] + r[b + l];
                }
            }
            case SUB -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = r[a + l] - r[b + l];
                }
            }
            case MUL -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = r[a + l] * r[b + l];
                }
            }
            case MAD -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = r[a + l] * r[b + l] + r[c + l];
                }
            }
            case AND -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = r[a + l] & r[b + l];
                }
            }
            case OR -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = r[a + l] | r[b + l];
                }
            }
            case XOR -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = r[a + l] ^ r[b + l];
                }
            }
            case NOT -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = ~r[a + l];
                }
            }
            case NEG -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = -r[a + l];
                }
            }
            case SHL -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.shl(r[a + l], (int) r[b + l]);
                }
            }
            case SHR_S -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.shrSigned(r[a + l], (int) r[b + l]);
                }
            }
            case SHR_U -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.shr(r[a + l], (int) r[b + l]);
                }
            }
            case MIN_S -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Math.min(r[a + l], r[b + l]);
                }
            }
            case MAX_S -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Math.max(r[a + l], r[b + l]);
                }
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    /** All 32 lanes of register d from those of a, b and c. Returns whether it knows the operation. */
    static boolean rare(Op op, long[] r, int d, int a, int b, int c, int x) {
        switch (op) {
            case MULHI_S -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Math.multiplyHigh(r[a + l], r[b + l]);
                }
            }
            case MULHI_U -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.multiplyHighUnsigned(r[a + l], r[b + l]);
                }
            }
            case DIV_S -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = r[b + l] == 0 ? -1 : r[a + l] / r[b + l];
                }
            }
            case DIV_U -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = r[b + l] == 0 ? -1 : Long.divideUnsigned(r[a + l], r[b + l]);
                }
            }
            case REM_S -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = r[b + l] == 0 ? r[a + l] : r[a + l] % r[b + l];
                }
            }
            case REM_U -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = r[b + l] == 0 ? r[a + l] : Long.remainderUnsigned(r[a + l], r[b + l]);
                }
            }
            case MIN_U -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.minUnsigned(r[a + l], r[b + l]);
                }
            }
            case MAX_U -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.maxUnsigned(r[a + l], r[b + l]);
                }
            }
            case ABS -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Math.abs(r[a + l]);
                }
            }
            case CNOT -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = r[a + l] == 0 ? 1 : 0;
                }
            }
            case MADHI_S -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Math.multiplyHigh(r[a + l], r[b + l]) + r[c + l];
                }
            }
            case MADHI_U -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.multiplyHighUnsigned(r[a + l], r[b + l]) + r[c + l];
                }
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    /** All 32 lanes of register d from those of a, b and c. Returns whether it knows the operation. */
    static boolean bits(Op op, long[] r, int d, int a, int b, int c, int x) {
        switch (op) {
            case BFE_S -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.extractSigned(r[a + l], (int) r[b + l], (int) r[c + l]);
                }
            }
            case BFE_U -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.extract(r[a + l], (int) r[b + l], (int) r[c + l]);
                }
            }
            case POPC -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Long.bitCount(r[a + l]);
                }
            }
            case CLZ -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Long.numberOfLeadingZeros(r[a + l]);
                }
            }
            case BREV -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Long.reverse(r[a + l]);
                }
            }
            case BFIND_S -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.find(r[a + l] ^ (r[a + l] >> 63));
                }
            }
            case BFIND_U -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.find(r[a + l]);
                }
            }
            case SHIFTAMT_S -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.shiftAmount(r[a + l] ^ (r[a + l] >> 63));
                }
            }
            case SHIFTAMT_U -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.shiftAmount(r[a + l]);
                }
            }
            case SAD_S -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Math.max(r[a + l], r[b + l]) - Math.min(r[a + l], r[b + l]) + r[c + l];
                }
            }
            case SAD_U -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.maxUnsigned(r[a + l], r[b + l]) - Bits.minUnsigned(r[a + l], r[b + l]) + r[c + l];
                }
            }
            default -> {
                return false;
            }
        }
        return true;
    }
}
