package io.github.batchjac.cli;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Numbers of bytes and times as people write and read them. */
final class Sizes {
    private static final Pattern BYTES = Pattern.compile("(\\d{1,15}(?:\\.\\d{1,3})?)\\s*([KMGT]?)(?:i?B)?");
    private static final String UNITS = "KMGT";

    private Sizes() {}

    /** A whole number, 0 or more. */
    static final class CountConverter implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String text) {
            if (!text.matches("\\d{1,9}")) {
                throw new TypeConversionException("'" + text + "' is not a number of things; expected 0 or more");
            }
            return Integer.valueOf(text);
        }
    }

    /** A number of samples, which may be larger than any array. */
    static final class BatchConverter implements ITypeConverter<Long> {
        @Override
        public Long convert(String text) {
            if (!text.matches("\\d{1,15}")) {
                throw new TypeConversionException("'" + text + "' is not a number of samples; expected 0 or more");
            }
            return Long.valueOf(text);
        }
    }

    /** {@code 512M}, {@code 1.5G}, {@code 4096}; units of 1024. */
    static final class Converter implements ITypeConverter<Long> {
        @Override
        public Long convert(String text) {
            Matcher m = BYTES.matcher(text.strip().toUpperCase(Locale.ROOT).replace("IB", "B"));
            double bytes = m.matches()
                    ? Double.parseDouble(m.group(1))
                            * Math.pow(1024, m.group(2).isEmpty() ? 0 : 1 + UNITS.indexOf(m.group(2)))
                    : 0;
            if (bytes < 1 || bytes > Long.MAX_VALUE) {
                throw new TypeConversionException("'" + text
                        + "' is not a size; expected a number and K, M, G or T (units of 1024), such as 512M");
            }
            return (long) bytes;
        }
    }

    /** {@code 0.8 ms}, {@code 2.31 s}, {@code 3 min 12 s}. */
    static String time(double seconds) {
        if (seconds >= 120) {
            long s = Math.round(seconds);
            return s / 60 + " min " + s % 60 + " s";
        }
        return seconds < 1
                ? String.format(Locale.ROOT, seconds < 0.01 ? "%.2f ms" : "%.0f ms", seconds * 1e3)
                : String.format(Locale.ROOT, "%.2f s", seconds);
    }

    /** {@code 12,300,000}: three digits that mean something. */
    static String rate(double perSecond) {
        if (!(perSecond > 0) || Double.isInfinite(perSecond)) {
            return "0";
        }
        double unit = Math.pow(10, Math.max(0, Math.floor(Math.log10(perSecond)) - 2));
        return String.format(Locale.ROOT, "%,.0f", Math.rint(perSecond / unit) * unit);
    }
}
