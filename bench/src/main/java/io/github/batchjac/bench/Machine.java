package io.github.batchjac.bench;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Backends;
import io.github.batchjac.backend.cpu.CpuBackend;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** What a result was measured on: the kind of machine, never its name or paths. */
final class Machine {
    private Machine() {}

    static Map<String, Object> describe(int threads) {
        Map<String, Object> machine = new LinkedHashMap<>();
        machine.put("cpu", cpu());
        machine.put("cores", Runtime.getRuntime().availableProcessors());
        machine.put("threads", threads);
        machine.put("vectors", CpuBackend.vectorApi());
        machine.put("openblas", CpuBackend.openBlas());
        machine.put("gpu", gpu());
        machine.put("os", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
        machine.put("java", System.getProperty("java.vm.name") + " " + System.getProperty("java.version"));
        return machine;
    }

    /** Short and fit for a file's name: amd-epyc-2. */
    static String title() {
        String title = cpu().toLowerCase(Locale.ROOT)
                .replaceAll("\\(r\\)|\\(tm\\)|@.*|processor|cpu", "")
                .replaceAll("[^a-z0-9]+", "-")
                .replaceAll("^-|-$", "");
        return title + "-" + Runtime.getRuntime().availableProcessors();
    }

    private static String cpu() {
        try {
            return Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
                    .filter(line -> line.startsWith("model name"))
                    .map(line -> line.replaceFirst(".*: *", "").strip())
                    .findFirst()
                    .orElse("unknown");
        } catch (IOException e) {
            return System.getProperty("os.arch", "unknown");
        }
    }

    private static String gpu() {
        if (!Backends.available().contains("cuda")) {
            return "none";
        }
        try (Backend cuda = Backends.cuda(0)) {
            return cuda.description();
        }
    }
}
