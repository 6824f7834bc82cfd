// Softmax, its logarithm and their Jacobians.
#include "dense_jacobian.cuh"
#include "jacobian_columns.cuh"
#include "softmax.cuh"

// q = exp(x − max x)/s (batch,n), rest (batch) = 1 − max q without cancellation, or null. 8 bytes a number (float32). In place.
// `share` threads a sample, blockDim.x / share samples a block; a tile of them in shared memory behind Lanes::SCRATCH numbers.
// NAME_short: `share` samples a thread, Tile::THREADS threads a block, and the tile alone.
RESIDENT_KERNEL(softmax, 512, 1)(REAL *q, REAL *rest, const REAL *x, long long batch, int n, int share, int pitch, SmallDivisor by) {
    softmax(q, rest, x, batch, Tile<REAL>{n, share, pitch, by});
}

RESIDENT_KERNEL(softmax_short, ShortTile<REAL>::THREADS, 1)(REAL *q, REAL *rest, const REAL *x, long long batch, int n, int share, int pitch, SmallDivisor by) {
    softmax(q, rest, x, batch, ShortTile<REAL>{n, share, pitch, by});
}

// y = x − max x − log s (batch,n); q and rest as of softmax, or both null. y in place. 8 or 12 bytes a number (float32). Launched as
// softmax; where q is wanted, a second tile behind the first.
RESIDENT_KERNEL(log_softmax, 512, 1)(REAL *y, REAL *q, REAL *rest, const REAL *x, long long batch, int n, int share, int pitch, SmallDivisor by) {
    log_softmax(y, q, rest, x, batch, Tile<REAL>{n, share, pitch, by});
}

RESIDENT_KERNEL(log_softmax_short, ShortTile<REAL>::THREADS, 1)(REAL *y, REAL *q, REAL *rest, const REAL *x, long long batch, int n, int share, int pitch, SmallDivisor by) {
    log_softmax(y, q, rest, x, batch, ShortTile<REAL>{n, share, pitch, by});
}

// softmax and log_softmax for samples too long for shared memory, a block each, read three times; y, q, rest may be null.
// y or q in place, the other null.
KERNEL(log_softmax_long, 512)(REAL *y, REAL *q, REAL *rest, const REAL *x, long long batch, int n) {
    long long first = blockIdx.x * (long long)n;
    x += first;
    LongLanes<REAL> lanes(x, shared_numbers<REAL>());
    int peak;
    Normal<REAL> normal = normalise_long(lanes, x, n, peak);
    REAL inverse = normal.inverse();
    REAL log = normal.log();
    REAL others = normal.rest();
    if (rest != nullptr && lanes.lane == 0) {
        rest[blockIdx.x] = others;
    }
    lanes.for_mine(n, [&](auto some) {
        auto z = some.load(x);
        if (q != nullptr) {
            auto e = normal.numerators(z);
#pragma unroll
            for (int c = 0; c < some.SIZE; c++) e.at[c] *= inverse;
            some.at(peak, [&](int c) { e.at[c] = others < REAL(0.5) ? REAL(1) - others : e.at[c]; });
            some.store(q + first, e);
        }
        if (y != nullptr) {
#pragma unroll
            for (int c = 0; c < some.SIZE; c++) z.at[c] = normal.log_probability(z.at[c], log);
            some.store(y + first, z);
        }
    });
}

