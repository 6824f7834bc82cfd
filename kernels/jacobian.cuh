// The Jacobians J of softmax (diag q − qqᵀ) and log-softmax (I − 1qᵀ): dense, and times panels. rest is 1 minus the largest
// entry of q, and stands for it where it would cancel.
#pragma once
#include "normaliser.cuh"

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

// The place of the first largest number of x, found by all lanes of a sample; 0 if all are NaN.
template <typename T>
__device__ __forceinline__ int find_place(const Lanes<T> &lanes, const T *x, int n) {
    T best = -infinity_of<T>();
    int at = n;
#pragma unroll 1
    for (int i = lanes.lane; i < n; i += lanes.count) {
        T v = x[i];
        if (v > best) {
            best = v;
            at = i;
        }
    }
    T largest = lanes.max(best);
    int place = lanes.min_index(best == largest ? at : n);
    return place < n ? place : 0;
}

// Samples or rows of a block: `samples` samples of `rows` rows each, or, where chunks > 1, a chunk of `samples` rows of one sample.
struct Share {
    long long sample;
    int row, count; // the first row of that sample, and how many rows in all
    __device__ __forceinline__ Share(long long batch, int rows, int samples, int chunks) {
        unsigned block = blockIdx.x;
        if (chunks == 1) {
            sample = block * (long long)samples;
            row = 0;
            count = (int)min((long long)samples, batch - sample) * rows;
        } else {
            sample = block / chunks;
            row = block % chunks * samples;
            count = min(samples, rows - row);
        }
    }
};

enum Form { SOFTMAX, LOG_SOFTMAX, LOG_SOFTMAX_TRANSPOSED };

// What a row g becomes: s = Σ_{i≠m} q_i·g_i (LOG_SOFTMAX: Σ_{i≠m} g_i), m the place of the largest entry of q.
template <Form FORM, typename T>
struct RowProduct {
    T qm, gm, rest, s;
    static __device__ __forceinline__ T accumulate(T s, T q, T g) { return FORM == LOG_SOFTMAX ? s + g : fma(q, g, s); }
    __device__ __forceinline__ T at_peak() const {
        return FORM == LOG_SOFTMAX ? rest * gm - qm * s : FORM == SOFTMAX ? qm * (rest * gm - s) : rest * gm - s;
    }
    __device__ __forceinline__ T elsewhere(T q, T g) const {
        if (FORM == LOG_SOFTMAX) {
            return fma(-(s + gm), q, g);
        }
        T centred = fma(-qm, gm, g) - s;
        return FORM == SOFTMAX ? q * centred : centred;
    }
};

// out = rows·J (batch,k,n), LOG_SOFTMAX_TRANSPOSED: rows·Jᵀ. A tile of rows and one of their samples' q in shared memory.
template <Form FORM, typename TILE, typename T>
__device__ __forceinline__ void times_rows(T *out, const T *rows, long long rows_stride, const T *q, long long q_stride,
                                           const T *rest, long long rest_stride, long long batch, int k, const TILE &tile,
                                           Divisor by_k, int samples, int chunks) {
    int n = tile.n;
    T *panel = tile.start();
    T *entries = tile.behind(panel, tile.samples());
    Share share(batch, k, samples, chunks);
    int sample_count = chunks == 1 ? by_k.quotient(share.count) : 1;
    // Rows, sample by sample where they do not follow each other; then q, once if it is shared.
    int entry_pitch = q_stride == 0 ? 0 : tile.pitch;
    int runs = rows_stride == (long long)k * n ? 1 : sample_count;
    int rows_of_run = runs == 1 ? share.count : k;
    bool packs = runs == 1 || k * tile.pitch % TILE::SIZE == 0;
    const T *from = rows + share.sample * rows_stride + (long long)share.row * n;
#pragma unroll 1
    for (int r = 0; r <= runs; r++) {
        bool last = r == runs;
        tile.read(last ? entries : tile.row(panel, r * k), last ? q + share.sample * q_stride : from + r * rows_stride,
                  last && q_stride != 0 ? q_stride : n, last ? (q_stride == 0 ? 1 : sample_count) : rows_of_run, last || packs);
    }
    __syncthreads();
    tile.for_samples(panel, share.count, [&](const Lanes<T> &group, const auto &g) {
        int s = g.there && chunks == 1 ? by_k.quotient(group.sample) : 0;
        auto e = g.of(entries + s * entry_pitch);
        int away = (int)(e.numbers - g.numbers);
        Peak<T> peak(group, e);
        RowProduct<FORM, T> product{peak.value, T(0), g.there ? rest[(share.sample + s) * rest_stride] : T(0), T(0)};
        if (peak.leads) {
            product.gm = peak.take(-away, T(0)); // out of the sum, also where it is infinite
        }
        product.gm = group.from(peak.leader, product.gm);
        g.for_mine([&](auto some) {
            auto x = some.load();
            auto q = some.away(away).load();
#pragma unroll
            for (int c = 0; c < some.SIZE; c++) {
                product.s = product.accumulate(product.s, q.at[c], x.at[c]);
            }
        });
        product.s = group.sum(product.s);
        g.for_mine([&](auto some) {
            auto x = some.load();
            auto q = some.away(away).load();
#pragma unroll
            for (int c = 0; c < some.SIZE; c++) {
                x.at[c] = product.elsewhere(q.at[c], x.at[c]);
            }
            some.store(x);
        });
        if (peak.leads) {
            *peak.place(-away) = product.at_peak();
        }
    });
    __syncthreads();
    tile.write(out + (share.sample * k + share.row) * n, panel, share.count);
}

