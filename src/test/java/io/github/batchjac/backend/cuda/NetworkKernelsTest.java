package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.batchjac.backend.cuda.ptx.LaunchReport;
import io.github.batchjac.graph.Elementwise;
import io.github.batchjac.graph.Elementwise.Kind;
import io.github.batchjac.tensor.Precision;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The whole network against its layers one by one: matrix products in their promised order, functions by their own kernels. */
@ParameterizedClass
@EnumSource(Precision.class)
@Tag("cuda")
class NetworkKernelsTest {
    @Parameter
    Precision precision;

    private Lab lab;
    private NetworkKernels kernels;
    private Random random;

    @BeforeEach
    void open() {
        lab = new Lab(precision);
        kernels = new NetworkKernels(lab.queue());
        random = new Random(1);
    }

    @AfterEach
    void close() {
        lab.close();
    }

    private double rounded(double x) {
        return precision == Precision.F32 ? (float) x : x;
    }

    private double fma(double a, double b, double c) {
        return precision == Precision.F32 ? Math.fma((float) a, (float) b, (float) c) : Math.fma(a, b, c);
    }

    private double[] numbers(int count, double scale) {
        double[] values = new double[count];
        for (int i = 0; i < count; i++) {
            values[i] = rounded(scale * random.nextGaussian());
        }
        return values;
    }

    /** A layer and its numbers, W as (out, in) whatever the form. */
    private record Given(double[] w, double[] bias, Network.Layer layer) {}

    private Given layer(int in, int out, boolean rowForm, boolean biased, Elementwise function, int off) {
        return layer(numbers(out * in, 1 / Math.sqrt(in)), in, out, rowForm, biased, function, off);
    }

    private Given layer(double[] w, int in, int out, boolean rowForm, boolean biased, Elementwise function, int off) {
        double[] stored = w.clone();
        if (rowForm) {
            for (int i = 0; i < out; i++) {
                for (int j = 0; j < in; j++) {
                    stored[j * out + i] = w[i * in + j];
                }
            }
        }
        double[] bias = biased ? numbers(out, 1) : null;
        long address = lab.numbers(off, stored);
        return new Given(
                w, bias, new Network.Layer(address, biased ? lab.numbers(off, bias) : 0, in, out, rowForm, function));
    }

    private static Network network(List<Given> layers) {
        return new Network(layers.stream().map(Given::layer).toList());
    }

    /** Value and derivative by the kernel that has this function alone. */
    private double[][] function(Elementwise function, double[] z) {
        if (function == null) {
            double[] ones = new double[z.length];
            Arrays.fill(ones, 1);
            return new double[][] {z, ones};
        }
        long value = lab.output(z.length);
        long derivative = lab.output(z.length);
        new ElementwiseKernels(lab.queue()).map(function, value, derivative, lab.numbers(z), z.length);
        return new double[][] {lab.read(value), lab.read(derivative)};
    }

    private double[][] expected(List<Given> layers, double[] x, int batch, boolean backward) {
        double[][] slopes = new double[layers.size()][];
        double[] h = x;
        for (int l = 0; l < layers.size(); l++) {
            Given given = layers.get(l);
            int in = given.layer.in();
            int out = given.layer.out();
            double[] z = new double[batch * out];
            for (int s = 0; s < batch; s++) {
                for (int i = 0; i < out; i++) {
                    double sum = 0;
                    for (int j = 0; j < in; j++) {
                        sum = fma(given.w[i * in + j], h[s * in + j], sum);
                    }
                    z[s * out + i] = given.bias == null ? sum : rounded(sum + given.bias[i]);
                }
            }
            double[][] both = function(given.layer.function(), z);
            h = both[0];
            slopes[l] = both[1];
        }
        int n = layers.get(0).layer.in();
        int m = layers.get(layers.size() - 1).layer.out();
        double[] jacobian = new double[batch * m * n];
        for (int s = 0; s < batch; s++) {
            double[] one = backward ? backward(layers, slopes, s) : forward(layers, slopes, s);
            System.arraycopy(one, 0, jacobian, s * m * n, m * n);
        }
        return new double[][] {h, jacobian};
    }

