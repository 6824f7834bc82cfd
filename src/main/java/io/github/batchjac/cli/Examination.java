package io.github.batchjac.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/** Looks at native code in a process of its own, which that code may take with it. */
final class Examination {
    private final List<String> checks;
    private final Duration patience;

    /**
     * @param checks by name, in the order in which they are done
     * @param patience how long all of them may take
     */
    Examination(List<String> checks, Duration patience) {
        this.checks = checks;
        this.patience = patience;
    }

    /** What was found, and for what the process did not come to, why. */
    List<Finding> findings() {
        return findings(command());
    }

    /** This program again, by the same Java with the same settings. */
    static List<String> command() {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("-XX:+SuppressFatalErrorMessage"); // no report in the current folder
        if (ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent()) {
            command.add("--add-modules=jdk.incubator.vector");
        }
        if (Runtime.version().feature() >= 22) {
            command.add("--enable-native-access=ALL-UNNAMED");
        }
        for (String name : System.getProperties().stringPropertyNames()) {
            if (name.startsWith("batchjac.") || name.startsWith("jna.") || name.equals("java.io.tmpdir")) {
                command.add("-D" + name + "=" + System.getProperty(name));
            }
        }
        command.add("-cp");
        command.add(System.getProperty("java.class.path"));
        command.add(Main.class.getName());
        command.add("doctor");
        command.add("--look");
        return command;
    }

    List<Finding> findings(List<String> command) {
        List<Finding> findings = new ArrayList<>();
        AtomicBoolean late = new AtomicBoolean();
        String end;
        try {
            Process process = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            process.getOutputStream().close();
            Thread watch = new Thread(() -> watch(process, late), "doctor");
            watch.setDaemon(true);
            watch.start();
            try (BufferedReader lines = process.inputReader()) {
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    Finding finding = Finding.parse(line);
                    if (finding != null) {
                        findings.add(finding);
                    }
                }
            }
            int code = process.waitFor();
            end = late.get()
                    ? "it took longer than " + patience.toSeconds() + " s"
                    : "it ended the process that looked, with exit code " + code;
        } catch (IOException e) {
            end = String.valueOf(e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            end = "interrupted";
        }
        complete(findings, end);
        return findings;
    }

    private void watch(Process process, AtomicBoolean late) {
        try {
            if (!process.waitFor(patience.toMillis(), TimeUnit.MILLISECONDS)) {
                late.set(true);
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
        }
    }

    /** The first that is missing is the one at which it ended. */
    private void complete(List<Finding> findings, String end) {
        boolean first = true;
        for (String check : checks) {
            if (findings.stream().noneMatch(f -> f.name().startsWith(check))) {
                findings.add(Finding.unknown(check, first ? end : "the look at what comes before did not end"));
                first = false;
            }
        }
    }
}
