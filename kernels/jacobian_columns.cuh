// The Jacobians of softmax and log-softmax times columns; see jacobian.cuh.
#pragma once
#include "jacobian.cuh"

// To places: where the largest q of each sample is. A barrier must follow.
template <typename T>
__device__ __forceinline__ void find_places(int *places, const T *q, int q_stride, int n, int samples, const Lanes<T> &group) {
    // Until no lane of the warp has a sample.
#pragma unroll 1
    for (int s = group.sample; (s & -(WARP / group.count)) < samples; s += blockDim.x / group.count) {
        bool any = s < samples;
        int found = find_place(group, q + (any ? s * q_stride : 0), any ? n : 0);
        if (any && group.lane == 0) {
            places[s] = found;
        }
    }
}

// What becomes of a column x: s = Σ_{i≠m} q_i·x_i, all = qᵀx; the entry at m is as RowProduct has it.
template <Form FORM, typename T>
__device__ __forceinline__ T at_peak(T qm, T rest, T top, T s) {
    return FORM == SOFTMAX ? qm * (rest * top - s) : rest * top - s;
}

template <Form FORM, typename T>
__device__ __forceinline__ T elsewhere(T q, T x, T all) {
    return FORM == SOFTMAX ? q * (x - all) : x - all;
}

// q times a row of N columns, added.
template <typename T, int N>
__device__ __forceinline__ void add_row(Pack<T, N> &sum, T q, const Pack<T, N> &x) {
#pragma unroll
    for (int c = 0; c < N; c++) {
        sum.at[c] = fma(q, x.at[c], sum.at[c]);
    }
}

template <typename T, int N>
__device__ __forceinline__ void add_row(Pack<T, N> &sum, T q, const T *row) {
    add_row(sum, q, load_pack<T, N>(row));
}

template <Form FORM, typename T, int N>
__device__ __forceinline__ void finish_row(T q, T *row, const Pack<T, N> &all) {
    auto x = load_pack<T, N>(row);
#pragma unroll
    for (int c = 0; c < N; c++) {
        x.at[c] = elsewhere<FORM>(q, x.at[c], all.at[c]);
    }
    store_pack(row, x);
}

template <Form FORM, typename T, int N>
__device__ __forceinline__ void finish_peak(T *row, T qm, T rest, Pack<T, N> top, const Pack<T, N> &sum) {
#pragma unroll
    for (int c = 0; c < N; c++) {
        top.at[c] = at_peak<FORM>(qm, rest, top.at[c], sum.at[c]);
    }
    store_pack(row, top);
}

// What `groups` threads have, `apart` from each other, added two by two: in all of them. `partial` is N numbers a thread of the block,
// all of which take part, those of no group as number `groups`.
template <int N, typename T>
__device__ __forceinline__ Pack<T, N> sum_of_groups(Pack<T, N> sum, T *partial, int group, int groups, int apart) {
    T *of_thread = partial + threadIdx.x * N;
    store_pack(of_thread, sum);
    __syncthreads();
#pragma unroll 1
    for (int left = groups; left > 1;) {
        int half = (left + 1) >> 1;
        if (group + half < left) {
            auto other = load_pack<T, N>(of_thread + half * apart * N);
#pragma unroll
            for (int c = 0; c < N; c++) {
                sum.at[c] += other.at[c];
            }
            store_pack(of_thread, sum);
        }
        left = half;
        __syncthreads();
    }
    return load_pack<T, N>(of_thread - group * apart * N);
}

