package io.github.batchjac.backend.cuda;

import java.nio.ByteBuffer;

/**
 * One GPU in the hands of this process. Addresses and handles are the driver's, as {@code long}; 0 is none. What takes a
 * stream is done in the order of that stream and may not be done yet on return. Any thread may call. Whatever fails is a
 * {@link DriverException}.
 */
interface Device extends AutoCloseable {
    DeviceInfo info();

    /** Bytes that are free now. */
    long freeMemory();

    /** At least {@code bytes} of device memory, aligned to 256, with any contents. */
    long allocate(long bytes);

    void free(long address);

    /** Host memory that the device copies from and to by itself; little-endian. */
    ByteBuffer allocatePinned(int bytes);

    /** Frees what {@link #allocatePinned} returned: that object, not a view of it. */
    void freePinned(ByteBuffer buffer);

    long createStream();

    void destroyStream(long stream);

    /** Waits until all that was given to the stream is done, and throws what failed in it. */
    void synchronize(long stream);

    long createEvent();

    void destroyEvent(long event);

    /** The event happens when all that was given to the stream so far is done. */
    void record(long event, long stream);

    /** What is given to the stream from now on starts after the event's last {@link #record}. */
    void await(long stream, long event);

    /** Waits until the event's last {@link #record} has happened. */
    void synchronizeEvent(long event);

    /** Milliseconds between two events that have happened. */
    float milliseconds(long from, long to);

    /** Copies bytes {@code offset} to {@code offset + bytes} of a direct buffer to the device. */
    void copyIn(long to, ByteBuffer from, int offset, int bytes, long stream);

    /** Copies to bytes {@code offset} to {@code offset + bytes} of a direct buffer. */
    void copyOut(ByteBuffer to, int offset, long from, int bytes, long stream);

    /** Copies within the device. */
    void copy(long to, long from, long bytes, long stream);

    /** Fills with zero bytes. */
    void zero(long address, long bytes, long stream);

    /** Compiles and loads PTX text. */
    long loadModule(String ptx);

    void unloadModule(long module);

    /** A kernel by its exported name. */
    long function(long module, String name);

    /**
     * Launches a kernel on {@code blocks × threads} threads, all along x.
     *
     * @param sharedBytes dynamic shared memory of a block, up to the device's limit
     */
    void launch(long function, int blocks, int threads, int sharedBytes, long stream, Arguments arguments);

    /** Whether launches can be recorded as a graph. */
    boolean graphs();

    /** From here on what is given to the stream is recorded, not done. */
    void beginCapture(long stream);

    /** Ends the recording and makes what was recorded ready to run: the handle of a graph. */
    long endCapture(long stream);

    void launchGraph(long graph, long stream);

    void destroyGraph(long graph);

    /** Lets go of the device; never resets it. Whatever was not freed stays so. May be called again. */
    @Override
    void close();
}
