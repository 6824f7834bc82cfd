/**
 * Dense row-major arrays on the host, their shapes and precisions. Knows no mathematics.
 */
@NullMarked
package io.github.batchjac.tensor;

import org.jspecify.annotations.NullMarked;