    private double[] forward(List<Given> layers, double[][] slopes, int s) {
        int n = layers.get(0).layer.in();
        double[] panel = null;
        for (int l = 0; l < layers.size(); l++) {
            Given given = layers.get(l);
            int in = given.layer.in();
            int out = given.layer.out();
            double[] next = new double[out * n];
            for (int i = 0; i < out; i++) {
                for (int c = 0; c < n; c++) {
                    double sum = 0;
                    if (l == 0) {
                        sum = given.w[i * in + c];
                    } else {
                        for (int j = 0; j < in; j++) {
                            sum = fma(given.w[i * in + j], panel[j * n + c], sum);
                        }
                    }
                    next[i * n + c] = rounded(sum * slopes[l][s * out + i]);
                }
            }
            panel = next;
        }
        return panel;
    }

    private double[] backward(List<Given> layers, double[][] slopes, int s) {
        int m = layers.get(layers.size() - 1).layer.out();
        double[] rows = null;
        for (int l = layers.size() - 1; l >= 0; l--) {
            Given given = layers.get(l);
            int in = given.layer.in();
            int out = given.layer.out();
            double[] next = new double[m * in];
            for (int o = 0; o < m; o++) {
                for (int j = 0; j < in; j++) {
                    double sum = 0;
                    if (l == layers.size() - 1) {
                        sum = rounded(slopes[l][s * out + o] * given.w[o * in + j]);
                    } else {
                        for (int i = 0; i < out; i++) {
                            sum = fma(rounded(rows[o * out + i] * slopes[l][s * out + i]), given.w[i * in + j], sum);
                        }
                    }
                    next[o * in + j] = sum;
                }
            }
            rows = next;
        }
        return rows;
    }

    private void assertSame(double[] actual, double[] expected, Object what) {
        assertThat(actual.length).isEqualTo(expected.length);
        for (int i = 0; i < actual.length; i++) {
            if (Double.doubleToLongBits(actual[i]) != Double.doubleToLongBits(expected[i])) {
                assertThat(actual[i])
                        .as("%s, entry %d: %s", what, i, expected[i])
                        .isEqualTo(expected[i]);
            }
        }
    }

    private void check(List<Given> layers, int batch, int off) {
        Network network = network(layers);
        assertThat(kernels.fits(network)).isTrue();
        double[] x = numbers(batch * network.inputs(), 1);
        check(layers, x, batch, off);
    }

