package io.github.batchjac.backend.cuda;

import java.util.Set;
import org.opentest4j.TestAbortedException;

/**
 * Which driver the tests of this backend run on: the interpreter of PTX, or the machine's GPU if {@code
 * -Dbatchjac.test.cuda=card} or the environment's {@code REQUIRE_GPU=1} says so. Where there is no GPU, the former skips
 * tests and says why, the latter fails them. {@code -Dbatchjac.test.cuda=rehearsal} is all that a GPU would be, on the
 * interpreter.
 */
public final class TestCuda {
    /** {@code card} for the machine's GPU, or {@code rehearsal}. */
    static final String PROPERTY = "batchjac.test.cuda";

    /** {@code true} for small sizes on a GPU too, as under a tool that makes everything slow. */
    static final String QUICK = "batchjac.test.quick";

    /** How a skipped test's reason begins if it looks at what only the interpreter shows. */
    static final String INTERPRETER_ONLY = "on the interpreter only: ";

    /** The rest of that reason where all that a test says of numbers was looked at. */
    static final String FIGURES = "figures";

    private TestCuda() {}

    /** Keeps the GPU's context while tests open and close backends: making one takes longer than most of them. */
    private static final class Context {
        static final Device KEPT = driver().open(ordinal());
    }

    private static final class Module {
        static final long KEPT = card().loadModule(Ptx.text());
    }

    /** Whether tests run on the machine's GPU, or as if. */
    public static boolean onCard() {
        return required() || rehearsal() || "card".equals(System.getProperty(PROPERTY));
    }

    /** Whether tests may be large: on a GPU that nothing slows down. */
    public static boolean large() {
        return onCard() && !rehearsal() && !Boolean.getBoolean(QUICK);
    }

    /** Of these backends' names those that a run is for: on a GPU, whose time is short, CUDA's alone. */
    public static Set<String> tested(Set<String> backends) {
        return onCard() ? Set.of("cuda") : backends;
    }

    private static boolean required() {
        return "1".equals(System.getenv("REQUIRE_GPU"));
    }

    private static boolean rehearsal() {
        return "rehearsal".equals(System.getProperty(PROPERTY));
    }

    /** A backend of the test's own. */
    public static CudaBackend backend() {
        if (onCard()) {
            card();
        }
        return backend(driver());
    }

    static CudaBackend backend(Driver driver) {
        return new CudaBackend(driver, ordinal());
    }

    static Driver driver() {
        if (!onCard()) {
            return new InterpretedDriver();
        } else if (rehearsal()) {
            return Watched.driver(new InterpretedDriver(), (call, arguments) -> {});
        }
        Cuda cuda = Cuda.probe();
        if (!cuda.available()) {
            String why = "cuda off: " + cuda.reason() + ". " + cuda.advice();
            if (required()) {
                throw new AssertionError(why);
            }
            throw new TestAbortedException(why);
        }
        return cuda.driver();
    }

    /** The machine's GPU, for all tests that close nothing but what is theirs. */
    static Device card() {
        driver(); // whose failure is not one of a class to be initialised
        return Context.KEPT;
    }

    /** The kernels on it. */
    static long cardModule() {
        return Module.KEPT;
    }

    /** Of the device that tests use. */
    static int ordinal() {
        return onCard() && !rehearsal()
                ? Cuda.probe().cards().stream()
                        .filter(Cuda.Card::usable)
                        .findFirst()
                        .orElseThrow()
                        .ordinal()
                : 0;
    }

    /** Skips the rest of a test on a GPU, where {@code what} cannot be seen. */
    static void interpreterOnly(String what) {
        if (onCard()) {
            throw new TestAbortedException(INTERPRETER_ONLY + what);
        }
    }
}