// out = rows·J or rows·Jᵀ (batch,k,n), `all` = batch·k rows; see jacobian.cuh. 8 bytes a number of rows (float32), and q. In place.
// Launched as softmax of the rows, with a second tile for the q of a block's.
#define TIMES_ROWS(name, FORM)                                                                                                     \
    RESIDENT_KERNEL(name, 512, 1)(REAL * out, const REAL *rows, long long rows_stride, const REAL *q, long long q_stride,          \
                                  const REAL *rest, long long rest_stride, long long all, int k, int n, int share, int pitch,      \
                                  SmallDivisor by, Divisor by_k) {                                                                 \
        times_rows<FORM>(out, rows, rows_stride, q, q_stride, rest, rest_stride, all, k, Tile<REAL>{n, share, pitch, by}, by_k);   \
    }                                                                                                                              \
    RESIDENT_KERNEL(name##_short, ShortTile<REAL>::THREADS, 1)                                                                     \
    (REAL * out, const REAL *rows, long long rows_stride, const REAL *q, long long q_stride, const REAL *rest, long long rest_stride,\
     long long all, int k, int n, int share, int pitch, SmallDivisor by, Divisor by_k) {                                           \
        times_rows<FORM>(out, rows, rows_stride, q, q_stride, rest, rest_stride, all, k, ShortTile<REAL>{n, share, pitch, by},     \
                         by_k);                                                                                                    \
    }                                                                                                                              \
    KERNEL(name##_long, 512)(REAL * out, const REAL *rows, long long rows_stride, const REAL *q, long long q_stride,             \
                             const REAL *rest, long long rest_stride, int k, int n) {                                          \
        times_rows_long<FORM>(out, rows, rows_stride, q, q_stride, rest, rest_stride, k, n);                                   \
    }

TIMES_ROWS(softmax_times_rows, SOFTMAX)
TIMES_ROWS(rows_times_log_softmax, LOG_SOFTMAX)
TIMES_ROWS(rows_times_log_softmax_transposed, LOG_SOFTMAX_TRANSPOSED)

#undef TIMES_ROWS

// out = J·m (batch,n,k); see jacobian_columns.cuh. 8 bytes a number of m (float32), and q. A block of 256 threads takes `samples` samples or,
// where tiles > 1, `width` columns of one, and `groups` threads a column; behind 256 packs in shared memory, these, their q and an
// integer each. NAME_long: a block for every `width` columns of a sample, `at_once` rows of which are in shared memory.
#define TIMES_COLUMNS(name, FORM)                                                                                              \
    RESIDENT_KERNEL(name, 256, 2)(REAL * out, const REAL *m, long long m_stride, const REAL *q, long long q_stride, const REAL *rest,\
                      long long rest_stride, long long batch, int n, int k, int width, int samples, int groups, int tiles,     \
                      int lanes) {                                                                                             \
        times_columns<FORM>(out, m, m_stride, q, q_stride, rest, rest_stride, batch, n, k, width, samples, groups, tiles, lanes);\
    }                                                                                                                          \
    RESIDENT_KERNEL(name##_long, 256, 2)(REAL * out, const REAL *m, long long m_stride, const REAL *q, long long q_stride,     \
                             const REAL *rest, long long rest_stride, int n, int k, int width, int at_once, int tiles) {       \
        REAL *scratch = shared_numbers<REAL>();                                                                                \
        long long b = blockIdx.x / tiles;                                                                                      \
        int column = blockIdx.x % tiles * width;                                                                               \
        q += b * q_stride;                                                                                                     \
        REAL largest;                                                                                                          \
        int peak = min(LongLanes<REAL>(q, scratch).place_of_largest(q, n, largest), n - 1);                                    \
        REAL *partial = scratch + Lanes<REAL>::SCRATCH;                                                                        \
        times_columns_long<FORM>(out + b * n * k + column, m + b * m_stride + column, k, q, rest[b * rest_stride], n,          \
                                 min(width, k - column), at_once, peak, partial, partial + blockDim.x);                        \
    }

TIMES_COLUMNS(softmax_times_columns, SOFTMAX)
TIMES_COLUMNS(log_softmax_times_columns, LOG_SOFTMAX)

#undef TIMES_COLUMNS

// J dense (batch,n,n): 4 bytes a number (float32). Blocks of 256 threads; see dense_jacobian.cuh.
#define DENSE(name, LOG)                                                                                                       \
    KERNEL(name##_small, 256)(REAL * out, const REAL *q, long long q_stride, const REAL *rest, long long rest_stride,            \
                              long long batch, int n, Divisor by_n, int samples) {                                             \
        dense_small<LOG>(out, q, q_stride, rest, rest_stride, batch, n, by_n, samples);                                        \
    }                                                                                                                          \
    KERNEL(name##_flat, 256)(REAL * out, const REAL *q, long long q_stride, const REAL *rest, long long rest_stride,             \
                             long long batch, int n, Divisor by_n, int period, int share, int chunks) {                                  \
        dense_flat<LOG>(out, q, q_stride, rest, rest_stride, batch, n, by_n, period, share, chunks);                                   \
    }                                                                                                                          \
    KERNEL(name##_large, 256)(REAL * out, const REAL *q, long long q_stride, const REAL *rest, long long rest_stride, int n,     \
                              int rows, int row_chunks, int column_tiles) {                                                    \
        dense_large<LOG>(out, q, q_stride, rest, rest_stride, n, rows, row_chunks, column_tiles);                              \
    }

DENSE(dense_softmax, false)
DENSE(dense_log_softmax, true)

#undef DENSE
