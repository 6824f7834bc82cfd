/**
 * The CPU backend: tiles of the batch over threads, structure exploited, SIMD where it pays. Classes whose names end in 32
 * have float64 twins ending in 64 that the build generates from them.
 */
@NullMarked
package io.github.batchjac.backend.cpu;

import org.jspecify.annotations.NullMarked;
