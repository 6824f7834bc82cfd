package io.github.batchjac.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Pauses between turns: threads of the last contender may spin for a while before they sleep, and somebody else may use the
 * machine. Waits, within a budget, until it is idle; says how busy it was. Where the system does not tell, it just pauses.
 */
final class Quiet {
    private static final Path STAT = Path.of("/proc/stat");
    private static final int PAUSE_MS = 25;
    private static final int MOST_PAUSES = 40;
    private static final double BUSY = 0.2;

    private long budget;
    private double busySum;
    private int turns;

    /** @param budgetMs the most to wait in all, beyond one pause per turn */
    Quiet(long budgetMs) {
        this.budget = budgetMs;
    }

    /** Until the machine is idle, or time is up. */
    void await() {
        double busy = pause();
        for (int i = 0; i < MOST_PAUSES && busy > BUSY && budget > 0; i++) {
            busy = pause();
            budget -= PAUSE_MS;
        }
        turns++;
        busySum += busy;
    }

    /** How busy others kept the processors in the last pause before each turn, on the average: 0 to 1. */
    double busy() {
        return turns == 0 ? 0 : busySum / turns;
    }

    private static double pause() {
        long[] before = times();
        try {
            Thread.sleep(PAUSE_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        long[] after = times();
        long all = after[1] - before[1];
        return all <= 0 ? 0 : 1 - (after[0] - before[0]) / (double) all;
    }

    /** Ticks in which the processors were idle, and all ticks. */
    private static long[] times() {
        try {
            String[] words = Files.readAllLines(STAT).get(0).split(" +");
            long all = 0;
            for (int i = 1; i < words.length; i++) {
                all += Long.parseLong(words[i]);
            }
            return new long[] {Long.parseLong(words[4]) + Long.parseLong(words[5]), all};
        } catch (IOException | RuntimeException e) {
            return new long[] {0, 0};
        }
    }
}
