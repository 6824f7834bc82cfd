// A few samples of n numbers each in shared memory, and the lanes that share one.
#pragma once
#include "sum.cuh"

// Rounded: up to three u.
template <int FROM, int TO, typename T, int N>
__device__ __forceinline__ T sum_between(const Pack<T, N> &x) {
    if constexpr (TO - FROM == 1) {
        return x.at[FROM];
    } else {
        return sum_between<FROM, (FROM + TO) / 2>(x) + sum_between<(FROM + TO) / 2, TO>(x);
    }
}

template <typename T, int N>
__device__ __forceinline__ T sum_of(const Pack<T, N> &x) {
    return sum_between<0, N>(x);
}

template <typename T, int N>
__device__ __forceinline__ T largest_of(const Pack<T, N> &x) {
    T largest = x.at[0];
#pragma unroll
    for (int c = 1; c < N; c++) {
        largest = fmax(largest, x.at[c]);
    }
    return largest;
}

// The lanes that share a sample: a power of two within a warp, or the whole block. Whatever they reduce, all of them get, with
// the same bits; all threads of the block must take part, unless each lane has a sample.
template <typename T>
struct Lanes {
    static constexpr int AREA = 2 * WARP, SCRATCH = 2 * AREA;
    int count, lane, sample;
    T *scratch; // SCRATCH numbers, for a whole block
    mutable int area = 0;

    __device__ __forceinline__ Lanes(int count, T *scratch)
        : count(count), lane(threadIdx.x & (count - 1)), sample(threadIdx.x / count), scratch(scratch) {}

    // Where it is known which of the two they are, code for the other one is left out.
    __device__ __forceinline__ static Lanes block(T *scratch) {
        int count = blockDim.x;
        __builtin_assume(count > WARP);
        return Lanes(count, scratch);
    }

    __device__ __forceinline__ static Lanes within_warp(int count) {
        __builtin_assume(count <= WARP);
        return Lanes(count, nullptr);
    }

    // Where a block exchanges numbers: two places in turn, so that nobody writes what others still read from the time before.
    template <typename A>
    __device__ __forceinline__ A *exchange() const {
        area ^= AREA;
        return reinterpret_cast<A *>(scratch + area);
    }

    // What all lanes have, joined: lanes of a warp two by two, then warp by warp.
    template <typename A, typename Join, typename FromLane>
    __device__ __forceinline__ A joined(A x, Join join, FromLane from_lane) const {
#pragma unroll 1
        for (int o = min(count, WARP) >> 1; o > 0; o >>= 1) {
            x = join(x, from_lane(x, o));
        }
        if (count > WARP) {
            A *of_warps = exchange<A>();
            if (lane % WARP == 0) {
                of_warps[lane / WARP] = x;
            }
            __syncthreads();
            x = of_warps[0];
#pragma unroll 1
            for (int w = 1; w < count / WARP; w++) {
                x = join(x, of_warps[w]);
            }
        }
        return x;
    }

    template <typename A, typename Join>
    __device__ __forceinline__ A joined(A x, Join join) const {
        return joined(x, join, [](A y, int o) { return __shfl_xor_sync(ALL_LANES, y, o); });
    }

    __device__ __forceinline__ T max(T x) const {
        return joined(x, [](T a, T b) { return fmax(a, b); });
    }

    __device__ __forceinline__ int min_index(int i) const {
        return joined(i, [](int a, int b) { return min(a, b); });
    }

    // The first lane for which it is so, of which there is one.
    __device__ __forceinline__ int first(bool so) const {
        if (count == 1) {
            return 0;
        }
        if (count > WARP) {
            return min_index(so ? lane : count);
        }
        return __ffs(__ballot_sync(ALL_LANES, so) >> (threadIdx.x & -count & (WARP - 1))) - 1;
    }

    // What a lane has.
    __device__ __forceinline__ T from(int leader, T x) const {
        if (count == 1) {
            return x;
        }
        if (count <= WARP) {
            return __shfl_sync(ALL_LANES, x, leader, count);
        }
        T *number = exchange<T>();
        if (lane == leader) {
            *number = x;
        }
        __syncthreads();
        return *number;
    }

    // Rounded at every step.
    __device__ __forceinline__ T sum(T x) const {
        return joined(x, [](T a, T b) { return a + b; });
    }

    __device__ __forceinline__ double sum(Sum<T> x) const {
        auto join = [](Sum<T> a, const Sum<T> &b) {
            a.join(b);
            return a;
        };
        return joined(x, join, [](const Sum<T> &a, int o) { return a.from_lane(o); }).total();
    }
};

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

