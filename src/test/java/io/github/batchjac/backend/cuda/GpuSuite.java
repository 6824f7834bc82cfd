package io.github.batchjac.backend.cuda;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectPackage;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.platform.engine.DiscoverySelector;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.Launcher;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TagFilter;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/** The tests that are tagged {@code cuda}, run without Maven; those tagged {@code long} as well unless told to be quick. */
final class GpuSuite {
    static final String TAG = "cuda";
    static final String LONG = "long";

    /** What became of a test, as it stands in the rows' first cell. */
    static final String PASSED = "passed";

    static final String FAILED = "failed";
    static final String SKIPPED = "skipped";

    /** It went well until it asked for figures that only the interpreter has. */
    static final String NUMBERS_ONLY = "numbers only";

    /** It is about the interpreter. */
    static final String NOT_APPLICABLE = "not applicable";

    private GpuSuite() {}

    /** The test classes, the long ones last, in alphabetical order otherwise. */
    static List<String> classes(boolean quick) {
        Launcher launcher = LauncherFactory.create();
        List<String> all = classes(launcher.discover(request(selectPackage("io.github.batchjac"), quick)));
        if (quick) {
            return all;
        }
        List<String> brief = classes(launcher.discover(request(selectPackage("io.github.batchjac"), true)));
        List<String> sorted = new ArrayList<>(brief);
        all.stream().filter(name -> !brief.contains(name)).forEach(sorted::add);
        return sorted;
    }

    private static List<String> classes(TestPlan plan) {
        return plan.getRoots().stream()
                .flatMap(root -> plan.getChildren(root).stream())
                .flatMap(id -> id.getSource().stream())
                .filter(ClassSource.class::isInstance)
                .map(source -> ((ClassSource) source).getClassName())
                .sorted()
                .toList();
    }

    private static LauncherDiscoveryRequest request(DiscoverySelector selector, boolean quick) {
        LauncherDiscoveryRequestBuilder builder =
                LauncherDiscoveryRequestBuilder.request().selectors(selector).filters(TagFilter.includeTags(TAG));
        return (quick ? builder.filters(TagFilter.excludeTags(LONG)) : builder).build();
    }

    /** Runs a class; a row for every test as it ends: what became of it, seconds, name, message. */
    static void run(String className, boolean quick, Path file) {
        LauncherFactory.create().execute(request(selectClass(className), quick), new Writer(file));
    }

    private static final class Writer implements TestExecutionListener {
        private final Path file;
        private final Map<String, Long> started = new HashMap<>();

        Writer(Path file) {
            this.file = file;
        }

        @Override
        public void executionStarted(TestIdentifier test) {
            started.put(test.getUniqueId(), System.nanoTime());
        }

        @Override
        public void executionSkipped(TestIdentifier test, String reason) {
            write(SKIPPED, test, reason);
        }

        @Override
        public void executionFinished(TestIdentifier test, TestExecutionResult result) {
            String message = result.getThrowable().map(Writer::message).orElse("");
            switch (result.getStatus()) {
                case SUCCESSFUL -> {
                    if (test.isTest()) {
                        write(PASSED, test, "");
                    }
                }
                case FAILED -> write(FAILED, test, message);
                case ABORTED -> write(aborted(message), test, message);
            }
        }

        private static String aborted(String message) {
            if (message.contains(TestCuda.INTERPRETER_ONLY + TestCuda.FIGURES)) {
                return NUMBERS_ONLY;
            }
            return message.contains(TestCuda.INTERPRETER_ONLY) ? NOT_APPLICABLE : SKIPPED;
        }

        private void write(String outcome, TestIdentifier test, String message) {
            long nanos = System.nanoTime() - started.getOrDefault(test.getUniqueId(), System.nanoTime());
            try {
                Rows.append(file, outcome, Double.toString(nanos / 1e9), name(test), message);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private static String name(TestIdentifier test) {
            if (test.getSource().orElse(null) instanceof MethodSource method) {
                String className = method.getClassName();
                String name = className.substring(className.lastIndexOf('.') + 1) + "." + method.getMethodName();
                String shown = test.getDisplayName();
                return shown.startsWith(method.getMethodName()) ? name : name + " [" + shown + "]";
            }
            return test.getDisplayName();
        }

        /** Of the cause as well: a lost device's says why. */
        private static String message(Throwable thrown) {
            StringBuilder text = new StringBuilder(thrown.toString());
            if (thrown.getCause() != null) {
                text.append("; cause: ").append(thrown.getCause());
            }
            for (StackTraceElement frame : thrown.getStackTrace()) {
                if (frame.getClassName().startsWith("io.github.batchjac")) {
                    text.append("; at ").append(frame);
                    break;
                }
            }
            return text.toString();
        }
    }
}