// J·m in place of m, (n,width) of each of `samples` samples in shared memory, `pitch` from row to row, samples of q q_stride apart. A
// thread takes N columns of a sample, and others until there are none.
template <Form FORM, int N, typename T>
__device__ __forceinline__ void own_columns(T *panel, int pitch, const T *q, int q_stride, const T *rest, long long rest_stride, int n,
                                            int width, int samples, const int *places) {
    constexpr int ROWS = 4 / N; // at a time
    __builtin_assume(n > 0);
    int packs = width / N;
#pragma unroll 1
    for (int u = threadIdx.x; u < samples * packs; u += blockDim.x) {
        int s = u / packs;
        int of_q = q_stride == 0 ? 0 : s;
        int peak = places[of_q];
        const T *entries = q + of_q * q_stride;
        T *column = panel + s * n * pitch + (u - s * packs) * N;
        T *at_peak = column + peak * pitch;
        // Out of the sum, also where it is infinite.
        auto top = load_pack<T, N>(at_peak);
        Pack<T, N> sum = {};
        store_pack(at_peak, sum);
        const T *entry = entries;
        T *at = column;
#pragma unroll ROWS
        for (int i = 0; i < n; i++, at += pitch) {
            add_row(sum, *entry++, at);
        }
        T qm = entries[peak];
        auto all = sum;
        add_row(all, qm, top);
        entry = entries;
        at = column;
#pragma unroll ROWS
        for (int i = 0; i < n; i++, at += pitch) {
            finish_row<FORM>(*entry++, at, all);
        }
        finish_peak<FORM>(at_peak, qm, rest[s * rest_stride], top, sum);
    }
}

// The same where threads share a column: of `groups` of them each takes N columns and every so-many-th row. `partial` is N numbers a
// thread.
template <Form FORM, int N, typename T>
__device__ __forceinline__ void shared_columns(T *panel, int pitch, const T *q, int q_stride, const T *rest, long long rest_stride, int n,
                                               int width, int samples, int groups, T *partial, const int *places) {
    constexpr int ROWS = 4 / N; // at a time
    int packs = width / N;
    int s = threadIdx.x / (groups * packs);
    int group = threadIdx.x / packs - s * groups;
    int step = groups * pitch;
    bool active = s < samples;
    if (!active) {
        group = groups;
    }
    int rows = active ? (n - group + groups - 1) / groups : 0;
    int of_q = q_stride == 0 || !active ? 0 : s;
    int peak = active ? places[of_q] : 0;
    const T *entries = q + of_q * q_stride;
    T *column = panel + (active ? s * n * pitch : 0) + threadIdx.x % packs * N;
    T *at_peak = column + peak * pitch;
    bool owner = active && peak % groups == group;
    // Out of the sum, also where it is infinite.
    Pack<T, N> top = {};
    Pack<T, N> sum = {};
    if (owner) {
        top = load_pack<T, N>(at_peak);
        store_pack(at_peak, sum);
    }
    const T *entry = entries + group;
    T *at = column + group * pitch;
#pragma unroll ROWS
    for (int i = 0; i < rows; i++, entry += groups, at += step) {
        add_row(sum, *entry, at);
    }
    if (owner) {
        store_pack(at_peak, top);
    }
    sum = sum_of_groups(sum, partial, group, groups, packs);
    top = load_pack<T, N>(at_peak);
    __syncthreads();
    T qm = entries[peak];
    auto all = sum;
    add_row(all, qm, top);
    entry = entries + group;
    at = column + group * pitch;
#pragma unroll ROWS
    for (int i = 0; i < rows; i++, entry += groups, at += step) {
        finish_row<FORM>(*entry, at, all);
    }
    if (owner) {
        finish_peak<FORM>(at_peak, qm, rest[s * rest_stride], top, sum);
    }
}

// A run of numbers from or to shared memory, by so many threads: packs where both lie alike.
template <bool READ, typename T, typename P>
__device__ __forceinline__ void copy_run(T *inside, P *outside, int length, int thread, int threads) {
    if (alike(inside, outside)) {
        copy_run<READ, true, false>(inside, outside, length, thread, threads);
    } else {
#pragma unroll 1
        for (int i = thread - behind_sector(outside); i < length; i += threads) {
            if (i >= 0) {
                put<READ>(load_pack<T, 1>((READ ? outside : inside) + i), inside + i, outside + i);
            }
        }
    }
}

