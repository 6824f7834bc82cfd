// Softmax and its logarithm of samples in shared memory: `TILE` says how they lie there, and whose work they are.
#pragma once
#include "normaliser.cuh"

template <typename TILE, typename T>
__device__ __forceinline__ void softmax(T *q, T *rest, const T *x, long long batch, const TILE &tile) {
    int n = tile.n;
    long long first = blockIdx.x * (long long)tile.samples();
    T *rows = tile.start(first * n);
    int count = (int)min((long long)tile.samples(), batch - first);
    tile.read(rows, x + first * n, n, count);
    __syncthreads();
    tile.for_samples(rows, count, [&](const Lanes<T> &group, const auto &row) {
        Peak<T> peak(group, row);
        Normal<T> normal(peak.value);
        add_others<true>(normal, peak, group, row, 0);
        divide(row, 0, normal, peak);
        if (rest != nullptr && group.lane == 0 && row.there) {
            rest[first + group.sample] = normal.rest();
        }
    });
    __syncthreads();
    tile.write(q + first * n, rows, count);
}

// q and rest may be null, or rest. Where q is wanted, a second tile behind the first.
template <typename TILE, typename T>
__device__ __forceinline__ void log_softmax(T *y, T *q, T *rest, const T *x, long long batch, const TILE &tile) {
    int n = tile.n;
    long long first = blockIdx.x * (long long)tile.samples();
    T *rows = tile.start(first * n);
    T *numerators = tile.behind(rows, tile.samples());
    int away = (int)(numerators - rows);
    int count = (int)min((long long)tile.samples(), batch - first);
    tile.read(rows, x + first * n, n, count);
    __syncthreads();
    tile.for_samples(rows, count, [&](const Lanes<T> &group, const auto &row) {
        Peak<T> peak(group, row);
        Normal<T> normal(peak.value);
        if (q == nullptr) {
            add_others<false>(normal, peak, group, row, 0);
        } else {
            add_others<true>(normal, peak, group, row, away);
            divide(row, away, normal, peak);
            if (rest != nullptr && group.lane == 0 && row.there) {
                rest[first + group.sample] = normal.rest();
            }
        }
        T log = normal.log();
        if (peak.leads) {
            *peak.place(0) = peak.value;
        }
        row.for_mine([&](auto some) {
            auto z = some.load();
#pragma unroll
            for (int c = 0; c < some.SIZE; c++) {
                z.at[c] = normal.log_probability(z.at[c], log);
            }
            some.store(z);
        });
    });
    __syncthreads();
    tile.write(y + first * n, rows, count);
    if (q != nullptr) {
        tile.write(q + first * n, numerators, count);
    }
}
