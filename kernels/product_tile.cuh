// A matrix product by tiles: a block computes a tile of the result, its threads TM×TN entries each in registers, from
// panels of both operands that go through shared memory, one being multiplied while the next is on its way.
#pragma once
#include "common.cuh"

// Numbers in 16 bytes.
template <typename T>
constexpr int WIDE = Pack<T>::SIZE;

template <typename T>
__device__ __forceinline__ bool wide_aligned(const T *p, long long elements) {
    return (((unsigned long long)p | (unsigned long long)elements * sizeof(T)) & 15) == 0;
}

// A tile of ROWS×COLS entries by THREADS threads, each TM×TN, DEPTH steps of the inner axis at a time. A thread's rows are
// groups of GM neighbours, ROWS·GM/TM apart, its columns likewise: so the threads of a warp read neighbouring words.
template <typename T, int ROWS_, int COLS_, int DEPTH_, int TM_, int TN_, int RESIDENT_>
struct ProductTile {
    typedef T Real;
    static constexpr int ROWS = ROWS_, COLS = COLS_, DEPTH = DEPTH_, TM = TM_, TN = TN_, RESIDENT = RESIDENT_;
    static constexpr int GM = TM < WIDE<T> ? TM : WIDE<T>, GN = TN < WIDE<T> ? TN : WIDE<T>;
    static constexpr int THREADS_X = COLS / TN, THREADS_Y = ROWS / TM, THREADS = THREADS_X * THREADS_Y;
    // A warp's threads: eight along x where there are as many, or all along x if each has one entry.
    static constexpr int WARP_X = TN == 1 ? WARP : THREADS_X < 8 ? THREADS_X : 8, WARP_Y = WARP / WARP_X;
    static_assert(THREADS_X % WARP_X == 0 && THREADS_Y % WARP_Y == 0, "whole warps");
};

// DEPTH×WIDTH of an operand on its way to shared memory, where a row is one step of the inner axis. A row is four columns
// longer than need be: then the lanes of a warp write 8 steps of 4 columns (double: 4 steps of 4) to different banks.
template <typename TILE, int WIDTH>
struct Panel {
    typedef typename TILE::Real T;
    static constexpr int DEPTH = TILE::DEPTH, THREADS = TILE::THREADS, V = WIDE<T>, STRIDE = WIDTH + 4;
    static constexpr int VECTORS = DEPTH * WIDTH / V, EACH = (VECTORS + THREADS - 1) / THREADS;
    static_assert(DEPTH % (2 * V) == 0 && WIDTH % V == 0, "whole sectors");

    Pack<T> held[EACH];

    // Whether vector j of this thread exists.
    static __device__ __forceinline__ bool mine(int j) {
        return VECTORS % THREADS == 0 || (int)threadIdx.x + j * THREADS < VECTORS;
    }

    // Column of vector j where the operand is stored column after column; two lanes take a sector of each.
    static __device__ __forceinline__ int column_along(int j) { return (threadIdx.x + j * THREADS) / 2 % WIDTH; }

    static __device__ __forceinline__ int step_along(int j) {
        int v = threadIdx.x + j * THREADS;
        return (v / 2 / WIDTH * 2 + v % 2) * V;
    }

    // Column of vector j where the operand is stored step after step.
    static __device__ __forceinline__ int column_across(int j) { return (threadIdx.x + j * THREADS) % (WIDTH / V) * V; }

    static __device__ __forceinline__ int step_across(int j) { return (threadIdx.x + j * THREADS) / (WIDTH / V); }

    // Vector j from p, of which the first `inside` numbers are there; the others are `pad`.
    __device__ __forceinline__ void fetch(int j, const T *p, int inside, bool wide, T pad) {
        if (wide && inside > 0) {
            held[j] = fetch_pack(p);
        } else {
#pragma unroll
            for (int c = 0; c < V; c++) held[j].at[c] = c < inside ? __ldg(p + c) : pad;
        }
    }

