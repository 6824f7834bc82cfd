package io.github.batchjac.io;

import io.github.batchjac.tensor.ElementType;
import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * Writes arrays of any length, chunk by chunk, to an {@code .npy} file (one array) or an {@code .npz} file (any number),
 * byte for byte as NumPy does ({@code .npz} as {@code numpy.savez}: stored, in the order of declaration).
 *
 * <p>Types and shapes are declared first; the elements follow in row-major order. Chunks of several arrays may come in any
 * order: what cannot be written in its place yet waits in a temporary file next to the target.
 *
 * <p>The target appears whole or not at all: everything goes to a temporary file in its directory, which {@link #commit}
 * renames over it. After a failure, and when closed without a commit, the target is as it was and nothing else is left.
 * A target that exists and is not a regular file ({@code /dev/stdout}, a pipe) is written straight to. Not safe for use by
 * several threads at once.
 *
 * <pre>{@code
 * try (ArrayWriter out = ArrayWriter.open(path, List.of(new Array("jacobian", ElementType.F32, shape)))) {
 *     while (…) {
 *         out.append("jacobian", chunk, 0, length);
 *     }
 *     out.commit();
 * }
 * }</pre>
 */
public final class ArrayWriter implements Closeable {
    private static final int MOST_BUFFERED = 1 << 24;
    private static final int SMALLEST_BUFFER = 1 << 13;

    private final Path target;
    private final AtomicFile file;
    private final boolean zip;
    private final List<Part> parts = new ArrayList<>();
    private final Map<String, Part> byName = new LinkedHashMap<>();
    private final int bufferBytes;
    private final long bytesNeeded;
    /** The part that is written in its place; those before it are complete. −1: all parts wait, for lack of seeking. */
    private int current;

    private boolean closed;

    /**
     * A declared array.
     *
     * @param name its name in an {@code .npz} file, without {@code .npy}; in an {@code .npy} file only its name here
     * @param type its elements
     * @param shape its shape; it may have more than 2³¹ elements
     */
    public record Array(String name, ElementType type, Shape shape) {}

    private ArrayWriter(Path target, List<Array> arrays, boolean zip) throws IOException {
        this.target = target;
        this.zip = zip;
        long needed = 0;
        for (Array array : arrays) {
            Part part = new Part(array);
            if (byName.put(array.name(), part) != null) {
                throw new IllegalArgumentException(target + ": two arrays are named " + array.name());
            }
            parts.add(part);
            needed = Math.addExact(needed, part.bytes);
        }
        this.bytesNeeded = needed;
        this.bufferBytes = Math.max(
                SMALLEST_BUFFER, Math.min(LittleEndian.BUFFER_BYTES, MOST_BUFFERED / Math.max(1, arrays.size())));
        this.file = AtomicFile.create(target);
        this.current = zip && file.straight() ? -1 : 0;
        if (current == 0 && !parts.isEmpty()) {
            attempt(() -> {
                begin(parts.get(0));
                advance();
            });
        }
    }

    /**
     * Opens {@code target}, whose name ends in {@code .npy} or {@code .npz}; one that is no regular file takes one array as
     * {@code .npy}, several as {@code .npz}.
     *
     * @throws IllegalArgumentException if the name has another ending, {@code .npy} is to hold other than one array, or an
     *     array's name is empty, unsafe as a path, or comes twice
     * @throws IOException in one sentence, if the target is a directory or read-only, or its directory is missing or not
     *     writable
     */
    public static ArrayWriter open(Path target, List<Array> arrays) throws IOException {
        boolean zip = isZip(target, arrays.size());
        if (!zip && arrays.size() != 1) {
            throw new IllegalArgumentException(
                    target + ": an .npy file holds one array, not " + arrays.size() + "; name an .npz file");
        }
        if (zip) {
            arrays.forEach(array -> requireSafe(target, array.name()));
        }
        return new ArrayWriter(target, arrays, zip);
    }

    /** Writes one array. @throws IOException as {@link #open} and {@link #commit} */
    public static void write(Path target, Tensor array) throws IOException {
        write(target, Map.of("arr_0", array));
    }

    /** Writes arrays by name, in the map's order. @throws IOException as {@link #open} and {@link #commit} */
    public static void write(Path target, Map<String, Tensor> arrays) throws IOException {
        List<Array> declared = new ArrayList<>();
        arrays.forEach((name, tensor) -> declared.add(new Array(name, tensor.type(), tensor.shape())));
        try (ArrayWriter writer = open(target, declared)) {
            for (Map.Entry<String, Tensor> entry : arrays.entrySet()) {
                writer.append(entry.getKey(), entry.getValue());
            }
            writer.commit();
        }
    }

    private static boolean isZip(Path target, int arrays) {
        String name = target.toString();
        if (name.endsWith(".npz") || name.endsWith(".npy")) {
            return name.endsWith(".npz");
        }
        if (Files.exists(target) && !Files.isRegularFile(target) && !Files.isDirectory(target)) {
            return arrays != 1;
        }
        throw new IllegalArgumentException(target + ": cannot tell the format, expected a name in .npy or .npz");
    }

    private static void requireSafe(Path target, String name) {
        boolean safe = name.getBytes(StandardCharsets.UTF_8).length < 0xfff0
                && name.chars().noneMatch(c -> Character.isISOControl(c) || c == '\\');
        for (String step : name.split("/", -1)) {
            safe &= !step.isEmpty() && !step.equals(".") && !step.equals("..");
        }
        if (!safe) {
            throw new IllegalArgumentException(target + ": the array name " + InputFiles.quote(name)
                    + " is empty, or unsafe as the name of a file in a zip");
        }
    }

    /**
     * Appends {@code data[offset, offset + length)} to the array {@code name}.
     *
     * @throws IllegalArgumentException if no array has this name and this type, or it has no room for so many elements
     * @throws IOException if they cannot be written (a full disk); the writer is then closed and the target as it was
     */
    public void append(String name, float[] data, int offset, int length) throws IOException {
        append(name, ElementType.F32, data, Objects.checkFromIndexSize(offset, length, data.length), length);
    }

    /** As {@link #append(String, float[], int, int)}, for float64. */
    public void append(String name, double[] data, int offset, int length) throws IOException {
        append(name, ElementType.F64, data, Objects.checkFromIndexSize(offset, length, data.length), length);
    }

    /** As {@link #append(String, float[], int, int)}, for int64. */
    public void append(String name, long[] data, int offset, int length) throws IOException {
        append(name, ElementType.I64, data, Objects.checkFromIndexSize(offset, length, data.length), length);
    }

    /** Appends all of {@code chunk}, whatever its shape. @throws IOException as the other forms */
    public void append(String name, Tensor chunk) throws IOException {
        Object data = switch (chunk.type()) {
            case F32 -> chunk.floats();
            case F64 -> chunk.doubles();
            case I64 -> chunk.longs();
        };
        append(name, chunk.type(), data, 0, chunk.size());
    }

    private void append(String name, ElementType type, Object data, int offset, int length) throws IOException {
        requireOpen();
        Part part = byName.get(name);
        if (part == null) {
            throw new IllegalArgumentException(
                    target + ": no array is named " + name + ", only " + String.join(", ", byName.keySet()));
        }
        if (part.array.type() != type) {
            throw new IllegalArgumentException(
                    target + ": " + name + " was declared " + part.array.type() + ", a chunk is " + type);
        }
        if (length > part.elements - part.appended) {
            throw new IllegalArgumentException(target + ": " + name + " has shape " + part.array.shape() + " and "
                    + part.appended + " of its " + part.elements + " elements, " + length + " more came");
        }
        if (length == 0) {
            return;
        }
        attempt(() -> {
            put(part, data, offset, length);
            advance();
        });
    }

    private void put(Part part, Object data, int offset, int length) throws IOException {
        ByteBuffer buffer = part.buffer();
        int bytes = part.array.type().bytes();
        for (int done = 0; done < length; ) {
            int n = Math.min(buffer.remaining() / bytes, length - done);
            if (n == 0) {
                flush(part);
                continue;
            }
            LittleEndian.put(buffer, data, offset + done, n);
            done += n;
            part.appended += n;
        }
    }

    private void flush(Part part) throws IOException {
        ByteBuffer buffer = part.buffer().flip();
        part.crc.update(buffer.duplicate());
        AtomicFile to = current >= 0 && parts.get(current) == part ? file : part.spool();
        writeFully(to.channel(), buffer);
        buffer.clear();
    }

    /** Ends the parts that are complete, from the current one on, and begins the next. */
    private void advance() throws IOException {
        while (current >= 0 && current < parts.size() && parts.get(current).complete()) {
            Part part = parts.get(current);
            flush(part);
            part.end();
            if (zip) {
                ByteBuffer crc = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
                crc.putInt((int) part.crc.getValue()).flip();
                while (crc.hasRemaining()) {
                    file.channel().write(crc, part.offset + ZipDirectory.CHECKSUM_OFFSET + crc.position());
                }
            }
            current++;
            if (current < parts.size()) {
                begin(parts.get(current));
            }
        }
    }

    /** Writes what precedes the part in the file, and what waited of it. */
    private void begin(Part part) throws IOException {
        if (zip) {
            part.offset = file.straight() ? part.offset : file.channel().position();
            writeFully(file.channel(), ByteBuffer.wrap(part.localHeader()));
        }
        AtomicFile spool = part.spool;
        if (spool != null) {
            FileChannel from = spool.channel();
            long size = from.size();
            for (long at = 0; at < size; ) {
                at += from.transferTo(at, size - at, file.channel());
            }
            spool.close();
            part.spool = null;
        }
    }

    private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    /**
     * Gives the complete file its name.
     *
     * @throws IllegalStateException if elements are missing, saying of which array and how many
     * @throws IOException if it cannot be written; the target is then as it was
     */
    public void commit() throws IOException {
        requireOpen();
        for (Part part : parts) {
            if (!part.complete()) {
                throw new IllegalStateException(target + ": " + part.array.name() + " has shape " + part.array.shape()
                        + ", but " + part.appended + " of its " + part.elements + " elements came");
            }
        }
        attempt(() -> {
            if (zip) {
                ZipDirectory directory = new ZipDirectory();
                long offset = 0;
                for (Part part : parts) {
                    if (current < 0) {
                        flush(part);
                        part.end();
                        part.offset = offset;
                        begin(part);
                    }
                    directory.add(part.entry(), part.bytes, (int) part.crc.getValue(), part.offset);
                    offset = part.offset + part.localHeader().length + part.bytes;
                }
                writeFully(file.channel(), ByteBuffer.wrap(directory.end(offset)));
            }
            file.commit();
        });
        close();
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException(target + ": the writer is closed");
        }
    }

    private interface Writing {
        void run() throws IOException;
    }

    /** Runs {@code writing}; on any failure closes this writer, so that nothing is left behind. */
    private void attempt(Writing writing) throws IOException {
        boolean done = false;
        try {
            writing.run();
            done = true;
        } catch (IOException e) {
            FileSystemException named = new FileSystemException(
                    target.toString(),
                    null,
                    "cannot be written: " + InputFiles.reason(e) + " (the file needs " + bytesNeeded + " bytes)");
            named.initCause(e);
            throw named;
        } finally {
            if (!done) {
                close();
            }
        }
    }

    /** Ends the writing. Unless it was committed, the target is as it was before {@link #open}. */
    @Override
    public void close() throws IOException {
        if (closed) {
            return;
        }
        closed = true;
        IOException failure = null;
        for (Part part : parts) {
            part.end();
            AtomicFile spool = part.spool;
            if (spool != null) {
                try {
                    spool.close();
                } catch (IOException e) {
                    failure = e;
                }
            }
        }
        file.close();
        if (failure != null) {
            throw failure;
        }
    }

    /** One array on its way: its bytes are the header's and the data's. */
    private final class Part {
        final Array array;
        final byte[] header;
        final long elements;
        final long bytes;
        final CRC32 crc = new CRC32();
        long appended;
        long offset;

        @Nullable AtomicFile spool;

        private @Nullable ByteBuffer buffer;

        Part(Array array) {
            this.array = array;
            if (array.shape().rank() > NpyHeader.MOST_AXES) {
                throw new IllegalArgumentException(target + ": " + array.name() + " has "
                        + array.shape().rank() + " axes, NumPy takes at most " + NpyHeader.MOST_AXES);
            }
            try {
                NpyHeader.requireCountable(array.shape(), array.type().bytes());
            } catch (ArithmeticException e) {
                throw new IllegalArgumentException(
                        target + ": " + array.name() + " has shape " + array.shape()
                                + ", whose bytes 2^63 does not count",
                        e);
            }
            this.header = NpyHeader.write(array.type(), array.shape());
            this.elements = array.shape().elements();
            this.bytes = header.length + elements * array.type().bytes();
        }

        boolean complete() {
            return appended == elements;
        }

        String entry() {
            return array.name() + ".npy";
        }

        byte[] localHeader() {
            // Where the target cannot seek the checksum is known by now; elsewhere it is filled in when it is.
            return ZipDirectory.localHeader(entry(), bytes, file.straight() ? (int) crc.getValue() : 0);
        }

        ByteBuffer buffer() {
            ByteBuffer b = buffer;
            if (b == null) {
                // The header is shorter than the smallest buffer: NpyHeader.MOST_AXES axes of at most 20 characters.
                b = LittleEndian.buffer((int) Math.min(bufferBytes, bytes));
                b.put(header);
                buffer = b;
            }
            return b;
        }

        AtomicFile spool() throws IOException {
            AtomicFile s = spool;
            if (s == null) {
                s = AtomicFile.spool(file.spoolDirectory(), target);
                spool = s;
            }
            return s;
        }

        /** Lets go of the buffer. */
        void end() {
            buffer = null;
        }
    }
}
