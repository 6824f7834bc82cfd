package io.github.batchjac.backend.reference;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.graph.Elementwise;
import io.github.batchjac.graph.Elementwise.Kind;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ElementwiseFunctionsTest {
    private static final double[] ENDS = {Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY};

    private static Elementwise function(Kind kind) {
        return new Elementwise(kind, kind == Kind.LEAKY_RELU ? 0.125 : kind == Kind.ELU ? 0.75 : 0);
    }

    /** Against 60 digits: φ(z) and φ'(z). */
    private static void truth(Kind kind, double z, double value, double derivative) {
        assertClose(kind, z, ElementwiseFunctions.value(function(kind), z), value, Math.abs(value));
        double magnitude = Math.abs(derivative);
        if (z != 0 && (kind == Kind.SILU || kind == Kind.GELU || kind == Kind.GELU_TANH)) {
            // φ = z·c, φ' = c + z·c': these two have different signs, and φ' has a zero
            magnitude = Math.abs(value / z) + Math.abs(derivative - value / z);
        }
        assertClose(kind, z, ElementwiseFunctions.derivative(function(kind), z), derivative, magnitude);
    }

    /** 8 ulp of the magnitude, and where the tanh form of GELU rounds the argument w of an exponential first, 4|w| more. */
    private static void assertClose(Kind kind, double z, double actual, double expected, double magnitude) {
        double w = kind == Kind.GELU_TANH ? 1.6 * (Math.abs(z) + 0.045 * Math.abs(z * z * z)) : 0;
        assertThat(Math.abs(actual - expected) <= (8 + 4 * w) * Math.ulp(magnitude) || actual == expected)
                .as("%s at %s: %s, not %s", kind, z, actual, expected)
                .isTrue();
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void notANumberStaysOneUnlessTheSlopeIsConstant(Kind kind) {
        assertThat(ElementwiseFunctions.value(function(kind), Double.NaN)).isNaN();
        assertThat(Double.isNaN(ElementwiseFunctions.derivative(function(kind), Double.NaN)))
                .isEqualTo(!kind.linear());
    }

    @Test
    void atInfinityFunctionsTakeTheirLimits() {
        double infinity = Double.POSITIVE_INFINITY;
        for (double end : ENDS) {
            for (Kind kind : new Kind[] {Kind.SIGMOID, Kind.TANH, Kind.ERF}) {
                assertThat(ElementwiseFunctions.derivative(function(kind), end)).isEqualTo(0);
            }
        }
        for (Kind kind : new Kind[] {Kind.SILU, Kind.GELU, Kind.GELU_TANH, Kind.RELU, Kind.SOFTPLUS}) {
            assertThat(Math.abs(ElementwiseFunctions.value(function(kind), -infinity)))
                    .isEqualTo(0);
            assertThat(Math.abs(ElementwiseFunctions.derivative(function(kind), -infinity)))
                    .isEqualTo(0);
            assertThat(ElementwiseFunctions.value(function(kind), infinity)).isEqualTo(infinity);
            assertThat(ElementwiseFunctions.derivative(function(kind), infinity))
                    .isEqualTo(1);
        }
    }

    @Test
    void allFunctionsKeepTheirDigits() {
        truth(Kind.SIGMOID, -700.0, 9.85967654375977e-305, 9.85967654375977e-305);
        truth(Kind.SIGMOID, -40.0, 4.248354255291589e-18, 4.248354255291589e-18);
        truth(Kind.SIGMOID, -17.4, 2.7750831652298885e-08, 2.7750830882190228e-08);
        truth(Kind.SIGMOID, -8.3, 0.00024845508183933427, 0.0002483933519116425);
        truth(Kind.SIGMOID, -3.0, 0.04742587317756678, 0.04517665973091213);
        truth(Kind.SIGMOID, -1.3, 0.2141650169574414, 0.16829836246906021);
        truth(Kind.SIGMOID, -0.4, 0.401312339887548, 0.24026074574152914);
        truth(Kind.SIGMOID, -1e-08, 0.4999999975, 0.25);
        truth(Kind.SIGMOID, 0.0, 0.5, 0.25);
        truth(Kind.SIGMOID, 1e-08, 0.5000000025, 0.25);
        truth(Kind.SIGMOID, 0.4, 0.598687660112452, 0.24026074574152914);
        truth(Kind.SIGMOID, 1.0, 0.7310585786300049, 0.19661193324148185);
        truth(Kind.SIGMOID, 2.7, 0.9370266439430035, 0.059007712483915224);
        truth(Kind.SIGMOID, 6.0, 0.9975273768433652, 0.0024665092913600476);
        truth(Kind.SIGMOID, 17.4, 0.9999999722491684, 2.7750830882190228e-08);
        truth(Kind.SIGMOID, 40.0, 1.0, 4.248354255291589e-18);
        truth(Kind.SIGMOID, 700.0, 1.0, 9.85967654375977e-305);
        truth(Kind.TANH, -700.0, -1.0, 0.0);
        truth(Kind.TANH, -40.0, -1.0, 7.219405551381661e-35);
        truth(Kind.TANH, -17.4, -0.9999999999999984, 3.0804348005461826e-15);
        truth(Kind.TANH, -8.3, -0.999999876478781, 2.4704242290823046e-07);
        truth(Kind.TANH, -3.0, -0.9950547536867305, 0.00986603716544019);
        truth(Kind.TANH, -1.3, -0.8617231593133063, 0.257433196703094);
        truth(Kind.TANH, -0.4, -0.3799489622552249, 0.8556387860811777);
        truth(Kind.TANH, -1e-08, -1e-08, 0.9999999999999999);
        truth(Kind.TANH, 0.0, 0.0, 1.0);
        truth(Kind.TANH, 1e-08, 1e-08, 0.9999999999999999);
        truth(Kind.TANH, 0.4, 0.3799489622552249, 0.8556387860811777);
        truth(Kind.TANH, 1.0, 0.7615941559557649, 0.4199743416140261);
        truth(Kind.TANH, 2.7, 0.9910074536781176, 0.017904226754413513);
        truth(Kind.TANH, 6.0, 0.9999877116507956, 2.4576547405332702e-05);
        truth(Kind.TANH, 17.4, 0.9999999999999984, 3.0804348005461826e-15);
        truth(Kind.TANH, 40.0, 1.0, 7.219405551381661e-35);
        truth(Kind.TANH, 700.0, 1.0, 0.0);
        truth(Kind.RELU, -700.0, 0.0, 0.0);
        truth(Kind.RELU, -40.0, 0.0, 0.0);
        truth(Kind.RELU, -17.4, 0.0, 0.0);
        truth(Kind.RELU, -8.3, 0.0, 0.0);
        truth(Kind.RELU, -3.0, 0.0, 0.0);
        truth(Kind.RELU, -1.3, 0.0, 0.0);
        truth(Kind.RELU, -0.4, 0.0, 0.0);
        truth(Kind.RELU, -1e-08, 0.0, 0.0);
        truth(Kind.RELU, 0.0, 0.0, 0.0);
        truth(Kind.RELU, 1e-08, 1e-08, 1.0);
        truth(Kind.RELU, 0.4, 0.4, 1.0);
        truth(Kind.RELU, 1.0, 1.0, 1.0);
        truth(Kind.RELU, 2.7, 2.7, 1.0);
        truth(Kind.RELU, 6.0, 6.0, 1.0);
        truth(Kind.RELU, 17.4, 17.4, 1.0);
        truth(Kind.RELU, 40.0, 40.0, 1.0);
        truth(Kind.RELU, 700.0, 700.0, 1.0);
        truth(Kind.LEAKY_RELU, -700.0, -87.5, 0.125);
        truth(Kind.LEAKY_RELU, -40.0, -5.0, 0.125);
        truth(Kind.LEAKY_RELU, -17.4, -2.175, 0.125);
        truth(Kind.LEAKY_RELU, -8.3, -1.0375, 0.125);
        truth(Kind.LEAKY_RELU, -3.0, -0.375, 0.125);
        truth(Kind.LEAKY_RELU, -1.3, -0.1625, 0.125);
        truth(Kind.LEAKY_RELU, -0.4, -0.05, 0.125);
        truth(Kind.LEAKY_RELU, -1e-08, -1.25e-09, 0.125);
        truth(Kind.LEAKY_RELU, 0.0, 0.0, 0.125);
        truth(Kind.LEAKY_RELU, 1e-08, 1e-08, 1.0);
        truth(Kind.LEAKY_RELU, 0.4, 0.4, 1.0);
        truth(Kind.LEAKY_RELU, 1.0, 1.0, 1.0);
        truth(Kind.LEAKY_RELU, 2.7, 2.7, 1.0);
        truth(Kind.LEAKY_RELU, 6.0, 6.0, 1.0);
        truth(Kind.LEAKY_RELU, 17.4, 17.4, 1.0);
        truth(Kind.LEAKY_RELU, 40.0, 40.0, 1.0);
        truth(Kind.LEAKY_RELU, 700.0, 700.0, 1.0);
        truth(Kind.ELU, -700.0, -0.75, 7.394757407819829e-305);
        truth(Kind.ELU, -40.0, -0.75, 3.1862656914686917e-18);
        truth(Kind.ELU, -17.4, -0.7499999791868757, 2.0813124316805674e-08);
        truth(Kind.ELU, -8.3, -0.749813612379669, 0.00018638762033096389);
        truth(Kind.ELU, -3.0, -0.7126596987241021, 0.03734030127589796);
        truth(Kind.ELU, -1.3, -0.5456011552244906, 0.20439884477550943);
        truth(Kind.ELU, -0.4, -0.24725996547327053, 0.5027400345267294);
        truth(Kind.ELU, -1e-08, -7.4999999625e-09, 0.7499999925);
        truth(Kind.ELU, 0.0, 0.0, 0.75);
        truth(Kind.ELU, 1e-08, 1e-08, 1.0);
        truth(Kind.ELU, 0.4, 0.4, 1.0);
        truth(Kind.ELU, 1.0, 1.0, 1.0);
        truth(Kind.ELU, 2.7, 2.7, 1.0);
        truth(Kind.ELU, 6.0, 6.0, 1.0);
        truth(Kind.ELU, 17.4, 17.4, 1.0);
        truth(Kind.ELU, 40.0, 40.0, 1.0);
        truth(Kind.ELU, 700.0, 700.0, 1.0);
        truth(Kind.SOFTPLUS, -700.0, 9.85967654375977e-305, 9.85967654375977e-305);
        truth(Kind.SOFTPLUS, -40.0, 4.248354255291589e-18, 4.248354255291589e-18);
        truth(Kind.SOFTPLUS, -17.4, 2.775083203735322e-08, 2.7750831652298885e-08);
        truth(Kind.SOFTPLUS, -8.3, 0.00024848595191650445, 0.00024845508183933427);
        truth(Kind.SOFTPLUS, -3.0, 0.04858735157374206, 0.04742587317756678);
        truth(Kind.SOFTPLUS, -1.3, 0.2410084538329922, 0.2141650169574414);
        truth(Kind.SOFTPLUS, -0.4, 0.5130152523999526, 0.401312339887548);
        truth(Kind.SOFTPLUS, -1e-08, 0.6931471755599453, 0.4999999975);
        truth(Kind.SOFTPLUS, 0.0, 0.6931471805599453, 0.5);
        truth(Kind.SOFTPLUS, 1e-08, 0.6931471855599454, 0.5000000025);
        truth(Kind.SOFTPLUS, 0.4, 0.9130152523999526, 0.598687660112452);
        truth(Kind.SOFTPLUS, 1.0, 1.3132616875182228, 0.7310585786300049);
        truth(Kind.SOFTPLUS, 2.7, 2.7650435617765905, 0.9370266439430035);
        truth(Kind.SOFTPLUS, 6.0, 6.00247568513773, 0.9975273768433652);
        truth(Kind.SOFTPLUS, 17.4, 17.40000002775083, 0.9999999722491684);
        truth(Kind.SOFTPLUS, 40.0, 40.0, 1.0);
        truth(Kind.SOFTPLUS, 700.0, 700.0, 1.0);
        truth(Kind.SILU, -700.0, -6.90177358063184e-302, -6.891913904088079e-302);
        truth(Kind.SILU, -40.0, -1.6993417021166355e-16, -1.6568581595637197e-16);
        truth(Kind.SILU, -17.4, -4.828644707500006e-07, -4.55113625697811e-07);
        truth(Kind.SILU, -8.3, -0.0020621771792664746, -0.0018132097390272986);
        truth(Kind.SILU, -3.0, -0.14227761953270035, -0.08810410601516962);
        truth(Kind.SILU, -1.3, -0.2784145220446738, -0.004622854252336921);
        truth(Kind.SILU, -0.4, -0.1605249359550192, 0.30520804159093634);
        truth(Kind.SILU, -1e-08, -4.9999999750000005e-09, 0.499999995);
        truth(Kind.SILU, 0.0, 0.0, 0.5);
        truth(Kind.SILU, 1e-08, 5.000000025e-09, 0.500000005);
        truth(Kind.SILU, 0.4, 0.2394750640449808, 0.6947919584090637);
        truth(Kind.SILU, 1.0, 0.7310585786300049, 0.9276705118714867);
        truth(Kind.SILU, 2.7, 2.5299719386461095, 1.0963474676495746);
        truth(Kind.SILU, 6.0, 5.985164261060191, 1.0123264325915255);
        truth(Kind.SILU, 17.4, 17.399999517135527, 1.0000004551136257);
        truth(Kind.SILU, 40.0, 40.0, 1.0000000000000002);
        truth(Kind.SILU, 700.0, 700.0, 1.0);
        truth(Kind.GELU, -700.0, -0.0, -0.0);
        truth(Kind.GELU, -40.0, -0.0, -0.0);
        truth(Kind.GELU, -17.4, -7.177754501237509e-67, -1.2489024723080366e-65);
        truth(Kind.GELU, -8.3, -4.3206228882589113e-16, -3.584705034023844e-15);
        truth(Kind.GELU, -3.0, -0.0040496940948902835, -0.011945647204183927);
        truth(Kind.GELU, -1.3, -0.12584062996129342, -0.12597868507653923);
        truth(Kind.GELU, -0.4, -0.13783130335587035, 0.1972702022683465);
        truth(Kind.GELU, -1e-08, -4.999999960105772e-09, 0.4999999920211544);
        truth(Kind.GELU, 0.0, 0.0, 0.5);
        truth(Kind.GELU, 1e-08, 5.000000039894228e-09, 0.5000000079788456);
        truth(Kind.GELU, 0.4, 0.2621686966441297, 0.8027297977316535);
        truth(Kind.GELU, 1.0, 0.8413447460685429, 1.0833154705876864);
        truth(Kind.GELU, 2.7, 2.6906391707317905, 1.0246695501959002);
        truth(Kind.GELU, 6.0, 5.999999994080474, 1.0000000354687095);
        truth(Kind.GELU, 17.4, 17.4, 1.0);
        truth(Kind.GELU, 40.0, 40.0, 1.0);
        truth(Kind.GELU, 700.0, 700.0, 1.0);
        truth(Kind.EXP, -700.0, 9.85967654375977e-305, 9.85967654375977e-305);
        truth(Kind.EXP, -40.0, 4.248354255291589e-18, 4.248354255291589e-18);
        truth(Kind.EXP, -17.4, 2.7750832422407563e-08, 2.7750832422407563e-08);
        truth(Kind.EXP, -8.3, 0.00024851682710795185, 0.00024851682710795185);
        truth(Kind.EXP, -3.0, 0.049787068367863944, 0.049787068367863944);
        truth(Kind.EXP, -1.3, 0.2725317930340126, 0.2725317930340126);
        truth(Kind.EXP, -0.4, 0.6703200460356393, 0.6703200460356393);
        truth(Kind.EXP, -1e-08, 0.9999999900000001, 0.9999999900000001);
        truth(Kind.EXP, 0.0, 1.0, 1.0);
        truth(Kind.EXP, 1e-08, 1.00000001, 1.00000001);
        truth(Kind.EXP, 0.4, 1.4918246976412703, 1.4918246976412703);
        truth(Kind.EXP, 1.0, 2.718281828459045, 2.718281828459045);
        truth(Kind.EXP, 2.7, 14.879731724872837, 14.879731724872837);
        truth(Kind.EXP, 6.0, 403.4287934927351, 403.4287934927351);
        truth(Kind.EXP, 17.4, 36034955.08814159, 36034955.08814159);
        truth(Kind.EXP, 40.0, 2.3538526683702e+17, 2.3538526683702e+17);
        truth(Kind.EXP, 700.0, 1.0142320547350045e+304, 1.0142320547350045e+304);
        truth(Kind.LOG, 1e-300, -690.7755278982137, 9.999999999999999e+299);
        truth(Kind.LOG, 1e-08, -18.420680743952367, 100000000.0);
        truth(Kind.LOG, 0.4, -0.916290731874155, 2.5);
        truth(Kind.LOG, 1.0000001, 9.999999505838704e-08, 0.9999999000000099);
        truth(Kind.LOG, 2.7, 0.9932517730102834, 0.37037037037037035);
        truth(Kind.LOG, 40.0, 3.6888794541139363, 0.025);
        truth(Kind.LOG, 10000000000.0, 23.025850929940457, 1e-10);
        truth(Kind.LOG, 1e+200, 460.51701859880916, 1e-200);
        truth(Kind.SQUARE, -700.0, 490000.0, -1400.0);
        truth(Kind.SQUARE, -40.0, 1600.0, -80.0);
        truth(Kind.SQUARE, -17.4, 302.75999999999993, -34.8);
        truth(Kind.SQUARE, -8.3, 68.89000000000001, -16.6);
        truth(Kind.SQUARE, -3.0, 9.0, -6.0);
        truth(Kind.SQUARE, -1.3, 1.6900000000000002, -2.6);
        truth(Kind.SQUARE, -0.4, 0.16000000000000003, -0.8);
        truth(Kind.SQUARE, -1e-08, 1.0000000000000001e-16, -2e-08);
        truth(Kind.SQUARE, 0.0, 0.0, 0.0);
        truth(Kind.SQUARE, 1e-08, 1.0000000000000001e-16, 2e-08);
        truth(Kind.SQUARE, 0.4, 0.16000000000000003, 0.8);
        truth(Kind.SQUARE, 1.0, 1.0, 2.0);
        truth(Kind.SQUARE, 2.7, 7.290000000000001, 5.4);
        truth(Kind.SQUARE, 6.0, 36.0, 12.0);
        truth(Kind.SQUARE, 17.4, 302.75999999999993, 34.8);
        truth(Kind.SQUARE, 40.0, 1600.0, 80.0);
        truth(Kind.SQUARE, 700.0, 490000.0, 1400.0);
        truth(Kind.SQRT, 1e-300, 1e-150, 5e+149);
        truth(Kind.SQRT, 1e-08, 0.0001, 5000.0);
        truth(Kind.SQRT, 0.4, 0.6324555320336759, 0.7905694150420948);
        truth(Kind.SQRT, 1.0000001, 1.0000000499999988, 0.4999999750000019);
        truth(Kind.SQRT, 2.7, 1.6431676725154984, 0.3042903097250923);
        truth(Kind.SQRT, 40.0, 6.324555320336759, 0.07905694150420949);
        truth(Kind.SQRT, 10000000000.0, 100000.0, 5e-06);
        truth(Kind.SQRT, 1e+200, 1e+100, 5e-101);
        truth(Kind.SIN, -700.0, -0.5439705233633756, -0.8391043258807425);
        truth(Kind.SIN, -40.0, -0.7451131604793488, -0.6669380616522619);
        truth(Kind.SIN, -17.4, 0.9926593804706332, 0.12094359992847414);
        truth(Kind.SIN, -8.3, -0.9021718337562933, -0.4313768449706208);
        truth(Kind.SIN, -3.0, -0.1411200080598672, -0.9899924966004454);
        truth(Kind.SIN, -1.3, -0.963558185417193, 0.26749882862458735);
        truth(Kind.SIN, -0.4, -0.3894183423086505, 0.9210609940028851);
        truth(Kind.SIN, -1e-08, -1e-08, 1.0);
        truth(Kind.SIN, 0.0, 0.0, 1.0);
        truth(Kind.SIN, 1e-08, 1e-08, 1.0);
        truth(Kind.SIN, 0.4, 0.3894183423086505, 0.9210609940028851);
        truth(Kind.SIN, 1.0, 0.8414709848078965, 0.5403023058681398);
        truth(Kind.SIN, 2.7, 0.4273798802338298, -0.9040721420170612);
        truth(Kind.SIN, 6.0, -0.27941549819892586, 0.960170286650366);
        truth(Kind.SIN, 17.4, -0.9926593804706332, 0.12094359992847414);
        truth(Kind.SIN, 40.0, 0.7451131604793488, -0.6669380616522619);
        truth(Kind.SIN, 700.0, 0.5439705233633756, -0.8391043258807425);
        truth(Kind.COS, -700.0, -0.8391043258807425, 0.5439705233633756);
        truth(Kind.COS, -40.0, -0.6669380616522619, 0.7451131604793488);
        truth(Kind.COS, -17.4, 0.12094359992847414, -0.9926593804706332);
        truth(Kind.COS, -8.3, -0.4313768449706208, 0.9021718337562933);
        truth(Kind.COS, -3.0, -0.9899924966004454, 0.1411200080598672);
        truth(Kind.COS, -1.3, 0.26749882862458735, 0.963558185417193);
        truth(Kind.COS, -0.4, 0.9210609940028851, 0.3894183423086505);
        truth(Kind.COS, -1e-08, 1.0, 1e-08);
        truth(Kind.COS, 0.0, 1.0, 0.0);
        truth(Kind.COS, 1e-08, 1.0, -1e-08);
        truth(Kind.COS, 0.4, 0.9210609940028851, -0.3894183423086505);
        truth(Kind.COS, 1.0, 0.5403023058681398, -0.8414709848078965);
        truth(Kind.COS, 2.7, -0.9040721420170612, -0.4273798802338298);
        truth(Kind.COS, 6.0, 0.960170286650366, 0.27941549819892586);
        truth(Kind.COS, 17.4, 0.12094359992847414, 0.9926593804706332);
        truth(Kind.COS, 40.0, -0.6669380616522619, -0.7451131604793488);
        truth(Kind.COS, 700.0, -0.8391043258807425, -0.5439705233633756);
        truth(Kind.RECIPROCAL, 1e-300, 9.999999999999999e+299, -1.0 / 0);
        truth(Kind.RECIPROCAL, 1e-08, 100000000.0, -1e+16);
        truth(Kind.RECIPROCAL, 0.4, 2.5, -6.249999999999999);
        truth(Kind.RECIPROCAL, 1.0000001, 0.9999999000000099, -0.9999998000000299);
        truth(Kind.RECIPROCAL, 2.7, 0.37037037037037035, -0.1371742112482853);
        truth(Kind.RECIPROCAL, 40.0, 0.025, -0.000625);
        truth(Kind.RECIPROCAL, 10000000000.0, 1e-10, -1e-20);
        truth(Kind.RECIPROCAL, 1e+200, 1e-200, -0.0);
        truth(Kind.ERF, -700.0, -1.0, 0.0);
        truth(Kind.ERF, -40.0, -1.0, 0.0);
        truth(Kind.ERF, -17.4, -1.0, 3.676695963389995e-132);
        truth(Kind.ERF, -8.3, -1.0, 1.3611569375020515e-30);
        truth(Kind.ERF, -3.0, -0.9999779095030014, 0.00013925305194674786);
        truth(Kind.ERF, -1.3, -0.9340079449406524, 0.20820798679606967);
        truth(Kind.ERF, -0.4, -0.42839235504666845, 0.9615412988393077);
        truth(Kind.ERF, -1e-08, -1.1283791670955126e-08, 1.1283791670955126);
        truth(Kind.ERF, 0.0, 0.0, 1.1283791670955126);
        truth(Kind.ERF, 1e-08, 1.1283791670955126e-08, 1.1283791670955126);
        truth(Kind.ERF, 0.4, 0.42839235504666845, 0.9615412988393077);
        truth(Kind.ERF, 1.0, 0.8427007929497149, 0.4151074974205947);
        truth(Kind.ERF, 2.7, 0.9998656672600594, 0.0007699247598551425);
        truth(Kind.ERF, 6.0, 1.0, 2.617301239249265e-16);
        truth(Kind.ERF, 17.4, 1.0, 3.676695963389995e-132);
        truth(Kind.ERF, 40.0, 1.0, 0.0);
        truth(Kind.ERF, 700.0, 1.0, 0.0);
        truth(Kind.GELU_TANH, -700.0, -0.0, -0.0);
        truth(Kind.GELU_TANH, -40.0, -0.0, -0.0);
        truth(Kind.GELU_TANH, -17.4, -8.530040629225763e-175, -5.659549774387887e-173);
        truth(Kind.GELU_TANH, -8.3, -2.804071904186675e-23, -4.548817899572829e-22);
        truth(Kind.GELU_TANH, -3.0, -0.003637392081773019, -0.011584166630969728);
        truth(Kind.GELU_TANH, -1.3, -0.1260709876826906, -0.12587806978401672);
        truth(Kind.GELU_TANH, -0.4, -0.13783883057264382, 0.19734116557943862);
        truth(Kind.GELU_TANH, -1e-08, -4.999999960105772e-09, 0.4999999920211544);
        truth(Kind.GELU_TANH, 0.0, 0.0, 0.5);
        truth(Kind.GELU_TANH, 1e-08, 5.000000039894228e-09, 0.5000000079788456);
        truth(Kind.GELU_TANH, 0.4, 0.2621611694273562, 0.8026588344205614);
        truth(Kind.GELU_TANH, 1.0, 0.8411919906082767, 1.0829640838457826);
        truth(Kind.GELU_TANH, 2.7, 2.691112405360532, 1.0246678654351904);
        truth(Kind.GELU_TANH, 6.0, 5.9999999999156035, 1.0000000007709975);
        truth(Kind.GELU_TANH, 17.4, 17.4, 1.0);
        truth(Kind.GELU_TANH, 40.0, 40.0, 1.0);
        truth(Kind.GELU_TANH, 700.0, 700.0, 1.0);
    }
}
