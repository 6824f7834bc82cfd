// Many small products, several a block. Matrices lie in shared memory as they do outside, in units of W numbers, but some
// units further apart: MatrixKernels says how far, so that the lanes of a phase, neighbours in (sample, column), meet in no bank.
#pragma once
#include "common.cuh"

// Matrices of `size` numbers: number q is one of the `each` (1 or repeats) that sample ⌊q/repeats⌋ has.
template <typename T>
struct Matrices {
    const T *p;
    long long stride;
    int repeats, each, size;

    // `here` of them from the first on, `pitch` units apart in shared memory; `by_units` divides by the units of one.
    template <int W>
    __device__ __forceinline__ void to_shared(Pack<T, W> *shared, int pitch, long long first, int here, SmallDivisor by_units) const {
        int units = size / W, gap = pitch - units;
        if (each == repeats && stride == (long long)each * size) {
            const T *from = p + first * size;
            auto place = [&](int e) { return e + by_units.quotient(e) * gap; };
            move_units<W>(
                from, here * units, place, blockDim.x, [](const T *p, int) { return fetch_pack<T, W>(p); },
                [&](const T *, int at, const Pack<T, W> &x) { store_pack(shared[at].at, x); });
            return;
        }
        // A warp a matrix.
        long long sample = first / repeats;
        unsigned inside = (unsigned)(first - sample * repeats);
        for (int q = threadIdx.x / WARP; q < here; q += blockDim.x / WARP) {
            unsigned later = (inside + q) / repeats, number = each == 1 ? 0 : inside + q - later * repeats;
            const T *from = p + (sample + later) * stride + (long long)number * size;
#pragma unroll 1
            for (int e = threadIdx.x % WARP; e < units; e += WARP) {
                store_pack(shared[q * pitch + e].at, fetch_pack<T, W>(from + e * W));
            }
        }
    }
};

// How a block's matrices lie in shared memory: units from one to the next, and the divisor by the units of one.
struct alignas(8) Pitches {
    int a, b, c, samples;
    SmallDivisor by_a, by_b, by_c;
};

// A block's products C_q = A_b·B_q, q from `first` on: A (m,k), B (k,n), where W divides k and n. A thread computes M rows of
// `pieces` columns' units, E of them: i to i+M−1, j, j+pieces, …; threads go along j fastest, then q, then i.
template <int W, int M, int E, typename T>
__device__ __forceinline__ void product_batch(
    T *out, const Matrices<T> &a_from, const Matrices<T> &b_from, long long all, int m, int k, int n, const Pitches &pitches,
    SmallDivisor by_pieces, SmallDivisor by_samples) {
    int samples = pitches.samples, units = n / W, pieces = (units + E - 1) / E;
    Pack<T, W> *b_shared = shared_numbers<Pack<T, W>>(), *a_shared = b_shared + samples * pitches.b, *c_shared = b_shared;
    long long first = blockIdx.x * (long long)samples;
    int here = all - first < samples ? (int)(all - first) : samples;
    a_from.template to_shared<W>(a_shared, pitches.a, first, here, pitches.by_a);
    b_from.template to_shared<W>(b_shared, pitches.b, first, here, pitches.by_b);
    __syncthreads();

    int rest = by_pieces.quotient(threadIdx.x), part = by_samples.quotient(rest);
    int i = part * M, q = rest - part * samples, j = threadIdx.x - rest * pieces;
    bool busy = i < m && q < here;
    // What is not there: the last row, column or matrix once more.
    const Pack<T, W> *row[M], *column[E];
    int valid = min(q, here - 1);
#pragma unroll
    for (int r = 0; r < M; r++) row[r] = a_shared + (valid * pitches.a + min(i + r, m - 1) * (k / W));
#pragma unroll
    for (int e = 0; e < E; e++) column[e] = b_shared + (valid * pitches.b + (e == 0 ? j : min(j + e * pieces, units - 1)));
    Pack<T, W> sum[M][E] = {};
    // U units of the inner axis: what a thread reads of its rows is U units each, one after the other.
    auto multiply = [&](auto units_at_once) {
        constexpr int U = decltype(units_at_once)::value;
#pragma unroll
        for (int u = 0; u < U; u++) {
            Pack<T, W> left[M];
#pragma unroll
            for (int r = 0; r < M; r++) left[r] = load_pack<T, W>(row[r][u].at);
#pragma unroll
            for (int s = 0; s < W; s++) {
#pragma unroll
                for (int e = 0; e < E; e++) {
                    Pack<T, W> right = load_pack<T, W>(column[e]->at);
                    column[e] += units;
#pragma unroll
                    for (int r = 0; r < M; r++) {
#pragma unroll
                        for (int c = 0; c < W; c++) sum[r][e].at[c] = fma(left[r].at[s], right.at[c], sum[r][e].at[c]);
                    }
                }
            }
        }
#pragma unroll
        for (int r = 0; r < M; r++) row[r] += U;
    };
    constexpr int MANY = W == 1 ? 4 : 16 / sizeof(Pack<T, W>);
    int steps = k / W;
#pragma unroll 1
    for (; steps >= MANY; steps -= MANY) multiply(Count<MANY>());
    if constexpr (MANY > 1) {
#pragma unroll 1
        for (; steps > 0; steps--) multiply(Count<1>());
    }
    __syncthreads();
    if (busy) {
        Pack<T, W> *to = c_shared + (q * pitches.c + i * units + j);
#pragma unroll
        for (int r = 0; r < M; r++, to += units) {
#pragma unroll
            for (int e = 0; e < E; e++) {
                if (i + r < m && (e == 0 || j + e * pieces < units)) store_pack(to[e * pieces].at, sum[r][e]);
            }
        }
    }
    __syncthreads();
    int in_all = here * m * units, gap = pitches.c - m * units;
    out += first * (m * n);
    move_units<W>(
        out, in_all, [&](int e) { return e + pitches.by_c.quotient(e) * gap; }, blockDim.x, [&](const T *, int at) { return load_pack<T, W>(c_shared[at].at); },
        [](T *p, int, const Pack<T, W> &x) { store_pack(p, x); });
}
