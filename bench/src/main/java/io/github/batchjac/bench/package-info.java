/**
 * Measures batchjac against other libraries and against what the machine allows, every result checked before it is timed.
 * A contender is a process that obeys a small line protocol ({@link io.github.batchjac.bench.Contender}); rounds go through all
 * of them in turn.
 */
@NullMarked
package io.github.batchjac.bench;

import org.jspecify.annotations.NullMarked;
