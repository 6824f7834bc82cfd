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
    static constexpr int AREA = 3 * WARP, SCRATCH = 2 * AREA;
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
        return of_warps(of_lanes(x, join, from_lane), join);
    }

    template <typename A, typename Join, typename FromLane>
    __device__ __forceinline__ A of_lanes(A x, Join join, FromLane from_lane) const {
        int lanes = min(count, WARP);
#pragma unroll 1
        for (int bit = 1; bit < lanes; bit <<= 1) {
            x = join(x, from_lane(x, bit));
        }
        return x;
    }

    // Of what the lanes of a warp have in common.
    template <typename A, typename Join>
    __device__ __forceinline__ A of_warps(A x, Join join) const {
        if (count > WARP) {
            A *places = exchange<A>();
            if (threadIdx.x % WARP == 0) {
                places[threadIdx.x / WARP] = x;
            }
            __syncthreads();
            x = places[0];
#pragma unroll 1
            for (int w = 1; w < count / WARP; w++) {
                x = join(x, places[w]);
            }
        }
        return x;
    }

    template <typename A, typename Join>
    __device__ __forceinline__ A joined(A x, Join join) const {
        return joined(x, join, [](A y, int o) { return exchanged(y, o); });
    }

    __device__ __forceinline__ T max(T x) const {
        return joined(x, [](T a, T b) { return fmax(a, b); });
    }

    __device__ __forceinline__ int min_index(int i) const {
        return joined(i, [](int a, int b) { return min(a, b); });
    }

    // The largest, and the first lane that has it. None is NaN.
    __device__ __forceinline__ T largest(T x, int &leader) const {
        struct Found {
            T value;
            int lane;
        };
        if (count == 1) {
            leader = 0;
            return x;
        }
        T value = of_lanes(x, [](T a, T b) { return fmax(a, b); }, exchanged<T>);
        unsigned those = __ballot_sync(ALL_LANES, x == value) >> (threadIdx.x & -count & (WARP - 1));
        Found found = of_warps(
            Found{value, (lane & -WARP) + __ffs(those) - 1}, [](Found a, const Found &b) { return b.value > a.value ? b : a; });
        leader = found.lane;
        return found.value;
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

    // Sum<T>, or some of them.
    template <typename A>
    __device__ __forceinline__ A together(A x) const {
        auto join = [](A a, const A &b) {
            a.join(b);
            return a;
        };
        return joined(x, join, [](const A &a, int bit) { return a.from_lane(bit); });
    }

    __device__ __forceinline__ double sum(Sum<T> x) const { return together(x).total(); }
};

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
    // visit(those of one part) of what was loaded here.
    template <typename F>
    __device__ __forceinline__ static void for_parts(const Pack<T, N> &x, F visit) {
#pragma unroll
        for (int k = 0; k < PARTS; k++) {
            Pack<T, PART> part;
#pragma unroll
            for (int c = 0; c < PART; c++) {
                part.at[c] = x.at[k * PART + c];
            }
            visit(part);
        }
    }
    // The same ones of the row that is so far away.
    __device__ __forceinline__ Some away(int distance) const { return {p + distance, step}; }
};

// p + numbers. In a loop the compiler would count how far p is from its start, and add the two wherever p is used: 3 % more
// instructions for softmax.
template <typename T>
__device__ __forceinline__ T *further(T *p, int numbers) {
    return at_shared_address<T>(shared_address(p) + numbers * (int)sizeof(T));
}

// Whether packs outside are packs in shared memory.
template <typename T>
__device__ __forceinline__ bool alike(const T *inside, const T *outside) {
    return ((unsigned)(size_t)outside ^ shared_address(inside)) % 16 == 0;
}

// To the one or to the other.
template <bool READ, typename T, typename P, int N>
__device__ __forceinline__ void put(const Pack<T, N> &x, T *inside, P *outside) {
    if constexpr (READ) {
        store_pack(inside, x);
    } else {
        store_pack(outside, x);
    }
}

