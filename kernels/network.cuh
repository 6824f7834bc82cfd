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
    typedef ProductTile<float, 64, 64, 32, 8, 4, 2> type;
};

template <>
struct NetworkTile<double> {
    typedef ProductTile<double, 64, 32, 16, 8, 2, 2> type;
};

// A matrix M (rows,inner) in shared memory, DEPTH of its lines at a time: of its rows if it lies row after row (`along`), else of
// its steps. In memory they are one run of numbers.
template <typename T>
struct Slab {
    typedef typename NetworkTile<T>::type TILE;
    typedef Entries<TILE> Product;
    static constexpr int V = WIDE<T>, TM = TILE::TM, TN = TILE::TN, STRIDE = Product::RIGHT;
    // From line to line: entries of a sector's rows and some steps are in different banks.
    static constexpr int ALONG = TILE::ROWS + 4, ACROSS = TILE::ROWS + 32 / (int)sizeof(T), NUMBERS = TILE::DEPTH * ACROSS;
    static_assert(TM * TILE::DEPTH == Product::GM * TILE::ROWS, "a thread's rows of a slab are neighbours");

    T *numbers;
    int rows, inner;
    bool along;
    int first;  // line
    SmallDivisor by_length;  // of what is below 2¹²

    __device__ __forceinline__ Slab(T *numbers, int rows, int inner, bool along)
        : numbers(numbers), rows(rows), inner(inner), along(along), first(0),
          by_length{((1u << 18) + length() - 1) / length(), 18} {}

    __device__ __forceinline__ int length() const { return along ? inner : rows; }
    __device__ __forceinline__ int lines() const { return min((along ? rows : inner) - first, TILE::DEPTH); }

    template <int W>
    __device__ __forceinline__ void bring(const T *from) const {
        int count = lines() * length(), gap = (along ? ALONG : ACROSS) - length();
#pragma unroll 4
        for (int e = threadIdx.x * W; e < count; e += TILE::THREADS * W) {
            store_pack(numbers + (e + by_length.quotient(e) * gap), fetch_pack<T, W>(from + e));
        }
    }

    __device__ __forceinline__ void bring(const T *m) const {
        m += first * length();
        if (length() % V == 0 && aligned(m)) {
            bring<V>(m);
        } else {
            bring<1>(m);
        }
    }

    __device__ __forceinline__ T entry(int row, int step) const {
        return numbers[along ? (row - first) * ALONG + step : (step - first) * ACROSS + row];
    }

    // `steps` of the next N, a pack's, for a thread's rows of the slab, which are its rows from ROW on.
    template <int ROW, int N>
    static __device__ __forceinline__ void multiply_along(Product &entries, const T *left, const T *right, int steps) {
        Pack<T> a[Product::GM];
#pragma unroll
        for (int i = 0; i < Product::GM; i++) a[i] = load_pack(left + i * ALONG);
#pragma unroll
        for (int n = 0; n < N; n++) {
            if (n >= steps) break;
            T b[TN];
            Product::template read<TN, Product::GN>(b, right + n * STRIDE, Product::GN * TILE::THREADS_X);
#pragma unroll
            for (int i = 0; i < Product::GM; i++) {
#pragma unroll
                for (int j = 0; j < TN; j++) entries.sum[ROW + i][j] = fma(a[i].at[n], b[j], entries.sum[ROW + i][j]);
            }
        }
    }

    // All steps for the slab's rows.
    template <int ROW = 0>
    __device__ __forceinline__ void multiply_along(Product &entries, const T *right) const {
        if (ROW + Product::GM == TM || first == ROW / Product::GM * TILE::DEPTH) {
            const T *left = numbers + entries.row(0) * ALONG;
            int steps = inner;
#pragma unroll(8 / V)
            for (; steps >= V; steps -= V, left += V, right += V * STRIDE) multiply_along<ROW, V>(entries, left, right, V);
            multiply_along<ROW, V - 1>(entries, left, right, steps);
        } else if constexpr (ROW + Product::GM < TM) {
            multiply_along<ROW + Product::GM>(entries, right);
        }
    }

