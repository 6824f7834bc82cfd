/**
 * What carries a plan out. {@link io.github.batchjac.backend.Backends} chooses, {@link io.github.batchjac.backend.Program}
 * is what users hold, and an {@link io.github.batchjac.backend.Engine} is what a backend has to write.
 */
@NullMarked
package io.github.batchjac.backend;

import org.jspecify.annotations.NullMarked;
