package io.github.batchjac.cli;

import io.github.batchjac.plan.Order;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

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

    @Option(
            names = "--order",
            paramLabel = "ORDER",
            description = "Show the steps of this order of the products: forward, reverse or, the default, cheapest.",
            converter = OrderConverter.class)
    Order order = Order.CHEAPEST;

    static final class OrderConverter implements ITypeConverter<Order> {
        @Override
        public Order convert(String text) {
            return switch (text.toLowerCase(Locale.ROOT)) {
                case "cheapest" -> Order.CHEAPEST;
                case "forward" -> Order.FORWARD;
                case "reverse" -> Order.REVERSE;
                default ->
                    throw new TypeConversionException(
                            "'" + text + "' is not an order; expected forward, reverse or cheapest");
            };
        }
    }
}
