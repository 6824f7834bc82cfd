/**
 * What is wanted, in which order the local Jacobians are multiplied to get it, and what that costs. A {@link
 * io.github.batchjac.plan.Plan} is data: steps over slots, which a backend interprets. Knows no device.
 */
@NullMarked
package io.github.batchjac.plan;

import org.jspecify.annotations.NullMarked;
