// Small networks, all widths up to 64, as a whole.
#include "network.cuh"

// out (batch,outputs,inputs) = ∂network/∂x, value (batch,outputs) or null, x (batch,inputs). Each entry is the chain of products
// that the layers are, bracketed from the input (forward) or from the output (backward). Reads x and writes out once; each
// block reads the weights, layer by layer. Block = samples/parts, threads NetworkTile::THREADS.
RESIDENT_KERNEL(network_jacobian, 128, NetworkTile<REAL>::type::RESIDENT)
(REAL *out, REAL *value, const Layers layers, int count, const REAL *__restrict__ x, long long batch, int samples, int columns,
 int parts, int lead, int pitch, int backward, SmallDivisor by_samples, SmallDivisor by_columns, SmallDivisor by_inputs,
 SmallDivisor by_outputs, SmallDivisor by_width) {
    network_jacobian(
        out, value, layers, count, x, batch, samples, columns, parts, lead, pitch, backward != 0, by_samples, by_columns, by_inputs,
        by_outputs, by_width);
}
