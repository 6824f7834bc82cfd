package io.github.batchjac.backend.cuda;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * Device memory that is kept when it is given back, because the driver takes long to hand it out. Sizes are rounded up to
 * a power of two below 1 MiB and to a multiple of 2 MiB above it, so that what one program leaves fits the next. When the
 * device is full, all that is kept goes back to the driver before the request fails.
 */
final class DeviceMemory implements AutoCloseable {
    private static final long SMALLEST = 512;
    private static final long SMALL = 1 << 20;
    private static final long STEP = 2 << 20;

    private final Device device;
    private final TreeMap<Long, Deque<Long>> kept = new TreeMap<>();
    private final Map<Long, Long> lent = new HashMap<>();
    private boolean closed;

    DeviceMemory(Device device) {
        this.device = device;
    }

    /** What is handed out for a request of {@code bytes}. */
    static long bucket(long bytes) {
        if (bytes <= SMALLEST) {
            return SMALLEST;
        }
        return bytes <= SMALL ? Long.highestOneBit(bytes - 1) << 1 : (bytes + STEP - 1) / STEP * STEP;
    }

    /**
     * At least {@code bytes}, with any contents.
     *
     * @throws DriverException if the device has no room
     * @throws IllegalStateException if this is closed
     */
    synchronized Buffer allocate(long bytes) {
        if (closed) {
            throw new IllegalStateException("the backend is closed");
        }
        long size = bucket(bytes);
        Deque<Long> free = kept.get(size);
        long address = free == null || free.isEmpty() ? take(size) : free.pop();
        lent.put(address, size);
        return new Buffer(this, address, size);
    }

    private long take(long size) {
        try {
            return device.allocate(size);
        } catch (DriverException e) {
            if (!e.outOfMemory() || kept.isEmpty()) {
                throw e;
            }
            trim();
            return device.allocate(size);
        }
    }

    synchronized void giveBack(long address) {
        Long size = lent.remove(address);
        if (size != null) {
            kept.computeIfAbsent(size, bytes -> new ArrayDeque<>()).push(address);
        }
    }

    /** Whether {@code address} is on loan. */
    synchronized boolean lends(long address) {
        return lent.containsKey(address);
    }

    /** Bytes that could be had: free on the device, or kept. */
    synchronized long available() {
        long sum = device.freeMemory();
        for (Map.Entry<Long, Deque<Long>> e : kept.entrySet()) {
            sum += e.getKey() * e.getValue().size();
        }
        return sum;
    }

    /** Buffers that were not given back yet. */
    synchronized int lent() {
        return lent.size();
    }

    /** Hands what is kept back to the driver. */
    synchronized void trim() {
        kept.values().forEach(addresses -> addresses.forEach(device::free));
        kept.clear();
    }

    /** Takes back what is still lent: its borrowers find it gone. */
    @Override
    public synchronized void close() {
        closed = true;
        lent.keySet().forEach(device::free);
        lent.clear();
        trim();
    }
}
