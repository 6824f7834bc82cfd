// The functions that need care, one number at a time: the operations of the CPU backend's Math32.java in their order, so
// that results have the same bits on both. Only log, sin and cos, which Java's library does there, are this file's own.
// u is the unit roundoff. exp is 2^n·(1 + q) with q = exp(r) − 1, |r| ≤ ½ln 2: within 1.5u, and half a unit of the smallest
// number where the result is subnormal.
#pragma once
#include "common.cuh"
#include "series.cuh"

template <typename T>
struct Real;

template <>
struct Real<float> {
    // Adding ROUND rounds to an integer n, which then stands in the lowest bits as n + 192: shifted into the exponent's place
    // they are 2^(n+65). ROUND is even, so that ties go where they go without the 192.
    static constexpr float ROUND = 12582912.f + 192.f;
    static constexpr float BIAS = 0x1p65f, UNBIAS = 0x1p-65f;
    // The same for results above 1: 2^(n-65).
    static constexpr float ROUND_UP = 12582912.f + 62.f;
    static constexpr float LN2_HIGH = 0x1.62e4p-1f;
    static constexpr float LN2_LOW = (float)1.428606820309417e-06;
    static constexpr float LOWEST = -120.f;   // exp is 0 below, even times 10⁴
    static constexpr float HIGHEST = 89.f;    // exp is infinite from here on
    static constexpr float NORMAL_END = 16.f; // exp(−x²/2) is 0 there
    static constexpr float GELU_END = 11.5f;  // GELU's tanh form is z or 0 from here on
    static constexpr float ERF_END = 4.f;     // erf is 1 from here on
    static constexpr float SMALLEST_NORMAL = 0x1p-126f;
};

template <>
struct Real<double> {
    static constexpr double ROUND = 6755399441055744.0 + 1536.0;
    static constexpr double BIAS = 0x1p513, UNBIAS = 0x1p-513;
    static constexpr double ROUND_UP = 6755399441055744.0 + 510.0;
    static constexpr double LN2_HIGH = 0x1.62e42feep-1;
    static constexpr double LN2_LOW = 1.9082149292705877e-10;
    static constexpr double LOWEST = -760.;
    static constexpr double HIGHEST = 710.;
    static constexpr double NORMAL_END = 40.;
    static constexpr double GELU_END = 22.;
    static constexpr double ERF_END = 6.;
    static constexpr double SMALLEST_NORMAL = 0x1p-1022;
};

template <typename T>
__device__ __forceinline__ constexpr T nan_of() {
    return T(__builtin_nanf(""));
}

template <typename T>
__device__ __forceinline__ constexpr T infinity_of() {
    return T(__builtin_huge_valf());
}

// 2^(n+65) or 2^(n+513) for rounded = ROUND + n: times UNBIAS it is 2^n. For −191 ≤ n ≤ 62, −1535 ≤ n ≤ 510.
// In PTX a register of a float may be shifted as it is; from C++ it would be moved there and back.
__device__ __forceinline__ float biased_power(float rounded) {
    float power;
    asm("shl.b32 %0, %1, 23;" : "=f"(power) : "f"(rounded));
    return power;
}

__device__ __forceinline__ double biased_power(double rounded) {
    double power;
    asm("shl.b64 %0, %1, 52;" : "=d"(power) : "d"(rounded));
    return power;
}

// ROUND + n, n the integer nearest to x/ln 2.
template <typename T>
__device__ __forceinline__ T rounded(T x) {
    return fma(x, T(1.4426950408889634), Real<T>::ROUND);
}

// exp(r) = 1 + r + r²(½ + r/6 + …) for |r| ≤ ½ln 2. Relative error of exp(r) − 1: 0.24u, 0.01u.
template <typename T>
struct ExpSeries;

template <>
struct ExpSeries<float> {
    static constexpr float C[] = {0.0013835643f, 0.008367124f, 0.041667756f, 0.16666539f, 0.49999997f};
};

template <>
struct ExpSeries<double> {
    static constexpr double C[] = {2.089803068265695e-09,  2.510872148556666e-08, 2.755731567670871e-07, 2.755724518498935e-06,
                                   2.4801587298373435e-05, 0.00019841269885310564, 0.0013888888888883462, 0.008333333333321745,
                                   0.04166666666666669,    0.16666666666666677,    0.5};
};

