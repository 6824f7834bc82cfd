// The Jacobians of softmax and log-softmax, dense: q_i·w with w = −q_j, and w = 1 − q_i on the diagonal; log-softmax: w alone.
// Adding +0 in the same operation makes +0 of −0·q and q·−0, and changes nothing else.
#pragma once
#include "jacobian.cuh"

template <bool LOG, typename T>
__device__ __forceinline__ T entry(T q, T w) {
    return LOG ? w : fma(q, w, T(0));
}

// 1 − q: up to ½ nothing cancels, and only the largest entry is above, whose complement is `rest`.
template <typename T>
__device__ __forceinline__ T complement(T q, T rest) {
    return q > T(0.5) ? rest : T(1) - q;
}

// n ≤ 32. A block takes `samples` samples, a multiple of a pack's size. The numbers of one sample (n odd: of as many as make whole
// packs) are cut into packs; a thread keeps its pack's rows and columns and goes from sample to sample.
// Shared memory of a sample: q, −q, 1 − q.
template <bool LOG, typename T>
__device__ __forceinline__ void dense_small(T *out, const T *q, long long q_stride, const T *rest, long long rest_stride,
                                            long long batch, int n, Divisor by_n, int samples) {
    constexpr int SIZE = Pack<T>::SIZE;
    T *numbers = shared_numbers<T>();
    int pitch = 3 * n;
    long long first = blockIdx.x * (long long)samples;
    int count = (int)min((long long)samples, batch - first);
#pragma unroll 1
    for (int f = threadIdx.x; f < count * n; f += blockDim.x) {
        int s = by_n.quotient(f);
        int i = f - s * n;
        T x = q[(first + s) * q_stride + i];
        T *row = numbers + s * pitch + i;
        row[0] = x;
        row[n] = T(0) - x;
        row[2 * n] = complement(x, rest[(first + s) * rest_stride]);
    }
    __syncthreads();
    out += first * (n * n);
    int period = n % 2 == 0 ? 1 : SIZE; // samples
    int whole_periods = aligned(out) ? count / period : 0;
    int slots = period * n * n / SIZE;
    int periods = (count + period - 1) / period;
    int groups = slots < blockDim.x ? blockDim.x / slots : 1;
    int group = threadIdx.x / slots;
    if (group >= groups && groups > 1) {
        return;
    }
    for (int slot = groups > 1 ? threadIdx.x - group * slots : threadIdx.x; slot < slots; slot += blockDim.x) {
        int left[SIZE], right[SIZE];
#pragma unroll
        for (int c = 0; c < SIZE; c++) {
            int row = by_n.quotient(slot * SIZE + c); // of all samples of the period
            int s = by_n.quotient(row);
            int i = row - s * n;
            int j = slot * SIZE + c - row * n;
            left[c] = s * pitch + i;
            right[c] = s * pitch + (i == j ? 2 * n + i : n + j);
        }
        int p = groups > 1 ? group : 0;
        const T *sample = numbers + p * (period * pitch);
        T *to = out + (p * slots + slot) * SIZE;
        int step = groups * period * pitch;
#pragma unroll 1
        for (; p < whole_periods; p += groups) {
            Pack<T> x;
#pragma unroll
            for (int c = 0; c < SIZE; c++) {
                x.at[c] = entry<LOG>(LOG ? T(1) : sample[left[c]], sample[right[c]]);
            }
            stream_pack(to, x);
            sample += step;
            to += groups * slots * SIZE;
        }
#pragma unroll 1
        for (; p < periods; p += groups) {
#pragma unroll
            for (int c = 0; c < SIZE; c++) {
                if (p * period * pitch + left[c] < count * pitch) {
                    to[c] = entry<LOG>(sample[left[c]], sample[right[c]]);
                }
            }
            sample += step;
            to += groups * slots * SIZE;
        }
    }
}

