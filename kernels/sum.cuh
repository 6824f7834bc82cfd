// Sums that lose nothing to speak of.
#pragma once
#include "common.cuh"

// What the lane has whose number differs by this bit. From C++ nvcc makes a mov of each constant.
template <typename T>
__device__ __forceinline__ T exchanged(T x, int bit) {
    T y;
    if constexpr (sizeof(T) == 4) {
        asm volatile("shfl.sync.bfly.b32 %0, %1, %2, 31, -1;" : "=f"(y) : "f"(x), "r"(bit));
    } else {
        asm volatile("{.reg .b32 low, high;\n\t"
                     "mov.b64 {low, high}, %1;\n\t"
                     "shfl.sync.bfly.b32 low, low, %2, 31, -1;\n\t"
                     "shfl.sync.bfly.b32 high, high, %2, 31, -1;\n\t"
                     "mov.b64 %0, {low, high};}"
                     : "=d"(y) : "d"(x), "r"(bit));
    }
    return y;
}

__device__ __forceinline__ int exchanged(int x, int bit) {
    return __shfl_xor_sync(ALL_LANES, x, bit);
}

// A sum as if in twice the precision: of floats in double, which holds the product of two exactly. (A compensated sum of
// floats is ten instructions an element, and bound by them; two or three in double are not, on devices made for it.)
template <typename T>
struct Sum;

template <>
struct Sum<float> {
    double sum = 0;

    __device__ __forceinline__ void add(float a) {
        sum += a;
    }

    __device__ __forceinline__ void add_product(float u, float v) {
        sum = fma((double)u, (double)v, sum);
    }

    __device__ __forceinline__ void join(const Sum &other) {
        sum += other.sum;
    }

    __device__ __forceinline__ Sum from_lane(int distance) const {
        Sum other;
        other.sum = exchanged(sum, distance);
        return other;
    }

    __device__ __forceinline__ double total() const {
        return sum;
    }
};

// Of doubles with the errors of sums and products added up beside it: within u|Σ| + n²u²Σ|a|. Where it overflowed the
// error is NaN and the plain sum says it all.
template <>
struct Sum<double> {
    double sum = 0;
    double error = 0;

    __device__ __forceinline__ void add(double a) {
        double s = sum + a;
        error += sum_error(sum, a, s);
        sum = s;
    }

    __device__ __forceinline__ void add_product(double u, double v) {
        double p = u * v;
        double e = fma(u, v, -p);
        double s = sum + p;
        error += sum_error(sum, p, s) + e;
        sum = s;
    }

    __device__ __forceinline__ void join(const Sum &other) {
        error += other.error;
        add(other.sum);
    }

    __device__ __forceinline__ Sum from_lane(int distance) const {
        Sum other;
        other.sum = exchanged(sum, distance);
        other.error = exchanged(error, distance);
        return other;
    }

    __device__ __forceinline__ double total() const {
        return isfinite(sum) ? sum + error : sum;
    }
};
