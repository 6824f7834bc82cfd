// Polynomials whose coefficients stand in the instructions: from C++ each would first be moved to a register.
#pragma once

// The digit of BITS at place I, to base 16.
template <unsigned long long BITS, int I>
constexpr char DIGIT = "0123456789ABCDEF"[BITS >> 4 * I & 15];

// A number as PTX writes it, from its bits.
template <typename B, B BITS>
struct Literal;

template <unsigned BITS>
struct Literal<unsigned, BITS> {
    static constexpr char TEXT[] = {'0',           'f',           DIGIT<BITS, 7>, DIGIT<BITS, 6>, DIGIT<BITS, 5>, DIGIT<BITS, 4>,
                                    DIGIT<BITS, 3>, DIGIT<BITS, 2>, DIGIT<BITS, 1>, DIGIT<BITS, 0>, 0};
};

template <unsigned long long BITS>
struct Literal<unsigned long long, BITS> {
    static constexpr char TEXT[] = {'0',            'd',            DIGIT<BITS, 15>, DIGIT<BITS, 14>, DIGIT<BITS, 13>,
                                    DIGIT<BITS, 12>, DIGIT<BITS, 11>, DIGIT<BITS, 10>, DIGIT<BITS, 9>,  DIGIT<BITS, 8>,
                                    DIGIT<BITS, 7>,  DIGIT<BITS, 6>,  DIGIT<BITS, 5>,  DIGIT<BITS, 4>,  DIGIT<BITS, 3>,
                                    DIGIT<BITS, 2>,  DIGIT<BITS, 1>,  DIGIT<BITS, 0>,  0};
};

// p·x + c for the C that has these bits.
template <unsigned BITS>
__device__ __forceinline__ float fma_literal(float p, float x) {
    float sum;
    asm("fma.rn.f32 %0, %1, %2, %3;" : "=f"(sum) : "f"(p), "f"(x), "C"(Literal<unsigned, BITS>::TEXT));
    return sum;
}

template <unsigned long long BITS>
__device__ __forceinline__ double fma_literal(double p, double x) {
    double sum;
    asm("fma.rn.f64 %0, %1, %2, %3;" : "=d"(sum) : "d"(p), "d"(x), "C"(Literal<unsigned long long, BITS>::TEXT));
    return sum;
}

// a·x + b for the numbers with these bits.
template <unsigned A, unsigned B>
__device__ __forceinline__ float linear(float x) {
    float sum;
    asm("fma.rn.f32 %0, %1, %2, %3;" : "=f"(sum) : "f"(x), "C"(Literal<unsigned, A>::TEXT), "C"(Literal<unsigned, B>::TEXT));
    return sum;
}

template <unsigned long long A, unsigned long long B>
__device__ __forceinline__ double linear(double x) {
    double sum;
    asm("fma.rn.f64 %0, %1, %2, %3;"
        : "=d"(sum)
        : "d"(x), "C"(Literal<unsigned long long, A>::TEXT), "C"(Literal<unsigned long long, B>::TEXT));
    return sum;
}

template <typename T>
struct BitsOf;

template <>
struct BitsOf<float> {
    typedef unsigned type;
};

template <>
struct BitsOf<double> {
    typedef unsigned long long type;
};

// The polynomial with these coefficients, two or more, the highest power's first.
template <template <typename> class Coefficients, int LAST = -1, typename T>
__device__ __forceinline__ T series(T x) {
    typedef typename BitsOf<T>::type B;
    constexpr int last = LAST < 0 ? (int)(sizeof(Coefficients<T>::C) / sizeof(T)) - 1 : LAST;
    constexpr B c = __builtin_bit_cast(B, T(Coefficients<T>::C[last]));
    if constexpr (last == 1) {
        return linear<__builtin_bit_cast(B, T(Coefficients<T>::C[0])), c>(x);
    } else {
        return fma_literal<c>(series<Coefficients, last - 1>(x), x);
    }
}
