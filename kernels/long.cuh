// Samples too long for shared memory, a block each.
#pragma once
#include "math.cuh"
#include "tile.cuh"

// N numbers of such a sample, a block apart, so that all accesses coalesce.
template <int N>
struct Apart {
    static constexpr int SIZE = N;
    int first, step;

    __device__ __forceinline__ int index(int c) const { return first + c * step; }
    // visit(c) for the one at this place of this lane, if it is among them.
    template <typename F>
    __device__ __forceinline__ void at(int place, F visit) const {
        if ((unsigned)(place - first) < (unsigned)(N * step)) {
#pragma unroll
            for (int c = 0; c < N; c++) {
                if (index(c) == place) visit(c);
            }
        }
    }
    template <typename T>
    __device__ __forceinline__ Pack<T, N> load(const T *p) const {
        Pack<T, N> x;
#pragma unroll
        for (int c = 0; c < N; c++) x.at[c] = p[index(c)];
        return x;
    }
    template <typename T>
    __device__ __forceinline__ void store(T *p, const Pack<T, N> &x) const {
#pragma unroll
        for (int c = 0; c < N; c++) p[index(c)] = x.at[c];
    }
};

// The lanes of a block that has a sample. Lane i is the thread by which a warp's accesses start where a sector does, wherever
// the sample starts. Shared memory: SCRATCH numbers, and two a thread.
template <typename T>
struct LongLanes : Lanes<T> {
    using Lanes<T>::lane;
    using Lanes<T>::count;

    __device__ __forceinline__ LongLanes(const T *sample, T *scratch) : Lanes<T>(Lanes<T>::block(scratch)) {
        lane = (threadIdx.x - behind_sector(sample)) & (blockDim.x - 1);
    }

    // work(some) for all numbers of this lane, and each only once.
    template <typename F>
    __device__ __forceinline__ void for_mine(int n, F work) const {
        constexpr int N = Pack<T>::SIZE;
        int i = lane, step = count, whole = n - (N - 1) * step;
#pragma unroll 1
        for (; i < whole; i += N * step) work(Apart<N>{i, step});
#pragma unroll 1
        for (; i < n; i += step) work(Apart<1>{i, step});
    }

    // The place if it is this lane's, else −1.
    __device__ __forceinline__ int mine(int place) const { return place % count == lane ? place : -1; }

    // The first place of the largest number, n if there is none; NaN is passed over.
    __device__ __forceinline__ int place_of_largest(const T *x, int n, T &largest) const {
        T best = -infinity_of<T>();
        int at = n;
        for_mine(n, [&](auto some) {
            T candidate = largest_of(some.load(x));
            bool larger = candidate > best;
            best = larger ? candidate : best;
            at = larger ? some.first : at;
        });
        largest = this->max(best);
        if (best != largest) at = n;
        if (at < n) {
            while (x[at] != largest) at += count;
        }
        return this->min_index(at);
    }

    // In the order of lanes, so that bits do not depend on where the sample starts.
    template <typename A>
    __device__ __forceinline__ auto sum(A x) const {
        A *places = reinterpret_cast<A *>(Lanes<T>::scratch + Lanes<T>::SCRATCH);
        places[lane] = x;
        __syncthreads();
        return Lanes<T>::sum(places[threadIdx.x]);
    }
};