// exp(r), for |r| ≤ ½ln 2. Within 1.1u. All in one piece: where a series stands the compiler leaves a register of zero that nobody reads.
constexpr bool has_bits(float x, unsigned bits) { return __builtin_bit_cast(unsigned, x) == bits; }
static_assert(has_bits(ExpSeries<float>::C[0], 0x3AB558B7) && has_bits(ExpSeries<float>::C[1], 0x3C091643) &&
              has_bits(ExpSeries<float>::C[2], 0x3D2AABCF) && has_bits(ExpSeries<float>::C[3], 0x3E2AAA55) &&
              has_bits(ExpSeries<float>::C[4], 0x3EFFFFFF));
__device__ __forceinline__ float exp_of_remainder(float r) {
    float p;
    asm("fma.rn.f32 %0, %1, 0f3AB558B7, 0f3C091643;\n\t" // ExpSeries
        "fma.rn.f32 %0, %0, %1, 0f3D2AABCF;\n\t"
        "fma.rn.f32 %0, %0, %1, 0f3E2AAA55;\n\t"
        "fma.rn.f32 %0, %0, %1, 0f3EFFFFFF;\n\t"
        "fma.rn.f32 %0, %0, %1, 0f3F800000;\n\t"
        "fma.rn.f32 %0, %0, %1, 0f3F800000;"
        : "=&f"(p)
        : "f"(r));
    return p;
}

__device__ __forceinline__ double exp_of_remainder(double r) { return fma(fma(series<ExpSeries>(r), r, 1.), r, 1.); }

// exp(r) − 1.
template <typename T>
__device__ __forceinline__ T expm1_of_remainder(T r) {
    return fma(r * r, series<ExpSeries>(r), r);
}

// q = exp(x − n·ln 2) − 1; within 1.5u of 1 + q.
template <typename T>
__device__ __forceinline__ T expm1_reduced(T x, T n) {
    return expm1_of_remainder(fma(n, -Real<T>::LN2_LOW, fma(n, -Real<T>::LN2_HIGH, x)));
}

template <typename T>
__device__ __forceinline__ T at_least(T x, T lowest) {
    return x < lowest ? lowest : x;
}

// |x|, or `highest` if that is less.
template <typename T>
__device__ __forceinline__ T size(T x, T highest) {
    return fabs(x) > highest ? highest : fabs(x);
}

// exp x, every x. Within 1.5u, or half the smallest number.
template <typename T>
__device__ __forceinline__ T exponential(T x) {
    T y = x > Real<T>::HIGHEST ? Real<T>::HIGHEST : at_least(x, Real<T>::LOWEST);
    bool up = x > T(0);
    T round = up ? Real<T>::ROUND_UP : Real<T>::ROUND;
    T t = fma(y, T(1.4426950408889634), round);
    T power = biased_power(t);
    return fma(expm1_reduced(y, t - round), power, power) * (up ? Real<T>::BIAS : Real<T>::UNBIAS);
}

// exp x = power·(1 + q)/BIAS, LOWEST ≤ x ≤ 0 or a little less.
template <typename T>
struct Decay {
    T q, power;
    __device__ __forceinline__ Decay() {}
    __device__ __forceinline__ explicit Decay(T x) {
        T t = rounded(x);
        q = expm1_reduced(x, t - Real<T>::ROUND);
        power = biased_power(t);
    }
    // BIAS·exp x, which is never subnormal.
    __device__ __forceinline__ T biased() const { return fma(q, power, power); }
    __device__ __forceinline__ T value() const { return biased() * Real<T>::UNBIAS; }
    // exp(x) − 1. Within 2u.
    __device__ __forceinline__ T minus_one() const { return fma(q, power, power - Real<T>::BIAS) * Real<T>::UNBIAS; }
};

