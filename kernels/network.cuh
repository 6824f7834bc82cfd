// The layers of a small network, and how a block takes a few samples through them.
#pragma once
#include "map.cuh"
#include "product_tile.cuh"

// z = W·x + bias, then an elementwise function. W is (out,in), or (in,out) in row form; bias may be null. As Network.java has it.
struct Layer {
    const void *w, *bias;
    int in, out, row_form, function;
    double alpha;
};

struct Layers {
    static constexpr int MOST = 8;
    Layer at[MOST];
};

// As Network.java numbers them.
#define FOR_EACH_FUNCTION(F)                                                                                                   \
    F(0, Identity) F(1, Negate) F(2, Sigmoid) F(3, Tanh) F(4, Relu) F(5, LeakyRelu) F(6, Elu) F(7, Softplus) F(8, Silu)        \
    F(9, Gelu) F(10, GeluTanh) F(11, Exp) F(12, Log) F(13, Square) F(14, Sqrt) F(15, Sin) F(16, Cos) F(17, Reciprocal)         \
    F(18, Erf)

// z becomes φ(z); returns φ'(z).
template <typename T>
__device__ __forceinline__ T apply(int function, T alpha, T &z) {
    T slope = 1;
    switch (function) {
#define CASE(number, Name)                                                                                                     \
    case number: {                                                                                                             \
        Name<T> f(z, alpha);                                                                                                   \
        z = f.value();                                                                                                         \
        slope = f.derivative();                                                                                                \
        break;                                                                                                                 \
    }
        FOR_EACH_FUNCTION(CASE)
#undef CASE
    }
    return slope;
}

template <typename T>
struct NetworkTile;

// A column of the panel for each number of a sample that goes along: 64 fit, 32 in float64.
template <>
struct NetworkTile<float> {
    typedef ProductTile<float, 64, 64, 16, 8, 4, 2> type;
};

template <>
struct NetworkTile<double> {
    typedef ProductTile<double, 64, 32, 8, 4, 4, 2> type;
};

// A panel of columns, 64 rows high, in shared memory, which one layer after the other multiplies from the left. Rows beyond a
// layer's width are 0. Going forward, the first `samples` columns are the samples' values; then come, sample by sample,
// `columns` columns of their Jacobians (∂/∂x_c of the layer's output). Going backward, all columns are rows of Jacobians
// (∂output_c of the layer's input).
template <typename T>
struct NetworkBlock {
    typedef typename NetworkTile<T>::type TILE;
    static constexpr int STRIDE = TILE::COLS + 4, WEIGHTS = TILE::DEPTH * (TILE::ROWS + 4);

    const Layer *layers;
    int count, samples, columns, from, total;
    Divisor by_samples, by_columns;
    T *weights, *panel, *slopes;

    static __device__ __forceinline__ T weight(const Layer &layer, int i, int j) {
        const T *w = (const T *)layer.w;
        return __ldg(w + (layer.row_form ? j * layer.out + i : i * layer.in + j));
    }

    // M·panel for M = W (rows,inner), or Wᵀ going backward, of which `used` columns matter.
    __device__ __forceinline__ void multiply(
        Entries<TILE> &entries, const Layer &layer, int rows, int inner, int used, bool along) const {
        bool busy = entries.row(0) < rows && entries.column(0) < used, low = rows <= entries.row(TILE::TM / 2) - entries.row(0);
        const T *w = (const T *)layer.w;
        bool wide = wide_aligned(w, along ? inner : rows);
        auto row = [&](int r) { return (r < rows ? r : rows - 1) * inner; };
        Panel<TILE, TILE::ROWS> staged;
        for (int first = 0, buffer = 0;; first += TILE::DEPTH, buffer ^= 1) {
            if (first < inner) {
                if (along) {
                    staged.fetch_along(w, row, first, inner, wide, T(-0.0));
                } else {
                    staged.fetch_across(w, rows, 0, first, inner, wide, T(-0.0));
                }
            }
            if (first > 0 && busy) {
                const T *left = weights + (buffer ^ 1) * WEIGHTS, *right = panel + (first - TILE::DEPTH) * STRIDE;
                if (low) {
                    entries.template multiply<TILE::TM / 2>(left, right);
                } else {
                    entries.multiply(left, right);
                }
            }
            if (first >= inner) break;
            if (along) {
                staged.store_along(weights + buffer * WEIGHTS);
            } else {
                staged.store_across(weights + buffer * WEIGHTS);
            }
            __syncthreads();
        }
        __syncthreads();
    }

