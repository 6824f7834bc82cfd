// Dense forms of products of vectors, and copies. slots.cuh says how the outputs are dealt out.
#include "slots.cuh"
#include "transpose.cuh"

// out[b,i,j] = r[b,i]·x[b,j], or (scale[b]·r[b,i])·x[b,j]; (batch,m,n). Moves out.
RESIDENT_KERNEL(outer, 256, 2)
(REAL *out, const REAL *r, long long r_stride, const REAL *x, long long x_stride, const REAL *scale,
 long long scale_stride, long long batch, int m, int n, slots::Slots dealt) {
    slots::Place<REAL> place(batch, 1, m, n, dealt);
    slots::Small<REAL, slots::ROW> left{r, r_stride, 0, {m, n, m * n}};
    slots::Small<REAL, slots::RUN> right{x, x_stride, n, {n, 1, m * n}};
    slots::Small<REAL, slots::ROW> factor{scale, scale_stride, 0, {1, m * n, m * n}};
    auto point = [&](int e, int s, int, int i, int j, auto &left, auto &right, auto &...factor) {
        left.point(e, s, i);
        right.point(e, s, j);
        (factor.point(e, s, 0), ...);
    };
    if (scale == nullptr) {
        slots::fill(out, place, point, [](REAL r, REAL x) { return r * x; }, left, right);
    } else {
        slots::fill(out, place, point, [](REAL r, REAL x, REAL s) { return (s * r) * x; }, left, right, factor);
    }
}

// dz/dW of z = Wx: out[b,i,j·n+l] = x[b,l] where i = j, +0 elsewhere; (batch,m,m·n). Moves out.
KERNEL(kronecker_identity, 256)
(REAL *out, const REAL *x, long long x_stride, long long batch, int m, int n, slots::Slots dealt) {
    slots::Place<REAL> place(batch, m, m, n, dealt);
    auto point = [&](int e, int s, int i, int j, int l, auto &numbers) {
        if (i == j) {
            numbers.point(e, s, l);
        }
    };
    slots::fill(
        out, place, point, [](REAL x) { return x; }, slots::Small<REAL, slots::RUN>{x, x_stride, n, {n, 1, m * m * n}});
}

// dz/dW of z = xW: out[b,i,l·m+j] = x[b,l] where i = j, +0 elsewhere; (batch,m,n·m). Moves out.
KERNEL(kronecker_identity_rows, 256)
(REAL *out, const REAL *x, long long x_stride, long long batch, int m, int n, slots::Slots dealt) {
    slots::Place<REAL> place(batch, m, n, m, dealt);
    auto point = [&](int e, int s, int i, int l, int j, auto &numbers) {
        if (i == j) {
            numbers.point(e, s, l);
        }
    };
    slots::fill(
        out, place, point, [](REAL x) { return x; }, slots::Small<REAL, slots::ROW>{x, x_stride, 0, {n, m, m * n * m}});
}

// A·dz/dW of z = xW: out[b,i,l·m+j] = a[b,i,j]·x[b,l]; a (batch,k,m), x (batch,n), out (batch,k,n·m). Moves out.
KERNEL(kronecker_rows, 256)
(REAL *out, const REAL *a, long long a_stride, const REAL *x, long long x_stride, long long batch, int k, int m, int n,
 slots::Slots dealt) {
    slots::Place<REAL> place(batch, k, n, m, dealt);
    auto point = [&](int e, int s, int i, int l, int j, auto &left, auto &right) {
        left.point(e, s, i * m + j);
        right.point(e, s, l);
    };
    slots::fill(
        out, place, point, [](REAL a, REAL x) { return a * x; },
        slots::Small<REAL, slots::RUN>{a, a_stride, m, {m, 1, n * m}},
        slots::Small<REAL, slots::ROW>{x, x_stride, 0, {n, m, k * n * m}});
}

// out[b,t,:] = in[b,:]; in (batch,size), out (batch,times,size). Moves out, and in where it is not shared.
RESIDENT_KERNEL(repeat, 256, 4)
(REAL *out, const REAL *in, long long in_stride, long long batch, int times, int size, slots::Slots dealt) {
    slots::Place<REAL> place(batch, 1, times, size, dealt);
    auto point = [&](int e, int s, int, int, int j, auto &numbers) { numbers.point(e, s, j); };
    slots::fill(
        out, place, point, [](REAL x) { return x; }, slots::Small<REAL, slots::RUN>{in, in_stride, size, {size, 1, times * size}});
}

// out[j,i] = a[i,j]; a (rows,cols). Moves both. A block turns a tile in shared memory, whose rows are one longer so that columns,
// too, lie in different banks.
KERNEL(transpose, 256)(REAL *out, const REAL *a, int rows, int cols) {
    __shared__ REAL tile[SIDE][SIDE + 1];
    int across = (cols + SIDE - 1) / SIDE;
    int i0 = (int)(blockIdx.x / across) * SIDE;
    int j0 = (int)(blockIdx.x % across) * SIDE;
    each_of_tile(a + (i0 * (long long)cols + j0), cols, rows - i0, cols - j0, [&](int i, int j, REAL x) { tile[i][j] = x; });
    __syncthreads();
    each_of_tile(out + (j0 * (long long)rows + i0), rows, cols - j0, rows - i0, [&](int j, int i, REAL &x) { x = tile[i][j]; });
}
