/**
 * What a Jacobian looks like, so that it need not be dense: the structures, the one that each operation declares for each
 * of its operands, and the tables of their products and sums. Knows no numbers and no plans.
 */
@NullMarked
package io.github.batchjac.structure;

import org.jspecify.annotations.NullMarked;
