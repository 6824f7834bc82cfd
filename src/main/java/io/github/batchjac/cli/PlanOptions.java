package io.github.batchjac.cli;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What {@code plan} needs to know in place of the files. */
final class PlanOptions {
    @Option(
            names = "--batch",
            paramLabel = "N",
            description = "Number of samples to plan for, in place of INPUT.",
            converter = Sizes.BatchConverter.class)
    @Nullable Long batch;

    @Option(
            names = "--seeds",
            paramLabel = "K",
            description = "Number of cotangents or tangents at once, in place of their file.",
            converter = Sizes.CountConverter.class)
    int seeds;
}
