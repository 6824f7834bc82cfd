// What all families use. Overloads for float and double, so that kernels are written once.
#pragma once

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

// A kernel in the precision of the moment, launched with at most so many threads a block.
#define KERNEL(name, threads) extern "C" __global__ void __launch_bounds__(threads) JOIN(name, SUFFIX)

constexpr int WARP = 32;
constexpr unsigned ALL_LANES = 0xffffffffu;

// The rounding error of sum = a + b (Knuth).
template <typename T>
__device__ __forceinline__ T sum_error(T a, T b, T sum) {
    T other = sum - a;
    return (a - (sum - other)) + (b - other);
}

// Some numbers; as many as 16 bytes hold is what one access moves at most.
template <typename T, int N = 16 / sizeof(T)>
struct alignas(N * sizeof(T)) Pack {
    static constexpr int SIZE = N;
    T at[SIZE];
};

template <typename T>
__device__ __forceinline__ bool aligned(const T *p) {
    return (reinterpret_cast<unsigned long long>(p) & 15) == 0;
}

__device__ __forceinline__ Pack<float> load_pack(const float *p) {
    float4 v = *reinterpret_cast<const float4 *>(p);
    return {v.x, v.y, v.z, v.w};
}

__device__ __forceinline__ Pack<double> load_pack(const double *p) {
    double2 v = *reinterpret_cast<const double2 *>(p);
    return {v.x, v.y};
}

__device__ __forceinline__ void store_pack(float *p, const Pack<float> &v) {
    *reinterpret_cast<float4 *>(p) = make_float4(v.at[0], v.at[1], v.at[2], v.at[3]);
}

__device__ __forceinline__ void store_pack(double *p, const Pack<double> &v) {
    *reinterpret_cast<double2 *>(p) = make_double2(v.at[0], v.at[1]);
}

// For results that nobody reads soon.
__device__ __forceinline__ void stream_pack(float *p, const Pack<float> &v) {
    __stcs(reinterpret_cast<float4 *>(p), make_float4(v.at[0], v.at[1], v.at[2], v.at[3]));
}

__device__ __forceinline__ void stream_pack(double *p, const Pack<double> &v) {
    __stcs(reinterpret_cast<double2 *>(p), make_double2(v.at[0], v.at[1]));
}

// Dynamic shared memory, aligned to 16 bytes.
template <typename T>
__device__ __forceinline__ T *shared_numbers() {
    extern __shared__ __align__(16) unsigned char shared_bytes[];
    return reinterpret_cast<T *>(shared_bytes);
}

// What to multiply by and shift by in place of a division, made by the host: exact for 0 ≤ i < 2³¹.
struct alignas(8) Divisor {
    unsigned magic;
    int shift;
    __device__ __forceinline__ int quotient(int i) const { return (unsigned long long)(unsigned)i * magic >> shift; }
};

// A kernel of which so many blocks fit a multiprocessor. Without the number the assembler likes to spill a few registers
// in order to fit more of them.
#define RESIDENT_KERNEL(name, threads, blocks) \
    extern "C" __global__ void __launch_bounds__(threads, blocks) JOIN(name, SUFFIX)
