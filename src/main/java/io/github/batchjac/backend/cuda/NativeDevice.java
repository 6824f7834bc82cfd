package io.github.batchjac.backend.cuda;

import static jcuda.driver.JCudaDriver.cuCtxSetCurrent;
import static jcuda.driver.JCudaDriver.cuDevicePrimaryCtxRelease;
import static jcuda.driver.JCudaDriver.cuDevicePrimaryCtxRetain;
import static jcuda.driver.JCudaDriver.cuEventCreate;
import static jcuda.driver.JCudaDriver.cuEventDestroy;
import static jcuda.driver.JCudaDriver.cuEventElapsedTime;
import static jcuda.driver.JCudaDriver.cuEventRecord;
import static jcuda.driver.JCudaDriver.cuEventSynchronize;
import static jcuda.driver.JCudaDriver.cuFuncGetAttribute;
import static jcuda.driver.JCudaDriver.cuFuncSetAttribute;
import static jcuda.driver.JCudaDriver.cuGraphDestroy;
import static jcuda.driver.JCudaDriver.cuGraphExecDestroy;
import static jcuda.driver.JCudaDriver.cuGraphInstantiate;
import static jcuda.driver.JCudaDriver.cuGraphLaunch;
import static jcuda.driver.JCudaDriver.cuLaunchKernel;
import static jcuda.driver.JCudaDriver.cuMemAlloc;
import static jcuda.driver.JCudaDriver.cuMemAllocHost;
import static jcuda.driver.JCudaDriver.cuMemFree;
import static jcuda.driver.JCudaDriver.cuMemFreeHost;
import static jcuda.driver.JCudaDriver.cuMemGetInfo;
import static jcuda.driver.JCudaDriver.cuMemcpyDtoDAsync;
import static jcuda.driver.JCudaDriver.cuMemcpyDtoHAsync;
import static jcuda.driver.JCudaDriver.cuMemcpyHtoDAsync;
import static jcuda.driver.JCudaDriver.cuMemsetD8Async;
import static jcuda.driver.JCudaDriver.cuModuleGetFunction;
import static jcuda.driver.JCudaDriver.cuModuleLoadDataEx;
import static jcuda.driver.JCudaDriver.cuModuleUnload;
import static jcuda.driver.JCudaDriver.cuStreamBeginCapture;
import static jcuda.driver.JCudaDriver.cuStreamCreate;
import static jcuda.driver.JCudaDriver.cuStreamDestroy;
import static jcuda.driver.JCudaDriver.cuStreamEndCapture;
import static jcuda.driver.JCudaDriver.cuStreamSynchronize;
import static jcuda.driver.JCudaDriver.cuStreamWaitEvent;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUevent;
import jcuda.driver.CUfunction;
import jcuda.driver.CUfunction_attribute;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUjit_option;
import jcuda.driver.CUmodule;
import jcuda.driver.CUresult;
import jcuda.driver.CUstream;
import jcuda.driver.CUstreamCaptureMode;
import jcuda.driver.CUstream_flags;
import org.jspecify.annotations.Nullable;

/**
 * A GPU through JCuda. Each call makes the device's primary context the current one of its thread, where other users of
 * that context (the CUDA runtime) expect it; asking first whether it is costs as much. Handles are looked up before they
 * are used, so that one which was destroyed never reaches the driver.
 */
final class NativeDevice implements Device {
    /** Dynamic and static shared memory that a block gets without asking. */
    private static final int SHARED_UNASKED = 48 << 10;

    private static final int LOG_BYTES = 8 << 10;

    private final CUdevice device;
    private final CUcontext context;
    private final DeviceInfo info;
    private final int version;
    private final Map<Long, Stream> streams = new ConcurrentHashMap<>();
    private final Map<Long, Event> events = new ConcurrentHashMap<>();
    private final Map<Long, Module> modules = new ConcurrentHashMap<>();
    private final Map<Long, Function> functions = new ConcurrentHashMap<>();
    private final Map<Long, Graph> graphs = new ConcurrentHashMap<>();
    private final Map<ByteBuffer, Pinned> pinned = Collections.synchronizedMap(new IdentityHashMap<>());
    private final ConcurrentLinkedQueue<LaunchMemory> launchMemory = new ConcurrentLinkedQueue<>();
    private volatile boolean closed;

    private NativeDevice(CUdevice device, CUcontext context, DeviceInfo info, int version) {
        this.device = device;
        this.context = context;
        this.info = info;
        this.version = version;
    }

    static NativeDevice open(CUdevice device, DeviceInfo info, int version) {
        CUcontext context = new CUcontext();
        check(cuDevicePrimaryCtxRetain(context, device), "cuDevicePrimaryCtxRetain of device " + info.ordinal());
        return new NativeDevice(device, context, info, version);
    }

