package io.github.batchjac.io;

import io.github.batchjac.tensor.Tensor;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Enumeration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * The arrays of an {@code .npz} file (a zip of {@code .npy}), by name, in the file's order.
 *
 * <p>An entry is inflated only as far as its array's header says, and refused beforehand if it claims more bytes than its
 * compressed ones can hold.
 */
public final class NpzReader implements Closeable {
    private static final String SUFFIX = ".npy";
    /** Deflate's best: 258 bytes from two bits. */
    private static final long HIGHEST_RATIO = 1032;

    private final Path file;
    private final ZipFile zip;
    private final Map<String, ZipEntry> entries = new LinkedHashMap<>();

    private NpzReader(Path file) throws IOException {
        this.file = file;
        try {
            this.zip = new ZipFile(file.toFile());
        } catch (IOException | RuntimeException e) {
            throw unreadable(e);
        }
        try {
            list(Files.size(file));
        } catch (IOException | RuntimeException e) {
            zip.close();
            throw e instanceof FormatException f ? f : unreadable(e);
        }
    }

    /**
     * Opens an {@code .npz} file.
     *
     * @throws FormatException if it is not a zip file, or its entries are not arrays, have the same name, overlap, or
     *     claim impossible sizes
     * @throws IOException if it is missing, unreadable, or not a regular file
     */
    public static NpzReader open(Path file) throws IOException {
        InputFiles.require(file);
        return new NpzReader(file);
    }

    /** All arrays in {@code file}, by name. @throws IOException as {@link #open} and {@link #array} */
    public static Map<String, Tensor> read(Path file) throws IOException {
        try (NpzReader reader = open(file)) {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            for (String name : reader.names()) {
                tensors.put(name, reader.read(name));
            }
            return tensors;
        }
    }

    private void list(long fileBytes) throws FormatException {
        long compressed = 0;
        for (Enumeration<? extends ZipEntry> all = zip.entries(); all.hasMoreElements(); ) {
            ZipEntry entry = all.nextElement();
            String name = entry.getName();
            if (!name.endsWith(SUFFIX)) {
                throw new FormatException(
                        file + ": has the entry " + InputFiles.quote(name) + ", expected names that end in .npy");
            }
            long packed = entry.getCompressedSize();
            long size = entry.getSize();
            if (packed < 0 || packed > fileBytes - compressed) {
                throw new FormatException(
                        file + ": the entries claim more compressed bytes than the file's " + fileBytes);
            }
            compressed += packed;
            if (size < 0 || (entry.getMethod() == ZipEntry.STORED ? size != packed : size / HIGHEST_RATIO > packed)) {
                throw new FormatException(file + ": the entry " + InputFiles.quote(name) + " claims " + size
                        + " bytes, which its " + packed + " stored bytes cannot hold");
            }
            if (entries.put(name.substring(0, name.length() - SUFFIX.length()), entry) != null) {
                throw new FormatException(file + ": has two entries " + InputFiles.quote(name));
            }
        }
    }

    /** The arrays' names, without {@code .npy}, in the file's order. */
    public Set<String> names() {
        return java.util.Collections.unmodifiableSet(entries.keySet());
    }

    /**
     * The array of this name, to be read in ranges, forward for speed. It must not be used after this reader is closed.
     *
     * @throws FormatException naming those that exist, if there is none of this name; else as {@link NpyReader#open}
     */
    public NpyReader array(String name) throws IOException {
        ZipEntry entry = entries.get(name);
        if (entry == null) {
            throw new FormatException(file + ": has no array " + InputFiles.quote(name) + ", only "
                    + InputFiles.quote(String.join(", ", entries.keySet())));
        }
        try {
            return new NpyReader(file + ":" + name, new ByteSource.OfZipEntry(zip, entry));
        } catch (FormatException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            throw unreadable(e);
        }
    }

    /** The whole array of this name. @throws IOException as {@link #array} */
    public Tensor read(String name) throws IOException {
        try (NpyReader reader = array(name)) {
            return reader.readAll();
        } catch (FormatException e) {
            throw e;
        } catch (IOException e) {
            throw unreadable(e);
        }
    }

    private FormatException unreadable(Exception e) {
        String why = e instanceof IOException io ? InputFiles.reason(io) : String.valueOf(e.getMessage());
        return new FormatException(file + ": is not a sound .npz file: " + why, e);
    }

    @Override
    public void close() throws IOException {
        zip.close();
    }
}
