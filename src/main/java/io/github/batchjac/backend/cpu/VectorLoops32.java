package io.github.batchjac.backend.cpu;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/**
 * Calls loops so that each is compiled by itself.
 *
 * <p>C2 stops inlining when a compilation has 18000 nodes (NodeCountInliningCutoff), some forty vector operations; from
 * there on every operation allocates its result and is a call. A loop that is inlined into its caller after others gets
 * what they left: a handle that is not a compile-time constant is never inlined. Measured on Java 17 for sigmoid and its
 * derivative, 4096 floats: 30 µs and 147 kB of garbage when both were inlined.
 */
final class VectorLoops32 {
    /** A destination, two operands, each with its offset; a length; two numbers. */
    private static final MethodType TYPE = MethodType.methodType(
            void.class,
            float[].class,
            int.class,
            float[].class,
            int.class,
            float[].class,
            int.class,
            int.class,
            float.class,
            float.class);

    private VectorLoops32() {}

    /** The static methods of the caller with these names, which a space separates. */
    static MethodHandle[] find(MethodHandles.Lookup caller, String names) {
        return find(caller, TYPE, names);
    }

    /** As {@link #find(MethodHandles.Lookup, String)}, for loops that take something else. */
    static MethodHandle[] find(MethodHandles.Lookup caller, MethodType type, String names) {
        String[] each = names.split(" ", -1);
        MethodHandle[] loops = new MethodHandle[each.length];
        for (int i = 0; i < each.length; i++) {
            try {
                loops[i] = caller.findStatic(caller.lookupClass(), each[i], type);
            } catch (ReflectiveOperationException e) {
                throw new LinkageError(each[i], e);
            }
        }
        return loops;
    }

    static void run(
            MethodHandle loop,
            float[] out,
            int oo,
            float[] a,
            int ao,
            float[] b,
            int bo,
            int length,
            float c,
            float d) {
        try {
            loop.invokeExact(out, oo, a, ao, b, bo, length, c, d);
        } catch (Throwable e) {
            throw unchecked(e);
        }
    }

    /** What a loop threw, which declares no exceptions; to be thrown on. */
    static Error unchecked(Throwable e) {
        if (e instanceof RuntimeException unchecked) {
            throw unchecked;
        }
        return e instanceof Error error ? error : new LinkageError("a loop declares no exceptions", e);
    }
}
