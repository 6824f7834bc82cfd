package io.github.batchjac.io;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import org.jspecify.annotations.Nullable;

/** Bytes of a known number, read from any position: a file, or one entry of a zip file. */
interface ByteSource extends Closeable {
    /** The number of bytes. */
    long size();

    /**
     * Fills {@code into} to its limit with the bytes from {@code position} on.
     *
     * @throws EOFException if the bytes end first
     */
    void read(long position, ByteBuffer into) throws IOException;

    /** A file's bytes. */
    final class OfFile implements ByteSource {
        private final FileChannel channel;
        private final long size;

        OfFile(Path file) throws IOException {
            channel = FileChannel.open(file, StandardOpenOption.READ);
            try {
                size = channel.size();
            } catch (IOException e) {
                channel.close();
                throw e;
            }
        }

        @Override
        public long size() {
            return size;
        }

        @Override
        public void read(long position, ByteBuffer into) throws IOException {
            long at = position;
            while (into.hasRemaining()) {
                int n = channel.read(into, at);
                if (n < 0) {
                    throw new EOFException("the file became shorter while it was read");
                }
                at += n;
            }
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }

    /**
     * The inflated bytes of a zip entry, whose checksum is compared when the last one is read. Reading forward is cheap;
     * reading backward starts again.
     */
    final class OfZipEntry implements ByteSource {
        private final ZipFile zip;
        private final ZipEntry entry;
        private final byte[] piece = new byte[1 << 16];
        private final CRC32 crc = new CRC32();
        private @Nullable InputStream stream;
        private long at;

        OfZipEntry(ZipFile zip, ZipEntry entry) {
            this.zip = zip;
            this.entry = entry;
        }

        @Override
        public long size() {
            return entry.getSize();
        }

        @Override
        public void read(long position, ByteBuffer into) throws IOException {
            InputStream in = position < at ? null : stream;
            if (in == null) {
                close();
                in = zip.getInputStream(entry);
                if (in == null) {
                    throw new ZipException("the entry vanished");
                }
                stream = in;
            }
            while (at < position) {
                piece(in, position - at);
            }
            while (into.hasRemaining()) {
                into.put(piece, 0, piece(in, into.remaining()));
            }
        }

        /** Takes at least one and at most {@code most} bytes into the piece. */
        private int piece(InputStream in, long most) throws IOException {
            int n = in.read(piece, 0, (int) Math.min(piece.length, most));
            if (n < 0) {
                throw new EOFException("the entry holds fewer bytes than it declares");
            }
            crc.update(piece, 0, n);
            at += n;
            if (at == entry.getSize() && crc.getValue() != entry.getCrc()) {
                throw new ZipException(
                        "the checksum of " + InputFiles.quote(entry.getName()) + " does not match its bytes");
            }
            return n;
        }

        @Override
        public void close() throws IOException {
            InputStream in = stream;
            stream = null;
            at = 0;
            crc.reset();
            if (in != null) {
                in.close();
            }
        }
    }
}
