// What all families use. Overloads for float and double, so that kernels are written once.
#pragma once

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

// A kernel in the precision of the moment, launched with at most so many threads a block.
#define KERNEL(name, threads) extern "C" __global__ void __launch_bounds__(threads) JOIN(name, SUFFIX)

// A kernel of which so many blocks at least shall fit a multiprocessor, of which the number of registers follows. Without it the
// assembler likes to spill a few registers in order to fit more blocks.
#define RESIDENT_KERNEL(name, threads, blocks) \
    extern "C" __global__ void __launch_bounds__(threads, blocks) JOIN(name, SUFFIX)

constexpr int WARP = 32;
constexpr unsigned ALL_LANES = 0xffffffffu;

// A number that the compiler knows.
template <int N>
struct Count {
    static constexpr int value = N;
    __device__ constexpr operator int() const { return N; }
};

// The rounding error of sum = a + b (Knuth).
template <typename T>
__device__ __forceinline__ T sum_error(T a, T b, T sum) {
    T other = sum - a;
    return (a - (sum - other)) + (b - other);
}

// Numbers that one access moves: 16 bytes, unless said otherwise.
template <typename T, int N = 16 / (int)sizeof(T)>
struct alignas((N & -N) * sizeof(T)) Pack {
    static constexpr int SIZE = N;
    T at[N];
};

// What the machine moves, and the numbers in it.
inline __device__ Pack<float, 1> pack_of(float v) { return {v}; }
inline __device__ float vector_of(const Pack<float, 1> &x) { return x.at[0]; }
inline __device__ Pack<float, 2> pack_of(float2 v) { return {v.x, v.y}; }
inline __device__ float2 vector_of(const Pack<float, 2> &x) { return make_float2(x.at[0], x.at[1]); }
inline __device__ Pack<float, 4> pack_of(float4 v) { return {v.x, v.y, v.z, v.w}; }
inline __device__ float4 vector_of(const Pack<float, 4> &x) { return make_float4(x.at[0], x.at[1], x.at[2], x.at[3]); }
inline __device__ Pack<double, 1> pack_of(double v) { return {v}; }
inline __device__ double vector_of(const Pack<double, 1> &x) { return x.at[0]; }
inline __device__ Pack<double, 2> pack_of(double2 v) { return {v.x, v.y}; }
inline __device__ double2 vector_of(const Pack<double, 2> &x) { return make_double2(x.at[0], x.at[1]); }

template <typename T, int N>
using VectorOf = decltype(vector_of(Pack<T, N>()));

template <typename T>
__device__ __forceinline__ bool aligned(const T *p) {
    return (reinterpret_cast<unsigned long long>(p) & 15) == 0;
}

template <typename T, int N = 16 / (int)sizeof(T)>
__device__ __forceinline__ Pack<T, N> load_pack(const T *p) {
    return pack_of(*reinterpret_cast<const VectorOf<T, N> *>(p));
}

// Through the read-only cache: what no kernel in flight writes.
template <typename T, int N = 16 / (int)sizeof(T)>
__device__ __forceinline__ Pack<T, N> fetch_pack(const T *p) {
    return pack_of(__ldg(reinterpret_cast<const VectorOf<T, N> *>(p)));
}

template <typename T, int N>
__device__ __forceinline__ void store_pack(T *p, const Pack<T, N> &x) {
    *reinterpret_cast<VectorOf<T, N> *>(p) = vector_of(x);
}

// For results that nobody reads soon.
template <typename T, int N>
__device__ __forceinline__ void stream_pack(T *p, const Pack<T, N> &x) {
    __stcs(reinterpret_cast<VectorOf<T, N> *>(p), vector_of(x));
}

// Dynamic shared memory, aligned to 16 bytes.
template <typename T>
__device__ __forceinline__ T *shared_numbers() {
    extern __shared__ __align__(16) unsigned char shared_bytes[];
    return reinterpret_cast<T *>(shared_bytes);
}

// A place in shared memory, in 32 bits.
template <typename T>
__device__ __forceinline__ unsigned shared_address(const T *p) {
    return (unsigned)__cvta_generic_to_shared(p);
}

// The compiler does not see where the address comes from: it would look for a pointer behind it, and not end.
template <typename T>
__device__ __forceinline__ T *at_shared_address(unsigned address) {
    asm("" : "+r"(address));
    return reinterpret_cast<T *>(__cvta_shared_to_generic(address));
}

// What to multiply by and shift by in place of a division, made by the host: exact for 0 ≤ i < 2³¹.
struct alignas(8) Divisor {
    unsigned magic;
    int shift;
    __device__ __forceinline__ int quotient(int i) const { return (unsigned long long)(unsigned)i * magic >> shift; }
};

// Divides the units of a block, of which there are fewer than 2¹⁵, in 32 bits.
struct alignas(8) SmallDivisor {
    unsigned magic;
    int shift;
    __device__ __forceinline__ int quotient(int i) const { return (unsigned)i * magic >> shift; }
};

// a·b + c.
__device__ __forceinline__ unsigned mad(unsigned a, unsigned b, unsigned c) {
    asm("mad.lo.u32 %0, %1, %2, %3;" : "=r"(c) : "r"(a), "r"(b), "r"(c));
    return c;
}

// How far behind the start of a sector p lies: there a warp's accesses of single numbers should start.
template <typename T>
__device__ __forceinline__ int behind_sector(const T *p) {
    return (reinterpret_cast<unsigned long long>(p) / sizeof(T)) % (32 / sizeof(T));
}

// By `threads` threads of which this is number `me`, two packs of numbers at least: a run of `count` numbers to shared memory, to the
// same place in the sector that starts there as it has in its own. Four packs are under way. FREE: what lies around the run, from
// the start of a sector to the end of a pack, may be read and written, too.
template <typename T>
__device__ __forceinline__ void bring_run(Pack<T> *to, const T *from, int count, int me, int threads, bool free = false) {
    constexpr int N = Pack<T>::SIZE;
    int behind = behind_sector(from), end = behind + count;
    from -= behind;
    int first = free ? 0 : (behind + N - 1) / N, last = (free ? end + N - 1 : end) / N;  // packs that are moved as such
    int p = me + (me < first ? threads : 0);
    auto copy = [&](auto packs) {
        Pack<T> held[packs];
#pragma unroll
        for (int k = 0; k < packs; k++) {
            held[k] = load_pack(from + (p + k * threads) * N);
        }
#pragma unroll
        for (int k = 0; k < packs; k++) {
            store_pack(&to[p + k * threads].at[0], held[k]);
        }
        p += packs * threads;
    };
#pragma unroll 1
    while (p + 3 * threads < last) {
        copy(Count<4>());
    }
#pragma unroll 1
    while (p < last) {
        copy(Count<1>());
    }
    if (!free) {
        int i = me < N ? behind + me : max(first, last) * N + me - N;
        if (i < (me < N ? min(first * N, end) : me < 2 * N ? end : 0)) {
            to[0].at[i] = from[i];
        }
    }
}