// N numbers of a row in shared memory: packs that are `step` apart, or fewer numbers than a pack has; UNIT of them in one access.
template <typename T, int N, int UNIT>
struct Some {
    static constexpr int SIZE = N, PARTS = N < Pack<T>::SIZE ? 1 : N / Pack<T>::SIZE, PART = N / PARTS;
    T *p;
    int step;

    __device__ __forceinline__ T *part(int k) const { return p + k * step; }
    __device__ __forceinline__ T *unit(int c) const { return part(c / PART) + c % PART; }
    __device__ __forceinline__ Pack<T, N> load() const {
        Pack<T, N> x;
#pragma unroll
        for (int c = 0; c < N; c += UNIT) {
            auto y = load_pack<T, UNIT>(unit(c));
#pragma unroll
            for (int d = 0; d < UNIT; d++) {
                x.at[c + d] = y.at[d];
            }
        }
        return x;
    }
    __device__ __forceinline__ void store(const Pack<T, N> &x) const {
#pragma unroll
        for (int c = 0; c < N; c += UNIT) {
            Pack<T, UNIT> y;
#pragma unroll
            for (int d = 0; d < UNIT; d++) {
                y.at[d] = x.at[c + d];
            }
            store_pack(unit(c), y);
        }
    }
    // The same ones of the row that is so far away.
    __device__ __forceinline__ Some away(int distance) const { return {p + distance, step}; }
};

// A sample in shared memory and a lane that shares it. The lanes take packs in turn, and what is left, where UNIT is not a pack, a unit
// each. UNIT numbers are read at a time. Not `there`: nothing.
template <typename T, int UNIT>
struct Row {
    static constexpr int SIZE = Pack<T>::SIZE;
    T *numbers;
    int n, lane, lanes;
    bool there;

    __device__ __forceinline__ Row(T *numbers, int n, const Lanes<T> &group, bool there)
        : numbers(numbers), n(n), lane(group.lane), lanes(group.count), there(there) {}

    __device__ __forceinline__ bool has(int i) const {
        int packed = n & -SIZE;
        return there && lane == ((i < packed ? i / SIZE : (i - packed) / UNIT) & (lanes - 1));
    }

    // AT_ONCE: packs that f gets at a time, as long as there are so many.
    template <int AT_ONCE = 1, typename F>
    __device__ __forceinline__ void for_mine(F f) const {
        int step = lanes * SIZE;
        T *p = numbers + lane * SIZE;
        T *packed = numbers + (there ? n & -SIZE : 0);
        if constexpr (AT_ONCE == 2) {
#pragma unroll 1
            for (; p + step < packed; p += 2 * step) {
                f(Some<T, 2 * SIZE, UNIT>{p, step});
            }
            if (p < packed) {
                f(Some<T, SIZE, UNIT>{p, step});
            }
        } else {
#pragma unroll 1
            for (; p < packed; p += step) {
                f(Some<T, SIZE, UNIT>{p, step});
            }
        }
        if constexpr (UNIT < SIZE) {
            T *end = numbers + (there ? n : 0);
#pragma unroll 1
            for (p = packed + lane * UNIT; p < end; p += lanes * UNIT) {
                f(Some<T, UNIT, UNIT>{p, 1});
            }
        }
    }
};

// How samples lie in shared memory: `pitch` numbers apart, which is n where that does not make whole packs. `by` divides by n.
// A sample is the work of `share` threads; SHORT: of one, which has `share` samples, and what that leaves nothing to do for is left out.
template <typename T, bool SHORT = false>
struct Tile {
    static constexpr int SIZE = Pack<T>::SIZE;
    static constexpr int THREADS = 64; // of a block, where SHORT
    int n, share, pitch;
    SmallDivisor by;

    // work(its lanes, whether it is there, the UNIT of its row) for each of a thread's samples, of which `count` are there. Those that
    // exchange numbers all work.
    template <typename F>
    __device__ __forceinline__ void for_samples(int count, F work) const {
        constexpr int PAIR = SHORT && SIZE > 2 ? 2 : 1;
        if (n % SIZE == 0) {
            for_samples(count, work, Count<SIZE>());
        } else if (PAIR == 2 && n % 2 == 0) {
            for_samples(count, work, Count<PAIR>());
        } else {
            for_samples(count, work, Count<1>());
        }
    }