    // The values' columns: bias and function; their slopes go to `slope` (rows,samples).
    __device__ __forceinline__ void values(const Entries<TILE> &entries, const Layer &layer, T *slope) const {
        const T *bias = (const T *)layer.bias;
#pragma unroll
        for (int i = 0; i < TILE::TM; i++) {
#pragma unroll
            for (int j = 0; j < TILE::TN; j += TILE::GN) {
                int column = entries.column(j);
                if (column < samples) entries.write_group(panel + entries.row(i) * STRIDE + column, i, j);
            }
        }
        __syncthreads();
        for (int e = threadIdx.x; e < TILE::ROWS * samples; e += TILE::THREADS) {
            int row = by_samples.quotient(e), s = e - row * samples;
            T z = 0;
            if (row < layer.out) {
                z = panel[row * STRIDE + s];
                if (bias != nullptr) z += __ldg(bias + row);
                slope[e] = apply(layer.function, (T)layer.alpha, z);
            }
            panel[row * STRIDE + s] = z;
        }
        __syncthreads();
    }

    // Forward from the first layer, the Jacobians' columns are those of W itself.
    __device__ __forceinline__ void start(Entries<TILE> &entries, const Layer &layer) const {
#pragma unroll
        for (int j = 0; j < TILE::TN; j++) {
            int number = entries.column(j) - samples, c = from + number - by_columns.quotient(max(number, 0)) * columns;
#pragma unroll
            for (int i = 0; i < TILE::TM; i++) {
                bool inside = number >= 0 && c < total && entries.row(i) < layer.out;
                entries.sum[i][j] = inside ? weight(layer, entries.row(i), c) : T(0);
            }
        }
    }

    // The Jacobians' columns, from column `shift` on, each times its sample's slopes, if there are any.
    __device__ __forceinline__ void jacobians(Entries<TILE> &entries, int rows, int shift, int used, const T *slope) const {
#pragma unroll
        for (int j = 0; j < TILE::TN; j++) {
            int column = entries.column(j), number = column - shift, s = by_columns.quotient(max(number, 0));
            int here = column < used && from + number - s * columns < total ? rows : 0;
#pragma unroll
            for (int i = 0; i < TILE::TM; i++) {
                int row = entries.row(i);
                if (number < 0) {
                    entries.sum[i][j] = panel[row * STRIDE + column];
                } else {
                    T d = slope != nullptr && row < here ? slope[row * samples + s] : T(1);
                    entries.sum[i][j] = row < here ? entries.sum[i][j] * d : T(0);
                }
            }
        }
#pragma unroll
        for (int i = 0; i < TILE::TM; i++) {
#pragma unroll
            for (int j = 0; j < TILE::TN; j += TILE::GN) {
                entries.write_group(panel + entries.row(i) * STRIDE + entries.column(j), i, j);
            }
        }
        __syncthreads();
    }

    // Row c of the last layer's Jacobian as a column, times the slopes of that layer and the one before.
    __device__ __forceinline__ void turn(const Layer &last, const T *slope, const T *before) const {
        for (int e = threadIdx.x; e < TILE::ROWS * TILE::COLS; e += TILE::THREADS) {
            int row = e / TILE::COLS, column = e % TILE::COLS, s = by_columns.quotient(column), c = column - s * columns;
            T x = 0;
            if (row < last.in && s < samples && from + c < total) {
                x = slope[(from + c) * samples + s] * weight(last, from + c, row);
                if (before != nullptr) x *= before[row * samples + s];
            }
            panel[row * STRIDE + column] = x;
        }
        __syncthreads();
    }

