package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whatever a machine lacks, the answer is a reason, and what would help. */
class CudaTest {
    private static final Map<String, String> LINUX = Map.of("os.name", "Linux", "os.arch", "amd64");

    @ParameterizedTest
    @CsvSource({
        "34, stub",
        "100, no GPU",
        "101, CUDA_VISIBLE_DEVICES",
        "802, not ready",
        "803, different versions",
        "804, compatibility package",
        "999, unknown reason",
        "46, fails to start",
        "-1, fails to start"
    })
    void everyErrorAtTheStartIsAReasonWithItsNumber(int code, String words) {
        Cuda cuda = probe(new Steps().initialises(code));
        assertOff(cuda, words);
        assertThat(cuda.reason()).endsWith("(cuInit: " + code + ")");
    }

    @ParameterizedTest
    @CsvSource({
        "'libJ.so: libcuda.so.1: cannot open shared object file: No such file or directory', no libcuda.so.1",
        "'J.dll: Can''t find dependent libraries', no nvcuda.dll",
        "'libJ.so: failed to map segment from shared object', failed to map segment",
        "'libJ.so: libc.so.6: version `GLIBC_2.17'' not found', GLIBC_2.17",
        "'libJ.so: undefined symbol: cuGraphLaunch', undefined symbol"
    })
    void aLibraryThatDoesNotLoadIsAReason(String message, String words) {
        assertOff(probe(new Steps().loading(new UnsatisfiedLinkError(message))), words);
    }

    @Test
    void noFailureOfAnyKindGetsThrough() {
        for (Throwable failure : List.of(
                new NoClassDefFoundError("jcuda/driver/JCudaDriver"),
                new ExceptionInInitializerError("a reason"),
                new UnsatisfiedLinkError(),
                new IOException("not on the class path"),
                new IllegalStateException(),
                new OutOfMemoryError("heap"),
                new StackOverflowError())) {
            Cuda cuda = probe(new Steps().loading(failure));
            assertOff(cuda, failure.getMessage() == null ? "" : failure.getMessage());
        }
        assertOff(probe(new Steps().initialising(new RuntimeException("two\nlines"))), "loaded: two");
    }

    @Test
    void aFailureBehindTheStartIsAReason() {
        Steps steps = new Steps() {
            @Override
            public DeviceInfo info(int ordinal) {
                throw new DriverException(999, "CUDA_ERROR_UNKNOWN", "cuDeviceGetName of device 0");
            }
        };
        assertOff(probe(steps.card(9, 0)), "the driver fails: cuDeviceGetName of device 0: CUDA_ERROR_UNKNOWN (999)");
    }

    @ParameterizedTest
    @CsvSource({"9020, 9.2", "8000, 8.0", "9999, 9.99", "0, 0.0"})
    void anOldDriverIsAskedForNothingMore(int version, String text) {
        Steps steps = new Steps().version(version);
        assertOff(probe(steps), "the driver is for CUDA " + text + ", at least 10.0 is needed");
        assertThat(steps.taken).containsExactly("load", "initialise", "driver", "version");
    }

    @Test
    void theOldestDriverThatLoadsPtx63WillDo() {
        assertThat(probe(new Steps().version(10_000).card(7, 5)).available()).isTrue();
    }

    @Test
    void withoutAGpuThereIsNone() {
        Cuda cuda = probe(new Steps());
        assertOff(cuda, "the driver sees no GPU");
        assertThat(cuda.driverVersion()).contains("12.6");
    }

    @Test
    void oldGpusAreNamedAndNotUsed() {
        Cuda cuda = probe(new Steps().card(7, 0).card(6, 1));
        assertOff(cuda, "GPU 0 (compute capability 7.0), GPU 1 (compute capability 6.1) are too old");
        assertThat(cuda.cards()).extracting(Cuda.Card::usable).containsExactly(false, false);
    }

