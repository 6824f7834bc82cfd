package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.VectorMath32.ONE;
import static io.github.batchjac.backend.cpu.VectorMath32.ZERO;
import static io.github.batchjac.backend.cpu.VectorMath32.all;
import static io.github.batchjac.backend.cpu.VectorMath32.expDifference;
import static io.github.batchjac.backend.cpu.VectorMath32.sumError;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.MAX;
import static jdk.incubator.vector.VectorOperators.NE;

import io.github.batchjac.graph.Elementwise;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/**
 * The kernels with the vector API. Memory is never accessed through a mask, which on Java 17 is slower than a scalar
 * loop. Instead
 *
 * <ul>
 *   <li>a row of at least one vector ends with a vector that overlaps the one before, read before anything is written, so
 *       that a row may be replaced in place; where that would count an element twice, its end is copied and padded;
 *   <li>short rows of a softmax are transposed into a scratch tile, one sample per lane;
 *   <li>writers of rows that follow one another let a vector spill into the next row, which is written after.
 * </ul>
 *
 * <p>Left to {@link PlainKernels32}: sums down the rows, additions, arithmetic, folds and column panels, which C2 turns
 * into vector instructions by itself; copies; transposition; cross-entropy of probabilities, whose logarithm is
 * {@link Math#log}.
 */
final class VectorKernels32 extends PlainKernels32 {
    private static final VectorSpecies<Float> S = VectorMath32.S;
    /** Lanes. */
    private static final int L = S.length();

    private static final FloatVector MINUS_INFINITY = all(Float.NEGATIVE_INFINITY);
    /** Up to this many components, samples go into a tile, one per lane. */
    private static final int TILE = 4 * L;
    /** Elements that are filled with zeros at a time: they are still in the first-level cache for what comes next. */
    private static final int FILL = 1 << 12;

    /** Elements that are worked on at a time by several loops: they stay in the first-level cache. */
    private static final int BLOCK = 1 << 10;

    // Where things are in a thread's scratch: the end of a row that is replaced in place, partial sums, padded ends, a
    // block of
    // results
    // that nobody asked for, a block of rounding errors; or a tile, its statistics and its rounding errors.
    private static final int PARTIAL = L;
    private static final int TAIL = 3 * L;
    private static final int RESULT = 5 * L;
    private static final int ERRORS = RESULT + 2 * BLOCK;
    private static final int TILE_LARGEST = TILE * L;
    private static final int TILE_OTHERS = TILE_LARGEST + L;
    private static final int TILE_ERRORS = TILE_OTHERS + L;
    private static final ThreadLocal<float[]> SCRATCH =
            ThreadLocal.withInitial(() -> new float[Math.max(ERRORS + 2 * BLOCK, TILE_ERRORS + TILE * L)]);

    /** Loops to be compiled by themselves; see {@link VectorLoops32}. */
    private static final MethodHandle[] LOOPS = VectorLoops32.find(
            MethodHandles.lookup(),
            "differences exponentials differencesOfTile exponentialsOfTile sumOfTile sumLanes dotLanes productLanes"
                    + " surprises logarithms");

    private static final int DIFFERENCES = 0;
    private static final int EXPONENTIALS = 1;
    private static final int TILE_DIFFERENCES = 2;
    private static final int TILE_EXPONENTIALS = 3;
    private static final int TILE_SUM = 4;
    private static final int SUM = 5;
    private static final int DOT = 6;
    private static final int PRODUCTS = 7;
    private static final int SURPRISES = 8;
    private static final int LOGARITHMS = 9;

    private static void run(
            int loop, float[] out, int oo, float[] a, int ao, float[] b, int bo, int length, float c, float d) {
        VectorLoops32.run(LOOPS[loop], out, oo, a, ao, b, bo, length, c, d);
    }

    // Elementwise

    /** In blocks that stay in the first-level cache between value and derivative. Last comes what may replace z. */
    @Override
    public void map(
            Elementwise f,
            float @Nullable [] value,
            int vo,
            float @Nullable [] derivative,
            int d0,
            float[] z,
            int zo,
            int length) {
        float[] scratch = SCRATCH.get();
        for (int i = 0; i < length; i += BLOCK) {
            int n = Math.min(BLOCK, length - i);
            if (value != null && value != z) {
                values(f, value, vo + i, z, zo + i, scratch, n);
            }
            if (derivative != null) {
                derivatives(f, derivative, d0 + i, z, zo + i, scratch, n);
            }
            if (value != null && value == z) {
                values(f, value, vo + i, z, zo + i, scratch, n);
            }
        }
    }

