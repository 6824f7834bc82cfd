// The functions that need care, one number at a time: the operations of the CPU backend's Math32.java in their order, so
// that results have the same bits on both. Only log, sin and cos, which Java's library does there, are this file's own.
// u is the unit roundoff. exp is 2^n·(1 + q) with q = exp(r) − 1, |r| ≤ ½ln 2: within 1.5u, and half a unit of the smallest
// number where the result is subnormal.
#pragma once
#include "common.cuh"

template <typename T>
struct Real;

template <>
struct Real<float> {
    // Adding ROUND rounds to an integer n, which then stands in the lowest bits as n + 192: shifted into the exponent's place
    // they are 2^(n+65). ROUND is even, so that ties go where they go without the 192.
    static constexpr float ROUND = 12582912.f + 192.f;
    static constexpr float UNBIAS = 0x1p-65f;
    static constexpr float LN2_HIGH = 0x1.62e4p-1f;
    static constexpr float LN2_LOW = (float)1.428606820309417e-06;
    static constexpr float LOWEST = -120.f;   // exp is 0 below, even times 10⁴
    static constexpr float HIGHEST = 89.f;    // exp is infinite from here on
    static constexpr float NORMAL_END = 16.f; // exp(−x²/2) is 0 there
    static constexpr float SMALLEST_NORMAL = 0x1p-126f;
};

