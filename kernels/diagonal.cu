// Diagonals, or stacks of them, times dense; and their dense form. slots.cuh says how the outputs are dealt out.
#include "columns.cuh"
#include "slots.cuh"

// out[b,i,j] = d[b,i]·a[b,i,j]; (batch,rows,cols). Moves a and out. In place where a is not shared.
KERNEL(scale_rows, 256)
(REAL *out, const REAL *d, long long d_stride, const REAL *a, long long a_stride, long long batch, int rows, int cols,
 slots::Slots dealt) {
    slots::Place<REAL> place(batch, 1, rows, cols, dealt);
    auto point = [&](int e, int s, int, int i, int j, auto &left, auto &right) {
        left.point(e, s, i);
        right.point(e, s, i * cols + j);
    };
    slots::fill(
        out, place, point, [](REAL d, REAL a) { return d * a; },
        slots::Small<REAL, slots::ROW>{d, d_stride, 0, {rows, cols, rows * cols}},
        slots::Large<REAL>{a, a_stride, rows * cols});
}

// out[b,i,j] = a[b,i,j]·d[b,j]; (batch,rows,cols). Moves a and out. In place where a is not shared.
RESIDENT_KERNEL(scale_columns, 256, 4)
(REAL *out, const REAL *a, long long a_stride, const REAL *d, long long d_stride, long long batch, int rows, int cols,
 slots::Slots dealt) {
    slots::Place<REAL> place(batch, 1, rows, cols, dealt);
    auto point = [&](int e, int s, int, int i, int j, auto &left, auto &right) {
        left.point(e, s, i * cols + j);
        right.point(e, s, j);
    };
    slots::fill(
        out, place, point, [](REAL a, REAL d) { return a * d; }, slots::Large<REAL>{a, a_stride, rows * cols},
        slots::Small<REAL, slots::RUN>{d, d_stride, cols, {cols, 1, rows * cols}});
}

// out[b,r·n+i,j] = d[b,r·n+i]·a[b,i,j]; a (batch,n,cols), out (batch,repeat·n,cols). No d: copies. Moves a and out.
KERNEL(tile_rows, 256)
(REAL *out, const REAL *d, long long d_stride, const REAL *a, long long a_stride, long long batch, int repeat, int n,
 int cols, slots::Slots dealt) {
    slots::Place<REAL> place(batch, repeat, n, cols, dealt);
    slots::Small<REAL, slots::RUN> rows{a, a_stride, n * cols, {n * cols, 1, repeat * n * cols}};
    auto point = [&](int e, int s, int r, int i, int j, auto &right, auto &...left) {
        right.point(e, s, i * cols + j);
        (left.point(e, s, r * n + i), ...);
    };
    if (d == nullptr) {
        slots::fill(out, place, point, [](REAL a) { return a; }, rows);
    } else {
        slots::fill(
            out, place, point, [](REAL a, REAL d) { return d * a; }, rows,
            slots::Small<REAL, slots::ROW>{d, d_stride, 0, {repeat * n, cols, repeat * n * cols}});
    }
}

// out[b,i,j] = Σ_r a[b,i,r·n+j]·d[b,r·n+j], fused, in the order of r; a (batch,rows,repeat·n), out (batch,rows,n). No d:
// a plain sum. Moves a and out.
RESIDENT_KERNEL(fold_rows, 512, 2)
(REAL *out, const REAL *a, long long a_stride, const REAL *d, long long d_stride, long long batch, int rows, int repeat,
 int n, const columns::Columns dealt) {
    columns::All range{repeat};
    auto begin = [](long long, const REAL *) { return REAL(0); };
    columns::Operand<REAL, true, false> panels(a, a_stride, dealt.a);
    if (d == nullptr) {
        columns::add_up(out, batch * rows, n, dealt, range, begin, [](REAL sum, REAL x) { return sum + x; }, panels);
    } else {
        columns::Operand<REAL, false, false> factors(d, d_stride, dealt.factors);
        columns::add_up(
            out, batch * rows, n, dealt, range, begin, [](REAL sum, REAL x, REAL d) { return fma(x, d, sum); }, panels,
            factors);
    }
}

// out[b,r·n+j,j] = d[b,r·n+j], +0 elsewhere; (batch,repeat·n,n). No d: ones. Moves out.
RESIDENT_KERNEL(dense_diagonal, 256, 4)
(REAL *out, const REAL *d, long long d_stride, long long batch, int repeat, int n, slots::Slots dealt) {
    slots::Place<REAL> place(batch, repeat, n, n, dealt);
    auto point = [&](int e, int s, int r, int i, int j, auto &diagonal) {
        if (i == j) {
            diagonal.point(e, s, r * n + i);
        }
    };
    slots::fill(
        out, place, point, [](REAL d) { return d; },
        slots::Small<REAL, slots::ROW, true>{d, d_stride, 0, {repeat * n, n, repeat * n * n}});
}

// out[b,i] = 1 + d[b,i]; (batch,n). No d: 2. Moves d and out.
KERNEL(add_one, 256)
(REAL *out, const REAL *d, long long d_stride, long long batch, int n, slots::Slots dealt) {
    slots::Place<REAL> place(batch, 1, 1, n, dealt);
    auto point = [&](int e, int s, int, int, int j, auto &numbers) { numbers.point(e, s, j); };
    slots::Operand<REAL, slots::RUN, slots::PER_SLOT<REAL>, true> operand(d, d_stride, place, n);
    slots::write(out, place, point, [](REAL d) { return REAL(1) + d; }, operand);
}
