package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** JCuda's real native library in front of a driver made for tests: what the Java side says is what the driver hears. */
class NativeDriverTest {
    private static final String PTX = ".version 6.3\n.target sm_75\n";

    @TempDir
    static Path folder;

    @Test
    void everyCallReachesTheDriverWithWhatItWasGiven() throws Exception {
        Forked.compile(folder, "libcuda.so.1", "fake_cuda.c");
        assertFine(Forked.java(Calls.class, folder, Map.of("FAKE_LENGTH", "" + PTX.length())));
    }

    @Test
    void aDriverForCuda10IsNotAskedForWhatItLacks() throws Exception {
        Path old = Files.createDirectory(folder.resolve("old"));
        Forked.compile(old, "libcuda.so.1", "fake_cuda.c", "-DOLD");
        Map<String, String> environment = Map.of("FAKE_VERSION", "10000", "FAKE_CAPABILITY", "75");
        assertFine(Forked.java(OldDriver.class, old, environment));
    }

    @Test
    void aDriverThatDoesNotStartIsAReason() throws Exception {
        Path failing = Files.createDirectory(folder.resolve("failing"));
        Forked.compile(failing, "libcuda.so.1", "fake_cuda.c");
        assertThat(Forked.java(Reason.class, failing, Map.of("FAKE_INIT", "803"))
                        .output())
                .startsWith("the driver's library and its kernel module are of different versions (cuInit: 803)");
        assertThat(Forked.java(Reason.class, failing, Map.of("FAKE_CAPABILITY", "61"))
                        .output())
                .startsWith("Fake GPU (compute capability 6.1) is too old");
        assertThat(Forked.java(Reason.class, failing, Map.of("FAKE_DEVICES", "0"))
                        .output())
                .startsWith("the driver sees no GPU");
    }

    @Test
    void theDoctorSurvivesADriverThatEndsTheProcess() throws Exception {
        Path crashing = Files.createDirectory(folder.resolve("crashing"));
        Forked.compile(crashing, "libcuda.so.1", "fake_cuda.c");
        Forked.Ending ending =
                Forked.java(io.github.batchjac.cli.Main.class, crashing, Map.of("FAKE_CRASH", "1"), "doctor");
        assertThat(ending.code()).isZero();
        assertThat(ending.output())
                .containsPattern("driver +could not be looked at: it ended the process that looked, with exit code 134")
                .containsPattern("OpenBLAS  ");
    }

    @Test
    void theDoctorNamesTheGpu() throws Exception {
        Path working = Files.createDirectory(folder.resolve("working"));
        Forked.compile(working, "libcuda.so.1", "fake_cuda.c");
        assertThat(Forked.java(io.github.batchjac.cli.Main.class, working, Map.of(), "doctor")
                        .output())
                .containsPattern("driver +for CUDA 12.6")
                .containsPattern("GPU 0 +Fake GPU, compute capability 9.0, 140 GiB, 132 multiprocessors");
    }

    /** Whoever else can write to the folder for temporary files gets nothing loaded, and nothing is left there. */
    @Test
    void aLibraryPlantedInTheTemporaryFolderIsNotLoaded() throws Exception {
        Path temporary = Files.createDirectory(folder.resolve("temporary"));
        Path planted = temporary.resolve(NativeLibraries.file("JCudaDriver"));
        Files.writeString(planted, "not a library");
        Path driver = Files.createDirectory(folder.resolve("driver"));
        Forked.compile(driver, "libcuda.so.1", "fake_cuda.c");
        Forked.Ending ending = Forked.java(Reason.class, driver, Map.of(), "-Djava.io.tmpdir=" + temporary);
        assertThat(ending.output()).startsWith("Fake GPU").contains("tmpdir " + temporary);
        try (Stream<Path> left = Files.list(temporary)) {
            assertThat(left).containsExactly(planted);
        }
    }

    @Test
    void aDriverThatCannotCompileSaysWhatHelps() {
        assertThat(NativeDriver.adviceOnCompiling(221)).contains("libnvidia-ptxjitcompiler.so.1", "LD_LIBRARY_PATH");
        assertThat(NativeDriver.adviceOnCompiling(223)).contains("CUDA_DISABLE_PTX_JIT");
        assertThat(NativeDriver.adviceOnCompiling(218)).isEmpty();
    }

    @Test
    void theLibraryIsUnderTheNameThatJCudaLooksFor() {
        String base = "JCudaDriver-" + jcuda.JCudaVersion.get();
        String file = jcuda.LibUtils.createLibraryFileName(jcuda.LibUtils.createPlatformLibraryName(base));
        org.junit.jupiter.api.Assumptions.assumeTrue(file.contains("x86_64"));
        assertThat(NativeLibraries.file("JCudaDriver")).isEqualTo(file);
    }

    private static void assertFine(Forked.Ending ending) {
        assertThat(ending.code()).as(ending.output()).isZero();
        assertThat(ending.output()).isEqualTo("fine\n");
    }

