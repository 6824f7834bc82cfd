package io.github.batchjac.backend.cuda;

/**
 * From which driver on what is called exists. JCuda binds a function when it is first called, and one that the driver lacks
 * ends the process: nothing newer than {@link #OLDEST} is called without asking here. The numbers are those of
 * {@code cuDriverGetVersion}, for the symbols that JCuda 12.6's library imports, as {@code cudaTypedefs.h} of CUDA 13.0 has
 * them.
 */
final class DriverVersion {
    /** PTX 6.3. Everything that is called without asking is older: {@code cuFuncSetAttribute} is of 9.0. */
    static final int OLDEST = 10_000;

    /** {@code cuDevicePrimaryCtxRelease_v2}. An older driver's context stays until the process ends. */
    static final int RELEASE = 11_000;

    /** {@code cuGraphInstantiateWithFlags}, which JCuda's {@code cuGraphInstantiate} is; the other graph calls are of 10.0. */
    static final int GRAPHS = 11_040;

    private DriverVersion() {}

    /** {@code 12.6} for 12060. */
    static String text(int version) {
        return version / 1000 + "." + version % 1000 / 10;
    }
}
