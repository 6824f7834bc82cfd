package io.github.batchjac.plan;

import io.github.batchjac.structure.Work;
import io.github.batchjac.tensor.Precision;

/**
 * What a machine is like: turns work into time, so that orders can be compared, {@code flops/rate + bytes/bandwidth}; and
 * says how much one worker should have in hand.
 *
 * @param flopsPerSecond float32 rate of a matrix product; float64 runs at half of it
 * @param bytesPerSecond bandwidth of the store that intermediate results live in
 * @param tileBytes what one tile of samples touches, its inputs and results among it, should stay within
 */
public record Cost(double flopsPerSecond, double bytesPerSecond, long tileBytes) {

    /**
     * Two cores with AVX-512, as {@code bench/run.sh calibrate} measured them; only the ratio matters: less than two operations a
     * byte, because what is between steps stays in a tile, near a core (results go to memory, in every order the same). How large a tile is hardly matters from 256 KiB to 8 MiB.
     */
    public static final Cost CPU = new Cost(215e9, 150e9, 1 << 20);

    /**
     * A GPU of the Hopper generation: about ten operations a byte (own matrix product, copy bandwidth; estimates). Nothing
     * stays in a cache between steps: a tile is what one sum over samples is made of, and the least that a chunk holds.
     */
    public static final Cost GPU = new Cost(45e12, 4.3e12, 64 << 20);

    /** Estimated seconds of {@code work} over a batch. */
    public double seconds(Work work, double batch, Precision precision) {
        double rate = precision == Precision.F32 ? flopsPerSecond : flopsPerSecond / 2;
        return work.flops(batch) / rate + work.elements(batch) * precision.bytes() / bytesPerSecond;
    }
}
