// Samples to softmax: what its kernels and its losses have in common.
#pragma once
#include "math.cuh"
#include "tile.cuh"

// The largest number of a sample, −inf if there is none, and whose it is. NaN is passed over.
template <typename T>
struct Peak {
    T value;
    int leader;
    bool leads;  // this lane does
    unsigned at; // in shared memory: its pack, or itself where it is not in a pack; 0 for lanes that do not lead

    template <int UNIT>
    __device__ __forceinline__ Peak(const Lanes<T> &lanes, const Row<T, UNIT> &row) {
        T best = -infinity_of<T>();
        // 0 is none of the numbers that several lanes share. One that is alone: the first if there is none.
        at = lanes.count == 1 ? address(row.numbers) : 0;
        row.for_mine([&](auto some) {
            auto x = some.load();
#pragma unroll
            for (int k = 0; k < some.PARTS; k++) {
                T largest = x.at[k * some.PART];
#pragma unroll
                for (int c = 1; c < some.PART; c++) {
                    largest = fmax(largest, x.at[k * some.PART + c]);
                }
                bool larger = largest > best;
                best = larger ? largest : best;
                at = larger ? address(some.part(k)) : at;
            }
        });
        value = lanes.max(best);
        leader = lanes.first(best == value);
        leads = lanes.count == 1 || (lanes.lane == leader && at != 0);
        at = leads ? at : 0;
    }

    __device__ __forceinline__ static unsigned address(const T *p) { return (unsigned)__cvta_generic_to_shared(p); }
    __device__ __forceinline__ bool in(const T *p) const { return address(p) == at; }
    __device__ __forceinline__ static T *number(unsigned address) {
        asm("" : "+r"(address)); // The compiler would look for the pointer behind it, and not end.
        return reinterpret_cast<T *>(__cvta_shared_to_generic(address));
    }
    __device__ __forceinline__ T *place(int i) const { return number(at + i * (int)sizeof(T)); }

    // The numbers there, of the row that is so far away; 0 behind a unit that is not in a pack.
    template <int UNIT>
    __device__ __forceinline__ Pack<T> pack(const Row<T, UNIT> &row, int away) const {
        if constexpr (UNIT == Pack<T>::SIZE) {
            return load_pack(place(away));
        } else {
            bool whole = at < address(row.numbers + (row.n & -Pack<T>::SIZE));
            Pack<T> x;
#pragma unroll
            for (int c = 0; c < Pack<T>::SIZE; c++) {
                x.at[c] = c < UNIT || whole ? *place(away + c) : T(0);
            }
            return x;
        }
    }

    // The place of the first of them in this row, or in the one so far away.
    template <int UNIT>
    __device__ __forceinline__ T *mine(const Row<T, UNIT> &row, int away) const {
        Pack<T> x = pack(row, 0);
        int place = 0;
#pragma unroll
        for (int c = Pack<T>::SIZE - 1; c >= 0; c--) {
            place = x.at[c] == value ? c : place;
        }
        return this->place(place + away);
    }
};

// exp(r) for |r| ≤ ½ln 2, as good as by exp_series, which is the CPU's, with a term less: off by 0.06u and what is rounded. The
// constants stand in the instructions: from C++ each would be moved to a register in every turn of a loop.
__device__ __forceinline__ float exp_of_remainder(float r) {
    float p;
    asm("fma.rn.f32 %0, %1, 0f3AB511E7, 0f3C091D10;\n\t"  // 0.0013814539, 0.008368745
        "fma.rn.f32 %0, %0, %1, 0f3D2AAC79;\n\t"  // 0.04166839
        "fma.rn.f32 %0, %0, %1, 0f3E2AAA49;\n\t"  // 0.16666521
        "fma.rn.f32 %0, %0, %1, 0f3EFFFFFE;\n\t"  // 0.49999994
        "fma.rn.f32 %0, %0, %1, 0f3F800000;\n\t"
        "fma.rn.f32 %0, %0, %1, 0f3F800000;"
        : "=&f"(p)
        : "f"(r));
    return p;
}

