/**
 * The oracle: every Jacobian from dense local Jacobians, one sample at a time, in double precision, written as the
 * mathematics reads. It knows requests and graphs but neither plans nor the structures that plans are made of, so that
 * it can disagree with them.
 */
@NullMarked
package io.github.batchjac.backend.reference;

import org.jspecify.annotations.NullMarked;
