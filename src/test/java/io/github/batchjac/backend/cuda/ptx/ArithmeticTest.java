package io.github.batchjac.backend.cuda.ptx;

import static io.github.batchjac.backend.cuda.ptx.Snippets.fails;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.backend.cuda.ptx.PtxFault.Kind;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ArithmeticTest {
    private static final String[] TWO_F32 = {"f32", "f32"};
    private static final String[] F32 = {"f32"};
    private static final String[] F64 = {"f64"};

    private final Snippets lab = new Snippets();

    private static long bits(double a, String type) {
        return type.equals("f32") ? Float.floatToRawIntBits((float) a) & 0xffffffffL : Double.doubleToRawLongBits(a);
    }

    private static double value(long bits, String type) {
        return type.equals("f32") ? Float.intBitsToFloat((int) bits) : Double.longBitsToDouble(bits);
    }

    private static BigDecimal exact(String op, BigDecimal a, BigDecimal b, BigDecimal c) {
        MathContext wide = new MathContext(700, RoundingMode.DOWN); // odd enough: sticks out below the last bit
        return switch (op) {
            case "add" -> a.add(b);
            case "sub" -> a.subtract(b);
            case "mul" -> a.multiply(b);
            case "fma" -> a.multiply(b).add(c);
            case "div" -> a.divide(b, wide);
            case "rcp" -> BigDecimal.ONE.divide(a, wide);
            case "sqrt" -> a.sqrt(wide);
            default -> throw new IllegalArgumentException(op);
        };
    }

    /** The multiple of a unit in the last place that the mode asks for: an oracle for normal results. */
    private static double rounded(BigDecimal exact, String mode, String type) {
        if (exact.signum() == 0) {
            return 0;
        }
        int precision = type.equals("f32") ? 24 : 53;
        double near = type.equals("f32") ? exact.floatValue() : exact.doubleValue();
        BigDecimal ulp = new BigDecimal(Math.scalb(1d, Math.getExponent(near) - precision)); // no more than one
        RoundingMode rounding = switch (mode) {
            case "rn" -> RoundingMode.HALF_EVEN;
            case "rz" -> RoundingMode.DOWN;
            case "rm" -> RoundingMode.FLOOR;
            default -> RoundingMode.CEILING;
        };
        // The exponent of the exact value: that of near, or one less where near was rounded up to a power of two.
        BigDecimal power = new BigDecimal(Math.scalb(1d, Math.getExponent(near)));
        BigDecimal unit = exact.abs().compareTo(power) < 0 ? ulp : ulp.multiply(BigDecimal.valueOf(2));
        return exact.divide(unit, 0, rounding).multiply(unit).doubleValue();
    }

    @ParameterizedTest
    @CsvSource({
        "add,2", "sub,2", "mul,2", "fma,3", "div,2", "rcp,1", "sqrt,1",
    })
    void arithmeticRoundsInEveryDirection(String op, int operands) {
        Random random = new Random(7);
        for (String type : new String[] {"f32", "f64"}) {
            long[][] rows = new long[200][operands];
            for (long[] row : rows) {
                for (int i = 0; i < operands; i++) {
                    double a = Math.scalb(random.nextInt(1 << 24) + 1d, random.nextInt(60) - 50);
                    row[i] = bits(op.equals("sqrt") || random.nextBoolean() ? a : -a, type);
                }
            }
            for (String mode : new String[] {"rn", "rz", "rm", "rp"}) {
                String types = String.join(",", java.util.Collections.nCopies(operands, type));
                String names = ", %a, %b, %c".substring(0, 4 * operands);
                long[] results =
                        lab.evaluate(op + "." + mode + "." + type + " %d" + names + ";", type, types.split(","), rows);
                for (int n = 0; n < rows.length; n++) {
                    BigDecimal[] x = new BigDecimal[3];
                    for (int i = 0; i < operands; i++) {
                        x[i] = new BigDecimal(value(rows[n][i], type));
                    }
                    assertThat(value(results[n], type))
                            .as(op + "." + mode + "." + type + " of " + x[0] + ", " + x[1] + ", " + x[2])
                            .isEqualTo(rounded(exact(op, x[0], x[1], x[2]), mode, type));
                }
            }
        }
    }

    @Test
    void directedRoundingIsRightAtTheEdges() {
        double huge = Float.MAX_VALUE;
        assertThat(two("add.rz.f32", huge, huge)).isEqualTo(huge);
        assertThat(two("add.rp.f32", huge, huge)).isEqualTo(Float.POSITIVE_INFINITY);
        assertThat(two("add.rp.f32", -huge, -huge)).isEqualTo(-huge);
        assertThat(two("mul.rm.f32", huge, 2)).isEqualTo(huge);
        assertThat(two("mul.rp.f32", Float.MIN_VALUE, Float.MIN_VALUE)).isEqualTo(Float.MIN_VALUE);
        assertThat(two("mul.rz.f32", Float.MIN_VALUE, Float.MIN_VALUE)).isEqualTo(0);
        assertThat(two("mul.rm.f32", -Float.MIN_VALUE, Float.MIN_VALUE)).isEqualTo(-Float.MIN_VALUE);
        assertThat(1 / two("add.rm.f32", 1, -1)).isEqualTo(Double.NEGATIVE_INFINITY);
        assertThat(1 / two("add.rn.f32", 1, -1)).isEqualTo(Double.POSITIVE_INFINITY);
        assertThat(1 / two("sub.rm.f32", 1, 1)).isEqualTo(Double.NEGATIVE_INFINITY);
        assertThat(two("div.rz.f32", huge, Float.MIN_VALUE)).isEqualTo(huge);
        assertThat(two("div.rp.f32", 1, 0)).isEqualTo(Double.POSITIVE_INFINITY);
        assertThat(two("div.rp.f32", 0, 0)).isNaN();
        assertThat(two("div.rm.f32", 6, 3)).isEqualTo(2);
        assertThat(two("div.rm.f32", -6, 3)).isEqualTo(-2);
    }

    private double two(String opcode, double a, double b) {
        return value(
                lab.evaluate(opcode + " %d, %a, %b;", "f32", TWO_F32, new long[] {bits(a, "f32"), bits(b, "f32")})[0],
                "f32");
    }

    private double one(String statement, String type, double a) {
        return value(lab.evaluate(statement, type, new String[] {type}, new long[] {bits(a, type)})[0], type);
    }

    @Test
    void minimaIgnoreNaNAndOrderZeros() {
        assertThat(two("min.f32", Double.NaN, 3)).isEqualTo(3);
        assertThat(two("max.f32", 3, Double.NaN)).isEqualTo(3);
        assertThat(two("max.f32", Double.NaN, Double.NaN)).isNaN();
        assertThat(two("max.NaN.f32", 3, Double.NaN)).isNaN();
        assertThat(1 / two("min.f32", 0d, -0d)).isEqualTo(Double.NEGATIVE_INFINITY);
        assertThat(1 / two("max.f32", -0d, 0d)).isEqualTo(Double.POSITIVE_INFINITY);
        assertThat(two("copysign.f32", -2, 3)).isEqualTo(-3);
        assertThat(two("copysign.f32", 2, -3)).isEqualTo(3);
    }

    @Test
    void flushingAndSaturationApplyWhereWritten() {
        assertThat(two("add.f32", 0x1p-140, 0)).isEqualTo(0x1p-140);
        assertThat(two("add.ftz.f32", 0x1p-140, 0)).isEqualTo(0);
        assertThat(two("mul.ftz.f32", 0x1p-100, 0x1p-40)).isEqualTo(0);
        assertThat(two("add.sat.f32", 3, 4)).isEqualTo(1);
        assertThat(two("add.sat.f32", -3, 1)).isEqualTo(0);
        assertThat(two("add.sat.f32", Double.NaN, 1)).isEqualTo(0);
        assertThat(one("neg.f64 %d, %a;", "f64", 2)).isEqualTo(-2);
        assertThat(one("abs.f64 %d, %a;", "f64", -2)).isEqualTo(2);
    }

    @ParameterizedTest
    @CsvSource({
        "div.s32, -7, 2, -3",
        "div.s32, -2147483648, -1, -2147483648",
        "rem.s32, -7, 2, -1",
        "rem.s32, 7, -2, 1",
        "rem.s32, -2147483648, -1, 0",
        "div.u32, -7, 2, 2147483644",
        "rem.u32, -7, 4, 1",
        "div.u32, 5, -1, 0",
        "shl.b32, 1, 31, -2147483648",
        "shl.b32, 1, 32, 0",
        "shl.b32, 1, -1, 0",
        "shr.s32, -8, 1, -4",
        "shr.s32, -8, 40, -1",
        "shr.u32, -8, 1, 2147483644",
        "shr.u32, -8, 32, 0",
        "mul.hi.s32, -2, 1073741824, -1",
        "mul.hi.u32, -2, 1073741824, 1073741823",
        "mul.lo.s32, 65537, 65537, 131073",
        "min.s32, -1, 1, -1",
        "min.u32, -1, 1, 1",
        "max.u32, -1, 1, -1",
        "add.s32, 2147483647, 1, -2147483648",
    })
    void integersOf32Bits(String opcode, int a, int b, int expected) {
        String type = opcode.substring(opcode.length() - 3);
        long[] result = lab.evaluate(
                opcode + " %d, %a, %b;", "b32", new String[] {type, "u32"}, new long[] {a & 0xffffffffL, b & 0xffffffffL
                });
        assertThat((int) result[0]).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({
        "div.s64, -7, 2, -3",
        "div.s64, -9223372036854775808, -1, -9223372036854775808",
        "rem.s64, -7, 2, -1",
        "div.u64, -7, 2, 9223372036854775804",
        "rem.u64, -1, 10, 5",
        "mul.hi.s64, -2, 4611686018427387904, -1",
        "mul.hi.u64, -2, 4611686018427387904, 4611686018427387903",
        "min.u64, -1, 1, 1",
        "max.s64, -1, 1, 1",
        "sub.s64, 3, 5, -2",
    })
    void integersOf64Bits(String opcode, long a, long b, long expected) {
        String type = opcode.substring(opcode.length() - 3);
        assertThat(lab.evaluate(opcode + " %d, %a, %b;", "b64", new String[] {type, type}, new long[] {a, b}))
                .containsExactly(expected);
    }

    @ParameterizedTest
    @CsvSource({
        "shl.b64 %d| %a| %b;, 1, 63, -9223372036854775808",
        "shl.b64 %d| %a| %b;, 1, 64, 0",
        "shr.s64 %d| %a| %b;, -8, 100, -1",
        "shr.u64 %d| %a| %b;, -8, 64, 0",
    })
    void shiftsOf64BitsClamp(String statement, long a, long by, long expected) {
        assertThat(lab.evaluate(statement.replace('|', ','), "b64", new String[] {"b64", "b32"}, new long[] {a, by}))
                .containsExactly(expected);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "bfe.u32 %d, %a, 4, 8; | 0x12345678 | 0x67",
                "bfe.s32 %d, %a, 4, 4; | 0x12345688 | 0xfffffff8",
                "bfe.s32 %d, %a, 28, 8; | 0x81234567 | 0xfffffff8",
                "bfe.u32 %d, %a, 0, 32; | 0x81234567 | 0x81234567",
                "bfe.u32 %d, %a, 32, 4; | 0x81234567 | 0x0",
                "bfe.s32 %d, %a, 3, 0; | 0x81234567 | 0x0",
                "bfi.b32 %d, %a, -1, 8, 8; | 0x12345678 | 0xffff78ff",
                "bfi.b32 %d, %a, 0, 28, 8; | 0x12345678 | 0x80000000",
                "brev.b32 %d, %a; | 0x00000003 | 0xc0000000",
                "clz.b32 %d, %a; | 0x00010000 | 0xf",
                "clz.b32 %d, %a; | 0x0 | 0x20",
                "popc.b32 %d, %a; | 0xf0f00001 | 0x9",
                "bfind.u32 %d, %a; | 0x00010000 | 0x10",
                "bfind.u32 %d, %a; | 0x0 | 0xffffffff",
                "bfind.s32 %d, %a; | 0xfffffff0 | 0x3",
                "bfind.shiftamt.u32 %d, %a; | 0x00010000 | 0xf",
                "prmt.b32 %d, %a, 0xaabbccdd, 0x7041; | 0x11223344 | 0xaa44dd33",
                "prmt.b32 %d, %a, 0, 0x000b; | 0x80000000 | 0x000000ff",
                "lop3.b32 %d, %a, 0x0f0f0f0f, 0x00ff00ff, 0x96; | 0x33333333 | 0x3cc33cc3",
                "lop3.b32 %d, %a, 0x0f0f0f0f, 0x00ff00ff, 0xE8; | 0x33333333 | 0x033f033f",
                "shf.l.wrap.b32 %d, %a, 0x12345678, 40; | 0xabcdef01 | 0x345678ab",
                "shf.l.clamp.b32 %d, %a, 0x12345678, 40; | 0xabcdef01 | 0xabcdef01",
                "shf.r.wrap.b32 %d, %a, 0x12345678, 8; | 0xabcdef01 | 0x78abcdef",
                "shf.r.clamp.b32 %d, %a, 0x12345678, 40; | 0xabcdef01 | 0x12345678",
                "sad.u32 %d, %a, 5, 7; | 0x3 | 0x9",
                "sad.s32 %d, %a, 5, 7; | 0xffffffff | 0xd",
                "mad.lo.s32 %d, %a, 5, 7; | 0xffffffff | 0x2",
                "mad.hi.u32 %d, %a, 5, 7; | 0xffffffff | 0xb",
                "not.b32 %d, %a; | 0xff | 0xffffff00",
                "cnot.b32 %d, %a; | 0x0 | 0x1",
                "abs.s32 %d, %a; | 0xfffffffe | 0x2",
                "neg.s32 %d, %a; | 0x2 | 0xfffffffe",
            })
    void bitsOf32(String statement, String a, String expected) {
        long[] result = lab.evaluate(statement, "b32", new String[] {"b32"}, new long[] {Long.decode(a.strip())});
        assertThat(Long.toHexString(result[0])).isEqualTo(Long.toHexString(Long.decode(expected.strip())));
    }

    @Test
    void additionWithCarryAddsAnyLength() {
        Random random = new Random(3);
        String statement = """
                { .reg .u32 %lo, %hi, %c0, %c1;
                mov.b64 {%lo, %hi}, %a;
                mov.b64 {%c0, %c1}, %b;
                OP.cc.u32 %lo, %lo, %c0;
                OPc.u32 %hi, %hi, %c1;
                mov.b64 %d, {%lo, %hi};
                }""";
        for (int n = 0; n < 50; n++) {
            long a = random.nextLong() >> random.nextInt(64);
            long b = random.nextLong() >> random.nextInt(64);
            String[] types = {"b64", "b64"};
            assertThat(lab.evaluate(statement.replace("OP", "add"), "b64", types, new long[] {a, b}))
                    .containsExactly(a + b);
            assertThat(lab.evaluate(statement.replace("OP", "sub"), "b64", types, new long[] {a, b}))
                    .containsExactly(a - b);
            assertThat(lab.evaluate("""
                            { .reg .u64 %x;
                            mad.lo.cc.u64 %x, %a, %b, %a;
                            madc.hi.u64 %d, %a, %b, 0;
                            }""", "b64", types, new long[] {a, b}))
                    .containsExactly(unsigned(a)
                            .multiply(unsigned(b))
                            .add(unsigned(a))
                            .shiftRight(64)
                            .longValue());
        }
    }

    private static BigInteger unsigned(long a) {
        return new BigInteger(Long.toUnsignedString(a));
    }

    @ParameterizedTest
    @CsvSource({
        "eq, 1, NaN, false", "ne, 1, NaN, false", "lt, 1, NaN, false", "le, 1, NaN, false", "gt, NaN, 1, false",
        "ge, NaN, 1, false", "equ, 1, NaN, true", "neu, 1, NaN, true", "ltu, 1, NaN, true", "leu, 1, NaN, true",
        "gtu, NaN, 1, true", "geu, NaN, 1, true", "num, 1, NaN, false", "nan, 1, NaN, true", "num, 1, 2, true",
        "nan, 1, 2, false", "eq, 0.0, -0.0, true", "lt, -0.0, 0.0, false", "ltu, 1, 2, true", "ltu, 2, 1, false",
        "ne, 1, 2, true", "neu, 1, 1, false", "ge, 2, 2, true", "geu, 1, 2, false", "equ, 1, 2, false"
    })
    void comparisonsOfNaNAreFalseUnlessUnordered(String comparison, double a, double b, boolean expected) {
        for (String type : new String[] {"f32", "f64"}) {
            String statement = "setp." + comparison + "." + type + " %x, %a, %b;\nselp.b32 %d, 1, 0, %x;";
            long[] row = {bits(a, type), bits(b, type)};
            assertThat(lab.evaluate(statement, "b32", new String[] {type, type}, row)[0])
                    .isEqualTo(expected ? 1 : 0);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "lt.s32, -1, 1, 1", "lt.u32, -1, 1, 0", "hi.u32, -1, 1, 1", "lo.u32, -1, 1, 0", "hs.u32, 1, 1, 1",
        "ls.u32, 2, 1, 0", "lt.s64, -1, 1, 1", "lt.u64, -1, 1, 0", "eq.b32, 4, 4, 1", "ne.s64, 4, 4, 0",
        "lt.s16, -1, 1, 1", "lt.u16, -1, 1, 0", "gt.u64, -1, 1, 1", "ge.s32, -1, -1, 1", "le.u64, 1, 2, 1"
    })
    void comparisonsOfIntegers(String comparison, long a, long b, long expected) {
        String type = comparison.substring(3);
        String statement = "setp." + comparison + " %x, %a, %b;\nselp.b32 %d, 1, 0, %x;";
        assertThat(lab.evaluate(statement, "b32", new String[] {type, type}, new long[] {a, b}))
                .containsExactly(expected);
    }

    @Test
    void comparisonsCombineWithPredicates() {
        String statement = """
                { .reg .pred p, q, r;
                setp.lt.s32 p, %a, %b;
                setp.gt.and.s32 q|r, %a, 0, !p;
                selp.b32 %d, 1, 0, q;
                @r add.s32 %d, %d, 2;
                }""";
        String[] types = {"s32", "s32"};
        assertThat(lab.evaluate(
                        statement, "b32", types, new long[] {5, 3}, new long[] {-5, -6}, new long[] {5, 6}, new long[] {
                            -5, 0
                        }))
                .containsExactly(1, 2, 0, 0);
        assertThat(lab.evaluate("set.lt.u32.s32 %d, %a, %b;", "b32", types, new long[] {1, 2}, new long[] {2, 1}))
                .containsExactly(0xffffffffL, 0);
        assertThat(lab.evaluate("set.lt.f32.s32 %d, %a, %b;", "f32", types, new long[] {1, 2}, new long[] {2, 1}))
                .containsExactly(0x3f800000, 0);
    }

    @ParameterizedTest
    @CsvSource({
        "rni.s32, 2.5, 2",
        "rni.s32, 3.5, 4",
        "rzi.s32, -2.9, -2",
        "rmi.s32, -2.1, -3",
        "rpi.s32, 2.1, 3",
        "rzi.s32, 3e9, 2147483647",
        "rzi.s32, -3e9, -2147483648",
        "rzi.u32, -1, 0",
        "rzi.u32, 5e9, 4294967295",
        "rzi.u64, 1e19, -8446744073709551616",
        "rzi.u64, 2e19, -1",
        "rzi.u64, -5, 0",
        "rzi.s64, 1e19, 9223372036854775807",
        "rzi.s16, 40000, 32767",
        "rzi.u8, 300, 255",
        "rzi.s8, -300, -128",
    })
    void conversionsToIntegersSaturate(String form, double a, long expected) {
        String to = form.substring(4);
        boolean wide = to.endsWith("64");
        long[] result =
                lab.evaluate("cvt." + form + ".f64 %d, %a;", wide ? "b64" : "b32", F64, new long[] {bits(a, "f64")});
        assertThat(wide ? result[0] : to.startsWith("u") ? result[0] : (int) result[0])
                .isEqualTo(expected);
    }

    @Test
    void nanBecomesZeroOrTheLeastNumber() {
        long[] single = {bits(Double.NaN, "f32")};
        long[] wide = {bits(Double.NaN, "f64")};
        assertThat(lab.evaluate("cvt.rzi.s32.f32 %d, %a;", "b32", F32, single)).containsExactly(0);
        assertThat(lab.evaluate("cvt.rzi.s64.f32 %d, %a;", "b64", F32, single)).containsExactly(Long.MIN_VALUE);
        assertThat(lab.evaluate("cvt.rzi.s32.f64 %d, %a;", "b32", F64, wide)).containsExactly(0x80000000L);
        assertThat(lab.evaluate("cvt.sat.f32.f32 %d, %a;", "f32", F32, single)).containsExactly(0);
    }

    @ParameterizedTest
    @CsvSource({
        "rn.f32.s32, s32, 16777217, 16777216",
        "rz.f32.s32, s32, 16777219, 16777218",
        "rp.f32.s32, s32, 16777217, 16777218",
        "rm.f32.s32, s32, -16777217, -16777218",
        "rn.f32.u64, u64, -1, 18446744073709551616",
        "rz.f32.u64, u64, -1, 18446742974197923840",
        "rn.f32.s64, s64, -1, -1",
        "rn.f32.u32, u32, 4294967295, 4294967296",
        "rm.f32.u32, u32, 4294967295, 4294967040"
    })
    void integersBecomeFloatsRounded(String form, String type, long a, String expected) {
        long[] result = lab.evaluate("cvt." + form + " %d, %a;", "f32", new String[] {type}, new long[] {a});
        assertThat(value(result[0], "f32")).isEqualTo(Double.parseDouble(expected));
    }

    @ParameterizedTest
    @CsvSource({"rn, 1", "rz, 1", "rm, 1", "rp, 1.00000011920928955078125"})
    void doublesBecomeFloatsRounded(String mode, double expected) {
        long[] result =
                lab.evaluate("cvt." + mode + ".f32.f64 %d, %a;", "f32", F64, new long[] {bits(1 + 0x1p-25, "f64")});
        assertThat(value(result[0], "f32")).isEqualTo(expected);
    }

    @Test
    void narrowIntegersExtendAsTheirTypesSay() {
        long[] row = {0x12345680L};
        String[] types = {"b32"};
        assertThat(lab.evaluate("cvt.s64.s8 %d, %a;", "b64", types, row)).containsExactly(-128);
        assertThat(lab.evaluate("cvt.u64.u8 %d, %a;", "b64", types, row)).containsExactly(128);
        assertThat(lab.evaluate("cvt.u32.u16 %d, %a;", "b32", types, row)).containsExactly(0x5680);
        assertThat(lab.evaluate("cvt.s32.s8 %d, %a;", "b32", types, row)).containsExactly(0xffffff80L);
        assertThat(lab.evaluate("cvt.sat.u8.s32 %d, %a;", "b32", types, row)).containsExactly(255);
        assertThat(lab.evaluate("cvt.sat.s8.s32 %d, %a;", "b32", types, new long[] {0xfffffe00L}))
                .containsExactly(0xffffff80L);
    }

    @Test
    void wideProductsKeepAllBits() {
        long[] row = {0xffffffffL, 3};
        assertThat(lab.evaluate("mul.wide.u32 %d, %a, %b;", "b64", new String[] {"u32", "u32"}, row))
                .containsExactly(0xffffffffL * 3);
        assertThat(lab.evaluate("mul.wide.s32 %d, %a, %b;", "b64", new String[] {"s32", "s32"}, row))
                .containsExactly(-3);
        assertThat(lab.evaluate(
                        "mad.wide.s32 %d, %a, %b, %c;",
                        "b64", new String[] {"s32", "s32", "s64"}, new long[] {0xffffffffL, 3, 1L << 40}))
                .containsExactly((1L << 40) - 3);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ex2.approx.f32",
                "ex2.approx.ftz.f32",
                "lg2.approx.f32",
                "sin.approx.f32",
                "cos.approx.f32",
                "rcp.approx.f32",
                "rsqrt.approx.f32",
                "sqrt.approx.f32",
                "tanh.approx.f32"
            })
    void approximationsAreRoundedOrJitteredByTwoUnits(String opcode) {
        double[] arguments = {.1, .7, 1.3, 2, 3.9, 5.5, 8.25, 11.125};
        boolean differs = false;
        boolean repeats = true;
        for (double a : arguments) {
            double x = (float) a;
            double exact = switch (opcode.substring(0, opcode.indexOf('.'))) {
                case "ex2" -> Math.pow(2, x);
                case "lg2" -> Math.log(x) / Math.log(2);
                case "sin" -> Math.sin(x);
                case "cos" -> Math.cos(x);
                case "rcp" -> 1 / x;
                case "rsqrt" -> 1 / Math.sqrt(x);
                case "sqrt" -> Math.sqrt(x);
                default -> Math.tanh(x);
            };
            lab.machine.jitter(0);
            assertThat(one(opcode + " %d, %a;", "f32", a)).isEqualTo((float) exact);
            lab.machine.jitter(12);
            double off = one(opcode + " %d, %a;", "f32", a);
            assertThat(Math.abs(off - (float) exact)).isLessThanOrEqualTo(4 * Math.ulp((float) exact));
            differs |= off != (float) exact;
            repeats &= off == one(opcode + " %d, %a;", "f32", a);
        }
        assertThat(differs).isTrue();
        assertThat(repeats).isTrue();
    }

    @Test
    void approximationsKeepTheirSpecialValues() {
        lab.machine.jitter(5);
        assertThat(one("ex2.approx.f32 %d, %a;", "f32", 0)).isEqualTo(1);
        assertThat(one("ex2.approx.f32 %d, %a;", "f32", Double.NEGATIVE_INFINITY))
                .isEqualTo(0);
        assertThat(one("lg2.approx.f32 %d, %a;", "f32", 0)).isEqualTo(Double.NEGATIVE_INFINITY);
        assertThat(one("lg2.approx.f32 %d, %a;", "f32", -1)).isNaN();
        assertThat(one("rcp.approx.ftz.f32 %d, %a;", "f32", 0x1p-140)).isEqualTo(Double.POSITIVE_INFINITY);
        assertThat(one("rcp.approx.ftz.f64 %d, %a;", "f64", 0)).isEqualTo(Double.POSITIVE_INFINITY);
        lab.machine.jitter(0);
        double third = one("rcp.approx.ftz.f64 %d, %a;", "f64", 3);
        assertThat(Double.doubleToRawLongBits(third) << 32).isZero();
        assertThat(third).isBetween(1 / 3d - 0x1p-21, 1 / 3d);
    }

    @Test
    void numbersAreTested() {
        String statement = "testp.CLASS.f32 %x, %a;\nselp.b32 %d, 1, 0, %x;";
        long[][] rows = {
            {bits(1, "f32")},
            {bits(0x1p-140, "f32")},
            {bits(Double.NaN, "f32")},
            {bits(Double.NEGATIVE_INFINITY, "f32")}
        };
        assertThat(lab.evaluate(statement.replace("CLASS", "finite"), "b32", F32, rows))
                .containsExactly(1, 1, 0, 0);
        assertThat(lab.evaluate(statement.replace("CLASS", "normal"), "b32", F32, rows))
                .containsExactly(1, 0, 0, 0);
        assertThat(lab.evaluate(statement.replace("CLASS", "subnormal"), "b32", F32, rows))
                .containsExactly(0, 1, 0, 0);
        assertThat(lab.evaluate(statement.replace("CLASS", "notanumber"), "b32", F32, rows))
                .containsExactly(0, 0, 1, 0);
        assertThat(lab.evaluate(statement.replace("CLASS", "infinite"), "b32", F32, rows))
                .containsExactly(0, 0, 0, 1);
    }

    @Test
    void anUnknownInstructionIsNamedWhenTheModuleIsRead() {
        fails(Kind.TEXT, () -> PtxModule.of(Snippets.kernel(0, "", "wmma.load.a %r1, %r2;")));
        fails(Kind.TEXT, () -> PtxModule.of(Snippets.kernel(0, "", "add.f16 %r1, %r2, %r3;")));
        fails(Kind.TEXT, () -> PtxModule.of(Snippets.kernel(0, "", "bra NOWHERE;")));
        fails(Kind.TEXT, () -> PtxModule.of(Snippets.kernel(0, "", "mov.u32 %r1, %clock;")));
        assertThat(org.assertj.core.api.Assertions.catchThrowable(
                        () -> PtxModule.of(Snippets.kernel(0, "", "\n\nfancy.u32 %r1, %r2;"))))
                .hasMessageContaining("line ")
                .hasMessageContaining("fancy.u32");
    }
}
