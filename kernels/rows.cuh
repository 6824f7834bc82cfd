// Reductions of rows, which lie one after the other unless all are one. Rows of few elements are read together into shared memory,
// where a thread takes each; longer ones are the work of some lanes of a warp each, the longest of a block, and come through shared
// memory where they are not whole sectors. Which element belongs to whom depends on the length alone, so that a row gives the same
// bits wherever it lies.
#pragma once

#include "slots.cuh"
#include "sum.cuh"

namespace rows {

// The largest magnitude; NaN if there is one.
struct Largest {
    double value = 0;

    __device__ __forceinline__ void add(double a) {
        a = fabs(a);
        value = value != value || a <= value ? value : a;
    }

    __device__ __forceinline__ void join(const Largest &other) {
        add(other.value);
    }

    __device__ __forceinline__ Largest from_lane(int distance) const {
        Largest other;
        other.value = __shfl_xor_sync(ALL_LANES, value, distance);
        return other;
    }
};

constexpr int BLOCK = 128;  // threads of a block, at most: all of them where it reads one row
constexpr int MOST_WARPS = BLOCK / WARP;

// What the lanes of a group have, joined, in each of them. A group is some lanes of a warp, or the whole block, which must meet
// at a barrier between two joins of the same kind.
template <typename A>
__device__ __forceinline__ A joined(A a, int lanes) {
    for (int distance = min(lanes, WARP) >> 1; distance > 0; distance >>= 1) {
        a.join(a.from_lane(distance));
    }
    if (lanes > WARP) {
        __shared__ A of_warp[MOST_WARPS];
        if (threadIdx.x % WARP == 0) {
            of_warp[threadIdx.x / WARP] = a;
        }
        __syncthreads();
        a = of_warp[0];
        for (int w = 1; w < MOST_WARPS; w++) {
            a.join(of_warp[w]);
        }
    }
    return a;
}

// Calls turn(first row) for each of this block's rounds, with a barrier between them.
template <typename F>
__device__ __forceinline__ void each_round(long long batch, int lanes, int rounds, F turn) {
    int at_once = (int)blockDim.x / lanes;
    long long first = blockIdx.x * (long long)rounds * at_once;
    for (int round = 0; round < rounds && first < batch; round++) {
        if (round > 0) {
            __syncthreads();
        }
        turn(first);
        first += at_once;
    }
}

// Bytes of one operand that a warp has in shared memory where a row takes more than a lane. The rows of a warp, where there are
// several, are no more than its piece.
constexpr int PIECE = 8 << 10, PIECE_OF_A_BLOCK = 4 << 10;

// One operand's rows, as this thread sees them. Their stride is n, or 0 if there is one for all.
template <typename T>
struct Rows {
    static constexpr int N = slots::PER_SLOT<T>, SECTOR = 32 / sizeof(T);
    const T *row;  // its own on the device, or the first of its warp's rows that are brought together
    T *staged;     // in shared memory: its own, if it takes a row by itself, or where its warp brings rows
    int n, lane, lanes;
    int before, all;  // elements that are brought before its own row, and altogether
    bool whole;       // whole slots of 16 aligned bytes

    // The block's first row is number `first`, and `left` of them are left in the batch. A thread beyond them takes one
    // of these again.
    __device__ __forceinline__ Rows(
        const T *a, long long stride, long long first, long long left, int n, int lanes, T *shared)
        : staged(shared), n(n), lane((int)threadIdx.x & (lanes - 1)), lanes(lanes) {
        int mine = (int)threadIdx.x / lanes;
        int rows = left < blockDim.x ? (int)left : (int)blockDim.x;
        const T *block = a + first * stride;
        whole = stride % N == 0 && slots::aligned(a);
        if (lanes == 1) {
            staged += stride == 0 || mine >= rows ? 0 : mine * pitch(n);
            stage(shared, block, stride == 0 ? 1 : rows);
            return;
        }
        staged += threadIdx.x / WARP * (piece(lanes) + SECTOR);
        int together = brought() && stride != 0 ? max(WARP / lanes, 1) : 1;
        int place = mine % together;
        mine -= place;
        int there = mine < rows ? rows - mine : 1;
        row = block + (mine < rows ? mine : 0) * stride;
        before = min(place, there - 1) * n;
        all = min(together, there) * n;
    }

