package io.github.batchjac.backend.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Where a launch's arguments lie while the driver reads them: the addresses of all, then the arguments. The driver has copied
 * them when the launch returns.
 */
final class ArgumentMemory {
    /** What a kernel takes at most, and an address for every four bytes of that. */
    static final int BYTES = 4096 + 4096 / Integer.BYTES * Long.BYTES;

    private final ByteBuffer memory;
    private final long address;

    /**
     * @param memory {@link #BYTES} direct bytes
     * @param address where they begin, a multiple of 8
     */
    ArgumentMemory(ByteBuffer memory, long address) {
        this.memory = memory.order(ByteOrder.nativeOrder());
        this.address = address;
    }

    /** @throws IllegalArgumentException if they are more than a kernel can take */
    void put(Arguments arguments) {
        byte[] bytes = arguments.bytes();
        int start = arguments.count() * Long.BYTES;
        if (start + bytes.length > memory.capacity()) {
            throw new IllegalArgumentException(
                    arguments.count() + " arguments of " + bytes.length + " bytes; a kernel takes 4096 bytes");
        }
        for (int i = 0; i < arguments.count(); i++) {
            memory.putLong(i * Long.BYTES, address + start + arguments.offset(i));
        }
        memory.put(start, bytes);
    }
}
