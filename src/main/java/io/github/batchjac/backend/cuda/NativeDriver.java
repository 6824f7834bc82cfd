package io.github.batchjac.backend.cuda;

import static jcuda.driver.JCudaDriver.cuDeviceGet;
import static jcuda.driver.JCudaDriver.cuDeviceGetAttribute;
import static jcuda.driver.JCudaDriver.cuDeviceGetCount;
import static jcuda.driver.JCudaDriver.cuDeviceGetName;
import static jcuda.driver.JCudaDriver.cuDeviceTotalMem;
import static jcuda.driver.JCudaDriver.cuDriverGetVersion;
import static jcuda.driver.JCudaDriver.cuInit;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import jcuda.LogLevel;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/** The driver of this machine, through JCuda. Errors are return codes, for JCuda as a whole: its exceptions are switched off. */
final class NativeDriver implements Driver {
    /** Where a driver's library lies on systems whose loader was not told. */
    private static final List<String> ELSEWHERE = List.of(
            "/usr/lib/wsl/lib/libcuda.so.1",
            "/usr/local/nvidia/lib64/libcuda.so.1",
            "/usr/lib64-nvidia/libcuda.so.1",
            "/run/opengl-driver/lib/libcuda.so.1");

    /** The driver's compiler of PTX. */
    private static final String JIT_COMPILER = "libnvidia-ptxjitcompiler.so.1";

    private static final int JIT_COMPILER_NOT_FOUND = 221;
    private static final int JIT_COMPILATION_DISABLED = 223;

    private final int version;

    private NativeDriver(int version) {
        this.version = version;
    }

    /** The steps to it, on this machine. */
    static DriverAccess access() {
        return new DriverAccess() {
            @Override
            public void load() throws IOException {
                NativeDriver.load();
            }

            @Override
            public int initialise() {
                return cuInit(0);
            }

            @Override
            public Driver driver() {
                int[] version = new int[1];
                check(cuDriverGetVersion(version), "cuDriverGetVersion");
                return new NativeDriver(version[0]);
            }
        };
    }

    private static void load() throws IOException {
        try {
            loadJCuda();
        } catch (UnsatisfiedLinkError e) {
            if (!Cuda.lacksDriver(e) || !loadElsewhere()) {
                throw e;
            }
            loadJCuda();
        }
    }

    private static void loadJCuda() throws IOException {
        NativeLibraries.load("JCudaDriver", () -> {
            JCudaDriver.setExceptionsEnabled(false);
            JCudaDriver.setLogLevel(LogLevel.LOG_QUIET);
        });
    }

    /** Whether the driver's library was found where the loader does not look; once loaded, others find it by its name. */
    private static boolean loadElsewhere() {
        for (String file : ELSEWHERE) {
            Path driver = Path.of(file);
            if (Files.exists(driver) && loads(file)) {
                // it loads its compiler by the name alone, which is found if it is there already
                loads(driver.resolveSibling(JIT_COMPILER).toString());
                return true;
            }
        }
        return false;
    }

    private static boolean loads(String file) {
        try {
            System.load(file);
            return true;
        } catch (UnsatisfiedLinkError e) {
            return false; // for another processor, say
        }
    }

    /** What helps where PTX is not compiled; nothing for other codes. */
    static String adviceOnCompiling(int code) {
        return switch (code) {
            case JIT_COMPILER_NOT_FOUND ->
                ": the driver does not find " + JIT_COMPILER
                        + ", which belongs to it; put its folder on LD_LIBRARY_PATH";
            case JIT_COMPILATION_DISABLED -> ": unset CUDA_DISABLE_PTX_JIT and CUDA_DISABLE_JIT";
            default -> "";
        };
    }

    @Override
    public int version() {
        return version;
    }

    @Override
    public int devices() {
        int[] count = new int[1];
        check(cuDeviceGetCount(count), "cuDeviceGetCount");
        return count[0];
    }

    @Override
    public DeviceInfo info(int ordinal) {
        CUdevice device = device(ordinal);
        byte[] name = new byte[256];
        check(cuDeviceGetName(name, name.length, device), "cuDeviceGetName of device " + ordinal);
        long[] memory = new long[1];
        check(cuDeviceTotalMem(memory, device), "cuDeviceTotalMem of device " + ordinal);
        return new DeviceInfo(
                ordinal,
                text(name),
                attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device),
                attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device),
                memory[0],
                attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, device),
                attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, device));
    }

    @Override
    public Device open(int ordinal) {
        return NativeDevice.open(device(ordinal), info(ordinal), version);
    }

    private static CUdevice device(int ordinal) {
        CUdevice device = new CUdevice();
        check(cuDeviceGet(device, ordinal), "cuDeviceGet of device " + ordinal);
        return device;
    }

    private static int attribute(int attribute, CUdevice device) {
        int[] value = new int[1];
        check(cuDeviceGetAttribute(value, attribute, device), "cuDeviceGetAttribute " + attribute);
        return value[0];
    }

    /** C's text. */
    static String text(byte[] bytes) {
        int end = 0;
        while (end < bytes.length && bytes[end] != 0) {
            end++;
        }
        return new String(bytes, 0, end, StandardCharsets.UTF_8);
    }

    private static void check(int code, String call) {
        if (code != CUresult.CUDA_SUCCESS) {
            throw failure(code, call);
        }
    }

    static DriverException failure(int code, String call) {
        return new DriverException(code, CUresult.stringFor(code), call);
    }
}
