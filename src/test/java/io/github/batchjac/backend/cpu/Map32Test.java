package io.github.batchjac.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.graph.Elementwise;
import io.github.batchjac.graph.Elementwise.Kind;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Elementwise functions against 60 digits, over every exponent. */
class Map32Test {
    private static final float[] POINTS = points();
    /** Unit roundoff. */
    private static final BigDecimal U = BigDecimal.valueOf(Math.ulp(1f)).divide(Exact.TWO);

    static Stream<ElementwiseKernels32> twins() {
        return Twins.kernels32().map(Kernels32::elementwise);
    }

    /** Every exponent and both signs, the range where exp is neither 0 nor 1 more densely, the zeros of derivatives. */
    private static float[] points() {
        Random random = new Random(1);
        List<Float> points = new ArrayList<>();
        for (int e = Math.getExponent(Float.MIN_VALUE) - 52; e <= Float.MAX_EXPONENT; e += 3) {
            for (int i = 0; i < 2; i++) {
                float z = Math.scalb((float) (1 + random.nextDouble()), e);
                points.add(z);
                points.add(-z);
            }
        }
        for (int i = 0; i < 500; i++) {
            points.add((float) (random.nextGaussian() * 4));
            points.add((float) (random.nextGaussian() * Math32.LOWEST / 2));
        }
        for (int i = 0; i < 200; i++) {
            points.add((float) (-1.2784645427610738 + random.nextGaussian() * 1e-3)); // SiLU' = 0
            points.add((float) (-0.7517915246935645 + random.nextGaussian() * 1e-3)); // GELU' = 0
            points.add((float) (random.nextGaussian() * 12));
        }
        for (float z : new float[] {0f, 1f, 0.5f, Math32.LOWEST, Float.MIN_VALUE, Float.MIN_NORMAL, Float.MAX_VALUE}) {
            points.add(z);
            points.add(-z);
        }
        float[] array = new float[points.size()];
        for (int i = 0; i < array.length; i++) {
            array[i] = points.get(i);
        }
        return array;
    }

    private static Elementwise function(Kind kind) {
        return new Elementwise(kind, kind == Kind.ELU || kind == Kind.LEAKY_RELU ? 0.25 : 0);
    }

    private static boolean checked(Kind kind, float z) {
        return switch (kind) {
            case LOG, SIN, COS -> false;
            case SQRT -> z > 0f;
            case RECIPROCAL -> z != 0f && Float.isFinite(1f / z);
            case EXP -> Math.abs(z) < 4000f;
            default -> true;
        };
    }

    private static double valueBound(Kind kind, float z) {
        return switch (kind) {
            case IDENTITY, NEGATE, RELU, LEAKY_RELU, SQUARE, SQRT, RECIPROCAL -> 1;
            case SIGMOID, TANH, ELU, EXP -> 4;
            case SOFTPLUS -> 8;
            case SILU, ERF -> 6;
            case GELU -> 12;
            case GELU_TANH -> 8 + 4 * Math.abs(Exact.geluArgument(Exact.of(z)).doubleValue());
            case LOG, SIN, COS -> 0;
        };
    }

