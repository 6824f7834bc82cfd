package io.github.batchjac.io;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * The bytes of a zip file around its entries' data, which are stored, not deflated, as {@code numpy.savez} does. Sizes are
 * known beforehand, checksums afterwards; 64-bit fields appear where 32 bits do not suffice (APPNOTE 4.3, 4.5.3). Dates are
 * 1980-01-01, as NumPy's, so that equal arrays make equal files.
 */
final class ZipDirectory {
    /** Where in {@link #localHeader} the checksum lies. */
    static final int CHECKSUM_OFFSET = 14;

    private static final long MOST_32 = 0xffffffffL;
    private static final int MOST_16 = 0xffff;
    private static final int DATE = 0x21;
    private static final short UTF_8 = 0x800;

    private final ByteArrayOutputStream central = new ByteArrayOutputStream();
    private long entries;

    /** What precedes an entry's data. */
    static byte[] localHeader(String name, long size, int crc) {
        byte[] utf8 = name.getBytes(StandardCharsets.UTF_8);
        boolean large = size >= MOST_32;
        ByteBuffer to = buffer(30 + utf8.length + 20);
        to.putInt(0x04034b50).putShort(version(large)).putShort(UTF_8).putShort((short) 0);
        to.putShort((short) 0).putShort((short) DATE).putInt(crc);
        to.putInt((int) Math.min(size, MOST_32)).putInt((int) Math.min(size, MOST_32));
        to.putShort((short) utf8.length).putShort((short) (large ? 20 : 0)).put(utf8);
        if (large) {
            to.putShort((short) 1).putShort((short) 16).putLong(size).putLong(size);
        }
        return bytes(to);
    }

    /** Adds an entry whose local header lies at {@code offset}. */
    void add(String name, long size, int crc, long offset) {
        byte[] utf8 = name.getBytes(StandardCharsets.UTF_8);
        boolean largeSize = size >= MOST_32;
        boolean largeOffset = offset >= MOST_32;
        int extra = (largeSize ? 16 : 0) + (largeOffset ? 8 : 0);
        ByteBuffer to = buffer(46 + utf8.length + 4 + extra);
        short version = version(largeSize || largeOffset);
        to.putInt(0x02014b50).putShort((short) (3 << 8 | version)).putShort(version);
        to.putShort(UTF_8)
                .putShort((short) 0)
                .putShort((short) 0)
                .putShort((short) DATE)
                .putInt(crc);
        to.putInt((int) Math.min(size, MOST_32)).putInt((int) Math.min(size, MOST_32));
        to.putShort((short) utf8.length).putShort((short) (extra == 0 ? 0 : extra + 4));
        // no comment, first disk, binary, a regular file that its owner may read and write
        to.putShort((short) 0).putShort((short) 0).putShort((short) 0).putInt(0x8180 << 16);
        to.putInt((int) Math.min(offset, MOST_32)).put(utf8);
        if (extra > 0) {
            to.putShort((short) 1).putShort((short) extra);
            if (largeSize) {
                to.putLong(size).putLong(size);
            }
            if (largeOffset) {
                to.putLong(offset);
            }
        }
        central.writeBytes(bytes(to));
        entries++;
    }

    /** What follows the last entry's data, which end at {@code offset}. */
    byte[] end(long offset) {
        boolean large = offset >= MOST_32 || entries >= MOST_16;
        ByteBuffer to = buffer(central.size() + 56 + 20 + 22);
        to.put(central.toByteArray());
        if (large) {
            to.putInt(0x06064b50).putLong(44).putShort((short) (3 << 8 | 45)).putShort((short) 45);
            to.putInt(0).putInt(0).putLong(entries).putLong(entries);
            to.putLong(central.size()).putLong(offset);
            to.putInt(0x07064b50).putInt(0).putLong(offset + central.size()).putInt(1);
        }
        short count = (short) Math.min(entries, MOST_16);
        to.putInt(0x06054b50)
                .putShort((short) 0)
                .putShort((short) 0)
                .putShort(count)
                .putShort(count);
        to.putInt(central.size()).putInt((int) Math.min(offset, MOST_32)).putShort((short) 0);
        return bytes(to);
    }

    private static short version(boolean large) {
        return (short) (large ? 45 : 20);
    }

    private static ByteBuffer buffer(int most) {
        return ByteBuffer.allocate(most).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static byte[] bytes(ByteBuffer written) {
        byte[] bytes = new byte[written.position()];
        written.flip().get(bytes);
        return bytes;
    }
}
