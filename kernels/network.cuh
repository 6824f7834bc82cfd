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
    typedef ProductTile<double, 64, 32, 8, 8, 2, 2> type;
};

// A matrix M (rows,inner) on its way through shared memory: LINES of the lines in which it lies at a time, which are one run of
// numbers in memory. M lies row after row (`along`), or step after step of the inner axis.
template <typename T>
struct Slab {
    typedef typename NetworkTile<T>::type TILE;
    typedef Entries<TILE> Product;
    static constexpr int V = WIDE<T>, TM = TILE::TM, TN = TILE::TN, STRIDE = Product::RIGHT;
    static constexpr int LINES = 2 * TILE::DEPTH, PITCH = TILE::ROWS + 4, NUMBERS = LINES * PITCH;
    static constexpr int SHARE = TM * LINES / TILE::ROWS;  // of these, if they are rows, a thread's

    T *numbers;
    int rows, inner;
    bool along;
    int first;  // line

    __device__ __forceinline__ int lines() const { return min((along ? rows : inner) - first, LINES); }

    template <int W>
    __device__ __forceinline__ void bring(const T *m, int length) const {
        SmallDivisor by{((1u << 18) + length - 1) / length, 18};
        int count = lines() * length;
#pragma unroll 4
        for (int e = (int)threadIdx.x * W - (W == 1 ? behind_sector(m) : 0); e < count; e += TILE::THREADS * W) {
            if (W > 1 || e >= 0) store_pack(numbers + (e + by.quotient(e) * (PITCH - length)), fetch_pack<T, W>(m + e));
        }
    }

    __device__ __forceinline__ void bring(const T *m) const {
        int length = along ? inner : rows;
        m += first * length;
        if (length % V == 0 && aligned(m)) {
            bring<V>(m, length);
        } else {
            bring<1>(m, length);
        }
    }

    // N steps from step s on, for the thread's rows from `row` on.
    template <int N>
    __device__ __forceinline__ void multiply_along(Product &entries, int row, const T *panel, int s) const {
        Pack<T, N> a[SHARE];
#pragma unroll
        for (int i = 0; i < SHARE; i++) a[i] = load_pack<T, N>(numbers + (entries.row(i) * PITCH + s));
#pragma unroll
        for (int n = 0; n < N; n++) {
            T b[TN];
            Product::template read<TN, Product::GN>(b, panel + ((s + n) * STRIDE + entries.column(0)), Product::GN * TILE::THREADS_X);
#pragma unroll
            for (int i = 0; i < SHARE; i++) {
#pragma unroll
                for (int j = 0; j < TN; j++) entries.sum[row + i][j] = fma(a[i].at[n], b[j], entries.sum[row + i][j]);
            }
        }
    }

    // `of` a thread's rows.
    template <int OF>
    __device__ __forceinline__ void multiply_across(Product &entries, const T *panel) const {
        int steps = lines();
        panel += first * STRIDE;
#pragma unroll 4
        for (int s = 0; s < steps; s++) {
            T a[OF], b[TN];
            Product::template read<OF, Product::GM>(a, numbers + (s * PITCH + entries.row(0)), Product::GM * TILE::THREADS_Y);
            Product::template read<TN, Product::GN>(b, panel + (s * STRIDE + entries.column(0)), Product::GN * TILE::THREADS_X);
#pragma unroll
            for (int i = 0; i < OF; i++) {
#pragma unroll
                for (int j = 0; j < TN; j++) entries.sum[i][j] = fma(a[i], b[j], entries.sum[i][j]);
            }
        }
    }

    // What the slab adds to M·panel, of which `used` columns matter.
    __device__ __forceinline__ void multiply(Product &entries, const T *panel, int used) const {
        if (entries.column(0) >= used || entries.row(0) + (along ? first : 0) >= rows) return;
        if (along) {
#pragma unroll
            for (int row = 0; row < TM; row += SHARE) {
                if (first == row / SHARE * LINES) {
                    int s = 0;
#pragma unroll 2
                    for (; s + V <= inner; s += V) multiply_along<V>(entries, row, panel, s);
#pragma unroll 1
                    for (; s < inner; s++) multiply_along<1>(entries, row, panel, s);
                }
            }
        } else if (rows <= TILE::ROWS / 2) {
            multiply_across<TM / 2>(entries, panel);
        } else {
            multiply_across<TM>(entries, panel);
        }
    }

    // M's entry.
    __device__ __forceinline__ T at(int row, int step) const {
        return numbers[along ? (row - first) * PITCH + step : (step - first) * PITCH + row];
    }
};

