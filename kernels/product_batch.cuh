// Many small products, several a block. Their matrices come to shared memory as they lie outside, or with gaps of whole packs where
// lanes would meet in banks without: SmallProductSearch.java says which, and which lane has what.
#pragma once
#include "common.cuh"

// How a block's matrices of `size` numbers lie in shared memory: with `row` numbers from row to row, and `gap` bytes behind each run of
// numbers, which the divisors divide by in packs and in numbers.
struct alignas(8) Placing {
    int size, row, gap;
    SmallDivisor by_size, by_packs, by_numbers;

    // Where number e is, which would be at p if there were no gaps; and p of the e-th pack.
    template <typename T>
    __device__ __forceinline__ T *number(T *p, int e) const { return behind_gaps(p, by_numbers.quotient(e)); }
    template <typename T>
    __device__ __forceinline__ T *pack(T *p, int e) const { return behind_gaps(p, by_packs.quotient(e)); }

    // The number of shared memory with which a sample begins.
    template <typename T>
    __device__ __forceinline__ int start(int sample) const {
        return sample * size + by_numbers.quotient(sample * size) * (gap / (int)sizeof(T));
    }

    template <typename T>
    __device__ __forceinline__ T *behind_gaps(T *p, int gaps) const {
        return static_cast<T *>(__cvta_shared_to_generic(mad(gaps, gap, (unsigned)__cvta_generic_to_shared(p))));
    }
};

// One of the numbers that a thread's number is made of: there are `count`, `stride` threads from one to the next.
struct alignas(8) Digit {
    int count;
    SmallDivisor by_stride, by_count;

    __device__ __forceinline__ int of(int thread) const {
        int number = by_stride.quotient(thread);
        return number - by_count.quotient(number) * count;
    }
};

// What a block does: `rounds` times `samples` products by `lanes` threads, each a tile of one; the room that A's matrices take, in
// numbers, and the packs of all.
struct alignas(8) BatchPlan {
    int rounds, samples, lanes, room, packs, in_run;
    Placing a, b, c;
    Digit among, run, row, column;
};

// By the block: `count` numbers from or to shared memory, where both lie alike within 16 bytes but for gaps: packs from the start of a
// sector on. A warp has four times 32 of them under way.
template <bool IN, typename T, typename P>
__device__ __forceinline__ void move_packs(T *shared, P *outside, int count, const Placing &placing) {
    constexpr int V = Pack<T>::SIZE, U = 4;
    int head = min(-behind_sector(outside) & (32 / (int)sizeof(T) - 1), count), thread = threadIdx.x;
    int packs = (unsigned)(count - head) / V, before = (unsigned)head / V;
    if (thread < count - packs * V) {
        int e = thread < head ? thread : thread + packs * V;
        T *at = placing.number(shared + e, e);
        if constexpr (IN) *at = outside[e]; else outside[e] = *at;
    }
    int e = thread / WARP * (U * WARP) + thread % WARP;
    outside += head + e * V;
    shared += head + e * V;
    auto move = [&](auto behind_gaps) {
        auto at = [&](int u) { return behind_gaps(shared, before + e + u * WARP) + u * WARP * V; };
#pragma unroll 1
        for (; e < packs - (U - 1) * WARP; e += U * blockDim.x, outside += U * blockDim.x * V, shared += U * blockDim.x * V) {
            Pack<T> x[U];
#pragma unroll
            for (int u = 0; u < U; u++) x[u] = load_pack(IN ? outside + u * WARP * V : at(u));
#pragma unroll
            for (int u = 0; u < U; u++) store_pack(IN ? at(u) : const_cast<T *>(outside) + u * WARP * V, x[u]);
        }
#pragma unroll 1
        for (; e < packs; e += WARP, outside += WARP * V, shared += WARP * V) {
            store_pack(IN ? at(0) : const_cast<T *>(outside), load_pack(IN ? outside : at(0)));
        }
    };
    if (placing.gap == 0) {
        move([](T *p, int) { return p; });
    } else {
        move([=](T *p, int pack) { return placing.pack(p, pack); });
    }
}

// A batch of matrices.
template <typename T>
struct Matrices {
    const T *p;
    long long stride;

    // `here` of them, from the first on, to shared memory: as they lie outside within 16 bytes if that suits accesses of W numbers, else
    // from its beginning on. Returns the numbers that are before them.
    template <int W>
    __device__ __forceinline__ int to_shared(T *shared, const Placing &placing, long long first, int here) const {
        constexpr int V = Pack<T>::SIZE;
        const T *from = p + first * stride;
        int count = here * placing.size, behind = behind_sector(from) % V;
        if (stride == placing.size && behind % W == 0 && (placing.gap == 0 || behind == 0)) {
            move_packs<true>(shared + behind, from, count, placing);
            return behind;
        }
        for (int e = threadIdx.x; e < count; e += blockDim.x) {
            *placing.number(shared + e, e) = from[e + placing.by_size.quotient(e) * (stride - placing.size)];
        }
        return 0;
    }
};