// BIAS·exp(−a·x²), x² to twice the precision, a = 1 or ½: LOWEST ≤ −a·x² or a little less.
template <typename T>
__device__ __forceinline__ T biased_gauss(T a, T x) {
    T y = -a * x;
    T t = fma(x * (-a * T(1.4426950408889634)), x, Real<T>::ROUND);
    T n = t - Real<T>::ROUND;
    T r = fma(n, -Real<T>::LN2_LOW, fma(y, x, n * -Real<T>::LN2_HIGH));
    T power = biased_power(t);
    return fma(expm1_of_remainder(r), power, power);
}

// log(1 + e) = e + e²(−½ + e/3 − …) for 0 ≤ e ≤ 1. Relative error of the fit 0.64u, 0.1u.
template <typename T>
struct LogSeries;

template <>
struct LogSeries<float> {
    static constexpr float C[] = {0.0055666324f, -0.030908462f, 0.08064504f, -0.13883293f,
                                  0.19218953f,   -0.2487532f,   0.33323836f, -0.49999776f};
};

template <>
struct LogSeries<double> {
    static constexpr double C[] = {
        2.614095541477301e-05, -0.0003000475042551052, 0.0016349603997555752, -0.005657211835187276, 0.014066915563504893,
        -0.027077119609141023, 0.04266679124154912,    -0.057812632957953365, 0.07056026811646661,   -0.0809178068566364,
        0.09017418399329925,   -0.09982353513429622,   0.11107829365131941,   -0.12499538740099525,  0.14285666881743447,
        -0.16666663266925597,  0.19999999841312643,    -0.24999999995699676,  0.3333333333327904,    -0.4999999999999983};
};

// log(1 + e) for 0 ≤ e ≤ 1. Within 2.5u.
template <typename T>
__device__ __forceinline__ T log1p_unit(T e) {
    return fma(e * e, series<LogSeries>(e), e);
}

// log(1 + f) for √½ ≤ 1 + f ≤ √2. In float f + f²(−½ + f/3 − …), relative error of the fit 0.24u.
template <typename T>
struct LogNearSeries;

template <>
struct LogNearSeries<float> {
    static constexpr float C[] = {-0.041851632f, 0.11108659f,  -0.13761841f, 0.14501603f, -0.16585852f,
                                  0.19984522f,   -0.25001895f, 0.333336f,    -0.49999988f};
};

template <>
struct LogNearSeries<double> {
    static constexpr double C[] = {2.0 / 23, 2.0 / 21, 2.0 / 19, 2.0 / 17, 2.0 / 15, 2.0 / 13,
                                   2.0 / 11, 2.0 / 9,  2.0 / 7,  2.0 / 5,  2.0 / 3};
};

__device__ __forceinline__ float log_near(float f) { return fma(f * f, series<LogNearSeries>(f), f); }

// As fdlibm has it: f − (f²/2 − s(f²/2 + R)), s = f/(2+f), log((1+s)/(1−s)) = 2s + s·w·(2/3 + (2/5)w + …), w = s². Within 2u.
__device__ __forceinline__ double log_near(double f) {
    double s = f / (2. + f);
    double w = s * s;
    double half = 0.5 * f * f;
    return f - (half - s * fma(series<LogNearSeries>(w), w, half));
}

// n + shift of x = m·2^n, √½ ≤ m < √2, for a normal x > 0, which becomes m.
__device__ __forceinline__ float take_power(float &x, float shift) {
    int power = (__float_as_int(x) - 0x3f3504f3) & 0xff800000;
    x = __int_as_float(__float_as_int(x) - power);
    return fma((float)power, 0x1p-23f, shift);
}

__device__ __forceinline__ double take_power(double &x, double shift) {
    int power = (__double2hiint(x) - 0x3fe6a09e) & 0xfff00000;
    x = __hiloint2double(__double2hiint(x) - power, __double2loint(x));
    return fma((double)power, 0x1p-20, shift);
}

// log x, every x. Within 2u.
template <typename T>
__device__ __forceinline__ T logarithm(T x) {
    bool small = x < Real<T>::SMALLEST_NORMAL;
    T subnormal = x > T(0) ? T(-60) : x == T(0) ? -infinity_of<T>() : nan_of<T>();
    T m = small ? x * T(0x1p60f) : x;
    T n = take_power(m, small ? subnormal : x < infinity_of<T>() ? T(0) : x);
    return fma(n, Real<T>::LN2_HIGH, fma(n, Real<T>::LN2_LOW, log_near(m - T(1))));
}

