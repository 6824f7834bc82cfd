package io.github.batchjac.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.File;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** OpenBLAS is a value with a reason, in JVMs of their own: it is loaded once in a process. */
class BlasTest {
    /** Run by the tests in another JVM. */
    static final class Ask {
        public static void main(String[] args) throws Exception {
            switch (args[0]) {
                case "availability" -> System.out.println(Blas.availability());
                case "small" -> {
                    GemmChoice32.of(false)
                            .multiply(
                                    new float[1],
                                    0,
                                    1,
                                    new float[1],
                                    0,
                                    1,
                                    false,
                                    new float[1],
                                    0,
                                    1,
                                    false,
                                    1,
                                    1,
                                    1,
                                    false);
                    System.out.println(hasClass("io.github.batchjac.backend.cpu.Blas$Loaded"));
                }
                default -> throw new IllegalArgumentException(args[0]);
            }
        }

        private static boolean hasClass(String name) throws Exception {
            java.lang.reflect.Method found = ClassLoader.class.getDeclaredMethod("findLoadedClass", String.class);
            found.setAccessible(true);
            return found.invoke(Ask.class.getClassLoader(), name) != null;
        }
    }

    private static String ask(String question, String classPath, String... options) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(System.getProperty("java.home") + File.separator + "bin" + File.separator + "java");
        command.addAll(List.of(options));
        command.add("--add-opens=java.base/java.lang=ALL-UNNAMED");
        if (Runtime.version().feature() >= 22) {
            command.add("--enable-native-access=ALL-UNNAMED");
        }
        command.addAll(List.of("-cp", classPath, Ask.class.getName(), question));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        try (BufferedReader reader = process.inputReader()) {
            return String.join("\n", reader.lines().toList());
        }
    }

    private static String classPath() {
        return System.getProperty("java.class.path");
    }

    private static String classPathWithout(String part) {
        List<String> rest = new ArrayList<>();
        for (String entry : classPath().split(File.pathSeparator)) {
            if (!new File(entry).getName().contains(part)) {
                rest.add(entry);
            }
        }
        return String.join(File.pathSeparator, rest);
    }

    @Test
    void nothingButTheAnswerIsPrinted() throws Exception {
        assertThat(ask("availability", classPath())).startsWith("OpenBLAS o").doesNotContain("\n");
    }

    @Test
    void aPropertySwitchesItOff() throws Exception {
        assertThat(ask("availability", classPath(), "-Dbatchjac.openblas=off"))
                .isEqualTo("OpenBLAS off: -Dbatchjac.openblas=off; using Java");
    }

    @Test
    void whatIsMissingIsAReasonAndNotACrash() throws Exception {
        for (String part : List.of("openblas-", "javacpp-", "arpack", "blas-3", "linux-x86_64")) {
            assertThat(ask("availability", classPathWithout(part)))
                    .as("without %s", part)
                    .startsWith("OpenBLAS o")
                    .doesNotContain("\n");
        }
    }

    @Test
    void aSmallProductDoesNotLoadIt() throws Exception {
        assertThat(ask("small", classPath())).isEqualTo("false");
    }
}
