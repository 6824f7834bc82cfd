package io.github.batchjac.backend;

import io.github.batchjac.backend.cpu.CpuBackend;
import io.github.batchjac.backend.cuda.Cuda;
import io.github.batchjac.backend.cuda.CudaBackend;
import io.github.batchjac.backend.reference.ReferenceBackend;
import java.util.ArrayList;
import java.util.List;

/** The devices there are, and the choice among them. Every backend says in its description what is in use and why. */
public final class Backends {
    private static final String AUTO = "auto";
    private static final String CPU = "cpu";
    private static final String CUDA = "cuda";
    private static final String REFERENCE = "reference";

    private Backends() {}

    /** What {@link #choose} understands: {@code auto} and the devices by name; {@code cuda:1} is the second GPU. */
    public static List<String> devices() {
        return List.of(AUTO, CPU, CUDA, REFERENCE);
    }

    /** The names of the backends that run on this machine. */
    public static List<String> available() {
        return Cuda.probe().available() ? List.of(CPU, CUDA, REFERENCE) : List.of(CPU, REFERENCE);
    }

    /** The fastest backend on this machine: a GPU, or the CPU, which then says why no GPU. */
    public static Backend best() {
        return best(Runtime.getRuntime().availableProcessors());
    }

    private static Backend best(int threads) {
        Cuda cuda = Cuda.probe();
        if (cuda.available()) {
            try {
                return CudaBackend.open();
            } catch (RuntimeException e) {
                // a driver that does not take our kernels, a GPU with no memory left: the CPU is there
                return new CpuBackend(threads, String.valueOf(e.getMessage()));
            }
        }
        return new CpuBackend(threads, "cuda off: " + cuda.reason());
    }

    /** The CPU, with a thread for each of its processors. */
    public static Backend cpu() {
        return cpu(Runtime.getRuntime().availableProcessors());
    }

    /** The CPU with {@code threads} threads. @throws IllegalArgumentException if that is less than 1 */
    public static Backend cpu(int threads) {
        return new CpuBackend(threads);
    }

    /**
     * A GPU.
     *
     * @param ordinal its number, from 0
     * @throws IllegalStateException saying why and what to do, if it cannot be used
     */
    public static Backend cuda(int ordinal) {
        return CudaBackend.open(ordinal);
    }

    /** The oracle: dense, float64, one thread, slow. */
    public static Backend reference() {
        return new ReferenceBackend();
    }

    /**
     * {@code first}, and when its device is lost in the middle of a run, {@code second}: it computes what failed and all that
     * comes after. Closing closes both.
     */
    public static Backend fallingBack(Backend first, Backend second) {
        return new FallingBack(first, second);
    }

    /**
     * The backend of this name.
     *
     * @param device one of {@link #devices}, {@code cuda:N}, or {@code cuda,cpu}: a GPU, and the CPU should it fail
     * @param threads threads of the CPU; 0 for one per processor
     * @throws IllegalArgumentException naming the devices, if there is none of this name; or if {@code threads} is negative
     * @throws IllegalStateException saying why and what to do, if there is no such GPU
     */
    public static Backend choose(String device, int threads) {
        if (threads < 0) {
            throw new IllegalArgumentException(
                    "threads is " + threads + ", expected 1 or more, or 0 for one per processor");
        }
        if (!names(device)) {
            throw new IllegalArgumentException("there is no device " + device + "; devices: " + forms());
        }
        int workers = threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
        List<Backend> chosen = new ArrayList<>();
        try {
            for (String name : device.split(",")) {
                chosen.add(one(name, workers));
            }
            return chosen.size() == 1 ? chosen.get(0) : fallingBack(chosen.get(0), chosen.get(1));
        } catch (RuntimeException e) {
            chosen.forEach(Backend::close);
            throw e;
        }
    }

    /** All that {@link #choose} understands, for people to read. */
    public static String forms() {
        return String.join(", ", devices()) + "; " + CUDA + ":N, the GPU of that number; " + CUDA + "," + CPU
                + ", the CPU if the GPU fails";
    }

    /** Whether {@link #choose} understands this. */
    public static boolean names(String device) {
        String gpu = CUDA + "(:\\d{1,4})?";
        return devices().contains(device) || device.matches(gpu + "(," + CPU + ")?");
    }

    private static Backend one(String device, int threads) {
        return switch (device) {
            case AUTO -> best(threads);
            case CPU -> cpu(threads);
            case REFERENCE -> reference();
            case CUDA -> CudaBackend.open();
            default -> cuda(Integer.parseInt(device.substring(CUDA.length() + 1)));
        };
    }
}
