package io.github.batchjac.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

class StatisticsTest {
    @Test
    void theMedianIsTheMiddleOrBetweenTheTwoInTheMiddle() {
        assertThat(Statistics.median(List.of(3.0, 1.0, 1000.0))).isEqualTo(3);
        assertThat(Statistics.median(List.of(4.0, 1.0, 2.0, 1000.0))).isEqualTo(3);
        assertThatThrownBy(() -> Statistics.median(List.of())).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void spreadIsTheSlowestOverTheFastest() {
        assertThat(Statistics.spread(List.of(2.0, 8.0, 4.0))).isEqualTo(4);
    }

    @Test
    void twiceAsFastAndTwiceAsSlowCancel() {
        assertThat(Statistics.geometricMean(List.of(0.5, 2.0))).isCloseTo(1, within(1e-12));
    }

    @Test
    void theStopwatchCountsNanosecondsOfOneCall() {
        double ns = Stopwatch.time(20, () -> {
            long until = System.nanoTime() + 100_000;
            while (System.nanoTime() < until) {
                Thread.onSpinWait();
            }
        });
        assertThat(ns).isBetween(100_000.0, 10_000_000.0);
    }
}