    @Override
    public DeviceInfo info() {
        return info;
    }

    @Override
    public long freeMemory() {
        enter();
        long[] free = new long[1];
        check(cuMemGetInfo(free, new long[1]), "cuMemGetInfo");
        return free[0];
    }

    @Override
    public long allocate(long bytes) {
        enter();
        Address address = new Address();
        check(cuMemAlloc(address, Math.max(bytes, 1)), "cuMemAlloc", bytes);
        return address.value();
    }

    @Override
    public void free(long address) {
        enter();
        check(cuMemFree(at(address)), "cuMemFree");
    }

    @Override
    public ByteBuffer allocatePinned(int bytes) {
        enter();
        Pinned memory = new Pinned();
        check(cuMemAllocHost(memory, Math.max(bytes, 1)), "cuMemAllocHost", bytes);
        ByteBuffer buffer = memory.bytes().limit(bytes).slice().order(ByteOrder.LITTLE_ENDIAN);
        pinned.put(buffer, memory);
        return buffer;
    }

    @Override
    public void freePinned(ByteBuffer buffer) {
        enter();
        Pinned memory = pinned.remove(buffer);
        if (memory == null) {
            throw new IllegalStateException(
                    "this buffer is not, or no longer, pinned memory of device " + info.ordinal());
        }
        check(cuMemFreeHost(memory), "cuMemFreeHost");
    }

    @Override
    public long createStream() {
        enter();
        Stream stream = new Stream();
        check(cuStreamCreate(stream, CUstream_flags.CU_STREAM_NON_BLOCKING), "cuStreamCreate");
        streams.put(stream.value(), stream);
        return stream.value();
    }

    @Override
    public void destroyStream(long stream) {
        enter();
        check(cuStreamDestroy(taken(streams, stream, "stream")), "cuStreamDestroy");
    }

    @Override
    public void synchronize(long stream) {
        enter();
        check(cuStreamSynchronize(found(streams, stream, "stream")), "cuStreamSynchronize");
    }

    @Override
    public long createEvent() {
        enter();
        Event event = new Event();
        check(cuEventCreate(event, 0), "cuEventCreate");
        events.put(event.value(), event);
        return event.value();
    }

    @Override
    public void destroyEvent(long event) {
        enter();
        check(cuEventDestroy(taken(events, event, "event")), "cuEventDestroy");
    }

    @Override
    public void record(long event, long stream) {
        enter();
        check(cuEventRecord(found(events, event, "event"), found(streams, stream, "stream")), "cuEventRecord");
    }

    @Override
    public void await(long stream, long event) {
        enter();
        check(
                cuStreamWaitEvent(found(streams, stream, "stream"), found(events, event, "event"), 0),
                "cuStreamWaitEvent");
    }

    @Override
    public void synchronizeEvent(long event) {
        enter();
        check(cuEventSynchronize(found(events, event, "event")), "cuEventSynchronize");
    }

    @Override
    public float milliseconds(long from, long to) {
        enter();
        float[] milliseconds = new float[1];
        check(
                cuEventElapsedTime(milliseconds, found(events, from, "event"), found(events, to, "event")),
                "cuEventElapsedTime");
        return milliseconds[0];
    }

    @Override
    public void copyIn(long to, ByteBuffer from, int offset, int bytes, long stream) {
        enter();
        Pointer host = host(from, offset, bytes);
        if (bytes > 0) {
            check(cuMemcpyHtoDAsync(at(to), host, bytes, found(streams, stream, "stream")), "cuMemcpyHtoDAsync", bytes);
        }
    }

    @Override
    public void copyOut(ByteBuffer to, int offset, long from, int bytes, long stream) {
        enter();
        Pointer host = host(to, offset, bytes);
        if (bytes > 0) {
            check(
                    cuMemcpyDtoHAsync(host, at(from), bytes, found(streams, stream, "stream")),
                    "cuMemcpyDtoHAsync",
                    bytes);
        }
    }

    @Override
    public void copy(long to, long from, long bytes, long stream) {
        enter();
        if (bytes > 0) {
            check(
                    cuMemcpyDtoDAsync(at(to), at(from), bytes, found(streams, stream, "stream")),
                    "cuMemcpyDtoDAsync",
                    bytes);
        }
    }

    @Override
    public void zero(long address, long bytes, long stream) {
        enter();
        if (bytes > 0) {
            check(
                    cuMemsetD8Async(at(address), (byte) 0, bytes, found(streams, stream, "stream")),
                    "cuMemsetD8Async",
                    bytes);
        }
    }

