package io.github.batchjac.bench;

import io.github.batchjac.tensor.Precision;

/**
 * How far a right result may be from the exact one: every entry within {@code roundings·u·max(scale, largest)}, u the unit
 * roundoff, {@code largest} the largest entry of the exact result.
 *
 * @param roundings roundings on the longest way from an input to an entry: k for a sum of k products, and {@link #FUNCTION}
 *     for an exponential or a hyperbolic tangent, which libraries compute within a few units in the last place
 * @param scale a bound on the sum of the magnitudes that are added up for an entry, where it may be larger than the entries
 */
public record Tolerance(double roundings, double scale) {
    /** What one elementwise function may cost, with the roundings of the arithmetic around it. */
    public static final int FUNCTION = 16;

    /** A result without any rounding. */
    public static final Tolerance EXACT = new Tolerance(0, 0);

    /** Entries made of few operations each, none of them a cancelling sum. */
    public static Tolerance entrywise(double roundings) {
        return new Tolerance(roundings, 0);
    }

    /** The largest absolute error that is allowed where the exact result's largest entry is {@code largest}. */
    public double bound(Precision precision, double largest) {
        return roundings * precision.unitRoundoff() * Math.max(scale, largest);
    }
}
