// Samples to softmax: what its kernels and its losses have in common.
#pragma once
#include "long.cuh"

// The largest number of a sample, −inf if there is none, and whose it is. NaN is passed over.
template <typename T>
struct Peak {
    static constexpr int SIZE = Pack<T>::SIZE;
    T value;
    int leader;
    bool leads;  // this lane does
    unsigned at; // where it is in shared memory, for the lane that leads

    template <int UNIT, int LEFT>
    __device__ __forceinline__ Peak(const Lanes<T> &lanes, const Row<T, UNIT, LEFT> &row) {
        T best = -infinity_of<T>();
        // 0 is none of the numbers that several lanes share. One that is alone: the first if there is none.
        at = lanes.count == 1 ? shared_address(row.numbers) : 0;
        row.for_mine([&](auto some) {
            T largest = largest_of(some.load());
            bool larger = largest > best;
            best = larger ? largest : best;
            at = larger ? shared_address(some.p) : at;
        });
        value = lanes.largest(best, leader);
        leads = lanes.count == 1 || (lanes.lane == leader && at != 0);
        if (leads) {
            if (LEFT == SIZE || at < shared_address(row.numbers + row.packed())) {
                find<SIZE>();
            } else {
                find<LEFT>();
            }
        }
    }

    // From the first of N numbers to the one, or, if it is none of them, to the last.
    template <int N>
    __device__ __forceinline__ void find() {
        const T *p = place(0);
        int i = N - 1;
#pragma unroll
        for (int c = N - 2; c >= 0; c--) {
            i = p[c] == value ? c : i;
        }
        at += i * sizeof(T);
    }

    // In the row so far away.
    __device__ __forceinline__ T *place(int away) const { return at_shared_address<T>(at + away * (int)sizeof(T)); }

    // What is there, for which another number is put.
    __device__ __forceinline__ T take(int away, T other) const {
        T x = *place(away);
        *place(away) = other;
        return x;
    }
};

// x = n·ln 2 + r, with t = round + n.
template <typename T>
struct Reduced {
    T t, n, r;
};

__device__ __forceinline__ Reduced<float> reduced(float x, float round) {
    Reduced<float> y;
    asm("fma.rn.f32 %0, %3, 0f3FB8AA3B, %4;\n\t" // 1/ln 2
        "sub.rn.f32 %1, %0, %4;\n\t"
        "fma.rn.f32 %2, %1, 0fBF317200, %3;\n\t" // −LN2_HIGH
        "fma.rn.f32 %2, %1, 0fB5BFBE8E, %2;"     // −LN2_LOW
        : "=&f"(y.t), "=&f"(y.n), "=&f"(y.r)
        : "f"(x), "f"(round));
    return y;
}

__device__ __forceinline__ Reduced<double> reduced(double x, double round) {
    double t = fma(x, 1.4426950408889634, round);
    double n = t - round;
    return {t, n, fma(n, -Real<double>::LN2_LOW, fma(n, -Real<double>::LN2_HIGH, x))};
}

// k·2^−23·ln 2 + log(1 + f) for −¼ ≤ f ≤ ½: f + f²(−½ + …), off by 0.05u and what is rounded.
__device__ __forceinline__ float log_of_parts(float k, float f) {
    float p;
    asm("fma.rn.f32 %0, %1, 0fBD2AB161, 0f3DCEE82B;\n\t" // −0.041673068, 0.10102876
        "fma.rn.f32 %0, %0, %1, 0fBE0648E3;\n\t" // −0.13113742
        "fma.rn.f32 %0, %0, %1, 0f3E14D43F;\n\t" // 0.1453409
        "fma.rn.f32 %0, %0, %1, 0fBE2A9BBE;\n\t" // −0.16660973
        "fma.rn.f32 %0, %0, %1, 0f3E4CAD8A;\n\t" // 0.19988075
        "fma.rn.f32 %0, %0, %1, 0fBE7FFE37;\n\t" // −0.24999319
        "fma.rn.f32 %0, %0, %1, 0f3EAAAAE1;\n\t" // 0.33333495
        "fma.rn.f32 %0, %0, %1, 0fBF000002;\n\t" // −0.5000001
        "fma.rn.f32 %0, %0, %2, %1;\n\t"
        "fma.rn.f32 %0, %3, 0f33B17218, %0;" // 2^−23·ln 2
        : "=&f"(p)
        : "f"(f), "f"(f * f), "f"(k));
    return p;
}

// log(1 + x) for 0 ≤ x < 2^32; NaN for NaN. Within 2.1u. 1 + x = 2^k·(1 + f), ¾ ≤ 1 + f < 1½ or a little more: f = x·2^−k + (2^−k − 1)
// is rounded once, and x where k = 0.
__device__ __forceinline__ float log_one_plus(float x) {
    int k = (__float_as_int(1.f + x) - 0x3f400000) & 0xff800000; // times 2^23
    float scale = __int_as_float(0x3f800000 ^ k);                // 127 ^ k = 127 − k
    return log_of_parts((float)k, fma(x, scale, scale - 1.f));
}

__device__ __forceinline__ double log_one_plus(double x) {
    int k = (__double2hiint(1. + x) - 0x3fe80000) >> 20;
    double scale = __hiloint2double((1023 - k) << 20, 0);
    return fma((double)k, 0x1.62e42fefa39efp-1, log_near(fma(x, scale, scale - 1.)));
}

