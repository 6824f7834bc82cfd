package io.github.batchjac.backend.cuda;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Whether this machine has a GPU that plans can run on, decided once per JVM, as a value with a reason. Nothing that is
 * missing is an error here.
 */
public final class Cuda {
    /** {@code off} for never. */
    static final String PROPERTY = "batchjac.cuda";

    private static final int NO_DEVICE = 100;
    private static final int OLDEST_CAPABILITY = 75;

    private final @Nullable Driver driver;
    private final int version;
    private final List<Card> cards;
    private final String reason;
    private final String advice;

    private Cuda(@Nullable Driver driver, int version, List<Card> cards, String reason, String advice) {
        this.driver = driver;
        this.version = version;
        this.cards = List.copyOf(cards);
        this.reason = reason;
        this.advice = advice;
    }

    /**
     * A GPU.
     *
     * @param ordinal its number, from 0
     * @param name as its maker calls it
     * @param capability its compute capability, as {@code 9.0}
     * @param memory bytes in all
     * @param multiprocessors how many
     * @param usable whether it is new enough
     */
    public record Card(int ordinal, String name, String capability, long memory, int multiprocessors, boolean usable) {}

    /**
     * A library that is of use but not needed.
     *
     * @param available whether it is used
     * @param description which, or why it is off
     * @param advice what to do about it, as a sentence; empty if it is used
     */
    public record Library(boolean available, String description, String advice) {}

    private static final class Probed {
        static final Cuda HERE = probe(NativeDriver.access(), System::getProperty);
    }

    /** This machine's answer, always the same. The first call loads the driver, if there is one. */
    public static Cuda probe() {
        return Probed.HERE;
    }

    /** Whether plans can run on a GPU. */
    public boolean available() {
        return driver != null;
    }

    /** What is there, or why CUDA is off, to be read after "cuda: " or "cuda off: ". */
    public String reason() {
        return reason;
    }

    /** What to do about it, as a sentence; empty if {@link #available}. */
    public String advice() {
        return advice;
    }

    /** The CUDA version that the driver is for, as {@code 12.6}; empty if it was not reached. */
    public Optional<String> driverVersion() {
        return version == 0 ? Optional.empty() : Optional.of(DriverVersion.text(version));
    }

    /** The same as {@code cuDriverGetVersion} has it, or 0. */
    int version() {
        return version;
    }

    /** The GPUs that the driver sees, the unusable among them. */
    public List<Card> cards() {
        return cards;
    }

    /** JCuda's library for this machine, if it is on the class path. */
    public static Optional<String> jcuda() {
        String file = NativeLibraries.file("JCudaDriver");
        return NativeLibraries.class.getResource("/lib/" + file) == null ? Optional.empty() : Optional.of(file);
    }

    /** cuBLAS. The first call loads it, which may take a second. */
    public static Library cublas() {
        Cublas cublas = Cublas.get();
        if (cublas.available() && !Cublas.wanted()) {
            return new Library(
                    false,
                    "cuBLAS off: " + cublas.description() + " is at hand, but was not asked for",
                    "-D" + Cublas.PROPERTY
                            + "=auto leaves large products to it; last bits then depend on the size of chunks.");
        }
        return new Library(cublas.available(), cublas.description(), cublas.advice());
    }

    /**
     * Compiles the kernels for a card and moves some bytes to it and back.
     *
     * @return how long compiling took
     * @throws RuntimeException saying what fails
     */
    public Duration tryOut(int ordinal) {
        return tryOut(ordinal, Ptx.shipped().module(ShippedKernels.SMALL));
    }

    Duration tryOut(int ordinal, String ptx) {
        try (Device device = driver().open(ordinal)) {
            long start = System.nanoTime();
            long module = device.loadModule(ptx);
            Duration time = Duration.ofNanos(System.nanoTime() - start);
            roundTrip(device);
            device.unloadModule(module);
            return time;
        }
    }