    // The slab's steps for the first M of a thread's rows.
    template <int M>
    __device__ __forceinline__ void multiply_across(Product &entries, const T *right) const {
        const T *left = numbers + entries.row(0);
        right += first * STRIDE;
#pragma unroll 4
        for (int steps = lines(); steps > 0; steps--, left += ACROSS, right += STRIDE) {
            T a[M], b[TN];
            Product::template read<M, Product::GM>(a, left, Product::GM * TILE::THREADS_Y);
            Product::template read<TN, Product::GN>(b, right, Product::GN * TILE::THREADS_X);
#pragma unroll
            for (int i = 0; i < M; i++) {
#pragma unroll
                for (int j = 0; j < TN; j++) entries.sum[i][j] = fma(a[i], b[j], entries.sum[i][j]);
            }
        }
    }

    // What the slab has part in of M·panel, of which `used` columns matter.
    __device__ __forceinline__ void multiply(Product &entries, const T *panel, int used) const {
        if (entries.column(0) >= used || entries.row(0) + (along ? first : 0) >= rows) return;
        const T *right = panel + entries.column(0);
        if (along) {
            multiply_along(entries, right);
        } else if (rows <= TILE::ROWS / 2) {
            multiply_across<TM / 2>(entries, right);
        } else {
            multiply_across<TM>(entries, right);
        }
    }
};

// A panel of columns, 64 rows high, in shared memory, which one layer after the other multiplies from the left. Going forward, the
// first `samples` columns are the samples' values; then come, sample by sample, `columns` columns of their Jacobians (∂/∂x_c of the
// layer's output, from c = `from` on). Going backward, all columns are rows of Jacobians (∂output_c of the layer's input). A
// sample's slopes lie together, samples `pitch` apart: such that RUN slopes of four samples are in different banks.
template <typename T>
struct NetworkBlock {
    typedef typename NetworkTile<T>::type TILE;
    static constexpr int STRIDE = Slab<T>::STRIDE, V = WIDE<T>;
    static constexpr int RUN = 32 / sizeof(T);  // numbers of a sector

    const Layer *layers;
    bool backward;
    int count, here, samples, columns, from, pitch;
    SmallDivisor by_samples, by_columns, by_inputs, by_outputs, by_width;
    T *weights, *panel, *slopes;

    __device__ __forceinline__ int inputs() const { return layers[0].in; }
    __device__ __forceinline__ int outputs() const { return layers[count - 1].out; }

    // Numbers that a layer's slopes take.
    static __device__ __forceinline__ int width(const Layer &layer) { return (layer.out + RUN - 1) & -RUN; }

    // Where entries are at the end of the way back: column after column, of each its packs of rows in another order. So
    // neighbouring columns and rows are in different banks, and so is a column, which is a row of the result.
    __device__ __forceinline__ T *turned(int row, unsigned column) const {
        return panel + (column * TILE::ROWS + (row ^ (8 / V * column + 3 * (column / V)) % 8 * V));
    }

    static __device__ __forceinline__ void clear(T *packs, int length) {
        for (int e = threadIdx.x * V; e < length; e += TILE::THREADS * V) store_pack(packs + e, Pack<T>());
    }

    __device__ __forceinline__ void read_inputs(const T *x) const {
#pragma unroll 1
        for (int e = (int)threadIdx.x - behind_sector(x); e < here * inputs(); e += TILE::THREADS) {
            int s = by_inputs.quotient(e);
            if (e >= 0) panel[(e - s * inputs()) * STRIDE + s] = __ldg(x + e);
        }
    }

