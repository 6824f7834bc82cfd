// A few samples of n numbers each in shared memory, and the lanes that share one.
#pragma once
#include "common.cuh"

// A sum and what it lost to rounding.
template <typename T>
struct Sum {
    T sum, error;
    __device__ __forceinline__ Sum() : sum(0), error(0) {}
    __device__ __forceinline__ Sum(T sum, T error) : sum(sum), error(error) {}
    __device__ __forceinline__ void add(T x) {
        T s = sum + x;
        error += sum_error(sum, x, s);
        sum = s;
    }
    // A pack's own sum is rounded: one or two u.
    __device__ __forceinline__ void add(const Pack<float> &x) { add((x.at[0] + x.at[1]) + (x.at[2] + x.at[3])); }
    __device__ __forceinline__ void add(const Pack<double> &x) { add(x.at[0] + x.at[1]); }
    __device__ __forceinline__ void add(const Sum &other) {
        T s = sum + other.sum;
        error = (error + other.error) + sum_error(sum, other.sum, s);
        sum = s;
    }
    // Where the sum overflowed the error is NaN and the plain sum says it all.
    __device__ __forceinline__ T total() const { return fabs(sum) < T(__builtin_huge_valf()) ? sum + error : sum; }
};

__device__ __forceinline__ float largest_of(const Pack<float> &x) {
    return fmaxf(fmaxf(x.at[0], x.at[1]), fmaxf(x.at[2], x.at[3]));
}

__device__ __forceinline__ double largest_of(const Pack<double> &x) { return fmax(x.at[0], x.at[1]); }

// The lanes that share a sample: a power of two within a warp, or the whole block. Whatever they reduce, all of them get, with
// the same bits; all threads of the block must take part.
template <typename T>
struct Lanes {
    int count, lane, sample;
    T *scratch; // of 2·WARP numbers, for a whole block

    __device__ __forceinline__ Lanes(int count, T *scratch)
        : count(count), lane(threadIdx.x & (count - 1)), sample(threadIdx.x / count), scratch(scratch) {}

    __device__ __forceinline__ bool owns(int pack) const { return (pack & (count - 1)) == lane; }

    __device__ __forceinline__ int warps() const { return count / WARP; }

    __device__ __forceinline__ T max(T x) const {
#pragma unroll 1
        for (int o = min(count, WARP) >> 1; o > 0; o >>= 1) {
            x = fmax(x, __shfl_xor_sync(ALL_LANES, x, o));
        }
        if (count > WARP) {
            __syncthreads();
            if (lane % WARP == 0) {
                scratch[lane / WARP] = x;
            }
            __syncthreads();
#pragma unroll 1
            for (int w = 0; w < warps(); w++) {
                x = fmax(x, scratch[w]);
            }
        }
        return x;
    }

    __device__ __forceinline__ int min_index(int i) const {
#pragma unroll 1
        for (int o = min(count, WARP) >> 1; o > 0; o >>= 1) {
            i = min(i, __shfl_xor_sync(ALL_LANES, i, o));
        }
        if (count > WARP) {
            int *indices = reinterpret_cast<int *>(scratch);
            __syncthreads();
            if (lane % WARP == 0) {
                indices[lane / WARP] = i;
            }
            __syncthreads();
#pragma unroll 1
            for (int w = 0; w < warps(); w++) {
                i = min(i, indices[w]);
            }
        }
        return i;
    }

    // What the lane has that owns a pack.
    __device__ __forceinline__ T from_owner(int pack, T x) const {
        if (count <= WARP) {
            return __shfl_sync(ALL_LANES, x, pack & (count - 1), count);
        }
        __syncthreads();
        if (owns(pack)) {
            *scratch = x;
        }
        __syncthreads();
        return *scratch;
    }

    // Rounded at every step.
    __device__ __forceinline__ T sum(T x) const {
#pragma unroll 1
        for (int o = min(count, WARP) >> 1; o > 0; o >>= 1) {
            x += __shfl_xor_sync(ALL_LANES, x, o);
        }
        if (count > WARP) {
            __syncthreads();
            if (lane % WARP == 0) {
                scratch[lane / WARP] = x;
            }
            __syncthreads();
            x = scratch[0];
#pragma unroll 1
            for (int w = 1; w < warps(); w++) {
                x += scratch[w];
            }
        }
        return x;
    }

