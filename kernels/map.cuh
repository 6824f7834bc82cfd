// Elementwise functions: what value and derivative share is made once, by the constructor.
#pragma once
#include "math.cuh"

#define FUNCTION(name)                                                                                                         \
    template <typename T>                                                                                                      \
    struct name
#define INLINE __device__ __forceinline__

FUNCTION(Identity) {
    T z;
    INLINE Identity() {}
    INLINE Identity(T z, T) : z(z) {}
    INLINE T value() const { return z; }
    INLINE T derivative() const { return T(1); }
};

FUNCTION(Negate) {
    T z;
    INLINE Negate() {}
    INLINE Negate(T z, T) : z(z) {}
    INLINE T value() const { return -z; }
    INLINE T derivative() const { return T(-1); }
};

FUNCTION(Sigmoid) {
    T z, e;
    INLINE Sigmoid() {}
    INLINE Sigmoid(T z, T) : z(z), e(Decay<T>(-size(z, -Real<T>::LOWEST)).value()) {}
    INLINE T value() const { return sigmoid_of(z, e); }
    INLINE T derivative() const { return slope(e); }
};

FUNCTION(Tanh) {
    T z;
    Decay<T> e;
    INLINE Tanh() {}
    INLINE Tanh(T z, T) : z(z), e(at_least(T(-2) * fabs(z), Real<T>::LOWEST)) {}
    INLINE T value() const {
        T a = e.minus_one();
        return copysign(a / (T(2) + a), z);
    }
    INLINE T derivative() const { return T(4) * slope(e.value()); }
};

FUNCTION(Relu) {
    T z;
    INLINE Relu() {}
    INLINE Relu(T z, T) : z(z) {}
    INLINE T value() const { return z <= T(0) ? T(0) : z; }
    INLINE T derivative() const { return z > T(0) ? T(1) : z <= T(0) ? T(0) : z; }
};

FUNCTION(LeakyRelu) {
    T z, alpha;
    INLINE LeakyRelu() {}
    INLINE LeakyRelu(T z, T alpha) : z(z), alpha(alpha) {}
    INLINE T value() const { return z > T(0) ? z : alpha * z; }
    INLINE T derivative() const { return z > T(0) ? T(1) : z <= T(0) ? alpha : z; }
};

// What exp is of a z > 0 does not matter.
FUNCTION(Elu) {
    T z, alpha;
    Decay<T> e;
    INLINE Elu() {}
    INLINE Elu(T z, T alpha) : z(z), alpha(alpha), e(at_least(z, Real<T>::LOWEST)) {}
    INLINE T value() const { return z > T(0) ? z : alpha * e.minus_one(); }
    INLINE T derivative() const { return z > T(0) ? T(1) : alpha * e.value(); }
};

FUNCTION(Softplus) {
    T z, e;
    INLINE Softplus() {}
    INLINE Softplus(T z, T) : z(z), e(Decay<T>(-size(z, -Real<T>::LOWEST)).value()) {}
    INLINE T value() const { return fmax(z, T(0)) + log1p_unit(e); }
    INLINE T derivative() const { return sigmoid_of(z, e); }
};

FUNCTION(Silu) {
    T z, x, E;
    INLINE Silu() {}
    INLINE Silu(T z, T) : z(z), x(size(z, -Real<T>::LOWEST)), E(Decay<T>(-x).biased()) {}
    INLINE T value() const { return gated(z, x, E); }
    INLINE T derivative() const { return gated_derivative(z, -x, E); }
};

FUNCTION(Gelu) {
    T z, x, tail_x, E;
    INLINE Gelu() {}
    INLINE Gelu(T z, T) : z(z), x(size(z, Real<T>::NORMAL_END)), tail_x(tail(x)), E(biased_gauss(T(0.5), x)) {}
    INLINE T value() const { return fmax(z, T(-0.0)) - x * E * tail_x; }
    INLINE T derivative() const {
        return reflected(z, fma(x, T(-0.3989422804014327) * Real<T>::UNBIAS, tail_x) * E);
    }
};

FUNCTION(GeluTanh) {
    T z, x, square, E;
    INLINE GeluTanh() {}
    INLINE GeluTanh(T z, T)
        : z(z),
          x(size(z, Real<T>::GELU_END)),
          square(x * x),
          E(Decay<T>(x * fma(T(-0.07135481627260025), square, T(-1.5957691216057308))).biased()) {}
    INLINE T value() const { return gated(z, x, E); }
    INLINE T derivative() const {
        return gated_derivative(z, x * fma(T(-0.21406444881780073), square, T(-1.5957691216057308)), E);
    }
};

