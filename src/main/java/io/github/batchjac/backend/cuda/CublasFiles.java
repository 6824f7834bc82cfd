package io.github.batchjac.backend.cuda;

import java.io.File;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Where cuBLAS may lie. Looks, loads nothing. */
final class CublasFiles {
    /** The versions that can be called, the preferred first. */
    private static final List<Integer> MAJORS = List.of(12, 13);

    /** Below a folder of CUDA's. */
    private static final List<String> TOOLKIT = List.of("lib64", "targets/x86_64-linux/lib", "lib", "bin", "bin/x64");

    /** Below a folder of Python's packages: NVIDIA's for CUDA 12, and for 13. */
    private static final List<String> PYTHON =
            List.of("nvidia/cublas/lib", "nvidia/cu13/lib", "nvidia/cublas/bin", "nvidia/cu13/bin/x86_64");

    private static final List<String> SYSTEM = List.of("usr/lib/x86_64-linux-gnu", "usr/lib64", "opt/cuda/lib64");

    private final Path root;
    private final Map<String, String> environment;
    private final Set<Path> folders = new LinkedHashSet<>();

    private CublasFiles(Path root, Map<String, String> environment) {
        this.root = root;
        this.environment = environment;
    }

    /** The major version of cuBLAS that a file of this name holds, or 0. */
    static int major(Path file) {
        for (int major : MAJORS) {
            if (names(major).contains(String.valueOf(file.getFileName()))) {
                return major;
            }
        }
        return 0;
    }

    /** The library that cuBLAS of this file needs, which lies beside it. */
    static Path light(Path file) {
        return file.resolveSibling(String.valueOf(file.getFileName())
                .replace("cublas64", "cublasLt64")
                .replace("cublas.so", "cublasLt.so"));
    }

    private static List<String> names(int major) {
        return List.of("libcublas.so." + major, "cublas64_" + major + ".dll");
    }

    /**
     * All there are, in the order in which they are to be tried: cuBLAS 12 before 13, and of each what the environment
     * names before what the system has.
     *
     * @param root of the file system
     * @param environment variables, whose paths are taken as they are
     */
    static List<Path> find(Path root, Map<String, String> environment) {
        CublasFiles files = new CublasFiles(root, environment);
        files.visit();
        return files.libraries();
    }

    /** What lies in this folder, or this file itself if it is cuBLAS. */
    static List<Path> at(Path path) {
        if (major(path) != 0 && Files.isRegularFile(path)) {
            return List.of(path);
        }
        CublasFiles files = new CublasFiles(path, Map.of());
        files.folders.add(path);
        files.toolkit(path);
        return files.libraries();
    }

    private void visit() {
        for (String folder : environment.getOrDefault("LD_LIBRARY_PATH", "").split(File.pathSeparator, -1)) {
            add(path(folder));
        }
        toolkit(variable("CUDA_HOME"));
        toolkit(variable("CUDA_PATH"));
        environment(variable("VIRTUAL_ENV"));
        Path conda = variable("CONDA_PREFIX");
        environment(conda);
        toolkit(conda);
        Path home = variable("HOME");
        environment(home == null ? null : home.resolve(".local"));
        environment(root.resolve("usr/local"));
        environment(root.resolve("usr"));
        toolkit(root.resolve("usr/local/cuda"));
        below(root.resolve("usr/local"), "cuda-*").forEach(this::toolkit);
        SYSTEM.forEach(folder -> add(root.resolve(folder)));
    }

    private void toolkit(@Nullable Path cuda) {
        if (cuda != null) {
            TOOLKIT.forEach(folder -> add(cuda.resolve(folder)));
        }
    }

    /** What a Python that is installed under {@code prefix} has. */
    private void environment(@Nullable Path prefix) {
        if (prefix == null) {
            return;
        }
        List<Path> pythons = new ArrayList<>(below(prefix.resolve("lib"), "python3*"));
        pythons.add(prefix.resolve("Lib")); // on Windows
        for (Path python : pythons) {
            for (String packages : List.of("site-packages", "dist-packages")) {
                PYTHON.forEach(folder -> add(python.resolve(packages).resolve(folder)));
            }
        }
    }

    private void add(@Nullable Path folder) {
        if (folder != null && Files.isDirectory(folder)) {
            folders.add(folder);
        }
    }

    private List<Path> libraries() {
        List<Path> found = new ArrayList<>();
        for (int major : MAJORS) {
            for (Path folder : folders) {
                names(major).stream()
                        .map(folder::resolve)
                        .filter(Files::isRegularFile)
                        .forEach(found::add);
            }
        }
        return found;
    }

    private @Nullable Path variable(String name) {
        return path(environment.getOrDefault(name, ""));
    }

    private static @Nullable Path path(String text) {
        try {
            return text.isBlank() ? null : Path.of(text).toAbsolutePath();
        } catch (InvalidPathException e) {
            return null;
        }
    }

    /** What matches in a folder, the highest version first: 3.12 after 3.9 as text is not. */
    private static List<Path> below(Path folder, String pattern) {
        List<Path> found = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, pattern)) {
            entries.forEach(found::add);
        } catch (IOException | RuntimeException e) {
            return List.of(); // not there, or not ours to read
        }
        found.sort(Comparator.comparing(CublasFiles::version).reversed());
        return found;
    }

    /** 3012 for {@code python3.12}, 12006 for {@code cuda-12.6}. */
    private static int version(Path path) {
        String[] numbers =
                String.valueOf(path.getFileName()).replaceAll("^\\D*", "").split("\\D+", 3);
        int version = 0;
        for (int i = 0; i < 2; i++) {
            String number = i < numbers.length ? numbers[i] : "";
            version = 1000 * version + (number.isEmpty() || number.length() > 3 ? 0 : Integer.parseInt(number));
        }
        return version;
    }
}
