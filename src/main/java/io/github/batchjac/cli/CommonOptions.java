package io.github.batchjac.cli;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Backends;
import io.github.batchjac.plan.Workload;
import io.github.batchjac.tensor.Precision;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** What every computing command takes: where to compute, in which precision, with how much memory, and what to say. */
final class CommonOptions {
    static final String AUTO = "auto";

    @Option(
            names = "--device",
            paramLabel = "auto|cpu|reference",
            description = "Where to compute. auto (the default) takes the fastest there is; the summary says which and why.",
            converter = DeviceConverter.class)
    String device = AUTO;

    @Option(
            names = "--precision",
            paramLabel = "f32|f64",
            description = "What to compute in; models and inputs are converted. Default: f32.",
            converter = PrecisionConverter.class)
    Precision precision = Precision.F32;

    @Option(
            names = "--memory",
            paramLabel = "SIZE",
            description = "Budget for buffers, such as 512M or 2G; the batch is cut into chunks that fit, and the result"
                    + " is the same to the last bit. Default: half of the Java heap.",
            converter = Sizes.Converter.class)
    @Nullable Long memory;

    @Option(names = "--threads", paramLabel = "N", description = "Threads of the CPU. Default: one per processor.")
    int threads;

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

    /** The backend that --device and --threads name. */
    Backend backend() {
        return Backends.choose(device, threads);
    }

    /** What is asked for, as a plan wants to know it. */
    Workload workload(Backend backend, long batch) {
        return backend.workload(batch).in(precision).within(budget());
    }

    long budget() {
        Long bytes = memory;
        return bytes == null ? Runtime.getRuntime().maxMemory() / 2 : bytes;
    }

    static final class DeviceConverter implements ITypeConverter<String> {
        @Override
        public String convert(String text) {
            List<String> devices = Backends.devices();
            if (!devices.contains(text)) {
                throw new TypeConversionException("'" + text + "' is not a device; expected one of " + String.join(", ", devices));
            }
            return text;
        }
    }

    static final class PrecisionConverter implements ITypeConverter<Precision> {
        @Override
        public Precision convert(String text) {
            return switch (text.toLowerCase(Locale.ROOT)) {
                case "f32", "float32" -> Precision.F32;
                case "f64", "float64" -> Precision.F64;
                default -> throw new TypeConversionException("'" + text + "' is not a precision; expected f32 or f64");
            };
        }
    }
}