// The same for rows too long for shared memory, a block each.
template <Form FORM, typename T>
__device__ __forceinline__ void times_rows_long(T *out, const T *rows, long long rows_stride, const T *q, long long q_stride,
                                                const T *rest, long long rest_stride, int k, int n) {
    auto group = Lanes<T>::block(shared_numbers<T>());
    long long b = blockIdx.x / k;
    const T *g = rows + b * rows_stride + (long long)(blockIdx.x % k) * n;
    T *o = out + blockIdx.x * (long long)n;
    q += b * q_stride;
    int m = find_place(group, q, n);
    // Only who writes a number of the row reads it: it may be in place.
    int owner = m % group.count;
    T gm = group.from(owner, group.lane == owner ? g[m] : T(0));
    RowProduct<FORM, T> product{q[m], gm, rest[b * rest_stride], T(0)};
#pragma unroll 1
    for (int i = group.lane; i < n; i += group.count) {
        if (i != m) {
            product.s = product.accumulate(product.s, q[i], g[i]);
        }
    }
    product.s = group.sum(product.s);
#pragma unroll 1
    for (int i = group.lane; i < n; i += group.count) {
        o[i] = i == m ? product.at_peak() : product.elsewhere(q[i], g[i]);
    }
}

// N columns of a row that belong to one thread: WHOLE: a pack; otherwise `apart` from each other, the first one again for those behind `last`.
template <typename T, int N, bool WHOLE>
struct Columns {
    int apart, last;

    __device__ __forceinline__ Pack<T, N> load(const T *p) const {
        if constexpr (WHOLE) {
            return load_pack<T, N>(p);
        } else {
            Pack<T, N> x;
#pragma unroll
            for (int c = 0; c < N; c++) {
                x.at[c] = p[c * apart <= last ? c * apart : 0];
            }
            return x;
        }
    }
    __device__ __forceinline__ void store(T *p, const Pack<T, N> &x) const {
        if constexpr (WHOLE) {
            store_pack(p, x);
        } else {
#pragma unroll
            for (int c = 0; c < N; c++) {
                p[c * apart <= last ? c * apart : 0] = x.at[c];
            }
        }
    }
};

// To places: where the largest q of each sample is. A barrier must follow.
template <typename T>
__device__ __forceinline__ void find_places(int *places, const T *q, int q_stride, int n, int samples, const Lanes<T> &group) {
    // Warps whose lanes all have no sample go on.
    if (group.count > WARP || (int)threadIdx.x / WARP * WARP / group.count < samples) {
        bool any = group.sample < samples;
        int found = find_place(group, q + (any ? group.sample * q_stride : 0), any ? n : 0);
        if (any && group.lane == 0) {
            places[group.sample] = found;
        }
    }
}