    @Override
    public long loadModule(String ptx) {
        enter();
        if (!ptx.contains(".version")) {
            throw new IllegalArgumentException("this is not PTX: it has no .version");
        }
        byte[] text = ptx.getBytes(StandardCharsets.UTF_8);
        ByteBuffer image = ByteBuffer.allocateDirect(text.length + 1).put(text); // ends in 0, as C wants it
        ByteBuffer values = ByteBuffer.allocateDirect(2 * Long.BYTES).order(ByteOrder.nativeOrder());
        int[] options = {CUjit_option.CU_JIT_ERROR_LOG_BUFFER, CUjit_option.CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
        Module module = new Module();
        Pinned log = new Pinned();
        check(cuMemAllocHost(log, LOG_BYTES), "cuMemAllocHost", LOG_BYTES);
        try {
            log.bytes().put(new byte[LOG_BYTES]);
            values.putLong(0, log.value()).putLong(Long.BYTES, LOG_BYTES);
            int code = cuModuleLoadDataEx(module, Pointer.to(image), options.length, options, Pointer.to(values));
            if (code != CUresult.CUDA_SUCCESS) {
                throw NativeDriver.failure(
                        code,
                        "cuModuleLoadDataEx of " + text.length + " bytes of PTX" + said(log)
                                + NativeDriver.adviceOnCompiling(code));
            }
        } finally {
            cuMemFreeHost(log); // fails only where the device is lost, as the next call will say
        }
        modules.put(module.value(), module);
        return module.value();
    }

    /** What the compiler had to say. */
    private static String said(Pinned log) {
        byte[] bytes = new byte[LOG_BYTES];
        log.bytes().get(bytes);
        String text = NativeDriver.text(bytes).strip();
        return text.isEmpty() ? "" : " (" + text.replaceAll("\\s*\\R\\s*", "; ") + ")";
    }

    @Override
    public void unloadModule(long module) {
        enter();
        Module taken = taken(modules, module, "module");
        functions.values().removeIf(function -> function.module == module);
        check(cuModuleUnload(taken), "cuModuleUnload");
    }

    @Override
    public long function(long module, String name) {
        enter();
        Function function = new Function(module, name);
        check(cuModuleGetFunction(function, found(modules, module, "module"), name), "cuModuleGetFunction of " + name);
        int[] bytes = new int[1];
        check(
                cuFuncGetAttribute(bytes, CUfunction_attribute.CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, function),
                "cuFuncGetAttribute of " + name);
        function.allowed = SHARED_UNASKED - bytes[0];
        Function known = functions.putIfAbsent(function.value(), function);
        return (known == null ? function : known).value();
    }

    @Override
    public void launch(long function, int blocks, int threads, int sharedBytes, long stream, Arguments arguments) {
        enter();
        Function f = found(functions, function, "function");
        Stream s = found(streams, stream, "stream");
        if (sharedBytes > f.allowed) {
            allow(f, sharedBytes);
        }
        LaunchMemory memory = launchMemory.poll();
        if (memory == null) {
            memory = newLaunchMemory();
        }
        try {
            memory.arguments.put(arguments);
            int code = cuLaunchKernel(f, blocks, 1, 1, threads, 1, 1, sharedBytes, s, memory.table, null);
            if (code != CUresult.CUDA_SUCCESS) {
                throw NativeDriver.failure(
                        code,
                        "cuLaunchKernel of " + f.name + ", " + blocks + " blocks of " + threads + " threads with "
                                + sharedBytes + " bytes of shared memory");
            }
        } finally {
            launchMemory.add(memory);
        }
    }

    private static void allow(Function function, int sharedBytes) {
        synchronized (function) {
            if (sharedBytes > function.allowed) {
                int code = cuFuncSetAttribute(
                        function, CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, sharedBytes);
                if (code != CUresult.CUDA_SUCCESS) {
                    throw NativeDriver.failure(
                            code,
                            "cuFuncSetAttribute: " + sharedBytes + " bytes of shared memory for " + function.name);
                }
                function.allowed = sharedBytes;
            }
        }
    }

    private LaunchMemory newLaunchMemory() {
        Pinned memory = new Pinned();
        check(cuMemAllocHost(memory, ArgumentMemory.BYTES), "cuMemAllocHost", ArgumentMemory.BYTES);
        return new LaunchMemory(memory);
    }

    @Override
    public boolean graphs() {
        return version >= DriverVersion.GRAPHS;
    }

    @Override
    public void beginCapture(long stream) {
        enter();
        requireGraphs();
        check(
                // What other threads, or this one, allocate meanwhile is no part of the graph.
                cuStreamBeginCapture(
                        found(streams, stream, "stream"), CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_RELAXED),
                "cuStreamBeginCapture");
    }

    @Override
    public long endCapture(long stream) {
        enter();
        requireGraphs();
        CUgraph recorded = new CUgraph();
        check(cuStreamEndCapture(found(streams, stream, "stream"), recorded), "cuStreamEndCapture");
        Graph graph = new Graph();
        int code = cuGraphInstantiate(graph, recorded, 0);
        int destroyed = cuGraphDestroy(recorded);
        check(code, "cuGraphInstantiate");
        graphs.put(graph.value(), graph);
        check(destroyed, "cuGraphDestroy");
        return graph.value();
    }

    @Override
    public void launchGraph(long graph, long stream) {
        enter();
        check(cuGraphLaunch(found(graphs, graph, "graph"), found(streams, stream, "stream")), "cuGraphLaunch");
    }

    @Override
    public void destroyGraph(long graph) {
        enter();
        check(cuGraphExecDestroy(taken(graphs, graph, "graph")), "cuGraphExecDestroy");
    }

    private void requireGraphs() {
        if (!graphs()) {
            throw new IllegalStateException("graphs need a driver for CUDA " + DriverVersion.text(DriverVersion.GRAPHS)
                    + ", this one is for " + DriverVersion.text(version));
        }
    }

    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        cuCtxSetCurrent(context); // this and what follows fails only where all is lost already
        for (LaunchMemory memory = launchMemory.poll(); memory != null; memory = launchMemory.poll()) {
            cuMemFreeHost(memory.pinned);
        }
        if (version >= DriverVersion.RELEASE) {
            cuDevicePrimaryCtxRelease(device);
        }
    }