    private static double derivativeBound(Kind kind) {
        return switch (kind) {
            case IDENTITY, NEGATE, RELU, LEAKY_RELU, SQUARE -> 0;
            case SIGMOID, TANH -> 6; // 32 only
            // 64 only: case SIGMOID, TANH -> 4;
            case ELU, EXP, SOFTPLUS, ERF -> 4;
            case SQRT -> 2;
            case RECIPROCAL -> 3;
            case SILU, GELU, GELU_TANH, LOG, SIN, COS -> 0;
        };
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void valuesAndDerivativesAreWithinTheirBound(Kind kind) {
        Elementwise f = function(kind);
        for (ElementwiseKernels32 kernels : twins().toList()) {
            float[] value = new float[POINTS.length];
            float[] derivative = new float[POINTS.length];
            kernels.map(f, value, 0, derivative, 0, POINTS, 0, POINTS.length);
            Worst worstValue = new Worst(kind + " " + Twins.name(kernels));
            Worst worstDerivative = new Worst(kind + "' " + Twins.name(kernels));
            for (int i = 0; i < POINTS.length; i++) {
                float z = POINTS[i];
                if (checked(kind, z)) {
                    worstValue.see(Exact.ulps(value[i], Exact.value(f, Exact.of(z))), valueBound(kind, z), z);
                    see(worstDerivative, kind, derivative[i], Exact.derivative(f, Exact.of(z)), z);
                }
            }
            worstValue.check();
            worstDerivative.check();
        }
    }

    private static void see(Worst worst, Kind kind, float got, BigDecimal[] terms, float z) {
        BigDecimal sum = Exact.sum(terms);
        if (terms.length == 1) {
            worst.see(Exact.ulps(got, sum), derivativeBound(kind), z);
            return;
        }
        // Two terms that cancel: units of u times their magnitudes, and half the smallest number for the last rounding.
        double w = kind == Kind.GELU_TANH
                ? Math.abs(Exact.geluArgument(Exact.of(z)).doubleValue())
                : 0;
        BigDecimal magnitude = terms[0].abs().add(terms[1].abs());
        BigDecimal unit = magnitude.multiply(U).add(Exact.of(Float.MIN_VALUE));
        worst.see(Exact.inUnits(got, sum, unit), 8 + 4 * w, z);
    }

    @ParameterizedTest
    @MethodSource("twins")
    void logarithmAndTrigonometryAreWithinTwoUlp(ElementwiseKernels32 kernels) {
        for (Kind kind : List.of(Kind.LOG, Kind.SIN, Kind.COS)) {
            float[] value = new float[POINTS.length];
            float[] derivative = new float[POINTS.length];
            kernels.map(function(kind), value, 0, derivative, 0, POINTS, 0, POINTS.length);
            Worst worst = new Worst(kind + " " + Twins.name(kernels));
            for (int i = 0; i < POINTS.length; i++) {
                double z = POINTS[i];
                double v =
                        kind == Kind.LOG ? StrictMath.log(z) : kind == Kind.SIN ? StrictMath.sin(z) : StrictMath.cos(z);
                double d = kind == Kind.LOG ? 1 / z : kind == Kind.SIN ? StrictMath.cos(z) : -StrictMath.sin(z);
                if (Double.isFinite(v)) {
                    worst.see(Exact.ulps(value[i], Exact.of(v)), 2, POINTS[i]);
                    if (Double.isFinite((float) d)) {
                        worst.see(Exact.ulps(derivative[i], Exact.of(d)), 2, POINTS[i]);
                    }
                } else {
                    assertThat(value[i]).isEqualTo(Float.valueOf((float) v));
                }
            }
            worst.check();
        }
    }

    /** In units of roundoff; between ⅛ and ½ they come closest to the bound. */
    @Test
    void logarithmsOfOneAndMoreAreWithinTheirBound() {
        Worst worst = new Worst("log(1 + x), of 2.5u");
        Random random = new Random(2);
        for (int i = 0; i < POINTS.length + 2000; i++) {
            float x = i < POINTS.length ? Math.abs(POINTS[i]) : (float) (0.125 + 0.375 * random.nextDouble());
            BigDecimal exact = Exact.log1p(Exact.of(x));
            BigDecimal unit = exact.multiply(U).add(Exact.of(Float.MIN_VALUE));
            worst.see(Exact.inUnits(Math32.log1p(x), exact, unit), 2.5, x);
        }
        worst.check();
        assertThat(Math32.log1p(Float.NaN)).isNaN();
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void bothTwinsAndEveryPositionGiveTheSameBits(Kind kind) {
        Elementwise f = function(kind);
        float[] value = new float[POINTS.length];
        float[] derivative = new float[POINTS.length];
        new PlainElementwiseKernels32().map(f, value, 0, derivative, 0, POINTS, 0, POINTS.length);
        for (ElementwiseKernels32 kernels : twins().toList()) {
            for (int n : Twins.SIZES) {
                float[] v = new float[n + 3];
                float[] d = new float[n + 3];
                int from = (POINTS.length - n) / 2;
                kernels.map(f, v, 1, d, 2, POINTS, from, n);
                for (int i = 0; i < n; i++) {
                    assertThat(v[1 + i]).as("%s(%s)", kind, POINTS[from + i]).isEqualTo(Float.valueOf(value[from + i]));
                    assertThat(d[2 + i])
                            .as("%s'(%s)", kind, POINTS[from + i])
                            .isEqualTo(Float.valueOf(derivative[from + i]));
                }
                assertThat(new float[] {v[0], v[n + 1], v[n + 2], d[0], d[1], d[n + 2]})
                        .containsOnly(0f);
                float[] inPlace = java.util.Arrays.copyOfRange(POINTS, from, from + n);
                kernels.map(f, inPlace, 0, null, 0, inPlace, 0, n);
                assertThat(inPlace).isEqualTo(java.util.Arrays.copyOfRange(v, 1, n + 1));
            }
        }
    }

    @Test
    void infinitiesHaveTheirLimits() {
        Object[][] cases = { // kind, φ(−inf), φ(inf), φ'(−inf), φ'(inf)
            {Kind.SIGMOID, 0f, 1f, 0f, 0f},
            {Kind.TANH, -1f, 1f, 0f, 0f},
            {Kind.RELU, 0f, Float.POSITIVE_INFINITY, 0f, 1f},
            {Kind.LEAKY_RELU, Float.NEGATIVE_INFINITY, Float.POSITIVE_INFINITY, 0.25f, 1f},
            {Kind.ELU, -0.25f, Float.POSITIVE_INFINITY, 0f, 1f},
            {Kind.SOFTPLUS, 0f, Float.POSITIVE_INFINITY, 0f, 1f},
            {Kind.SILU, 0f, Float.POSITIVE_INFINITY, 0f, 1f},
            {Kind.GELU, 0f, Float.POSITIVE_INFINITY, 0f, 1f},
            {Kind.GELU_TANH, 0f, Float.POSITIVE_INFINITY, 0f, 1f},
            {Kind.EXP, 0f, Float.POSITIVE_INFINITY, 0f, Float.POSITIVE_INFINITY},
            {Kind.ERF, -1f, 1f, 0f, 0f},
            {Kind.RECIPROCAL, 0f, 0f, 0f, 0f},
        };
        for (ElementwiseKernels32 kernels : twins().toList()) {
            for (Object[] row : cases) {
                float[] z = new float[40];
                for (int i = 0; i < z.length; i++) {
                    z[i] = i % 2 == 0 ? Float.NEGATIVE_INFINITY : Float.POSITIVE_INFINITY;
                }
                float[] value = new float[40];
                float[] derivative = new float[40];
                kernels.map(function((Kind) row[0]), value, 0, derivative, 0, z, 0, 40);
                for (int i = 0; i < 40; i++) {
                    assertThat(value[i] + 0f).as("%s(%s)", row[0], z[i]).isEqualTo(row[1 + i % 2]);
                    assertThat(derivative[i] + 0f).as("%s'(%s)", row[0], z[i]).isEqualTo(row[3 + i % 2]);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"TANH", "LEAKY_RELU", "SILU", "GELU", "GELU_TANH", "SIN", "ERF"})
    void zerosKeepTheirSign(Kind kind) {
        for (ElementwiseKernels32 kernels : twins().toList()) {
            float[] z = new float[40];
            z[3] = -0f;
            z[39] = -0f;
            float[] value = new float[40];
            kernels.map(function(kind), value, 0, null, 0, z, 0, 40);
            assertThat(value).as("%s", kind).isEqualTo(z);
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void nanStaysWhereItIs(Kind kind) {
        for (ElementwiseKernels32 kernels : twins().toList()) {
            float[] z = new float[67];
            java.util.Arrays.fill(z, 0.75f);
            z[3] = Float.NaN;
            z[65] = Float.NaN;
            float[] value = new float[67];
            float[] derivative = new float[67];
            kernels.map(function(kind), value, 0, derivative, 0, z, 0, 67);
            for (int i = 0; i < 67; i++) {
                assertThat(Float.isNaN(value[i])).isEqualTo(Float.isNaN(z[i]));
                assertThat(Float.isNaN(derivative[i])).isEqualTo(Float.isNaN(z[i]) && !kind.linear());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("twins")
    void reluHasSlopeZeroAtZero(ElementwiseKernels32 kernels) {
        float[] z = new float[40];
        float[] derivative = new float[40];
        java.util.Arrays.fill(derivative, 5f);
        kernels.map(Elementwise.of(Kind.RELU), null, 0, derivative, 0, z, 0, 40);
        assertThat(derivative).containsOnly(0f);
    }
}
