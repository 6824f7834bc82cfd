package io.github.batchjac.backend.cuda;

/** What this backend needs of a CUDA driver: JCuda's in use, an interpreter of PTX in tests. */
interface Driver {

    /** As {@code cuDriverGetVersion} has it: 12060 is 12.6. */
    int version();

    /** Number of devices. */
    int devices();

    /** @throws DriverException if there is no such device */
    DeviceInfo info(int ordinal);

    /** Takes hold of a device, which other libraries of this process may use as well (its primary context). */
    Device open(int ordinal);
}