FUNCTION(Exp) {
    T e;
    INLINE Exp() {}
    INLINE Exp(T z, T) : e(exponential(z)) {}
    INLINE T value() const { return e; }
    INLINE T derivative() const { return e; }
};

FUNCTION(Log) {
    T z;
    INLINE Log() {}
    INLINE Log(T z, T) : z(z) {}
    INLINE T value() const { return logarithm(z); }
    INLINE T derivative() const { return T(1) / z; }
};

FUNCTION(Square) {
    T z;
    INLINE Square() {}
    INLINE Square(T z, T) : z(z) {}
    INLINE T value() const { return z * z; }
    INLINE T derivative() const { return T(2) * z; }
};

FUNCTION(Sqrt) {
    T root;
    INLINE Sqrt() {}
    INLINE Sqrt(T z, T) : root(sqrt(z)) {}
    INLINE T value() const { return root; }
    INLINE T derivative() const { return T(0.5) / root; }
};

FUNCTION(Sin) {
    Wave<T> wave;
    INLINE Sin() {}
    INLINE Sin(T z, T) : wave(z) {}
    INLINE T value() const { return wave.after(0); }
    INLINE T derivative() const { return wave.after(1); }
};

FUNCTION(Cos) {
    Wave<T> wave;
    INLINE Cos() {}
    INLINE Cos(T z, T) : wave(z) {}
    INLINE T value() const { return wave.after(1); }
    INLINE T derivative() const { return wave.after(2); }
};

FUNCTION(Reciprocal) {
    T inverse;
    INLINE Reciprocal() {}
    INLINE Reciprocal(T z, T) : inverse(T(1) / z) {}
    INLINE T value() const { return inverse; }
    INLINE T derivative() const { return -inverse * inverse; }
};

FUNCTION(Erf) {
    T z;
    INLINE Erf() {}
    INLINE Erf(T z, T) : z(z) {}
    INLINE T value() const {
        T y = -size(z, Real<T>::ERF_END);
        return copysign(Decay<T>(fma(y, series<ErfSeries>(y), y)).minus_one(), z);
    }
    INLINE T derivative() const {
        return biased_gauss(T(1), size(z, T(0.7) * Real<T>::NORMAL_END)) * (T(1.1283791670955126) * Real<T>::UNBIAS);
    }
};

// A thread of 256 has PACKS of 16 bytes where all addresses allow it, else as many numbers, each a block apart.
INLINE unsigned long long address(const void *p) { return reinterpret_cast<unsigned long long>(p); }

template <template <typename> class Function, int PACKS, typename T>
INLINE void map(T *value, T *derivative, const T *z, T alpha, long long count) {
    constexpr int SIZE = Pack<T>::SIZE, THREADS = 256, NUMBERS = PACKS * SIZE;
    long long first = blockIdx.x * (long long)(NUMBERS * THREADS);
    count -= first;
    bool packed = count >= NUMBERS * THREADS && (address(value) | address(derivative) | address(z)) % 16 == 0;
    int at = packed ? SIZE * threadIdx.x : threadIdx.x;
    z += first + at;
    T x[NUMBERS];
    if (__builtin_expect(packed, 1)) {
#pragma unroll
        for (int p = 0; p < PACKS; p++) {
            Pack<T> pack = load_pack(z + p * (SIZE * THREADS));
#pragma unroll
            for (int i = 0; i < SIZE; i++) x[p * SIZE + i] = pack.at[i];
        }
    } else {
#pragma unroll
        for (int i = 0; i < NUMBERS; i++) x[i] = at + i * THREADS < count ? z[i * THREADS] : T(0);
    }
    Function<T> f[NUMBERS];
#pragma unroll
    for (int i = 0; i < NUMBERS; i++) f[i] = Function<T>(x[i], alpha);
    auto store = [&](T *out) {
        out += first + at;
        if (__builtin_expect(packed, 1)) {
#pragma unroll
            for (int p = 0; p < PACKS; p++) {
                Pack<T> pack;
#pragma unroll
                for (int i = 0; i < SIZE; i++) pack.at[i] = x[p * SIZE + i];
                store_pack(out + p * (SIZE * THREADS), pack);
            }
        } else {
#pragma unroll
            for (int i = 0; i < NUMBERS; i++) {
                if (at + i * THREADS < count) out[i * THREADS] = x[i];
            }
        }
    };
    if (value != nullptr) {
#pragma unroll
        for (int i = 0; i < NUMBERS; i++) x[i] = f[i].value();
        store(value);
    }
    if (derivative != nullptr) {
#pragma unroll
        for (int i = 0; i < NUMBERS; i++) x[i] = f[i].derivative();
        store(derivative);
    }
}
