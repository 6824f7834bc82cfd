// Products by tiles, for every shape of tile: what the kernels of matrix.cu are instances of.
#pragma once
#include "product_tile.cuh"

// The shapes of tiles, and how many blocks of each a multiprocessor shall hold at least (of which the number of registers
// follows). MatrixKernels knows rows and columns, too.
template <typename T>
struct ProductTiles {
    typedef ProductTile<float, 128, 128, 8, 8, 8, 2> Large;
    typedef ProductTile<float, 64, 64, 16, 8, 4, 4> Medium;
    typedef ProductTile<float, 128, 32, 16, 8, 4, 3> Thin32;
    typedef ProductTile<float, 128, 16, 16, 4, 4, 4> Thin16;
    typedef ProductTile<float, 256, 8, 8, 4, 4, 4> Thin8;
    typedef ProductTile<float, 32, 32, 16, 4, 4, 8> Small;
    typedef ProductTile<float, 8, 32, 64, 1, 1, 2> Few;
    typedef ProductTile<float, 16, 16, 16, 2, 2, 8> Tiny;
};

template <>
struct ProductTiles<double> {
    typedef ProductTile<double, 128, 64, 4, 8, 4, 2> Large;
    typedef ProductTile<double, 64, 64, 8, 4, 4, 2> Medium;
    typedef ProductTile<double, 128, 32, 8, 4, 4, 2> Thin32;
    typedef ProductTile<double, 128, 16, 8, 4, 4, 3> Thin16;
    typedef ProductTile<double, 256, 8, 4, 4, 4, 3> Thin8;
    typedef ProductTile<double, 32, 32, 8, 4, 4, 8> Small;
    typedef ProductTile<double, 8, 32, 32, 1, 1, 2> Few;
    typedef ProductTile<double, 16, 16, 8, 2, 2, 8> Tiny;
};

// Where a tile of the result goes and how much of it there is: kept in shared memory, for registers are short.
struct Corner {
    long long offset;
    int rows, columns;
};

template <typename TILE>
struct ProductMemory {
    typename TILE::Real left[2][TILE::DEPTH * (TILE::ROWS + 4)];
    typename TILE::Real right[2][TILE::DEPTH * (TILE::COLS + 4)];
    long long offsets[TILE::ROWS], scale_offsets[TILE::ROWS];
    Corner corner;
};

// Where the rows of A and of its scale start: sample by sample, m rows each. One 64-bit division a thread.
template <typename TILE>
__device__ __forceinline__ void place_rows(
    ProductMemory<TILE> &memory, long long first, long long rows, long long a_stride, long long scale_stride, int m, int k) {
    long long sample = first / m;
    unsigned inside = (unsigned)(first - sample * m);
    for (int r = threadIdx.x; r < TILE::ROWS; r += TILE::THREADS) {
        unsigned row = inside + (unsigned)(r < rows ? r : rows - 1);
        unsigned later = row / (unsigned)m;
        memory.offsets[r] = (sample + later) * a_stride + (long long)(row - later * m) * k;
        memory.scale_offsets[r] = (sample + later) * scale_stride;
    }
}

