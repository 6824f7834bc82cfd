package io.github.batchjac.backend.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** A kernel's arguments in order, each at its natural alignment, as PTX lays parameters out. */
final class Arguments {
    private ByteBuffer bytes = ByteBuffer.allocate(256).order(ByteOrder.LITTLE_ENDIAN);
    private int[] offsets = new int[24];
    private int count;

    /** A device address, or a 64-bit integer. */
    Arguments with(long value) {
        place(Long.BYTES);
        bytes.putLong(value);
        return this;
    }

    Arguments with(int value) {
        place(Integer.BYTES);
        bytes.putInt(value);
        return this;
    }

    Arguments with(double value) {
        place(Double.BYTES);
        bytes.putDouble(value);
        return this;
    }

    /** An address and a stride: two arguments. */
    Arguments with(Strided numbers) {
        return with(numbers.address()).with(numbers.stride());
    }

    /** A structure passed by value, 8-byte aligned. */
    Arguments with(byte[] structure) {
        place(Long.BYTES, structure.length);
        bytes.put(structure);
        return this;
    }

    private void place(int size) {
        place(size, size);
    }

    private void place(int alignment, int size) {
        int at = (bytes.position() + alignment - 1) / alignment * alignment;
        if (at + size > bytes.capacity()) {
            ByteBuffer larger = ByteBuffer.allocate(2 * (at + size)).order(ByteOrder.LITTLE_ENDIAN);
            larger.put(bytes.flip());
            bytes = larger;
        }
        bytes.position(at);
        if (count == offsets.length) {
            offsets = Arrays.copyOf(offsets, 2 * count);
        }
        offsets[count++] = at;
    }

    /** How many there are. */
    int count() {
        return count;
    }

    /** Where argument i lies in {@link #bytes}. */
    int offset(int i) {
        return offsets[i];
    }

    /** All of them, little-endian, from the first to the end of the last. */
    byte[] bytes() {
        return Arrays.copyOf(bytes.array(), bytes.position());
    }
}
