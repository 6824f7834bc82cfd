// Elementwise functions and arithmetic.
#include "arithmetic.cuh"
#include "map.cuh"

// value = φ(z), derivative = φ'(z); either may be null, either may be z. 8 or 12 bytes an element (float32). A block of 256
// threads for every 1024·packs (float64: 512·packs) elements: of GELU's arithmetic what a thread does once is shared by more.
#define MAP(name, function, packs)                                                                                             \
    KERNEL(name, 256)(REAL * value, REAL * derivative, const REAL *z, double alpha, long long count) {                         \
        map<function, packs>(value, derivative, z, (REAL)alpha, count);                                                        \
    }

MAP(map_identity, Identity, 1)
MAP(map_negate, Negate, 1)
MAP(map_sigmoid, Sigmoid, 1)
MAP(map_tanh, Tanh, 1)
MAP(map_relu, Relu, 1)
MAP(map_leaky_relu, LeakyRelu, 1)
MAP(map_elu, Elu, 1)
MAP(map_softplus, Softplus, 1)
MAP(map_silu, Silu, 1)
MAP(map_gelu, Gelu, 2)
MAP(map_gelu_tanh, GeluTanh, 1)
MAP(map_exp, Exp, 1)
MAP(map_log, Log, 1)
MAP(map_square, Square, 1)
MAP(map_sqrt, Sqrt, 1)
MAP(map_sin, Sin, 1)
MAP(map_cos, Cos, 1)
MAP(map_reciprocal, Reciprocal, 1)
MAP(map_erf, Erf, 1)

#undef MAP

// out_i = a_i ∘ b_i; an operand of step 0 is one number. In place for the others. A block of 256 threads for every 1024
// (float64: 512) elements. NAME_samples: out (batch,n), see arithmetic.cuh.
#define ARITHMETIC(name, operation)                                                                                            \
    KERNEL(name, 256)(REAL * out, const REAL *a, int a_step, const REAL *b, int b_step, long long count) {                     \
        flat_arithmetic(operation(), out, a, a_step, b, b_step, count);                                                        \
    }                                                                                                                          \
    KERNEL(name##_samples, 256)(REAL * out, int n, Divisor by_n, const REAL *a, long long a_stride, int a_size,                 \
                                Divisor by_a_size, const REAL *b, long long b_stride, int b_size, Divisor by_b_size,           \
                                long long count) {                                                                             \
        Repeated<REAL> x{a, a_stride, a_size, by_a_size}, y{b, b_stride, b_size, by_b_size};                                   \
        repeated_arithmetic(operation(), out, n, by_n, x, y, count);                                                           \
    }

ARITHMETIC(add, Add)
ARITHMETIC(subtract, Subtract)
ARITHMETIC(multiply, Multiply)
ARITHMETIC(divide, Divide)
ARITHMETIC(divide_derivative, DivideDerivative)

#undef ARITHMETIC
