package io.github.batchjac.cli;

import java.io.PrintWriter;
import picocli.CommandLine.Option;

/** What to say. */
final class OutputOptions {
    @Option(names = "--json", description = "The summary as one JSON object on stdout.")
    boolean json;

    @Option(names = "--quiet", description = "No summary and no progress.")
    boolean quiet;

    @Option(names = "--trace", hidden = true, description = "Print a stack trace when something fails.")
    boolean trace;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "This text.")
    boolean help;

    /** Says it as it was asked for, or not at all. */
    void report(Summary summary, PrintWriter out) {
        if (quiet) {
            return;
        } else if (json) {
            summary.printJson(out);
        } else {
            summary.print(out);
        }
    }
}
