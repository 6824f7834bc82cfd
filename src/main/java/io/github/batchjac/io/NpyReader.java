package io.github.batchjac.io;

import io.github.batchjac.tensor.ElementType;
import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Objects;

/**
 * One array in NumPy's format, of any length: its type and shape at once, its samples (first axis) by ranges.
 *
 * <p>Read are float32, float64 and int64, and int32 widened to int64; little-endian, C order, format versions 1.0 to 3.0.
 * Opening checks that the file holds exactly the bytes that its header implies, so a range that lies inside the shape can
 * be read, and nothing is allocated for what is not there. Not safe for use by several threads at once.
 */
public final class NpyReader implements Closeable {
    private final String where;
    private final ByteSource source;
    private final NpyHeader header;
    private final ByteBuffer buffer;

    NpyReader(String where, ByteSource source) throws IOException {
        this.where = where;
        this.source = source;
        try {
            this.header = NpyHeader.read(source, where);
        } catch (IOException | RuntimeException e) {
            source.close();
            throw e;
        }
        this.buffer = LittleEndian.buffer((int) Math.min(LittleEndian.BUFFER_BYTES, Math.max(8, header.dataBytes())));
    }

    /**
     * Opens an {@code .npy} file.
     *
     * @throws FormatException if the file is truncated, has trailing bytes, is not an .npy file, or holds something else
     *     than real numbers of the types above in C order
     * @throws IOException if it is missing, unreadable, or not a regular file
     */
    public static NpyReader open(Path file) throws IOException {
        InputFiles.require(file);
        return new NpyReader(file.toString(), new ByteSource.OfFile(file));
    }

    /**
     * The whole array in {@code file}.
     *
     * @throws IOException as {@link #open}; also if it has more than 2³¹−1 elements
     */
    public static Tensor read(Path file) throws IOException {
        try (NpyReader reader = open(file)) {
            return reader.readAll();
        }
    }

    /** What {@link #read} gives: int64 also where the file holds int32. */
    public ElementType type() {
        return header.storage().type();
    }

    /** The array's shape, the samples' axis first. */
    public Shape shape() {
        return header.shape();
    }

    /**
     * The length of the first axis.
     *
     * @throws FormatException if the array is a scalar
     */
    public long samples() throws FormatException {
        if (shape().rank() == 0) {
            throw new FormatException(where + ": holds one number, expected an array whose first axis counts samples");
        }
        return shape().axis(0);
    }

    /**
     * The whole array.
     *
     * @throws FormatException if it has more than 2³¹−1 elements
     */
    public Tensor readAll() throws IOException {
        return tensor(0, shape());
    }

    /**
     * Samples {@code first} to {@code first + samples}, of shape {@code (samples, shape's other axes...)}.
     *
     * @throws IndexOutOfBoundsException if there are no such samples
     * @throws FormatException if they have more than 2³¹−1 elements, or the array is a scalar
     */
    public Tensor read(long first, int samples) throws IOException {
        Objects.checkFromIndexSize(first, samples, samples());
        Shape each = shape().tail();
        return tensor(first * each.elements(), each.prepend(samples));
    }

    /**
     * Reads samples {@code first} to {@code first + samples} into {@code out} from {@code offset} on.
     *
     * @throws IndexOutOfBoundsException if there are no such samples, or {@code out} has no room for them
     * @throws FormatException if the array is not float32
     */
    public void read(long first, int samples, float[] out, int offset) throws IOException {
        read(ElementType.F32, first, samples, out, offset, out.length);
    }

    /** As {@link #read(long, int, float[], int)}, for float64. */
    public void read(long first, int samples, double[] out, int offset) throws IOException {
        read(ElementType.F64, first, samples, out, offset, out.length);
    }

    /** As {@link #read(long, int, float[], int)}, for int64 (and int32, widened). */
    public void read(long first, int samples, long[] out, int offset) throws IOException {
        read(ElementType.I64, first, samples, out, offset, out.length);
    }

    private void read(ElementType wanted, long first, int samples, Object out, int offset, int length)
            throws IOException {
        if (type() != wanted) {
            throw new FormatException(where + ": holds " + type() + " " + shape() + ", expected " + wanted);
        }
        Objects.checkFromIndexSize(first, samples, samples());
        long each = shape().tail().elements();
        long count = samples * each;
        if (offset < 0 || count > (long) length - offset) {
            throw new IndexOutOfBoundsException(where + ": " + samples + " samples have " + count
                    + " elements, the array has " + length + " from which " + offset + " are skipped");
        }
        fill(first * each, out, offset, (int) count);
    }

    private Tensor tensor(long firstElement, Shape shape) throws IOException {
        if (shape.elements() > Integer.MAX_VALUE) {
            throw new FormatException(where + ": shape " + shape + " has " + shape.elements()
                    + " elements, an array holds at most " + Integer.MAX_VALUE + "; read it in ranges");
        }
        Tensor tensor = Tensor.zeros(type(), shape);
        Object array = switch (type()) {
            case F32 -> tensor.floats();
            case F64 -> tensor.doubles();
            case I64 -> tensor.longs();
        };
        fill(firstElement, array, 0, tensor.size());
        return tensor;
    }

    private void fill(long firstElement, Object array, int offset, int count) throws IOException {
        int bytes = header.storage().bytes();
        long position = header.bytes() + firstElement * bytes;
        int atOnce = buffer.capacity() / bytes;
        for (int done = 0; done < count; ) {
            int n = Math.min(atOnce, count - done);
            buffer.clear().limit(n * bytes);
            try {
                source.read(position, buffer);
            } catch (EOFException e) {
                throw new FormatException(where + ": is truncated: " + e.getMessage(), e);
            }
            LittleEndian.get(buffer.flip(), bytes, array, offset + done, n);
            done += n;
            position += (long) n * bytes;
        }
    }

    @Override
    public void close() throws IOException {
        source.close();
    }
}
