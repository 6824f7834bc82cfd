// Losses that are a sum of terms, one for each component.
#pragma once
#include "normaliser.cuh"

// ½Σ(y−p)²; p − y.
struct SquaredError {
    template <typename T>
    static __device__ __forceinline__ T regarded(T, T p) {
        return p;
    }
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

// −Σ target·log prediction; −target/prediction. A target of 0 adds 0 and has derivative +0, whatever prediction ≥ 0: as if it were 1.
struct CrossEntropy {
    template <typename T>
    static __device__ __forceinline__ T regarded(T t, T p) {
        return t == T(0) && p >= T(0) ? T(1) : p;
    }
    template <typename T>
    static __device__ __forceinline__ T term(T t, T p) {
        return t * logarithm(p);
    }
    template <typename T>
    static __device__ __forceinline__ T derivative(T t, T p) {
        return (T(0) - t) / p;
    }
    template <typename T>
    static __device__ __forceinline__ T loss(T sum) {
        return T(0) - sum;
    }
};

// The terms of these packs are added, if wanted; p becomes what is regarded.
template <typename Loss, typename T, int N>
__device__ __forceinline__ void accumulate(Sum<T> &sum, const Pack<T, N> &target, Pack<T, N> &p, bool loss) {
#pragma unroll
    for (int c = 0; c < N; c++) {
        p.at[c] = Loss::regarded(target.at[c], p.at[c]);
    }
    if (loss) {
        Pack<T, N> terms;
#pragma unroll
        for (int c = 0; c < N; c++) {
            terms.at[c] = Loss::term(target.at[c], p.at[c]);
        }
        sum.add(sum_of(terms));
    }
}

// Of what is regarded.
template <typename Loss, typename T, int N>
__device__ __forceinline__ Pack<T, N> derivatives(const Pack<T, N> &target, const Pack<T, N> &p) {
    Pack<T, N> all;
#pragma unroll
    for (int c = 0; c < N; c++) {
        all.at[c] = Loss::derivative(target.at[c], p.at[c]);
    }
    return all;
}

// The samples' tiles: predictions, then targets.
template <typename TILE, typename T>
struct LossTiles {
    TILE tile;
    T *predictions, *targets;
    long long first;
    int count;