    private static void roundTrip(Device device) {
        int bytes = 1 << 20;
        long stream = device.createStream();
        ByteBuffer buffer = device.allocatePinned(bytes);
        long address = device.allocate(bytes);
        for (int i = 0; i < bytes; i += Long.BYTES) {
            buffer.putLong(i, i);
        }
        device.copyIn(address, buffer, 0, bytes, stream);
        device.zero(address, bytes / 2, stream);
        device.copyOut(buffer, 0, address, bytes, stream);
        device.synchronize(stream);
        for (int i = 0; i < bytes; i += Long.BYTES) {
            if (buffer.getLong(i) != (i < bytes / 2 ? 0 : i)) {
                throw new IllegalStateException("what was copied to the GPU and back is not what it was, at byte " + i);
            }
        }
        device.free(address);
        device.freePinned(buffer);
        device.destroyStream(stream);
    }

    /** @throws IllegalStateException saying why not, if CUDA is off */
    Driver driver() {
        if (driver == null) {
            throw new IllegalStateException("cuda off: " + reason);
        }
        return driver;
    }

    /**
     * @param access the steps to a driver
     * @param properties the system's properties by name, null if not set
     */
    static Cuda probe(DriverAccess access, UnaryOperator<@Nullable String> properties) {
        if ("off".equals(properties.apply(PROPERTY))) {
            return off("-D" + PROPERTY + "=off", "Leave out -D" + PROPERTY + "=off.");
        }
        String system = String.valueOf(properties.apply("os.name"));
        String processor = String.valueOf(properties.apply("os.arch"));
        if (!isSupported(system, processor)) {
            return off(
                    "JCuda has no library for " + system + " on " + processor,
                    "Linux or Windows on an x86-64 processor is needed.");
        }
        try {
            access.load();
            int code = access.initialise();
            return code == 0 ? describe(access.driver()) : uninitialised(code);
        } catch (UnsatisfiedLinkError e) {
            return unlinked(e);
        } catch (DriverException e) {
            return off("the driver fails: " + e.getMessage(), "nvidia-smi shows whether the driver works.");
        } catch (IOException e) {
            return off(
                    "JCuda's library cannot be unpacked: " + firstLine(e),
                    "jcuda-natives 12.6.0 must be on the class path, and -Djava.io.tmpdir name a folder that can be written"
                            + " to.");
        } catch (Throwable e) { // whatever it is, the CPU is there
            return off(
                    "it cannot be loaded: " + firstLine(e),
                    "JCuda and its native libraries, version 12.6.0, must be on the class path.");
        }
    }

    private static boolean isSupported(String system, String processor) {
        String name = system.toLowerCase(Locale.ROOT);
        return (name.startsWith("linux") || name.startsWith("windows"))
                && (processor.equals("amd64") || processor.equals("x86_64"));
    }

    private static Cuda describe(Driver driver) {
        int version = driver.version();
        String text = DriverVersion.text(version);
        if (version < DriverVersion.OLDEST) {
            return off(
                    version,
                    List.of(),
                    "the driver is for CUDA " + text + ", at least " + DriverVersion.text(DriverVersion.OLDEST)
                            + " is needed",
                    "Install a newer NVIDIA driver (410 or later).");
        }
        List<Card> cards = new ArrayList<>();
        for (int ordinal = 0; ordinal < driver.devices(); ordinal++) {
            cards.add(card(driver.info(ordinal)));
        }
        if (cards.isEmpty()) {
            return off(version, cards, noDevice(), NO_DEVICE_ADVICE);
        }
        List<Card> usable = cards.stream().filter(Card::usable).toList();
        if (usable.isEmpty()) {
            return off(
                    version,
                    cards,
                    names(cards) + (cards.size() == 1 ? " is" : " are") + " too old: compute capability 7.5 is needed",
                    "A GPU of the Turing generation (2018) or newer is needed.");
        }
        return new Cuda(driver, version, cards, names(usable) + ", driver for CUDA " + text, "");
    }

