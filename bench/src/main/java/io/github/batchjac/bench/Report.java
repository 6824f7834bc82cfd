package io.github.batchjac.bench;

import java.io.*;
import java.nio.file.Path;
import java.util.List;

final class Report {
    private Report() {}

    static final String MARKERS = "x";

    static void write(List<ResultFile> results, Path readme, Path plots, PrintStream out) throws IOException {}
}