    template <typename F, typename Unit>
    __device__ __forceinline__ void for_samples(int count, F work, Unit unit) const {
        if constexpr (SHORT) {
            Lanes<T> alone(1, nullptr);
#pragma unroll 1
            for (; alone.sample < count; alone.sample += THREADS) {
                work(alone, true, unit);
            }
        } else {
            __builtin_assume(share > 1);
            Lanes<T> lanes(share, shared_numbers<T>());
            work(lanes, lanes.sample < count, unit);
        }
    }
    __device__ __forceinline__ int threads() const { return SHORT ? THREADS : blockDim.x; }
    __device__ __forceinline__ int samples() const { return SHORT ? THREADS * share : blockDim.x / share; }
    // Where the first tile starts.
    __device__ __forceinline__ T *start() const { return shared_numbers<T>() + (SHORT ? 0 : Lanes<T>::SCRATCH); }
    __device__ __forceinline__ T *row(T *tile, int sample) const { return tile + sample * pitch; }
    // Where the next tile starts, like a sector.
    __device__ __forceinline__ T *behind(T *tile, int samples) const { return tile + ((samples * pitch + 2 * SIZE - 1) & -2 * SIZE); }

    // Whether lanes can move the packs that they work on: then no other lane's are moved, and sectors are whole.
    __device__ __forceinline__ bool direct(const T *outside, long long stride) const {
        return !SHORT && (n * sizeof(T)) % 32 == 0 && stride % SIZE == 0 && aligned(outside);
    }

    // The packs of the lane's sample, from or to memory where samples are so far apart.
    __device__ __forceinline__ void move(T *to, long long to_stride, const T *from, long long from_stride, int count) const {
        int sample = threadIdx.x / share;
        int lane = threadIdx.x & (share - 1);
        int step = share * SIZE;
        const T *at = from + sample * from_stride + lane * SIZE;
        to += sample * to_stride + lane * SIZE;
        int left = sample < count ? (n / SIZE - lane + share - 1) / share : 0;
#pragma unroll 4
        for (; left > 0; left--) {
            store_pack(to, load_pack(at));
            to += step;
            at += step;
        }
    }

    // visit(number, sample) for `count` samples that start so far behind a sector.
    template <typename F>
    __device__ __forceinline__ void each(int behind, int count, F visit) const {
#pragma unroll 1
        for (int i = threadIdx.x - behind; i < count * n; i += threads()) {
            if (i >= 0) {
                visit(i, by.quotient(i));
            }
        }
    }

    // The packs of samples that lie one after the other outside, and number(i) for what is left.
    template <typename P, typename Load, typename Store, typename Number>
    __device__ __forceinline__ void run(P *outside, int count, Load load, Store store, Number number) const {
        int packs = (unsigned)(count * n) / SIZE;
        auto move = [&](auto place) { move_units<SIZE>(outside, packs, place, threads(), load, store); };
        if (SHORT && pitch == n) {
            move([](int v) { return v; });
            int last = packs * SIZE + threadIdx.x;
            if (last < count * n) {
                number(last);
            }
        } else {
            int gap = (unsigned)pitch / SIZE - (unsigned)n / SIZE;
            move([&](int v) { return v + by.quotient(v * SIZE) * gap; });
        }
    }

    // `count` samples from global memory, `stride` apart there. `packs`: whether the tile starts where a pack may.
    __device__ __forceinline__ void read(T *tile, const T *from, long long stride, int count, bool packs = true) const {
        if (direct(from, stride)) {
            move(tile, pitch, from, stride, count);
        } else if (!SHORT && stride == n && pitch == n) {
            copy(tile, from, count * n);
        } else if (stride == n && packs && aligned(from)) {
            run(from, count, [](const T *p, int) { return load_pack(p); },
                [&](const T *, int at, const Pack<T> &x) { store_pack(tile + at * SIZE, x); }, [&](int i) { tile[i] = from[i]; });
        } else {
            each(stride == n ? behind_sector(from) : 0, count, [&](int i, int s) { tile[i + s * (pitch - n)] = from[i + s * (stride - n)]; });
        }
    }

    // `count` samples to global memory, one after the other.
    __device__ __forceinline__ void write(T *to, T *tile, int count) const {
        if (direct(to, n)) {
            move(to, n, tile, pitch, count);
        } else if (!SHORT && pitch == n) {
            copy(to, tile, count * n);
        } else if (aligned(to)) {
            run(to, count, [&](T *, int at) { return load_pack(tile + at * SIZE); },
                [](T *p, int, const Pack<T> &x) { store_pack(p, x); }, [&](int i) { to[i] = tile[i]; });
        } else {
            each(behind_sector(to), count, [&](int i, int s) { to[i] = tile[i + s * (pitch - n)]; });
        }
    }
};

template <typename T>
using ShortTile = Tile<T, true>;