// 1/(1+exp(−z)), e = exp(−|z|). Within 4u.
template <typename T>
__device__ __forceinline__ T sigmoid_of(T z, T e) {
    return (z >= T(0) ? T(1) : e) / (T(1) + e);
}

// e/(1+e)². Of a relative error of e, (1−e)/(1+e) times as much remains: within 3.5u for one of 1.5u.
template <typename T>
__device__ __forceinline__ T slope(T e) {
    return e / fma(e, T(2) + e, T(1));
}

// (3+x)·½exp(x²/2)·erfc(x/√2) in powers of (x−3)/(x+3), 0 ≤ x ≤ NORMAL_END. Relative error of the fit 1.2u, 0.9u.
template <typename T>
struct TailSeries;

template <>
struct TailSeries<float> {
    static constexpr float C[] = {
        -0.0002534356f, -0.0008852062f, 0.0010703437f, 0.006911331f, -0.01047992f, -0.047253747f, 0.23001948f,
        -0.50933236f, 0.72908366f};
};

template <>
struct TailSeries<double> {
    static constexpr double C[] = {
        -4.806570350743521e-09, -1.3166472887885653e-08, 1.6646319004051952e-08, 9.500362355402039e-08,
        5.672073481137456e-08, -2.7352950917481273e-07, -6.073616413247673e-07, 8.692845904577324e-09,
        2.265699157684803e-06, 3.639493606350109e-06, -3.5215973779138118e-06, -2.068892199992717e-05,
        -1.3244942624584391e-05, 7.881262426206446e-05, 0.00015439426187592567, -0.0002565753402892798,
        -0.0010458285989079065, 0.0010275922586715483, 0.006972621238866565, -0.010462867023293661,
        -0.04726302514292113, 0.23001771997460338, -0.50933198191749, 0.729083690133373};
};

// ½exp(x²/2)·erfc(x/√2)/BIAS, x ≥ 0: the normal distribution's tail over its density.
template <typename T>
__device__ __forceinline__ T tail(T x) {
    T inverse = Real<T>::UNBIAS / (x + T(3));
    return series<TailSeries>(fma(inverse, T(-6) * Real<T>::BIAS, T(1))) * inverse;
}

// log(1 − erf(−y))/y − 1 for y ≤ 0, as far as ERF_END. Error of the fit in erf: 0.08u, 0.3u.
template <typename T>
struct ErfSeries;

template <>
struct ErfSeries<float> {
    static constexpr float C[] = {
        -9.385968e-06f, -0.00011884811f, -0.00063733064f, -0.0016756387f, -0.00016948447f, 0.019147826f, 0.102776304f,
        -0.63661957f, 0.12837917f};
};

template <>
struct ErfSeries<double> {
    static constexpr double C[] = {
        3.603096840760596e-15, 1.6196214626277313e-13, 3.373911578124866e-12, 4.3135953332740325e-11,
        3.7707386503518906e-10, 2.366729676430426e-09, 1.0802493193442615e-08, 3.469059575526425e-08,
        6.603474432385595e-08, -1.1028892172761446e-08, -5.694139857416673e-07, -2.0354489899548024e-06,
        -3.1309906151749865e-06, 3.1714361970037347e-06, 2.9576903682332215e-05, 6.442114181993673e-05,
        -2.5904223489844383e-05, -0.0005901323452703173, -0.001696207651011212, -0.0002091948510211791,
        0.01912844699338439, 0.10277260330133217, -0.6366197723675905, 0.12837916709551256};
};

// z·σ(w) = max(z, 0) − |z|·e/(1+e), e = exp(−|w|): for z and w of the same sign, which a zero keeps; E = BIAS·e.
template <typename T>
__device__ __forceinline__ T gated(T z, T size, T E) {
    return fmax(z, T(-0.0)) - size * E / (Real<T>::BIAS + E);
}

// What is f at −|z|, at z, where f(z) + f(−z) = 1. In PTX an instruction may be left out; from C++ its result would be selected.
__device__ __forceinline__ float reflected(float z, float f) {
    asm("{\n\t"
        ".reg .pred right;\n\t"
        "setp.geu.f32 right, %1, 0f00000000;\n\t"
        "@right sub.rn.f32 %0, 0f3F800000, %0;\n\t"
        "}"
        : "+f"(f)
        : "f"(z));
    return f;
}

