// The Jacobians J of softmax (diag q − qqᵀ) and log-softmax (I − 1qᵀ): what they share, and rows times them. rest is 1 minus
// the largest entry of q, and stands for it where it would cancel.
#pragma once
#include "normaliser.cuh"

// The place of the first largest number of x, found by all lanes of a sample; 0 if all are NaN.
template <typename T>
__device__ __forceinline__ int find_place(const Lanes<T> &lanes, const T *x, int n) {
    T best = -infinity_of<T>();
    int at = n;
#pragma unroll 4
    for (int i = lanes.lane; i < n; i += lanes.count) {
        T v = x[i];
        if (v > best) {
            best = v;
            at = i;
        }
    }
    T largest = lanes.max(best);
    int place = lanes.min_index(best == largest ? at : n);
    return place < n ? place : 0;
}

enum Form { SOFTMAX, LOG_SOFTMAX, LOG_SOFTMAX_TRANSPOSED };

// What a row g becomes: s = Σ_{i≠m} q_i·g_i (LOG_SOFTMAX: Σ_{i≠m} g_i), m the place of the largest entry of q.
template <Form FORM, typename T>
struct RowProduct {
    T qm, gm, rest, s;
    static __device__ __forceinline__ T accumulate(T s, T q, T g) { return FORM == LOG_SOFTMAX ? s + g : fma(q, g, s); }
    __device__ __forceinline__ T at_peak() const {
        return FORM == LOG_SOFTMAX ? rest * gm - qm * s : FORM == SOFTMAX ? qm * (rest * gm - s) : rest * gm - s;
    }
    __device__ __forceinline__ T elsewhere(T q, T g) const {
        if (FORM == LOG_SOFTMAX) {
            return fma(-(s + gm), q, g);
        }
        T centred = fma(-qm, gm, g) - s;
        return FORM == SOFTMAX ? q * centred : centred;
    }
};

// out = rows·J (batch,k,n), LOG_SOFTMAX_TRANSPOSED: rows·Jᵀ. A tile of rows, `all` over the batch, and one of their samples' q in
// shared memory.
template <Form FORM, typename TILE, typename T>
__device__ __forceinline__ void times_rows(T *out, const T *rows, long long rows_stride, const T *q, long long q_stride,
                                           const T *rest, long long rest_stride, long long all, int k, const TILE &tile, Divisor by_k) {
    int n = tile.n;
    long long first = blockIdx.x * (long long)tile.samples();
    int count = (int)min((long long)tile.samples(), all - first);
    long long sample = first / k; // the first of the block
    int before = (int)(first - sample * k); // its rows of other blocks
    int samples = by_k.quotient(before + count - 1) + 1;
    T *panel = tile.start(first * n);
    T *entries = tile.behind(panel, tile.samples(), (int)((q_stride == 0 ? -first : sample - first) * n));
    int entry_pitch = q_stride == 0 ? 0 : tile.pitch;
    // Rows, sample by sample where they do not follow each other; then q, once if it is shared.
    int runs = rows_stride == (long long)k * n ? 1 : samples;
#pragma unroll 1
    for (int r = 0; r <= runs; r++) {
        bool last = r == runs;
        int from = last ? 0 : max(r * k - before, 0);
        int to = last ? (q_stride == 0 ? 1 : samples) : runs == 1 ? count : min((r + 1) * k - before, count);
        tile.template read<true>(
            last ? entries : tile.row(panel, from),
            last ? q + sample * q_stride : rows + (sample + r) * rows_stride + (long long)(before + from - r * k) * n,
            last && q_stride != 0 ? q_stride : n, to - from);
    }
    __syncthreads();
    tile.for_samples(panel, count, [&](const Lanes<T> &group, const auto &g) {
        int s = g.there ? by_k.quotient(before + group.sample) : 0;
        auto e = g.of(entries + s * entry_pitch);
        int away = (int)(e.numbers - g.numbers);
        Peak<T> peak(group, e);
        RowProduct<FORM, T> product{peak.value, T(0), g.there ? rest[(sample + s) * rest_stride] : T(0), T(0)};
        if (peak.leads) {
            product.gm = peak.take(-away, T(0)); // out of the sum, also where it is infinite
        }
        product.gm = group.from(peak.leader, product.gm);
        g.for_mine([&](auto some) {
            auto x = some.load();
            auto q = some.away(away).load();
#pragma unroll
            for (int c = 0; c < some.SIZE; c++) {
                product.s = product.accumulate(product.s, q.at[c], x.at[c]);
            }
        });
        product.s = group.sum(product.s);
        g.for_mine([&](auto some) {
            auto x = some.load();
            auto q = some.away(away).load();
#pragma unroll
            for (int c = 0; c < some.SIZE; c++) {
                x.at[c] = product.elsewhere(q.at[c], x.at[c]);
            }
            some.store(x);
        });
        if (peak.leads) {
            *peak.place(-away) = product.at_peak();
        }
    });
    __syncthreads();
    tile.write(out + first * n, panel, count);
}

// The same for rows too long for shared memory, a block each.
template <Form FORM, typename T>
__device__ __forceinline__ void times_rows_long(T *out, const T *rows, long long rows_stride, const T *q, long long q_stride,
                                                const T *rest, long long rest_stride, int k, int n) {
    long long b = blockIdx.x / k;
    const T *g = rows + b * rows_stride + (long long)(blockIdx.x % k) * n;
    T *o = out + blockIdx.x * (long long)n;
    q += b * q_stride;
    LongLanes<T> lanes(g, shared_numbers<T>());
    T largest;
    int m = min(lanes.place_of_largest(q, n, largest), n - 1);
    int mine = lanes.mine(m);
    // Only who writes a number of the row reads it: it may be in place.
    T gm = lanes.from(m % lanes.count, mine >= 0 ? g[m] : T(0));
    RowProduct<FORM, T> product{q[m], gm, rest[b * rest_stride], T(0)};
    lanes.for_mine(n, [&](auto some) {
        auto x = some.load(g);
        auto entries = some.load(q);
        some.at(mine, [&](int c) { x.at[c] = T(0); });
#pragma unroll
        for (int c = 0; c < some.SIZE; c++) product.s = product.accumulate(product.s, entries.at[c], x.at[c]);
    });
    product.s = lanes.sum(product.s);
    lanes.for_mine(n, [&](auto some) {
        auto x = some.load(g);
        auto entries = some.load(q);
#pragma unroll
        for (int c = 0; c < some.SIZE; c++) x.at[c] = product.elsewhere(entries.at[c], x.at[c]);
        some.at(mine, [&](int c) { x.at[c] = product.at_peak(); });
        some.store(o, x);
    });
}
