// Many small products, several a block. Matrices come to shared memory whole. SmallProducts.java says where they lie, so that
// the lanes of a phase meet in no bank: as outside in runs without gaps that are whole packs, where possible, else with longer rows.
#pragma once
#include "common.cuh"

// How a block's matrices lie in shared memory, in numbers: `height` rows of `width`, from row to row `row`; the matrices of the
// samples of a group are `step` apart, and those of the next group `group` further. All are `packs` packs (0: they do not lie as
// outside). Behind each run there are `gap` bytes, behind each row `pad`: by_packs and by_numbers divide by a run's packs or
// numbers, by_size and by_width by a matrix's and a row's numbers.
struct alignas(8) Placing {
    int height, width, step, group, packs, gap;
    SmallDivisor by_packs, by_numbers, by_size, by_width;
    int row, pad;

    __device__ __forceinline__ int size() const { return height * width; }

    // Where the matrix of sample q starts.
    template <int S>
    __device__ __forceinline__ int start(int q) const { return q / S * group + q % S * step; }
};

// By the block: store(p, at, load(p, at)) for all its packs, p of global memory from `outside` on, where matrices have no gaps and
// addresses are aligned, `at` of shared memory. A warp has four times 32 packs under way.
// GAPS: nearly always there are some.
template <bool GAPS, typename T, typename P, typename Load, typename Store>
__device__ __forceinline__ void move_packs(P *outside, T *shared, const Placing &placing, Load load, Store store) {
    constexpr int V = Pack<T>::SIZE, U = 4;
    int packs = placing.packs, bytes = placing.gap;
    SmallDivisor by_packs = placing.by_packs;
    auto move = [&](auto gap) {
        int e = threadIdx.x / WARP * (U * WARP) + threadIdx.x % WARP;
        P *p = outside + e * V;
        char *at = reinterpret_cast<char *>(shared + e * V);
        auto packed = [](char *at) { return reinterpret_cast<T *>(at); };
#pragma unroll 1
        for (; e < packs - (U - 1) * WARP; e += U * blockDim.x, p += U * blockDim.x * V, at += U * blockDim.x * 16) {
            Pack<T> x[U];
            char *to[U];
#pragma unroll
            for (int u = 0; u < U; u++) {
                to[u] = at + gap(e + u * WARP) + u * WARP * 16;
                x[u] = load(p + u * WARP * V, packed(to[u]));
            }
#pragma unroll
            for (int u = 0; u < U; u++) store(p + u * WARP * V, packed(to[u]), x[u]);
        }
#pragma unroll 1
        for (; e < packs; e += WARP, p += WARP * V, at += WARP * 16) {
            T *to = packed(at + gap(e));
            store(p, to, load(p, to));
        }
    };
    if (!GAPS && bytes == 0) {
        move([](int) { return 0; });
    } else {
        move([=](int e) { return by_packs.quotient(e) * bytes; });
    }
}

// By the block: all numbers of `here` matrices from p on, `stride` apart.
template <int S, typename T>
__device__ __forceinline__ void move_numbers(const T *p, long long stride, T *shared, const Placing &placing, int here) {
    int size = placing.size();
#pragma unroll 1
    for (int e = threadIdx.x; e < here * size; e += blockDim.x) {
        int q = placing.by_size.quotient(e), i = e - q * size, line = placing.by_width.quotient(i);
        shared[placing.template start<S>(q) + line * (placing.row - placing.width) + i] = p[q * stride + i];
    }
}

// The same without gaps: store(p, at, load(p, at)). A warp, which starts where a sector does, has
// four times 32 numbers under way.
template <typename T, typename P, typename Load, typename Store>
__device__ __forceinline__ void move_flat(P *p, T *shared, const Placing &placing, int here, Load load, Store store) {
    constexpr int U = 4;
    int pad = placing.pad, gap = placing.gap, count = here * placing.size();
    SmallDivisor by_width = placing.by_width, by_numbers = placing.by_numbers;
    int e = threadIdx.x / WARP * (U * WARP) + threadIdx.x % WARP - behind_sector(p);
    unsigned whole = max(count - (U - 1) * WARP, 0);
    p += e;
    unsigned at = (unsigned)__cvta_generic_to_shared(shared + e);
    auto place = [&](int u) {
        int number = e + u * WARP;
        unsigned to = mad(by_width.quotient(number), pad, mad(by_numbers.quotient(number), gap, at));
        return static_cast<T *>(__cvta_shared_to_generic(to)) + u * WARP;
    };
#pragma unroll 1
    for (; e < count; e += U * blockDim.x, p += U * blockDim.x, at += U * blockDim.x * sizeof(T)) {
        if ((unsigned)e < whole) {
            T *to[U];
            T x[U];
#pragma unroll
            for (int u = 0; u < U; u++) {
                to[u] = place(u);
                x[u] = load(p + u * WARP, to[u]);
            }
#pragma unroll
            for (int u = 0; u < U; u++) store(p + u * WARP, to[u], x[u]);
        } else {
#pragma unroll 1
            for (int u = 0; u < U; u++) {
                if ((unsigned)(e + u * WARP) < (unsigned)count) store(p + u * WARP, place(u), load(p + u * WARP, place(u)));
            }
        }
    }
}