// A panel of columns, 64 rows high, in shared memory, which one layer after the other multiplies from the left. Going forward, the
// first `samples` columns are the samples' values; then come, sample by sample, `columns` columns of their Jacobians (∂/∂x_c of the
// layer's output). Going backward, all columns are rows of Jacobians (∂output_c of the layer's input). A sample's slopes lie
// together, samples `pitch` apart: such that RUN slopes of four samples are in different banks.
template <typename T>
struct NetworkBlock {
    typedef typename NetworkTile<T>::type TILE;
    static constexpr int STRIDE = Slab<T>::STRIDE, V = WIDE<T>;
    static constexpr int RUN = 32 / sizeof(T);  // numbers of a sector

    const Layer *layers;
    int count, samples, columns, from, total, pitch;
    SmallDivisor by_samples, by_columns;
    T *weights, *panel, *slopes;

    // Numbers that a layer's slopes take.
    static __device__ __forceinline__ int width(const Layer &layer) { return (layer.out + RUN - 1) / RUN * RUN; }

    static __device__ __forceinline__ void clear(T *packs, int length) {
        for (int e = threadIdx.x * V; e < length; e += TILE::THREADS * V) store_pack(packs + e, Pack<T>());
    }

    // At the end of the way back the panel lies turned, column after column, rows at row ^ twist(column): then packs of rows of
    // several columns are in different banks, and so are all rows of a column.
    static __device__ __forceinline__ int twist(int column) { return (column + column / V) % 8 * V; }

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
        for (int e = threadIdx.x; e < width(layer) * samples; e += TILE::THREADS) {
            int run = by_samples.quotient(e / RUN), s = e / RUN - run * samples, row = run * RUN + e % RUN;
            T d = 0;
            if (row < layer.out) {
                T z = panel[row * STRIDE + s];
                if (bias != nullptr) z += __ldg(bias + row);
                d = apply(layer.function, (T)layer.alpha, z);
                panel[row * STRIDE + s] = z;
            }
            slope[s * pitch + row] = d;
        }
        __syncthreads();
    }

    // Where Jacobians start: column c of M as that of each sample, times the slopes. Going forward those of the first layer, whose
    // W is M; backward those of the last layer, whose Wᵀ is M, and of the one before.
    __device__ __forceinline__ void start(const Slab<T> &m, const T *slope, const T *before, bool backward) const {
        int end = m.first + m.lines();
        for (int number = threadIdx.x / RUN; number < samples * columns; number += TILE::THREADS / RUN) {
            int s = by_columns.quotient(number), c = from + number - s * columns;
            if (c >= total || (!m.along && (c < m.first || c >= end))) continue;
            const T *d = (backward ? before : slope) + s * pitch;
            T over = backward ? slope[s * pitch + c] : T(1);
            bool last = backward && before == nullptr;
            T *to = panel + (last ? number * TILE::ROWS : number + (backward ? 0 : samples));
            int apart = last ? 1 : STRIDE, turned = last ? twist(number) : 0;
            for (int row = (m.along ? m.first : 0) + threadIdx.x % RUN; row < (m.along ? end : m.rows); row += RUN) {
                T w = m.at(row, c);
                if (backward) w = over * w;
                to[(row ^ turned) * apart] = last ? w : w * d[row];
            }
        }
    }

    // The Jacobians' columns, each times its sample's slopes: going forward behind the values, backward unless there are none.
    __device__ __forceinline__ void jacobians(Entries<TILE> &entries, int rows, int used, const T *slope, bool forward) const {
#pragma unroll
        for (int j = 0; j < TILE::TN; j++) {
            int column = entries.column(j), number = forward ? column - samples : column, s = by_columns.quotient(max(number, 0));
            int here = column < used ? rows : 0;
#pragma unroll
            for (int i = 0; i < TILE::TM; i += TILE::GM) {
                int row = entries.row(i);
                if ((forward || slope != nullptr) && row < here) {
                    Pack<T> d = load_pack(slope + s * pitch + row);
#pragma unroll
                    for (int c = 0; c < TILE::GM; c++) {
                        // of the values, which take half of the panel at most
                        if (j / TILE::GN * TILE::GN * TILE::THREADS_X < TILE::COLS / 2 && forward && number < 0) {
                            entries.sum[i + c][j] = panel[(row + c) * STRIDE + column];
                        } else {
                            entries.sum[i + c][j] *= d.at[c];
                        }
                    }
                }
            }
        }
        if (forward || slope != nullptr) {
#pragma unroll
            for (int i = 0; i < TILE::TM; i++) {
#pragma unroll
                for (int j = 0; j < TILE::TN; j += TILE::GN) {
                    if (entries.row(i) < rows && entries.column(j) < used) {
                        entries.write_group(panel + entries.row(i) * STRIDE + entries.column(j), i, j);
                    }
                }
            }
        } else {
#pragma unroll
            for (int j = 0; j < TILE::TN; j++) {
                int column = entries.column(j);
#pragma unroll
                for (int i = 0; i < TILE::TM; i += TILE::GM) {
                    Pack<T> pack;
#pragma unroll
                    for (int c = 0; c < TILE::GM; c++) pack.at[c] = entries.sum[i + c][j];
                    if (entries.row(i) < rows && column < used) {
                        store_pack(panel + column * TILE::ROWS + (entries.row(i) ^ twist(column)), pack);
                    }
                }
            }
        }
        __syncthreads();
    }

    // All layers: the panel is as it is at the first one's input. `value` (here,outputs) gets the outputs, unless it is null.
    __device__ __forceinline__ void run(T *value, int here, bool backward, SmallDivisor by_outputs) const {
        int turn = backward ? count : 1;  // the pass in which Jacobians start
        T *slope = slopes;
        for (int pass = 0; pass < (backward ? 2 * count : count + 1); pass++) {
            bool back = backward && pass >= turn;
            int l = back ? 2 * count - 1 - pass : pass < turn ? pass : pass - 1;
            const Layer &layer = layers[l];
            int rows = back ? layer.in : layer.out, inner = back ? layer.out : layer.in;
            int used = back ? samples * columns : pass < turn ? samples : samples + samples * columns;
            T *before = l > 0 ? slope - width(layers[l - 1]) : nullptr;
            Slab<T> slab{weights, rows, inner, (layer.row_form != 0) == back, 0};
            Entries<TILE> entries;
            for (; slab.lines() > 0; slab.first += slab.LINES) {
                slab.bring((const T *)layer.w);
                __syncthreads();
                if (pass == turn) {
                    start(slab, slope, before, backward);
                } else {
                    slab.multiply(entries, panel, used);
                }
                __syncthreads();
            }
            if (!back && pass != turn) values(entries, layer, slope);
            if (pass > turn) jacobians(entries, rows, used, backward ? before : slope, !backward);
            if (!back && pass != turn && l == count - 1 && value != nullptr) {
#pragma unroll 1
                for (int e = (int)threadIdx.x - behind_sector(value); e < here * rows; e += TILE::THREADS) {
                    int s = by_outputs.quotient(e);
                    if (e >= 0) value[e] = panel[(e - s * rows) * STRIDE + s];
                }
            }
            if (back) {
                slope = before;
            } else if (backward && l < count - 1) {
                slope += width(layer);
            }
        }
    }
};