    // All layers: the panel is as it is at the first one's input. `value` (here,outputs) gets the outputs, unless it is null.
    __device__ __forceinline__ void run(T *value, int here, bool backward) const {
        T *slope = slopes;
        for (int pass = 0; pass < (backward ? 2 * count - 1 : count); pass++) {
            bool back = pass >= count;
            int l = back ? 2 * count - 2 - pass : pass;
            const Layer &layer = layers[l];
            int rows = back ? layer.in : layer.out, inner = back ? layer.out : layer.in;
            Entries<TILE> entries;
            int used = back ? samples * columns : pass == 0 || backward ? samples : samples + samples * columns;
            multiply(entries, layer, rows, inner, used, (layer.row_form != 0) == back);
            if (!back) values(entries, layer, slope);
            if (back) {
                if (l > 0) slope -= layers[l - 1].out * samples;
                jacobians(entries, rows, 0, used, l > 0 ? slope : nullptr);
            } else if (!backward) {
                if (pass == 0) start(entries, layer);
                jacobians(entries, rows, samples, samples + samples * columns, slope);
            }
            if (pass == count - 1 && value != nullptr) {
                for (int e = threadIdx.x; e < here * rows; e += TILE::THREADS) {
                    value[e] = panel[e % rows * STRIDE + e / rows];
                }
            }
            if (backward && pass == count - 1) {
                __syncthreads();
                T *before = count > 1 ? slope - layers[count - 2].out * samples : nullptr;
                turn(layer, slope, before);
                slope = before;
            } else if (backward && !back) {
                slope += layer.out * samples;
            }
        }
    }
};

// The Jacobians of `samples` samples a block, or, where `parts` > 1, of a part of one sample's columns. x (batch,n).
template <typename T>
__device__ __forceinline__ void network_jacobian(
    T *out, T *value, const Layers &given, int count, const T *x, long long batch, int samples, int columns, int parts,
    bool backward, Divisor by_samples, Divisor by_columns, Divisor by_inputs, Divisor by_outputs) {
    typedef NetworkBlock<T> Block;
    typedef typename Block::TILE TILE;
    __shared__ Layer layers[Layers::MOST];
    if (threadIdx.x == 0) {
#pragma unroll
        for (int l = 0; l < Layers::MOST; l++) layers[l] = given.at[l];
    }
    unsigned group = blockIdx.x / (unsigned)parts;
    long long first = group * (long long)samples;
    int here = batch - first < samples ? (int)(batch - first) : samples, from = (blockIdx.x - group * parts) * columns;
    T *weights = shared_numbers<T>(), *panel = weights + 2 * Block::WEIGHTS, *slopes = panel + TILE::ROWS * Block::STRIDE;
    for (int e = threadIdx.x; e < TILE::ROWS * Block::STRIDE; e += TILE::THREADS) panel[e] = 0;
    __syncthreads();
    int n = layers[0].in, outputs = layers[count - 1].out;
    for (int e = threadIdx.x; e < here * n; e += TILE::THREADS) {
        int s = by_inputs.quotient(e);
        panel[(e - s * n) * Block::STRIDE + s] = __ldg(x + first * n + e);
    }
    __syncthreads();
    Block block{layers, count, samples, columns, from, backward ? outputs : n, by_samples, by_columns, weights, panel, slopes};
    block.run(value == nullptr || from > 0 ? nullptr : value + first * outputs, here, backward);

    // Numbers of the result, one after the other. Forward a column of the panel is one of the result, backward a row.
    out += first * outputs * n;
    int width = backward ? n : columns, rows = backward ? columns : outputs;
    Divisor by_width = backward ? by_inputs : by_columns, by_rows = backward ? by_columns : by_outputs;
    for (int e = threadIdx.x; e < here * rows * width; e += TILE::THREADS) {
        int row = by_width.quotient(e), j = e - row * width, s = by_rows.quotient(row), i = row - s * rows;
        if (backward) {
            if (from + i < outputs) out[(s * outputs + from + i) * n + j] = panel[j * Block::STRIDE + row];
        } else if (from + j < n) {
            out[(s * outputs + i) * n + from + j] = panel[i * Block::STRIDE + samples + s * columns + j];
        }
    }
}