// A batch of matrices.
template <typename T>
struct Matrices {
    const T *p;
    long long stride;

    // Whether they lie as in shared memory and are aligned.
    __device__ __forceinline__ bool whole(const Placing &placing) const {
        return placing.packs > 0 && stride == placing.size() && aligned(p);
    }

    // `here` of them from the first on, which may be all that a block has.
    template <int S, bool GAPS>
    __device__ __forceinline__ void to_shared(T *shared, const Placing &placing, long long first, int here, bool all) const {
        if (all) {
            move_packs<GAPS>(
                p + first * placing.size(), shared, placing, [](const T *p, T *) { return fetch_pack(p); },
                [](const T *, T *at, const Pack<T> &x) { store_pack(at, x); });
            return;
        }
        if (stride == placing.size()) {
            move_flat(
                p + first * stride, shared, placing, here, [](const T *p, T *) { return *p; },
                [](const T *, T *at, T x) { *at = x; });
            return;
        }
        move_numbers<S>(p + first * stride, stride, shared, placing, here);
    }
};

// What a block does: `rounds` times `samples` products, with `parts` tiles in a column, `lines` = parts·samples/S; the room that
// B's matrices take, in numbers, and the packs of all.
struct alignas(8) BatchPlan {
    int rounds, samples, parts, lines, room, packs;
    Placing a, b, c;
    SmallDivisor by_parts, by_lines;
};