    // Rows that are not whole sectors are brought to shared memory, where they may start anywhere.
    __device__ __forceinline__ bool brought() const {
        return n % SECTOR != 0;
    }

    // Elements of a warp's piece; from the start of a sector on they may be some more.
    __device__ __forceinline__ static int piece(int lanes) {
        return (lanes > WARP ? PIECE_OF_A_BLOCK : PIECE) / (int)sizeof(T);
    }

    // By a warp: `count` elements from `first` on to shared memory, of its only row or of each of several.
    __device__ __forceinline__ const T *bring(int first, int count) const {
        const T *from = row + first;
        bring_run(reinterpret_cast<Pack<T> *>(staged), from, all - n + count, (int)threadIdx.x % WARP, WARP);
        return staged + behind_sector(from) + before;
    }

    // Elements from a staged row to the next: odd, so that the same element of 32 rows is in as many banks.
    __device__ __forceinline__ static int pitch(int n) {
        return n | 1;
    }

    // Elements that a block's rows take, whole slots.
    __device__ __forceinline__ static int room(int n, int lanes) {
        return lanes == 1 ? ((int)blockDim.x * pitch(n) + N - 1) / N * N : (int)blockDim.x / WARP * (piece(lanes) + SECTOR);
    }

    // Copies rows to shared memory, a slot or an element at a time, in the order in which they lie.
    __device__ __forceinline__ void stage(T *shared, const T *block, int rows) const {
        int elements = rows * n;
        int pad = pitch(n) - n;
        unsigned reciprocal = 0xffffffffu / n + 1;  // of n, in units of 2⁻³², rounded up; 0 for 1
        auto row_of = [&](int i) { return reciprocal == 0 ? i : (int)__umulhi(i, reciprocal); };
        int done = 0;
        if (slots::aligned(block)) {
            done = elements / N * N;
#pragma unroll 2
            for (int i = (int)threadIdx.x * N; i < done; i += (int)blockDim.x * N) {
                slots::Slot<T> s = *reinterpret_cast<const slots::Slot<T> *>(block + i);
                if (n % 2 != 0) {
                    *reinterpret_cast<slots::Slot<T> *>(shared + i) = s;
                } else if (n % N == 0) {
                    T *to = shared + i + (int)__umulhi(i, reciprocal);
#pragma unroll
                    for (int e = 0; e < N; e++) {
                        to[e] = s.at[e];
                    }
                } else {
#pragma unroll
                    for (int e = 0; e < N; e += 2) {  // n is even: two lie in one row
                        T *to = shared + i + e + (int)__umulhi(i + e, reciprocal);
                        to[0] = s.at[e];
                        to[1] = s.at[e + 1];
                    }
                }
            }
        }
        for (int i = done + (int)threadIdx.x; i < elements; i += (int)blockDim.x) {
            shared[i + row_of(i) * pad] = block[i];
        }
    }

