package io.github.batchjac.backend.cuda;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import jcuda.JCudaVersion;
import jcuda.LibUtils;
import org.jspecify.annotations.Nullable;

/**
 * JCuda's native libraries, each unpacked into a fresh folder that nobody else can write to. By itself JCuda unpacks to a
 * fixed name in {@code java.io.tmpdir} and loads whatever lies there. The library is loaded from here before JCuda's class is
 * initialised: a class whose initialisation failed is lost to the process.
 */
final class NativeLibraries {
    private static final String TEMPORARY = "java.io.tmpdir";
    private static final FileAttribute<?> OWNER =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

    private NativeLibraries() {}

    /**
     * Loads a library of JCuda's, then has JCuda load it, which by then is nothing.
     *
     * @param name {@code JCudaDriver}
     * @param jcuda initialises JCuda's class for that library
     * @throws UnsatisfiedLinkError saying what the system's loader says
     * @throws IOException if there is no folder to unpack to, or nothing to unpack
     */
    static synchronized void load(String name, Runnable jcuda) throws IOException {
        String file = file(name);
        UnsatisfiedLinkError refused = null;
        for (Path parent : parents()) {
            Path folder = folder(parent);
            if (folder != null) {
                try {
                    refused = open(unpack(file, folder));
                    if (refused == null) {
                        initialise(folder, jcuda);
                        return;
                    }
                } finally {
                    delete(folder, file);
                }
            }
        }
        if (refused != null) {
            throw refused;
        }
        throw new IOException("there is no folder for temporary files among " + parents());
    }

    /** As JCuda names it, whose class that knows starts a logger: 30 ms, to no purpose where there is no driver. */
    static String file(String name) {
        boolean windows = System.getProperty("os.name", "").startsWith("Windows");
        return System.mapLibraryName(name + "-" + JCudaVersion.get() + (windows ? "-windows-x86_64" : "-linux-x86_64"));
    }

    /** Fresh and for its owner alone; null if there can be none. (createTempDirectory would be 40 ms of SecureRandom.) */
    private static @Nullable Path folder(Path parent) {
        Path folder =
                parent.resolve("batchjac-" + ProcessHandle.current().pid() + "-" + Long.toHexString(System.nanoTime()));
        try {
            boolean posix = parent.getFileSystem().supportedFileAttributeViews().contains("posix");
            return posix ? Files.createDirectory(folder, OWNER) : Files.createDirectory(folder);
        } catch (IOException e) {
            return null;
        }
    }

    /** Where libraries may be unpacked: the second where the first is mounted noexec. */
    private static Set<Path> parents() {
        Set<Path> parents = new LinkedHashSet<>();
        List<@Nullable String> names = new ArrayList<>();
        names.add(System.getProperty(TEMPORARY));
        names.add(System.getenv("XDG_RUNTIME_DIR"));
        names.add(System.getProperty("user.home"));
        for (String name : names) {
            if (name != null && !name.isEmpty()) {
                parents.add(Path.of(name).toAbsolutePath());
            }
        }
        return parents;
    }

    private static Path unpack(String file, Path folder) throws IOException {
        try (InputStream in = LibUtils.class.getResourceAsStream("/lib/" + file)) {
            if (in == null) {
                throw new IOException("JCuda's native library " + file + " is not on the class path");
            }
            Path library = folder.resolve(file);
            Files.copy(in, library);
            return library;
        }
    }

    /** Null, or why it cannot be loaded from that folder. @throws UnsatisfiedLinkError if another folder would not help */
    private static @Nullable UnsatisfiedLinkError open(Path library) {
        if (LibUtils.class.getClassLoader() != NativeLibraries.class.getClassLoader()) {
            return null; // a library belongs to the class loader that loads it: JCuda itself must
        }
        try {
            System.load(library.toString());
            return null;
        } catch (UnsatisfiedLinkError e) {
            if (lacks(e, "libcu")) {
                throw e;
            }
            return e; // mounted noexec, perhaps; the words depend on the language
        }
    }

    /** Whether it speaks of another library whose name begins like this. */
    static boolean lacks(UnsatisfiedLinkError e, String library) {
        return String.valueOf(e.getMessage()).contains(": " + library);
    }

    /** JCuda looks at the property when it loads; the JDK's own classes have looked before. */
    private static void initialise(Path folder, Runnable jcuda) {
        rememberTemporary();
        String before = System.getProperty(TEMPORARY);
        System.setProperty(TEMPORARY, folder.toString());
        try {
            jcuda.run();
        } finally {
            if (before == null) {
                System.clearProperty(TEMPORARY);
            } else {
                System.setProperty(TEMPORARY, before);
            }
        }
    }

    /** Has the JDK look at the property, which it does once, so that no other thread's first temporary file goes astray. */
    private static void rememberTemporary() {
        try {
            Files.delete(Files.createTempFile("batchjac", null));
            Files.delete(File.createTempFile("batchjac", null).toPath());
        } catch (IOException e) {
            return; // nobody else can have temporary files either
        }
    }

    /** At once where a loaded library may be deleted, else when the JVM ends. */
    private static void delete(Path folder, String file) {
        try {
            Files.deleteIfExists(folder.resolve(file));
            Files.deleteIfExists(folder);
        } catch (IOException e) {
            folder.toFile().deleteOnExit();
            folder.resolve(file).toFile().deleteOnExit(); // the last to be named goes first
        }
    }
}