// A run of numbers from or to shared memory, alike there: packs, two at a time, from where a sector starts outside, and what is left.
// ANYWHERE: it may start within a sector. By so many threads, which the compiler knows, or not.
template <bool READ, bool ANYWHERE, bool KNOWN, typename T, typename P>
__device__ __forceinline__ void copy_run(T *inside, P *outside, int numbers, int thread, int threads) {
    constexpr int SIZE = Pack<T>::SIZE;
    int head = ANYWHERE ? min(-behind_sector(outside) & (2 * SIZE - 1), numbers) : 0;
    int packs = (unsigned)(numbers - head) / SIZE;
    int step = threads * SIZE, bytes = step * sizeof(T); // to the next pack
    if constexpr (!KNOWN) {
        asm("" : "+r"(step), "+r"(bytes)); // nvcc would make them anew in the loop
    }
    auto next = [&](T *p) { return KNOWN ? p + step : at_shared_address<T>(shared_address(p) + bytes); };
    T *in = inside + head + thread * SIZE;
    P *out = outside + head + thread * SIZE;
    int left = packs - thread;
#pragma unroll 1
    for (; left > threads; left -= 2 * threads) {
        T *next_in = next(in);
        auto x = load_pack(READ ? out : in), y = load_pack(READ ? out + step : next_in);
        put<READ>(x, in, out);
        put<READ>(y, next_in, out + step);
        in = next(next_in);
        out += 2 * step;
    }
    if (left > 0) {
        put<READ>(load_pack(READ ? out : in), in, out);
    }
    int i = thread + (thread < head ? 0 : packs * SIZE);
    if (i < numbers) {
        put<READ>(load_pack<T, 1>((READ ? outside : inside) + i), inside + i, outside + i);
    }
}

// A sample in shared memory and a lane that shares it. The lanes take packs in turn, of which UNIT numbers are read at a time, and then
// LEFT numbers each of those left: a lane that is alone all. Not `there`: nothing.
template <typename T, int UNIT, int LEFT = UNIT>
struct Row {
    static constexpr int SIZE = Pack<T>::SIZE;
    T *numbers;
    int n, lane, lanes;
    bool there;
    T *pack, *packs_end, *one, *end; // the lane's first pack, the end of packs, its first of what is left, the end

    __device__ __forceinline__ Row(T *numbers, int n, int lane, int lanes, bool there)
        : numbers(numbers), n(n), lane(lane), lanes(lanes), there(there) {
        pack = place(lane * SIZE);
        packs_end = place(there ? packed() : 0);
        one = packs_end + lane * LEFT;
        end = place(there ? n : 0);
    }

    // In a register where several lanes share a row: otherwise every loop makes it anew.
    __device__ __forceinline__ T *place(int i) const { return lanes == 1 ? numbers + i : further(numbers, i); }

    // The same lane's part of another sample.
    __device__ __forceinline__ Row of(T *others) const { return Row(others, n, lane, lanes, there); }

    // Numbers taken in packs: where not all is, as many packs by each lane.
    __device__ __forceinline__ int packed() const { return UNIT == SIZE ? n : n & -(SIZE * lanes); }

    __device__ __forceinline__ bool has(int i) const {
        int turn = UNIT == SIZE || i < packed() ? (unsigned)i / SIZE : (i - packed()) / LEFT;
        return there && lane == (turn & (lanes - 1));
    }

