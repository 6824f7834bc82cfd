// Losses that are a sum of terms, one for each component.
#pragma once
#include "normaliser.cuh"

// ½Σ(y−p)²; p − y.
struct SquaredError {
    template <typename T>
    static __device__ __forceinline__ T term(T y, T p) {
        return (p - y) * (p - y);
    }
    template <typename T>
    static __device__ __forceinline__ T derivative(T y, T p) {
        return p - y;
    }
    template <typename T>
    static __device__ __forceinline__ T loss(T sum) {
        return T(0.5) * sum;
    }
};

// −Σ target·log prediction; −target/prediction. A target of 0 adds 0 and has derivative 0, whatever prediction ≥ 0.
struct CrossEntropy {
    template <typename T>
    static __device__ __forceinline__ T term(T t, T p) {
        return t == T(0) && p >= T(0) ? T(0) : t * logarithm(p);
    }
    template <typename T>
    static __device__ __forceinline__ T derivative(T t, T p) {
        return t == T(0) && p >= T(0) ? T(0) : -t / p;
    }
    template <typename T>
    static __device__ __forceinline__ T loss(T sum) {
        return T(0) - sum;
    }
};

// The sum of the terms of these packs; p becomes the derivatives.
template <typename Loss, typename T, int N>
__device__ __forceinline__ void accumulate(Sum<T> &sum, const Pack<T, N> &target, Pack<T, N> &p, bool loss) {
    Pack<T, N> terms;
#pragma unroll
    for (int c = 0; c < N; c++) {
        terms.at[c] = loss ? Loss::term(target.at[c], p.at[c]) : T(0);
        p.at[c] = Loss::derivative(target.at[c], p.at[c]);
    }
    if (loss) {
        sum.add(sum_of(terms));
    }
}

// The samples' tiles: predictions, then targets.
template <typename T>
struct LossTiles {
    Tile<T> tile;
    Lanes<T> group;
    T *predictions, *targets;
    long long first;
    int count;

    __device__ __forceinline__ LossTiles(const Tile<T> &tile, long long batch, int lanes)
        : tile(tile), group(lanes, shared_numbers<T>()) {
        int samples = blockDim.x / lanes;
        predictions = shared_numbers<T>() + Lanes<T>::SCRATCH;
        targets = tile.behind(predictions, samples);
        first = blockIdx.x * (long long)samples;
        count = (int)min((long long)samples, batch - first);
    }
    __device__ __forceinline__ void read(const T *prediction, long long prediction_stride, const T *target, long long target_stride) const {
#pragma unroll 1
        for (int i = 0; i < 2; i++) {
            long long stride = i == 0 ? prediction_stride : target_stride;
            tile.read(i == 0 ? predictions : targets, (i == 0 ? prediction : target) + first * stride, stride, count);
        }
        __syncthreads();
    }
    __device__ __forceinline__ bool there() const { return group.sample < count; }
    __device__ __forceinline__ Row<T> row() const { return Row<T>(tile.row(predictions, group.sample), tile.n, group, there()); }
    // From a number of a row to its target.
    __device__ __forceinline__ int away() const { return (int)(targets - predictions); }
    __device__ __forceinline__ bool leads() const { return group.lane == 0 && there(); }
    __device__ __forceinline__ long long sample() const { return first + group.sample; }
};

template <typename Loss, typename T>
__device__ __forceinline__ void sum_of_terms(T *loss, T *gradient, const T *target, long long target_stride, const T *prediction,
                                             long long prediction_stride, long long batch, const Tile<T> &tile, int lanes) {
    LossTiles<T> tiles(tile, batch, lanes);
    tiles.read(prediction, prediction_stride, target, target_stride);
    Sum<T> sum;
    tiles.row().for_mine([&](auto some) {
        auto p = some.load();
        accumulate<Loss>(sum, some.away(tiles.away()).load(), p, loss != nullptr);
        if (gradient != nullptr) {
            some.store(p);
        }
    });
    if (loss != nullptr) {
        T total = T(tiles.group.sum(sum));
        if (tiles.leads()) {
            loss[tiles.sample()] = Loss::loss(total);
        }
    }
    if (gradient != nullptr) {
        __syncthreads();
        tile.write(gradient + tiles.first * tile.n, tiles.predictions, tiles.count);
    }
}

// The same for samples too long for shared memory, a block each.
template <typename Loss, typename T>
__device__ __forceinline__ void sum_of_terms_long(T *loss, T *gradient, const T *target, const T *prediction, int n) {
    constexpr int SIZE = Pack<T>::SIZE;
    auto group = Lanes<T>::block(shared_numbers<T>());
    Sum<T> sum;
    FOR_LONG_PACKS(i, group, n) {
        Pack<T> p = gather(prediction, i, group.count, n, T(1));
        accumulate<Loss>(sum, gather(target, i, group.count, n, T(1)), p, loss != nullptr);
        if (gradient != nullptr) {
            scatter(gradient, i, group.count, n, p);
        }
    }
    if (loss != nullptr) {
        T total = T(group.sum(sum));
        if (group.lane == 0) {
            *loss = Loss::loss(total);
        }
    }
}

// Σt, and Σt·(largest − x); a target of 0 adds 0.
template <typename T>
struct TargetSums {
    Sum<T> targets, distances;
    template <int N>
    __device__ __forceinline__ void add(const Pack<T, N> &t, const Pack<T, N> &x, T largest) {
        Pack<T, N> terms;
#pragma unroll
        for (int c = 0; c < N; c++) {
            terms.at[c] = t.at[c] == T(0) ? T(0) : t.at[c] * (largest - x.at[c]);
        }
        targets.add(sum_of(t));
        distances.add(sum_of(terms));
    }
};

// (total − t)·q − t·(1 − q) for q = e·inverse; a q above ½ is the largest, and then 1 − q is the rest.
template <typename T, int N>
__device__ __forceinline__ Pack<T, N> distribution_gradient(Pack<T, N> t, Pack<T, N> e, T inverse, T total, T rest) {
#pragma unroll
    for (int c = 0; c < N; c++) {
        T q = e.at[c] * inverse;
        e.at[c] = (total - t.at[c]) * q - t.at[c] * (q > T(0.5) ? rest : T(1) - q);
    }
    return e;
}
