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

// An operand of a block's samples: numbers i mod size; the next sample's are stride further on.
template <typename T>
struct Repeated {
    const T *numbers;
    int stride, size;
    Divisor by_size;
    __device__ __forceinline__ Repeated(const T *numbers, long long stride, int size, Divisor by_size)
        : numbers(numbers), stride((int)stride), size(size), by_size(by_size) {}
    __device__ __forceinline__ T at(int sample, int i) const {
        return numbers[(long long)sample * stride + (i - by_size.quotient(i) * size)];
    }
};

// out_i = a_{i mod a.size} ∘ b_{i mod b.size} of every sample. A block takes `samples` samples or, where chunks > 1, a chunk
// of one: up to 1024 numbers, with 256 threads.
template <typename F, typename T>
__device__ __forceinline__ void repeated_arithmetic(F f, T *out, int n, Divisor by_n, Repeated<T> a, Repeated<T> b,
                                                    long long batch, int samples, int chunks) {
    constexpr int TILE = 1024;
    unsigned block = blockIdx.x;
    long long sample = chunks == 1 ? block * (long long)samples : block / chunks;
    int from = chunks == 1 ? 0 : block % chunks * TILE;
    int length = chunks == 1 ? (int)min((long long)samples, batch - sample) * n : min(TILE, n - from);
    a.numbers += sample * a.stride;
    b.numbers += sample * b.stride;
    out += sample * n + from;
    constexpr int COUNT = 4;
    T numbers[COUNT];
#pragma unroll
    for (int k = 0; k < COUNT; k++) {
        int i = threadIdx.x + k * (TILE / COUNT);
        if (i < length) {
            int s = chunks == 1 ? by_n.quotient(i) : 0;
            int j = from + i - s * n;
            numbers[k] = f(a.at(s, j), b.at(s, j));
        }
    }
#pragma unroll
    for (int k = 0; k < COUNT; k++) {
        int i = threadIdx.x + k * (TILE / COUNT);
        if (i < length) {
            out[i] = numbers[k];
        }
    }
}
