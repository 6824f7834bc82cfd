package io.github.batchjac.io;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileSystemException;
import java.nio.file.Path;

/**
 * A file of bytes that appears whole or not at all. Opening it finds out, before any work is done, whether it can be
 * written; closing it without {@link #write} leaves what was there.
 */
public final class WholeFile implements Closeable {
    private final Path target;
    private final AtomicFile file;

    private WholeFile(Path target) throws IOException {
        this.target = target;
        this.file = AtomicFile.create(target);
    }

    /**
     * Prepares to write {@code target}.
     *
     * @throws IOException in one sentence, if it is a directory or read-only, or its directory is missing or not writable
     */
    public static WholeFile open(Path target) throws IOException {
        return new WholeFile(target);
    }

    /**
     * Makes {@code bytes} the file's contents; called once.
     *
     * @throws IOException in one sentence, if they cannot be written (a full disk); what was there is then still there
     */
    public void write(byte[] bytes) throws IOException {
        try {
            ByteBuffer buffer = ByteBuffer.wrap(bytes);
            while (buffer.hasRemaining()) {
                file.channel().write(buffer);
            }
            file.commit();
        } catch (IOException e) {
            FileSystemException named = new FileSystemException(
                    target.toString(),
                    null,
                    "cannot be written: " + InputFiles.reason(e) + " (the file needs " + bytes.length + " bytes)");
            named.initCause(e);
            throw named;
        }
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
