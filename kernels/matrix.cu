// Products of matrices. Every entry is one chain acc = fma(a, b, acc) in the order of the inner axis, starting from 0: its
// bits depend on neither tile nor batch, and it is within (k+4)·u·Σ|a||b|.
#include "columns.cuh"
#include "product.cuh"
#include "product_batch.cuh"

// out (batch·m,n) = A·diag(scale)·op(W) + bias. A (batch,m,k) and scale (batch,k, null: ones) with a stride per sample, op(W) =
// W (k,n) or Wᵀ, W (n,k); bias (n) or null. The rows come in groups of `rows`, each with its own W, w_stride apart: all of them
// for a shared W, m for a batch of products. Block = a tile, columns fastest, then rows, then groups.
#define PRODUCT(name, Shape)                                                                                           \
    RESIDENT_KERNEL(name, ProductTiles<REAL>::Shape::THREADS, ProductTiles<REAL>::Shape::RESIDENT)                     \
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
    RESIDENT_KERNEL(name, ProductTiles<REAL>::Shape::THREADS, ProductTiles<REAL>::Shape::RESIDENT)                     \
    (REAL *partial, const REAL *__restrict__ r, const REAL *__restrict__ x, const REAL *__restrict__ weights, int offset,\
     long long samples, int m, int n, int tile) {                                                                      \
        sum_outer<ProductTiles<REAL>::Shape>(partial, r, x, weights, offset, samples, m, n, tile);                     \
    }

SUM_OUTER(sum_outer_medium, Medium)
SUM_OUTER(sum_outer_tiny, Tiny)
#undef SUM_OUTER

// Many small products: C_b = A_b·B_b, A (m,k), B (k,n). A block takes some of them through shared memory, up to 16 times. Named by a
// thread's rows (in float64 half as many) and columns, and by what k and n are multiples of, for so many numbers are read at a time,
// a pack at most. Moves each number once.
#define PRODUCT_BATCH(M, N, K, W)                                                                                                \
    RESIDENT_KERNEL(product_batch_##M##x##N##_k##K##n##W, 256, 1)                                                                \
    (REAL *out, const REAL *__restrict__ a, long long a_stride, const REAL *__restrict__ b, long long b_stride, long long batch, \
     int m, int k, int n, const BatchPlan plan) {                                                                                \
        constexpr int V = Pack<REAL>::SIZE;                                                                                      \
        Matrices<REAL> a_from{a, a_stride}, b_from{b, b_stride};                                                                 \
        product_batch<(K < V ? K : V), (W < V ? W : V), (M * V + 2) / 4, N>(out, a_from, b_from, batch, m, k, n, plan);          \
    }

PRODUCT_BATCH(7, 10, 1, 1)
PRODUCT_BATCH(7, 11, 1, 1)
PRODUCT_BATCH(8, 8, 1, 1)
PRODUCT_BATCH(9, 7, 1, 1)
PRODUCT_BATCH(9, 9, 1, 1)
PRODUCT_BATCH(10, 8, 1, 1)
PRODUCT_BATCH(7, 11, 2, 1)
PRODUCT_BATCH(8, 7, 2, 1)
PRODUCT_BATCH(9, 5, 4, 1)
PRODUCT_BATCH(11, 6, 1, 2)
PRODUCT_BATCH(7, 10, 2, 2)
PRODUCT_BATCH(10, 8, 1, 4)
PRODUCT_BATCH(6, 12, 4, 4)
PRODUCT_BATCH(8, 8, 4, 4)
#undef PRODUCT_BATCH

// One row times a matrix: out (batch·repeats,n), out_qj = Σ_l x_bl·B_q,lj, b = ⌊q/repeats⌋, where sample b of B holds
// `repeats` matrices (k,n) one after the other. Reads B once.
RESIDENT_KERNEL(row_times_matrices, 512, 2)
(REAL *out, const REAL *x, long long x_stride, const REAL *b, long long b_stride, long long batch, int repeats, int k, int n,
 const columns::Columns dealt) {
    columns::Operand<REAL, true, false, true> matrices(b, b_stride, dealt.a);
    columns::Operand<REAL, false, true, true> rows(x, x_stride, dealt.factors);
    columns::add_up(
        out, batch * repeats, n, dealt, columns::All{k}, [](long long, const REAL *) { return REAL(0); },
        [](REAL sum, REAL b, REAL x) { return fma(x, b, sum); }, matrices, rows);
}

