package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.tensor.Precision;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CublasTest {
    @TempDir
    Path root;

    private final List<Path> tried = new ArrayList<>();

    @Test
    void switchedOffNothingIsLookedFor() throws IOException {
        file(12);
        assertOff(choose("off", 12060, Map.of()), "-Dbatchjac.cublas=off");
        assertThat(tried).isEmpty();
    }

    @Test
    void withoutADriverNothingIsLoaded() throws IOException {
        assertOff(choose("auto", 0, Map.of()), "there is no driver");
        Path twelve = file(12);
        assertOff(choose("auto", 0, Map.of()), "there is no driver for " + twelve);
        assertThat(tried).isEmpty();
    }

    @Test
    void withoutALibraryTheAdviceNamesOne() {
        Cublas cublas = choose("auto", 12060, Map.of());
        assertOff(cublas, "no cuBLAS 12 or 13 was found");
        assertThat(cublas.advice()).contains("nvidia-cublas-cu12").contains("-Dbatchjac.cublas=FILE");
    }

    @Test
    void whatIsNamedAndIsNotThereIsSaidAndNothingElseTaken() throws IOException {
        file(12);
        assertOff(choose(root.resolve("x").toString(), 12060, Map.of()), "is neither cuBLAS 12 or 13 nor a folder");
        assertOff(choose("\0", 12060, Map.of()), "is neither");
        assertThat(tried).isEmpty();
    }

    @Test
    void whatIsNamedIsTaken() throws IOException {
        file(12);
        Path named = Files.createFile(root.resolve("libcublas.so.13"));
        Cublas cublas = choose(named.toString(), 13000, Map.of());
        assertThat(cublas.available()).isTrue();
        assertThat(cublas.path()).contains(named);
        assertThat(cublas.description()).isEqualTo("cuBLAS 13 from " + named);
        assertThat(cublas.advice()).isEmpty();
    }

    @Test
    void aLibraryThatIsTooNewForTheDriverIsNotLoaded() throws IOException {
        Path thirteen = file(13);
        assertOff(choose("auto", 12060, Map.of()), thirteen + " needs a driver for CUDA 13, this one is for 12.6");
        assertThat(tried).isEmpty();
        assertThat(choose("auto", 13000, Map.of()).available()).isTrue();
    }

    @Test
    void aLibraryThatDoesNotLoadIsFollowedByTheNext() throws IOException {
        Path twelve = file(12);
        Path thirteen = file(13);
        Cublas cublas = Cublas.choose("auto", false, Map.of(), root, 13000, file -> {
            tried.add(file);
            if (file.equals(twelve)) {
                throw new UnsatisfiedLinkError("libcublasLt.so.12: cannot open\nshared object file");
            }
            return new Nothing();
        });
        assertThat(tried).containsExactly(twelve, thirteen);
        assertThat(cublas.path()).contains(thirteen);
    }

    @Test
    void noFailureGetsThrough() throws IOException {
        Path twelve = file(12);
        for (Throwable failure : List.of(
                new UnsatisfiedLinkError("a reason"), new NoClassDefFoundError(), new IOException("a reason"))) {
            Cublas cublas = Cublas.choose("auto", false, Map.of(), root, 12060, file -> {
                if (failure instanceof IOException e) {
                    throw e;
                }
                throw (Error) failure;
            });
            assertOff(cublas, twelve + " cannot be loaded: ");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "false, '', ''",
        "true, '', ', in TF32 (-Dbatchjac.tf32=on)'",
        "false, 1, ', in TF32 (NVIDIA_TF32_OVERRIDE=1)'",
        "true, 0, ''"
    })
    void lessPrecisionIsSaid(boolean asked, String override, String words) throws IOException {
        Path twelve = file(12);
        Map<String, String> environment = override.isEmpty() ? Map.of() : Map.of("NVIDIA_TF32_OVERRIDE", override);
        Cublas cublas = Cublas.choose("auto", asked, environment, root, 12060, file -> new Nothing());
        assertThat(cublas.description()).isEqualTo("cuBLAS 12 from " + twelve + words);
    }

    /** The real bindings, of JCuda and JNA, in front of libraries made for tests. */
    @ParameterizedTest
    @CsvSource({"12, 120604", "13, 130001"})
    void aProductReachesCublasThroughEitherBinding(int major, int version) throws Exception {
        Forked.compile(root, "libcuda.so.1", "fake_cuda.c");
        Path lib = Files.createDirectories(root.resolve("toolkit/lib64"));
        Path symbols = Files.writeString(root.resolve("map"), "libcublas.so." + major + " { global: *; };");
        Forked.compile(
                lib,
                "libcublas.so." + major,
                "fake_cublas.c",
                "-DVERSION=" + version,
                "-Wl,--version-script=" + symbols);
        Map<String, String> environment = Map.of("FAKE_VERSION", "13000", "CUDA_HOME", root.resolve("toolkit") + "");
        Forked.Ending ending = Forked.java(Products.class, root, environment, "" + version);
        assertThat(ending.code()).as(ending.output()).isZero();
        assertThat(ending.output())
                .isEqualTo("cuBLAS " + major + " from " + lib.resolve("libcublas.so." + major) + "\n");

        Map<String, String> failing = new java.util.HashMap<>(environment);
        failing.put("FAKE_CUBLAS", "1");
        assertThat(Forked.java(Products.class, root, failing, "" + version).output())
                .contains("does not start: cublasCreate: CUBLAS_STATUS_NOT_INITIALIZED");
    }

    static final class Products {
        public static void main(String[] args) {
            Device device = Cuda.probe().driver().open(0);
            long stream = device.createStream();
            Cublas cublas = Cublas.get();
            CublasProducts products = cublas.open(device, stream).orElse(null);
            System.out.println(cublas.description());
            if (products == null) {
                return;
            }
            assertThat(products.version()).isEqualTo(Integer.parseInt(args[0]));
            // a (2,3), w (3,2)
            float[] a = {1, 2, 3, 4, 5, 6};
            float[] w = {10, 1, 20, 2, 30, 3};
            assertThat(multiply(products, device, stream, a, w, false, Precision.F32))
                    .containsExactly(140, 14, 320, 32);
            assertThat(multiply(products, device, stream, a, w, false, Precision.F64))
                    .containsExactly(140, 14, 320, 32);
            float[] transposed = {10, 20, 30, 1, 2, 3};
            assertThat(multiply(products, device, stream, a, transposed, true, Precision.F32))
                    .containsExactly(140, 14, 320, 32);
            assertThat(multiply(products, device, stream, a, transposed, true, Precision.F64))
                    .containsExactly(140, 14, 320, 32);
            products.close();
            products.close();
        }

        private static double[] multiply(
                CublasProducts products,
                Device device,
                long stream,
                float[] a,
                float[] w,
                boolean transposed,
                Precision precision) {
            long onA = copied(device, stream, a, precision);
            long onW = copied(device, stream, w, precision);
            long out = device.allocate(4L * precision.bytes());
            products.rowsTimesShared(out, 2, 2, 3, onA, onW, transposed, precision);
            ByteBuffer bytes = device.allocatePinned(4 * precision.bytes());
            device.copyOut(bytes, 0, out, 4 * precision.bytes(), stream);
            device.synchronize(stream);
            double[] result = new double[4];
            for (int i = 0; i < 4; i++) {
                result[i] = precision == Precision.F32 ? bytes.getFloat(4 * i) : bytes.getDouble(8 * i);
            }
            return result;
        }

        private static long copied(Device device, long stream, float[] numbers, Precision precision) {
            ByteBuffer bytes = device.allocatePinned(numbers.length * precision.bytes());
            for (float number : numbers) {
                if (precision == Precision.F32) {
                    bytes.putFloat(number);
                } else {
                    bytes.putDouble(number);
                }
            }
            long address = device.allocate(bytes.capacity());
            device.copyIn(address, bytes, 0, bytes.capacity(), stream);
            return address;
        }
    }

    private Cublas choose(String setting, int version, Map<String, String> environment) {
        return Cublas.choose(setting, false, environment, root, version, file -> {
            tried.add(file);
            return new Nothing();
        });
    }

    private Path file(int major) throws IOException {
        Path folder = Files.createDirectories(root.resolve("usr/lib64"));
        return Files.createFile(folder.resolve("libcublas.so." + major));
    }

    private static void assertOff(Cublas cublas, String words) {
        assertThat(cublas.available()).isFalse();
        assertThat(cublas.path()).isEmpty();
        assertThat(cublas.description())
                .startsWith("cuBLAS off: ")
                .contains(words)
                .doesNotContain("\n");
        assertThat(cublas.advice()).endsWith(".");
    }

    private static final class Nothing implements CublasLibrary {
        @Override
        public Handle open(NativeDevice device, long stream, long workspace, long bytes, boolean tf32) {
            throw new AssertionError("nobody asked for it");
        }
    }
}
