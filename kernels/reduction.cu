// Sums over components, and over the batch. rows.cuh says who adds what. Each moves its operands once.
#include "columns.cuh"
#include "rows.cuh"

// out[b] = scale·Σ_j a[b,j]; a (batch,n). `lanes` threads for a row, `rounds` of a block's rows.
RESIDENT_KERNEL(sum_components, rows::BLOCK, 6)
(REAL *out, const REAL *a, long long batch, int n, double scale, int lanes, int rounds) {
    extern __shared__ double staged[];
    rows::each_round(batch, lanes, rounds, [&](long long first) {
        rows::Rows<REAL> row(a, n, first, batch - first, n, lanes, reinterpret_cast<REAL *>(staged));
        __syncthreads();
        auto sum = rows::reduce<Sum<REAL>>([](Sum<REAL> &s, REAL x) { s.add(x); }, row);
        rows::put(out, first, batch, lanes, (REAL)(REAL(scale) * sum.total()));
    });
}

// out[b] = ½Σ_j a[b,j]²; a (batch,n). `lanes` threads for a row, `rounds` of a block's rows.
RESIDENT_KERNEL(half_squared_norms, rows::BLOCK, 6)(REAL *out, const REAL *a, long long batch, int n, int lanes, int rounds) {
    extern __shared__ double staged[];
    rows::each_round(batch, lanes, rounds, [&](long long first) {
        rows::Rows<REAL> row(a, n, first, batch - first, n, lanes, reinterpret_cast<REAL *>(staged));
        __syncthreads();
        auto sum = rows::reduce<Sum<REAL>>([](Sum<REAL> &s, REAL x) { s.add_product(x, x); }, row);
        rows::put(out, first, batch, lanes, (REAL)(0.5 * sum.total()));
    });
}

// out[b] = Σ_j u[b,j]·v[b,j]; u, v (batch,n). `lanes` threads for a row, `rounds` of a block's rows.
RESIDENT_KERNEL(dot, rows::BLOCK, 6)
(REAL *out, const REAL *u, long long u_stride, const REAL *v, long long v_stride, long long batch, int n, int lanes,
 int rounds) {
    extern __shared__ double staged[];
    REAL *shared = reinterpret_cast<REAL *>(staged);
    rows::each_round(batch, lanes, rounds, [&](long long first) {
        rows::Rows<REAL> left(u, u_stride, first, batch - first, n, lanes, shared);
        rows::Rows<REAL> right(v, v_stride, first, batch - first, n, lanes, shared + rows::Rows<REAL>::room(n, lanes));
        __syncthreads();
        auto sum = rows::reduce<Sum<REAL>>(
            [](Sum<REAL> &s, REAL x, REAL y) { s.add_product(x, y); }, left, right);
        rows::put(out, first, batch, lanes, (REAL)sum.total());
    });
}

// out[b] = ‖a_b‖, or ‖a_b‖·‖x_b‖; a (batch,n), x (batch,nx) or none. `lanes` threads for a row, `rounds` of a block's rows.
RESIDENT_KERNEL(norm, rows::BLOCK, 6)
(REAL *out, const REAL *a, long long a_stride, int n, const REAL *x, long long x_stride, int nx, long long batch,
 int lanes, int rounds) {
    extern __shared__ double staged[];
    rows::each_round(batch, lanes, rounds, [&](long long first) {
        rows::Norms<REAL> norms;
        REAL *shared = reinterpret_cast<REAL *>(staged);
        rows::Rows<REAL> row(a, a_stride, first, batch - first, n, lanes, shared);
        __syncthreads();
        norms.times(row);
        if (x != nullptr) {
            __syncthreads();
            rows::Rows<REAL> other(x, x_stride, first, batch - first, nx, lanes, shared);
            __syncthreads();
            norms.times(other);
        }
        rows::put(out, first, batch, lanes, (REAL)norms.result());
    });
}

