// Dense forms of products of vectors, and copies. slots.cuh says how the outputs are dealt out.
#include "slots.cuh"

// out[b,i,j] = r[b,i]·x[b,j], or (scale[b]·r[b,i])·x[b,j]; (batch,m,n). Moves out.
KERNEL(outer, 256)
(REAL *out, const REAL *r, long long r_stride, const REAL *x, long long x_stride, const REAL *scale,
 long long scale_stride, long long batch, int m, int n, slots::Slots dealt) {
    slots::Place<REAL> place(batch, 1, m, n, dealt);
    if (place.left <= 0) {
        return;
    }
    slots::Operand<REAL> left(r, r_stride, place, 0);
    slots::Operand<REAL> right(x, x_stride, place, n);
    slots::Operand<REAL> factor(scale, scale_stride, place, 0);
    place.each([&](int e, int s, int, int i, int j) {
        left.point(e, s, i);
        right.point(e, s, j);
        factor.point(e, s, 0);
    });
    if (scale == nullptr) {
        place.write(out, slots::product(left, right));
        return;
    }
    place.write(out, [&](int elements, int round) {
        left.next(elements, round);
        right.next(elements, round);
        factor.next(elements, round);
        slots::Slot<REAL> product;
#pragma unroll
        for (int e = 0; e < slots::PER_SLOT<REAL>; e++) {
            product.at[e] = (factor.value[e] * left.value[e]) * right.value[e];
        }
        return product;
    });
}

// dz/dW of z = Wx: out[b,i,j·n+l] = x[b,l] where i = j, +0 elsewhere; (batch,m,m·n). Moves out.
KERNEL(kronecker_identity, 256)
(REAL *out, const REAL *x, long long x_stride, long long batch, int m, int n, slots::Slots dealt) {
    slots::Place<REAL> place(batch, m, m, n, dealt);
    if (place.left <= 0) {
        return;
    }
    slots::Operand<REAL> numbers(x, x_stride, place, n);
    place.each([&](int e, int s, int i, int j, int l) {
        if (i == j) {
            numbers.point(e, s, l);
        }
    });
    place.write(out, slots::copy(numbers));
}

// dz/dW of z = xW: out[b,i,l·m+j] = x[b,l] where i = j, +0 elsewhere; (batch,m,n·m). Moves out.
KERNEL(kronecker_identity_rows, 256)
(REAL *out, const REAL *x, long long x_stride, long long batch, int m, int n, slots::Slots dealt) {
    slots::Place<REAL> place(batch, m, n, m, dealt);
    if (place.left <= 0) {
        return;
    }
    slots::Operand<REAL> numbers(x, x_stride, place, 0);
    place.each([&](int e, int s, int i, int l, int j) {
        if (i == j) {
            numbers.point(e, s, l);
        }
    });
    place.write(out, slots::copy(numbers));
}

// A·dz/dW of z = xW: out[b,i,l·m+j] = a[b,i,j]·x[b,l]; a (batch,k,m), x (batch,n), out (batch,k,n·m). Moves out.
KERNEL(kronecker_rows, 256)
(REAL *out, const REAL *a, long long a_stride, const REAL *x, long long x_stride, long long batch, int k, int m, int n,
 slots::Slots dealt) {
    slots::Place<REAL> place(batch, k, n, m, dealt);
    if (place.left <= 0) {
        return;
    }
    slots::Operand<REAL> left(a, a_stride, place, m);
    slots::Operand<REAL> right(x, x_stride, place, 0);
    place.each([&](int e, int s, int i, int l, int j) {
        left.point(e, s, i * m + j);
        right.point(e, s, l);
    });
    place.write(out, slots::product(left, right));
}

// out[b,t,:] = in[b,:]; in (batch,size), out (batch,times,size). Moves out, and in where it is not shared.
KERNEL(repeat, 256)
(REAL *out, const REAL *in, long long in_stride, long long batch, int times, int size, slots::Slots dealt) {
    slots::Place<REAL> place(batch, 1, times, size, dealt);
    if (place.left <= 0) {
        return;
    }
    slots::Operand<REAL> numbers(in, in_stride, place, size);
    place.each([&](int e, int s, int, int, int j) { numbers.point(e, s, j); });
    place.write(out, slots::copy(numbers));
}

// out[j,i] = a[i,j]; a (rows,cols). Moves both. A block of 32×8 threads turns a tile of 32×32 in shared memory, whose
// rows are one longer so that columns, too, lie in different banks.
KERNEL(transpose, 256)(REAL *out, const REAL *a, int rows, int cols) {
    __shared__ REAL tile[32][33];
    int across = (cols + 31) / 32;
    int i0 = (int)(blockIdx.x / across) * 32;
    int j0 = (int)(blockIdx.x % across) * 32;
    int x = (int)threadIdx.x % 32;
    int y = (int)threadIdx.x / 32;
#pragma unroll
    for (int step = 0; step < 32; step += 8) {
        int i = y + step;
        if (i0 + i < rows && j0 + x < cols) {
            tile[i][x] = a[(i0 + i) * (long long)cols + j0 + x];
        }
    }
    __syncthreads();
#pragma unroll
    for (int step = 0; step < 32; step += 8) {
        int j = y + step;
        if (j0 + j < cols && i0 + x < rows) {
            out[(j0 + j) * (long long)rows + i0 + x] = tile[x][j];
        }
    }
}