// 33 ≤ n, with −q and the diagonals of `period` samples, which make whole packs, in shared memory. A block takes `share` packs of their
// numbers, which run on from row to row and from sample to sample. Behind the −q of a sample its first ones come again, where a
// pack goes on with the next row. The diagonals lie like the −q, so far behind them.
template <bool LOG, typename T>
struct DenseFlat {
    static constexpr int SIZE = Pack<T>::SIZE;
    int n, count, to_diagonal;
    T *minus;

    __device__ __forceinline__ DenseFlat(T *numbers, const T *q, long long q_stride, const T *rest, long long rest_stride,
                                         int n, Divisor by_n, int period, int count)
        : n(n), count(count), to_diagonal(period * (n + SIZE)), minus(numbers) {
#pragma unroll 1
        for (int f = threadIdx.x; f < period * n; f += blockDim.x) {
            int s = by_n.quotient(f);
            int i = f - s * n;
            T x = s < count ? q[s * q_stride + i] : T(0);
            T *to = minus + f + s * SIZE;
            *to = T(0) - x;
            if (i < SIZE) {
                to[n] = T(0) - x;
            }
            to[to_diagonal] = entry<LOG>(x, complement(x, s < count ? rest[s * rest_stride] : T(0)));
        }
        __syncthreads();
    }

    // The −q of sample s.
    __device__ __forceinline__ const T *numbers_of(int s) const { return minus + s * (n + SIZE); }

    // Numbers j to j + SIZE − 1 of row i, where rows are whole packs, of the sample whose −q these are.
    __device__ __forceinline__ Pack<T> whole_pack(const T *row, int i, int j) const {
        T left = LOG ? T(0) : -row[i];
        Pack<T> x = load_pack(row + j);
#pragma unroll
        for (int c = 0; c < SIZE; c++) {
            x.at[c] = entry<LOG>(left, x.at[c]);
        }
        if ((unsigned)(i - j) < SIZE) {
            T number = row[to_diagonal + i];
#pragma unroll
            for (int c = 0; c < SIZE; c++) {
                x.at[c] = c == i - j ? number : x.at[c];
            }
        }
        return x;
    }

    // Numbers j to j + SIZE − 1 of row i.
    __device__ __forceinline__ Pack<T> pack(const T *row, int i, int j) const {
        int left = n - j; // of this row
        Pack<T> x;
#pragma unroll
        for (int c = 0; c < SIZE; c++) {
            x.at[c] = row[j + c];
        }
        T here = -row[i];
        T next = -row[i + 1];
        if (!LOG) {
#pragma unroll
            for (int c = 0; c < SIZE; c++) {
                x.at[c] = entry<LOG>(c == 0 || c < left ? here : next, x.at[c]);
            }
        }
        // The diagonal is number i − j, which is less than `left`, or, in the next row, left + i + 1.
        int diagonal = i < j ? i + 1 : i; // row
        int c = diagonal - j + (i < j ? n : 0);
        if ((unsigned)c < SIZE) {
            T number = row[to_diagonal + diagonal];
#pragma unroll
            for (int k = 0; k < SIZE; k++) {
                x.at[k] = k == c ? number : x.at[k];
            }
        }
        if (left < SIZE && i == n - 1) {
            const T *first = row + n + SIZE; // of the next sample
#pragma unroll
            for (int k = 1; k < SIZE; k++) {
                if (k >= left) {
                    x.at[k] = k == 1 || k == left ? first[to_diagonal] : entry<LOG>(-first[0], first[k - left]);
                }
            }
        }
        return x;
    }
};

