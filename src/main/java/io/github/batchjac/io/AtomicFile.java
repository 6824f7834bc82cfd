package io.github.batchjac.io;

import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A file that appears whole or not at all: written beside its target, synchronised, and renamed over it by {@link
 * #commit}. Closed without a commit, or when the virtual machine ends (a signal too), it is removed and the target is as
 * it was. A target that exists and is no regular file (a device, a pipe) is written straight to.
 */
final class AtomicFile implements Closeable {
    private static final Set<Path> TEMPORARY = ConcurrentHashMap.newKeySet();

    static {
        Runtime.getRuntime()
                .addShutdownHook(new Thread(() -> TEMPORARY.forEach(AtomicFile::delete), "batchjac-temporary-files"));
    }

    private final Path target;
    private final Path temporary;
    private final FileChannel channel;
    private final boolean straight;

    private AtomicFile(Path target, Path temporary, FileChannel channel, boolean straight) {
        this.target = target;
        this.temporary = temporary;
        this.channel = channel;
        this.straight = straight;
    }

    /**
     * Opens the file that is to become {@code target}.
     *
     * @throws FileSystemException in one sentence, if the target is a directory or read-only, or its directory is missing
     *     or not writable
     */
    static AtomicFile create(Path target) throws IOException {
        if (Files.isDirectory(target)) {
            throw new FileSystemException(target.toString(), null, "is a directory, expected a file to write");
        }
        if (Files.exists(target) && !Files.isRegularFile(target)) {
            try {
                return new AtomicFile(target, target, FileChannel.open(target, StandardOpenOption.WRITE), true);
            } catch (IOException e) {
                throw unwritable(target, e);
            }
        }
        if (Files.exists(target) && !Files.isWritable(target)) {
            throw new AccessDeniedException(target.toString(), null, "cannot be written: it exists and is read-only");
        }
        // The file behind a link is replaced, not the link.
        Path real = Files.exists(target) ? target.toRealPath() : target.toAbsolutePath();
        Path directory = directory(real);
        if (!Files.exists(directory)) {
            throw new NoSuchFileException(
                    target.toString(), null, "cannot be written: there is no directory " + directory);
        }
        if (!Files.isDirectory(directory)) {
            throw new NotDirectoryException(target + ": cannot be written: " + directory + " is not a directory");
        }
        AtomicFile file = temporary(directory, real, target);
        try {
            if (Files.exists(real)) {
                Files.setPosixFilePermissions(file.temporary, Files.getPosixFilePermissions(real));
            }
        } catch (UnsupportedOperationException | IOException e) {
            // A file system without permissions, or an owner that is not us: the new file has the usual ones.
            return file;
        }
        return file;
    }

    /** A file in {@code directory} that is never committed: {@link #close} removes it. */
    static AtomicFile spool(Path directory, Path target) throws IOException {
        return temporary(directory, target, target);
    }

    private static AtomicFile temporary(Path directory, Path real, Path named) throws IOException {
        // Not Files.createTempFile: its files are private to their owner, and the target would stay so.
        Path temporary = directory.resolve(
                ".batchjac-" + Long.toHexString(ThreadLocalRandom.current().nextLong()) + ".tmp");
        TEMPORARY.add(temporary);
        try {
            FileChannel channel = FileChannel.open(
                    temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.READ);
            return new AtomicFile(real, temporary, channel, false);
        } catch (IOException e) {
            TEMPORARY.remove(temporary);
            throw unwritable(named, e);
        }
    }

    private static FileSystemException unwritable(Path target, IOException e) {
        FileSystemException named =
                new FileSystemException(target.toString(), null, "cannot be written: " + InputFiles.reason(e));
        named.initCause(e);
        return named;
    }

    FileChannel channel() {
        return channel;
    }

    /** Whether bytes go to the target itself, which may be unable to seek. */
    boolean straight() {
        return straight;
    }

    /** Where this file's temporary neighbours go. */
    Path spoolDirectory() {
        return straight ? Path.of(System.getProperty("java.io.tmpdir")) : directory(target);
    }

    private static Path directory(Path file) {
        Path parent = file.getParent();
        return parent == null ? file.getFileSystem().getPath(".") : parent;
    }

    /** Makes the bytes durable and gives them the target's name. */
    void commit() throws IOException {
        if (straight) {
            channel.close();
            return;
        }
        channel.force(true);
        channel.close();
        try {
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
        } catch (AtomicMoveNotSupportedException e) {
            Files.move(temporary, target, StandardCopyOption.REPLACE_EXISTING);
        }
        TEMPORARY.remove(temporary);
        try (FileChannel directory = FileChannel.open(directory(target), StandardOpenOption.READ)) {
            directory.force(true);
        } catch (IOException e) {
            // Some systems cannot synchronise a directory; the file itself is whole and in place.
            return;
        }
    }

    /** Removes the file unless it was committed. */
    @Override
    public void close() throws IOException {
        try {
            channel.close();
        } finally {
            if (!straight && TEMPORARY.remove(temporary)) {
                delete(temporary);
            }
        }
    }

    private static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            System.getLogger(AtomicFile.class.getName())
                    .log(System.Logger.Level.WARNING, "cannot remove the temporary file " + file, e);
        }
    }
}