    // The steps from `first` of columns that start at p + offset(column).
    template <typename OFFSET>
    __device__ __forceinline__ void fetch_along(const T *p, OFFSET offset, int first, int inner, bool wide, T pad) {
#pragma unroll
        for (int j = 0; j < EACH; j++) {
            int step = first + step_along(j);
            if (mine(j)) fetch(j, p + offset(column_along(j)) + step, inner - step, wide, pad);
        }
    }

    // The steps from `first` of the columns from `left`, where step s starts at p + s·width.
    __device__ __forceinline__ void fetch_across(const T *p, int width, int left, int first, int inner, bool wide, T pad) {
#pragma unroll
        for (int j = 0; j < EACH; j++) {
            int step = first + step_across(j), column = left + column_across(j);
            if (mine(j)) fetch(j, p + ((long long)step * width + column), step < inner ? width - column : 0, wide, pad);
        }
    }

    __device__ __forceinline__ void times(const Panel &other) {
#pragma unroll
        for (int j = 0; j < EACH; j++) {
#pragma unroll
            for (int c = 0; c < V; c++) held[j].at[c] *= other.held[j].at[c];
        }
    }

    // Each step by its factor, of which there are `inner`.
    __device__ __forceinline__ void times_steps(const T *factors, int first, int inner) {
#pragma unroll
        for (int j = 0; j < EACH; j++) {
            int step = first + step_across(j);
            T factor = mine(j) && step < inner ? __ldg(factors + step) : T(1);
#pragma unroll
            for (int c = 0; c < V; c++) held[j].at[c] *= factor;
        }
    }

    __device__ __forceinline__ void store_along(T *shared) const {
#pragma unroll
        for (int j = 0; j < EACH; j++) {
#pragma unroll
            for (int c = 0; c < V; c++) {
                if (mine(j)) shared[(step_along(j) + c) * STRIDE + column_along(j)] = held[j].at[c];
            }
        }
    }

    __device__ __forceinline__ void store_across(T *shared) const {
#pragma unroll
        for (int j = 0; j < EACH; j++) {
            if (mine(j)) store_pack(shared + step_across(j) * STRIDE + column_across(j), held[j]);
        }
    }
};

// This thread's entries of a tile.
template <typename TILE>
struct Entries {
    typedef typename TILE::Real T;
    static constexpr int TM = TILE::TM, TN = TILE::TN, GM = TILE::GM, GN = TILE::GN;
    static constexpr int LEFT = TILE::ROWS + 4, RIGHT = TILE::COLS + 4;
    static constexpr int ACROSS = TILE::THREADS_X / TILE::WARP_X; // warps

    T sum[TM][TN];
    int x, y;

    __device__ __forceinline__ Entries() {
        place(threadIdx.x);
#pragma unroll
        for (int i = 0; i < TM; i++) {
#pragma unroll
            for (int j = 0; j < TN; j++) sum[i][j] = 0;
        }
    }

    __device__ __forceinline__ void place(int thread) {
        int warp = thread / WARP, lane = thread % WARP;
        x = warp % ACROSS * TILE::WARP_X + lane % TILE::WARP_X;
        y = warp / ACROSS * TILE::WARP_Y + lane / TILE::WARP_X;
    }

    // Computes the place anew, so that no address of the tile's end is held in a register throughout the product.
    __device__ __forceinline__ void place_again() {
        int thread = threadIdx.x;
        asm volatile("" : "+r"(thread));
        place(thread);
    }

    __device__ __forceinline__ int row(int i) const { return i / GM * (GM * TILE::THREADS_Y) + y * GM + i % GM; }

    __device__ __forceinline__ int column(int j) const { return j / GN * (GN * TILE::THREADS_X) + x * GN + j % GN; }

    template <int N, int G>
    static __device__ __forceinline__ void read(T (&to)[N], const T *from, int apart) {
#pragma unroll
        for (int g = 0; g < N; g += G) {
            if constexpr (G == WIDE<T>) {
                Pack<T> pack = load_pack(from + g / G * apart);
#pragma unroll
                for (int c = 0; c < G; c++) to[g + c] = pack.at[c];
            } else {
#pragma unroll
                for (int c = 0; c < G; c++) to[g + c] = from[g / G * apart + c];
            }
        }
    }