__device__ __forceinline__ double exp_of_remainder(double r) { return fma(fma(exp_series(r), r, 1.), r, 1.); }

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
    T peak;    // the largest numerator, as the next two known when all are
    double others; // the sum of the others
    bool leads; // as of Peak
    unsigned mine; // where the largest is, in shared memory

    __device__ __forceinline__ explicit Normal(T highest) {
        largest = fabs(highest) < infinity_of<T>() ? highest : nan_of<T>();
        base = fabs(highest) >= FAR ? largest : T(0);
        T difference = largest - base;
        round = Real<T>::ROUND - (rounded(difference) - Real<T>::ROUND);
        lowest = difference + Real<T>::LOWEST;
    }

    // Within 1.5u; NaN for NaN.
    __device__ __forceinline__ T numerator(T x) const {
        T difference = x - base;
        T t = fma(difference, T(1.4426950408889634), round);
        T n = t - round;
        T r = fma(n, -Real<T>::LN2_LOW, fma(n, -Real<T>::LN2_HIGH, difference));
        T e = exp_of_remainder(r) * biased_power(t);
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

// The sum of a sample's numerators but the largest.
template <typename T>
struct Others {
    const Peak<T> &peak;
    Sum<T> sum;
    Pack<T> top = {}; // those beside the largest, and it

    __device__ __forceinline__ explicit Others(const Peak<T> &peak) : peak(peak) {}

    // KEPT: they will be found in the row.
    template <bool KEPT, typename SOME, int N>
    __device__ __forceinline__ void add(const SOME &some, const Pack<T, N> &e) {
#pragma unroll
        for (int k = 0; k < some.PARTS; k++) {
            bool here = peak.in(some.part(k));
            Pack<T, some.PART> part;
#pragma unroll
            for (int c = 0; c < some.PART; c++) {
                part.at[c] = e.at[k * some.PART + c];
            }
            sum.add(here ? T(0) : sum_of(part));
#pragma unroll
            for (int c = 0; c < (KEPT ? 0 : Pack<T>::SIZE); c++) {
                top.at[c] = here ? (c < some.PART ? part.at[c < some.PART ? c : 0] : T(0)) : top.at[c];
            }
        }
    }

    // KEPT: in the row so far away.
    template <bool KEPT, int UNIT>
    __device__ __forceinline__ void finish(Normal<T> &normal, const Lanes<T> &lanes, const Row<T, UNIT> &row, int away) {
        T most = T(0);
        normal.leads = peak.leads;
        if (peak.leads) {
            if (KEPT) {
                top = peak.pack(row, away);
            }
            int place = 0;
            T rest = T(0);
            most = top.at[0];
#pragma unroll
            for (int c = 1; c < Pack<T>::SIZE; c++) {
                bool larger = top.at[c] > most;
                rest += larger ? most : top.at[c];
                most = larger ? top.at[c] : most;
                place = larger ? c : place;
            }
            sum.add(rest);
            normal.mine = peak.at + place * sizeof(T);
        }
        normal.peak = lanes.from(peak.leader, most);
        normal.others = lanes.sum(sum);
    }
};

// Of the numbers in row; where KEPT, their numerators go to the row so far away.
template <bool KEPT, typename T, int UNIT>
__device__ __forceinline__ Normal<T> normalise(const Lanes<T> &lanes, const Row<T, UNIT> &row, int away) {
    Peak<T> peak(lanes, row);
    Normal<T> normal(peak.value);
    Others<T> others(peak);
    row.template for_mine<2>([&](auto some) {
        auto e = normal.numerators(some.load());
        others.template add<KEPT>(some, e);
        if (KEPT) {
            some.away(away).store(e);
        }
    });
    others.template finish<KEPT>(normal, lanes, row, away);
    return normal;
}

// Numerators become the softmax. An entry above ½ is taken from 1, so that it is 1 where there is no other.
template <typename T, int UNIT>
__device__ __forceinline__ void divide(const Row<T, UNIT> &row, int away, const Normal<T> &normal) {
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
    if (normal.leads && rest < T(0.5)) {
        *Peak<T>::number(normal.mine + away * (int)sizeof(T)) = T(1) - rest;
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
    normal.peak = normal.numerator(normal.largest);
    normal.others = lanes.sum(sum);
    return normal;
}
