package io.github.batchjac.backend.cuda.ptx;

/** Integer arithmetic on 32 bits; a shift or a quotient is as the hardware has it, a division by zero gives all ones. */
final class Int32 {
    private Int32() {}

    /** All 32 lanes of register d from those of a, b and c. Returns whether it knows the operation. */
    static boolean common(Op op, long[] r, int d, int a, int b, int c, int x) {
        switch (op) {
            case ADD -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = ((int) r[a + l]) + ((int) r[b + l]);
                }
            }
            case SUB -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = ((int) r[a + l]) - ((int) r[b + l]);
                }
            }
            case MUL -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = ((int) r[a + l]) * ((int) r[b + l]);
                }
            }
            case MAD -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = ((int) r[a + l]) * ((int) r[b + l]) + ((int) r[c + l]);
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
                    r[d + l] = -((int) r[a + l]);
                }
            }
            case SHL -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.shl((int) r[a + l], (int) r[b + l]);
                }
            }
            case SHR_S -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.shrSigned((int) r[a + l], (int) r[b + l]);
                }
            }
            case SHR_U -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.shr((int) r[a + l], (int) r[b + l]);
                }
            }
            case MIN_S -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Math.min((int) r[a + l], (int) r[b + l]);
                }
            }
            case MAX_S -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Math.max((int) r[a + l], (int) r[b + l]);
                }
            }
            case WIDE_S -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = (long) ((int) r[a + l]) * ((int) r[b + l]);
                }
            }
            case WIDE_U -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = (((int) r[a + l]) & 0xffffffffL) * (((int) r[b + l]) & 0xffffffffL);
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
                    r[d + l] = ((long) ((int) r[a + l]) * ((int) r[b + l])) >> 32;
                }
            }
            case MULHI_U -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = (((int) r[a + l]) & 0xffffffffL) * (((int) r[b + l]) & 0xffffffffL) >>> 32;
                }
            }
            case DIV_S -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = ((int) r[b + l]) == 0 ? -1 : ((int) r[a + l]) / ((int) r[b + l]);
                }
            }
            case DIV_U -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = ((int) r[b + l]) == 0 ? -1 : Integer.divideUnsigned((int) r[a + l], (int) r[b + l]);
                }
            }
            case REM_S -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = ((int) r[b + l]) == 0 ? ((int) r[a + l]) : ((int) r[a + l]) % ((int) r[b + l]);
                }
            }
            case REM_U -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = ((int) r[b + l]) == 0
                            ? ((int) r[a + l])
                            : Integer.remainderUnsigned((int) r[a + l], (int) r[b + l]);
                }
            }
            case MIN_U -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.minUnsigned((int) r[a + l], (int) r[b + l]);
                }
            }
            case MAX_U -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.maxUnsigned((int) r[a + l], (int) r[b + l]);
                }
            }
            case ABS -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Math.abs((int) r[a + l]);
                }
            }
            case CNOT -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = ((int) r[a + l]) == 0 ? 1 : 0;
                }
            }
            case MADHI_S -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = (((long) ((int) r[a + l]) * ((int) r[b + l])) >> 32) + ((int) r[c + l]);
                }
            }
            case MADHI_U -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = ((((int) r[a + l]) & 0xffffffffL) * (((int) r[b + l]) & 0xffffffffL) >>> 32)
                            + ((int) r[c + l]);
                }
            }
            case MADWIDE_S -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = (long) ((int) r[a + l]) * ((int) r[b + l]) + r[c + l];
                }
            }
            case MADWIDE_U -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = (((int) r[a + l]) & 0xffffffffL) * (((int) r[b + l]) & 0xffffffffL) + r[c + l];
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
                    r[d + l] = Bits.extractSigned((int) r[a + l], (int) r[b + l], (int) r[c + l]);
                }
            }
            case BFE_U -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.extract((int) r[a + l], (int) r[b + l], (int) r[c + l]);
                }
            }
            case POPC -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Integer.bitCount((int) r[a + l]);
                }
            }
            case CLZ -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Integer.numberOfLeadingZeros((int) r[a + l]);
                }
            }
            case BREV -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Integer.reverse((int) r[a + l]);
                }
            }
            case BFIND_S -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.find(((int) r[a + l]) ^ (((int) r[a + l]) >> 31));
                }
            }
            case BFIND_U -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.find((int) r[a + l]);
                }
            }
            case SHIFTAMT_S -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.shiftAmount(((int) r[a + l]) ^ (((int) r[a + l]) >> 31));
                }
            }
            case SHIFTAMT_U -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.shiftAmount((int) r[a + l]);
                }
            }
            case PRMT -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.permute((int) r[a + l], (int) r[b + l], (int) r[c + l]);
                }
            }
            case LOP3 -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.logic((int) r[a + l], (int) r[b + l], (int) r[c + l], x);
                }
            }
            case SHF_L_WRAP -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.funnelLeft((int) r[a + l], (int) r[b + l], ((int) r[c + l]) & 31);
                }
            }
            case SHF_L_CLAMP -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.funnelLeft((int) r[a + l], (int) r[b + l], Bits.minUnsigned((int) r[c + l], 32));
                }
            }
            case SHF_R_WRAP -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.funnelRight((int) r[a + l], (int) r[b + l], ((int) r[c + l]) & 31);
                }
            }
            case SHF_R_CLAMP -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Bits.funnelRight((int) r[a + l], (int) r[b + l], Bits.minUnsigned((int) r[c + l], 32));
                }
            }
            case SAD_S -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Math.abs((long) ((int) r[a + l]) - ((int) r[b + l])) + ((int) r[c + l]);
                }
            }
            case SAD_U -> {
                for (int l = 0; l < 32; l++) {
                    r[d + l] = Math.abs((((int) r[a + l]) & 0xffffffffL) - (((int) r[b + l]) & 0xffffffffL))
                            + ((int) r[c + l]);
                }
            }
            default -> {
                return false;
            }
        }
        return true;
    }
}
