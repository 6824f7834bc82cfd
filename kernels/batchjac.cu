// The one module. Every family of kernels is compiled twice, once for each precision: REAL is the type of numbers,
// KERNEL(name, threads) declares the export name_f32 or name_f64.
#define REAL float
#define SUFFIX _f32
#include "families.cuh"
#undef REAL
#undef SUFFIX

#define REAL double
#define SUFFIX _f64
#include "families.cuh"
