package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.VectorLoops32.run;
import static io.github.batchjac.backend.cpu.VectorMath32.S;
import static io.github.batchjac.backend.cpu.VectorMath32.sumError;
import static io.github.batchjac.backend.cpu.VectorScratch32.PARTIAL;
import static io.github.batchjac.backend.cpu.VectorScratch32.SCRATCH;
import static io.github.batchjac.backend.cpu.VectorScratch32.TAIL;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/** With the vector API: a sum per lane, these added in order. */
final class VectorSums32 extends PlainSums32 {
    /** Lanes. */
    private static final int L = S.length();

    /** Loops over whole vectors, to be compiled by themselves; see {@link VectorLoops32}. */
    private static final MethodHandle[] LOOPS =
            VectorLoops32.find(MethodHandles.lookup(), "sumLanes dotLanes productLanes");

    private static final int SUM = 0;
    private static final int DOT = 1;
    private static final int PRODUCTS = 2;

    @Override
    float sum(float[] a, int ao, int n) {
        if (n < L) {
            return super.sum(a, ao, n);
        }
        float[] scratch = SCRATCH.get();
        Arrays.fill(scratch, PARTIAL, PARTIAL + 2 * L, 0f);
        run(LOOPS[SUM], scratch, PARTIAL, a, ao, a, ao, n / L * L, 0f, 0f);
        if (n % L != 0) {
            end(scratch, TAIL, a, ao, n);
            run(LOOPS[SUM], scratch, PARTIAL, scratch, TAIL, scratch, TAIL, L, 0f, 0f);
        }
        return total(scratch);
    }

    /** A row's last elements, which do not fill a vector, and zeros. */
    static void end(float[] scratch, int so, float[] a, int ao, int n) {
        int rest = n % L;
        System.arraycopy(a, ao + n - rest, scratch, so, rest);
        Arrays.fill(scratch, so + rest, so + L, 0f);
    }

    /** Adds to the sums of the lanes, and to their errors. */
    private static void sumLanes(
            float[] out, int oo, float[] u, int uo, float[] v, int vo, int n, float none, float nothing) {
        FloatVector sum = FloatVector.fromArray(S, out, oo);
        FloatVector errors = FloatVector.fromArray(S, out, oo + L);
        for (int i = 0; i < n; i += L) {
            FloatVector a = FloatVector.fromArray(S, u, uo + i);
            FloatVector s = sum.add(a);
            errors = errors.add(sumError(sum, a, s));
            sum = s;
        }
        sum.intoArray(out, oo);
        errors.intoArray(out, oo + L);
    }

    @Override
    float dot(float[] u, int uo, float[] v, int vo, int n) {
        if (n < L) {
            return super.dot(u, uo, v, vo, n);
        }
        float[] scratch = SCRATCH.get();
        Arrays.fill(scratch, PARTIAL, PARTIAL + 2 * L, 0f);
        run(LOOPS[DOT], scratch, PARTIAL, u, uo, v, vo, n / L * L, 0f, 0f);
        if (n % L != 0) {
            end(scratch, TAIL, u, uo, n);
            end(scratch, TAIL + L, v, vo, n);
            run(LOOPS[DOT], scratch, PARTIAL, scratch, TAIL, scratch, TAIL + L, L, 0f, 0f);
        }
        return total(scratch);
    }

    /** As {@link #sumLanes}, with the errors of the products. */
    private static void dotLanes(
            float[] out, int oo, float[] u, int uo, float[] v, int vo, int n, float none, float nothing) {
        FloatVector sum = FloatVector.fromArray(S, out, oo);
        FloatVector errors = FloatVector.fromArray(S, out, oo + L);
        for (int i = 0; i < n; i += L) {
            FloatVector a = FloatVector.fromArray(S, u, uo + i);
            FloatVector b = FloatVector.fromArray(S, v, vo + i);
            FloatVector p = a.mul(b);
            FloatVector s = sum.add(p);
            errors = errors.add(sumError(sum, p, s).add(a.fma(b, p.neg())));
            sum = s;
        }
        sum.intoArray(out, oo);
        errors.intoArray(out, oo + L);
    }

    /** The sum of the partial sums in scratch and their errors, compensated; the plain sum where that is not finite. */
    static float total(float[] scratch) {
        float sum = 0f;
        double errors = 0;
        for (int i = 0; i < L; i++) {
            float part = scratch[PARTIAL + i];
            float s = sum + part;
            errors += Math32.sumError(sum, part, s) + scratch[PARTIAL + L + i];
            sum = s;
        }
        return total(sum, errors);
    }

    /** The vector with the m-th element, and the end, go through scratch: there the former has a 0, the latter more. */
    @Override
    float dotExcept(float @Nullable [] q, int qo, float[] g, int go, int n, int m) {
        if (n < L) {
            return super.dotExcept(q, qo, g, go, n, m);
        }
        float[] scratch = SCRATCH.get();
        Arrays.fill(scratch, PARTIAL, PARTIAL + L, 0f);
        int before = m / L * L;
        int after = Math.min(n, before + L);
        int whole = n / L * L;
        products(scratch, q, qo, g, go, before);
        padded(scratch, q, qo, g, go, before, after, m);
        if (after < whole) {
            products(scratch, q, qo + after, g, go + after, whole - after);
        }
        if (after <= whole && whole < n) {
            padded(scratch, q, qo, g, go, whole, n, m);
        }
        float sum = 0f;
        for (int i = 0; i < L; i++) {
            sum += scratch[PARTIAL + i];
        }
        return sum;
    }

    private static void padded(
            float[] scratch, float @Nullable [] q, int qo, float[] g, int go, int from, int to, int m) {
        Arrays.fill(scratch, TAIL, TAIL + 2 * L, 0f);
        for (int i = from; i < to; i++) {
            if (i != m) {
                scratch[TAIL + i - from] = g[go + i];
                scratch[TAIL + L + i - from] = q == null ? 0f : q[qo + i];
            }
        }
        products(scratch, q == null ? null : scratch, TAIL + L, scratch, TAIL, L);
    }

    /** Adds q·g, or g if there is no q, to the lanes' sums. */
    private static void products(float[] scratch, float @Nullable [] q, int qo, float[] g, int go, int n) {
        if (q == null) {
            run(LOOPS[SUM], scratch, PARTIAL, g, go, g, go, n, 0f, 0f);
        } else {
            run(LOOPS[PRODUCTS], scratch, PARTIAL, g, go, q, qo, n, 0f, 0f);
        }
    }

    private static void productLanes(
            float[] out, int oo, float[] u, int uo, float[] v, int vo, int n, float none, float nothing) {
        FloatVector sum = FloatVector.fromArray(S, out, oo);
        for (int i = 0; i < n; i += L) {
            sum = FloatVector.fromArray(S, v, vo + i).fma(FloatVector.fromArray(S, u, uo + i), sum);
        }
        sum.intoArray(out, oo);
    }
}
