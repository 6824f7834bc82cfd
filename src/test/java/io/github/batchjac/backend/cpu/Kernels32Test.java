package io.github.batchjac.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.graph.Op;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Copies, products, dense forms and reductions: element by element against their definition. */
class Kernels32Test {
    private static final BigDecimal U = BigDecimal.valueOf(Math.ulp(1f)).divide(Exact.TWO);
    private static final int[] SMALL = {1, 2, 3, 7, 8, 15, 16, 17, 33};
    private static final int[] LONG = {64, 65, 100, 127, 128, 129, 257};

    /** Where every array starts; what lies before and behind must not be touched. */
    private static final int PAD = 3;

    static Stream<Kernels32> twins() {
        return Twins.kernels32();
    }

    private static float[] random(long seed, int length) {
        Random random = new Random(seed);
        float[] a = new float[length + 2 * PAD];
        for (int i = 0; i < a.length; i++) {
            a[i] = (float) random.nextGaussian();
        }
        return a;
    }

    private static float[] destination(int length) {
        float[] out = new float[length + 2 * PAD];
        Arrays.fill(out, -7f);
        return out;
    }

    private interface Definition {
        float at(int index);
    }

    /** Every element, bit for bit, and nothing around them. */
    private static void check(String what, float[] out, int length, Definition definition) {
        for (int i = 0; i < length; i++) {
            if (Float.compare(out[PAD + i], definition.at(i)) != 0) {
                assertThat(out[PAD + i]).as("%s [%d] of %d", what, i, length).isEqualTo(definition.at(i));
            }
        }
        for (int i = 0; i < PAD; i++) {
            assertThat(out[i]).as(what + " in front").isEqualTo(-7f);
            assertThat(out[PAD + length + i]).as(what + " behind").isEqualTo(-7f);
        }
    }

