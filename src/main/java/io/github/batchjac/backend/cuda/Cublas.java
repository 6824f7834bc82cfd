package io.github.batchjac.backend.cuda;

import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Which cuBLAS this JVM calls, or why none; our own kernels can do without. */
final class Cublas {
    /**
     * {@code auto}, a file or a folder; {@code off}, or nothing, for our own kernels: cuBLAS may give a row other last bits
     * when it multiplies another number of rows.
     */
    static final String PROPERTY = "batchjac.cublas";

    /** {@code on}: float products may round their operands to 10 bits of mantissa, on tensor cores. */
    static final String TF32_PROPERTY = "batchjac.tf32";

    private static final String TF32_OVERRIDE = "NVIDIA_TF32_OVERRIDE";

    private final @Nullable CublasLibrary library;
    private final @Nullable Path path;
    private final boolean tf32;
    private final String description;
    private final String advice;
    private volatile @Nullable String failure;

    private Cublas(
            @Nullable CublasLibrary library, @Nullable Path path, boolean tf32, String description, String advice) {
        this.library = library;
        this.path = path;
        this.tf32 = tf32;
        this.description = description;
        this.advice = advice;
    }

    private static final class Chosen {
        static final Cublas HERE = choose(
                System.getProperty(PROPERTY, "auto"),
                "on".equals(System.getProperty(TF32_PROPERTY)),
                System.getenv(),
                Path.of("/"),
                Cuda.probe().version(),
                Cublas::load);
    }

    /** Whether products may be left to cuBLAS. */
    static boolean wanted() {
        return !System.getProperty(PROPERTY, "off").equals("off");
    }

    /** This machine's answer, always the same. The first call loads the library, which may take a second. */
    static Cublas get() {
        return Chosen.HERE;
    }

    boolean available() {
        return library != null && failure == null;
    }

    /** {@code cuBLAS 12 from /usr/local/cuda/lib64/libcublas.so.12}, or {@code cuBLAS off: } and why. */
    String description() {
        String why = failure;
        return why == null ? description : why;
    }

    /** What to do about it, as a sentence; empty if {@link #available}. */
    String advice() {
        return advice;
    }

    Optional<Path> path() {
        return Optional.ofNullable(path);
    }

    /**
     * cuBLAS on a stream of a device; empty if it is off, or as it turns out does not start.
     *
     * @throws DriverException if memory is out or the device is lost
     */
    Optional<CublasProducts> open(Device device, long stream) {
        if (library == null || failure != null || !(device instanceof NativeDevice real)) {
            return Optional.empty();
        }
        try {
            return Optional.of(CublasProducts.open(library, real, stream, tf32));
        } catch (DriverException e) {
            if (e.outOfMemory() || e.sticky()) {
                throw e;
            }
            failure = "cuBLAS off: " + path + " does not start: " + Cuda.firstLine(e);
            return Optional.empty();
        }
    }

    /** Loads a file. */
    interface Loader {
        CublasLibrary load(Path file) throws IOException;
    }

    /**
     * @param setting what {@link #PROPERTY} says
     * @param root of the file system
     * @param version the CUDA version that the driver is for; 0 if there is none
     */
    static Cublas choose(
            String setting, boolean tf32, Map<String, String> environment, Path root, int version, Loader loader) {
        if (setting.equals("off")) {
            return off("-D" + PROPERTY + "=off", "Leave out -D" + PROPERTY + "=off.");
        }
        boolean named = !setting.equals("auto");
        List<Path> files = named ? named(setting) : CublasFiles.find(root, environment);
        String why = named
                ? "-D" + PROPERTY + "=" + setting + " is neither cuBLAS 12 or 13 nor a folder that holds it"
                : "no cuBLAS 12 or 13 was found";
        if (version == 0) {
            String found = files.isEmpty() ? "" : " for " + files.get(0);
            return off("there is no driver" + found, "It is of use with a GPU only.");
        }
        for (Path file : files) {
            int major = CublasFiles.major(file);
            if (version < 1000 * major) {
                why = file + " needs a driver for CUDA " + major + ", this one is for " + DriverVersion.text(version);
                continue;
            }
            try {
                return new Cublas(loader.load(file), file, tf32, describe(file, tf32, environment), "");
            } catch (Throwable e) { // whatever it is, our own kernels are there
                why = file + " cannot be loaded: " + Cuda.firstLine(e);
            }
        }
        return off(
                why,
                "Large products gain by it: install CUDA 12's or 13's, as python3 -m pip install nvidia-cublas-cu12 does, or"
                        + " name it with -D" + PROPERTY + "=FILE.");
    }

    private static List<Path> named(String setting) {
        try {
            return CublasFiles.at(Path.of(setting).toAbsolutePath());
        } catch (InvalidPathException e) {
            return List.of();
        }
    }

    private static CublasLibrary load(Path file) throws IOException {
        return CublasFiles.major(file) == 12 ? new JCudaCublas(file) : new JnaCublas(file);
    }

    private static String describe(Path file, boolean tf32, Map<String, String> environment) {
        String text = "cuBLAS " + CublasFiles.major(file) + " from " + file;
        String override = environment.getOrDefault(TF32_OVERRIDE, "");
        if (override.equals("0") || (!tf32 && !override.equals("1"))) {
            return text;
        }
        return text + ", in TF32 (" + (override.equals("1") ? TF32_OVERRIDE + "=1" : "-D" + TF32_PROPERTY + "=on")
                + ")";
    }

    private static Cublas off(String why, String advice) {
        return new Cublas(null, null, false, "cuBLAS off: " + why, advice);
    }
}
