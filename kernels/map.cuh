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
    T z, e, s;
    INLINE Sigmoid() {}
    INLINE Sigmoid(T z, T) : z(z), e(Decay<T>(-fabs(z)).value()), s(T(1) + e) {}
    INLINE T value() const { return sigmoid_of(z, e, s); }
    INLINE T derivative() const { return slope(e, s); }
};

FUNCTION(Tanh) {
    T z;
    Decay<T> e;
    INLINE Tanh() {}
    INLINE Tanh(T z, T) : z(z), e(T(-2) * fabs(z)) {}
    INLINE T value() const {
        T a = e.minus_one();
        return copysign(-a / (T(2) + a), z);
    }
    INLINE T derivative() const {
        T v = e.value();
        return T(4) * slope(v, T(1) + v);
    }
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

FUNCTION(Elu) {
    T z, alpha;
    Decay<T> e;
    INLINE Elu() {}
    INLINE Elu(T z, T alpha) : z(z), alpha(alpha), e(-fabs(z)) {}
    INLINE T value() const { return z > T(0) ? z : alpha * e.minus_one(); }
    INLINE T derivative() const { return z > T(0) ? T(1) : alpha * e.value(); }
};

FUNCTION(Softplus) {
    T z, e;
    INLINE Softplus() {}
    INLINE Softplus(T z, T) : z(z), e(Decay<T>(-fabs(z)).value()) {}
    INLINE T value() const { return (z <= T(0) ? T(0) : z) + log1p_unit(e); }
    INLINE T derivative() const { return sigmoid_of(z, e, T(1) + e); }
};

FUNCTION(Silu) {
    T z;
    Decay<T> e;
    INLINE Silu() {}
    INLINE Silu(T z, T) : z(z), e(-fabs(z)) {}
    INLINE T value() const { return gated(z, e); }
    INLINE T derivative() const { return gated_derivative(z, clamp(z, -Real<T>::LOWEST), e); }
};

FUNCTION(Gelu) {
    T z, y, tail_y;
    Gauss<T> density;
    INLINE Gelu() {}
    INLINE Gelu(T z, T) : z(z), y(clamp(z, Real<T>::NORMAL_END)), tail_y(tail(fabs(y))), density(T(0.5), y) {}
    INLINE T value() const {
        T small = density.times(y * tail_y);
        return z < T(0) ? small : z - small;
    }
    INLINE T derivative() const {
        T small = density.times(tail_y - fabs(y) * T(0.3989422804014327));
        return z < T(0) ? small : T(1) - small;
    }
};

FUNCTION(GeluTanh) {
    T z, y, square, w;
    Decay<T> e;
    INLINE GeluTanh() {}
    INLINE GeluTanh(T z, T)
        : z(z),
          y(clamp(z, T(32))),
          square(y * y),
          w(y * fma(T(0.07135481627260025), square, T(1.5957691216057308))),
          e(-fabs(w)) {}
    INLINE T value() const { return gated(z, e); }
    INLINE T derivative() const {
        return gated_derivative(w, y * fma(T(0.21406444881780073), square, T(1.5957691216057308)), e);
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
    Angle<T> a;
    INLINE Sin() {}
    INLINE Sin(T z, T) : a(reduce(z)) {}
    INLINE T value() const { return sine_in_quadrant(a, a.quadrant); }
    INLINE T derivative() const { return sine_in_quadrant(a, a.quadrant + 1); }
};

FUNCTION(Cos) {
    Angle<T> a;
    INLINE Cos() {}
    INLINE Cos(T z, T) : a(reduce(z)) {}
    INLINE T value() const { return sine_in_quadrant(a, a.quadrant + 1); }
    INLINE T derivative() const { return sine_in_quadrant(a, a.quadrant + 2); }
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
        T x = fabs(z);
        if (x < T(1)) {
            return z * erf_series(z * z);
        }
        T y = x > T(8) ? T(8) : x;
        return copysign(T(1) - Gauss<T>(T(1), y).times(T(2) * tail(T(1.4142135623730951) * y)), z);
    }
    INLINE T derivative() const {
        T x = clamp(z, T(1.4142135623730951) * Real<T>::NORMAL_END * T(0.5));
        return Gauss<T>(T(1), x).times(T(1.1283791670955126));
    }
};

// Four or two numbers a thread: 16 bytes where all addresses allow it, else numbers a block apart.
template <template <typename> class Function, typename T>
INLINE void map(T *value, T *derivative, const T *z, T alpha, long long count) {
    constexpr int SIZE = Pack<T>::SIZE;
    long long first = blockIdx.x * (long long)(SIZE * blockDim.x);
    bool packed = first + SIZE * blockDim.x <= count && aligned(value) && aligned(derivative) && aligned(z);
    int step = packed ? 1 : blockDim.x;
    long long at = first + (packed ? SIZE * threadIdx.x : threadIdx.x);
    Pack<T> x;
    if (packed) {
        x = load_pack(z + at);
    } else {
#pragma unroll
        for (int i = 0; i < SIZE; i++) {
            x.at[i] = at + i * step < count ? z[at + i * step] : T(0);
        }
    }
    Function<T> f[SIZE];
#pragma unroll
    for (int i = 0; i < SIZE; i++) {
        f[i] = Function<T>(x.at[i], alpha);
    }
    auto store = [&](T *out) {
        if (packed) {
            store_pack(out + at, x);
        } else {
#pragma unroll
            for (int i = 0; i < SIZE; i++) {
                if (at + i * step < count) {
                    out[at + i * step] = x.at[i];
                }
            }
        }
    };
    if (value != nullptr) {
#pragma unroll
        for (int i = 0; i < SIZE; i++) {
            x.at[i] = f[i].value();
        }
        store(value);
    }
    if (derivative != nullptr) {
#pragma unroll
        for (int i = 0; i < SIZE; i++) {
            x.at[i] = f[i].derivative();
        }
        store(derivative);
    }
}