    // One after the other in the order of the inner axis: the only order there is, whatever the tile. The first M of the rows.
    template <int M = TM>
    __device__ __forceinline__ void multiply(const T *left, const T *right) {
#pragma unroll 4
        for (int s = 0; s < TILE::DEPTH; s++) {
            T a[M], b[TN];
            read<M, GM>(a, left + s * LEFT + y * GM, GM * TILE::THREADS_Y);
            read<TN, GN>(b, right + s * RIGHT + x * GN, GN * TILE::THREADS_X);
#pragma unroll
            for (int i = 0; i < M; i++) {
#pragma unroll
                for (int j = 0; j < TN; j++) sum[i][j] = fma(a[i], b[j], sum[i][j]);
            }
        }
    }

    // Adds a bias of `columns` numbers to every row.
    __device__ __forceinline__ void add(const T *bias, int columns) {
#pragma unroll
        for (int j = 0; j < TN; j++) {
            T b = column(j) < columns ? __ldg(bias + column(j)) : T(0);
#pragma unroll
            for (int i = 0; i < TM; i++) sum[i][j] += b;
        }
    }

    // Starts from a tile's first rows and columns, the others being outside of the matrix, whose rows are n long.
    __device__ __forceinline__ void read_from(const T *corner, int rows, int columns, int n) {
#pragma unroll
        for (int i = 0; i < TM; i++) {
            const T *from = corner + (long long)row(i) * n;
#pragma unroll
            for (int j = 0; j < TN; j++) {
                if (row(i) < rows && column(j) < columns) sum[i][j] = from[column(j)];
            }
        }
    }

    // Writes a tile's first rows and columns, each thread what it would read from there.
    __device__ __forceinline__ void write_back(T *corner, int rows, int columns, int n) const {
#pragma unroll
        for (int i = 0; i < TM; i++) {
            T *to = corner + (long long)row(i) * n;
#pragma unroll
            for (int j = 0; j < TN; j++) {
                if (row(i) < rows && column(j) < columns) to[column(j)] = sum[i][j];
            }
        }
    }

    // Writes a tile's first rows and columns. Where 16 bytes at a time cannot be, a warp turns its entries in shared memory
    // (GN·WARP numbers for each) so that lanes write neighbours.
    __device__ __forceinline__ void write(T *corner, int rows, int columns, int n, T *shared) const {
        constexpr int SPAN = TILE::WARP_X * GN;
        int lane = threadIdx.x % WARP;
        if (GN == 1 || (GN == WIDE<T> && wide_aligned(corner, n))) {
#pragma unroll
            for (int i = 0; i < TM; i++) {
                T *to = corner + (long long)row(i) * n;
#pragma unroll
                for (int j = 0; j < TN; j += GN) {
                    if (row(i) < rows && column(j) < columns) write_group(to + column(j), i, j);
                }
            }
            return;
        }
        __syncthreads(); // others may still multiply what lies there
        int warp = threadIdx.x / WARP, up = warp / ACROSS * (TILE::WARP_Y * GM), across = warp % ACROSS * SPAN;
        T *turned = shared + warp * (WARP * GN);
#pragma unroll
        for (int i = 0; i < TM; i++) {
#pragma unroll
            for (int j = 0; j < TN; j += GN) {
                if (i + j > 0) __syncwarp();
                write_group(turned + lane * GN, i, j);
                __syncwarp();
#pragma unroll
                for (int c = 0; c < GN; c++) {
                    int e = c * WARP + lane, r = up + e / SPAN * GM + (row(i) - row(0)), k = across + e % SPAN + (column(j) - column(0));
                    if (r < rows && k < columns) corner[(long long)r * n + k] = turned[e];
                }
            }
        }
    }

    // The entries of a group of neighbours.
    __device__ __forceinline__ void write_group(T *to, int i, int j) const {
        if constexpr (GN == WIDE<T>) {
            Pack<T> group;
#pragma unroll
            for (int c = 0; c < GN; c++) group.at[c] = sum[i][j + c];
            store_pack(to, group);
        } else {
#pragma unroll
            for (int c = 0; c < GN; c++) to[c] = sum[i][j + c];
        }
    }
};