// out = J·m for `width` columns of one sample too long for shared memory, where `at_once` rows are at a time. m is read twice. `partial`
// is a number a thread.
template <Form FORM, typename T>
__device__ __forceinline__ void times_columns_long(T *out, const T *m, int k, const T *q, T rest, int n, int width, int at_once,
                                                   int peak, T *partial, T *shared) {
    constexpr int SIZE = Pack<T>::SIZE;
    int groups = blockDim.x / width;
    int group = threadIdx.x / width;
    int column = threadIdx.x - group * width;
    int pitch = width + ((k - width) & (SIZE - 1));
    int step = groups * pitch;
    // work(this thread's numbers of a panel of rows, how many, their q, where the largest q's is among them or null) for each panel; then
    // WRITE: the panel to out.
    auto for_panels = [&](auto write, auto work) {
#pragma unroll 1
        for (int first = 0; first < n; first += at_once) {
            if (first > 0) {
                __syncthreads();
            }
            int rows = min(at_once, n - first);
            T *to = out + (long long)first * k;
            const T *from = m + (long long)first * k;
            T *panel = further(shared, behind_sector(to) & (SIZE - 1));
            // All columns at once, or a row a warp.
            bool all = width == k;
            int length = all ? rows * k : width;
            int thread = all ? threadIdx.x : threadIdx.x % WARP, threads = all ? blockDim.x : WARP;
            int start = all ? 0 : threadIdx.x / WARP, runs = all ? 1 : rows, warps = blockDim.x / WARP;
#pragma unroll 1
            for (int r = start; r < runs; r += warps) {
                copy_run<true>(panel + r * pitch, from + (long long)r * k, length, thread, threads);
            }
            __syncthreads();
            int mine = group < groups ? (rows - group + groups - 1) / groups : 0;
            int to_peak = peak - first;
            bool owner = mine > 0 && 0 <= to_peak && to_peak < rows && to_peak % groups == group;
            work(panel + group * pitch + column, mine, q + first + group, owner ? panel + to_peak * pitch + column : nullptr);
            if constexpr (decltype(write)::value != 0) {
                __syncthreads();
#pragma unroll 1
                for (int r = start; r < runs; r += warps) {
                    copy_run<false, true, false>(panel + r * pitch, to + (long long)r * k, length, thread, threads);
                }
            }
        }
    };
    Pack<T, 1> sum = {};
    for_panels(Count<false>(), [&](T *x, int mine, const T *entry, T *at_peak) {
        if (at_peak != nullptr) {
            *at_peak = T(0);
        }
#pragma unroll 4
        for (int i = 0; i < mine; i++, x += step, entry += groups) {
            add_row(sum, *entry, x);
        }
    });
    T s = sum_of_groups(sum, partial, group, groups, width).at[0];
    T top = m[(long long)peak * k + column];
    T qm = q[peak];
    T all = fma(qm, top, s);
    for_panels(Count<true>(), [&](T *x, int mine, const T *entry, T *at_peak) {
#pragma unroll 4
        for (int i = 0; i < mine; i++, x += step, entry += groups) {
            *x = elsewhere<FORM>(*entry, *x, all);
        }
        if (at_peak != nullptr) {
            *at_peak = ::at_peak<FORM>(qm, rest, top, s);
        }
    });
}

// `here` columns of `rows` rows, of at most `width`, which is whole packs.
template <typename T, int N>
__device__ __forceinline__ void copy_columns(T *to, int to_pitch, const T *from, int from_pitch, int rows, int width, int here) {
    int units = width / N;
    int step = blockDim.x / units;
    int row = threadIdx.x / units;
    int j = threadIdx.x % units * N;
    if (row < step && j < here) {
        to += (long long)row * to_pitch + j;
        from += (long long)row * from_pitch + j;
#pragma unroll 2
        for (; row < rows; row += step) {
            store_pack(to, load_pack<T, N>(from));
            to += (long long)step * to_pitch;
            from += (long long)step * from_pitch;
        }
    }
}