__device__ __forceinline__ double reflected(double z, double f) { return z < 0. ? f : 1. - f; }

// σ(w) + σ(w)σ(−w)·z·w', k = −|z·w'|; where w is positive 1 minus what it is at −w.
template <typename T>
__device__ __forceinline__ T gated_derivative(T z, T k, T E) {
    T s = fma(E, Real<T>::UNBIAS, T(1));
    return reflected(z, (s + k) * E * Real<T>::UNBIAS / (s * s));
}

// Trigonometry: x = quadrant·π/2 + r, |r| ≤ π/4 or a little more.
template <typename T>
struct Angle {
    int quadrant; // modulo 4
    T r;
};

// sin r = r + r³(−1/6 + …). Relative error of the fit 0.07u.
template <typename T>
struct SineSeries;

template <>
struct SineSeries<float> {
    static constexpr float C[] = {-0.0001951829f, 0.008332189f, -0.16666655f};
};

template <>
struct SineSeries<double> {
    static constexpr double C[] = {1.5895433011985124e-10, -2.5050734385108623e-08, 2.7557313538493816e-06,
                                   -0.00019841269829358495, 0.00833333333332184,    -0.1666666666666663};
};

// cos r = 1 − r²/2 + r⁴(1/24 − …). 0.01u.
template <typename T>
struct CosineSeries;

template <>
struct CosineSeries<float> {
    static constexpr float C[] = {2.4432327e-05f, -0.001388731f, 0.041666646f};
};

template <>
struct CosineSeries<double> {
    static constexpr double C[] = {-1.1358748615939492e-11, 2.0875705387133623e-09, -2.7557314216997594e-07,
                                   2.4801587289002018e-05,  -0.0013888888888873342, 0.041666666666666595};
};

// π/2 in three pieces and 2/π.
template <typename T>
struct HalfPi;

template <>
struct HalfPi<float> {
    static constexpr float A = 0x1.921fb6p+0f, B = -0x1.777a5cp-25f, C = -0x1.ee59dap-50f;
    static constexpr float SMALL = 65536.f;
};

template <>
struct HalfPi<double> {
    static constexpr double A = 0x1.921fb54442d18p+0, B = 0x1.1a62633145c07p-54, C = -0x1.f1976b7ed8fbcp-110;
    static constexpr double SMALL = 1048576.;
};

__device__ __forceinline__ int low_bits(float rounded) { return __float_as_int(rounded); }

__device__ __forceinline__ int low_bits(double rounded) { return __double2loint(rounded); }

// |x| ≤ SMALL. x − n·A is exact, what is less n·B rounded; n·C counts only where r is tiny.
template <typename T>
__device__ __forceinline__ Angle<T> reduce_small(T x) {
    T t = fma(x, T(0.63661977236758134), Real<T>::ROUND);
    T n = t - Real<T>::ROUND;
    return {low_bits(t), fma(n, -HalfPi<T>::C, fma(n, -HalfPi<T>::B, fma(n, -HalfPi<T>::A, x)))};
}

// 2/π: 64 zeros, then the bits behind its point.
__constant__ unsigned TWO_OVER_PI[] = {
    0,          0,          0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab, 0xdebbc561,
    0xb7246e3a, 0x424dd2e0, 0x06492eea, 0x09d1921c, 0xfe1deb1c, 0xb129a73e, 0xe88235f5, 0x2ebb4484, 0xe99c7026, 0xb45f7e41,
    0x3991d639, 0x835339f4, 0x9c845f8b, 0xbdf9283b, 0x1ff897ff, 0xde05980f, 0xef2f118b, 0x5a0a6d1f, 0x6d367ecf, 0x27cb09b7,
    0x4f463f66, 0x9e5fea2d, 0x7527bac7, 0xebe5f17b, 0x3d0739f7, 0x8a5292ea, 0x6bfb5fb1, 0x1f8d5d08, 0x56033046};

