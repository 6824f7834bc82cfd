package io.github.batchjac.bench;

import io.github.batchjac.tensor.Precision;

/**
 * What an item must do at least, over its whole batch, whoever does it: the elements it must read and write once, and the
 * floating-point operations of the best order known.
 */
public record Work(double reads, double writes, double flops) {

    /** The bytes that must be read. */
    public double bytesRead(Precision precision) {
        return reads * precision.bytes();
    }

    /** The bytes that must be written. */
    public double bytesWritten(Precision precision) {
        return writes * precision.bytes();
    }

    /** The bytes that must be moved. */
    public double bytes(Precision precision) {
        return bytesRead(precision) + bytesWritten(precision);
    }
}
