package io.github.batchjac.bench;

import java.util.Collection;

/** Of small sets of timings. */
final class Statistics {
    private Statistics() {}

    /** The middle value, or the mean of the two in the middle. @throws IllegalArgumentException if there is none */
    static double median(Collection<Double> values) {
        double[] sorted = values.stream().mapToDouble(x -> x).sorted().toArray();
        if (sorted.length == 0) {
            throw new IllegalArgumentException("no values");
        }
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /** How far apart the values are: largest over smallest. */
    static double spread(Collection<Double> values) {
        double least = values.stream().mapToDouble(x -> x).min().orElse(Double.NaN);
        double most = values.stream().mapToDouble(x -> x).max().orElse(Double.NaN);
        return most / least;
    }

    /** The geometric mean of positive numbers. */
    static double geometricMean(Collection<Double> values) {
        return Math.exp(values.stream().mapToDouble(Math::log).average().orElse(Double.NaN));
    }
}