    static final class Reason {
        public static void main(String[] args) {
            System.out.println(Cuda.probe().reason());
            System.out.println("tmpdir " + System.getProperty("java.io.tmpdir"));
        }
    }

    static final class OldDriver {
        public static void main(String[] args) {
            Cuda cuda = Cuda.probe();
            assertThat(cuda.available()).as(cuda.reason()).isTrue();
            assertThat(cuda.driverVersion()).contains("10.0");
            Device device = cuda.driver().open(0);
            long stream = device.createStream();
            assertThat(device.graphs()).isFalse();
            assertThatThrownBy(() -> device.beginCapture(stream))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("graphs need a driver for CUDA 11.4, this one is for 10.0");
            assertThatThrownBy(() -> device.endCapture(stream)).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> device.launchGraph(1, stream)).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> device.destroyGraph(1)).isInstanceOf(IllegalStateException.class);
            device.destroyStream(stream);
            device.close();
            System.out.println("fine");
        }
    }

    static final class Calls {
        private final Device device;
        private final long stream;

        private Calls(Device device) {
            this.device = device;
            this.stream = device.createStream();
        }

        public static void main(String[] args) throws Exception {
            Cuda cuda = Cuda.probe();
            assertThat(cuda.available()).as(cuda.reason()).isTrue();
            Driver driver = cuda.driver();
            assertThat(driver.version()).isEqualTo(12060);
            assertThat(driver.devices()).isEqualTo(1);
            assertThat(driver.info(0)).isEqualTo(new DeviceInfo(0, "Fake GPU", 9, 0, 150_000_000_000L, 132, 232448));
            assertThatThrownBy(() -> driver.open(1))
                    .isInstanceOf(DriverException.class)
                    .hasMessage("cuDeviceGet of device 1: CUDA_ERROR_INVALID_DEVICE (101)");
            Device device = driver.open(0);
            Calls calls = new Calls(device);
            calls.memory();
            calls.events();
            calls.launches();
            calls.graphs();
            calls.threads();
            calls.destroyedHandles();
            calls.closing(driver);
            assertThat(cuda.tryOut(0, PTX)).isPositive();
            System.out.println("fine");
        }

        private void memory() {
            assertThat(device.freeMemory()).isEqualTo(140_000_000_000L);
            assertThatThrownBy(() -> device.allocate(5_000_000_000L))
                    .isInstanceOfSatisfying(DriverException.class, e -> {
                        assertThat(e.outOfMemory()).isTrue();
                        assertThat(e).hasMessage("cuMemAlloc of 5000000000 bytes: CUDA_ERROR_OUT_OF_MEMORY (2)");
                    });
            long a = device.allocate(1000);
            long b = device.allocate(1000);
            ByteBuffer pinned = device.allocatePinned(100);
            assertThat(pinned.capacity()).isEqualTo(100);
            ByteBuffer plain = ByteBuffer.allocateDirect(100);
            for (int i = 0; i < 100; i++) {
                pinned.put(i, (byte) i);
            }
            device.copyIn(a + 8, pinned, 1, 99, stream);
            device.copy(b, a + 8 + 10, 50, stream);
            device.zero(b + 3, 2, stream);
            device.copyOut(plain, 20, b, 50, stream);
            device.synchronize(stream);
            for (int i = 0; i < 50; i++) {
                assertThat(plain.get(20 + i)).isEqualTo((byte) (i == 3 || i == 4 ? 0 : 11 + i));
            }
            device.copyIn(0, plain, 100, 0, stream);
            device.zero(0, 0, stream);
            assertThatThrownBy(() -> device.copyIn(a, plain, 50, 51, stream))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> device.copyIn(a, ByteBuffer.allocate(10), 0, 10, stream))
                    .isInstanceOf(IllegalArgumentException.class);
            device.freePinned(pinned);
            assertThatThrownBy(() -> device.freePinned(pinned)).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> device.freePinned(plain)).isInstanceOf(IllegalStateException.class);
            device.free(a);
            device.free(b);
        }

        private void events() {
            long from = device.createEvent();
            long to = device.createEvent();
            device.record(from, stream);
            device.await(stream, from);
            device.record(to, stream);
            device.synchronizeEvent(to);
            assertThat(device.milliseconds(from, to)).isEqualTo(1.5f);
            device.destroyEvent(from);
            device.destroyEvent(to);
        }

        private void launches() {
            assertThatThrownBy(() -> device.loadModule("nothing")).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> device.loadModule(".version mistake"))
                    .hasMessage("cuModuleLoadDataEx of 16 bytes of PTX (ptxas fatal:; line 3):"
                            + " CUDA_ERROR_INVALID_PTX (218)");
            long module = device.loadModule(PTX);
            assertThatThrownBy(() -> device.function(module, "other"))
                    .hasMessage("cuModuleGetFunction of other: CUDA_ERROR_NOT_FOUND (500)");
            long function = device.function(module, "note");
            assertThat(device.function(module, "note")).isEqualTo(function);
            assertThat(launched(function, 7, 5_000_000_000L, 0.1, 3, 256, 40_000))
                    .containsExactly(7, 5_000_000_000L, Double.doubleToRawLongBits(0.1), 3, 256, 40_000);
            assertThat(launched(function, -7, -1, -0.0, Integer.MAX_VALUE, 1024, 200_000))
                    .containsExactly(-7, -1, Double.doubleToRawLongBits(-0.0), Integer.MAX_VALUE, 1024, 200_000);
            assertThatThrownBy(() -> launched(function, 0, 0, 0, 1, 32, 230_000))
                    .hasMessage("cuFuncSetAttribute: 230000 bytes of shared memory for note:"
                            + " CUDA_ERROR_INVALID_VALUE (1)");
            assertThatThrownBy(() -> launched(function, 0, 0, 0, 1, 2048, 0))
                    .hasMessage("cuLaunchKernel of note, 1 blocks of 2048 threads with 0 bytes of shared memory:"
                            + " CUDA_ERROR_INVALID_VALUE (1)");
            Arguments tooMany = new Arguments();
            for (int i = 0; i < 2000; i++) {
                tooMany.with(1L);
            }
            assertThatThrownBy(() -> device.launch(function, 1, 32, 0, stream, tooMany))
                    .isInstanceOf(IllegalArgumentException.class);
            device.unloadModule(module);
            assertThatThrownBy(() -> launched(function, 0, 0, 0, 1, 32, 0)).isInstanceOf(IllegalStateException.class);
        }

        private long[] launched(long function, int a, long b, double c, int blocks, int threads, int shared) {
            long out = device.allocate(48);
            device.launch(
                    function,
                    blocks,
                    threads,
                    shared,
                    stream,
                    new Arguments().with(out).with(a).with(b).with(c));
            return read(out);
        }

        private long[] read(long address) {
            ByteBuffer bytes = device.allocatePinned(48);
            device.copyOut(bytes, 0, address, 48, stream);
            device.synchronize(stream);
            long[] numbers = new long[6];
            bytes.asLongBuffer().get(numbers);
            device.freePinned(bytes);
            device.free(address);
            return numbers;
        }

        private void graphs() {
            long module = device.loadModule(PTX);
            long function = device.function(module, "note");
            long out = device.allocate(48);
            device.zero(out, 48, stream);
            assertThat(device.graphs()).isTrue();
            device.beginCapture(stream);
            device.launch(
                    function,
                    5,
                    64,
                    0,
                    stream,
                    new Arguments().with(out).with(11).with(12L).with(1.0));
            long graph = device.endCapture(stream);
            device.launch(
                    function,
                    1,
                    1,
                    0,
                    stream,
                    new Arguments().with(out).with(0).with(0L).with(0.0));
            device.launchGraph(graph, stream);
            device.destroyGraph(graph);
            assertThat(read(out)).containsExactly(11, 12, Double.doubleToRawLongBits(1.0), 5, 64, 0);
            device.unloadModule(module);
        }

        /** The driver knows a current context per thread, and each launch has arguments of its own. */
        private void threads() throws InterruptedException {
            long module = device.loadModule(PTX);
            long function = device.function(module, "note");
            List<Throwable> failures = new ArrayList<>();
            List<Thread> threads = new ArrayList<>();
            for (int t = 0; t < 8; t++) {
                int mine = t;
                threads.add(new Thread(() -> {
                    try {
                        Calls calls = new Calls(device);
                        for (int i = 0; i < 500; i++) {
                            assertThat(calls.launched(function, mine, i, 0, 1 + mine, 32, 0))
                                    .containsExactly(mine, i, 0, 1 + mine, 32, 0);
                        }
                        device.destroyStream(calls.stream);
                    } catch (Throwable e) {
                        synchronized (failures) {
                            failures.add(e);
                        }
                    }
                }));
            }
            threads.forEach(Thread::start);
            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(failures).isEmpty();
            device.unloadModule(module);
        }

        private void destroyedHandles() {
            long other = device.createStream();
            device.destroyStream(other);
            assertThatThrownBy(() -> device.synchronize(other)).hasMessageStartingWith("there is no stream 0x");
            assertThatThrownBy(() -> device.destroyStream(other)).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> device.record(0, stream)).hasMessageStartingWith("there is no event 0x0");
            assertThatThrownBy(() -> device.unloadModule(1)).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> device.launchGraph(1, stream)).isInstanceOf(IllegalStateException.class);
        }

        private void closing(Driver driver) {
            Device second = driver.open(0);
            device.destroyStream(stream);
            device.close();
            device.close();
            assertThatThrownBy(device::freeMemory)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("device 0 is closed");
            assertThat(second.freeMemory()).isEqualTo(140_000_000_000L);
            second.close();
        }
    }
}
