package io.github.batchjac.backend.cuda;

import java.io.IOException;

/** The steps to a driver, each to be taken after the one before it has succeeded. */
interface DriverAccess {

    /**
     * Loads the libraries.
     *
     * @throws LinkageError if one is missing or unfit
     * @throws IOException if one cannot be unpacked
     */
    void load() throws IOException;

    /** What {@code cuInit} returns: 0 if all is well. */
    int initialise();

    Driver driver();
}