// A block's products C_q = A_q·B_q, q of `all`: A (m,k), B (k,n). A thread computes M rows of N columns, which are groups of G
// neighbours, J·G apart; W numbers are read at a time, of which k and n, or rows as they lie if that is PADDED, are multiples. Lanes
// go along the S samples of a group fastest, then J groups of columns, then tiles of a column, further samples, further columns.
template <int S, int W, int J, int G, int M, int N, typename T>
__device__ __forceinline__ void product_batch(
    T *out, const Matrices<T> &a_from, const Matrices<T> &b_from, long long all, int m, int k, int n, const BatchPlan &plan) {
    constexpr int V = Pack<T>::SIZE, E = N / W, CHECKED = G == W ? 1 : 2;
    constexpr bool PADDED = S < V, ROWS = !PADDED && W == V && J == 8 / V; // k and n are multiples of four
    T *b_shared = shared_numbers<T>(), *a_shared = b_shared + plan.room, *c_shared = b_shared;
    auto offset = [](int c) { return c / G * (J * G) + c % G; };
    auto across = [&](int thread) { return plan.by_lines.quotient(thread / (S * J)); };
    int around = across(threadIdx.x), line = threadIdx.x / (S * J) - around * plan.lines;
    if (around % 2 == 1) line = plan.lines - 1 - line; // a warp that has both has the same tiles of a column
    int group = plan.by_parts.quotient(line);
    int i = (line - group * plan.parts) * M, left = around * (J * N), j = left + threadIdx.x / S % J * G, q = group * S + threadIdx.x % S;
    // Rows and columns that are this thread's, and columns from the warp's first on, which has the most.
    int rows = m - i, columns = n - j, most = n - across(threadIdx.x & ~(WARP - 1)) * (J * N);
    // What is not there: the first lane's columns, the last matrix, and, so that lanes do not meet in banks, the row of the tile above,
    // of pairs of the one above that.
    const T *row[M];
    int above = max(i - (W == 2 && i >= 2 * M ? 2 * M : M), 0), from = columns > 0 ? j : left < n ? left : 0, before = 0;
#pragma unroll
    for (int r = 0; r < M; r++) row[r] = a_shared + ((r < rows ? i : above) + min(r, m - 1)) * plan.a.row;

    // A column that is not there is the next row's beginning or, of the last row, whatever follows: something must.
    for (int e = threadIdx.x; e < plan.packs; e += blockDim.x) store_pack(b_shared + e * V, Pack<T>{});
    bool a_whole = a_from.whole(plan.a), b_whole = b_from.whole(plan.b), out_whole = plan.c.packs > 0 && aligned(out);
    long long first = blockIdx.x * (long long)(plan.rounds * plan.samples);
    for (int round = 0; round < plan.rounds && first < all; round++, first += plan.samples) {
        int here = all - first < plan.samples ? (int)(all - first) : plan.samples;
        __syncthreads();
        bool full = here == plan.samples;
        a_from.template to_shared<S, ROWS || PADDED>(a_shared, plan.a, first, here, full && a_whole);
        b_from.template to_shared<S, ROWS || PADDED>(b_shared, plan.b, first, here, full && b_whole);
        __syncthreads();
        int valid = min(q, here - 1), shift = plan.a.template start<S>(valid) - before;
        const T *right = b_shared + (plan.b.template start<S>(valid) + from);
        before += shift + k;
#pragma unroll
        for (int r = 0; r < M; r++) row[r] += shift;
        Pack<T, W> sum[M][E] = {};
        // U steps of the inner axis. ALL: the warp has all columns.
        constexpr int U = 4;
        const int pitch = PADDED ? plan.b.row : n;
        const T *column[U];
#pragma unroll
        for (int u = 0; u < U; u++) column[u] = right + u * pitch;
        auto multiply = [&](auto many, auto all) {
            constexpr int U = many, STEP = U < W ? U : W, ALL = all;
            T left[M][U];
#pragma unroll
            for (int r = 0; r < M; r++) {
#pragma unroll
                for (int u = 0; u < U; u += STEP) {
                    Pack<T, STEP> pack = load_pack<T, STEP>(row[r] + u);
#pragma unroll
                    for (int w = 0; w < STEP; w++) left[r][u + w] = pack.at[w];
                }
            }
#pragma unroll
            for (int some = 0; some < E; some += CHECKED) {
                if (ALL || some == 0 || offset(some * W) < most) {
#pragma unroll
                    for (int e = some; e < some + CHECKED; e++) {
#pragma unroll
                        for (int u = 0; u < U; u++) {
                            Pack<T, W> pack = load_pack<T, W>(column[u] + offset(e * W));
#pragma unroll
                            for (int w = 0; w < W; w++) {
#pragma unroll
                                for (int r = 0; r < M; r++) sum[r][e].at[w] = fma(left[r][u], pack.at[w], sum[r][e].at[w]);
                            }
                        }
                    }
                }
            }
#pragma unroll
            for (int u = 0; u < U; u++) column[u] += U * pitch;
#pragma unroll
            for (int r = 0; r < M; r++) row[r] += U;
        };
        int steps = most > 0 ? k : 0; // some warps only move
        if constexpr (G == N) {
#pragma unroll 1
            for (; most >= N && steps >= U; steps -= U) multiply(Count<U>(), Count<true>());
        }
#pragma unroll 1
        for (; steps >= U; steps -= U) multiply(Count<U>(), Count<false>());
        if constexpr (!ROWS) {
            constexpr int STEP = PADDED ? 1 : W;
#pragma unroll 1
            for (; steps > 0; steps -= STEP) multiply(Count<STEP>(), Count<false>());
        }
        __syncthreads();
        if (q < here && columns > 0) {
            Pack<T, W> *to = reinterpret_cast<Pack<T, W> *>(c_shared) + (plan.c.template start<S>(q) + i * plan.c.row + j) / W;
#pragma unroll
            for (int r = 0; r < M; r++, to += plan.c.row / W) {
                if (r < rows) {
#pragma unroll
                    for (int some = 0; some < E; some += 4) {
                        if (G == N && some + 4 <= columns) {
#pragma unroll
                            for (int e = some; e < some + 4; e++) store_pack(to[e].at, sum[r][e]);
                        } else {
#pragma unroll
                            for (int e = some; e < some + (G == N ? 3 : 4) && e < E; e++) {
                                if (offset(e * W) < columns) store_pack(to[offset(e * W) / W].at, sum[r][e]);
                            }
                        }
                    }
                }
            }
        }
        __syncthreads();
        if (full && out_whole) {
            move_packs<ROWS || PADDED>(
                out + first * plan.c.size(), c_shared, plan.c, [](T *, T *at) { return load_pack(at); },
                [](T *p, T *, const Pack<T> &x) { store_pack(p, x); });
        } else {
            move_flat(
                out + first * plan.c.size(), c_shared, plan.c, here, [](T *, T *at) { return *at; },
                [](T *p, T *, T x) { *p = x; });
        }
    }
}
