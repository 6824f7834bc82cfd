// Samples to softmax: what its kernels and its losses have in common.
#pragma once
#include "math.cuh"
#include "tile.cuh"

// The first largest number of a sample: its value, its pack, its place. NaN is passed over. NONE if there is no number > −inf.
template <typename T>
struct Peak {
    static constexpr int NONE = 0x7fffffff;
    T value;
    int pack;
};

// p points to those of a row's packs that are this lane's, one after the other; only of the row of a sample there is.
#define FOR_PACKS(p, group, row, packs)                                                                                        \
    _Pragma("unroll 1") for (auto *p = (row) + (group).lane * SIZE, *end = (row) + (packs) * SIZE; p < end;                       \
                             p += (group).count * SIZE)

template <typename T>
__device__ __forceinline__ Peak<T> find_peak(const Lanes<T> &lanes, const T *row, int packs) {
    constexpr int SIZE = Pack<T>::SIZE;
    T best = -infinity_of<T>();
    const T *at = nullptr;
    FOR_PACKS(p, lanes, row, packs) {
        T x = largest_of(load_pack(p));
        if (x > best) {
            best = x;
            at = p;
        }
    }
    T largest = lanes.max(best);
    return {largest, lanes.min_index(at != nullptr && best == largest ? (int)(at - row) / SIZE : Peak<T>::NONE)};
}

// Where in its pack the peak is.
template <typename T>
__device__ __forceinline__ int place(const Pack<T> &x, T value) {
    int c = Pack<T>::SIZE - 1;
#pragma unroll
    for (int i = Pack<T>::SIZE - 2; i >= 0; i--) {
        c = x.at[i] == value ? i : c;
    }
    return c;
}

// Numerators and their sums are 2^65 (float64: 2^513) times what they stand for, so that none is subnormal.
template <typename T>
struct Normal {
    static constexpr T ONE = T(1) / Real<T>::UNBIAS;
    T largest; // NaN where a sample has no softmax
    T others;  // the sum of the numerators but the largest

    __device__ __forceinline__ T sum() const { return ONE + others; }
    // The largest entry of the softmax from 1.
    __device__ __forceinline__ T rest() const { return others / sum(); }
    __device__ __forceinline__ T inverse() const { return T(1) / sum(); }
    // log of the sum.
    __device__ __forceinline__ T log() const { return log1p_positive(others * Real<T>::UNBIAS); }

    // log + largest − x: both terms of the sum are positive. The difference's rounding error is made good.
    __device__ __forceinline__ T surprise(T x, T log) const {
        T difference = x - largest;
        T error = sum_error(x, -largest, difference);
        T y = log - difference;
        return difference == -infinity_of<T>() ? y : y - error;
    }

    __device__ __forceinline__ Pack<T> numerators(const Pack<T> &x) const {
        Pack<T> e;
#pragma unroll
        for (int c = 0; c < Pack<T>::SIZE; c++) {
            T difference = x.at[c] - largest;
            e.at[c] = biased_exp(difference, sum_error(x.at[c], -largest, difference));
        }
        return e;
    }
};

template <typename T>
__device__ __forceinline__ T finite_or_nan(T largest) {
    return fabs(largest) < infinity_of<T>() ? largest : nan_of<T>();
}

// Of the numbers in row; where KEPT, their numerators go to e, which may be row. While they are added, the largest is out.
template <bool KEPT, typename T>
__device__ __forceinline__ Normal<T> normalise(const Lanes<T> &lanes, T *e, T *row, int packs) {
    constexpr int SIZE = Pack<T>::SIZE;
    Peak<T> peak = find_peak(lanes, row, packs);
    Normal<T> normal{finite_or_nan(peak.value), T(0)};
    bool mine = normal.largest == peak.value && lanes.owns(peak.pack);
    int at = mine ? peak.pack * SIZE + place(load_pack(row + peak.pack * SIZE), peak.value) : 0;
    if (mine) {
        row[at] = -infinity_of<T>();
    }
    Sum<T> sum;
    int to = KEPT ? (int)(e - row) : 0;
    FOR_PACKS(p, lanes, row, packs) {
        Pack<T> x = normal.numerators(load_pack(p));
        sum.add(x);
        if (KEPT) {
            store_pack(p + to, x);
        }
    }
    if (mine) {
        row[at] = peak.value;
        if (KEPT) {
            e[at] = Normal<T>::ONE;
        }
    }
    normal.others = lanes.sum(sum).total();
    return normal;
}

// e becomes the softmax.
template <typename T>
__device__ __forceinline__ void divide(const Lanes<T> &lanes, T *e, int packs, const Normal<T> &normal) {
    constexpr int SIZE = Pack<T>::SIZE;
    T inverse = normal.inverse();
    FOR_PACKS(p, lanes, e, packs) {
        Pack<T> x = load_pack(p);
#pragma unroll
        for (int c = 0; c < SIZE; c++) {
            x.at[c] *= inverse;
        }
        store_pack(p, x);
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

// As normalise; peak is the place of the largest for all threads.
template <typename T>
__device__ __forceinline__ Normal<T> normalise_long(const Lanes<T> &lanes, const T *x, int n, int &peak) {
    constexpr int SIZE = Pack<T>::SIZE;
    T best = -infinity_of<T>();
    int at = Peak<T>::NONE;
#pragma unroll 1
    for (int i = lanes.lane; i < n; i += lanes.count) {
        T v = x[i];
        if (v > best) {
            best = v;
            at = i;
        }
    }
    T largest = lanes.max(best);
    peak = lanes.min_index(best == largest ? at : Peak<T>::NONE);
    Normal<T> normal{finite_or_nan(largest), T(0)};
    Sum<T> sum;
    FOR_LONG_PACKS(i, lanes, n) {
        Pack<T> e = normal.numerators(gather(x, i, lanes.count, n, -infinity_of<T>()));
#pragma unroll
        for (int c = 0; c < SIZE; c++) {
            e.at[c] = i + c * lanes.count == peak ? T(0) : e.at[c];
        }
        sum.add(e);
    }
    normal.others = lanes.sum(sum).total();
    return normal;
}
