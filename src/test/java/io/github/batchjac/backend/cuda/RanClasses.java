package io.github.batchjac.backend.cuda;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.opentest4j.TestAbortedException;

/** Knows which test classes ran in this JVM. JUnit finds it by itself, see junit-platform.properties. */
public final class RanClasses implements BeforeAllCallback {
    private static final Set<String> RAN = ConcurrentHashMap.newKeySet();

    @Override
    public void beforeAll(ExtensionContext context) {
        context.getTestClass().ifPresent(test -> RAN.add(test.getSimpleName()));
    }

    /** Skips the rest of a test that looks at what the tests of kernels did, where these did not all run. */
    static void requireKernelTests() {
        TestCuda.interpreterOnly("which instructions were executed");
        try {
            List<String> missing = new ArrayList<>(kernelTests());
            missing.removeAll(RAN);
            if (!missing.isEmpty()) {
                throw new TestAbortedException("only after the tests of all kernels; these did not run: " + missing);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Names of this package's classes that end in KernelsTest. */
    private static List<String> kernelTests() throws IOException {
        Path folder;
        try {
            Path root = Path.of(RanClasses.class
                    .getProtectionDomain()
                    .getCodeSource()
                    .getLocation()
                    .toURI());
            folder = root.resolve(RanClasses.class.getPackageName().replace('.', '/'));
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith("KernelsTest.class"))
                    .map(name -> name.substring(0, name.length() - ".class".length()))
                    .sorted()
                    .toList();
        }
    }
}