    private static Card card(DeviceInfo info) {
        return new Card(
                info.ordinal(),
                info.name(),
                info.capability(),
                info.memory(),
                info.multiprocessors(),
                10 * info.major() + info.minor() >= OLDEST_CAPABILITY);
    }

    private static String names(List<Card> cards) {
        return cards.stream()
                .map(card -> card.name() + " (compute capability " + card.capability() + ")")
                .collect(Collectors.joining(", "));
    }

    private static final String NO_DEVICE_ADVICE =
            "nvidia-smi shows what the driver sees; CUDA_VISIBLE_DEVICES may hide GPUs, and a container is given them with"
                    + " --gpus all.";

    private static String noDevice() {
        return "the driver sees no GPU";
    }

    private static Cuda uninitialised(int code) {
        return switch (code) {
            case 34 ->
                off(
                        "the toolkit's stub was loaded instead of the driver (cuInit: 34)",
                        "Take the toolkit's folder stubs off LD_LIBRARY_PATH.");
            case NO_DEVICE -> off(noDevice() + " (cuInit: 100)", NO_DEVICE_ADVICE);
            case 101 ->
                off(
                        "CUDA_VISIBLE_DEVICES names a GPU that is not there (cuInit: 101)",
                        "Correct or unset CUDA_VISIBLE_DEVICES; nvidia-smi -L lists the GPUs.");
            case 802 ->
                off(
                        "the system is not ready for CUDA (cuInit: 802)",
                        "On machines with NVSwitch start the service nvidia-fabricmanager, of the driver's version.");
            case 803 ->
                off(
                        "the driver's library and its kernel module are of different versions (cuInit: 803)",
                        "Restart the machine, as after every update of the driver; in a container, remove a libcuda.so.1 of"
                                + " its own.");
            case 804 ->
                off(
                        "CUDA's compatibility package does not support this GPU (cuInit: 804)",
                        "Take the folder cuda/compat off LD_LIBRARY_PATH.");
            case 999 ->
                off(
                        "the driver fails to start for an unknown reason (cuInit: 999)",
                        "Run nvidia-smi, and nvidia-modprobe -u if /dev/nvidia-uvm is missing; or restart the machine.");
            default ->
                off("the driver fails to start (cuInit: " + code + ")", "nvidia-smi shows whether the driver works.");
        };
    }

    private static Cuda unlinked(UnsatisfiedLinkError e) {
        if (lacksDriver(e)) {
            return off(
                    NativeLibraries.lacks(e, "libcuda.so") ? "no libcuda.so.1" : "no nvcuda.dll",
                    "Install NVIDIA's driver; a container is given it with --gpus all; a driver in an unusual place is found"
                            + " through LD_LIBRARY_PATH.");
        }
        return off(
                // the loader names the file twice
                "JCuda's library cannot be loaded: " + firstLine(e).replaceFirst("^(.+): \\1: ", "$1: "),
                "It needs glibc 2.17 or newer, libstdc++.so.6, LD_BIND_NOW unset, and a folder for temporary files not"
                        + " mounted noexec (-Djava.io.tmpdir=FOLDER).");
    }

    /** Whether a library failed to load for want of the driver's. */
    static boolean lacksDriver(UnsatisfiedLinkError e) {
        return NativeLibraries.lacks(e, "libcuda.so")
                || String.valueOf(e.getMessage()).contains("dependent libraries");
    }

    /** What {@code e} says, on one line. */
    static String firstLine(Throwable e) {
        String text = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        return text.strip().lines().findFirst().orElse("");
    }

    private static Cuda off(String reason, String advice) {
        return off(0, List.of(), reason, advice);
    }

    private static Cuda off(int version, List<Card> cards, String reason, String advice) {
        return new Cuda(null, version, cards, reason, advice);
    }
}
