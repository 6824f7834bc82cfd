/**
 * Batched Jacobians. {@link io.github.batchjac.Net} answers in one call; {@code plan} and {@code backend} prepare a
 * computation that runs again and again without allocating.
 *
 * <p>Conventions everywhere: arrays are row-major; a batch has the samples along its first axis; a Jacobian has the output's
 * axes before the input's, {@code (B, out..., in...)}; nothing is summed over the batch unless asked for.
 */
@NullMarked
package io.github.batchjac;

import org.jspecify.annotations.NullMarked;