    private static void values(Elementwise f, float[] value, int vo, float[] z, int zo, float[] scratch, int length) {
        int done = VectorMap32.values(f, value, vo, z, zo, scratch, length);
        mapRange(f, value, vo, null, 0, z, zo, done, length);
    }

    private static void derivatives(
            Elementwise f, float[] derivative, int d0, float[] z, int zo, float[] scratch, int length) {
        int done = VectorMap32.derivatives(f, derivative, d0, z, zo, scratch, length);
        mapRange(f, null, 0, derivative, d0, z, zo, done, length);
    }

    // Softmax: rows

    @Override
    int argmax(float[] x, int xo, int n) {
        if (n < L) {
            return super.argmax(x, xo, n);
        }
        int last = xo + n - L;
        FloatVector best = all(Float.NEGATIVE_INFINITY);
        for (int i = xo; i < last; i += L) {
            FloatVector v = FloatVector.fromArray(S, x, i);
            best = best.blend(v, v.compare(GT, best));
        }
        FloatVector v = FloatVector.fromArray(S, x, last);
        float largest = best.blend(v, v.compare(GT, best)).reduceLanes(MAX);
        return Float.isInfinite(largest) ? -1 : find(x, xo, n, largest);
    }

    /** The first index of a value that is there. */
    private static int find(float[] x, int xo, int n, float value) {
        int i = 0;
        while (i <= n - L
                && !FloatVector.fromArray(S, x, xo + i).compare(EQ, value).anyTrue()) {
            i += L;
        }
        while (x[xo + i] != value) {
            i++;
        }
        return i;
    }

    /**
     * Block by block: exp into q, or into scratch if there is no q, then the sum of what was written, with 0 in the place
     * of the largest, which is 1.
     */
    @Override
    float numerators(float @Nullable [] q, int qo, float[] x, int xo, int n, int m) {
        if (n < L) {
            return super.numerators(q, qo, x, xo, n, m);
        }
        float[] scratch = SCRATCH.get();
        float largest = x[xo + m];
        float sum = 0f;
        double errors = 0;
        int length;
        for (int i = 0; i < n; i += length) {
            length = n - i < 2 * BLOCK ? n - i : BLOCK;
            float[] e = q == null ? scratch : q;
            int eo = q == null ? RESULT : qo + i;
            exponentialsOf(e, eo, x, xo + i, length, largest, scratch);
            float part;
            if (m >= i && m < i + length) {
                e[eo + m - i] = 0f;
                part = sum(e, eo, length);
                e[eo + m - i] = 1f;
            } else {
                part = sum(e, eo, length);
            }
            float s = sum + part;
            errors += Math32.sumError(sum, part, s);
            sum = s;
        }
        return total(sum, errors);
    }

    /** {@code e = exp(x − largest)}, at least one vector. In place: the last x are kept in scratch. */
    private static void exponentialsOf(float[] e, int eo, float[] x, int xo, int n, float largest, float[] scratch) {
        int whole = n / L * L;
        int last = n - L;
        FloatVector.fromArray(S, x, xo + last).intoArray(scratch, 0);
        run(DIFFERENCES, e, eo, x, xo, scratch, ERRORS, whole, largest, 0f);
        run(EXPONENTIALS, e, eo, e, eo, scratch, ERRORS, whole, 0f, 0f);
        if (whole < n) {
            run(DIFFERENCES, e, eo + last, scratch, 0, scratch, ERRORS, L, largest, 0f);
            run(EXPONENTIALS, e, eo + last, e, eo + last, scratch, ERRORS, L, 0f, 0f);
        }
    }

    // Loops here and below: whole vectors only, see LOOPS.

    /** {@code d = x − largest} and its rounding errors. */
    private static void differences(
            float[] d, int d0, float[] x, int xo, float[] errors, int e0, int n, float largest, float none) {
        FloatVector max = all(largest);
        FloatVector minusMax = all(-largest);
        for (int i = 0; i < n; i += L) {
            FloatVector v = FloatVector.fromArray(S, x, xo + i);
            FloatVector difference = v.sub(max);
            sumError(v, minusMax, difference).intoArray(errors, e0 + i);
            difference.intoArray(d, d0 + i);
        }
    }