    @Test
    void oneGpuThatIsNewEnoughIsEnough() {
        Steps steps = new Steps().card(6, 1).card(12, 0);
        Cuda cuda = probe(steps);
        assertThat(cuda.available()).isTrue();
        assertThat(cuda.driver()).isSameAs(steps);
        assertThat(cuda.reason()).isEqualTo("GPU 1 (compute capability 12.0), driver for CUDA 12.6");
        assertThat(cuda.advice()).isEmpty();
        assertThat(cuda.cards()).extracting(Cuda.Card::usable).containsExactly(false, true);
    }

    @ParameterizedTest
    @CsvSource({
        "Linux, aarch64",
        "Mac OS X, aarch64",
        "Mac OS X, x86_64",
        "FreeBSD, amd64",
        "Windows 11, aarch64",
        "Linux, x86"
    })
    void whereJCudaHasNoLibraryNothingIsLoaded(String system, String processor) {
        Steps steps = new Steps().card(9, 0);
        assertOff(Cuda.probe(steps, Map.of("os.name", system, "os.arch", processor)::get), system + " on " + processor);
        assertThat(steps.taken).isEmpty();
    }

    @Test
    void switchedOffNothingIsLoaded() {
        Steps steps = new Steps().card(9, 0);
        Map<String, String> off = Map.of("os.name", "Linux", "os.arch", "amd64", "batchjac.cuda", "off");
        assertOff(Cuda.probe(steps, off::get), "-Dbatchjac.cuda=off");
        assertThat(steps.taken).isEmpty();
    }

    @Test
    void thisMachineAnswersAlwaysTheSame() {
        Cuda cuda = Cuda.probe();
        assertThat(Cuda.probe()).isSameAs(cuda);
        assumeFalse(cuda.available(), "this machine has a GPU: " + cuda.reason());
        assertOff(cuda, "");
        if (cuda.driverVersion().isEmpty() && System.getProperty("os.arch").equals("amd64")) {
            assertThat(cuda.reason()).containsAnyOf("libcuda", "nvcuda", "cuInit");
        }
    }

    private static Cuda probe(Steps steps) {
        return Cuda.probe(steps, LINUX::get);
    }

    private static void assertOff(Cuda cuda, String words) {
        assertThat(cuda.available()).isFalse();
        assertThat(cuda.reason()).contains(words).isNotBlank().doesNotContain("\n");
        assertThat(cuda.advice()).isNotBlank().endsWith(".");
        assertThatThrownBy(cuda::driver)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("cuda off: " + cuda.reason());
    }

    /** A driver without cards until it is given some, and the way to it. */
    private static class Steps implements DriverAccess, Driver {
        final List<String> taken = new ArrayList<>();
        private final List<DeviceInfo> cards = new ArrayList<>();
        private Throwable loading;
        private RuntimeException initialising;
        private int code;
        private int version = 12_060;

        Steps loading(Throwable failure) {
            loading = failure;
            return this;
        }

        Steps initialising(RuntimeException failure) {
            initialising = failure;
            return this;
        }

        Steps initialises(int code) {
            this.code = code;
            return this;
        }

        Steps version(int version) {
            this.version = version;
            return this;
        }

        Steps card(int major, int minor) {
            int ordinal = cards.size();
            cards.add(new DeviceInfo(ordinal, "GPU " + ordinal, major, minor, 1L << 33, 40, 98304));
            return this;
        }

        @Override
        public void load() throws IOException {
            taken.add("load");
            if (loading instanceof IOException e) {
                throw e;
            } else if (loading instanceof RuntimeException e) {
                throw e;
            } else if (loading instanceof Error e) {
                throw e;
            }
        }

        @Override
        public int initialise() {
            taken.add("initialise");
            if (initialising != null) {
                throw initialising;
            }
            return code;
        }

        @Override
        public Driver driver() {
            taken.add("driver");
            return this;
        }

        @Override
        public int version() {
            taken.add("version");
            return version;
        }

        @Override
        public int devices() {
            taken.add("devices");
            return cards.size();
        }

        @Override
        public DeviceInfo info(int ordinal) {
            return cards.get(ordinal);
        }

        @Override
        public Device open(int ordinal) {
            throw new AssertionError("nobody asked for it");
        }
    }
}
