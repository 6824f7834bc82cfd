package io.github.batchjac.cli;

import io.github.batchjac.cli.Sources.Example;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.tensor.ElementType;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Shape;
import java.io.IOException;
import java.util.Collection;
import java.util.Map;

/** Collects what a program is to be given, checking every shape that a file's header tells against what is expected. */
final class Inputs {
    private final Sources sources;
    private final ElementType type;
    private final boolean finite;
    private final Batch batch = new Batch();

    /**
     * @param precision what is computed in
     * @param finite whether infinities and NaN are refused
     */
    Inputs(Sources sources, Precision precision, boolean finite) {
        this.sources = sources;
        this.type = ElementType.of(precision);
        this.finite = finite;
    }

    Batch batch() {
        return batch;
    }

    Source open(String argument, Example example) throws IOException {
        return sources.array(argument, example);
    }

    Map<String, Source> open(String argument, Collection<String> names) throws IOException {
        return sources.arrays(argument, names, Example.NONE);
    }

    /** Adds the model's inputs. */
    void model(Graph graph, String argument) throws IOException {
        Map<String, Source> given = sources.arrays(argument, graph.inputs().keySet(), Example.IMAGES);
        given.forEach((name, source) -> {
            Shape each = graph.named(name).shape();
            String expected = batched(each) + " for the model's input " + name;
            if (!source.real(expected).isBatchOf(each)) {
                throw source.unexpected(expected);
            }
            numbers(name, source, each);
        });
    }

    /** Adds numbers for every sample. */
    void numbers(String key, Source source, Shape each) {
        batch.add(key, new Column(source, type, each, false, 0, finite));
    }

    /** Adds numbers that all samples share. */
    void shared(String key, Source source, Shape shape) {
        batch.add(key, new Column(source, type, shape, true, 0, finite));
    }

    /** Adds class indices below {@code classes}. */
    void labels(String key, Source source, int classes) {
        batch.add(key, new Column(source, ElementType.I64, Shape.scalar(), false, classes, finite));
    }

    /** {@code (B, 10)}, from {@code (10,)}. */
    static String batched(Shape each) {
        String axes = each.toString();
        String inner = axes.substring(1, axes.length() - (axes.endsWith(",)") ? 2 : 1));
        return inner.isEmpty() ? "(B,)" : "(B, " + inner + ")";
    }
}
