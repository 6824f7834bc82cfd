/**
 * What is computed: an immutable graph of per-sample values over an implied batch axis.
 *
 * <p>Conventions, here and in every later package: shapes are <em>per sample</em> and leave the batch axis out; arrays are
 * row-major; a linear layer is {@code z = Wx + b} with {@code W} of shape {@code (m, n)} = (rows, cols) = (output, input)
 * unless it is in row form {@code z = xW}, {@code W (n, m)}. A scalar result (a loss, a sum) has shape {@code (1,)}.
 */
@NullMarked
package io.github.batchjac.graph;

import org.jspecify.annotations.NullMarked;
