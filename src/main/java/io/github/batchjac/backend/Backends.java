package io.github.batchjac.backend;

import io.github.batchjac.backend.cpu.CpuBackend;
import io.github.batchjac.backend.reference.ReferenceBackend;
import java.util.List;

/** The devices there are, and the choice among them. Every backend says in its description what is in use and why. */
public final class Backends {
    private static final String AUTO = "auto";
    private static final String CPU = "cpu";
    private static final String REFERENCE = "reference";

    private Backends() {}

    /** What {@link #choose} understands: {@code auto} and the devices by name. */
    public static List<String> devices() {
        return List.of(AUTO, CPU, REFERENCE);
    }

    /** The names of the backends that run on this machine. */
    public static List<String> available() {
        return List.of(CPU, REFERENCE);
    }

    /** The fastest backend on this machine. */
    public static Backend best() {
        return cpu();
    }

    /** The CPU, with a thread for each of its processors. */
    public static Backend cpu() {
        return cpu(Runtime.getRuntime().availableProcessors());
    }

    /** The CPU with {@code threads} threads. @throws IllegalArgumentException if that is less than 1 */
    public static Backend cpu(int threads) {
        return new CpuBackend(threads);
    }

    /** The oracle: dense, float64, one thread, slow. */
    public static Backend reference() {
        return new ReferenceBackend();
    }

    /**
     * The backend of this name.
     *
     * @param device one of {@link #devices}
     * @param threads threads of the CPU; 0 for one per processor
     * @throws IllegalArgumentException naming the devices, if there is none of this name; or if {@code threads} is negative
     */
    public static Backend choose(String device, int threads) {
        if (threads < 0) {
            throw new IllegalArgumentException(
                    "threads is " + threads + ", expected 1 or more, or 0 for one per processor");
        }
        return switch (device) {
            case AUTO, CPU -> threads == 0 ? cpu() : cpu(threads);
            case REFERENCE -> reference();
            default ->
                throw new IllegalArgumentException(
                        "there is no device " + device + "; devices: " + String.join(", ", devices()));
        };
    }
}
