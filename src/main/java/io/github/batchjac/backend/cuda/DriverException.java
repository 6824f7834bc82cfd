package io.github.batchjac.backend.cuda;

import java.util.Set;

/** A call of the driver that failed. */
final class DriverException extends RuntimeException {
    private static final long serialVersionUID = 1;
    private static final int OUT_OF_MEMORY = 2;
    private static final int NOT_SUPPORTED = 801;
    private static final int CAPTURE_UNSUPPORTED = 900;
    private static final int CAPTURE_OF_ANOTHER_THREAD = 908;

    /** Errors after which nothing on the device can be used any more. */
    private static final Set<Integer> STICKY = Set.of(
            4, // deinitialised
            46, // device unavailable
            214, // memory error that could not be corrected
            220, // the same on NVLink
            226, // an error that the device contained
            700, // illegal address
            702, // launch timeout
            709, // context is destroyed
            710, // assert
            714, // hardware stack error
            715, // illegal instruction
            716, // misaligned address
            717, // invalid address space
            718, // invalid program counter
            719, // launch failed
            721, // tensor memory that a kernel did not give back
            810, // the server of shared processes has ended this one
            911, // a device outside CUDA
            999); // unknown

    private final int code;

    /**
     * @param code as {@code CUresult} numbers it
     * @param name as {@code CUresult} names it
     * @param call what was called, with what matters of its arguments
     */
    DriverException(int code, String name, String call) {
        super(call + ": " + name + " (" + code + ")");
        this.code = code;
    }

    int code() {
        return code;
    }

    boolean outOfMemory() {
        return code == OUT_OF_MEMORY;
    }

    /** Whether work was refused because a stream records it. */
    boolean notRecorded() {
        return code == NOT_SUPPORTED || (CAPTURE_UNSUPPORTED <= code && code <= CAPTURE_OF_ANOTHER_THREAD);
    }

    /** Whether the device is lost to this process. */
    boolean sticky() {
        return STICKY.contains(code);
    }
}
