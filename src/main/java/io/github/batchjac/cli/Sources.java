package io.github.batchjac.cli;

import io.github.batchjac.example.Digits;
import io.github.batchjac.io.NpyReader;
import io.github.batchjac.io.NpzReader;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** Opens the arrays that a command's arguments name, and closes them all together. */
final class Sources implements Closeable {
    /** Which of the embedded example's arrays {@code example:digits} stands for. */
    enum Example {
        IMAGES,
        LABELS,
        NONE
    }

    private final Deque<Closeable> open = new ArrayDeque<>();

    /** The array in an {@code .npy} file, or the example's. */
    Source array(String argument, Example example) throws IOException {
        if (argument.startsWith(Digits.SCHEME)) {
            return new Source(argument, keep(example(argument, example)));
        }
        if (argument.endsWith(".npz")) {
            throw new Failure(argument + ": expected one array, an .npy file");
        }
        return new Source(argument, keep(NpyReader.open(Path.of(argument))));
    }

    /** The arrays of these names: in an {@code .npz} file by name, or, if it is one name, in an {@code .npy} file. */
    Map<String, Source> arrays(String argument, Collection<String> names, Example example) throws IOException {
        if (argument.endsWith(".npz")) {
            return named(argument, names);
        }
        if (names.size() != 1) {
            throw new Failure(
                    argument + ": expected an .npz file with an array for each of " + String.join(", ", names));
        }
        return Map.of(names.iterator().next(), array(argument, example));
    }

    private Map<String, Source> named(String argument, Collection<String> names) throws IOException {
        NpzReader zip = keep(NpzReader.open(Path.of(argument)));
        Set<String> unknown = new TreeSet<>(zip.names());
        unknown.removeAll(names);
        Set<String> missing = new TreeSet<>(names);
        missing.removeAll(zip.names());
        if (!unknown.isEmpty() || !missing.isEmpty()) {
            throw new Failure(argument + ": holds the arrays " + list(zip.names()) + ", expected " + list(names));
        }
        Map<String, Source> sources = new LinkedHashMap<>();
        for (String name : names) {
            sources.put(name, new Source(argument + ":" + name, keep(zip.array(name))));
        }
        return sources;
    }

    private static String list(Collection<String> names) {
        List<String> few = names.stream().limit(20).toList();
        return few.isEmpty() ? "(none)" : String.join(", ", few) + (names.size() > few.size() ? ", …" : "");
    }

    private static NpyReader example(String argument, Example example) throws IOException {
        if (!argument.equals(Digits.NAME)) {
            throw new Failure(argument + ": there is no such example; there is " + Digits.NAME);
        }
        return switch (example) {
            case IMAGES -> Digits.images();
            case LABELS -> Digits.labels();
            case NONE ->
                throw new Failure(argument + ": the example has images and labels, but nothing for this; name a file");
        };
    }

    private <C extends Closeable> C keep(C source) {
        open.push(source);
        return source;
    }

    @Override
    public void close() throws IOException {
        while (!open.isEmpty()) {
            open.pop().close();
        }
    }
}