    /** {@code e = exp(x + errors)}, x ≤ 0. */
    private static void exponentials(
            float[] e, int eo, float[] x, int xo, float[] errors, int e0, int n, float none, float nothing) {
        for (int i = 0; i < n; i += L) {
            FloatVector v = FloatVector.fromArray(S, x, xo + i);
            expDifference(v, FloatVector.fromArray(S, errors, e0 + i)).intoArray(e, eo + i);
        }
    }

    /** The sum of the partial sums in scratch and their errors, compensated; the plain sum where that is not finite. */
    private static float total(float[] scratch) {
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

    @Override
    void divide(float[] a, int ao, int n, float s) {
        if (n < L) {
            super.divide(a, ao, n, s);
            return;
        }
        int last = ao + n - L;
        FloatVector end = FloatVector.fromArray(S, a, last);
        for (int i = ao; i < last; i += L) {
            FloatVector.fromArray(S, a, i).div(s).intoArray(a, i);
        }
        end.div(s).intoArray(a, last);
    }

    // Softmax: short rows

    @Override
    void normalise(float[] statistics, float @Nullable [] q, int qo, float[] x, int xo, int batch, int n) {
        if (n >= TILE) {
            super.normalise(statistics, q, qo, x, xo, batch, n);
            return;
        }
        float[] tile = SCRATCH.get();
        for (int b = 0; b < batch; b += L) {
            int rows = Math.min(L, batch - b);
            transposeIn(tile, x, xo + b * n, rows, n);
            normaliseTile(tile, n, q != null);
            System.arraycopy(tile, TILE_LARGEST, statistics, b, rows);
            System.arraycopy(tile, TILE_OTHERS, statistics, GROUP + b, rows);
            if (q != null) {
                transposeOut(q, qo + b * n, tile, rows, n);
            }
        }
    }

    /** Lanes without a sample keep what they had: nobody reads them. */
    private static void transposeIn(float[] tile, float[] x, int xo, int rows, int n) {
        for (int r = 0; r < rows; r++) {
            for (int j = 0; j < n; j++) {
                tile[j * L + r] = x[xo + r * n + j];
            }
        }
    }

    private static void transposeOut(float[] q, int qo, float[] tile, int rows, int n) {
        for (int r = 0; r < rows; r++) {
            for (int j = 0; j < n; j++) {
                q[qo + r * n + j] = tile[j * L + r];
            }
        }
    }

    /** x becomes q if so wanted; behind TILE rows come the largest x, then the sum of the other numerators. */
    private static void normaliseTile(float[] tile, int n, boolean wanted) {
        largestOfTile(tile, n);
        run(TILE_DIFFERENCES, tile, 0, tile, 0, tile, 0, n, 0f, 0f);
        run(TILE_EXPONENTIALS, tile, 0, tile, 0, tile, 0, n, 0f, 0f);
        run(TILE_SUM, tile, 0, tile, 0, tile, 0, n, 0f, 0f);
        if (wanted) {
            divideTile(tile, n);
        }
    }

    /** The largest of each lane, NaN where it is infinite; then, for a while, its index. */
    private static void largestOfTile(float[] tile, int n) {
        FloatVector best = all(Float.NEGATIVE_INFINITY);
        FloatVector at = all(-1f);
        for (int j = 0; j < n; j++) {
            FloatVector v = FloatVector.fromArray(S, tile, j * L);
            VectorMask<Float> more = v.compare(GT, best);
            best = best.blend(v, more);
            at = at.blend((float) j, more);
        }
        best = best.blend(Float.NaN, best.abs().compare(EQ, Float.POSITIVE_INFINITY));
        best.intoArray(tile, TILE_LARGEST);
        at.intoArray(tile, TILE_OTHERS);
    }

    private static void differencesOfTile(
            float[] tile, int to, float[] x, int xo, float[] same, int so, int n, float none, float nothing) {
        FloatVector best = FloatVector.fromArray(S, tile, TILE_LARGEST);
        FloatVector minusBest = best.neg();
        for (int j = 0; j < n * L; j += L) {
            FloatVector v = FloatVector.fromArray(S, tile, j);
            FloatVector difference = v.sub(best);
            sumError(v, minusBest, difference).intoArray(tile, TILE_ERRORS + j);
            difference.intoArray(tile, j);
        }
    }

    private static void exponentialsOfTile(
            float[] tile, int to, float[] x, int xo, float[] same, int so, int n, float none, float nothing) {
        for (int j = 0; j < n * L; j += L) {
            FloatVector err = FloatVector.fromArray(S, tile, TILE_ERRORS + j);
            expDifference(FloatVector.fromArray(S, tile, j), err).intoArray(tile, j);
        }
    }

    private static void sumOfTile(
            float[] tile, int to, float[] x, int xo, float[] same, int so, int n, float none, float nothing) {
        FloatVector best = FloatVector.fromArray(S, tile, TILE_LARGEST);
        FloatVector at = FloatVector.fromArray(S, tile, TILE_OTHERS);
        FloatVector sum = all(0f);
        FloatVector errors = all(0f);
        for (int j = 0; j < n; j++) {
            FloatVector other = FloatVector.fromArray(S, tile, j * L).blend(ZERO, at.compare(EQ, (float) j));
            FloatVector s = sum.add(other);
            errors = errors.add(sumError(sum, other, s));
            sum = s;
        }
        sum.add(errors).blend(best, best.compare(NE, best)).intoArray(tile, TILE_OTHERS);
    }

    private static void divideTile(float[] tile, int n) {
        FloatVector s = FloatVector.fromArray(S, tile, TILE_OTHERS).add(1f);
        for (int j = 0; j < n; j++) {
            FloatVector.fromArray(S, tile, j * L).div(s).intoArray(tile, j * L);
        }
    }

    // Log-softmax and losses, a row

    /** {@link PlainKernels32#surprise}. */
    private static FloatVector surprise(FloatVector x, FloatVector largest, FloatVector minusLargest, FloatVector log) {
        FloatVector difference = x.sub(largest);
        FloatVector y = log.sub(difference);
        return y.sub(sumError(x, minusLargest, difference)).blend(y, difference.compare(EQ, MINUS_INFINITY));
    }

    @Override
    void logRow(float[] y, int yo, float[] x, int xo, int n, float largest, float log) {
        if (n < L) {
            super.logRow(y, yo, x, xo, n, largest, log);
            return;
        }
        float[] scratch = SCRATCH.get();
        int last = n - L;
        FloatVector.fromArray(S, x, xo + last).intoArray(scratch, 0);
        run(LOGARITHMS, y, yo, x, xo, x, xo, n / L * L, largest, log);
        if (n % L != 0) {
            run(LOGARITHMS, y, yo + last, scratch, 0, x, xo, L, largest, log);
        }
    }

    private static void logarithms(
            float[] y, int yo, float[] x, int xo, float[] same, int so, int n, float largest, float log) {
        FloatVector max = all(largest);
        FloatVector minusMax = all(-largest);
        FloatVector logs = all(log);
        for (int i = 0; i < n; i += L) {
            surprise(FloatVector.fromArray(S, x, xo + i), max, minusMax, logs)
                    .neg()
                    .intoArray(y, yo + i);
        }
    }

    /** Block by block: the surprises into scratch, then their product with the target. */
    @Override
    float surprises(float[] target, int to, float[] x, int xo, int n, float largest, float log) {
        if (n < L) {
            return super.surprises(target, to, x, xo, n, largest, log);
        }
        float[] scratch = SCRATCH.get();
        float sum = 0f;
        double errors = 0;
        int length;
        for (int i = 0; i < n; i += length) {
            length = n - i < 2 * BLOCK ? n - i : BLOCK;
            run(SURPRISES, scratch, RESULT, x, xo + i, target, to + i, length / L * L, largest, log);
            if (length % L != 0) {
                int last = i + length - L;
                run(SURPRISES, scratch, RESULT + last - i, x, xo + last, target, to + last, L, largest, log);
            }
            float part = dot(target, to + i, scratch, RESULT, length);
            float s = sum + part;
            errors += Math32.sumError(sum, part, s);
            sum = s;
        }
        return Float.isNaN(log) ? log : total(sum, errors);
    }

    /** 0 where the target is. */
    private static void surprises(
            float[] y, int yo, float[] x, int xo, float[] target, int to, int n, float largest, float log) {
        FloatVector max = all(largest);
        FloatVector minusMax = all(-largest);
        FloatVector logs = all(log);
        for (int i = 0; i < n; i += L) {
            FloatVector s = surprise(FloatVector.fromArray(S, x, xo + i), max, minusMax, logs);
            s.blend(ZERO, FloatVector.fromArray(S, target, to + i).compare(EQ, ZERO))
                    .intoArray(y, yo + i);
        }
    }

    @Override
    void distributionGradient(float[] q, int qo, float[] target, int to, int n, float total, float rest) {
        if (n < L) {
            super.distributionGradient(q, qo, target, to, n, total, rest);
            return;
        }
        FloatVector end = distributionGradient(q, qo + n - L, target, to + n - L, total, rest);
        for (int i = 0; i < n - L; i += L) {
            distributionGradient(q, qo + i, target, to + i, total, rest).intoArray(q, qo + i);
        }
        end.intoArray(q, qo + n - L);
    }

    private static FloatVector distributionGradient(
            float[] q, int qo, float[] target, int to, float total, float rest) {
        FloatVector p = FloatVector.fromArray(S, q, qo);
        FloatVector t = FloatVector.fromArray(S, target, to);
        FloatVector others = ONE.sub(p).blend(rest, p.compare(GT, 0.5f));
        return all(total).sub(t).mul(p).sub(t.mul(others));
    }

    /** Block by block: the differences, into scratch if nobody wants them, then their squares. */
    @Override
    float squaredErrorRow(float @Nullable [] gradient, int go, float[] y, int yo, float[] p, int po, int n) {
        if (n < L) {
            return super.squaredErrorRow(gradient, go, y, yo, p, po, n);
        }
        float[] scratch = SCRATCH.get();
        float sum = 0f;
        double errors = 0;
        int length;
        for (int i = 0; i < n; i += length) {
            length = n - i < 2 * BLOCK ? n - i : BLOCK;
            float[] r = gradient == null ? scratch : gradient;
            int r0 = gradient == null ? RESULT : go + i;
            int p0 = po + i;
            int y0 = yo + i;
            for (int j = 0; j < length; j++) {
                r[r0 + j] = p[p0 + j] - y[y0 + j];
            }
            float part = dot(r, r0, r, r0, length);
            float s = sum + part;
            errors += Math32.sumError(sum, part, s);
            sum = s;
        }
        return total(sum, errors);
    }

    // Sums

    @Override
    float sum(float[] a, int ao, int n) {
        if (n < L) {
            return super.sum(a, ao, n);
        }
        float[] scratch = SCRATCH.get();
        Arrays.fill(scratch, PARTIAL, PARTIAL + 2 * L, 0f);
        run(SUM, scratch, PARTIAL, a, ao, a, ao, n / L * L, 0f, 0f);
        if (n % L != 0) {
            end(scratch, TAIL, a, ao, n);
            run(SUM, scratch, PARTIAL, scratch, TAIL, scratch, TAIL, L, 0f, 0f);
        }
        return total(scratch);
    }

    /** A row's last elements, which do not fill a vector, and zeros. */
    private static void end(float[] scratch, int so, float[] a, int ao, int n) {
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
        run(DOT, scratch, PARTIAL, u, uo, v, vo, n / L * L, 0f, 0f);
        if (n % L != 0) {
            end(scratch, TAIL, u, uo, n);
            end(scratch, TAIL + L, v, vo, n);
            run(DOT, scratch, PARTIAL, scratch, TAIL, scratch, TAIL + L, L, 0f, 0f);
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
            run(SUM, scratch, PARTIAL, g, go, g, go, n, 0f, 0f);
        } else {
            run(PRODUCTS, scratch, PARTIAL, g, go, q, qo, n, 0f, 0f);
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

    // Dense writers

    /**
     * {@code out[i,:] = r_i·x}. A row is written in whole vectors where what spills over stays in front of {@code end} and
     * what is read beyond x is in its array; x itself must not lie in out.
     */
    private static void spill(float[] out, int oo, int end, float[] r, int ro, int rows, float[] x, int xo, int n) {
        int width = (n + L - 1) / L * L;
        int i = 0;
        if (width == L && xo + L <= x.length) {
            FloatVector v = FloatVector.fromArray(S, x, xo);
            for (; i < rows && oo + i * n + L <= end; i++) {
                v.mul(r[ro + i]).intoArray(out, oo + i * n);
            }
        } else if (xo + width <= x.length) {
            for (; i < rows && oo + i * n + width <= end; i++) {
                FloatVector c = all(r[ro + i]);
                for (int j = 0; j < n; j += L) {
                    FloatVector.fromArray(S, x, xo + j).mul(c).intoArray(out, oo + i * n + j);
                }
            }
        }
        for (; i < rows; i++) {
            for (int j = 0; j < n; j++) {
                out[oo + i * n + j] = r[ro + i] * x[xo + j];
            }
        }
    }

    @Override
    public void outer(
            float[] out,
            int oo,
            float[] r,
            int ro,
            boolean rShared,
            float[] x,
            int xo,
            boolean xShared,
            int batch,
            int m,
            int n) {
        int end = oo + batch * m * n;
        for (int b = 0; b < batch; b++) {
            spill(out, oo + b * m * n, end, r, rShared ? ro : ro + b * m, m, x, xShared ? xo : xo + b * n, n);
        }
    }

    @Override
    public void kronecker(
            float[] out,
            int oo,
            float[] a,
            int ao,
            boolean aShared,
            float[] x,
            int xo,
            int batch,
            int k,
            int m,
            int n,
            boolean rowForm) {
        if (!rowForm) {
            outer(out, oo, a, ao, aShared, x, xo, false, batch, k * m, n);
            return;
        }
        int end = oo + batch * k * m * n;
        for (int b = 0; b < batch; b++) {
            for (int i = 0; i < k; i++) {
                int row = ao + ((aShared ? 0 : b * k) + i) * m;
                spill(out, oo + (b * k + i) * m * n, end, x, xo + b * n, n, a, row, m);
            }
        }
    }

    @Override
    public void denseSoftmax(float[] out, int oo, float[] q, int qo, float[] rest, int ro, int batch, int n) {
        int end = oo + batch * n * n;
        for (int b = 0; b < batch; b++) {
            int qb = qo + b * n;
            int o = oo + b * n * n;
            int m = peak(q, qb, n);
            negatedSpill(out, o, end, q, qb, n);
            for (int i = 0; i < n; i++) {
                float qi = q[qb + i];
                out[o + i * n + i] = qi * (i == m ? rest[ro + b] : 1f - qi);
            }
        }
    }

    /** {@code out[i,:] = −q_i·q}. */
    private static void negatedSpill(float[] out, int oo, int end, float[] q, int qo, int n) {
        int width = (n + L - 1) / L * L;
        int i = 0;
        if (width == L && qo + L <= q.length) {
            FloatVector v = FloatVector.fromArray(S, q, qo).neg();
            for (; i < n && oo + i * n + L <= end; i++) {
                v.mul(q[qo + i]).intoArray(out, oo + i * n);
            }
        } else if (qo + width <= q.length) {
            for (; i < n && oo + i * n + width <= end; i++) {
                FloatVector c = all(-q[qo + i]);
                for (int j = 0; j < n; j += L) {
                    FloatVector.fromArray(S, q, qo + j).mul(c).intoArray(out, oo + i * n + j);
                }
            }
        }
        for (; i < n; i++) {
            for (int j = 0; j < n; j++) {
                out[oo + i * n + j] = -q[qo + i] * q[qo + j];
            }
        }
    }

    @Override
    public void denseDiagonal(
            float[] out, int oo, float @Nullable [] d, int d0, boolean dShared, int batch, int repeat, int n) {
        int size = repeat * n * n;
        int group = Math.max(1, FILL / Math.max(1, size));
        for (int b = 0; b < batch; b += group) {
            int most = Math.min(group, batch - b);
            Arrays.fill(out, oo + b * size, oo + (b + most) * size, 0f);
            for (int i = b; i < b + most; i++) {
                diagonals(out, oo + i * size, d, dShared ? d0 : d0 + i * repeat * n, repeat, n);
            }
        }
    }

    /** Sets the diagonals of a stack of (n,n). */
    private static void diagonals(float[] out, int oo, float @Nullable [] d, int d0, int stack, int n) {
        for (int r = 0; r < stack; r++) {
            int o = oo + r * n * n;
            for (int j = 0; j < n; j++) {
                out[o + j * (n + 1)] = d == null ? 1f : d[d0 + r * n + j];
            }
        }
    }

    @Override
    public void kroneckerIdentity(float[] out, int oo, float[] x, int xo, int batch, int m, int n, boolean rowForm) {
        int size = m * m * n;
        int group = Math.max(1, FILL / Math.max(1, size));
        for (int b = 0; b < batch; b += group) {
            int most = Math.min(group, batch - b);
            Arrays.fill(out, oo + b * size, oo + (b + most) * size, 0f);
            for (int i = b; i < b + most; i++) {
                copies(out, oo + i * size, x, xo + i * n, m, n, rowForm);
            }
        }
    }

    /** One sample's m copies of x. */
    private static void copies(float[] out, int oo, float[] x, int xo, int m, int n, boolean rowForm) {
        for (int i = 0; i < m; i++) {
            int o = oo + i * m * n;
            if (rowForm) {
                for (int k = 0; k < n; k++) {
                    out[o + k * m + i] = x[xo + k];
                }
            } else if (n < L) {
                for (int k = 0; k < n; k++) {
                    out[o + i * n + k] = x[xo + k];
                }
            } else {
                o += i * n;
                for (int k = 0; k < n - L; k += L) {
                    FloatVector.fromArray(S, x, xo + k).intoArray(out, o + k);
                }
                FloatVector.fromArray(S, x, xo + n - L).intoArray(out, o + n - L);
            }
        }
    }

    // Scaling

    @Override
    public void scaleRows(
            float[] out,
            int oo,
            float[] d,
            int d0,
            boolean dShared,
            float[] a,
            int ao,
            boolean aShared,
            int batch,
            int rows,
            int cols) {
        if (cols < L) {
            super.scaleRows(out, oo, d, d0, dShared, a, ao, aShared, batch, rows, cols);
            return;
        }
        for (int b = 0; b < batch; b++) {
            int ab = aShared ? ao : ao + b * rows * cols;
            for (int i = 0; i < rows; i++) {
                multiply(
                        out,
                        oo + (b * rows + i) * cols,
                        d[dShared ? d0 + i : d0 + b * rows + i],
                        a,
                        ab + i * cols,
                        cols);
            }
        }
    }

    /** {@code out = c·a}, at least one vector. In place. */
    private static void multiply(float[] out, int oo, float c, float[] a, int ao, int length) {
        FloatVector factor = all(c);
        FloatVector end = FloatVector.fromArray(S, a, ao + length - L);
        for (int j = 0; j < length - L; j += L) {
            FloatVector.fromArray(S, a, ao + j).mul(factor).intoArray(out, oo + j);
        }
        end.mul(factor).intoArray(out, oo + length - L);
    }

    @Override
    public void scaleColumns(
            float[] out,
            int oo,
            float[] a,
            int ao,
            boolean aShared,
            float[] d,
            int d0,
            boolean dShared,
            int batch,
            int rows,
            int cols) {
        if (cols < L) {
            super.scaleColumns(out, oo, a, ao, aShared, d, d0, dShared, batch, rows, cols);
            return;
        }
        for (int b = 0; b < batch; b++) {
            int ab = aShared ? ao : ao + b * rows * cols;
            int db = dShared ? d0 : d0 + b * cols;
            for (int i = 0; i < rows; i++) {
                product(out, oo + (b * rows + i) * cols, a, ab + i * cols, d, db, cols);
            }
        }
    }

    /** {@code out = a∘d}, at least one vector. In place of a. */
    private static void product(float[] out, int oo, float[] a, int ao, float[] d, int d0, int length) {
        FloatVector end = FloatVector.fromArray(S, a, ao + length - L);
        for (int j = 0; j < length - L; j += L) {
            FloatVector.fromArray(S, a, ao + j)
                    .mul(FloatVector.fromArray(S, d, d0 + j))
                    .intoArray(out, oo + j);
        }
        end.mul(FloatVector.fromArray(S, d, d0 + length - L)).intoArray(out, oo + length - L);
    }
}
