/**
 * Plans on an NVIDIA GPU. The kernels are shipped as PTX (sources in {@code kernels/}); a {@link
 * io.github.batchjac.backend.cuda.Driver} loads and launches them: JCuda's, or in tests an interpreter.
 */
@NullMarked
package io.github.batchjac.backend.cuda;

import org.jspecify.annotations.NullMarked;
