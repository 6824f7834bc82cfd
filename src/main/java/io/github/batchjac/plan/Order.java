package io.github.batchjac.plan;

/** In which order a plan multiplies local Jacobians. The results differ by rounding only, the work may differ by orders of magnitude. */
public enum Order {
    /** The cheapest order found. */
    CHEAPEST,
    /** From the inputs on, as forward mode does, whatever that costs. */
    FORWARD,
    /** From the output back, as reverse mode does, whatever that costs. */
    REVERSE
}