// How the numbers of a sample become numerators: 2^65·exp(x − N·ln 2) (float64: 2^513·), N·ln 2 near the largest, so that none is
// subnormal. Where the largest is FAR or farther from 0 it is subtracted before: exactly, as all that counts is within a
// factor of 2 of it; and then N = 0. Nearer, x − n·ln 2 is exact but for the second piece of ln 2.
template <typename T>
struct Normal {
    static constexpr T FAR = sizeof(T) == 4 ? 256 : 2048;
    T largest; // an infinity makes all NaN
    T base;    // what is subtracted
    T round;   // adding it rounds to the integer n, which then stands in the lowest bits as n − N + 192 (1536)
    T lowest;  // of the differences; below numerators are 0
    T peak;    // the largest numerator
    double others; // the sum of the others, when they are known

    __device__ __forceinline__ explicit Normal(T largest) : largest(largest) {
        base = fabs(largest) >= FAR ? largest : T(0);
        T difference = largest - base;
        lowest = difference + Real<T>::LOWEST;
        Reduced<T> x = reduced(difference, Real<T>::ROUND);
        round = Real<T>::ROUND - x.n;
        peak = exp_of_remainder(x.r) * Real<T>::BIAS;
    }

    // Within 1.5u; NaN for NaN.
    __device__ __forceinline__ T numerator(T x) const {
        T difference = x - base;
        Reduced<T> y = reduced(difference, round);
        T e = exp_of_remainder(y.r) * biased_power(y.t);
        return difference < lowest ? T(0) : e;
    }

    __device__ __forceinline__ T sum() const { return peak + T(others); }
    // The largest entry of the softmax from 1.
    __device__ __forceinline__ T rest() const { return T(others) / sum(); }
    __device__ __forceinline__ T inverse() const { return T(1) / sum(); }
    // log of the sum, were the largest numerator 1. Within 8u: the others are within 3.5u, the largest within 1.5u, the quotient is
    // rounded twice, and where the logarithm adds more than u it makes these less.
    __device__ __forceinline__ T log() const { return log_one_plus(T(others) / peak); }

    // log + largest − x: both terms are positive, so as exact as the logarithm but for two roundings.
    __device__ __forceinline__ T surprise(T x, T log) const { return log - (x - largest); }
    // The opposite, which needs no sign changed.
    __device__ __forceinline__ T log_probability(T x, T log) const { return (x - largest) - log; }

    template <int N>
    __device__ __forceinline__ Pack<T, N> numerators(const Pack<T, N> &x) const {
        Pack<T, N> e;
#pragma unroll
        for (int c = 0; c < N; c++) {
            e.at[c] = numerator(x.at[c]);
        }
        return e;
    }
};

// The sum of this lane's numerators but the largest, for which −inf takes that one's place. KEPT: they go to the row so far away.
// see(some, x): all numbers, a few at a time.
template <bool KEPT, typename T, typename ROW, typename See>
__device__ __forceinline__ Sum<T> sum_of_others(const Normal<T> &normal, const Peak<T> &peak, const ROW &row, int away, See see) {
    if (peak.leads) {
        *peak.place(0) = -infinity_of<T>();
    }
    Sum<T> others;
    row.template for_mine<2>([&](auto some) {
        auto x = some.load();
        auto e = normal.numerators(x);
        some.for_parts(e, [&](const auto &part) { others.add(sum_of(part)); });
        see(some, x);
        if (KEPT) {
            some.away(away).store(e);
        }
    });
    return others;
}

template <bool KEPT, typename T, typename ROW>
__device__ __forceinline__ void add_others(Normal<T> &normal, const Peak<T> &peak, const Lanes<T> &lanes, const ROW &row, int away) {
    normal.others = lanes.sum(sum_of_others<KEPT>(normal, peak, row, away, [](auto, const auto &) {}));
}

// Numerators become the softmax. An entry above ½ is taken from 1, so that it is 1 where there is no other.
template <typename T, typename ROW>
__device__ __forceinline__ void divide(const ROW &row, int away, const Normal<T> &normal, const Peak<T> &peak) {
    T inverse = normal.inverse();
    row.for_mine([&](auto some) {
        auto x = some.away(away).load();
#pragma unroll
        for (int c = 0; c < some.SIZE; c++) {
            x.at[c] *= inverse;
        }
        some.away(away).store(x);
    });
    if (peak.leads) {
        T rest = normal.rest();
        *peak.place(away) = rest < T(0.5) ? T(1) - rest : normal.peak * inverse;
    }
}

// A sample too long for shared memory. peak becomes the place of the largest, n if there is none, in the lane whose
// number it is, −1 in others.
template <typename T>
__device__ __forceinline__ Normal<T> normalise_long(const LongLanes<T> &lanes, const T *x, int n, int &peak) {
    T largest;
    peak = lanes.mine(lanes.place_of_largest(x, n, largest));
    Normal<T> normal(largest);
    Sum<T> sum;
    lanes.for_mine(n, [&](auto some) {
        auto e = normal.numerators(some.load(x));
        some.at(peak, [&](int c) { e.at[c] = T(0); });
        sum.add(sum_of(e));
    });
    normal.others = lanes.sum(sum);
    return normal;
}
