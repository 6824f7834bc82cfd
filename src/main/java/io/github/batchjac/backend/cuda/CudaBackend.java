package io.github.batchjac.backend.cuda;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Program;
import io.github.batchjac.plan.Cost;
import io.github.batchjac.plan.Memory;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Workload;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * An NVIDIA GPU. Needs a driver and nothing else: the kernels come with the library as PTX, which the driver compiles for
 * the card it finds. Programs may run at the same time, each on streams of its own; what a program leaves free, another
 * one takes.
 */
public final class CudaBackend implements Backend {
    private final GuardedDevice device;
    private final DeviceMemory memory;
    private final ShippedKernels kernels;
    private final String description;
    private final Set<CudaEngine> engines = new HashSet<>();
    private final Set<HeldResults> held = new HashSet<>();
    private boolean closed;

    /** Opens a device and sees whether it takes our kernels. @throws DriverException if either fails; nothing is held then */
    CudaBackend(Driver driver, int ordinal) {
        device = new GuardedDevice(driver.open(ordinal));
        memory = new DeviceMemory(device);
        try {
            kernels = new ShippedKernels(device, memory);
        } catch (RuntimeException e) {
            device.close();
            throw e;
        }
        DeviceInfo info = device.info();
        description = "cuda: " + info.name() + " (sm_" + info.major() + info.minor() + ", "
                + Memory.bytes(info.memory()) + "), driver for CUDA " + DriverVersion.text(driver.version())
                + (device.hasCublas() ? "; " + Cublas.get().description() + " for large products" : "");
    }

    /**
     * The first GPU that can be used.
     *
     * @throws IllegalStateException saying why and what to do, if there is none
     */
    public static CudaBackend open() {
        return open(Cuda.probe().cards().stream()
                .filter(Cuda.Card::usable)
                .mapToInt(Cuda.Card::ordinal)
                .findFirst()
                .orElse(0));
    }

    /**
     * A GPU.
     *
     * @param ordinal its number, from 0
     * @throws IllegalStateException saying why and what to do, if it cannot be used
     */
    public static CudaBackend open(int ordinal) {
        Cuda cuda = Cuda.probe();
        if (!cuda.available()) {
            throw new IllegalStateException("cuda off: " + cuda.reason() + ". " + cuda.advice());
        }
        List<String> usable = cuda.cards().stream()
                .filter(Cuda.Card::usable)
                .map(card -> String.valueOf(card.ordinal()))
                .toList();
        if (!usable.contains(String.valueOf(ordinal))) {
            throw new IllegalStateException(
                    "there is no GPU " + ordinal + " that can be used; there is " + String.join(", ", usable));
        }
        try {
            return new CudaBackend(cuda.driver(), ordinal);
        } catch (DriverException e) {
            throw new IllegalStateException("cuda off: GPU " + ordinal + " cannot be used: " + e.getMessage(), e);
        }
    }

    GuardedDevice device() {
        return device;
    }

    DeviceMemory memory() {
        return memory;
    }

    ShippedKernels kernels() {
        return kernels;
    }

    @Override
    public String name() {
        return "cuda";
    }

    @Override
    public String description() {
        return description;
    }

    /** One worker, half of the memory that the device has free. */
    @Override
    public Workload workload(long batch) {
        return Workload.of(batch)
                .workers(1)
                .within(Math.max(1, memory.available() / 2))
                .at(Cost.GPU);
    }

    /**
     * @throws io.github.batchjac.backend.DeviceMemoryException if the device has no room for one sample
     * @throws io.github.batchjac.backend.DeviceLostException if the device failed before
     */
    @Override
    public synchronized Program prepare(Plan plan) {
        if (closed) {
            throw new IllegalStateException("the backend is closed");
        }
        CudaEngine engine = new CudaEngine(this, plan);
        engines.add(engine);
        try {
            return new Program(plan, engine);
        } catch (RuntimeException e) {
            engine.close();
            throw e;
        }
    }

    synchronized void forget(CudaEngine engine) {
        engines.remove(engine);
    }

    synchronized void remember(HeldResults results) {
        if (closed) {
            throw new IllegalStateException("the backend is closed");
        }
        held.add(results);
    }

    synchronized void forget(HeldResults results) {
        held.remove(results);
    }

    /** Closes its programs, and what results they left on the device. */
    @Override
    public void close() {
        List<CudaEngine> open;
        List<HeldResults> results;
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
            open = new ArrayList<>(engines);
            results = new ArrayList<>(held);
        }
        open.forEach(CudaEngine::close);
        results.forEach(HeldResults::close);
        memory.close();
        kernels.close();
        device.close();
    }
}
