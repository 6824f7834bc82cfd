// Softmax and its logarithm of samples in shared memory: `TILE` says how they lie there, and whose work they are.
#pragma once
#include "normaliser.cuh"

template <typename TILE, typename T>
__device__ __forceinline__ void softmax(T *q, T *rest, const T *x, long long batch, const TILE &tile) {
    T *rows = tile.start();
    int n = tile.n;
    long long first = blockIdx.x * (long long)tile.samples();
    int count = (int)min((long long)tile.samples(), batch - first);
    tile.read(rows, x + first * n, n, count);
    __syncthreads();
    tile.for_samples(count, [&](const Lanes<T> &group, bool there, auto unit) {
        Row<T, unit.value> row(tile.row(rows, group.sample), n, group, there);
        Normal<T> normal = normalise<true>(group, row, 0);
        divide(row, 0, normal);
        if (rest != nullptr && group.lane == 0 && there) {
            rest[first + group.sample] = normal.rest();
        }
    });
    __syncthreads();
    tile.write(q + first * n, rows, count);
}

// y, or q and rest, may be null. Where q is wanted, a second tile behind the first.
template <typename TILE, typename T>
__device__ __forceinline__ void log_softmax(T *y, T *q, T *rest, const T *x, long long batch, const TILE &tile) {
    T *rows = tile.start();
    T *numerators = tile.behind(rows, tile.samples());
    int n = tile.n;
    int away = (int)(numerators - rows);
    long long first = blockIdx.x * (long long)tile.samples();
    int count = (int)min((long long)tile.samples(), batch - first);
    tile.read(rows, x + first * n, n, count);
    __syncthreads();
    tile.for_samples(count, [&](const Lanes<T> &group, bool there, auto unit) {
        Row<T, unit.value> row(tile.row(rows, group.sample), n, group, there);
        Normal<T> normal = q != nullptr ? normalise<true>(group, row, away) : normalise<false>(group, row, away);
        if (q != nullptr) {
            divide(row, away, normal);
        }
        if (y != nullptr) {
            T log = normal.log();
            row.for_mine([&](auto some) {
                auto z = some.load();
#pragma unroll
                for (int c = 0; c < some.SIZE; c++) {
                    z.at[c] = normal.log_probability(z.at[c], log);
                }
                some.store(z);
            });
        }
        if (rest != nullptr && group.lane == 0 && there) {
            rest[first + group.sample] = normal.rest();
        }
    });
    __syncthreads();
    if (y != nullptr) {
        tile.write(y + first * n, rows, count);
    }
    if (q != nullptr) {
        tile.write(q + first * n, numerators, count);
    }
}
