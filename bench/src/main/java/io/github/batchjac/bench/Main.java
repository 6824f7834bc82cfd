package io.github.batchjac.bench;

import io.github.batchjac.backend.Backends;
import io.github.batchjac.tensor.Precision;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** The bench's commands; {@code run.sh} starts them, and the driver starts its workers. */
public final class Main {
    private static final PrintStream OUT = System.out;

    private Main() {}

    public static void main(String[] args) throws Exception {
        String command = args.length == 0 ? "" : args[0];
        switch (command) {
            case "worker" -> new OurWorker(args[1], Integer.parseInt(args[2])).serve();
            case "limit" -> new LimitWorker(Integer.parseInt(args[1])).serve();
            case "djl" -> djl(args);
            case "short", "long", "smoke" -> System.exit(Run.of(args).run(OUT) ? 0 : 1);
            case "calibrate" -> Calibration.run(Run.of(args).threads(), OUT);
            case "report" -> report(args);
            default -> {
                System.err.println("bench: no command " + command + "; see bench/run.sh --help");
                System.exit(2);
            }
        }
    }

    /** By name, because it is there only when it was asked for. */
    private static void djl(String[] args) throws Exception {
        Worker worker = (Worker) Class.forName("io.github.batchjac.bench.DjlWorker")
                .getDeclaredConstructor(int.class)
                .newInstance(Integer.parseInt(args[1]));
        worker.serve();
    }

    /** The folder of this project. */
    static Path home() {
        return Path.of(System.getProperty("batchjac.bench.home", "bench"));
    }

    private static void report(String[] args) throws IOException {
        List<Path> files = new ArrayList<>();
        for (int i = 1; i < args.length; i++) {
            files.add(Path.of(args[i]));
        }
        if (files.isEmpty()) {
            Optional<Path> newest = ResultFile.newest(home().resolve("results"));
            if (newest.isEmpty()) {
                System.err.println("bench: no results yet; run bench/run.sh short");
                System.exit(1);
            }
            files.add(newest.get());
        }
        List<ResultFile> results = new ArrayList<>();
        for (Path file : files) {
            results.add(ResultFile.read(file));
        }
        Report.write(results, home().resolve("README.md"), home().resolve("plots"), OUT);
    }

    /** {@code --threads 2} and the like; the names of the options that are known. */
    static Optional<String> option(String[] args, String name) {
        for (int i = 1; i < args.length - 1; i++) {
            if (args[i].equals(name)) {
                return Optional.of(args[i + 1]);
            }
        }
        return Optional.empty();
    }

    static boolean flag(String[] args, String name) {
        return List.of(args).contains(name);
    }

    /** Where files go that nobody keeps. */
    static Path scratch() throws IOException {
        return Files.createTempDirectory("batchjac-bench");
    }

    static List<String> devices() {
        return Backends.available().stream().filter(d -> !d.equals("reference")).toList();
    }

    static List<Precision> precisions(String[] args, boolean both) {
        return option(args, "--precision")
                .map(p -> List.of(p.toLowerCase(Locale.ROOT).contains("64") ? Precision.F64 : Precision.F32))
                .orElse(both ? List.of(Precision.F32, Precision.F64) : List.of(Precision.F32));
    }
}
