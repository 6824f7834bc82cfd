package io.github.batchjac.plan;

import io.github.batchjac.structure.Work;
import io.github.batchjac.tensor.Precision;

/**
 * Turns work into time, so that orders can be compared: {@code flops/rate + bytes/bandwidth}.
 *
 * @param flopsPerSecond float32 rate of a matrix product; float64 runs at half of it
 * @param bytesPerSecond bandwidth of the store that intermediate results live in
 */
public record Cost(double flopsPerSecond, double bytesPerSecond) {

    /** Two cores with AVX2, as measured; only the ratio matters: about five operations a byte. */
    public static final Cost CPU = new Cost(150e9, 30e9);

    /** Estimated seconds of {@code work} over a batch. */
    public double seconds(Work work, double batch, Precision precision) {
        double rate = precision == Precision.F32 ? flopsPerSecond : flopsPerSecond / 2;
        return work.flops(batch) / rate + work.elements(batch) * precision.bytes() / bytesPerSecond;
    }
}
