package io.github.batchjac.backend.cpu;

import io.github.batchjac.plan.Plan;

/** Which kernels this JVM runs, decided once: with the vector API where that is fast, else plain Java. */
final class KernelProvider {
    private static final KernelProvider CHOICE = choose();

    /** What plain Java does per second on one thread, as measured, rounded down. */
    private static final double PLAIN_FLOPS = 10e9;

    /** Elements through an elementwise function. */
    private static final double PLAIN_ELEMENTS = 100e6;

    private final Kernels32 kernels32;
    private final Kernels64 kernels64;
    private final boolean vector;
    private final String reason;

    private KernelProvider(Kernels32 kernels32, Kernels64 kernels64, boolean vector, String reason) {
        this.kernels32 = kernels32;
        this.kernels64 = kernels64;
        this.vector = vector;
        this.reason = reason;
    }

    /** What this JVM runs where speed is wanted. */
    static KernelProvider get() {
        return CHOICE;
    }

    Kernels32 kernels32() {
        return kernels32;
    }

    Kernels64 kernels64() {
        return kernels64;
    }

    /** Whether the kernels use the vector API. */
    boolean vector() {
        return vector;
    }

    /** "vector API: 512 bits", or why not and what to do: "vector API off: start java with --add-modules jdk.incubator.vector". */
    String reason() {
        return reason;
    }

    /**
     * The kernels for one plan: plain Java for a small job in a process that has just started, which would be over before
     * vector code is compiled; until then that is interpreted, at about a microsecond an operation.
     */
    static KernelProvider of(Plan plan) {
        return CHOICE.vector && plan.workload().once() && isSmall(plan)
                ? plain("too little work to be worth compiling for")
                : CHOICE;
    }

    /** Whether plain Java is done in less than the second or so that compiling takes. */
    private static boolean isSmall(Plan plan) {
        double batch = plan.workload().batch();
        return plan.work().flops(batch) / PLAIN_FLOPS + plan.work().elements(batch) / PLAIN_ELEMENTS < 1;
    }

    /** Matrix products. */
    Gemm32 products32() {
        return vector || this == CHOICE ? GemmChoice32.of(vector) : new PlainGemm32();
    }

    /** Matrix products. */
    Gemm64 products64() {
        return vector || this == CHOICE ? GemmChoice64.of(vector) : new PlainGemm64();
    }

    private static KernelProvider choose() {
        if ("off".equals(System.getProperty("batchjac.vector"))) {
            return plain("-Dbatchjac.vector=off");
        }
        if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
            return plain("start java with --add-modules jdk.incubator.vector");
        }
        if (!optimising()) {
            return plain("this JVM runs without the C2 compiler, which it needs");
        }
        try {
            int bits = (int) vector("VectorBits", "preferredBits");
            if (bits < 256) {
                return plain("this machine's vectors have " + bits + " bits, it pays from 256 on");
            }
            return new KernelProvider(
                    (Kernels32) vector("VectorKernels32", "create"),
                    (Kernels64) vector("VectorKernels64", "create"),
                    true,
                    "vector API: " + bits + " bits");
        } catch (ReflectiveOperationException | LinkageError e) {
            return plain("it failed to load (" + e + ")");
        }
    }

    /** Without C2 every vector operation is an object and a call: slower than plain Java by orders of magnitude. */
    private static boolean optimising() {
        String info = System.getProperty("java.vm.info", "");
        return !info.contains("interpreted") && !info.contains("emulated-client");
    }

    /** What a class that this one must not name returns. */
    private static Object vector(String name, String method) throws ReflectiveOperationException {
        Class<?> type = Class.forName(KernelProvider.class.getPackageName() + "." + name);
        return type.getDeclaredMethod(method).invoke(null);
    }

    private static KernelProvider plain(String why) {
        return new KernelProvider(PlainKernels32.create(), PlainKernels64.create(), false, "vector API off: " + why);
    }
}
