package io.github.batchjac.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;

/** The largest error seen, and where, against a bound that was derived. */
public final class Worst {
    private final String what;
    private double error;
    private double excess = Double.NEGATIVE_INFINITY;
    private String where = "";

    public Worst(String what) {
        this.what = what;
    }

    public void see(double e, double bound, Object at) {
        error = Math.max(error, e);
        double over = Double.isNaN(e) ? Double.POSITIVE_INFINITY : e - bound;
        if (over > excess) {
            excess = over;
            where = what + " at " + at + ": " + e + ", bound " + bound;
        }
    }

    public void check() {
        if (Boolean.getBoolean("batchjac.worst")) {
            System.err.printf("worst %s %.3f (%s)%n", what, error, where);
        }
        assertThat(excess).as(where).isLessThanOrEqualTo(0);
    }
}
