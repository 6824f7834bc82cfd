// Samples to softmax: what its kernels and its losses have in common.
#pragma once
#include "math.cuh"
#include "tile.cuh"

// The largest number of a sample, −inf if there is none, and whose it is. NaN is passed over.
template <typename T>
struct Peak {
    T value;
    int leader;
    T *mine; // where it is, for the leader

    __device__ __forceinline__ Peak(const Lanes<T> &lanes, const Row<T> &row) : mine(nullptr) {
        T best = -infinity_of<T>();
        unsigned at = 0; // in shared memory: there 0 is none of the numbers
        row.for_mine([&](auto some) {
            T x = largest_of(some.load());
            if (x > best) {
                best = x;
                at = (unsigned)__cvta_generic_to_shared(some.p);
            }
        });
        value = lanes.max(best);
        leader = lanes.first(best == value);
        if (lanes.lane == leader && at != 0) {
            mine = reinterpret_cast<T *>(__cvta_shared_to_generic(at));
#pragma unroll 1
            while (*mine != value) {
                mine++;
            }
        }
    }
};

// How the numbers of a sample become numerators: 2^65·exp(x − N·ln 2) (float64: 2^513·), N·ln 2 near the largest, so that none is
// subnormal. Where the largest is FAR or farther from 0 it is subtracted before: exactly, as all that counts is within a
// factor of 2 of it; and then N = 0. Nearer, x − n·ln 2 is exact but for the second piece of ln 2.
template <typename T>
struct Normal {
    static constexpr T FAR = sizeof(T) == 4 ? 256 : 2048;
    T largest; // NaN where a sample has no softmax
    T base;    // what is subtracted
    T round;   // adding it rounds to the integer n, which then stands in the lowest bits as n − N + 192 (1536)
    T lowest;  // of the differences; below numerators are 0
    T peak;    // the largest numerator
    double others; // the sum of the others
    T *mine;   // where the largest is, for one lane

    __device__ __forceinline__ explicit Normal(T highest) {
        largest = fabs(highest) < infinity_of<T>() ? highest : nan_of<T>();
        base = fabs(highest) >= FAR ? largest : T(0);
        T difference = largest - base;
        round = Real<T>::ROUND - (rounded(difference) - Real<T>::ROUND);
        lowest = difference + Real<T>::LOWEST;
        peak = numerator(largest);
    }

    // Within 1.5u; NaN for NaN.
    __device__ __forceinline__ T numerator(T x) const {
        T difference = x - base;
        T t = fma(difference, T(1.4426950408889634), round);
        T n = t - round;
        T r = fma(n, -Real<T>::LN2_LOW, fma(n, -Real<T>::LN2_HIGH, difference));
        T e = (T(1) + fma(r * r, exp_series(r), r)) * biased_power(t);
        return difference < lowest ? T(0) : e;
    }

    __device__ __forceinline__ T sum() const { return peak + T(others); }
    // The largest entry of the softmax from 1.
    __device__ __forceinline__ T rest() const { return T(others) / sum(); }
    __device__ __forceinline__ T inverse() const { return T(1) / sum(); }
    // log of the sum, were the largest numerator 1. Within 8u: the others are within 3.5u, the largest within 1.5u.
    __device__ __forceinline__ T log() const { return log1p_positive(T(others / peak)); }

    // log + largest − x within 5u: both terms are positive.
    __device__ __forceinline__ T surprise(T x, T log) const { return log - (x - largest); }

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

// Of the numbers in row; where KEPT, their numerators go to the row so far away. While they are added, the largest is out.
template <bool KEPT, typename T>
__device__ __forceinline__ Normal<T> normalise(const Lanes<T> &lanes, const Row<T> &row, int away) {
    Peak<T> peak(lanes, row);
    Normal<T> normal(peak.value);
    if (peak.mine != nullptr) {
        *peak.mine = -infinity_of<T>();
    }
    Sum<T> sum;
    row.for_mine([&](auto some) {
        auto e = normal.numerators(some.load());
        sum.add(sum_of(e));
        if (KEPT) {
            some.away(away).store(e);
        }
    });
    if (peak.mine != nullptr) {
        *peak.mine = peak.value;
        if (KEPT) {
            peak.mine[away] = normal.peak;
        }
    }
    normal.others = lanes.sum(sum);
    normal.mine = peak.mine;
    return normal;
}

// Numerators become the softmax. An entry above ½ is taken from 1, so that it is 1 where there is no other.
template <typename T>
__device__ __forceinline__ void divide(const Row<T> &row, int away, const Normal<T> &normal) {
    T inverse = normal.inverse();
    row.for_mine([&](auto some) {
        auto x = some.away(away).load();
#pragma unroll
        for (int c = 0; c < some.SIZE; c++) {
            x.at[c] *= inverse;
        }
        some.away(away).store(x);
    });
    T rest = normal.rest();
    if (normal.mine != nullptr && rest < T(0.5)) {
        normal.mine[away] = T(1) - rest;
    }
}

// Samples too long for shared memory, a block each: numbers that are a block apart make a pack, so that all accesses
// coalesce whatever the alignment.
#define FOR_LONG_PACKS(i, lanes, n) \
    _Pragma("unroll 1") for (int i = (lanes).lane; i < (n); i += (lanes).count * SIZE)

template <typename T>
__device__ __forceinline__ Pack<T> gather(const T *x, int i, int step, int n, T fill) {
    Pack<T> pack;
#pragma unroll
    for (int c = 0; c < Pack<T>::SIZE; c++) {
        pack.at[c] = i < n - c * step ? x[i + c * step] : fill;
    }
    return pack;
}

template <typename T>
__device__ __forceinline__ void scatter(T *out, int i, int step, int n, const Pack<T> &pack) {
#pragma unroll
    for (int c = 0; c < Pack<T>::SIZE; c++) {
        if (i < n - c * step) {
            out[i + c * step] = pack.at[c];
        }
    }
}

// As normalise; peak is the place of the largest for all threads, n if there is none.
template <typename T>
__device__ __forceinline__ Normal<T> normalise_long(const Lanes<T> &lanes, const T *x, int n, int &peak) {
    constexpr int SIZE = Pack<T>::SIZE;
    T best = -infinity_of<T>();
    int at = n;
#pragma unroll 1
    for (int i = lanes.lane; i < n; i += lanes.count) {
        T v = x[i];
        if (v > best) {
            best = v;
            at = i;
        }
    }
    T largest = lanes.max(best);
    peak = lanes.min_index(best == largest ? at : n);
    Normal<T> normal(largest);
    Sum<T> sum;
    FOR_LONG_PACKS(i, lanes, n) {
        Pack<T> e = normal.numerators(gather(x, i, lanes.count, n, -infinity_of<T>()));
#pragma unroll
        for (int c = 0; c < SIZE; c++) {
            e.at[c] = i + c * lanes.count == peak ? T(0) : e.at[c];
        }
        sum.add(sum_of(e));
    }
    normal.others = lanes.sum(sum);
    return normal;
}
