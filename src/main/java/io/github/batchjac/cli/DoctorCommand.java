package io.github.batchjac.cli;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Backends;
import io.github.batchjac.backend.cpu.CpuBackend;
import io.github.batchjac.backend.cuda.Cuda;
import io.github.batchjac.plan.Memory;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** What this machine has and lacks. It reports and never fails. */
@Command(
        name = "doctor",
        header = "Say what this machine has for fast computing, what is missing, and what would help.",
        customSynopsis = "batchjac doctor [options]",
        description = {
            "Looks for the vector API, OpenBLAS, NVIDIA's driver, GPUs and cuBLAS, and tries them. What may take a process",
            "with it, such as a broken driver, is looked at in a process of its own."
        },
        footer = {"", "Examples:", "  batchjac doctor", "  batchjac doctor --json"})
final class DoctorCommand implements Callable<Integer> {
    private static final Duration PATIENCE = Duration.ofSeconds(90);

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    CommandSpec spec;

    @Option(names = "--look", hidden = true, description = "Look at native code in this process, a finding per line.")
    boolean look;

    @Mixin
    final OutputOptions output = new OutputOptions();

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        if (look) {
            natives().forEach((name, check) -> {
                for (Finding finding : Finding.of(name, check)) {
                    Summary.printJson(finding.toMap(), out);
                }
            });
            return 0;
        }
        List<Finding> findings = new ArrayList<>();
        safe().forEach((name, check) -> findings.addAll(Finding.of(name, check)));
        findings.addAll(new Examination(List.copyOf(natives().keySet()), PATIENCE).findings());
        Summary summary = new Summary("doctor", text(findings))
                .fact("checks", findings.stream().map(Finding::toMap).toList());
        output.report(summary, out);
        return 0;
    }

    /** What can be asked in this process. */
    private static Map<String, Callable<List<Finding>>> safe() {
        Map<String, Callable<List<Finding>>> checks = new LinkedHashMap<>();
        checks.put("java", () -> List.of(java()));
        checks.put("memory", () -> List.of(memory()));
        checks.put("processors", () -> List.of(processors()));
        checks.put("vector API", () -> List.of(vector()));
        return checks;
    }

    /** What runs native code to answer. */
    private static Map<String, Callable<List<Finding>>> natives() {
        Map<String, Callable<List<Finding>>> checks = new LinkedHashMap<>();
        checks.put("OpenBLAS", () -> List.of(openBlas()));
        checks.put("JCuda", () -> List.of(jcuda()));
        checks.put("driver", () -> List.of(driver()));
        checks.put("GPU", DoctorCommand::gpus);
        checks.put("kernels", DoctorCommand::kernels);
        checks.put("cuBLAS", () -> List.of(cublas()));
        checks.put("used", () -> List.of(used()));
        return checks;
    }

    private static Finding java() {
        String version =
                System.getProperty("java.version") + ", " + System.getProperty("java.vm.name") + ", on " + system();
        return Finding.ok("java", version).with("version", String.valueOf(System.getProperty("java.version")));
    }

    private static String system() {
        return System.getProperty("os.name") + " " + System.getProperty("os.arch");
    }

    private static Finding memory() {
        long heap = Runtime.getRuntime().maxMemory();
        return Finding.ok("memory", "a Java heap of " + Memory.bytes(heap) + " at most")
                .with("heap_bytes", heap);
    }

    private static Finding processors() {
        int n = Runtime.getRuntime().availableProcessors();
        return Finding.ok("processors", n + (n == 1 ? ", one thread" : ", a thread for each"))
                .with("count", n);
    }

    private static Finding vector() {
        String reason = CpuBackend.vectorApi();
        String text = reason.substring(reason.indexOf(": ") + 2);
        if (!reason.startsWith("vector API off")) {
            return Finding.ok("vector API", text);
        }
        return text.contains("--add-modules")
                ? Finding.off(
                        "vector API",
                        "the JVM was started without it",
                        "Start java with --add-modules jdk.incubator.vector, as ./batchjac does.")
                : Finding.off("vector API", text, "Plain Java is used instead.");
    }

    private static Finding openBlas() {
        String availability = CpuBackend.openBlas();
        if (availability.startsWith("OpenBLAS on")) {
            return Finding.ok("OpenBLAS", availability.substring("OpenBLAS on, ".length()));
        }
        String why = availability.substring(availability.indexOf(": ") + 2);
        return Finding.off(
                "OpenBLAS", why, "It matters where the vector API is off: our own products are used instead.");
    }

    private static Finding jcuda() {
        return Cuda.jcuda()
                .map(file -> Finding.ok("JCuda", file))
                .orElseGet(() -> Finding.off(
                        "JCuda",
                        "it has no library for " + system() + " on the class path",
                        "GPUs are used on Linux and Windows with x86-64 processors, with jcuda-natives 12.6.0 on the class"
                                + " path."));
    }

    private static Finding driver() {
        Cuda cuda = Cuda.probe();
        return cuda.driverVersion()
                .map(version -> Finding.ok("driver", "for CUDA " + version).with("cuda_version", version))
                .orElseGet(() -> Finding.off("driver", cuda.reason(), cuda.advice()));
    }

    private static List<Finding> gpus() {
        Cuda cuda = Cuda.probe();
        if (cuda.cards().isEmpty()) {
            boolean reached = cuda.driverVersion().isPresent();
            return List.of(Finding.off("GPU", reached ? cuda.reason() : "none", reached ? cuda.advice() : ""));
        }
        return cuda.cards().stream().map(DoctorCommand::gpu).toList();
    }

    private static Finding gpu(Cuda.Card card) {
        String name = "GPU " + card.ordinal();
        String text = card.name() + ", compute capability " + card.capability() + ", " + Memory.bytes(card.memory())
                + ", " + card.multiprocessors() + " multiprocessors";
        Finding finding = card.usable()
                ? Finding.ok(name, text)
                : Finding.off(name, text, "It is too old: compute capability 7.5 or newer is needed.");
        return finding.with("device", card.name())
                .with("compute_capability", card.capability())
                .with("memory_bytes", card.memory())
                .with("multiprocessors", card.multiprocessors());
    }

    private static List<Finding> kernels() {
        Cuda cuda = Cuda.probe();
        if (!cuda.available()) {
            return List.of(Finding.off("kernels", "not tried without a GPU", ""));
        }
        List<Finding> findings = new ArrayList<>();
        for (Cuda.Card card : cuda.cards()) {
            if (card.usable()) {
                findings.addAll(Finding.of("kernels", () -> List.of(kernels(cuda, card))));
            }
        }
        return findings;
    }

    private static Finding kernels(Cuda cuda, Cuda.Card card) {
        try {
            double seconds = cuda.tryOut(card.ordinal()).toNanos() * 1e-9;
            return Finding.ok("kernels", "compiled for GPU " + card.ordinal() + " in " + Sizes.time(seconds));
        } catch (RuntimeException e) {
            return Finding.off(
                    "kernels",
                    "GPU " + card.ordinal() + ": " + Sentence.oneLine(String.valueOf(e.getMessage())),
                    "nvidia-smi shows whether others use the GPU or its memory; -Dbatchjac.cuda=off does without it.");
        }
    }

    private static Finding cublas() {
        Cuda.Library cublas = Cuda.cublas();
        String text = cublas.description();
        return cublas.available()
                ? Finding.ok("cuBLAS", text.substring("cuBLAS ".length()))
                : Finding.off("cuBLAS", text.substring("cuBLAS off: ".length()), cublas.advice());
    }

    private static Finding used() {
        try (Backend backend = Backends.best()) {
            return Finding.ok("used", backend.description()).with("backend", backend.name());
        }
    }

    /** A line for each, and below it what would help. */
    private static String text(List<Finding> findings) {
        int width = findings.stream().mapToInt(f -> f.name().length()).max().orElse(0);
        StringBuilder text = new StringBuilder("what this machine has\n");
        for (Finding finding : findings) {
            String margin = finding.status() == Finding.Status.OK
                    ? "       "
                    : finding.status() == Finding.Status.OFF ? "  off  " : "  ?    ";
            text.append('\n').append(margin).append(finding.name());
            text.append(" ".repeat(width - finding.name().length() + 2)).append(finding.found());
            if (!finding.advice().isEmpty()) {
                text.append('\n')
                        .append(" ".repeat(margin.length() + width + 2))
                        .append("→ ");
                text.append(finding.advice());
            }
        }
        return text.toString();
    }
}