// 32 of its bits, from bit i on.
__device__ __forceinline__ unsigned two_over_pi(int i) {
    const unsigned *word = TWO_OVER_PI + (i >> 5);
    return __funnelshift_l(word[1], word[0], i & 31);
}

// SMALL < x < ∞, x = m·2^e (Payne and Hanek). Of x·2/π, bits that stand for multiples of 4 are left out, and what lies
// 96 bits further down; two bits of what is left are the quadrant.
__device__ __forceinline__ Angle<float> reduce_large(float x) {
    int bits = __float_as_int(x);
    unsigned m = (bits & 0x7fffff) | 0x800000;
    int from = (bits >> 23) - 150 - 2 + 64;
    unsigned long long low = (unsigned long long)m * two_over_pi(from + 64);
    unsigned long long middle = (unsigned long long)m * two_over_pi(from + 32) + (low >> 32);
    unsigned long long high = ((unsigned long long)m * two_over_pi(from) << 32) + middle;
    long long fraction = high << 2 | (unsigned)low >> 30;
    double angle = fraction * (1.5707963267948966 * 0x1p-64);
    return {(int)(high >> 62) + (fraction < 0), (float)angle};
}

// As for float, 192 bits.
__device__ __forceinline__ Angle<double> reduce_large(double x) {
    long long bits = __double_as_longlong(x);
    unsigned long long m = (bits & 0xfffffffffffff) | 0x10000000000000;
    int from = int(bits >> 52) - 1075 - 2 + 64;
    auto word = [from](int i) { return (unsigned long long)two_over_pi(from + i) << 32 | two_over_pi(from + i + 32); };
    unsigned long long w0 = word(0), w1 = word(64), w2 = word(128);
    unsigned long long carried = __umul64hi(m, w2);
    unsigned long long middle = m * w1 + carried;
    unsigned long long high = m * w0 + __umul64hi(m, w1) + (middle < carried);
    unsigned long long fraction = high << 2 | middle >> 62;
    unsigned long long rest = middle << 2 | (m * w2) >> 62;
    bool negative = (long long)fraction < 0;
    int quadrant = (int)(high >> 62) + negative;
    if (negative) {
        rest = 0 - rest;
        fraction = ~fraction + (rest == 0);
    }
    // No double is so near to a multiple of π/2 that fraction is 0.
    int zeros = __clzll(fraction);
    fraction = fraction << zeros | rest >> 1 >> (63 - zeros);
    double first = (double)(fraction & ~0x7ffull);
    double second = (double)(fraction & 0x7ff) + (double)(rest << zeros) * 0x1p-64;
    double r = first * HalfPi<double>::A;
    double error = fma(first, HalfPi<double>::A, -r) + fma(first, HalfPi<double>::B, second * HalfPi<double>::A);
    double unit = __hiloint2double((1023 - 64 - zeros) << 20, 0) * (negative ? -1.0 : 1.0);
    return {quadrant, (r + error) * unit};
}

template <typename T>
__device__ __forceinline__ Angle<T> reduce(T x) {
    Angle<T> a = reduce_small(x);
    if (!(fabs(x) <= HalfPi<T>::SMALL)) {
        if (fabs(x) < infinity_of<T>()) {
            a = reduce_large(fabs(x));
            a = x < T(0) ? Angle<T>{-a.quadrant, -a.r} : a;
        } else {
            a.r = x - x;
        }
    }
    return a;
}

// Sine and cosine: of two lanes one often needs this and one that. Within 1.6 ulp: r is within half of one of its own, which
// where r is just above a power of two is one of the sine.
template <typename T>
struct Wave {
    int quadrant;
    T sine, cosine;
    __device__ __forceinline__ Wave() {}
    __device__ __forceinline__ explicit Wave(T x) {
        Angle<T> a = reduce(x);
        T w = a.r * a.r;
        quadrant = a.quadrant;
        sine = fma(a.r * w, series<SineSeries>(w), a.r);
        cosine = fma(w, fma(w, series<CosineSeries>(w), T(-0.5)), T(1));
    }
    // sin(x + quarters·π/2).
    __device__ __forceinline__ T after(int quarters) const {
        int q = quadrant + quarters;
        T y = q & 1 ? cosine : sine;
        return q & 2 ? -y : y;
    }
};
