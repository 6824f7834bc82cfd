package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.backend.cuda.BenchCase.Numbers;
import io.github.batchjac.tensor.Precision;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The GPU kit's bench, small and on the interpreter: its launches and its checks; times mean nothing here. */
class GpuBenchTest {
    private static final Path TESTS = Path.of("src/test/java/io/github/batchjac/backend/cuda");

    private final List<String[]> rows = new ArrayList<>();

    private void run(String family, Path folder) throws IOException {
        Path file = folder.resolve(family);
        GpuBench.run(family, new InterpretedDriver(), true, file);
        rows.addAll(Rows.read(file));
    }

    @Test
    void whatIsTimedIsRight(@TempDir Path folder) throws IOException {
        run(GpuBench.CEILINGS, folder);
        for (String family : GpuBench.FAMILIES) {
            run(family, folder);
        }
        assertThat(rows.stream().map(row -> row[0]).distinct()).hasSize(1 + GpuBench.FAMILIES.size());
        assertThat(rows)
                .allSatisfy(row -> assertThat(row[9])
                        .as("%s %s %s", row[1], row[2], row[3])
                        .isEmpty());
    }

    /** At the sizes of a card, for which there is room, on a device that computes nothing. */
    @Test
    void everyKernelIsTimed() {
        Set<String> missing = new TreeSet<>();
        Pattern.compile("\\.entry (\\w+)").matcher(Ptx.text()).results().forEach(entry -> missing.add(entry.group(1)));
        assertThat(missing).isNotEmpty();
        DeviceInfo large = new DeviceInfo(0, "large", 9, 0, 1L << 37, 132, 232_448);
        Driver driver = Watched.driver(new CountingDriver(), Map.of("info", large), (call, arguments) -> {
            if (call.equals("function")) {
                missing.remove((String) arguments[1]);
            }
        });
        Device device = driver.open(0);
        long module = device.loadModule(Ptx.text());
        for (Precision precision : Precision.values()) {
            long stream = device.createStream();
            Kernels kernels = Kernels.on(new Queue(device, module, stream, precision), null);
            try (BenchMemory memory = new BenchMemory(device, stream, precision, GpuBench.ROOM)) {
                long left = memory.room(Numbers.WORK);
                for (String family : GpuBench.FAMILIES) {
                    if (!family.equals("programs")) {
                        for (BenchCase of : BenchCases.of(family, precision, false, left, null)) {
                            of.launch.on(
                                    kernels,
                                    memory.places(of, GpuBench.UNCACHED).get(0).at);
                        }
                    }
                }
            }
        }
        assertThat(missing).isEmpty();
    }

    @Test
    void everyTestOfKernelsRunsOnACardAsWell() throws IOException {
        try (Stream<Path> files = Files.list(TESTS)) {
            for (Path file :
                    files.filter(f -> f.toString().endsWith("KernelsTest.java")).toList()) {
                assertThat(Files.readString(file)).as(file.toString()).contains("@Tag(\"" + GpuSuite.TAG + "\")");
            }
        }
    }
}
