// Products of matrices. Every entry is one chain acc = fma(a, b, acc) in the order of the inner axis, starting from 0: its
// bits depend on neither tile nor batch, and it is within (k+4)·u·Σ|a||b|.
#include "product.cuh"

// out (batch·m,n) = A·diag(scale)·op(W) + bias. A (batch,m,k) and scale (batch,k, null: ones) with a stride per sample, op(W) =
// W (k,n) or Wᵀ, W (n,k); bias (n) or null. The rows come in groups of `rows`, each with its own W, w_stride apart: all of them
// for a shared W, m for a batch of products. Block = a tile, columns fastest, then rows, then groups.
#define PRODUCT(name, Shape)                                                                                           \
    KERNEL_AT_LEAST(name, ProductTiles<REAL>::Shape::THREADS, ProductTiles<REAL>::Shape::RESIDENT)                     \
    (REAL *out, const REAL *__restrict__ a, long long a_stride, const REAL *__restrict__ scale, long long scale_stride,\
     const REAL *__restrict__ w, long long w_stride, int transposed, const REAL *__restrict__ bias, long long rows, int m,\
     int k, int n) {                                                                                                   \
        product<ProductTiles<REAL>::Shape>(                                                                            \
            out, a, a_stride, scale, scale_stride, w, w_stride, transposed != 0, bias, rows, m, k, n);                 \
    }

PRODUCT(product_large, Large)
PRODUCT(product_medium, Medium)
PRODUCT(product_thin32, Thin32)
PRODUCT(product_thin16, Thin16)
PRODUCT(product_thin8, Thin8)
PRODUCT(product_small, Small)
PRODUCT(product_few, Few)
#undef PRODUCT

// partial (tiles,m,n) = Σ over the samples b of each tile of the batch of (w_b·r_b)⊗x_b, in their order. r (samples,m),
// x (samples,n), weights (samples) or null. The first sample is number `offset` of its tile; if that is not 0, the sum goes on from
// what partial holds. Block = an output tile, columns fastest, then rows, then tiles of the batch.
#define SUM_OUTER(name, Shape)                                                                                         \
    KERNEL_AT_LEAST(name, ProductTiles<REAL>::Shape::THREADS, ProductTiles<REAL>::Shape::RESIDENT)                     \
    (REAL *partial, const REAL *__restrict__ r, const REAL *__restrict__ x, const REAL *__restrict__ weights, int offset,\
     long long samples, int m, int n, int tile) {                                                                      \
        sum_outer<ProductTiles<REAL>::Shape>(partial, r, x, weights, offset, samples, m, n, tile);                     \
    }

SUM_OUTER(sum_outer_medium, Medium)
SUM_OUTER(sum_outer_tiny, Tiny)
#undef SUM_OUTER

// Many small products: C_q = A_b·B_q, b = ⌊q/repeats⌋, where sample b of B holds `repeats` matrices one after the other. A block
// takes `samples` of them through shared memory: A in rows of k|1 numbers, B in rows of n rounded up to 4, then C. A thread
// computes 2×4 entries. Threads: at least samples·⌈m/2⌉·⌈n/4⌉. Moves each number once, 16 bytes at a time.
KERNEL(product_batch, 256)
(REAL *out, const REAL *__restrict__ a, long long a_stride, const REAL *__restrict__ b, long long b_stride, long long batch,
 int repeats, int m, int k, int n, int samples, Divisor by_k, Divisor by_n, Divisor by_pieces, Divisor by_pairs) {
    int columns = (n + 3) & ~3;
    REAL *b_shared = shared_numbers<REAL>(), *a_shared = b_shared + samples * k * columns, *c_shared = b_shared;
    long long first = blockIdx.x * (long long)samples, left_over = batch * repeats - first;
    int here = left_over < samples ? (int)left_over : samples;
    Matrices<REAL> a_from{a, a_stride, repeats, 1, m * k}, b_from{b, b_stride, repeats, repeats, k * n};
    a_from.to_shared(a_shared, first, here, by_k, ~k & 1);
    b_from.to_shared(b_shared, first, here, by_n, columns - n);
    for (int l = threadIdx.x; l < here * k && n < columns; l += blockDim.x) {
        for (int j = n; j < columns; j++) b_shared[l * columns + j] = 0;
    }
    __syncthreads();

    int rest = by_pieces.quotient(threadIdx.x), q = by_pairs.quotient(rest);
    int i = (rest - q * ((m + 1) / 2)) * 2, j = (threadIdx.x - rest * (columns / 4)) * 4;
    REAL sum[2][4] = {};
    if (q < here) {
        const REAL *upper = a_shared + (q * m + i) * (k | 1), *lower = upper + (i + 1 < m ? k | 1 : 0);
        const REAL *right = b_shared + q * k * columns + j;
#pragma unroll 4
        for (int l = 0; l < k; l++) {
            REAL four[4];
            load_four(four, right);
#pragma unroll
            for (int c = 0; c < 4; c++) {
                sum[0][c] = fma(*upper, four[c], sum[0][c]);
                sum[1][c] = fma(*lower, four[c], sum[1][c]);
            }
            upper++, lower++, right += columns;
        }
    }
    __syncthreads();
    REAL *to = c_shared + (q * m + i) * n + j;
#pragma unroll
    for (int r = 0; r < 2; r++, to += n) {
        int some = q < here && i + r < m ? n - j : 0;
#pragma unroll
        for (int c = 0; c < 4; c++) {
            if (c < some) to[c] = sum[r][c];
        }
    }
    __syncthreads();
    copy_out(out + first * (m * n), c_shared, here * m * n);
}