    __device__ __forceinline__ Sum<T> sum(Sum<T> x) const {
#pragma unroll 1
        for (int o = min(count, WARP) >> 1; o > 0; o >>= 1) {
            x.add(Sum<T>(__shfl_xor_sync(ALL_LANES, x.sum, o), __shfl_xor_sync(ALL_LANES, x.error, o)));
        }
        if (count > WARP) {
            __syncthreads();
            if (lane % WARP == 0) {
                scratch[lane / WARP] = x.sum;
                scratch[lane / WARP + WARP] = x.error;
            }
            __syncthreads();
            x = Sum<T>();
#pragma unroll 1
            for (int w = 0; w < warps(); w++) {
                x.add(Sum<T>(scratch[w], scratch[w + WARP]));
            }
        }
        return x;
    }
};

// How far behind the start of a sector p lies: there a warp's accesses of single numbers should start.
template <typename T>
__device__ __forceinline__ int behind_sector(const T *p) {
    return (reinterpret_cast<unsigned long long>(p) / sizeof(T)) % (32 / sizeof(T));
}

// A run of numbers, by the whole block, from or to shared memory that is aligned; 16 bytes at a time where `outside` is aligned too.
template <typename T>
__device__ __forceinline__ void copy(T *to, const T *from, int length) {
    constexpr int SIZE = Pack<T>::SIZE;
    bool packed = aligned(to) && aligned(from);
    int packs = packed ? length / SIZE : 0;
#pragma unroll 4
    for (int v = threadIdx.x; v < packs; v += blockDim.x) {
        store_pack(to + v * SIZE, load_pack(from + v * SIZE));
    }
    // Shared memory is aligned: one of the two is the other's start.
    int first = packed ? packs * SIZE : -(behind_sector(to) | behind_sector(from));
#pragma unroll 1
    for (int i = first + threadIdx.x; i < length; i += blockDim.x) {
        if (i >= 0) {
            to[i] = from[i];
        }
    }
}

// How samples lie in shared memory: n numbers in `packs` packs, the last one filled up, samples `pitch` packs apart. `by` divides
// by the packs, or by n where that leaves a pack unfilled.
template <typename T>
struct Tile {
    static constexpr int SIZE = Pack<T>::SIZE;
    int n, pitch, lanes;
    Divisor by;

    __device__ __forceinline__ int packs() const { return (n + SIZE - 1) / SIZE; }
    __device__ __forceinline__ bool whole() const { return n % SIZE == 0; }
    __device__ __forceinline__ T *row(T *tile, int sample) const { return tile + sample * pitch * SIZE; }
    __device__ __forceinline__ int sample_of(int i) const { return by.quotient(whole() ? i / SIZE : i); }

    // Numbers SIZE·v to SIZE·v + SIZE − 1 of all samples, in shared memory.
    template <typename Move>
    __device__ __forceinline__ void across_rows(int v, Move move) const {
        int s = by.quotient(SIZE * v);
        int left = (s + 1) * n - SIZE * v;
        int gap = pitch * SIZE - n;
        int at = SIZE * v + s * gap;
#pragma unroll
        for (int c = 0; c < SIZE; c++, at++, left--) {
            if (left == 0) {
                at += gap;
                left = n;
            }
            move(c, at);
        }
    }