template <>
struct Real<double> {
    static constexpr double ROUND = 6755399441055744.0 + 1536.0;
    static constexpr double UNBIAS = 0x1p-513;
    static constexpr double LN2_HIGH = 0x1.62e42feep-1;
    static constexpr double LN2_LOW = 1.9082149292705877e-10;
    static constexpr double LOWEST = -760.;
    static constexpr double HIGHEST = 710.;
    static constexpr double NORMAL_END = 40.;
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

// p·2^n for rounded = ROUND + n, n ≤ 62 or 510: only the last product can round.
template <typename T>
__device__ __forceinline__ T scale_down(T p, T rounded) {
    return p * biased_power(rounded) * Real<T>::UNBIAS;
}

__device__ __forceinline__ float power(float, int n) { return __int_as_float((n + 127) << 23); }

__device__ __forceinline__ double power(double, int n) { return __hiloint2double((n + 1023) << 20, 0); }

// The integer n of rounded = ROUND + n.
__device__ __forceinline__ int integer(float rounded) {
    return __float_as_int(rounded) - __float_as_int(Real<float>::ROUND);
}

__device__ __forceinline__ int integer(double rounded) { return __double2loint(rounded) - 1536; }

// p·2^n for rounded = ROUND + n, |n| ≤ 252 or 2044. In two steps, so that only the last one can round.
template <typename T>
__device__ __forceinline__ T scale(T p, T rounded) {
    int n = integer(rounded);
    int half = n >> 1;
    return p * power(T(), half) * power(T(), n - half);
}

// ROUND + n, n the integer nearest to x/ln 2.
template <typename T>
__device__ __forceinline__ T rounded(T x) {
    return fma(x, T(1.4426950408889634), Real<T>::ROUND);
}

// A polynomial, its highest power first.
template <typename T, int N>
__device__ __forceinline__ T horner(const T (&c)[N], T r) {
    T p = c[0];
#pragma unroll
    for (int i = 1; i < N; i++) {
        p = fma(p, r, c[i]);
    }
    return p;
}

__device__ __forceinline__ float exp_series(float r) {
    constexpr float c[] = {float(1.0 / 5040), float(1.0 / 720), float(1.0 / 120), float(1.0 / 24), float(1.0 / 6), 0.5f};
    return horner(c, r);
}

__device__ __forceinline__ double exp_series(double r) {
    constexpr double c[] = {1.0 / 6227020800.0, 1.0 / 479001600.0, 1.0 / 39916800.0, 1.0 / 3628800.0,
                            1.0 / 362880.0,     1.0 / 40320.0,     1.0 / 5040.0,     1.0 / 720,
                            1.0 / 120,          1.0 / 24,          1.0 / 6,          0.5};
    return horner(c, r);
}

// q = exp(x + err − n·ln 2) − 1; within 1.5u of 1 + q.
template <typename T>
__device__ __forceinline__ T expm1_reduced(T x, T err, T rounded) {
    T n = rounded - Real<T>::ROUND;
    T r = fma(n, -Real<T>::LN2_HIGH, x) + fma(n, -Real<T>::LN2_LOW, err);
    return fma(r * r, exp_series(r), r);
}

template <typename T>
__device__ __forceinline__ T at_least(T x, T lowest) {
    return x < lowest ? lowest : x;
}

template <typename T>
__device__ __forceinline__ T clamp(T x, T limit) {
    return x > limit ? limit : at_least(x, -limit);
}

// exp x, every x. Within 1.5u, or half the smallest number.
template <typename T>
__device__ __forceinline__ T exponential(T x) {
    T y = x > Real<T>::HIGHEST ? Real<T>::HIGHEST : at_least(x, Real<T>::LOWEST);
    T t = rounded(y);
    return scale(T(1) + expm1_reduced(y, T(0), t), t);
}

// For x ≤ 0: exp x = p·2^n for t = ROUND + n, p = 1 + q.
template <typename T>
struct Decay {
    T t, q, p;
    __device__ __forceinline__ Decay() {}
    __device__ __forceinline__ explicit Decay(T x) {
        T y = at_least(x, Real<T>::LOWEST);
        t = rounded(y);
        q = expm1_reduced(y, T(0), t);
        p = T(1) + q;
    }
    // c·exp x, rounded to a subnormal only once.
    __device__ __forceinline__ T times(T c) const { return scale_down(c * p, t); }
    __device__ __forceinline__ T value() const { return scale_down(p, t); }
    // exp(x) − 1. Within 2u.
    __device__ __forceinline__ T minus_one() const {
        T s = scale_down(T(1), t);
        return fma(q, s, s - T(1));
    }
};

// exp(−square − err), square + err = a·x² to twice the precision, a = 1 or ½: 0 ≤ square ≤ −LOWEST or a little more.
template <typename T>
struct Gauss {
    T t, p;
    __device__ __forceinline__ Gauss() {}
    __device__ __forceinline__ Gauss(T a, T x) {
        T square = x * x;
        t = rounded(-a * square);
        p = T(1) + expm1_reduced(-a * square, -a * fma(x, x, -square), t);
    }
    // c·exp(…), rounded to a subnormal only once.
    __device__ __forceinline__ T times(T c) const { return scale_down(c * p, t); }
};

// 2/3 + (2/5)w + … : log((1+s)/(1−s)) = 2s + s·w·series(w), w = s².
__device__ __forceinline__ float log_series(float w) {
    constexpr float c[] = {float(2.0 / 11), float(2.0 / 9), float(2.0 / 7), float(2.0 / 5), float(2.0 / 3)};
    return horner(c, w);
}

__device__ __forceinline__ double log_series(double w) {
    constexpr double c[] = {2.0 / 23, 2.0 / 21, 2.0 / 19, 2.0 / 17, 2.0 / 15, 2.0 / 13,
                            2.0 / 11, 2.0 / 9,  2.0 / 7,  2.0 / 5,  2.0 / 3};
    return horner(c, w);
}

// log(1 + f) for −0.3 ≤ f ≤ 0.5; as fdlibm has it: f − (f²/2 − s(f²/2 + R)), s = f/(2+f). Within 2u.
template <typename T>
__device__ __forceinline__ T log_near_one(T f) {
    T s = f / (T(2) + f);
    T w = s * s;
    T half = T(0.5) * f * f;
    return f - (half - s * fma(log_series(w), w, half));
}

// log(1 + e) for 0 ≤ e ≤ 1. Within 2u.
template <typename T>
__device__ __forceinline__ T log1p_unit(T e) {
    bool large = e > T(0.5);
    T log = log_near_one(large ? (e - T(1)) * T(0.5) : e);
    return large ? Real<T>::LN2_HIGH + (log + Real<T>::LN2_LOW) : log;
}

// x = m·2^k for a normal x > 0, √½ ≤ m < √2.
__device__ __forceinline__ float mantissa(float x, int &k) {
    int bits = __float_as_int(x) + (0x3f800000 - 0x3f3504f3);
    k = (bits >> 23) - 127;
    return __int_as_float((bits & 0x7fffff) + 0x3f3504f3);
}

__device__ __forceinline__ double mantissa(double x, int &k) {
    int high = __double2hiint(x) + (0x3ff00000 - 0x3fe6a09e);
    k = (high >> 20) - 1023;
    return __hiloint2double((high & 0xfffff) + 0x3fe6a09e, __double2loint(x));
}

// log x + c for a normal finite x > 0, c within the rounding error of log x or so. Within 2u.
template <typename T>
__device__ __forceinline__ T log_normal(T x, int exponent, T c) {
    int k;
    T log = log_near_one(mantissa(x, k) - T(1));
    T n = T(k + exponent);
    return fma(n, Real<T>::LN2_HIGH, log + fma(n, Real<T>::LN2_LOW, c));
}

// log x, every x. Within 2u.
template <typename T>
__device__ __forceinline__ T logarithm(T x) {
    bool subnormal = x < Real<T>::SMALLEST_NORMAL;
    T y = subnormal ? x * T(0x1p60f) : x;
    T log = log_normal(y, subnormal ? -60 : 0, T(0));
    T positive = x < infinity_of<T>() ? log : x;
    return x > T(0) ? positive : x == T(0) ? -infinity_of<T>() : nan_of<T>();
}

// e/(1+e)² for s = 1+e, the rounding errors of the denominator and of the division made good: within 1.1u for the e given.
template <typename T>
__device__ __forceinline__ T slope(T e, T s) {
    T d = s * s;
    T low = fma(s, s, -d) + T(2) * (e - (s - T(1))) * s;
    T inverse = T(1) / d;
    T q = e * inverse;
    return fma(fma(-q, d, e) - q * low, inverse, q);
}

// 1/(1+exp(−z)), e = exp(−|z|), s = 1+e. Within 4u.
template <typename T>
__device__ __forceinline__ T sigmoid_of(T z, T e, T s) {
    return (z >= T(0) ? T(1) : e) / s;
}

__device__ __forceinline__ float tail_series(float v) {
    constexpr float c[] = {1.25685465e-05f, -5.8091235e-05f, -8.455402e-05f, 0.0006649887f, -0.0002912675f, -0.0049877143f,
                           0.017937696f,    -0.032201163f,   0.028600167f,   0.013999914f,  -0.09670347f,   0.4720532f};
    return horner(c, v);
}

__device__ __forceinline__ double tail_series(double v) {
    constexpr double c[] = {
        1.2150315292579737e-11,  1.968773941157256e-10,   9.975840281675827e-11,   -1.9068104342795306e-09,
        -2.3909758560954607e-09, 8.858538843412724e-09,   1.9877590086615577e-08,  -2.3315488161994288e-08,
        -1.1405819667561067e-07, 4.242344418455244e-09,   5.545351057486293e-07,   4.029912427574402e-07,
        -2.61426070042354e-06,   -3.4316562688625695e-06, 1.3627344150798229e-05,  2.1249915729449347e-05,
        -8.785329222964207e-05,  -9.443023204456728e-05,  0.000694897120184032,    -0.0002856231002340135,
        -0.0050023785923607065,  0.017936097479808313,    -0.032197837428028876,   0.02860036405354698,
        0.013999634724424455,    -0.09670347732652577,    0.47205320650984467};
    return horner(c, v);
}

__device__ __forceinline__ float erf_series(float w) {
    constexpr float c[] = {-9.673591e-06f, 0.00011268254f, -0.00084843964f, 0.0052210535f,
                           -0.026865438f,  0.11283783f,    -0.37612638f,    1.1283792f};
    return horner(c, w);
}

__device__ __forceinline__ double erf_series(double w) {
    constexpr double c[] = {-4.2320376764874594e-12, 8.709755232851789e-11,  -1.2164764337224506e-09, 1.479243542696247e-08,
                            -1.6364645854816389e-07, 1.6462045711013026e-06, -1.4925647581008593e-05, 0.00012055332903350668,
                            -0.0008548327021945428,  0.005223977625423455,   -0.026866170645129854,   0.1128379167095512,
                            -0.37612638903183754,    1.1283791670955126};
    return horner(c, w);
}

// ½exp(x²/2)·erfc(x/√2), x ≥ 0: the normal distribution's tail over its density.
template <typename T>
__device__ __forceinline__ T tail(T x) {
    return tail_series((x - T(4)) / (x + T(4))) / (T(1) + x);
}

// z·σ(w), for z and w of the same sign; d = exp(−|w|).
template <typename T>
__device__ __forceinline__ T gated(T z, const Decay<T> &d) {
    T numerator = z < T(0) ? scale_down(at_least(z, Real<T>::LOWEST) * d.p, d.t) : z;
    return numerator / (T(1) + d.value());
}

// σ(w) + σ(w)σ(−w)·k, where k = z·w'; d = exp(−|w|).
template <typename T>
__device__ __forceinline__ T gated_derivative(T w, T k, const Decay<T> &d) {
    T e = d.value();
    T s = T(1) + e;
    T numerator = w < T(0) ? scale_down((s + k) * d.p, d.t) : fma(k, e, s);
    return numerator / (s * s);
}

// Trigonometry: x = quadrant·π/2 + r + low, |r| ≤ π/4 or a little more, low within r's rounding error.
template <typename T>
struct Angle {
    int quadrant;
    T r, low;
};

// sin(r + low) = r + r³(−1/6 + …) + low·(1 − r²/2). Within 1.2u.
__device__ __forceinline__ float sine_series(float w) {
    constexpr float c[] = {float(1.0 / 362880), float(-1.0 / 5040), float(1.0 / 120), float(-1.0 / 6)};
    return horner(c, w);
}

__device__ __forceinline__ double sine_series(double w) {
    constexpr double c[] = {1.0 / 355687428096000.0, -1.0 / 1307674368000.0, 1.0 / 6227020800.0, -1.0 / 39916800.0,
                            1.0 / 362880,            -1.0 / 5040,            1.0 / 120,          -1.0 / 6};
    return horner(c, w);
}

// cos r = 1 − r²/2 + r⁴(1/24 − …).
__device__ __forceinline__ float cosine_series(float w) {
    constexpr float c[] = {float(1.0 / 479001600), float(-1.0 / 3628800), float(1.0 / 40320), float(-1.0 / 720),
                           float(1.0 / 24)};
    return horner(c, w);
}

__device__ __forceinline__ double cosine_series(double w) {
    constexpr double c[] = {1.0 / 2432902008176640000.0, -1.0 / 6402373705728000.0, 1.0 / 20922789888000.0,
                            -1.0 / 87178291200.0,        1.0 / 479001600.0,         -1.0 / 3628800,
                            1.0 / 40320,                 -1.0 / 720,                1.0 / 24};
    return horner(c, w);
}

template <typename T>
__device__ __forceinline__ T sine_of(const Angle<T> &a) {
    T w = a.r * a.r;
    return a.r + fma(a.r * w, sine_series(w), a.low * fma(w, T(-0.5), T(1)));
}

// 1 − w/2 rounds to c: what that lost is made good.
template <typename T>
__device__ __forceinline__ T cosine_of(const Angle<T> &a) {
    T w = a.r * a.r;
    T c = fma(w, T(-0.5), T(1));
    T lost = fma(w, T(-0.5), T(1) - c);
    return c + (lost + fma(w * w, cosine_series(w), -a.r * a.low));
}

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

// |x| ≤ SMALL. x − n·A is exact; the errors of the rest are carried in low.
template <typename T>
__device__ __forceinline__ Angle<T> reduce_small(T x) {
    T t = fma(x, T(0.63661977236758134), Real<T>::ROUND);
    T n = t - Real<T>::ROUND;
    T first = fma(-n, HalfPi<T>::A, x);
    T product = n * HalfPi<T>::B;
    T second = first - product;
    T low = sum_error(first, -product, second) - fma(n, HalfPi<T>::B, -product);
    low = fma(-n, HalfPi<T>::C, low);
    T r = second + low;
    return {integer(t), r, low - (r - second)};
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
    float r = (float)angle;
    return {(int)(high >> 62) + (fraction < 0), r, (float)(angle - r)};
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
    double sum = r + error;
    return {quadrant, sum * unit, (error - (sum - r)) * unit};
}

template <typename T>
__device__ __forceinline__ Angle<T> reduce(T x) {
    T size = fabs(x);
    if (size <= HalfPi<T>::SMALL) {
        return reduce_small(x);
    }
    if (!(size < infinity_of<T>())) {
        return {0, x - x, T(0)};
    }
    Angle<T> a = reduce_large(size);
    return x < T(0) ? Angle<T>{-a.quadrant, -a.r, -a.low} : a;
}

// sin, and with one quadrant more cos. Within 1.5u.
template <typename T>
__device__ __forceinline__ T sine_in_quadrant(const Angle<T> &a, int quadrant) {
    T y = quadrant & 1 ? cosine_of(a) : sine_of(a);
    return quadrant & 2 ? -y : y;
}
