package io.github.batchjac.backend.cuda;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import java.util.concurrent.TimeUnit;

/**
 * The one command of the GPU kit: runs the suite, then the bench, each test class and each family of kernels in a process
 * of its own, because after a fault on the card a process is of no more use; writes {@code report.json}. Its parts may
 * crash or hang, it may not.
 */
public final class GpuKit {
    private static final String USAGE =
            "run.sh [suite|bench|all] [--out DIR] [--quick] [--minutes N] [--only NAME] [--rehearse]";

    private final Arguments given;
    private final boolean required;
    private final long deadline;
    private final KitReport report;
    /** Files of the parts, which {@link #pack} packs. */
    private final Path work;

    private final Path rows;
    private final Path logs;

    /**
     * @param what {@code suite}, {@code bench} or {@code all}
     * @param only parts of the names of the classes and families to run; all if empty
     * @param rehearsal whether to run on the interpreter, as if it were a GPU
     */
    private record Arguments(String what, Path out, boolean quick, int minutes, List<String> only, boolean rehearsal) {

        static Arguments of(String[] args) {
            String what = "all";
            String out = System.getenv().getOrDefault("OUT", "gpu-report"); // run.sh sets it
            boolean quick = false;
            boolean rehearsal = false;
            int minutes = 9;
            List<String> only = new ArrayList<>();
            for (int i = 0; i < args.length; i++) {
                switch (args[i]) {
                    case "suite", "bench", "all" -> what = args[i];
                    case "--quick" -> quick = true;
                    case "--rehearse" -> rehearsal = true;
                    case "--out" -> out = value(args, ++i);
                    case "--minutes" -> minutes = Integer.parseInt(value(args, ++i));
                    case "--only" -> only.add(value(args, ++i));
                    default -> throw new IllegalArgumentException("what is " + args[i] + "?");
                }
            }
            return new Arguments(
                    what, Path.of(System.getProperty("kit.start", "")).resolve(out), quick, minutes, only, rehearsal);
        }

        private static String value(String[] args, int i) {
            if (i == args.length) {
                throw new IllegalArgumentException(args[i - 1] + " lacks its value");
            }
            return args[i];
        }

        boolean suite() {
            return !what.equals("bench");
        }

        boolean bench() {
            return !what.equals("suite");
        }

        boolean wants(String name) {
            return only.isEmpty() || only.stream().anyMatch(name::contains);
        }
    }

    private GpuKit(Arguments given) throws IOException {
        this.given = given;
        required = !given.rehearsal() && "1".equals(System.getenv("REQUIRE_GPU"));
        deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(given.minutes());
        Files.createDirectories(given.out());
        Files.deleteIfExists(packed());
        work = Files.createTempDirectory("gpu-kit");
        rows = Files.createDirectory(work.resolve("rows"));
        logs = Files.createDirectory(work.resolve("logs"));
        report = new KitReport(given.out().resolve("report.json"));
    }

    private Path packed() {
        return given.out().resolve("logs.tar.gz");
    }

    /**
     * What the parts have written so far, in one file beside the report: where results are fetched from another machine few files
     * may come back, and nobody knows when the kit's time is over.
     */
    private void pack() throws IOException {
        Path part = given.out().resolve("logs.tar.gz.part");
        int status;
        try {
            status = new ProcessBuilder(
                            "tar", "czf", part.toAbsolutePath().toString(), "-C", work.toString(), "rows", "logs")
                    .inheritIO()
                    .start()
                    .waitFor();
        } catch (InterruptedException e) {
            throw new IOException("interrupted", e);
        } catch (IOException e) {
            System.err.println("gpu-kit: no tar, so what the parts have written is in " + work);
            return;
        }
        if (status == 0) {
            Files.move(part, packed(), StandardCopyOption.REPLACE_EXISTING);
        } else {
            Files.deleteIfExists(part);
            System.err.println("gpu-kit: tar failed; what the parts have written is in " + work);
        }
    }

    /** Deletes what is packed. */
    private void clear() throws IOException {
        if (Files.exists(packed())) {
            for (Path folder : List.of(rows, logs)) {
                try (var files = Files.list(folder)) {
                    for (Path file : files.toList()) {
                        Files.delete(file);
                    }
                }
                Files.delete(folder);
            }
            Files.delete(work);
        }
    }

    public static void main(String[] args) throws Exception {
        Locale.setDefault(Locale.ROOT);
        if (args.length == 5 && args[0].equals("part")) {
            part(args[1], args[2], Boolean.parseBoolean(args[3]), Path.of(args[4]));
            System.exit(0); // whatever threads a test has left
        }
        if (args.length == 1 && args[0].equals("list")) {
            GpuSuite.classes(false).forEach(System.out::println);
            return;
        }
        Arguments given;
        try {
            given = Arguments.of(args);
        } catch (IllegalArgumentException e) {
            System.err.println("gpu-kit: " + e.getMessage() + "\nusage: " + USAGE);
            System.exit(2);
            return;
        }
        GpuKit kit = new GpuKit(given);
        int status = kit.run();
        kit.clear();
        System.exit(status);
    }