    // For the packs v of all samples that are this thread's: load(k, v) for some of them, then move(k, v, at), `at` being their place
    // in shared memory if packs are whole.
    template <typename Load, typename Move>
    __device__ __forceinline__ void for_packs(int packed, Load load, Move move) const {
        constexpr int AHEAD = 4;
        int gap = pitch - packs();
        int v = threadIdx.x;
#pragma unroll 1
        for (; v + (AHEAD - 1) * (int)blockDim.x < packed; v += AHEAD * blockDim.x) {
#pragma unroll
            for (int k = 0; k < AHEAD; k++) {
                load(k, v + k * blockDim.x);
            }
#pragma unroll
            for (int k = 0; k < AHEAD; k++) {
                int w = v + k * blockDim.x;
                move(k, w, SIZE * (w + by.quotient(w) * gap));
            }
        }
#pragma unroll 1
        for (; v < packed; v += blockDim.x) {
            load(0, v);
            move(0, v, SIZE * (v + by.quotient(v) * gap));
        }
    }

    // Whether lanes can move the packs that they work on: then no other lane's are moved, and sectors are whole.
    __device__ __forceinline__ bool direct(const T *outside, long long stride) const {
        return lanes > 1 && (n * sizeof(T)) % 32 == 0 && stride % SIZE == 0 && aligned(outside);
    }

    // The packs of the lane's sample, from or to memory where samples are so far apart.
    __device__ __forceinline__ void move(T *to, long long to_stride, const T *from, long long from_stride, int count) const {
        int sample = threadIdx.x / lanes;
        int lane = threadIdx.x & (lanes - 1);
        int step = lanes * SIZE;
        const T *at = from + sample * from_stride + lane * SIZE;
        to += sample * to_stride + lane * SIZE;
        int left = sample < count ? (packs() - lane + lanes - 1) / lanes : 0;
#pragma unroll 4
        for (; left > 0; left--) {
            store_pack(to, load_pack(at));
            to += step;
            at += step;
        }
    }

    // `count` samples from global memory, `stride` apart there. Some loads are under way at a time.
    __device__ __forceinline__ void read(T *tile, const T *from, long long stride, int count, T fill) const {
        if (direct(from, stride)) {
            move(tile, pitch * SIZE, from, stride, count);
            return;
        }
        bool contiguous = stride == n;
        int length = count * n;
        int packed = contiguous && aligned(from) ? length / SIZE : 0;
        Pack<T> x[4];
        auto load = [&](int k, int v) { x[k] = load_pack(from + SIZE * v); };
        if (whole()) {
            for_packs(packed, load, [&](int k, int, int at) { store_pack(tile + at, x[k]); });
        } else {
            for_packs(packed, load, [&](int k, int v, int) { across_rows(v, [&](int c, int at) { tile[at] = x[k].at[c]; }); });
        }
        int start = packed > 0 || !contiguous ? packed * SIZE : -behind_sector(from);
#pragma unroll 1
        for (int i = start + threadIdx.x; i < length; i += blockDim.x) {
            if (i >= 0) {
                int s = sample_of(i);
                row(tile, s)[i - s * n] = from[contiguous ? i : s * stride + (i - s * n)];
            }
        }
        if (!whole()) {
#pragma unroll 1
            for (int s = threadIdx.x; s < count; s += blockDim.x) {
#pragma unroll 1
                for (int i = n; i < packs() * SIZE; i++) {
                    row(tile, s)[i] = fill;
                }
            }
        }
    }

    // `count` samples to global memory, one after the other.
    __device__ __forceinline__ void write(T *to, T *tile, int count) const {
        if (direct(to, n)) {
            move(to, n, tile, pitch * SIZE, count);
            return;
        }
        int length = count * n;
        int packed = aligned(to) ? length / SIZE : 0;
        auto none = [](int, int) {};
        if (whole()) {
            for_packs(packed, none, [&](int, int v, int at) { store_pack(to + SIZE * v, load_pack(tile + at)); });
        } else {
            for_packs(packed, none, [&](int, int v, int) {
                Pack<T> x;
                across_rows(v, [&](int c, int at) { x.at[c] = tile[at]; });
                store_pack(to + SIZE * v, x);
            });
        }
        int first = packed > 0 ? packed * SIZE : -behind_sector(to);
#pragma unroll 1
        for (int i = first + threadIdx.x; i < length; i += blockDim.x) {
            if (i >= 0) {
                int s = sample_of(i);
                to[i] = row(tile, s)[i - s * n];
            }
        }
    }
};