// out[b] = √Σ n_b², of up to eight arrays of norms. An infinite one wins over NaN, as in Java's hypot. 16 bytes a thread where a
// block is full and arrays are aligned, else numbers a block apart.
KERNEL(join_norms, 256)(REAL *out, const rows::NormArrays<REAL> norms, int count, int aligned, long long batch) {
    constexpr int SIZE = Pack<REAL>::SIZE, THREADS = 256;
    long long first = blockIdx.x * (long long)(SIZE * THREADS);
    bool packed = aligned != 0 && batch - first >= SIZE * THREADS;
    int apart = packed ? 1 : THREADS;
    first += packed ? SIZE * threadIdx.x : threadIdx.x;
    double sum[SIZE], largest[SIZE] = {};
    int exponent[SIZE] = {};
    // squares that overflow, or underflow so far that they lose digits, are formed again of scaled norms; those of floats do not
    for (bool again = sizeof(REAL) == 8, good = false; !good; again = false) {
        for (int e = 0; e < SIZE; e++) {
            sum[e] = 0;
        }
#pragma unroll
        for (int i = 0; i < rows::MOST_NORMS; i++) {
            if (i >= count) break;
            Pack<REAL> x;
            if (norms.stride[i] == 0) {
                REAL one = *norms.at[i];
                for (int e = 0; e < SIZE; e++) {
                    x.at[e] = one;
                }
            } else if (packed) {
                x = load_pack(norms.at[i] + first);
            } else {
                for (int e = 0; e < SIZE; e++) {
                    long long b = first + e * apart;
                    x.at[e] = b < batch ? norms.at[i][b * norms.stride[i]] : REAL(0);
                }
            }
            for (int e = 0; e < SIZE; e++) {
                double part = x.at[e] * rows::power_of_two(-exponent[e]);
                sum[e] = fma(part, part, sum[e]);
                largest[e] = fmax(largest[e], fabs((double)x.at[e]));  // of NaN and a number the number
            }
        }
        good = true;
        for (int e = 0; again && e < SIZE; e++) {
            if (!rows::safe(sum[e])) {
                exponent[e] = rows::exponent_of(largest[e]);
                good = good && exponent[e] == 0;
            }
        }
    }
    Pack<REAL> result;
    for (int e = 0; e < SIZE; e++) {
        result.at[e] = isinf(largest[e]) ? REAL(INFINITY) : (REAL)rows::scaled(sqrt(sum[e]), exponent[e]);
    }
    if (packed) {
        store_pack(out + first, result);
        return;
    }
    for (int e = 0; e < SIZE; e++) {
        if (first + e * apart < batch) {
            out[first + e * apart] = result.at[e];
        }
    }
}

// out[b] = 1 where norm[b] ≤ limit, else limit/norm[b], so that a NaN norm gives NaN.
KERNEL(clip_factors, 256)(REAL *out, const REAL *norm, double limit, long long batch) {
    long long b = blockIdx.x * (long long)blockDim.x + threadIdx.x;
    if (b < batch) {
        double value = norm[b];
        out[b] = (REAL)(value <= limit ? 1 : limit / value);
    }
}

// partial[t,j] = Σ_b a[b,j], or Σ_b w[b]·a[b,j] (product and sum rounded apart), over the samples of tile t in their
// order; a (samples,n), partial (tiles,n). The first tile lacks its first `offset` samples: partial has their sum.
RESIDENT_KERNEL(sum_batch, 512, 2)
(REAL *partial, const REAL *a, const REAL *weights, int offset, long long samples, int n, int tile, long long tiles,
 const columns::Columns dealt) {
    columns::Tiles range{tile, offset, samples};
    auto begin = [&](long long t, const REAL *partial) { return t == 0 && offset > 0 ? *partial : REAL(0); };
    columns::Operand<REAL, true, false> rows(a, (long long)tile * n, dealt.a, (long long)offset * n);
    if (weights == nullptr) {
        columns::add_up(partial, tiles, n, dealt, range, begin, [](REAL sum, REAL x) { return sum + x; }, rows);
    } else {
        columns::Operand<REAL, true, true> factors(weights, tile, dealt.factors, offset);
        columns::add_up(
            partial, tiles, n, dealt, range, begin, [](REAL sum, REAL x, REAL w) { return sum + w * x; }, rows, factors);
    }
}
