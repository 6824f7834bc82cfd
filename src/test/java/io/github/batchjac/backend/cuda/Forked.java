package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A JVM of its own, in front of native libraries that tests compile from {@code src/test/c}. */
final class Forked {
    private Forked() {}

    /** How it ended, and all that it wrote. */
    record Ending(int code, String output) {}

    /** Compiles a shared library into a folder; a machine that cannot is let off. */
    static void compile(Path folder, String name, String source, String... options) throws Exception {
        assumeTrue(
                System.getProperty("os.name").startsWith("Linux")
                        && System.getProperty("os.arch").equals("amd64"),
                "JCuda has no library for this machine");
        assumeTrue(hasCompiler(), "there is no C compiler, cc, on the PATH");
        List<String> command = new ArrayList<>(List.of("cc", "-shared", "-fPIC", "-O1", "-w"));
        command.addAll(List.of(options));
        command.addAll(List.of("-Wl,-soname," + name, "-o", folder.resolve(name).toString()));
        command.add(Path.of("src/test/c", source).toString());
        Ending ending = run(command, Map.of());
        assertThat(ending.code()).as(ending.output()).isZero();
    }

    private static boolean hasCompiler() {
        try {
            return run(List.of("cc", "--version"), Map.of()).code() == 0;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Runs a class with this class path and libraries from {@code folder}. */
    static Ending java(Class<?> main, Path folder, Map<String, String> environment, String... arguments)
            throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        if (Runtime.version().feature() >= 22) {
            command.add("--enable-native-access=ALL-UNNAMED");
        }
        command.add("-Xmx256m");
        command.add("-XX:TieredStopAtLevel=1");
        for (String argument : arguments) {
            if (argument.startsWith("-D")) {
                command.add(argument);
            }
        }
        command.add("-cp");
        command.add(System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")));
        command.add(main.getName());
        for (String argument : arguments) {
            if (!argument.startsWith("-D")) {
                command.add(argument);
            }
        }
        Map<String, String> all = new java.util.HashMap<>(environment);
        all.put("LD_LIBRARY_PATH", folder.toString());
        return run(command, all);
    }

    private static Ending run(List<String> command, Map<String, String> environment)
            throws IOException, InterruptedException {
        Path output = Files.createTempFile("forked", ".txt");
        try {
            ProcessBuilder builder =
                    new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile());
            builder.environment().putAll(environment);
            Process process = builder.start();
            process.getOutputStream().close();
            if (!process.waitFor(2, TimeUnit.MINUTES)) {
                process.destroyForcibly().waitFor();
            }
            try (InputStream in = Files.newInputStream(output)) {
                return new Ending(process.exitValue(), new String(in.readAllBytes(), StandardCharsets.UTF_8));
            }
        } finally {
            Files.delete(output);
        }
    }
}
