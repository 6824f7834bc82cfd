package io.github.batchjac.backend.cpu;

import dev.ludovic.netlib.blas.NativeBLAS;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.jspecify.annotations.Nullable;

/**
 * OpenBLAS, or why it is off. JavaCPP brings the library; netlib's JNI calls it on Java arrays in place (JavaCPP's own
 * calls copy a {@code float[]}: 90 GFLOP/s against 140 at n = 512). Its threads are set to 1, for the whole process.
 *
 * <p>Loaded at the first question and not before: it costs 0.2 s, and 0.6 s the first time on a machine.
 */
final class Blas {
    /** {@code off} for never, {@code on} also where the vector API would do. */
    static final String PROPERTY = "batchjac.openblas";

    /** Rows of every call. A row's bits depend on how many there are, so there are always as many. */
    static final int ROWS = 192;

    private static final String NETLIB_PATH = "dev.ludovic.netlib.blas.nativeLibPath";
    private static final List<String> FILES = List.of(
            "libopenblas_nolapack.so.0",
            "libopenblas_nolapack.0.dylib",
            "libopenblas_nolapack.dll",
            "libopenblas.so.0",
            "libopenblas.0.dylib",
            "libopenblas.dll");

    /** Held, so that the level set on it is not collected with it. */
    private static final Logger NETLIB_LOG = Logger.getLogger("dev.ludovic.netlib.blas");

    private final @Nullable NativeBLAS blas;
    private final boolean floats;
    private final boolean doubles;
    private final String availability;

    private Blas(@Nullable NativeBLAS blas, boolean floats, boolean doubles, String availability) {
        this.blas = blas;
        this.floats = floats;
        this.doubles = doubles;
        this.availability = availability;
    }

    private static final class Loaded {
        static final Blas BLAS = load();
    }

    /** One sentence: usable, for what, or why not. Loads it. */
    static String availability() {
        return Loaded.BLAS.availability;
    }

    /** For float products; null where it is off. Loads it. */
    static @Nullable NativeBLAS floats() {
        return Loaded.BLAS.floats ? Loaded.BLAS.blas : null;
    }

    /** For double products; null where it is off. Loads it. */
    static @Nullable NativeBLAS doubles() {
        return Loaded.BLAS.doubles ? Loaded.BLAS.blas : null;
    }

    private static Blas load() {
        if ("off".equals(System.getProperty(PROPERTY))) {
            return off("-D" + PROPERTY + "=off");
        }
        try {
            // netlib's native code prints to stderr where either is missing.
            Class.forName("org.netlib.util.booleanW");
            Path folder = Path.of(Loader.load(openblas_nolapack.class)).getParent();
            Path library = folder == null ? null : find(folder);
            if (library == null) {
                return off("no OpenBLAS library beside JavaCPP's in " + folder);
            }
            openblas_nolapack.blas_set_num_threads(1);
            NativeBLAS blas = netlib(library);
            boolean floats = placesAgree32(blas);
            boolean doubles = placesAgree64(blas);
            if (!floats && !doubles) {
                return off("on this processor it gives a row other bits in another place of the batch");
            }
            String limit = !floats
                    ? " for double only: on this processor it gives a row of floats other bits in another"
                            + " place of the batch"
                    : !doubles ? " for float only" : "";
            return new Blas(blas, floats, doubles, "OpenBLAS on, one thread" + limit);
        } catch (LinkageError | ReflectiveOperationException | RuntimeException e) {
            return off(String.valueOf(e));
        }
    }

    private static Blas off(String reason) {
        return new Blas(null, false, false, "OpenBLAS off: " + reason + "; using Java");
    }

    private static @Nullable Path find(Path folder) {
        for (String file : FILES) {
            Path path = folder.resolve(file);
            if (Files.exists(path)) {
                return path;
            }
        }
        return null;
    }

    private static NativeBLAS netlib(Path library) {
        Level level = NETLIB_LOG.getLevel();
        String path = System.getProperty(NETLIB_PATH);
        NETLIB_LOG.setLevel(Level.OFF);
        System.setProperty(NETLIB_PATH, library.toString());
        try {
            return NativeBLAS.getInstance();
        } finally {
            NETLIB_LOG.setLevel(level);
            if (path == null) {
                System.clearProperty(NETLIB_PATH);
            } else {
                System.setProperty(NETLIB_PATH, path);
            }
        }
    }

    /**
     * Whether equal rows of A give equal rows of C wherever they stand in a call of {@link #ROWS}. They do with
     * OpenBLAS 0.3.31's kernels for AVX-512; with those for AVX2 only doubles do. A kernel that treats places
     * differently does so for every shape wider than a vector (24 widths by 17 inner lengths tried), so two are asked.
     */
    private static boolean placesAgree32(NativeBLAS blas) {
        Random random = new Random(1);
        for (int width : new int[] {128, 257}) {
            float[] a = new float[ROWS * width];
            float[] b = new float[width * width];
            float[] c = new float[ROWS * width];
            for (int p = 0; p < width; p++) {
                a[p] = (float) random.nextGaussian();
            }
            for (int i = 1; i < ROWS; i++) {
                System.arraycopy(a, 0, a, i * width, width);
            }
            for (int q = 0; q < b.length; q++) {
                b[q] = (float) random.nextGaussian();
            }
            blas.sgemm("N", "N", width, ROWS, width, 1f, b, 0, width, a, 0, width, 0f, c, 0, width);
            for (int i = 1; i < ROWS; i++) {
                if (!Arrays.equals(c, i * width, (i + 1) * width, c, 0, width)) {
                    return false;
                }
            }
        }
        return true;
    }

    private static boolean placesAgree64(NativeBLAS blas) {
        Random random = new Random(1);
        for (int width : new int[] {128, 257}) {
            double[] a = new double[ROWS * width];
            double[] b = new double[width * width];
            double[] c = new double[ROWS * width];
            for (int p = 0; p < width; p++) {
                a[p] = random.nextGaussian();
            }
            for (int i = 1; i < ROWS; i++) {
                System.arraycopy(a, 0, a, i * width, width);
            }
            for (int q = 0; q < b.length; q++) {
                b[q] = random.nextGaussian();
            }
            blas.dgemm("N", "N", width, ROWS, width, 1, b, 0, width, a, 0, width, 0, c, 0, width);
            for (int i = 1; i < ROWS; i++) {
                if (!Arrays.equals(c, i * width, (i + 1) * width, c, 0, width)) {
                    return false;
                }
            }
        }
        return true;
    }
}