// out = J·m for `width` columns of `samples` samples; (n,·) row-major, `pitch` from row to row in m and in out, which may be m.
// A thread takes N columns and every so-many-th row of them, as if there were `capacity` samples. Samples are m_stride and q_stride
// apart. `partial` is N numbers a thread.
template <Form FORM, int N, bool WHOLE, typename T>
__device__ __forceinline__ void column_products(T *out, const T *m, int m_stride, int pitch, const T *q, int q_stride, const T *rest,
                                                long long rest_stride, int n, int width, int samples, int capacity, T *partial,
                                                const int *places) {
    int packs = (width + N - 1) / N;
    int groups = blockDim.x / (capacity * packs); // of rows
    int s = threadIdx.x / (groups * packs);
    int group = threadIdx.x / packs - s * groups;
    int first = threadIdx.x % packs * (WHOLE ? N : 1);
    bool active = s < samples;
    Columns<T, N, WHOLE> mine{packs, width - 1 - first};
    long long step = (long long)groups * pitch;
    if (active) {
        long long offset = (long long)s * m_stride + first;
        m += offset;
        out += offset;
        q += s * q_stride;
    }
    int peak = active ? places[s] : 0;
    int rows = active ? n : 0;
    Pack<T, N> sum = {};
    const T *from = m + (long long)group * pitch;
#pragma unroll 1
    for (int i = group; i < rows; i += groups, from += step) {
        if (i != peak) {
            auto x = mine.load(from);
#pragma unroll
            for (int c = 0; c < N; c++) {
                sum.at[c] = fma(q[i], x.at[c], sum.at[c]);
            }
        }
    }
    Pack<T, N> top = {};
    T qm = T(0);
    if (active) {
        top = mine.load(m + (long long)peak * pitch);
        qm = q[peak];
    }
    // Sums of groups are added two by two.
    T *of_thread = partial + threadIdx.x * N;
    store_pack(of_thread, sum);
    __syncthreads();
#pragma unroll 1
    for (int left = groups; left > 1;) {
        int half = (left + 1) >> 1;
        if (active && group + half < left) {
            auto other = load_pack<T, N>(of_thread + half * packs * N);
#pragma unroll
            for (int c = 0; c < N; c++) {
                sum.at[c] += other.at[c];
            }
            store_pack(of_thread, sum);
        }
        left = half;
        __syncthreads();
    }
    if (active) {
        sum = load_pack<T, N>(of_thread - group * packs * N);
        T other = rest[s * rest_stride];
        from = m + (long long)group * pitch;
        T *to = out + (long long)group * pitch;
#pragma unroll 1
        for (int i = group; i < rows; i += groups, from += step, to += step) {
            auto x = mine.load(from);
#pragma unroll
            for (int c = 0; c < N; c++) {
                T centred = i == peak ? other * top.at[c] : fma(-qm, top.at[c], x.at[c]);
                centred -= sum.at[c];
                x.at[c] = FORM == SOFTMAX ? q[i] * centred : centred;
            }
            mine.store(to, x);
        }
    }
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

template <typename T>
__device__ __forceinline__ void copy_columns(T *to, int to_pitch, const T *from, int from_pitch, int rows, int width, int here) {
    constexpr int SIZE = Pack<T>::SIZE;
    if (aligned(to) && aligned(from) && (to_pitch | from_pitch | here) % SIZE == 0) {
        copy_columns<T, SIZE>(to, to_pitch, from, from_pitch, rows, width, here);
    } else {
        copy_columns<T, 1>(to, to_pitch, from, from_pitch, rows, width, here);
    }
}

// Whole samples, or column tiles of one, through shared memory.
template <Form FORM, typename T>
__device__ __forceinline__ void times_columns(T *out, const T *m, long long m_stride, const T *q, long long q_stride, const T *rest,
                                              long long rest_stride, long long batch, int n, int k, int width, int samples,
                                              int tiles, int lanes) {
    constexpr int SIZE = Pack<T>::SIZE;
    T *partial = shared_numbers<T>();
    int *places = reinterpret_cast<int *>(partial + SIZE * blockDim.x);
    T *panel = reinterpret_cast<T *>(places + blockDim.x);
    Share share(batch, 1, samples, 1);
    int column = 0;
    if (tiles > 1) {
        share.sample = blockIdx.x / tiles;
        share.count = 1;
        column = blockIdx.x % tiles * width;
    }
    int here = min(width, k - column);
    int size = n * width;
    T *entries = panel + samples * size;
    // One row of n·k numbers a sample, or the rows of a column tile.
    long long offset = (share.sample * n) * k + column;
    m += share.sample * m_stride + column;
    if (tiles == 1) {
        bool contiguous = m_stride == (long long)size || share.count == 1;
        copy(panel, m, contiguous ? share.count * size : 0);
#pragma unroll 1
        for (int s = 0; s < (contiguous ? 0 : share.count); s++) {
            copy(panel + s * size, m + s * m_stride, size);
        }
    } else {
        copy_columns(panel, width, m, k, n, width, here);
    }
    // Once if it is shared.
    int runs = q_stride == 0 || q_stride == n ? 1 : share.count;
    int length = q_stride == n ? share.count * n : n;
    q += share.sample * q_stride;
    int s = 0;
#pragma unroll 1
    do {
#pragma unroll 1
        for (int i = threadIdx.x; i < length; i += blockDim.x) {
            entries[s * n + i] = q[s * q_stride + i];
        }
    } while (++s < runs);
    __syncthreads();
    int entry_stride = q_stride == 0 ? 0 : n;
    find_places(places, entries, entry_stride, n, share.count, Lanes<T>::within_warp(lanes));
    __syncthreads();
    auto multiply = [&](auto whole) {
        column_products<FORM, SIZE, decltype(whole)::value != 0>(panel, panel, size, width, entries, entry_stride,
                                                                 rest + share.sample * rest_stride, rest_stride, n, here,
                                                                 share.count, samples, partial, places);
    };
    if (here % SIZE == 0) {
        multiply(Count<true>());
    } else {
        multiply(Count<false>());
    }
    __syncthreads();
    if (tiles == 1) {
        copy(out + offset, panel, share.count * size);
    } else {
        copy_columns(out + offset, k, panel, width, n, width, here);
    }
}
