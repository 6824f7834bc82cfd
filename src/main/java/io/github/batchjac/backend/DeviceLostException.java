package io.github.batchjac.backend;

/**
 * The device failed in the middle of a run and is of no more use to this process: an illegal access, a launch that
 * failed, a device that fell off the bus. Its backend and programs can only be closed. Nothing was computed elsewhere
 * instead, unless the backend was made by {@link Backends#fallingBack}.
 */
public final class DeviceLostException extends IllegalStateException {
    private static final long serialVersionUID = 1;

    public DeviceLostException(String message, Throwable cause) {
        super(message, cause);
    }
}