// Rows are whole sectors.
template <typename T>
__device__ __forceinline__ void copy_columns(T *to, int to_pitch, const T *from, int from_pitch, int rows, int width, int here) {
    constexpr int SIZE = Pack<T>::SIZE;
    if (aligned(to) && aligned(from)) {
        copy_columns<T, SIZE>(to, to_pitch, from, from_pitch, rows, width, here);
    } else {
        copy_columns<T, 1>(to, to_pitch, from, from_pitch, rows, width, here);
    }
}

// Whole samples, or column tiles of one, through shared memory.
template <Form FORM, typename T>
__device__ __forceinline__ void times_columns(T *out, const T *m, long long m_stride, const T *q, long long q_stride, const T *rest,
                                              long long rest_stride, long long batch, int n, int k, int width, int samples,
                                              int groups, int tiles, int lanes) {
    constexpr int SIZE = Pack<T>::SIZE;
    T *partial = shared_numbers<T>();
    int size = n * width;
    long long first = tiles > 1 ? blockIdx.x / tiles : blockIdx.x * (long long)samples;
    int count = (int)min((long long)samples, batch - first);
    int column = tiles > 1 ? blockIdx.x % tiles * width : 0;
    int here = min(width, k - column);
    // One row of n·k numbers a sample, or the rows of a column tile; in shared memory they lie as they do outside.
    long long offset = (first * n) * k + column;
    T *panel = further(partial, SIZE * blockDim.x + (tiles == 1 ? (int)offset & (SIZE - 1) : 0));
    T *entries = further(partial, SIZE * blockDim.x + ((samples * size + 2 * SIZE - 1) & -SIZE) + ((int)first * n & (SIZE - 1)));
    int *places = reinterpret_cast<int *>(entries + samples * n);
    m += first * m_stride + column;
    if (tiles == 1) {
        bool contiguous = m_stride == (long long)size || count == 1;
        int runs = contiguous ? 1 : count;
        int length = contiguous ? count * size : size;
        int s = 0;
#pragma unroll 1
        do {
            copy_run<true>(panel + s * size, m + s * m_stride, length, threadIdx.x, blockDim.x);
        } while (++s < runs);
    } else {
        copy_columns(panel, width, m, k, n, width, here);
    }
    // Once if it is shared.
    int runs = q_stride == 0 || q_stride == n ? 1 : count;
    int length = q_stride == n ? count * n : n;
    q += first * q_stride;
    int s = 0;
#pragma unroll 1
    do {
        copy_run<true>(entries + s * n, q + s * q_stride, length, threadIdx.x, blockDim.x);
    } while (++s < runs);
    __syncthreads();
    int entry_stride = q_stride == 0 ? 0 : n;
    find_places(places, entries, entry_stride, n, entry_stride == 0 ? 1 : count, Lanes<T>::within_warp(lanes));
    __syncthreads();
    auto multiply = [&](auto columns) {
        constexpr int N = columns.value;
        if (groups == 1) {
            own_columns<FORM, N>(panel, width, entries, entry_stride, rest + first * rest_stride, rest_stride, n, here, count, places);
        } else {
            shared_columns<FORM, N>(panel, width, entries, entry_stride, rest + first * rest_stride, rest_stride, n, here, count, groups,
                                    partial, places);
        }
    };
    if (here % SIZE == 0) {
        multiply(Count<SIZE>());
    } else if (SIZE > 2 && here % 2 == 0) {
        multiply(Count<2>());
    } else {
        multiply(Count<1>());
    }
    __syncthreads();
    if (tiles == 1) {
        copy_run<false>(panel, out + offset, count * size, threadIdx.x, blockDim.x);
    } else {
        copy_columns(out + offset, k, panel, width, n, width, here);
    }
}