    // AT_ONCE: packs that f gets at a time, as long as there are so many, by a lane that is alone: of several, some may have one more.
    template <int AT_ONCE = 1, typename F>
    __device__ __forceinline__ void for_mine(F f) const {
        int step = lanes * SIZE;
        T *p = pack;
        if (AT_ONCE == 2 && lanes == 1) {
#pragma unroll 1
            for (; p + step < packs_end; p = further(p, 2 * step)) {
                f(Some<T, 2 * SIZE, UNIT>{p, step});
            }
            if (p < packs_end) {
                f(Some<T, SIZE, UNIT>{p, step});
            }
        } else {
#pragma unroll 1
            for (; p < packs_end; p = further(p, step)) {
                f(Some<T, SIZE, UNIT>{p, step});
            }
        }
        if constexpr (UNIT < SIZE) {
            if (lanes == 1) {
                f(Some<T, LEFT, UNIT>{packs_end, 1});
            } else {
#pragma unroll 1
                for (p = one; p < end; p += lanes * LEFT) {
                    f(Some<T, LEFT, UNIT>{p, 1});
                }
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

    // work(its lanes, its row) for each of a thread's samples in this tile, of which `count` are there. Those that exchange numbers all
    // work.
    template <typename F>
    __device__ __forceinline__ void for_samples(T *tile, int count, F work) const {
        if constexpr (SHORT) {
            for_mine<0>(tile, count, work);
        } else {
            __builtin_assume(share > 1);
            Lanes<T> lanes(share, shared_numbers<T>());
            T *numbers = row(tile, lanes.sample);
            bool there = lanes.sample < count;
            if (n % SIZE == 0) {
                work(lanes, Row<T, SIZE>(numbers, n, lanes.lane, share, there));
            } else {
                work(lanes, Row<T, 1>(numbers, n, lanes.lane, share, there));
            }
        }
    }

    // Where a sample is a thread's, for the n of which LEFT numbers, or more, make no pack.
    template <int LEFT, typename F>
    __device__ __forceinline__ void for_mine(T *tile, int count, F work) const {
        if constexpr (LEFT + 1 < SIZE) {
            if ((unsigned)n % SIZE != LEFT) {
                for_mine<LEFT + 1>(tile, count, work);
                return;
            }
        }
        if (LEFT == 0) {
            __builtin_assume(n >= SIZE);
        }
        constexpr int UNIT = LEFT == 0 ? SIZE : LEFT & -LEFT; // what divides n
        Lanes<T> alone(1, nullptr);
        unsigned at = shared_address(row(tile, alone.sample));
#pragma unroll 1
        for (; alone.sample < count; alone.sample += THREADS) {
            work(alone, Row<T, UNIT, LEFT == 0 ? SIZE : LEFT>(at_shared_address<T>(at), n, 0, 1, true));
            at += THREADS * pitch * sizeof(T);
        }
    }

    __device__ __forceinline__ int threads() const { return SHORT ? THREADS : blockDim.x; }
    __device__ __forceinline__ int samples() const { return SHORT ? THREADS * share : blockDim.x / share; }
    // Where the first tile starts, of samples whose first number is number `first` outside: within 16 bytes they lie as they do there.
    // In a register, as otherwise every loop makes it anew.
    __device__ __forceinline__ T *start(long long first) const {
        int shift = SHORT ? 0 : (int)first & (SIZE - 1); // a block of short samples is whole sectors
        return at_shared_address<T>(shared_address(shared_numbers<T>() + (SHORT ? 0 : Lanes<T>::SCRATCH) + shift));
    }
    __device__ __forceinline__ T *row(T *tile, int sample) const { return tile + sample * pitch; }
    // Where the next tile starts, like a sector, but for what its first number is `further` outside.
    __device__ __forceinline__ T *behind(T *tile, int samples, int further = 0) const {
        return tile + ((samples * pitch + 2 * SIZE - 1) & -2 * SIZE) + (further & (SIZE - 1));
    }

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

    // Packs that lie one after the other outside, two at a time.
    template <bool READ, typename P>
    __device__ __forceinline__ void copy_packs(T *tile, P *outside, int packs) const {
        int gap = (unsigned)pitch / SIZE - (unsigned)n / SIZE;
        auto place = [&](int v) { return tile + (v + by.quotient(v * SIZE) * gap) * SIZE; };
        int step = threads() * SIZE; // to the next pack
        if constexpr (!SHORT) {
            asm("" : "+r"(step)); // as in copy_run
        }
        int v = threadIdx.x;
        P *out = outside + v * SIZE;
#pragma unroll 1
        for (; v + threads() < packs; v += 2 * threads()) {
            T *in = place(v), *next_in = place(v + threads());
            auto x = load_pack(READ ? out : in), y = load_pack(READ ? out + step : next_in);
            put<READ>(x, in, out);
            put<READ>(y, next_in, out + step);
            out += 2 * step;
        }
        if (v < packs) {
            T *in = place(v);
            put<READ>(load_pack(READ ? out : in), in, out);
        }
    }

    // `count` samples that lie one after the other outside, and within 16 bytes in shared memory as they do there. ANYWHERE: they may
    // start within a sector.
    template <bool READ, bool ANYWHERE, typename P>
    __device__ __forceinline__ void run(T *tile, P *outside, int count) const {
        if (pitch == n) {
            copy_run<READ, ANYWHERE, SHORT>(tile, outside, count * n, threadIdx.x, threads());
        } else {
            copy_packs<READ>(tile, outside, (unsigned)(count * n) / SIZE);
        }
    }

    // `count` samples from global memory, `stride` apart there.
    template <bool ANYWHERE = !SHORT>
    __device__ __forceinline__ void read(T *tile, const T *from, long long stride, int count) const {
        if (direct(from, stride)) {
            move(tile, pitch, from, stride, count);
        } else if (stride == n && (ANYWHERE ? alike(tile, from) : aligned(from))) {
            run<true, ANYWHERE>(tile, from, count);
        } else {
            each(stride == n ? behind_sector(from) : 0, count, [&](int i, int s) { tile[i + s * (pitch - n)] = from[i + s * (stride - n)]; });
        }
    }

    // `count` samples to global memory, one after the other.
    __device__ __forceinline__ void write(T *to, T *tile, int count) const {
        if (direct(to, n)) {
            move(to, n, tile, pitch, count);
        } else if (SHORT ? aligned(to) : alike(tile, to)) {
            run<false, !SHORT>(tile, to, count);
        } else {
            each(behind_sector(to), count, [&](int i, int s) { to[i] = tile[i + s * (pitch - n)]; });
        }
    }
};

template <typename T>
using ShortTile = Tile<T, true>;
