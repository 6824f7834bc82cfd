// The Jacobians J of softmax (diag q − qqᵀ) and log-softmax (I − 1qᵀ): dense, and times panels. rest is 1 minus the largest
// entry of q, and stands for it where it would cancel.
#pragma once
#include "normaliser.cuh"

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
    Lanes<T> group = tile.group();
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
    bool there = group.sample < share.count;
    if (tile.works(there)) {
        int s = there && chunks == 1 ? by_k.quotient(group.sample) : 0;
        Row<T> g(tile.row(panel, group.sample), n, group, there);
        Row<T> e(entries + s * entry_pitch, n, group, there);
        int away = (int)(e.numbers - g.numbers);
        Peak<T> peak(group, e);
        RowProduct<FORM, T> product{peak.value, T(0), there ? rest[(share.sample + s) * rest_stride] : T(0), T(0)};
        T *mine = nullptr;
        if (peak.leads) {
            mine = peak.mine(e) - away;
            // Out of the sum, also where it is infinite.
            product.gm = *mine;
            *mine = T(0);
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
            *mine = product.at_peak();
        }
    }
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

// Every so-many-th row from the first on: `other`, and for that of the peak `at_peak`.
template <typename Other, typename AtPeak>
__device__ __forceinline__ void for_rows(int first, int n, int step, int peak, Other other, AtPeak at_peak) {
    int i = first;
#pragma unroll 1
    for (int end = peak;; end = n) {
#pragma unroll 1
        for (; i + step < end; i += 2 * step) {
            other();
            other();
        }
        if (i < end) {
            other();
            i += step;
        }
        if (end == n) {
            return;
        }
        if (i == peak) {
            at_peak();
            i += step;
        }
    }
}

// out = J·m for `width` columns of `samples` samples; (n,·) row-major, `pitch` from row to row in m and in out, which may be m.
// A thread takes a column and every so-many-th row of it, as if there were `capacity` samples. Samples are m_stride and q_stride apart.
template <Form FORM, typename T>
__device__ __forceinline__ void column_products(T *out, const T *m, int m_stride, int pitch, const T *q, int q_stride, const T *rest,
                                              long long rest_stride, int n, int width, int samples, int capacity, T *partial, int *places,
                                              const Lanes<T> &group) {
    // Warps whose lanes all have no sample go on.
    if (group.count > WARP || (int)threadIdx.x / WARP * WARP / group.count < samples) {
        bool any = group.sample < samples;
        int found = find_place(group, q + (any ? group.sample * q_stride : 0), any ? n : 0);
        if (any && group.lane == 0) {
            places[group.sample] = found;
        }
    }
    __syncthreads();
    int columns = capacity * width;
    int groups = blockDim.x / columns;
    int row_group = threadIdx.x / columns;
    int column = threadIdx.x % columns;
    int s = column / width;
    bool active = row_group < groups && s < samples;
    long long offset = (long long)s * m_stride + column % width;
    long long step = (long long)groups * pitch;
    m += offset;
    out += offset;
    q += s * q_stride;
    int peak = active ? places[s] : 0;
    T sum = T(0);
    if (active) {
        const T *from = m + (long long)row_group * pitch;
        const T *entry = q + row_group;
        auto next = [&] {
            from += step;
            entry += groups;
        };
        for_rows(
            row_group, n, groups, peak,
            [&] {
                sum = fma(*entry, *from, sum);
                next();
            },
            next);
        partial[threadIdx.x] = sum;
    }
    T top = active ? m[(long long)peak * pitch] : T(0);
    T qm = active ? q[peak] : T(0);
    __syncthreads();
    if (active) {
        sum = partial[column];
#pragma unroll 1
        for (int g = 1; g < groups; g++) {
            sum += partial[column + g * columns];
        }
        T at_peak = rest[s * rest_stride] * top - sum;
        const T *from = m + (long long)row_group * pitch;
        T *to = out + (long long)row_group * pitch;
        const T *entry = q + row_group;
        auto write = [&](T centred) {
            *to = FORM == SOFTMAX ? *entry * centred : centred;
            from += step;
            to += step;
            entry += groups;
        };
        for_rows(row_group, n, groups, peak, [&] { write(fma(-qm, top, *from) - sum); }, [&] { write(at_peak); });
    }
}

// Columns of `rows` rows, of which there are `here`, of at most `width`; by_width divides by that.
template <typename T>
__device__ __forceinline__ void copy_columns(T *to, int to_pitch, const T *from, int from_pitch, int rows, Divisor by_width,
                                             int width, int here) {
    constexpr int SIZE = Pack<T>::SIZE;
    bool packed = aligned(to) && aligned(from) && to_pitch % SIZE == 0 && from_pitch % SIZE == 0 && here % SIZE == 0;
    int size = packed ? SIZE : 1;
    int i = threadIdx.x * size;
    int step = blockDim.x * size;
    int row = by_width.quotient(i);
    int j = i - row * width;
    int step_rows = by_width.quotient(step);
    int step_columns = step - step_rows * width;
#pragma unroll 1
    while (row < rows) {
        T *a = to + (long long)row * to_pitch + j;
        const T *b = from + (long long)row * from_pitch + j;
        if (j < here) {
            if (packed) {
                store_pack(a, load_pack(b));
            } else {
                *a = *b;
            }
        }
        row += step_rows;
        j += step_columns;
        if (j >= width) {
            j -= width;
            row++;
        }
    }
}

// Whole samples, or column tiles of one, through shared memory.
template <Form FORM, typename T>
__device__ __forceinline__ void times_columns(T *out, const T *m, long long m_stride, const T *q, long long q_stride, const T *rest,
                                              long long rest_stride, long long batch, int n, int k, int width, Divisor by_width,
                                              int samples, int tiles, int lanes) {
    T *scratch = shared_numbers<T>();
    T *partial = scratch + Lanes<T>::SCRATCH;
    int *places = reinterpret_cast<int *>(partial + blockDim.x);
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
        copy_columns(panel, width, m, k, n, by_width, width, here);
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
    column_products<FORM>(panel, panel, size, width, entries, q_stride == 0 ? 0 : n, rest + share.sample * rest_stride, rest_stride, n,
                        tiles == 1 ? width : here, share.count, samples, partial, places, Lanes<T>::within_warp(lanes));
    __syncthreads();
    if (tiles == 1) {
        copy(out + offset, panel, share.count * size);
    } else {
        copy_columns(out + offset, k, panel, width, n, by_width, width, here);
    }
}
