package io.github.batchjac.backend.cuda;

/**
 * Numbers on the device, sample by sample.
 *
 * @param address where the first sample's are
 * @param stride elements from one sample's to the next; 0 if all samples share them
 */
record Strided(long address, long stride) {
    /** No numbers: a unit diagonal has none. */
    static final Strided NONE = new Strided(0, 0);

    boolean missing() {
        return address == 0;
    }
}
