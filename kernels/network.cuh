// The layers of a small network, and how a block takes a few samples through them.
#pragma once
#include "map.cuh"
#include "product_tile.cuh"
#include "tile.cuh"

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
template <typename T, int NUMBER>
struct Function;

#define FUNCTION_NUMBER(number, Name)                                                                                          \
    template <typename T>                                                                                                      \
    struct Function<T, number> {                                                                                               \
        typedef Name<T> type;                                                                                                  \
    };
FUNCTION_NUMBER(0, Identity) FUNCTION_NUMBER(1, Negate) FUNCTION_NUMBER(2, Sigmoid) FUNCTION_NUMBER(3, Tanh)
FUNCTION_NUMBER(4, Relu) FUNCTION_NUMBER(5, LeakyRelu) FUNCTION_NUMBER(6, Elu) FUNCTION_NUMBER(7, Softplus)
FUNCTION_NUMBER(8, Silu) FUNCTION_NUMBER(9, Gelu) FUNCTION_NUMBER(10, GeluTanh) FUNCTION_NUMBER(11, Exp)
FUNCTION_NUMBER(12, Log) FUNCTION_NUMBER(13, Square) FUNCTION_NUMBER(14, Sqrt) FUNCTION_NUMBER(15, Sin)
FUNCTION_NUMBER(16, Cos) FUNCTION_NUMBER(17, Reciprocal) FUNCTION_NUMBER(18, Erf)
#undef FUNCTION_NUMBER

