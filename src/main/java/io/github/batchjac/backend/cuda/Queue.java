package io.github.batchjac.backend.cuda;

import io.github.batchjac.tensor.Precision;
import java.util.HashMap;
import java.util.Map;

/** A stream, and the kernels of one precision to launch on it. */
final class Queue {
    private static final int LARGEST_GRID = Integer.MAX_VALUE;

    private final Device device;
    private final Functions module;
    private final long stream;
    private final Precision precision;
    private final Map<String, Long> functions = new HashMap<>();

    /** Kernels by their exported names. */
    @FunctionalInterface
    interface Functions {
        /** @throws DriverException if there is no such kernel, or the driver does not take it */
        long function(String name);
    }

    /** @param module a loaded module with all kernels */
    Queue(Device device, long module, long stream, Precision precision) {
        this(device, name -> device.function(module, name), stream, precision);
    }

    Queue(Device device, Functions module, long stream, Precision precision) {
        this.device = device;
        this.module = module;
        this.stream = stream;
        this.precision = precision;
    }

    Device device() {
        return device;
    }

    long stream() {
        return stream;
    }

    Precision precision() {
        return precision;
    }

    /**
     * Launches the kernel {@code name} in this queue's precision.
     *
     * @param blocks nothing is launched if there are none
     * @param threads of a block
     * @param sharedBytes dynamic shared memory of a block
     */
    void launch(String name, long blocks, int threads, int sharedBytes, Arguments arguments) {
        if (blocks == 0) {
            return;
        }
        if (blocks > LARGEST_GRID) {
            throw new IllegalArgumentException(name + ": " + blocks + " blocks, at most " + LARGEST_GRID + " can run");
        }
        String suffix = precision == Precision.F32 ? "_f32" : "_f64";
        long function = functions.computeIfAbsent(name + suffix, module::function);
        device.launch(function, (int) blocks, threads, sharedBytes, stream, arguments);
    }
}
