package io.github.batchjac.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** JSON as maps, lists, strings and doubles; what is not a number is null. */
final class Json {
    private static final JsonFactory FACTORY = new JsonFactory();

    private Json() {}

    /** A file is there as a whole or as it was before. */
    static void write(Path file, Object value) throws IOException {
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            write(Files.newBufferedWriter(file), value); // a device, a pipe
            return;
        }
        Path part = file.resolveSibling(file.getFileName() + ".part");
        write(Files.newBufferedWriter(part), value);
        Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
    }

    private static void write(Writer to, Object value) throws IOException {
        try (JsonGenerator out = FACTORY.createGenerator(to)) {
            out.setPrettyPrinter(new DefaultPrettyPrinter());
            write(out, value);
            out.writeRaw('\n');
        }
    }

    private static void write(JsonGenerator out, @Nullable Object value) throws IOException {
        if (value instanceof Map<?, ?> map) {
            out.writeStartObject();
            for (Map.Entry<?, ?> e : map.entrySet()) {
                out.writeFieldName(String.valueOf(e.getKey()));
                write(out, e.getValue());
            }
            out.writeEndObject();
        } else if (value instanceof List<?> list) {
            out.writeStartArray();
            for (Object element : list) {
                write(out, element);
            }
            out.writeEndArray();
        } else if (value instanceof Number number) {
            number(out, number.doubleValue());
        } else if (value == null) {
            out.writeNull();
        } else {
            out.writeString(value.toString());
        }
    }

    /** Six figures are more than a clock gives. */
    private static void number(JsonGenerator out, double x) throws IOException {
        if (Double.isNaN(x) || Double.isInfinite(x)) {
            out.writeNull();
        } else if (x == Math.rint(x) && Math.abs(x) < 1e15) {
            out.writeNumber((long) x);
        } else {
            out.writeNumber(Double.parseDouble(String.format(java.util.Locale.ROOT, "%.6g", x)));
        }
    }

    /** @throws IOException if it is not JSON */
    static Map<?, ?> read(Path file) throws IOException {
        try (JsonParser in = FACTORY.createParser(Files.readString(file))) {
            in.nextToken();
            return value(in) instanceof Map<?, ?> map ? map : Map.of();
        }
    }

    private static @Nullable Object value(JsonParser in) throws IOException {
        switch (in.currentToken()) {
            case START_OBJECT -> {
                Map<String, @Nullable Object> map = new LinkedHashMap<>();
                while (in.nextToken() != JsonToken.END_OBJECT) {
                    String name = in.currentName();
                    in.nextToken();
                    map.put(name, value(in));
                }
                return map;
            }
            case START_ARRAY -> {
                List<@Nullable Object> list = new ArrayList<>();
                while (in.nextToken() != JsonToken.END_ARRAY) {
                    list.add(value(in));
                }
                return list;
            }
            case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> {
                return in.getDoubleValue();
            }
            case VALUE_NULL -> {
                return null;
            }
            default -> {
                return in.getText();
            }
        }
    }

    static String text(Map<?, ?> map, String key) {
        Object value = map.get(key);
        return value == null ? "" : value.toString();
    }

    static double number(Map<?, ?> map, String key) {
        return map.get(key) instanceof Double x ? x : Double.NaN;
    }

    static List<Map<?, ?>> objects(Map<?, ?> map, String key) {
        List<Map<?, ?>> objects = new ArrayList<>();
        if (map.get(key) instanceof List<?> list) {
            for (Object element : list) {
                if (element instanceof Map<?, ?> object) {
                    objects.add(object);
                }
            }
        }
        return objects;
    }
}