    __device__ __forceinline__ slots::Slot<T> slot(int j) const {
        return *reinterpret_cast<const slots::Slot<T> *>(row + j);
    }
};

template <int N, typename A, typename F, typename... S>
__device__ __forceinline__ void add_slots(A &a, F add, const S &...slots) {
#pragma unroll
    for (int e = 0; e < N; e++) {
        add(a, slots.at[e]...);
    }
}

// add(accumulator, element of each operand) over the elements of this thread's row, in its group's accumulators.
template <typename A, typename F, typename T, typename... More>
__device__ __forceinline__ A reduce(F add, const Rows<T> &row, const More &...more) {
    constexpr int N = slots::PER_SLOT<T>;
    A a;
    if (row.lanes == 1) {
#pragma unroll 4
        for (int j = 0; j < row.n; j++) {
            add(a, row.staged[j], more.staged[j]...);
        }
        return a;
    }
    if (row.brought()) {
        int lanes = min(row.lanes, WARP);
        auto add_piece = [&](int count, auto... piece) {
            __syncwarp();
            int left = count - row.lane % WARP;
            ((piece += row.lane % WARP), ...);
#pragma unroll 1
            for (; left > 3 * lanes; left -= 4 * lanes) {
#pragma unroll
                for (int k = 0; k < 4; k++) {
                    add(a, piece[k * lanes]...);
                }
                ((piece += 4 * lanes), ...);
            }
#pragma unroll 1
            for (; left > 0; left -= lanes) {
                add(a, *piece...);
                ((piece += lanes), ...);
            }
        };
        int piece = row.piece(row.lanes);
        for (int first = row.lane / WARP * piece; first < row.n; first += row.lanes / lanes * piece) {
            __syncwarp();  // what was here before has been read
            int count = min(row.n - first, piece);
            add_piece(count, row.bring(first, count), more.bring(first, count)...);
        }
    } else if ((row.whole && ... && more.whole)) {
#pragma unroll 2
        for (int j = row.lane * N; j < row.n; j += row.lanes * N) {
            add_slots<N>(a, add, row.slot(j), more.slot(j)...);
        }
    } else {
        for (int j = row.lane * N; j < row.n; j += row.lanes * N) {
#pragma unroll
            for (int e = 0; e < N; e++) {
                add(a, row.row[j + e], more.row[j + e]...);
            }
        }
    }
    return joined(a, row.lanes);
}

__device__ __forceinline__ double power_of_two(int exponent) {
    return __longlong_as_double((long long)(exponent + 1023) << 52);
}

// An exponent near that of a number that is not negative, such that squares of numbers up to it, divided by its power of
// two, neither overflow nor, next to the largest, matter where they underflow. 0 for 0, infinities and NaN.
__device__ __forceinline__ int exponent_of(double largest) {
    int exponent = (__double2hiint(largest) >> 20) - 1023;  // of subnormals −1023, which is low enough
    return largest == 0 || !isfinite(largest) ? 0 : max(-1000, min(1000, exponent));
}

// Whether a sum of squares is of squares that neither overflowed nor lost digits that matter.
__device__ __forceinline__ bool safe(double sum) {
    return sum >= 0x1p-970 && sum <= 0x1.fffffffffffffp1023;
}

// value·2^exponent, exact but for the last step.
__device__ __forceinline__ double scaled(double value, int exponent) {
    while (exponent != 0) {
        int step = max(-1000, min(1000, exponent));
        value *= power_of_two(step);
        exponent -= step;
    }
    return value;
}

// Σ (scale·x)²
template <typename T>
__device__ __forceinline__ double sum_of_squares(const Rows<T> &row, T scale) {
    return reduce<Sum<T>>([=](Sum<T> &s, T x) { s.add_product(scale * x, scale * x); }, row).total();
}

// A product of the norms of rows.
template <typename T>
struct Norms;

template <>
struct Norms<float> {
    double product = 1;

    __device__ __forceinline__ void times(const Rows<float> &row) {
        product *= sqrt(sum_of_squares(row, 1.0f));
    }

    __device__ __forceinline__ double result() const {
        return product;
    }
};

template <>
struct Norms<double> {
    double product = 1;
    int exponent = 0;

    // Squares that overflow, or underflow so far that they lose digits, are formed again of scaled elements. All lanes of
    // a warp take part, because they exchange sums.
    __device__ __forceinline__ void times(const Rows<double> &row) {
        double sum = sum_of_squares(row, 1.0);
        bool good = safe(sum);
        if (row.lanes > WARP ? !good : !__all_sync(ALL_LANES, good)) {
            double largest = reduce<Largest>([](Largest &a, double x) { a.add(x); }, row).value;
            int shift = good ? 0 : exponent_of(largest);
            sum = sum_of_squares(row, power_of_two(-shift));
            exponent += shift;
        }
        product *= sqrt(sum);
    }

    __device__ __forceinline__ double result() const {
        return scaled(product, exponent);
    }
};

constexpr int MOST_NORMS = 8;

template <typename T>
struct NormArrays {
    const T *at[MOST_NORMS];
    long long stride[MOST_NORMS];  // 0 where the batch shares one norm
};

// The first lane of each group writes its row's result.
template <typename T>
__device__ __forceinline__ void put(T *out, long long first, long long batch, int lanes, T result) {
    long long b = first + (int)threadIdx.x / lanes;
    if (((int)threadIdx.x & (lanes - 1)) == 0 && b < batch) {
        out[b] = result;
    }
}

}  // namespace rows
