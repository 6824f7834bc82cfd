package io.github.batchjac.backend.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** A driver that computes nothing and keeps account of everything: what is held, and whether what is used is held. */
final class CountingDriver implements Driver, Device {
    private final Map<Long, Long> allocations = new TreeMap<>();
    private final Set<ByteBuffer> pinned = Collections.newSetFromMap(new IdentityHashMap<>());
    private final Map<Long, String> handles = new HashMap<>();
    private long next = 256;
    private long launches;
    private long graphLaunches;
    private boolean capturing;

    /** What is held now, by kind. */
    synchronized Map<String, Integer> held() {
        Map<String, Integer> held = new TreeMap<>();
        handles.values().forEach(kind -> held.merge(kind, 1, Integer::sum));
        held.put("allocation", allocations.size());
        held.put("pinned", pinned.size());
        return held;
    }

    long launches() {
        return launches;
    }

    long graphLaunches() {
        return graphLaunches;
    }

    private synchronized long create(String kind) {
        next += 256;
        handles.put(next, kind);
        return next;
    }

    private synchronized void destroy(String kind, long handle) {
        if (!handles.remove(handle, kind)) {
            throw new AssertionError("no " + kind + " " + handle + " to destroy");
        }
    }

    private synchronized void expect(String kind, long handle) {
        if (!kind.equals(handles.get(handle))) {
            throw new AssertionError(handle + " is no " + kind);
        }
    }

    private synchronized void expectMemory(long address, long bytes) {
        Map.Entry<Long, Long> block = ((TreeMap<Long, Long>) allocations).floorEntry(address);
        if (block == null || address + bytes > block.getKey() + block.getValue()) {
            throw new AssertionError(bytes + " bytes at " + address + " are not held");
        }
    }

    private synchronized void expectPinned(ByteBuffer buffer) {
        if (!pinned.contains(buffer)) {
            throw new AssertionError("a buffer that is not pinned, or no longer");
        }
    }

    @Override
    public int version() {
        return 12060;
    }

    @Override
    public int devices() {
        return 1;
    }

    @Override
    public DeviceInfo info(int ordinal) {
        return new DeviceInfo(0, "counting", 9, 0, 1L << 40, 8, 232448);
    }

    @Override
    public Device open(int ordinal) {
        return this;
    }

    @Override
    public DeviceInfo info() {
        return info(0);
    }

    @Override
    public long freeMemory() {
        return 1L << 40;
    }

    @Override
    public synchronized long allocate(long bytes) {
        long address = (1L << 40) + next;
        next += (bytes / 256 + 2) * 256;
        allocations.put(address, bytes);
        return address;
    }

    @Override
    public synchronized void free(long address) {
        if (allocations.remove(address) == null) {
            throw new AssertionError(address + " was freed before, or never allocated");
        }
    }

    @Override
    public synchronized ByteBuffer allocatePinned(int bytes) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN);
        pinned.add(buffer);
        return buffer;
    }

    @Override
    public synchronized void freePinned(ByteBuffer buffer) {
        expectPinned(buffer);
        pinned.remove(buffer);
    }

    @Override
    public long createStream() {
        return create("stream");
    }

    @Override
    public void destroyStream(long stream) {
        destroy("stream", stream);
    }

    @Override
    public void synchronize(long stream) {
        expect("stream", stream);
    }

    @Override
    public long createEvent() {
        return create("event");
    }

    @Override
    public void destroyEvent(long event) {
        destroy("event", event);
    }

    @Override
    public void record(long event, long stream) {
        expect("event", event);
        expect("stream", stream);
    }

    @Override
    public void await(long stream, long event) {
        record(event, stream);
    }

    @Override
    public void synchronizeEvent(long event) {
        expect("event", event);
    }

    @Override
    public float milliseconds(long from, long to) {
        return 0;
    }

    @Override
    public void copyIn(long to, ByteBuffer from, int offset, int bytes, long stream) {
        expectMemory(to, bytes);
        expectPinned(from);
        expect("stream", stream);
    }

    @Override
    public void copyOut(ByteBuffer to, int offset, long from, int bytes, long stream) {
        copyIn(from, to, offset, bytes, stream);
    }

    @Override
    public void copy(long to, long from, long bytes, long stream) {
        expectMemory(to, bytes);
        expectMemory(from, bytes);
        expect("stream", stream);
    }

    @Override
    public void zero(long address, long bytes, long stream) {
        expectMemory(address, bytes);
        expect("stream", stream);
    }

    @Override
    public long loadModule(String ptx) {
        return create("module");
    }

    @Override
    public void unloadModule(long module) {
        destroy("module", module);
    }

    @Override
    public long function(long module, String name) {
        expect("module", module);
        return 1;
    }

    @Override
    public synchronized void launch(
            long function, int blocks, int threads, int sharedBytes, long stream, Arguments arguments) {
        expect("stream", stream);
        launches++;
    }

    @Override
    public boolean graphs() {
        return true;
    }

    @Override
    public void beginCapture(long stream) {
        expect("stream", stream);
        capturing = true;
    }

    @Override
    public long endCapture(long stream) {
        if (!capturing) {
            throw new AssertionError("nothing is recorded");
        }
        capturing = false;
        return create("graph");
    }

    @Override
    public synchronized void launchGraph(long graph, long stream) {
        expect("graph", graph);
        expect("stream", stream);
        graphLaunches++;
    }

    @Override
    public void destroyGraph(long graph) {
        destroy("graph", graph);
    }

    @Override
    public void close() {}
}
