package io.github.batchjac.cli;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Backends;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** Where to compute. */
final class DeviceOptions {
    private static final String AUTO = "auto";

    @Option(
            names = "--device",
            paramLabel = "auto|cpu|cuda|reference",
            description =
                    "Where to compute. auto (the default) takes the fastest there is; the summary says which and why. cuda:1 is"
                            + " the second GPU; cuda,cpu goes on with the CPU if the GPU fails in the middle.",
            converter = DeviceConverter.class)
    String device = AUTO;

    @Option(
            names = "--threads",
            paramLabel = "N",
            description = "Threads of the CPU. Default: one per processor.",
            converter = Sizes.CountConverter.class)
    int threads;

    /** The backend that the options name. */
    Backend backend() {
        return Backends.choose(device, threads);
    }

    /** What computes, and why. */
    String describe(String description) {
        return device.equals(AUTO) ? description + " (auto: the fastest here)" : description;
    }

    static final class DeviceConverter implements ITypeConverter<String> {
        @Override
        public String convert(String text) {
            if (!Backends.names(text)) {
                throw new TypeConversionException(
                        "'" + text + "' is not a device; expected one of " + Backends.forms());
            }
            return text;
        }
    }
}