    __device__ __forceinline__ void write_values(T *value) const {
#pragma unroll 1
        for (int e = (int)threadIdx.x - behind_sector(value); e < here * outputs(); e += TILE::THREADS) {
            int s = by_outputs.quotient(e);
            if (e >= 0) value[e] = panel[(e - s * outputs()) * STRIDE + s];
        }
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
        for (unsigned e = threadIdx.x; e < width(layer) * samples; e += TILE::THREADS) {
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
    // W is M; backward those of the last layer, whose Wᵀ is M, and of the one before, unless there is none.
    __device__ __forceinline__ void start(const Slab<T> &m, const T *slope, const T *before) const {
        int begin = (m.along ? m.first : 0) + threadIdx.x % RUN, end = m.along ? m.first + m.lines() : m.rows;
        int low = m.along ? 0 : m.first, high = m.along ? m.inner : m.first + m.lines();
#pragma unroll 1
        for (int number = threadIdx.x / RUN; number < samples * columns; number += TILE::THREADS / RUN) {
            int s = by_columns.quotient(number), c = from + number - s * columns;
            if (c < low || c >= high) continue;
            const T *first = slope + s * pitch;
            if (backward && before == nullptr) {
#pragma unroll 1
                for (int row = begin; row < end; row += RUN) *turned(row, number) = first[c] * m.entry(row, c);
            } else {
                const T *second = backward ? before + s * pitch : first;
                T d = backward ? first[c] : T(1), *to = panel + number + (backward ? 0 : samples);
#pragma unroll 1
                for (int row = begin; row < end; row += RUN) to[row * STRIDE] = d * m.entry(row, c) * second[row];
            }
        }
    }

    // Each column of a Jacobian times its sample's slopes.
    __device__ __forceinline__ void scale(Entries<TILE> &entries, int rows, int used, const T *slope) const {
#pragma unroll
        for (int j = 0; j < TILE::TN; j++) {
            int column = entries.column(j), number = backward ? column : column - samples, s = by_columns.quotient(max(number, 0));
#pragma unroll
            for (int i = 0; i < TILE::TM; i += TILE::GM) {
                int row = entries.row(i);
                if (row >= rows || column >= used) continue;
                Pack<T> d = load_pack(slope + s * pitch + row);
#pragma unroll
                for (int c = 0; c < TILE::GM; c++) {
                    // what the panel has already of the values, which take half of it at most
                    bool value = j / TILE::GN * TILE::GN * TILE::THREADS_X < TILE::COLS / 2 && number < 0;
                    entries.sum[i + c][j] = value ? panel[(row + c) * STRIDE + column] : entries.sum[i + c][j] * d.at[c];
                }
            }
        }
    }

    __device__ __forceinline__ void write(const Entries<TILE> &entries, int rows, int used) const {
#pragma unroll
        for (int i = 0; i < TILE::TM; i++) {
#pragma unroll
            for (int j = 0; j < TILE::TN; j += TILE::GN) {
                int row = entries.row(i), column = entries.column(j);
                if (row < rows && column < used) entries.write_group(panel + row * STRIDE + column, i, j);
            }
        }
    }

    __device__ __forceinline__ void write_turned(const Entries<TILE> &entries, int rows, int used) const {
#pragma unroll
        for (int j = 0; j < TILE::TN; j++) {
#pragma unroll
            for (int i = 0; i < TILE::TM; i += TILE::GM) {
                int row = entries.row(i), column = entries.column(j);
                Pack<T> pack;
#pragma unroll
                for (int c = 0; c < TILE::GM; c++) pack.at[c] = entries.sum[i + c][j];
                if (row < rows && column < used) store_pack(turned(row, column), pack);
            }
        }
    }

    // From the panel with the inputs to the one with the Jacobians. Going forward, the passes are the first layer's values, its
    // Jacobian, and for each further layer both at once; backward all layers' values, the last one's Jacobian, and all the others'.
    // `value` (here,outputs) gets the outputs, unless it is null.
    __device__ __forceinline__ void run(T *value) const {
        int turn = backward ? count : 1;  // the pass in which Jacobians start
        T *slope = slopes;
        for (int pass = 0; pass < (backward ? 2 * count : count + 1); pass++) {
            bool back = backward && pass >= turn;
            int l = back ? 2 * count - 1 - pass : pass < turn ? pass : pass - 1;
            const Layer &layer = layers[l];
            T *before = l > 0 ? slope - width(layers[l - 1]) : nullptr;
            int rows = back ? layer.in : layer.out, used = (back ? 0 : samples) + (pass < turn ? 0 : samples * columns);
            Slab<T> slab(weights, rows, back ? layer.out : layer.in, (layer.row_form != 0) == back);
            Entries<TILE> entries;
            for (; slab.lines() > 0; slab.first += TILE::DEPTH) {
                slab.bring((const T *)layer.w);
                __syncthreads();
                if (pass == turn) {
                    start(slab, slope, before);
                } else {
                    slab.multiply(entries, panel, used);
                }
                __syncthreads();
            }
            if (!back && pass != turn) values(entries, layer, slope);
            if (pass > turn) {
                if (back && l == 0) {
                    write_turned(entries, rows, used);
                } else {
                    scale(entries, rows, used, back ? before : slope);
                    write(entries, rows, used);
                }
                __syncthreads();
            }
            if (!back && pass != turn && l == count - 1 && value != nullptr) write_values(value);
            if (back) {
                slope = before;
            } else if (backward && l < count - 1) {
                slope += width(layer);
            }
        }
    }

    // Rows of the result, which are columns of the panel, turned.
    __device__ __forceinline__ void write_rows(T *out) const {
        int n = inputs(), numbers = here * min(columns, outputs() - from) * n;
        out += from * n;
#pragma unroll 1
        for (int e = (int)threadIdx.x - behind_sector(out); e < numbers; e += TILE::THREADS) {
            int row = by_width.quotient(e), j = e - row * n;
            if (e >= 0) out[e] = *turned(j, row);
        }
    }

    // Columns of the result: all of them, or of each row as many from the last start of a sector within the first `lead` + 1 on.
    __device__ __forceinline__ void write_columns(T *out, int lead) const {
        int n = inputs(), each = columns - lead, behind = behind_sector(out);
#pragma unroll 1
        for (int e = (int)threadIdx.x - (lead == 0 ? behind : 0); e < here * outputs() * each; e += TILE::THREADS) {
            int row = by_width.quotient(e), s = by_outputs.quotient(row);
            int j = lead + e - row * each - ((behind + row * n) & lead), c = from + j;
            const T *column = panel + samples + s * columns + j;
            if (e >= 0 && c >= 0 && c < n) out[row * n + c] = column[(row - s * outputs()) * STRIDE];
        }
    }
};

// The Jacobians of `samples` samples a block, or, where `parts` > 1, of a part of one sample's columns. Parts share `lead` columns,
// so that each can start where a sector of the result does, row by row. x (batch,n).
template <typename T>
__device__ __forceinline__ void network_jacobian(
    T *out, T *value, const Layers &given, int count, const T *x, long long batch, int samples, int columns, int parts, int lead,
    int pitch, bool backward, SmallDivisor by_samples, SmallDivisor by_columns, SmallDivisor by_inputs, SmallDivisor by_outputs,
    SmallDivisor by_width) {
    typedef NetworkBlock<T> Block;
    typedef typename Block::TILE TILE;
    __shared__ Layer layers[Layers::MOST];
    if (threadIdx.x == 0) {
#pragma unroll
        for (int l = 0; l < Layers::MOST; l++) layers[l] = given.at[l];
    }
    unsigned group = blockIdx.x / (unsigned)parts;
    int part = blockIdx.x - group * parts;
    long long first = group * (long long)samples;
    int here = batch - first < samples ? (int)(batch - first) : samples;
    T *weights = shared_numbers<T>(), *panel = weights + Slab<T>::NUMBERS, *slopes = panel + TILE::ROWS * Block::STRIDE;
    // Packs reach beyond what will be written.
    Block::clear(weights, Slab<T>::NUMBERS + TILE::ROWS * Block::STRIDE);
    __syncthreads();
    Block block{layers, backward, count, here, samples, columns, part * (columns - lead) - lead, pitch,
        by_samples, by_columns, by_inputs, by_outputs, by_width, weights, panel, slopes};
    int n = block.inputs(), outputs = block.outputs();
    block.read_inputs(x + first * n);
    // The first product has a barrier before it reads the panel.
    block.run(value == nullptr || part > 0 ? nullptr : value + first * outputs);
    out += first * outputs * n;
    if (backward) {
        block.write_rows(out);
    } else {
        block.write_columns(out, lead);
    }
}
