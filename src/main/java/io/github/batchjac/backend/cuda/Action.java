package io.github.batchjac.backend.cuda;

/** A step, ready to be launched. */
@FunctionalInterface
interface Action {
    /** Launches its kernels for a piece of the batch; for one sample when the step is shared. */
    void launch(Kernels kernels, Frame frame, Piece piece);
}
