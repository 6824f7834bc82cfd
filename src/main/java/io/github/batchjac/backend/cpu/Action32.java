package io.github.batchjac.backend.cpu;

/** A step, ready to run. */
@FunctionalInterface
interface Action32 {
    /** Runs over the first {@code samples} samples of the frame's tile; over one when the step is shared. */
    void run(Frame32 frame, int samples);

    /** Does nothing. */
    static Action32 nothing() {
        return (frame, samples) -> {};
    }
}
