package io.github.batchjac.backend.cuda;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The shipped kernels on one device, each loaded when it is first asked for. */
final class ShippedKernels implements Queue.Functions, AutoCloseable {
    /** One of the smallest: whether the driver takes it shows whether it takes our PTX. */
    static final String SMALL = "clip_factors_f32";

    private final Device device;
    private final DeviceMemory memory;
    private final List<Long> modules = new ArrayList<>();
    private final Map<String, Long> functions = new HashMap<>();

    /** @throws DriverException if the driver does not take our PTX */
    ShippedKernels(Device device, DeviceMemory memory) {
        this.device = device;
        this.memory = memory;
        function(SMALL);
    }

    @Override
    public synchronized long function(String name) {
        Long known = functions.get(name);
        if (known != null) {
            return known;
        }
        long module = load(Ptx.shipped().module(name));
        modules.add(module);
        long function = device.function(module, name);
        functions.put(name, function);
        return function;
    }

    private long load(String ptx) {
        try {
            return device.loadModule(ptx);
        } catch (DriverException e) {
            if (!e.outOfMemory()) {
                throw e;
            }
            memory.trim();
            return device.loadModule(ptx);
        }
    }

    @Override
    public synchronized void close() {
        modules.forEach(device::unloadModule);
        modules.clear();
        functions.clear();
    }
}
