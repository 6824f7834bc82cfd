package io.github.batchjac.bench;

import java.io.PrintStream;

final class Calibration {
    private Calibration() {}

    static void run(int threads, PrintStream out) {}
}
