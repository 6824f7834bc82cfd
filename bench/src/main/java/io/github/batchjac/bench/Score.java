package io.github.batchjac.bench;

/**
 * One contender at one item: a line of the results. Rates are of the least bytes and operations that the item needs, so that
 * they compare.
 *
 * @param ns median of the rounds' nanoseconds per call; not a number if it was not timed
 * @param best the fastest round
 * @param spread the slowest round over the fastest
 * @param floor nanoseconds that memory and arithmetic allow at least, as measured in the same rounds
 * @param error ‖Δ‖/‖exact‖ in units of roundoff
 * @param samples samples that were compared
 * @param note what computed; or why it was not timed
 */
record Score(
        String group,
        String item,
        int batch,
        String precision,
        String contender,
        double ns,
        double best,
        double spread,
        double gigabytes,
        double gigaflops,
        double floor,
        double error,
        int samples,
        String note) {

    boolean timed() {
        return !Double.isNaN(ns);
    }

    /** How much of what the machine allows is reached; more than 1 where less is written than the result holds. */
    double fraction() {
        return floor / ns;
    }

    /** Item, batch and precision. */
    String key() {
        return item + " B" + batch + " " + precision;
    }
}
