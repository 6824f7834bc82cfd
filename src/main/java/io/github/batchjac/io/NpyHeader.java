package io.github.batchjac.io;

import io.github.batchjac.tensor.ElementType;
import io.github.batchjac.tensor.Shape;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The header of an {@code .npy} file, format versions 1.0 to 3.0 (NumPy's {@code numpy.lib.format}).
 *
 * <p>It is parsed here and not by {@code org.openlca:npy}, whose parser narrows axes to {@code int} ((2³²+5) reads as
 * 5), allocates whatever header length four bytes claim, recurses once per nested bracket, ends at the first NUL, and
 * takes the first of two equal keys.
 *
 * @param storage how one element is stored
 * @param shape the array's shape
 * @param bytes the header's own length: where the data begin
 */
record NpyHeader(Storage storage, Shape shape, int bytes) {
    /** NumPy's own limit on the number of axes. */
    static final int MOST_AXES = 64;

    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
    private static final int SHORTEST = 10;
    private static final int LONGEST = 1 << 20;
    private static final int ALIGNMENT = 64;

    /** An element in a file. */
    enum Storage {
        F32("<f4", ElementType.F32, Float.BYTES),
        F64("<f8", ElementType.F64, Double.BYTES),
        I64("<i8", ElementType.I64, Long.BYTES),
        /** Widened to int64 when read; never written. */
        I32("<i4", ElementType.I64, Integer.BYTES);

        private final String descr;
        private final ElementType type;
        private final int bytes;

        Storage(String descr, ElementType type, int bytes) {
            this.descr = descr;
            this.type = type;
            this.bytes = bytes;
        }

        static Storage of(ElementType type) {
            return switch (type) {
                case F32 -> F32;
                case F64 -> F64;
                case I64 -> I64;
            };
        }

        ElementType type() {
            return type;
        }

        int bytes() {
            return bytes;
        }
    }

    /** The number of bytes of the data after the header. */
    long dataBytes() {
        return shape.elements() * storage.bytes();
    }

    /**
     * The header of the array that {@code source} holds, which must hold that array and nothing else.
     *
     * @param where the file's name for messages
     */
    static NpyHeader read(ByteSource source, String where) throws IOException {
        long size = source.size();
        byte[] start = bytes(source, 0, (int) Math.min(size, SHORTEST + 2), where);
        if (!Arrays.equals(start, 0, Math.min(start.length, MAGIC.length), MAGIC, 0, MAGIC.length)) {
            throw new FormatException(where + ": is not an .npy file: it does not begin with \\x93NUMPY");
        }
        if (size < SHORTEST) {
            throw new FormatException(
                    where + ": is truncated: it holds " + size + " bytes, an .npy header has at least " + SHORTEST);
        }
        int major = start[6] & 0xff;
        int minor = start[7] & 0xff;
        if (major < 1 || major > 3 || minor != 0) {
            throw new FormatException(
                    where + ": has .npy version " + major + "." + minor + ", expected 1.0, 2.0 or 3.0");
        }
        int prefix = major == 1 ? SHORTEST : SHORTEST + 2;
        if (size < prefix) {
            throw new FormatException(
                    where + ": is truncated: it holds " + size + " bytes, its header has at least " + prefix);
        }
        ByteBuffer lengths = ByteBuffer.wrap(start).order(ByteOrder.LITTLE_ENDIAN);
        long length = major == 1 ? lengths.getShort(8) & 0xffffL : lengths.getInt(8) & 0xffffffffL;
        if (length > LONGEST) {
            throw new FormatException(
                    where + ": declares a header of " + length + " bytes, at most " + LONGEST + " are accepted");
        }
        if (size - prefix < length) {
            throw new FormatException(where + ": is truncated: " + (size - prefix) + " bytes of its header came, "
                    + length + " were expected");
        }
        byte[] text = bytes(source, prefix, (int) length, where);
        NpyHeader header = new Parser(
                        new String(text, major == 3 ? StandardCharsets.UTF_8 : StandardCharsets.ISO_8859_1), where)
                .parse(prefix + (int) length);
        long came = size - header.bytes();
        long expected = header.dataBytes();
        if (came != expected) {
            throw new FormatException(where + (came < expected ? ": is truncated: " : ": has trailing bytes: ") + came
                    + " bytes of data came, " + header.storage.type + " " + header.shape + " has " + expected);
        }
        return header;
    }

    private static byte[] bytes(ByteSource source, long position, int length, String where) throws IOException {
        byte[] bytes = new byte[length];
        try {
            source.read(position, ByteBuffer.wrap(bytes));
        } catch (EOFException e) {
            throw new FormatException(where + ": is truncated: " + e.getMessage(), e);
        }
        return bytes;
    }

    /** The bytes that NumPy itself writes for an array of this type and shape. */
    static byte[] write(ElementType type, Shape shape) {
        String dict = "{'descr': '" + Storage.of(type).descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
        // NumPy leaves room for the first axis to grow in place to 21 digits, then pads by 1 to 64 with the
        // newline last.
        int growth = shape.rank() == 0 ? 0 : 21 - Long.toString(shape.axis(0)).length();
        int used = SHORTEST + dict.length() + growth + 1;
        int total = (used / ALIGNMENT + 1) * ALIGNMENT;
        byte[] bytes = new byte[total];
        Arrays.fill(bytes, (byte) ' ');
        System.arraycopy(MAGIC, 0, bytes, 0, MAGIC.length);
        bytes[6] = 1;
        bytes[7] = 0;
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putShort(8, (short) (total - SHORTEST));
        byte[] ascii = dict.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(ascii, 0, bytes, SHORTEST, ascii.length);
        bytes[total - 1] = '\n';
        return bytes;
    }

    /** The number of bytes of {@code elements} of {@code shape}; refused where 2⁶³ does not hold it. */
    static void requireCountable(Shape shape, int elementBytes) {
        long product = elementBytes;
        for (long axis : shape.axes()) {
            if (axis > 0) {
                product = Math.multiplyExact(product, axis);
            }
        }
    }

    /** Python's literal dict, as far as a header uses it: no nesting, so no recursion. */
    private static final class Parser {
        private final String text;
        private final String where;
        private int at;

        Parser(String text, String where) {
            this.text = text;
            this.where = where;
        }

        NpyHeader parse(int bytes) throws FormatException {
            Storage storage = null;
            Shape shape = null;
            Set<String> keys = new HashSet<>();
            expect('{');
            while (!accept('}')) {
                String key = string();
                if (!keys.add(key)) {
                    throw bad("the key " + InputFiles.quote(key) + " comes twice");
                }
                expect(':');
                switch (key) {
                    case "descr" -> storage = storage();
                    case "fortran_order" -> requireC();
                    case "shape" -> shape = shape();
                    default ->
                        throw bad("the key " + InputFiles.quote(key) + " is none of descr, fortran_order, shape");
                }
                if (!accept(',')) {
                    expect('}');
                    break;
                }
            }
            skipSpace();
            if (at < text.length()) {
                throw bad("something follows the dict");
            }
            if (storage == null || shape == null || keys.size() != 3) {
                throw bad("the keys are " + keys + ", expected descr, fortran_order and shape");
            }
            try {
                requireCountable(shape, storage.bytes());
            } catch (ArithmeticException e) {
                throw new FormatException(where + ": has shape " + shape + ", whose bytes 2^63 does not count", e);
            }
            return new NpyHeader(storage, shape, bytes);
        }

        private Storage storage() throws FormatException {
            skipSpace();
            if (at < text.length() && text.charAt(at) == '[') {
                throw new FormatException(where + ": holds records (a structured type), expected " + expected());
            }
            String descr = string();
            for (Storage storage : Storage.values()) {
                if (storage.descr.equals(descr)) {
                    return storage;
                }
                if (storage.descr.replace('<', '>').equals(descr)) {
                    throw new FormatException(
                            where + ": is big-endian (" + descr + "), expected little-endian (" + storage.descr + ")");
                }
            }
            if (descr.endsWith("O")) {
                throw new FormatException(
                        where + ": holds Python objects (a pickle), which are never loaded; expected " + expected());
            }
            throw new FormatException(
                    where + ": holds elements of type " + InputFiles.quote(descr) + ", expected " + expected());
        }

        private static String expected() {
            return Arrays.stream(Storage.values()).map(s -> s.descr).collect(Collectors.joining(", ", "one of ", ""));
        }

        private void requireC() throws FormatException {
            skipSpace();
            if (text.startsWith("True", at)) {
                throw new FormatException(
                        where + ": is in Fortran order, expected C order (save numpy.ascontiguousarray of it)");
            }
            if (!text.startsWith("False", at)) {
                throw bad("fortran_order is neither True nor False");
            }
            at += "False".length();
        }

        private Shape shape() throws FormatException {
            List<Long> axes = new ArrayList<>();
            expect('(');
            while (!accept(')')) {
                if (axes.size() == MOST_AXES) {
                    throw bad("the shape has more than " + MOST_AXES + " axes");
                }
                axes.add(axis());
                if (!accept(',')) {
                    expect(')');
                    break;
                }
            }
            try {
                return Shape.of(axes.stream().mapToLong(Long::longValue).toArray());
            } catch (IllegalArgumentException e) {
                throw new FormatException(where + ": " + e.getMessage(), e);
            }
        }

        private long axis() throws FormatException {
            skipSpace();
            int start = at;
            if (at < text.length() && text.charAt(at) == '-') {
                at++;
            }
            while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
                at++;
            }
            String digits = text.substring(start, at);
            // Python 2 wrote 5L.
            if (at < text.length() && text.charAt(at) == 'L') {
                at++;
            }
            try {
                return Long.parseLong(digits);
            } catch (NumberFormatException e) {
                throw new FormatException(
                        where + ": has a malformed header: the shape has the axis " + InputFiles.quote(digits)
                                + ", expected an integer below 2^63",
                        e);
            }
        }

        private String string() throws FormatException {
            skipSpace();
            char quote = at < text.length() ? text.charAt(at) : ' ';
            if (quote != '\'' && quote != '"') {
                throw bad("expected a string at character " + at);
            }
            int end = text.indexOf(quote, at + 1);
            if (end < 0) {
                throw bad("the string at character " + at + " does not end");
            }
            String string = text.substring(at + 1, end);
            at = end + 1;
            return string;
        }

        private void expect(char c) throws FormatException {
            if (!accept(c)) {
                throw bad("expected '" + c + "' at character " + at);
            }
        }

        private boolean accept(char c) {
            skipSpace();
            if (at < text.length() && text.charAt(at) == c) {
                at++;
                return true;
            }
            return false;
        }

        private void skipSpace() {
            while (at < text.length() && " \t\n\r".indexOf(text.charAt(at)) >= 0) {
                at++;
            }
        }

        private FormatException bad(String what) {
            return new FormatException(where + ": has a malformed header: " + what);
        }
    }
}
