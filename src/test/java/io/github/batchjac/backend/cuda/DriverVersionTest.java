package io.github.batchjac.backend.cuda;

import static java.util.Map.entry;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMethodCall;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** A function that the driver lacks ends the process when it is called: none is called without a look at the version. */
class DriverVersionTest {
    /**
     * JCuda's method, and the driver that has the symbol which JCuda 12.6's library imports for it ({@code nm -D}), by
     * {@code cudaTypedefs.h} of CUDA 13.0. For {@code cuMemAlloc} for instance that is {@code cuMemAlloc_v2}.
     */
    private static final Map<String, Integer> SINCE = new TreeMap<>(Map.ofEntries(
            entry("cuInit", 2000),
            entry("cuDriverGetVersion", 2020),
            entry("cuDeviceGet", 2000),
            entry("cuDeviceGetCount", 2000),
            entry("cuDeviceGetName", 2000),
            entry("cuDeviceTotalMem", 3020),
            entry("cuDeviceGetAttribute", 2000),
            entry("cuDevicePrimaryCtxRetain", 7000),
            entry("cuDevicePrimaryCtxRelease", 11000),
            entry("cuCtxSetCurrent", 4000),
            entry("cuModuleLoadDataEx", 2010),
            entry("cuModuleUnload", 2000),
            entry("cuModuleGetFunction", 2000),
            entry("cuMemAlloc", 3020),
            entry("cuMemFree", 3020),
            entry("cuMemAllocHost", 3020),
            entry("cuMemFreeHost", 2000),
            entry("cuMemGetInfo", 3020),
            entry("cuMemcpyHtoDAsync", 3020),
            entry("cuMemcpyDtoHAsync", 3020),
            entry("cuMemcpyDtoDAsync", 3020),
            entry("cuMemsetD8Async", 3020),
            entry("cuStreamCreate", 2000),
            entry("cuStreamDestroy", 4000),
            entry("cuStreamSynchronize", 2000),
            entry("cuStreamWaitEvent", 3020),
            entry("cuEventCreate", 2000),
            entry("cuEventDestroy", 4000),
            entry("cuEventRecord", 2000),
            entry("cuEventSynchronize", 2000),
            entry("cuEventElapsedTime", 2000),
            entry("cuFuncGetAttribute", 2020),
            entry("cuFuncSetAttribute", 9000),
            entry("cuLaunchKernel", 4000),
            entry("cuStreamBeginCapture", 10010),
            entry("cuStreamEndCapture", 10000),
            entry("cuGraphInstantiate", 11040),
            entry("cuGraphLaunch", 10000),
            entry("cuGraphExecDestroy", 10000),
            entry("cuGraphDestroy", 10000)));

    private static final Set<String> GRAPHS = Set.of("beginCapture", "endCapture", "launchGraph", "destroyGraph");

    private static final JavaClasses MAIN = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("io.github.batchjac.backend.cuda");

    private static Set<JavaMethodCall> calls() {
        return MAIN.stream()
                .flatMap(c -> c.getMethodCallsFromSelf().stream())
                .filter(call -> call.getTargetOwner().getName().equals("jcuda.driver.JCudaDriver"))
                .filter(call -> call.getName().startsWith("cu"))
                .collect(Collectors.toSet());
    }

    @Test
    void everyFunctionCalledIsKnownWithItsVersion() {
        assertThat(calls().stream().map(JavaMethodCall::getName).collect(Collectors.toSet()))
                .isEqualTo(SINCE.keySet());
    }

    @Test
    void whatIsNewerThanTheOldestDriverIsCalledOnlyWhereTheVersionIsAskedFor() {
        for (JavaMethodCall call : calls()) {
            int since = SINCE.get(call.getName());
            String from = call.getOrigin().getName();
            int asked = GRAPHS.contains(from)
                    ? DriverVersion.GRAPHS
                    : from.equals("close") ? DriverVersion.RELEASE : DriverVersion.OLDEST;
            assertThat(since).as(call.getDescription()).isLessThanOrEqualTo(asked);
        }
    }

    @Test
    void versionsReadAsTheirMakerWritesThem() {
        assertThat(DriverVersion.text(12060)).isEqualTo("12.6");
        assertThat(DriverVersion.text(11040)).isEqualTo("11.4");
        assertThat(DriverVersion.text(13000)).isEqualTo("13.0");
    }
}