    /** One class or family, in the process that was started for it. */
    private static void part(String kind, String name, boolean small, Path file) throws IOException {
        if (kind.equals("class")) {
            GpuSuite.run(name, small, file);
        } else {
            GpuBench.run(name, TestCuda.driver(), !TestCuda.large(), file);
        }
    }

    private int run() throws IOException {
        Properties built = built();
        report.put("version", built.getProperty("version", "unknown"));
        report.put("revision", built.getProperty("revision", "unknown"));
        report.put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        report.put("java", System.getProperty("java.version") + ", " + System.getProperty("java.vendor"));
        report.put("system", System.getProperty("os.name") + " " + System.getProperty("os.version"));
        report.put("processors", Runtime.getRuntime().availableProcessors());
        if (!given.rehearsal() && !describeCard()) {
            return report.finish(required);
        }
        report.write();
        if (given.bench()) {
            bench(List.of(GpuBench.CEILINGS));
        }
        if (given.suite()) {
            suite();
        }
        if (given.bench()) {
            bench(GpuBench.FAMILIES);
        }
        return report.finish(required);
    }

    /** Whether there is a card, or to go on would be to skip everything. */
    private boolean describeCard() {
        Cuda cuda = Cuda.probe();
        if (!cuda.available()) {
            String why = "cuda off: " + cuda.reason() + ". " + cuda.advice();
            report.put("card", why);
            (required ? System.err : System.out)
                    .println("gpu-kit: " + why + (required ? " (REQUIRE_GPU=1: that is a failure)" : " (skipped)"));
            if (required) {
                report.fail("there is no GPU to run on");
            }
            return false;
        }
        for (Cuda.Card card : cuda.cards()) {
            report.card(
                    card.name(),
                    card.capability(),
                    card.memory(),
                    card.multiprocessors(),
                    cuda.driverVersion().orElse(""),
                    Cublas.get().description());
        }
        return true;
    }

    private void suite() throws IOException {
        long limit = given.bench() ? deadline - TimeUnit.MINUTES.toNanos(given.minutes()) * 4 / 9 : deadline;
        for (String name : GpuSuite.classes(given.quick())) {
            if (given.wants(name)) {
                Path file = rows.resolve(name + ".tsv");
                String ended = start("class", name, file, limit, 240);
                report.tests(name.substring(name.lastIndexOf('.') + 1), Rows.read(file), ended);
                pack();
            }
        }
    }

    private void bench(List<String> families) throws IOException {
        for (String name : families) {
            if (given.wants(name) || name.equals(GpuBench.CEILINGS)) {
                Path file = rows.resolve(name + ".tsv");
                String ended = start("family", name, file, deadline, 120);
                report.times(name, Rows.read(file), ended);
                pack();
            }
        }
    }

    /** Runs a part in a process of its own. @return how it ended, if not well; else nothing */
    private String start(String kind, String name, Path file, long limit, int seconds) throws IOException {
        long left = Math.min(TimeUnit.NANOSECONDS.toSeconds(limit - System.nanoTime()), seconds);
        if (left < 5) {
            return "not run: the " + given.minutes() + " minutes were over";
        }
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.add("-XX:ErrorFile=" + logs.resolve("hs_err_" + name + ".log").toAbsolutePath());
        command.add("-D" + TestCuda.QUICK + "=" + given.quick());
        command.add("-D" + TestCuda.PROPERTY + (given.rehearsal() ? "=rehearsal" : "=card"));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), GpuKit.class.getName()));
        command.addAll(List.of("part", kind, name, String.valueOf(given.quick()), file.toString()));
        File log = logs.resolve(name + ".log").toFile();
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
                .redirectOutput(log);
        if (given.rehearsal()) {
            builder.environment().remove("REQUIRE_GPU");
        }
        Process process = builder.start();
        try {
            if (!process.waitFor(left, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
                return "stopped after " + left + " s";
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            throw new IOException("interrupted", e);
        }
        return process.exitValue() == 0 ? "" : "ended with status " + process.exitValue() + tail(log.toPath());
    }

    /** The end of what it said, without the stack. */
    private static String tail(Path log) throws IOException {
        List<String> lines = Files.readAllLines(log).stream()
                .filter(line -> !line.isBlank() && !line.startsWith("\t"))
                .toList();
        return ": " + String.join(" | ", lines.subList(Math.max(0, lines.size() - 8), lines.size()));
    }

    /** What the kit was built from. */
    private static Properties built() throws IOException {
        Properties properties = new Properties();
        Path file = Path.of("kit.properties");
        if (Files.exists(file)) {
            try (InputStream in = Files.newInputStream(file)) {
                properties.load(in);
            }
        }
        return properties;
    }
}