    __device__ __forceinline__ LossTiles(const TILE &tile, long long batch) : tile(tile) {
        int samples = tile.samples();
        first = blockIdx.x * (long long)samples;
        predictions = tile.start(first * tile.n);
        targets = tile.behind(predictions, samples);
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
    template <typename F>
    __device__ __forceinline__ void for_samples(F work) const {
        tile.for_samples(predictions, count, work);
    }
    // From a number of a row to its target.
    __device__ __forceinline__ int away() const { return (int)(targets - predictions); }
};

template <typename Loss, typename TILE, typename T>
__device__ __forceinline__ void sum_of_terms(T *loss, T *gradient, const T *target, long long target_stride, const T *prediction,
                                             long long prediction_stride, long long batch, const TILE &tile) {
    LossTiles<TILE, T> tiles(tile, batch);
    tiles.read(prediction, prediction_stride, target, target_stride);
    tiles.for_samples([&](const Lanes<T> &group, const auto &row) {
        Sum<T> sum;
        row.for_mine([&](auto some) {
            auto p = some.load();
            auto t = some.away(tiles.away()).load();
            accumulate<Loss>(sum, t, p, loss != nullptr);
            if (gradient != nullptr) {
                some.store(derivatives<Loss>(t, p));
            }
        });
        if (loss != nullptr) {
            T total = T(group.sum(sum));
            if (group.lane == 0 && row.there) {
                loss[tiles.first + group.sample] = Loss::loss(total);
            }
        }
    });
    if (gradient != nullptr) {
        __syncthreads();
        tile.write(gradient + tiles.first * tile.n, tiles.predictions, tiles.count);
    }
}

// The same for samples too long for shared memory, a block each.
template <typename Loss, typename T>
__device__ __forceinline__ void sum_of_terms_long(T *loss, T *gradient, const T *target, const T *prediction, int n) {
    LongLanes<T> lanes(prediction, shared_numbers<T>());
    Sum<T> sum;
    lanes.for_mine(n, [&](auto some) {
        auto p = some.load(prediction);
        auto t = some.load(target);
        accumulate<Loss>(sum, t, p, loss != nullptr);
        if (gradient != nullptr) {
            some.store(gradient, derivatives<Loss>(t, p));
        }
    });
    if (loss != nullptr) {
        T total = T(lanes.sum(sum));
        if (lanes.lane == 0) {
            *loss = Loss::loss(total);
        }
    }
}

// Numerators but the largest, Σt, and Σt·(largest − x); a target of 0 adds 0.
template <typename T>
struct TargetSums {
    Sum<T> others, targets, distances;
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
    __device__ __forceinline__ void join(const TargetSums &other) {
        others.join(other.others);
        targets.join(other.targets);
        distances.join(other.distances);
    }
    __device__ __forceinline__ TargetSums from_lane(int bit) const {
        return {others.from_lane(bit), targets.from_lane(bit), distances.from_lane(bit)};
    }
};

// (total − t)·q − t·(1 − q); others is 1 − q, which cancels for the largest.
template <typename T>
__device__ __forceinline__ T distribution_gradient(T t, T q, T others, T total) {
    return (total - t) * q - t * others;
}

template <typename TILE, typename T>
__device__ __forceinline__ void softmax_cross_entropy(T *loss, T *gradient, const T *target, long long target_stride, const T *logits,
                                                      long long logits_stride, long long batch, const TILE &tile) {
    LossTiles<TILE, T> tiles(tile, batch);
    tiles.read(logits, logits_stride, target, target_stride);
    tiles.for_samples([&](const Lanes<T> &group, const auto &row) {
        int away = tiles.away();
        Peak<T> peak(group, row);
        T top = peak.leads ? peak.take(away, T(0)) : T(0); // the largest number's target
        TargetSums<T> sums;
        sums.targets.add(top);
        Normal<T> normal(peak.value);
        sums.others = sum_of_others<true>(normal, peak, row, 0, [&](auto some, const auto &x) {
            sums.add(some.away(away).load(), x, peak.value);
        });
        sums = group.together(sums);
        normal.others = sums.others.total();
        T total = T(sums.targets.total());
        if (loss != nullptr && group.lane == 0 && row.there) {
            loss[tiles.first + group.sample] = T(sums.distances.total()) + total * normal.log();
        }
        if (gradient != nullptr) {
            T inverse = normal.inverse();
            row.for_mine([&](auto some) {
                auto e = some.load();
                auto t = some.away(away).load();
#pragma unroll
                for (int c = 0; c < some.SIZE; c++) {
                    T q = e.at[c] * inverse;
                    e.at[c] = distribution_gradient(t.at[c], q, T(1) - q, total);
                }
                some.store(e);
            });
            if (peak.leads) {
                *peak.place(0) = distribution_gradient(top, normal.peak * inverse, normal.rest(), total);
            }
        }
    });
    if (gradient != nullptr) {
        __syncthreads();
        tile.write(gradient + tiles.first * tile.n, tiles.predictions, tiles.count);
    }
}

template <typename TILE, typename T>
__device__ __forceinline__ void softmax_cross_entropy_labels(T *loss, T *gradient, const long long *labels, long long labels_stride,
                                                             const T *logits, long long logits_stride, long long batch, const TILE &tile) {
    LossTiles<TILE, T> tiles(tile, batch);
    tile.read(tiles.predictions, logits + tiles.first * logits_stride, logits_stride, tiles.count);
    __syncthreads();
    tiles.for_samples([&](const Lanes<T> &group, const auto &row) {
        long long label = row.there ? labels[(tiles.first + group.sample) * labels_stride] : 0;
        bool mine = row.has((int)label) && (unsigned long long)label < tile.n;
        T x = mine ? row.numbers[label] : T(0);
        Peak<T> peak(group, row);
        Normal<T> normal(peak.value);
        add_others<true>(normal, peak, group, row, 0);
        if (loss != nullptr && mine) {
            loss[tiles.first + group.sample] = normal.surprise(x, normal.log());
        }
        if (gradient != nullptr) {
            divide(row, 0, normal, peak);
            if (mine) {
                T q = row.numbers[label];
                row.numbers[label] = q > T(0.5) ? -normal.rest() : q - T(1);
            }
        }
    });
    if (gradient != nullptr) {
        __syncthreads();
        tile.write(gradient + tiles.first * tile.n, tiles.predictions, tiles.count);
    }
}
