package io.github.batchjac.backend.cuda;

/**
 * What one GPU is.
 *
 * @param ordinal its number, from 0
 * @param name as its maker calls it
 * @param major compute capability, first part
 * @param minor compute capability, second part
 * @param memory bytes in all
 * @param multiprocessors how many
 * @param sharedPerBlock bytes of shared memory that a block may ask for, with consent
 */
record DeviceInfo(
        int ordinal, String name, int major, int minor, long memory, int multiprocessors, int sharedPerBlock) {

    /** {@code 9.0}. */
    String capability() {
        return major + "." + minor;
    }
}