// One row times a matrix: out (batch·repeats,n), out_qj = Σ_l x_bl·B_q,lj, q and b as above, B's matrices (k,n). A thread has a
// column; block = (q, columns). Reads B once, 32 columns a warp.
KERNEL(row_times_matrices, 256)
(REAL *out, const REAL *__restrict__ x, long long x_stride, const REAL *__restrict__ b, long long b_stride, int repeats, int k,
 int n) {
    unsigned parts = (n + blockDim.x - 1) / blockDim.x, q = blockIdx.x / parts, sample = q / (unsigned)repeats;
    int j = (blockIdx.x - q * parts) * blockDim.x + threadIdx.x;
    if (j >= n) return;
    x += sample * x_stride;
    b += sample * b_stride + (long long)(q - sample * repeats) * k * n + j;
    REAL sum = 0;
#pragma unroll 8
    for (int l = 0; l < k; l++) {
        sum = fma(__ldg(x + l), __ldg(b), sum);
        b += n;
    }
    out[(long long)q * n + j] = sum;
}

// Matrices times a column each: out (batch·m), out_bi = Σ_l A_b,il·x_bl, A (batch,m,k), x (batch,k). A lane has a row; the rows of
// a warp, and the columns that belong to them, come through shared memory a piece of 128 bytes each at a time.
KERNEL(matrices_times_column, 128)
(REAL *out, const REAL *__restrict__ a, long long a_stride, const REAL *__restrict__ x, long long x_stride, long long batch, int m,
 int k) {
    constexpr int DEPTH = 128 / sizeof(REAL), WARPS = 4;
    __shared__ REAL a_shared[WARPS][WARP][DEPTH + 1], x_shared[WARPS][WARP][DEPTH + 1];
    __shared__ long long a_offsets[WARPS][WARP], x_offsets[WARPS][WARP];
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
    long long rows = batch * m, row = (blockIdx.x * (long long)WARPS + warp) * WARP + lane;
    long long valid = row < rows ? row : rows - 1, sample = valid / m;
    a_offsets[warp][lane] = sample * a_stride + (valid - sample * m) * k;
    x_offsets[warp][lane] = sample * x_stride;
    __syncwarp();
    int in_piece = lane % DEPTH;
    REAL sum = 0;
    for (int first = 0; first < k; first += DEPTH) {
        int steps = k - first < DEPTH ? k - first : DEPTH;
        if (in_piece < steps) {
#pragma unroll 8
            for (int r = lane / DEPTH; r < WARP; r += WARP / DEPTH) {
                a_shared[warp][r][in_piece] = __ldg(a + a_offsets[warp][r] + (first + in_piece));
                x_shared[warp][r][in_piece] = __ldg(x + x_offsets[warp][r] + (first + in_piece));
            }
        }
        __syncwarp();
#pragma unroll 8
        for (int l = 0; l < steps; l++) sum = fma(a_shared[warp][lane][l], x_shared[warp][lane][l], sum);
        __syncwarp();
    }
    if (row < rows) out[row] = sum;
}