// A tile of A·diag(scale)·op(W) + bias: block = (group, row tile, column tile); a group is `rows` rows of A that share a W.
// Beyond the end of the inner axis A is −0 and W is 0: adding their product changes no number, not even −0.
template <typename TILE, typename T>
__device__ __forceinline__ void product(
    T *out, const T *a, long long a_stride, const T *scale, long long scale_stride, const T *w, long long w_stride,
    bool transposed, const T *bias, long long rows, int m, int k, int n) {
    __shared__ __align__(16) ProductMemory<TILE> memory;
    unsigned column_tiles = (n + TILE::COLS - 1) / TILE::COLS;
    unsigned row_tiles = (unsigned)((rows + TILE::ROWS - 1) / TILE::ROWS);
    unsigned tile = blockIdx.x / column_tiles, group = tile / row_tiles;
    int left = (blockIdx.x - tile * column_tiles) * TILE::COLS;
    long long top = (long long)(tile - group * row_tiles) * TILE::ROWS;
    place_rows<TILE>(memory, group * rows + top, rows - top, a_stride, scale_stride, m, k);
    if (threadIdx.x == 0) {
        long long left_over = rows - top;
        memory.corner = {(group * rows + top) * n + left, left_over < TILE::ROWS ? (int)left_over : TILE::ROWS, n - left};
    }
    __syncthreads();

    w += group * w_stride;
    bool wide_a = wide_aligned(a, a_stride) && k % WIDE<T> == 0;
    bool wide_scale = wide_a && wide_aligned(scale, scale_stride);
    wide_a = wide_a && (scale == nullptr || wide_scale);
    bool wide_w = wide_aligned(w, transposed ? k : n);
    Panel<TILE, TILE::ROWS> a_panel, scale_panel;
    Panel<TILE, TILE::COLS> w_panel;
    auto a_row = [&](int r) { return memory.offsets[r]; };
    auto scale_row = [&](int r) { return memory.scale_offsets[r]; };
    auto w_column = [&](int c) { return (long long)(left + c < n ? left + c : n - 1) * k; };

    Entries<TILE> entries;
    for (int first = 0, buffer = 0;; first += TILE::DEPTH, buffer ^= 1) {
        if (first < k) {
            a_panel.fetch_along(a, a_row, first, k, wide_a, T(-0.0));
            if (scale != nullptr) scale_panel.fetch_along(scale, scale_row, first, k, wide_a, T(0));
            if (transposed) {
                w_panel.fetch_along(w, w_column, first, k, wide_w, T(0));
            } else {
                w_panel.fetch_across(w, n, left, first, k, wide_w, T(0));
            }
        }
        if (first > 0) entries.multiply(memory.left[buffer ^ 1], memory.right[buffer ^ 1]);
        if (first >= k) break;
        if (scale != nullptr) a_panel.times(scale_panel);
        a_panel.store_along(memory.left[buffer]);
        if (transposed) {
            w_panel.store_along(memory.right[buffer]);
        } else {
            w_panel.store_across(memory.right[buffer]);
        }
        __syncthreads();
    }
    __syncthreads();
    entries.place_again();
    Corner corner = memory.corner;
    if (bias != nullptr) entries.add(bias + (n - corner.columns), corner.columns);
    entries.write(out + corner.offset, corner.rows, corner.columns, n, memory.left[0]);
}

template <typename TILE>
struct OuterMemory {
    typename TILE::Real left[2][TILE::DEPTH * (TILE::ROWS + 4)];
    typename TILE::Real right[2][TILE::DEPTH * (TILE::COLS + 4)];
    Corner corner;
};

// A tile of Σ_b (w_b·r_b)⊗x_b over the samples of one tile of the batch: block = (tile of the batch, row tile, column tile).
template <typename TILE, typename T>
__device__ __forceinline__ void sum_outer(
    T *partial, const T *r, const T *x, const T *weights, int offset, long long samples, int m, int n, int tile) {
    __shared__ __align__(16) OuterMemory<TILE> memory;
    unsigned column_tiles = (n + TILE::COLS - 1) / TILE::COLS, row_tiles = (m + TILE::ROWS - 1) / TILE::ROWS;
    unsigned row_tile = blockIdx.x / column_tiles, part = row_tile / row_tiles;
    int left = (blockIdx.x - row_tile * column_tiles) * TILE::COLS, top = (row_tile - part * row_tiles) * TILE::ROWS;
    long long from = part == 0 ? 0 : part * (long long)tile - offset;
    long long left_over = samples - from;
    int room = part == 0 ? tile - offset : tile, count = left_over < room ? (int)left_over : room;
    r += from * m;
    x += from * n;
    if (weights != nullptr) weights += from;

    if (threadIdx.x == 0) memory.corner = {((long long)part * m + top) * n + left, m - top, n - left};

    bool wide_r = wide_aligned(r, m), wide_x = wide_aligned(x, n);
    Panel<TILE, TILE::ROWS> r_panel;
    Panel<TILE, TILE::COLS> x_panel;
    Entries<TILE> entries;
    if (part == 0 && offset > 0) {
        __syncthreads();
        Corner corner = memory.corner;
        entries.read_from(partial + corner.offset, corner.rows, corner.columns, n);
        entries.place_again();
    }
    for (int first = 0, buffer = 0;; first += TILE::DEPTH, buffer ^= 1) {
        if (first < count) {
            r_panel.fetch_across(r, m, top, first, count, wide_r, T(-0.0));
            x_panel.fetch_across(x, n, left, first, count, wide_x, T(0));
        }
        if (first > 0) entries.multiply(memory.left[buffer ^ 1], memory.right[buffer ^ 1]);
        if (first >= count) break;
        if (weights != nullptr) r_panel.times_steps(weights, first, count);
        r_panel.store_across(memory.left[buffer]);
        x_panel.store_across(memory.right[buffer]);
        __syncthreads();
    }
    __syncthreads();
    entries.place_again();
    Corner corner = memory.corner;
    entries.write_back(partial + corner.offset, corner.rows, corner.columns, n);
}
