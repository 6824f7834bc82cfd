// Included once for each precision.
#include "common.cuh"

#include "elementwise.cu"
#include "softmax.cu"
#include "loss.cu"
#include "diagonal.cu"
#include "dense.cu"
#include "reduction.cu"
#include "matrix.cu"
#include "network.cu"