    /** JCuda's object for a stream, for other libraries of CUDA's. */
    CUstream stream(long stream) {
        return found(streams, stream, "stream");
    }

    /** Makes the device's context that of the calling thread. */
    void makeCurrent() {
        enter();
    }

    private void enter() {
        if (closed) {
            throw new IllegalStateException("device " + info.ordinal() + " is closed");
        }
        check(cuCtxSetCurrent(context), "cuCtxSetCurrent");
    }

    /** JCuda's object for a device address: nothing plus an offset. */
    private static CUdeviceptr at(long address) {
        return new CUdeviceptr().withByteOffset(address);
    }

    private static Pointer host(ByteBuffer buffer, int offset, int bytes) {
        if (!buffer.isDirect()) {
            throw new IllegalArgumentException(
                    "a buffer on the Java heap may move during a copy; expected a direct one");
        }
        Objects.checkFromIndexSize(offset, bytes, buffer.capacity());
        return Pointer.to(buffer).withByteOffset(offset);
    }

    private static <T> T found(Map<Long, T> handles, long handle, String kind) {
        return known(handles.get(handle), handle, kind);
    }

    private static <T> T taken(Map<Long, T> handles, long handle, String kind) {
        return known(handles.remove(handle), handle, kind);
    }

    private static <T> T known(@Nullable T value, long handle, String kind) {
        if (value == null) {
            throw new IllegalStateException(
                    "there is no " + kind + " 0x" + Long.toHexString(handle) + ", or no longer");
        }
        return value;
    }

    private static void check(int code, String call) {
        if (code != CUresult.CUDA_SUCCESS) {
            throw NativeDriver.failure(code, call);
        }
    }

    private static void check(int code, String call, long bytes) {
        if (code != CUresult.CUDA_SUCCESS) {
            throw NativeDriver.failure(code, call + " of " + bytes + " bytes");
        }
    }

    // JCuda shows the number behind a handle to subclasses only.

    private static final class Address extends CUdeviceptr {
        long value() {
            return getNativePointer();
        }
    }

    private static final class Stream extends CUstream {
        long value() {
            return getNativePointer();
        }
    }

    private static final class Event extends CUevent {
        long value() {
            return getNativePointer();
        }
    }

    private static final class Module extends CUmodule {
        long value() {
            return getNativePointer();
        }
    }

    private static final class Graph extends CUgraphExec {
        long value() {
            return getNativePointer();
        }
    }

    private static final class Function extends CUfunction {
        final long module;
        final String name;
        volatile int allowed;

        Function(long module, String name) {
            this.module = module;
            this.name = name;
        }

        long value() {
            return getNativePointer();
        }
    }

    private static final class Pinned extends Pointer {
        long value() {
            return getNativePointer();
        }

        ByteBuffer bytes() {
            return getByteBuffer();
        }
    }

    /** Memory for one launch at a time. */
    private static final class LaunchMemory {
        final Pinned pinned;
        final ArgumentMemory arguments;
        final Pointer table;

        LaunchMemory(Pinned pinned) {
            this.pinned = pinned;
            ByteBuffer bytes = pinned.bytes();
            this.arguments = new ArgumentMemory(bytes, pinned.value());
            this.table = Pointer.to(bytes);
        }
    }
}