template <bool LOG, typename T>
__device__ __forceinline__ void dense_flat(T *out, const T *q, long long q_stride, const T *rest, long long rest_stride,
                                           long long batch, int n, Divisor by_n, int period, int share, int chunks) {
    constexpr int SIZE = Pack<T>::SIZE;
    long long first = blockIdx.x / chunks * (long long)period;
    int count = (int)min((long long)period, batch - first);
    DenseFlat<LOG, T> jacobian(shared_numbers<T>(), q + first * q_stride, q_stride, rest + first * rest_stride, rest_stride, n,
                               by_n, period, count);
    out += first * n * n;
    int length = count * n * n;
    int whole_packs = aligned(out) ? length / SIZE : 0;
    int from = blockIdx.x % chunks * share;
    int to = min(from + share, (length + SIZE - 1) / SIZE);
    constexpr int THREADS = 256;
    int step_rows = by_n.quotient(THREADS * SIZE);
    int step_columns = THREADS * SIZE - step_rows * n;
    asm("" : "+r"(step_columns)); // or it would be found anew in every turn
    int v = from + threadIdx.x;
    int row = by_n.quotient(v * SIZE); // of all samples
    int j = v * SIZE - row * n;
    int s = by_n.quotient(row);
    int i = row - s * n;
    const T *numbers = jacobian.numbers_of(s);
    T *at = out + v * SIZE;
    auto advance = [&] {
        at += THREADS * SIZE;
        v += THREADS;
        i += step_rows;
        j += step_columns;
        if (j >= n) {
            j -= n;
            i++;
        }
        if (i >= n) {
            i -= n;
            numbers += n + SIZE;
        }
    };
    int whole = min(to, whole_packs);
    if (n % SIZE == 0) {
#pragma unroll 1
        for (; v < whole; advance()) {
            stream_pack(at, jacobian.whole_pack(numbers, i, j));
        }
    } else {
#pragma unroll 1
        for (; v < whole; advance()) {
            stream_pack(at, jacobian.pack(numbers, i, j));
        }
    }
#pragma unroll 1
    for (; v < to; advance()) {
        Pack<T> x = jacobian.pack(numbers, i, j);
#pragma unroll
        for (int c = 0; c < SIZE; c++) {
            if (v * SIZE + c < length) {
                out[v * SIZE + c] = x.at[c];
            }
        }
    }
}

// Any n. A block takes `rows` rows by 256 packs' columns of a sample, whose −q is in shared memory. Rows of odd n start in the
// middle of a pack: the block's packs are aligned, those at the edges are stored in part.
template <bool LOG, typename T>
__device__ __forceinline__ void dense_large(T *out, const T *q, long long q_stride, const T *rest, long long rest_stride, int n,
                                            int rows, int row_chunks, int column_tiles) {
    constexpr int SIZE = Pack<T>::SIZE;
    constexpr int WIDTH = 256 * SIZE;
    T *minus = shared_numbers<T>();
    int tile = blockIdx.x % column_tiles;
    long long b = blockIdx.x / column_tiles / row_chunks;
    int row = blockIdx.x / column_tiles % row_chunks * rows;
    int column = tile * WIDTH;
    int last_row = min(row + rows, n);
    int width = min(WIDTH, n - column);
    q += b * q_stride;
    for (int j = threadIdx.x; j < width; j += blockDim.x) {
        minus[j] = T(0) - q[column + j];
    }
    bool has_diagonal = row < column + width && column < last_row;
    __syncthreads();
    for (int i = row; i < last_row; i++) {
        T *to = out + (b * n + i) * n + column;
        T left = q[i];
        int behind = (reinterpret_cast<unsigned long long>(to) / sizeof(T)) % SIZE;
#pragma unroll 1
        for (int j = threadIdx.x * SIZE - behind; j < width; j += WIDTH) {
            Pack<T> x;
            bool full = j >= 0 && j + SIZE <= width;
#pragma unroll
            for (int c = 0; c < SIZE; c++) {
                if (full || (j + c >= 0 && j + c < width)) {
                    x.at[c] = entry<LOG>(left, minus[j + c]);
                }
            }
            if (has_diagonal && i - column >= j && i - column < j + SIZE) {
                T diagonal = complement(left, rest[b * rest_stride]);
#pragma unroll
                for (int c = 0; c < SIZE; c++) {
                    if (column + j + c == i) {
                        x.at[c] = entry<LOG>(left, diagonal);
                    }
                }
            }
            if (full) {
                stream_pack(to + j, x);
            } else {
#pragma unroll
                for (int c = 0; c < SIZE; c++) {
                    if (j + c >= 0 && j + c < width) {
                        to[j + c] = x.at[c];
                    }
                }
            }
        }
    }
}