// The Jacobians of `samples` samples a block, or, where `parts` > 1, of a part of one sample's columns. x (batch,n).
template <typename T>
__device__ __forceinline__ void network_jacobian(
    T *out, T *value, const Layers &given, int count, const T *x, long long batch, int samples, int columns, int parts, int pitch,
    bool backward, SmallDivisor by_samples, SmallDivisor by_columns, SmallDivisor by_inputs, SmallDivisor by_outputs) {
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
    T *weights = shared_numbers<T>(), *panel = weights + Slab<T>::NUMBERS, *slopes = panel + TILE::ROWS * Block::STRIDE;
    Block::clear(weights, Slab<T>::NUMBERS + TILE::ROWS * Block::STRIDE);
    __syncthreads();
    int n = layers[0].in, outputs = layers[count - 1].out;
    x += first * n;
#pragma unroll 1
    for (int e = (int)threadIdx.x - behind_sector(x); e < here * n; e += TILE::THREADS) {
        int s = by_inputs.quotient(e);
        if (e >= 0) panel[(e - s * n) * Block::STRIDE + s] = __ldg(x + e);
    }
    // There is a barrier before the first product.
    Block block{layers, count, samples, columns, from, backward ? outputs : n, pitch, by_samples, by_columns, weights, panel, slopes};
    block.run(value == nullptr || from > 0 ? nullptr : value + first * outputs, here, backward, by_outputs);

    // Numbers of the result, one after the other. Forward a column of the panel is one of the result, backward a row.
    out += first * outputs * n + (backward ? from * n : from);
    int width = backward ? n : columns, rows = here * (backward ? min(columns, outputs - from) : outputs);
    SmallDivisor by_width = backward ? by_inputs : by_columns;
#pragma unroll 1
    for (int e = (int)threadIdx.x - behind_sector(out); e < rows * width; e += TILE::THREADS) {
        int row = by_width.quotient(e), j = e - row * width;
        if (e < 0) continue;
        if (backward) {
            out[e] = panel[row * TILE::ROWS + (j ^ Block::twist(row))];
        } else if (from + j < n) {
            int s = by_outputs.quotient(row);
            out[e + row * (n - width)] = panel[(row - s * outputs) * Block::STRIDE + samples + s * columns + j];
        }
    }
}