    @ParameterizedTest
    @MethodSource("twins")
    void arithmeticRepeatsOperands(Kernels32 kernels) {
        for (int n : Twins.SIZES) {
            int length = 6 * n;
            for (int[] periods :
                    new int[][] {{length, length}, {length, n}, {n, length}, {1, length}, {length, 1}, {2 * n, 3 * n}
                    }) {
                int p = periods[0];
                int r = periods[1];
                float[] a = random(1, p);
                float[] b = random(2, r);
                for (Op.Arithmetic op : Op.Arithmetic.values()) {
                    float[] out = destination(length);
                    kernels.elementwise().arithmetic(op, out, PAD, a, PAD, p, b, PAD, r, length);
                    check(op.toString(), out, length, i -> {
                        float x = a[PAD + i % p];
                        float y = b[PAD + i % r];
                        return switch (op) {
                            case ADD -> x + y;
                            case SUBTRACT -> x - y;
                            case MULTIPLY -> x * y;
                            case DIVIDE -> x / y;
                        };
                    });
                }
                float[] da = destination(length);
                float[] db = destination(length);
                kernels.elementwise().divideDerivatives(da, PAD, db, PAD, a, PAD, p, b, PAD, r, length);
                check("1/b", da, length, i -> 1f / b[PAD + i % r]);
                check("-a/b²", db, length, i -> -(a[PAD + i % p] / b[PAD + i % r]) / b[PAD + i % r]);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("twins")
    void diagonalsScaleRowsAndColumns(Kernels32 kernels) {
        for (int batch : Twins.BATCHES) {
            for (int rows : new int[] {1, 3, 10}) {
                for (int cols : SMALL) {
                    for (int shared = 0; shared < 4; shared++) {
                        boolean dShared = shared % 2 == 1;
                        boolean aShared = shared > 1;
                        int size = rows * cols;
                        float[] a = random(1, batch * size);
                        float[] d = random(2, batch * Math.max(rows, cols));
                        if (batch == 0) {
                            continue;
                        }
                        float[] out = destination(batch * size);
                        kernels.diagonals().scaleColumns(out, PAD, a, PAD, aShared, d, PAD, dShared, batch, rows, cols);
                        check(
                                "columns",
                                out,
                                batch * size,
                                i -> a[PAD + (aShared ? i % size : i)]
                                        * d[PAD + (dShared ? 0 : i / size * cols) + i % cols]);
                        float[] byRows = destination(batch * size);
                        kernels.diagonals().scaleRows(byRows, PAD, d, PAD, dShared, a, PAD, aShared, batch, rows, cols);
                        check(
                                "rows",
                                byRows,
                                batch * size,
                                i -> a[PAD + (aShared ? i % size : i)]
                                        * d[PAD + (dShared ? 0 : i / size * rows) + i % size / cols]);
                        if (!aShared) {
                            float[] inPlace = a.clone();
                            kernels.diagonals()
                                    .scaleColumns(
                                            inPlace, PAD, inPlace, PAD, false, d, PAD, dShared, batch, rows, cols);
                            assertThat(Arrays.copyOfRange(inPlace, PAD, PAD + batch * size))
                                    .isEqualTo(Arrays.copyOfRange(out, PAD, PAD + batch * size));
                            inPlace = a.clone();
                            kernels.diagonals()
                                    .scaleRows(inPlace, PAD, d, PAD, dShared, inPlace, PAD, false, batch, rows, cols);
                            assertThat(Arrays.copyOfRange(inPlace, PAD, PAD + batch * size))
                                    .isEqualTo(Arrays.copyOfRange(byRows, PAD, PAD + batch * size));
                        }
                    }
                    float[] a = random(3, batch * cols);
                    float[] c = random(4, batch);
                    float[] out = destination(batch * cols);
                    kernels.diagonals().scaleSamples(out, PAD, c, PAD, a, PAD, batch, cols);
                    check("samples", out, batch * cols, i -> c[PAD + i / cols] * a[PAD + i]);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("twins")
    void stackedDiagonalsFoldAndTile(Kernels32 kernels) {
        int repeat = 3;
        for (int batch : Twins.BATCHES) {
            for (int n : SMALL) {
                for (int rows : new int[] {1, 4}) {
                    for (boolean shared : new boolean[] {false, true}) {
                        for (boolean ones : new boolean[] {false, true}) {
                            float[] d = random(1, Math.max(1, batch) * repeat * n);
                            float[] a = random(2, Math.max(1, batch) * rows * repeat * n);
                            float[] out = destination(batch * rows * n);
                            kernels.diagonals()
                                    .foldRows(
                                            out,
                                            PAD,
                                            a,
                                            PAD,
                                            shared,
                                            ones ? null : d,
                                            PAD,
                                            shared,
                                            batch,
                                            rows,
                                            repeat,
                                            n);
                            check("fold", out, batch * rows * n, i -> {
                                int b = shared ? 0 : i / (rows * n);
                                float sum = 0f;
                                for (int r = 0; r < repeat; r++) {
                                    float x = a[PAD + ((b * rows + i / n % rows) * repeat + r) * n + i % n];
                                    float y = d[PAD + (b * repeat + r) * n + i % n];
                                    sum = ones ? sum + x : Math.fma(x, y, sum);
                                }
                                return sum;
                            });
                            float[] tiled = destination(batch * repeat * n * rows);
                            kernels.diagonals()
                                    .tileRows(
                                            tiled,
                                            PAD,
                                            ones ? null : d,
                                            PAD,
                                            shared,
                                            a,
                                            PAD,
                                            shared,
                                            batch,
                                            repeat,
                                            n,
                                            rows);
                            check("tile", tiled, batch * repeat * n * rows, i -> {
                                int row = i / rows; // of (batch, repeat, n)
                                int b = shared ? 0 : row / (repeat * n);
                                float x = a[PAD + (b * n + row % n) * rows + i % rows];
                                return ones ? x : d[PAD + (shared ? row % (repeat * n) : row)] * x;
                            });
                        }
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("twins")
    void denseDiagonalsHavePositiveZerosElsewhere(Kernels32 kernels) {
        for (int batch : Twins.BATCHES) {
            for (int n : new int[] {1, 2, 3, 7, 10, 16, 33, 127}) {
                for (int repeat : new int[] {1, 3}) {
                    for (int form = 0; form < 3; form++) {
                        boolean shared = form == 1;
                        boolean ones = form == 2;
                        int rows = repeat * n;
                        float[] d = random(n, Math.max(1, batch) * rows);
                        d[PAD] = Float.NaN;
                        float[] out = destination(batch * rows * n);
                        kernels.diagonals()
                                .denseDiagonal(out, PAD, ones ? null : d, PAD, shared, batch, repeat, n, false);
                        Definition expected = i -> {
                            int row = i / n;
                            return row % n != i % n ? 0f : ones ? 1f : d[PAD + (shared ? row % rows : row)];
                        };
                        check("diagonal", out, batch * rows * n, expected);
                        float[] other = random(n + 1, Math.max(1, batch) * rows);
                        kernels.diagonals().denseDiagonal(out, PAD, other, PAD, shared, batch, repeat, n, false);
                        kernels.diagonals()
                                .denseDiagonal(out, PAD, ones ? null : d, PAD, shared, batch, repeat, n, true);
                        check("again", out, batch * rows * n, expected);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("twins")
    void outerAndKroneckerProductsAreOneProductEach(Kernels32 kernels) {
        for (int batch : Twins.BATCHES) {
            for (int m : new int[] {1, 3, 10}) {
                for (int n : SMALL) {
                    for (int shared = 0; shared < 4; shared++) {
                        boolean rShared = shared % 2 == 1;
                        boolean xShared = shared > 1;
                        float[] r = random(1, Math.max(1, batch) * m);
                        float[] x = random(2, Math.max(1, batch) * n);
                        float[] out = destination(batch * m * n);
                        kernels.dense().outer(out, PAD, r, PAD, rShared, x, PAD, xShared, batch, m, n);
                        check(
                                "outer",
                                out,
                                batch * m * n,
                                i -> r[PAD + (rShared ? i / n % m : i / n)]
                                        * x[PAD + (xShared ? 0 : i / (m * n) * n) + i % n]);
                    }
                    kronecker(kernels, batch, m, n, false);
                    kronecker(kernels, batch, m, n, true);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("twins")
    void outerProductsOfLongRows(Kernels32 kernels) {
        int batch = 3;
        int m = 5;
        for (int n : LONG) {
            float[] r = random(1, batch * m);
            float[] x = random(2, batch * n);
            float[] out = destination(batch * m * n);
            kernels.dense().outer(out, PAD, r, PAD, false, x, PAD, false, batch, m, n);
            check("outer", out, batch * m * n, i -> r[PAD + i / n] * x[PAD + i / (m * n) * n + i % n]);
        }
    }

    /** In blocks of rows, a diagonal each; what a block spills over is written later. */
    @ParameterizedTest
    @MethodSource("twins")
    void denseSoftmaxOfLongRows(Kernels32 kernels) {
        int batch = 3;
        for (int n : LONG) {
            float[] q = random(1, batch * n);
            float[] rest = random(2, batch);
            float[] out = destination(batch * n * n);
            kernels.softmax().denseSoftmax(out, PAD, q, PAD, rest, PAD, batch, n);
            check("softmax", out, batch * n * n, i -> {
                int b = i / (n * n);
                float qi = q[PAD + i / n];
                float complement = qi > 0.5f ? rest[PAD + b] : 1f - qi;
                return i / n % n == i % n ? qi * complement : -qi * q[PAD + b * n + i % n];
            });
        }
    }

    private static void kronecker(Kernels32 kernels, int batch, int m, int n, boolean rowForm) {
        int k = 4;
        float[] x = random(3, batch * n);
        float[] a = random(4, Math.max(1, batch) * k * m);
        float[] identity = destination(batch * m * m * n);
        Definition expected = i -> {
            int column = i % (m * n);
            int j = rowForm ? column % m : column / n;
            int l = rowForm ? column / m : column % n;
            return i / (m * n) % m == j ? x[PAD + i / (m * m * n) * n + l] : 0f;
        };
        kernels.dense().kroneckerIdentity(identity, PAD, x, PAD, batch, m, n, rowForm, false);
        check("kronecker identity", identity, batch * m * m * n, expected);
        kernels.dense().kroneckerIdentity(identity, PAD, random(5, batch * n), PAD, batch, m, n, rowForm, false);
        kernels.dense().kroneckerIdentity(identity, PAD, x, PAD, batch, m, n, rowForm, true);
        check("again", identity, batch * m * m * n, expected);
        for (boolean shared : new boolean[] {false, true}) {
            float[] out = destination(batch * k * m * n);
            kernels.dense().kronecker(out, PAD, a, PAD, shared, x, PAD, batch, k, m, n, rowForm);
            check("kronecker", out, batch * k * m * n, i -> {
                int column = i % (m * n);
                int j = rowForm ? column % m : column / n;
                int l = rowForm ? column / m : column % n;
                int row = i / (m * n);
                return a[PAD + (shared ? row % k : row) * m + j] * x[PAD + row / k * n + l];
            });
        }
    }

    @ParameterizedTest
    @MethodSource("twins")
    void copiesAndSums(Kernels32 kernels) {
        for (int batch : Twins.BATCHES) {
            for (int rows : SMALL) {
                for (int cols : SMALL) {
                    int size = rows * cols;
                    float[] a = random(1, batch * size);
                    float[] out = destination(batch * size);
                    kernels.dense().transpose(out, PAD, a, PAD, batch, rows, cols);
                    check(
                            "transpose",
                            out,
                            batch * size,
                            i -> a[PAD + i / size * size + i % rows * cols + i % size / rows]);
                }
            }
            for (int n : Twins.SIZES) {
                float[] a = random(1, Math.max(1, batch) * n);
                float[] b = random(2, batch * n);
                float[] out = destination(batch * n);
                kernels.dense().broadcast(out, PAD, a, PAD, batch, n);
                check("broadcast", out, batch * n, i -> a[PAD + i % n]);
                float[] sums = destination(n);
                kernels.reductions().sumRows(sums, PAD, b, PAD, batch, n, false);
                check("sum of rows", sums, n, i -> {
                    float sum = 0f;
                    for (int r = 0; r < batch; r++) {
                        sum += b[PAD + r * n + i];
                    }
                    return sum;
                });
                float[] cut = destination(n);
                kernels.reductions().sumRows(cut, PAD, b, PAD, batch / 2, n, false);
                kernels.reductions().sumRows(cut, PAD, b, PAD + batch / 2 * n, batch - batch / 2, n, true);
                assertThat(cut).isEqualTo(sums);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("twins")
    void reductionsAreAsIfInTwiceThePrecision(Kernels32 kernels) {
        int batch = 5;
        Worst worst = new Worst("reductions " + Twins.name(kernels));
        for (int n : Twins.SIZES) {
            float[] u = random(1, batch * n);
            float[] v = random(2, batch * n);
            float[] sum = destination(batch);
            float[] half = destination(batch);
            float[] dot = destination(batch);
            float[] error = destination(batch);
            float[] gradient = destination(batch * n);
            kernels.reductions().sumComponents(sum, PAD, u, PAD, batch, n, 0.25f);
            kernels.reductions().halfSquaredNorms(half, PAD, u, PAD, batch, n);
            kernels.reductions().dot(dot, PAD, u, PAD, false, v, PAD, true, batch, n);
            kernels.losses().squaredError(error, PAD, gradient, PAD, u, PAD, v, PAD, batch, n);
            check("residual", gradient, batch * n, i -> v[PAD + i] - u[PAD + i]);
            for (int b = 0; b < batch; b++) {
                BigDecimal s = BigDecimal.ZERO;
                BigDecimal a = BigDecimal.ZERO;
                BigDecimal q = BigDecimal.ZERO;
                BigDecimal d = BigDecimal.ZERO;
                BigDecimal da = BigDecimal.ZERO;
                BigDecimal e = BigDecimal.ZERO;
                for (int i = 0; i < n; i++) {
                    BigDecimal x = Exact.of(u[PAD + b * n + i]);
                    BigDecimal y = Exact.of(v[PAD + i]);
                    s = s.add(x);
                    a = a.add(x.abs());
                    q = q.add(x.multiply(x));
                    d = d.add(x.multiply(y));
                    da = da.add(x.multiply(y).abs());
                    e = e.add(Exact.of(gradient[PAD + b * n + i]).pow(2));
                }
                BigDecimal tiny = U.multiply(U).multiply(BigDecimal.valueOf((long) n * n));
                BigDecimal quarter = new BigDecimal("0.25");
                String at = "n " + n;
                worst.see(
                        Exact.inUnits(
                                sum[PAD + b],
                                s.multiply(quarter),
                                unit(s, a, tiny).multiply(quarter)),
                        2,
                        at);
                worst.see(Exact.inUnits(dot[PAD + b], d, unit(d, da, tiny)), 2, at);
                worst.see(Exact.ulps(half[PAD + b], q.multiply(Exact.HALF)), 4, at);
                worst.see(Exact.ulps(error[PAD + b], e.multiply(Exact.HALF)), 8, at);
            }
            for (int b = 0; b < batch; b++) {
                float[] one = new float[1];
                kernels.reductions().halfSquaredNorms(one, 0, u, PAD + b * n, 1, n);
                assertThat(one[0]).isEqualTo(half[PAD + b]);
                kernels.losses().squaredError(one, 0, null, 0, u, PAD + b * n, v, PAD + b * n, 1, n);
                assertThat(one[0]).isEqualTo(error[PAD + b]);
            }
        }
        worst.check();
    }

    private static BigDecimal unit(BigDecimal sum, BigDecimal magnitude, BigDecimal tiny) {
        return sum.abs().multiply(U).add(magnitude.multiply(tiny)).add(Exact.of(Float.MIN_VALUE));
    }

    @ParameterizedTest
    @MethodSource("twins")
    void aSumThatOverflowsIsInfinite(Kernels32 kernels) {
        for (int n : new int[] {2, 7, 16, 33, 127}) {
            float[] a = new float[n];
            Arrays.fill(a, Float.MAX_VALUE);
            float[] out = new float[1];
            kernels.reductions().halfSquaredNorms(out, 0, a, 0, 1, n);
            assertThat(out[0]).isEqualTo(Float.POSITIVE_INFINITY);
            kernels.reductions().sumComponents(out, 0, a, 0, 1, n, 1f);
            assertThat(out[0]).isEqualTo(Float.POSITIVE_INFINITY);
        }
    }

    @ParameterizedTest
    @MethodSource("twins")
    void crossEntropyIsWithinTheBoundAndIgnoresAbsentTargets(Kernels32 kernels) {
        Worst worst = new Worst("cross-entropy " + Twins.name(kernels));
        for (int n : Twins.SIZES) {
            float[] p = random(1, n);
            float[] t = random(2, n);
            BigDecimal exact = BigDecimal.ZERO;
            BigDecimal magnitude = Exact.of(Float.MIN_VALUE);
            for (int i = 0; i < n; i++) {
                p[i] = Math.abs(p[i]) / 4f;
                t[i] = Math.abs(t[i]);
                if (i % 3 == 1) {
                    t[i] = 0f;
                    p[i] = 0f;
                } else {
                    BigDecimal term = Exact.of(t[i]).multiply(Exact.log(Exact.of(p[i])));
                    exact = exact.subtract(term);
                    magnitude = magnitude.add(term.abs().multiply(U));
                }
            }
            float[] loss = new float[1];
            float[] gradient = new float[n];
            kernels.losses().crossEntropy(loss, 0, gradient, 0, t, 0, p, 0, 1, n);
            worst.see(Exact.inUnits(loss[0], exact, magnitude), 8, n);
            for (int i = 0; i < n; i++) {
                assertThat(gradient[i]).isEqualTo(i % 3 == 1 ? 0f : -t[i] / p[i]);
            }
        }
        worst.check();
    }
}
