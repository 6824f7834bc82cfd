// Arithmetic of two operands, one of which may be repeated.
#pragma once
#include "common.cuh"

struct Add {
    template <typename T>
    __device__ T operator()(T a, T b) const {
        return a + b;
    }
};

struct Subtract {
    template <typename T>
    __device__ T operator()(T a, T b) const {
        return a - b;
    }
};

struct Multiply {
    template <typename T>
    __device__ T operator()(T a, T b) const {
        return a * b;
    }
};

struct Divide {
    template <typename T>
    __device__ T operator()(T a, T b) const {
        return a / b;
    }
};

// The derivative of a/b with respect to b.
struct DivideDerivative {
    template <typename T>
    __device__ T operator()(T a, T b) const {
        return -(a / b) / b;
    }
};

// out_i = a_i ∘ b_i; an operand of step 0 is one number.
template <typename F, typename T>
__device__ __forceinline__ void flat_arithmetic(F f, T *out, const T *a, int a_step, const T *b, int b_step, long long count) {
    constexpr int SIZE = Pack<T>::SIZE;
    long long first = blockIdx.x * (long long)(SIZE * blockDim.x);
    bool packed = first + SIZE * blockDim.x <= count && aligned(out) && (a_step == 0 || aligned(a)) &&
                  (b_step == 0 || aligned(b));
    if (packed) {
        long long at = first + SIZE * threadIdx.x;
        Pack<T> x, y;
        auto load = [at](const T *p, int step) {
            Pack<T> v;
            if (step != 0) {
                v = load_pack(p + at);
            } else {
                T number = *p;
#pragma unroll
                for (int i = 0; i < SIZE; i++) {
                    v.at[i] = number;
                }
            }
            return v;
        };
        x = load(a, a_step);
        y = load(b, b_step);
#pragma unroll
        for (int i = 0; i < SIZE; i++) {
            x.at[i] = f(x.at[i], y.at[i]);
        }
        store_pack(out + at, x);
    } else {
#pragma unroll
        for (int i = 0; i < SIZE; i++) {
            long long at = first + i * (int)blockDim.x + threadIdx.x;
            if (at < count) {
                out[at] = f(a[at * a_step], b[at * b_step]);
            }
        }
    }
}

// An operand (batch,size), whose numbers a sample of the output goes through again and again.
template <typename T>
struct Repeated {
    const T *numbers;
    long long stride;
    int size;
    Divisor by_size;

    __device__ __forceinline__ T at(int sample, int i) const {
        return numbers[sample * stride + (i - by_size.quotient(i) * size)];
    }
};

// out_i = a_{i mod a.size} ∘ b_{i mod b.size} of every sample of n numbers, `count` in all. A block of 256 threads takes 1024
// of them.
template <typename F, typename T>
__device__ __forceinline__ void repeated_arithmetic(F f, T *out, int n, Divisor by_n, Repeated<T> a, Repeated<T> b, long long count) {
    constexpr int COUNT = 4, TILE = 1024;
    long long first = blockIdx.x * (long long)TILE;
    long long sample = first / n;
    int from = (int)(first - sample * n);
    int length = (int)min((long long)TILE, count - first);
    out += first;
    // at(number of the tile, sample from the first on, number of that sample)
    auto compute = [&](auto a_at, auto b_at) {
        T numbers[COUNT];
#pragma unroll
        for (int k = 0; k < COUNT; k++) {
            int i = threadIdx.x + k * (TILE / COUNT);
            if (i < length) {
                int s = by_n.quotient(from + i);
                int j = from + i - s * n;
                numbers[k] = f(a_at(i, s, j), b_at(i, s, j));
            }
        }
#pragma unroll
        for (int k = 0; k < COUNT; k++) {
            int i = threadIdx.x + k * (TILE / COUNT);
            if (i < length) {
                out[i] = numbers[k];
            }
        }
    };
    auto in_line = [&](const Repeated<T> &x) {
        return [numbers = x.numbers + first](int i, int, int) { return numbers[i]; };
    };
    auto repeated = [&](Repeated<T> x) {
        x.numbers += sample * x.stride;
        return [x](int, int s, int j) { return x.at(s, j); };
    };
    auto lies_as_out = [&](const Repeated<T> &x) { return x.size == n && x.stride == n; };
    if (lies_as_out(a)) {
        compute(in_line(a), repeated(b));
    } else if (lies_as_out(b)) {
        compute(repeated(a), in_line(b));
    } else {
        compute(repeated(a), repeated(b));
    }
}