// A block's products C_q = A_q·B_q, q of `all`: A (m,k), B (k,n). A thread computes M rows of N columns; K numbers of A and W
// of B are read at a time, of which k and n are multiples.
template <int K, int W, int M, int N, typename T>
__device__ __forceinline__ void product_batch(
    T *out, const Matrices<T> &a_from, const Matrices<T> &b_from, long long all, int m, int k, int n, const BatchPlan &plan) {
    constexpr int V = Pack<T>::SIZE;
    // Along k, a turn of the loop takes so many steps.
    constexpr int STEPS = 4;
    // Were a thread's packs of columns next to each other, those of neighbours would meet in banks if their number is even: it has
    // every so-many-th instead.
    constexpr bool SPREAD = W > 1 && N / W % 2 == 0;
    const int span = SPREAD ? plan.column.count * W : W;
    T *a_shared = shared_numbers<T>(), *b_shared = a_shared + plan.room, *c_shared = a_shared;
    int thread = threadIdx.x;
    int q = plan.run.of(thread) * plan.in_run + plan.among.of(thread);
    int i = plan.row.of(thread) * M, j = plan.column.of(thread) * (SPREAD ? W : N);
    int rows = thread < plan.lanes ? m - i : 0, columns = n - j;
    // Rows and columns that are not there are whatever follows: something must.
    for (int e = thread; e < plan.packs; e += blockDim.x) store_pack(a_shared + e * V, Pack<T>{});
    long long first = blockIdx.x * (long long)(plan.rounds * plan.samples);
    for (int round = 0; round < plan.rounds && first < all; round++, first += plan.samples) {
        int here = all - first < plan.samples ? (int)(all - first) : plan.samples;
        __syncthreads();
        int a_behind = a_from.template to_shared<K>(a_shared, plan.a, first, here);
        int b_behind = b_from.template to_shared<W>(b_shared, plan.b, first, here);
        __syncthreads();
        bool busy = rows > 0 && q < here;
        Pack<T, W> sum[M][N / W] = {};
        const T *row[M], *right = b_shared + (b_behind + plan.b.template start<T>(q) + j);
#pragma unroll
        for (int r = 0; r < M; r++) row[r] = a_shared + (a_behind + plan.a.template start<T>(q) + (i + r) * plan.a.row);
        auto multiply = [&](auto many) {
            constexpr int U = many, STEP = U < K ? U : K;
            T left[M][U];
#pragma unroll
            for (int r = 0; r < M; r++) {
#pragma unroll
                for (int u = 0; u < U; u += STEP) {
                    Pack<T, STEP> pack = load_pack<T, STEP>(row[r] + u);
#pragma unroll
                    for (int w = 0; w < STEP; w++) left[r][u + w] = pack.at[w];
                }
                row[r] += U;
            }
#pragma unroll
            for (int u = 0; u < U; u++, right += n) {
#pragma unroll
                for (int e = 0; e < N / W; e++) {
                    Pack<T, W> pack = load_pack<T, W>(right + e * span);
#pragma unroll
                    for (int w = 0; w < W; w++) {
#pragma unroll
                        for (int r = 0; r < M; r++) sum[r][e].at[w] = fma(left[r][u], pack.at[w], sum[r][e].at[w]);
                    }
                }
            }
        };
        int steps = busy ? k : 0;
#pragma unroll 1
        for (; steps >= STEPS; steps -= STEPS) multiply(Count<STEPS>());
        if constexpr (K < STEPS) {
#pragma unroll 1
            for (; steps > 0; steps -= K) multiply(Count<K>());
        }
        __syncthreads();
        T *to = out + first * plan.c.size;
        int behind = behind_sector(to) % V;
        bool alike = behind % W == 0 && (plan.c.gap == 0 || behind == 0);
        T *c = c_shared + (alike ? behind : 0);
        if (busy) {
            Pack<T, W> *at = reinterpret_cast<Pack<T, W> *>(c) + (plan.c.template start<T>(q) + i * n + j) / W;
#pragma unroll
            for (int r = 0; r < M; r++, at += n / W) {
                if (r < rows) {
#pragma unroll
                    for (int e = 0; e < N / W; e++) {
                        if (e * span < columns) store_pack(at[e * (span / W)].at, sum[r][e]);
                    }
                }
            }
        }
        __syncthreads();
        int count = here * plan.c.size;
        if (alike) {
            move_packs<false>(c, to, count, plan.c);
        } else {
            for (int e = thread; e < count; e += blockDim.x) to[e] = *plan.c.number(c + e, e);
        }
    }
}
