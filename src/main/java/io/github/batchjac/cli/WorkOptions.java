package io.github.batchjac.cli;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.plan.Workload;
import io.github.batchjac.tensor.Precision;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** In which precision and with how much memory to compute. */
final class WorkOptions {
    @Option(
            names = "--precision",
            paramLabel = "f32|f64",
            description = "What to compute in; models and inputs are converted. Default: f32.",
            converter = PrecisionConverter.class)
    Precision precision = Precision.F32;

    @Option(
            names = "--memory",
            paramLabel = "SIZE",
            description =
                    "Budget for buffers, such as 512M or 2G; the batch is cut into chunks that fit, and the result"
                            + " is the same to the last bit. Default: half of the Java heap.",
            converter = Sizes.Converter.class)
    @Nullable Long memory;

    /** A batch on a backend, as a plan wants to know it. */
    Workload workload(Backend backend, long batch) {
        Long bytes = memory;
        long budget = bytes == null ? Runtime.getRuntime().maxMemory() / 2 : bytes;
        return backend.workload(batch).in(precision).within(budget).justOnce();
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
