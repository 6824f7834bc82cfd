package io.github.batchjac.io;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Arrays to bytes and back, in bulk. An array here is a {@code float[]}, {@code double[]} or {@code long[]}. */
final class LittleEndian {
    /** Large enough that a system call costs nothing beside it, small enough to stay in the cache. */
    static final int BUFFER_BYTES = 1 << 20;

    private LittleEndian() {}

    static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Appends {@code array[offset, offset + count)} to {@code to}, which has room for it. */
    static void put(ByteBuffer to, Object array, int offset, int count) {
        int bytes;
        if (array instanceof float[] floats) {
            to.asFloatBuffer().put(floats, offset, count);
            bytes = Float.BYTES;
        } else if (array instanceof double[] doubles) {
            to.asDoubleBuffer().put(doubles, offset, count);
            bytes = Double.BYTES;
        } else {
            to.asLongBuffer().put((long[]) array, offset, count);
            bytes = Long.BYTES;
        }
        to.position(to.position() + count * bytes);
    }

    /** Takes {@code array[offset, offset + count)} from {@code from}, which holds {@code bytes} for each element. */
    static void get(ByteBuffer from, int bytes, Object array, int offset, int count) {
        if (array instanceof float[] floats) {
            from.asFloatBuffer().get(floats, offset, count);
        } else if (array instanceof double[] doubles) {
            from.asDoubleBuffer().get(doubles, offset, count);
        } else if (bytes == Long.BYTES) {
            from.asLongBuffer().get((long[]) array, offset, count);
        } else {
            long[] longs = (long[]) array;
            for (int i = 0; i < count; i++) {
                longs[offset + i] = from.getInt(from.position() + i * Integer.BYTES);
            }
        }
        from.position(from.position() + count * bytes);
    }
}
