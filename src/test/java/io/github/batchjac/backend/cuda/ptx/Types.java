package io.github.batchjac.backend.cuda.ptx;

/** Scalar types and literals of PTX. */
final class Types {
    private Types() {}

    /** Bytes of {@code f32}, {@code u8}, {@code b64}…; 0 if there is no such type. */
    static int bytes(String type) {
        int bits = switch (type) {
            case "b8", "u8", "s8" -> 8;
            case "b16", "u16", "s16" -> 16;
            case "b32", "u32", "s32", "f32" -> 32;
            case "b64", "u64", "s64", "f64" -> 64;
            default -> 0;
        };
        return bits / 8;
    }

    static boolean isFloat(String type) {
        return type.equals("f32") || type.equals("f64");
    }

    static boolean isSigned(String type) {
        return type.startsWith("s");
    }

    /** The bits of a literal: {@code 0f3F800000}, {@code 0d…}, {@code 0x1F}, {@code -3}, {@code 017}, {@code 1.5}. */
    static long literal(String text, String type) {
        if (text.startsWith("0f") || text.startsWith("0F")) {
            return Integer.parseUnsignedInt(text.substring(2), 16);
        }
        if (text.startsWith("0d") || text.startsWith("0D")) {
            return Long.parseUnsignedLong(text.substring(2), 16);
        }
        if (isFloat(type) || text.indexOf('.') >= 0) {
            double value = Double.parseDouble(text);
            return type.equals("f32") ? Float.floatToRawIntBits((float) value) : Double.doubleToRawLongBits(value);
        }
        boolean minus = text.startsWith("-");
        boolean complement = text.startsWith("~");
        String digits = minus || complement ? text.substring(1) : text;
        digits = digits.endsWith("U") ? digits.substring(0, digits.length() - 1) : digits;
        long value;
        if (digits.startsWith("0x") || digits.startsWith("0X")) {
            value = Long.parseUnsignedLong(digits.substring(2), 16);
        } else if (digits.startsWith("0b") || digits.startsWith("0B")) {
            value = Long.parseUnsignedLong(digits.substring(2), 2);
        } else if (digits.length() > 1 && digits.startsWith("0")) {
            value = Long.parseUnsignedLong(digits.substring(1), 8);
        } else {
            value = Long.parseUnsignedLong(digits);
        }
        return minus ? -value : complement ? ~value : value;
    }
}