// z becomes φ(z) for the function of this number, from LOW on and below HIGH; returns φ'(z). No function is −1, which ends at the
// identity, 0. (A switch has a way for numbers that there are not.)
template <int LOW = 0, int HIGH = 19, typename T>
__device__ __forceinline__ T apply(int function, T alpha, T &z) {
    if constexpr (HIGH - LOW == 1) {
        typename Function<T, LOW>::type f(z, alpha);
        z = f.value();
        return f.derivative();
    } else {
        constexpr int MIDDLE = (LOW + HIGH) / 2;
        return function < MIDDLE ? apply<LOW, MIDDLE>(function, alpha, z) : apply<MIDDLE, HIGH>(function, alpha, z);
    }
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

// DEPTH steps of M (rows,inner) on their way from global to shared memory, where a step is a row. M lies step after step, or
// `along`: row after row.
template <typename TILE>
struct Piece : Panel<TILE, TILE::ROWS> {
    typedef Panel<TILE, TILE::ROWS> Wide;
    typedef typename TILE::Real T;
    static constexpr int DEPTH = TILE::DEPTH, V = WIDE<T>, NUMBERS = Wide::EACH * V;

    const T *m;
    int rows, inner;
    bool along, wide;
    unsigned reciprocal;  // of rows, in units of 2⁻³², rounded up; 0 for 1

    __device__ __forceinline__ Piece(const T *m, int rows, int inner, bool along)
        : m(m), rows(rows), inner(inner), along(along), reciprocal(0xffffffffu / rows + 1) {
        wide = wide_aligned(m, 0) && (along ? inner % (2 * V) : rows % V) == 0;
    }

    // Where number k of this thread belongs, if M is not read 16 bytes at a time: lanes take numbers in the order in which they lie.
    __device__ __forceinline__ void place(int k, int &step, int &row) const {
        int e = threadIdx.x + k * TILE::THREADS;
        if (along) {
            step = e % DEPTH;
            row = e / DEPTH;
        } else {
            step = reciprocal == 0 ? e : (int)__umulhi(e, reciprocal);
            row = e - step * rows;
        }
    }

    // Steps beyond the last are such that they change no sum.
    __device__ __forceinline__ void fetch(int first) {
        if (wide && along) {
            auto start = [&](int row) { return (row < rows ? row : rows - 1) * inner; };
            this->fetch_along(m, start, first, inner, true, T(-0.0));
        } else if (wide) {
            this->fetch_across(m, rows, 0, first, inner, true, T(-0.0));
        } else {
#pragma unroll
            for (int k = 0; k < NUMBERS; k++) {
                int step, row;
                place(k, step, row);
                bool inside = row < rows && step < DEPTH && first + step < inner;
                const T *from = m + (along ? row * inner + first + step : (first + step) * rows + row);
                this->held[k / V].at[k % V] = inside ? __ldg(from) : T(-0.0);
            }
        }
    }

    __device__ __forceinline__ void store(T *shared) const {
        if (!wide) {
#pragma unroll
            for (int k = 0; k < NUMBERS; k++) {
                int step, row;
                place(k, step, row);
                if (row < rows && step < DEPTH) shared[step * Wide::STRIDE + row] = this->held[k / V].at[k % V];
            }
        } else if (along) {
            this->store_along(shared);
        } else {
            this->store_across(shared);
        }
    }
};

// A panel of columns, 64 rows high, in shared memory, which one layer after the other multiplies from the left. Rows beyond a
// layer's width are 0. Going forward, the first `samples` columns are the samples' values; then come, sample by sample,
// `columns` columns of their Jacobians (∂/∂x_c of the layer's output). Going backward, all columns are rows of Jacobians
// (∂output_c of the layer's input). A sample's slopes lie together, samples `pitch` apart: such that RUN slopes of four samples
// are in different banks.
template <typename T>
struct NetworkBlock {
    typedef typename NetworkTile<T>::type TILE;
    static constexpr int STRIDE = TILE::COLS + 4, WEIGHTS = TILE::DEPTH * (TILE::ROWS + 4);
    static constexpr int RUN = 32 / sizeof(T);  // numbers of a sector

    const Layer *layers;
    int count, samples, columns, from, total, pitch;
    Divisor by_samples, by_columns;
    T *weights, *panel, *slopes;

    // Numbers that a layer's slopes take.
    static __device__ __forceinline__ int width(const Layer &layer) { return (layer.out + RUN - 1) / RUN * RUN; }

    static __device__ __forceinline__ void clear(T *packs, int length) {
        for (int e = threadIdx.x * WIDE<T>; e < length; e += TILE::THREADS * WIDE<T>) store_pack(packs + e, Pack<T>());
    }

    // M·panel for M = W (rows,inner), or Wᵀ going backward, of which `used` columns matter.
    __device__ __forceinline__ void multiply(
        Entries<TILE> &entries, const Layer &layer, int rows, int inner, int used, bool along) const {
        bool busy = entries.row(0) < rows && entries.column(0) < used, low = rows <= entries.row(TILE::TM / 2) - entries.row(0);
        Piece<TILE> piece((const T *)layer.w, rows, inner, along);
        T *left = weights, *next = weights + WEIGHTS;
        for (int first = 0;; first += TILE::DEPTH) {
            if (first < inner) piece.fetch(first);
            if (first > 0 && busy) {
                const T *right = panel + (first - TILE::DEPTH) * STRIDE;
                if (low) {
                    entries.template multiply<TILE::TM / 2>(left, right);
                } else {
                    entries.multiply(left, right);
                }
            }
            if (first >= inner) break;
            piece.store(next);
            __syncthreads();
            T *free = left;
            left = next;
            next = free;
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
            int run = by_samples.quotient(e / RUN), s = e / RUN - run * samples, row = run * RUN + e % RUN;
            T z = 0, d = 0;
            if (row < layer.out) {
                z = panel[row * STRIDE + s];
                if (bias != nullptr) z += __ldg(bias + row);
                d = apply(layer.function, (T)layer.alpha, z);
            }
            if (row < width(layer)) slope[s * pitch + row] = d;
            panel[row * STRIDE + s] = z;
        }
        __syncthreads();
    }

    // visit(i, j, m_ij) for the entries of M (rows,cols), or of one that lies turned: in the order in which they lie, or RUN rows
    // of some columns at a time, that are in different banks as entries of the panel.
    template <typename F>
    static __device__ __forceinline__ void each_entry(const T *m, int rows, int cols, bool turned, Divisor by_cols, F visit) {
        if (turned) {
            for (int i = threadIdx.x / WARP * RUN + threadIdx.x % RUN; i < rows; i += TILE::THREADS / WARP * RUN) {
                for (int j = threadIdx.x % WARP / RUN; j < cols; j += WARP / RUN) visit(i, j, __ldg(m + j * rows + i));
            }
        } else {
            for (int e = threadIdx.x; e < rows * cols; e += TILE::THREADS) {
                int i = by_cols.quotient(e);
                visit(i, e - i * cols, __ldg(m + e));
            }
        }
    }

    // Forward from the first layer, column c of the Jacobian is that of W, times the slopes.
    __device__ __forceinline__ void start(const Layer &layer, const T *slope, Divisor by_inputs) const {
        auto visit = [&](int row, int c, T w) {
            if (c < from || c >= from + columns) return;
            T *to = panel + row * STRIDE + samples + (c - from);
            for (int s = 0; s < samples; s++) to[s * columns] = w * slope[s * pitch + row];
        };
        each_entry((const T *)layer.w, layer.out, layer.in, layer.row_form != 0, by_inputs, visit);
        __syncthreads();
    }

    // Backward from the last layer, row c of the Jacobian is that of W as a column, times the slopes of that layer and the one before.
    __device__ __forceinline__ void turn(const Layer &layer, const T *slope, const T *before, Divisor by_outputs) const {
        auto visit = [&](int row, int c, T w) {
            if (c < from || c >= from + columns) return;
            T *to = panel + row * STRIDE + (c - from);
#pragma unroll 1
            for (int s = 0; s < samples; s++) {
                T x = slope[s * pitch + c] * w;
                to[s * columns] = before == nullptr ? x : x * before[s * pitch + row];
            }
        };
        clear(panel + layer.in * STRIDE, (TILE::ROWS - layer.in) * STRIDE);
        each_entry((const T *)layer.w, layer.in, layer.out, layer.row_form == 0, by_outputs, visit);
        __syncthreads();
    }

    // The Jacobians' columns, each times its sample's slopes: going forward behind the values, backward unless there are none.
    __device__ __forceinline__ void jacobians(Entries<TILE> &entries, int rows, int used, const T *slope, bool forward) const {
#pragma unroll
        for (int j = 0; j < TILE::TN; j++) {
            int column = entries.column(j), number = forward ? column - samples : column, s = by_columns.quotient(max(number, 0));
            int here = column < used && from + number - s * columns < total ? rows : 0;
#pragma unroll
            for (int i = 0; i < TILE::TM; i += TILE::GM) {
                int row = entries.row(i);
                Pack<T> d;
#pragma unroll
                for (int c = 0; c < TILE::GM; c++) d.at[c] = 1;
                if ((forward || slope != nullptr) && row < here) d = load_pack(slope + s * pitch + row);
#pragma unroll
                for (int c = 0; c < TILE::GM; c++) {
                    // of the values, which take half of the panel at most
                    if (j / TILE::GN * TILE::GN * TILE::THREADS_X < TILE::COLS / 2 && forward && number < 0) {
                        entries.sum[i + c][j] = panel[(row + c) * STRIDE + column];
                    } else {
                        entries.sum[i + c][j] = row + c < here ? entries.sum[i + c][j] * d.at[c] : T(0);
                    }
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

    // All layers: the panel is as it is at the first one's input. `value` (here,outputs) gets the outputs, unless it is null.
    __device__ __forceinline__ void run(T *value, int here, bool backward, Divisor by_inputs, Divisor by_outputs) const {
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
                if (l > 0) slope -= width(layers[l - 1]);
                jacobians(entries, rows, used, l > 0 ? slope : nullptr, false);
            } else if (!backward) {
                if (pass == 0) {
                    start(layer, slope, by_inputs);
                } else {
                    jacobians(entries, rows, used, slope, true);
                }
            }
            if (pass == count - 1 && value != nullptr) {
#pragma unroll 1
                for (int e = (int)threadIdx.x - behind_sector(value); e < here * rows; e += TILE::THREADS) {
                    int s = by_outputs.quotient(e);
                    if (e >= 0) value[e] = panel[(e - s * rows) * STRIDE + s];
                }
            }
            if (backward && pass == count - 1) {
                __syncthreads();
                T *before = count > 1 ? slope - width(layers[count - 2]) : nullptr;
                turn(layer, slope, before, by_outputs);
                slope = before;
            } else if (backward && !back) {
                slope += width(layer);
            }
        }
    }
};

// The Jacobians of `samples` samples a block, or, where `parts` > 1, of a part of one sample's columns. x (batch,n).
template <typename T>
__device__ __forceinline__ void network_jacobian(
    T *out, T *value, const Layers &given, int count, const T *x, long long batch, int samples, int columns, int parts, int pitch,
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
    Block::clear(weights, 2 * Block::WEIGHTS + TILE::ROWS * Block::STRIDE);
    __syncthreads();
    int n = layers[0].in, outputs = layers[count - 1].out;
    x += first * n;
#pragma unroll 1
    for (int e = (int)threadIdx.x - behind_sector(x); e < here * n; e += TILE::THREADS) {
        int s = by_inputs.quotient(e);
        if (e >= 0) panel[(e - s * n) * Block::STRIDE + s] = __ldg(x + e);
    }
    // The first product has a barrier before it reads the panel.
    Block block{layers, count, samples, columns, from, backward ? outputs : n, pitch, by_samples, by_columns, weights, panel, slopes};
    block.run(value == nullptr || from > 0 ? nullptr : value + first * outputs, here, backward, by_inputs, by_outputs);

    // Numbers of the result, one after the other. Forward a column of the panel is one of the result, backward a row.
    out += first * outputs * n;
    int width = backward ? n : columns, rows = backward ? columns : outputs;
    Divisor by_width = backward ? by_inputs : by_columns, by_rows = backward ? by_columns : by_outputs;
    for (int e = (int)threadIdx.x - behind_sector(out); e < here * rows * width; e += TILE::THREADS) {
        int row = by_width.quotient(e), j = e - row * width, s = by_rows.quotient(row), i = row - s * rows;
        if (e < 0) continue;
        if (backward) {
            if (from + i < outputs) out[(s * outputs + from + i) * n + j] = panel[j * Block::STRIDE + row];
        } else if (from + j < n) {
            out[(s * outputs + i) * n + from + j] = panel[i * Block::STRIDE + samples + s * columns + j];
        }
    }
}
