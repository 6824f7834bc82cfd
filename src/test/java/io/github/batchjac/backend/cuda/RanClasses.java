package io.github.batchjac.backend.cuda;

import io.github.batchjac.backend.cuda.ptx.PtxModule;
import io.github.batchjac.backend.cuda.ptx.Records;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.opentest4j.TestAbortedException;

/**
 * Knows which test classes ran, in this JVM and in those that wrote {@link Records}. JUnit finds it by itself, see
 * junit-platform.properties.
 */
public final class RanClasses implements BeforeAllCallback {
    private static final String SUFFIX = ".classes";
    private static final Set<String> RAN = ConcurrentHashMap.newKeySet();

    static {
        if (Records.folder() != null) {
            Runtime.getRuntime().addShutdownHook(new Thread(RanClasses::write));
        }
    }

    @Override
    public void beforeAll(ExtensionContext context) {
        context.getTestClass().ifPresent(test -> RAN.add(test.getSimpleName()));
    }

    private static void write() {
        try {
            Files.createDirectories(Records.folder());
            Files.write(Records.folder().resolve(ProcessHandle.current().pid() + SUFFIX), RAN);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Skips the rest of a test that looks at what the tests of kernels did, where these did not all run. */
    static void requireKernelTests() {
        TestCuda.interpreterOnly("which instructions were executed");
        try {
            List<String> missing = new ArrayList<>(kernelTests());
            missing.removeAll(ran());
            if (!missing.isEmpty()) {
                throw new TestAbortedException("only after the tests of all kernels; these did not run: " + missing);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The shipped module, with what is known of it from all JVMs. */
    static PtxModule seen() {
        return Seen.MODULE;
    }

    private static final class Seen {
        static final PtxModule MODULE = Lab.shipped();

        static {
            if (Records.folder() != null) {
                Records.read(MODULE, Records.folder());
            }
        }
    }

    private static Set<String> ran() throws IOException {
        Set<String> ran = new TreeSet<>(RAN);
        if (Records.folder() != null && Files.isDirectory(Records.folder())) {
            try (var files = Files.newDirectoryStream(Records.folder(), "*" + SUFFIX)) {
                for (Path file : files) {
                    ran.addAll(Files.readAllLines(file));
                }
            }
        }
        return ran;
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
