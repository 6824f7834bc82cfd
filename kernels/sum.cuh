// Sums that lose nothing to speak of.
#pragma once
#include "common.cuh"

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
        other.sum = __shfl_xor_sync(ALL_LANES, sum, distance);
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
        other.sum = __shfl_xor_sync(ALL_LANES, sum, distance);
        other.error = __shfl_xor_sync(ALL_LANES, error, distance);
        return other;
    }

    __device__ __forceinline__ double total() const {
        return isfinite(sum) ? sum + error : sum;
    }
};