    private void check(List<Given> layers, double[] x, int batch, int off) {
        Network network = network(layers);
        int size = network.outputs() * network.inputs();
        for (boolean backward : new boolean[] {false, true}) {
            double[][] expected = expected(layers, x, batch, backward);
            // as many samples a block as fit, a few, one
            for (int multiprocessors : new int[] {1, 1 + batch / 3, batch}) {
                long out = lab.output(off, (long) batch * size);
                long value = lab.output((long) batch * network.outputs());
                new NetworkKernels(lab.queue(), multiprocessors)
                        .jacobian(out, value, network, lab.numbers(off, x), batch, backward);
                String what = ", backward " + backward + ", " + multiprocessors + " multiprocessors";
                assertSame(lab.read(value), expected[0], "value" + what);
                assertSame(lab.read(out), expected[1], "Jacobian" + what);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "1, 1 1",
        "65, 9 1",
        "66, 1 3 1",
        "13, 9 9 2",
        "9, 10 64 64 10",
        "2, 64 64",
        "3, 33 31 1",
        "67, 1 7 5",
        "70, 3 16 1",
        "2, 63 2 32",
        "2, 64 17 64 48",
        "5, 31 32 33 2",
        "2, 35 61 38",
        "2, 55 39 62",
        "3, 5 6 7 8 9 10 11 12 13",
        "3, 64 64 64 64 64 64 64 64 1",
    })
    void networksAreTheirLayersOneByOneInEitherDirection(int batch, String widths) {
        int[] width =
                Arrays.stream(widths.split(" ")).mapToInt(Integer::parseInt).toArray();
        Kind[] kinds = {Kind.TANH, Kind.RELU, Kind.SOFTPLUS};
        for (int variant = 0; variant < 2; variant++) {
            List<Given> layers = new ArrayList<>();
            for (int l = 1; l < width.length; l++) {
                boolean odd = (l + variant) % 2 == 1;
                Elementwise function = l == width.length - 1 && odd ? null : Elementwise.of(kinds[l % 3]);
                layers.add(layer(width[l - 1], width[l], odd, variant == 0 || odd, function, variant));
            }
            check(layers, batch, variant);
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void everyFunctionIsThatOfItsOwnKernel(Kind kind) {
        Elementwise function =
                kind == Kind.ELU || kind == Kind.LEAKY_RELU ? new Elementwise(kind, .3) : Elementwise.of(kind);
        check(List.of(layer(5, 17, false, true, function, 0), layer(17, 3, true, false, null, 0)), 4, 0);
        // where functions go other ways: far out, next to 0, beyond what is finite
        double[] extremes = {
            0,
            -0.0,
            1e-30,
            -1e-40,
            0.3,
            3,
            -9,
            40,
            -90,
            700,
            -760,
            3e4,
            -7e4,
            1.5e6,
            1e30,
            -1e300,
            Double.NaN,
            1 / 0.0,
            -1 / 0.0
        };
        double[] x = Arrays.stream(extremes).map(this::rounded).toArray();
        check(List.of(layer(1, 2, false, false, function, 0), layer(2, 1, false, true, null, 0)), x, x.length, 0);
        // where one way ends and another begins, of either sign: a function's argument is the input itself
        double[] ends = {1, 8, 16, 20, 28.5, 32, 40, 60, 89, 120, 500, 710, 760, 65536, 1048576, 1e9, 1e20};
        double[] near = Arrays.stream(ends)
                .flatMap(end ->
                        DoubleStream.of(end, Math.nextUp((float) end), Math.nextDown((float) end), end - .5, end + .5))
                .map(this::rounded)
                .toArray();
        double[] one = {1, -1};
        check(List.of(layer(one, 1, 2, false, false, function, 0)), near, near.length, 0);
    }

    @Test
    void nanAndInfinityStayInTheirSample() {
        List<Given> layers = List.of(
                layer(7, 9, false, true, Elementwise.of(Kind.TANH), 0),
                layer(9, 4, true, true, Elementwise.of(Kind.RELU), 0));
        double[] x = numbers(9 * 7, 1);
        x[2 * 7 + 3] = Double.NaN;
        x[4 * 7] = Double.POSITIVE_INFINITY;
        x[5 * 7 + 1] = Double.NEGATIVE_INFINITY;
        check(layers, x, 9, 0);
    }

    @Test
    void aSampleHasTheSameBitsWhateverTheBatch() {
        List<Given> layers =
                List.of(layer(10, 33, false, true, Elementwise.of(Kind.SILU), 0), layer(33, 6, false, true, null, 0));
        Network network = network(layers);
        double[] x = numbers(40 * 10, 1);
        long out = lab.output(40 * 60);
        kernels.jacobian(out, 0, network, lab.numbers(x), 40);
        long one = lab.output(60);
        kernels.jacobian(one, 0, network, lab.numbers(Arrays.copyOfRange(x, 370, 380)), 1);
        assertThat(lab.read(one)).isEqualTo(Arrays.copyOfRange(lab.read(out), 37 * 60, 38 * 60));
    }

    @Test
    void onlySmallNetworksFit() {
        assertThat(kernels.fits(new Network(List.of()))).isFalse();
        assertThat(kernels.fits(new Network(List.of(new Network.Layer(1, 0, 65, 1, false, null)))))
                .isFalse();
        assertThat(kernels.fits(new Network(List.of(new Network.Layer(1, 0, 1, 65, false, null)))))
                .isFalse();
        Network.Layer layer = new Network.Layer(1, 0, 64, 64, false, null);
        assertThat(kernels.fits(new Network(Collections.nCopies(8, layer)))).isTrue();
        assertThat(kernels.fits(new Network(Collections.nCopies(9, layer)))).isFalse();
        assertThatThrownBy(() -> new Network(List.of(layer, new Network.Layer(1, 0, 63, 1, false, null))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("layer 1 takes 63 numbers, the one before gives 64");
    }

    @Test
    void nothingIsLaunchedForNothing() {
        kernels.jacobian(0, 0, new Network(List.of(new Network.Layer(1, 0, 4, 4, false, null))), 0, 0);
        assertThat(lab.reports()).isEmpty();
    }

    /** Memory leaves time for 7 instructions a sector: most of these networks take more, arithmetic bounds them. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "7 7 7",
                "9 17 5",
                "10 16 4",
                "10 64 64 10",
                "12 40 24 4",
                "13 64 10",
                "16 64 64 16",
                "31 33 7",
                "33 31 5",
                "50 3 51",
                "63 61 59",
                "64 9 33",
                "64 64 64",
            })
    void sectorsAreReadWholeAndBankConflictsAreRare(String widths) {
        int[] width =
                Arrays.stream(widths.split(" ")).mapToInt(Integer::parseInt).toArray();
        int batch = 4096;
        for (boolean rowForm : new boolean[] {false, true}) {
            List<Given> layers = new ArrayList<>();
            for (int l = 1; l < width.length; l++) {
                Elementwise function = l == width.length - 1 ? null : Elementwise.of(Kind.TANH);
                layers.add(layer(width[l - 1], width[l], rowForm, true, function, 0));
            }
            Network network = network(layers);
            long x = lab.numbers(numbers(batch * network.inputs(), 1));
            lab.order(blocks -> new long[] {0, 1});
            for (boolean backward : new boolean[] {false, true}) {
                long out = lab.output((long) batch * network.inputs() * network.outputs());
                long value = lab.output((long) batch * network.outputs());
                kernels.jacobian(out, value, network, x, batch, backward);
                LaunchReport report = lab.reports().get(0);
                String what = report + ", backward " + backward + ", row form " + rowForm;
                Lab.print(widths, report);
                assertThat(report.sectorRatio()).as(what).isLessThanOrEqualTo(Lab.SECTORS);
                assertThat(report.bankConflictRatio()).as(what).isLessThanOrEqualTo(1.1);
            }
        }
    }

    @Test
    void theLastOfMoreThan32BitsOfNumbersIsRight() {
        List<Given> layers =
                List.of(layer(8, 5, false, true, Elementwise.of(Kind.TANH), 0), layer(5, 8, true, true, null, 0));
        long batch = (1L << 26) + 1;
        int bytes = precision == Precision.F32 ? Float.BYTES : Double.BYTES;
        double[] last = numbers(64, 1);
        ByteBuffer buffer = ByteBuffer.allocate(64 * bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (double value : last) {
            if (precision == Precision.F32) {
                buffer.putFloat((float) value);
            } else {
                buffer.putDouble(value);
            }
        }
        long x = lab.output(batch * 8);
        lab.machine().memory().copyIn(x + (batch * 8 - 64) * bytes, buffer.flip());
        double[] expected = expected(layers, last, 8, false)[1];
        long out = lab.output(batch * 64);
        lab.order(blocks -> new long[] {blocks - 1});
        kernels.jacobian(out, 0, network(layers), x, batch, false);
        assertSame(lab.read(out, batch * 64 - 64, 64), Arrays.copyOfRange(expected, 7 * 64, 8 * 64), "last sample");
    }
}
