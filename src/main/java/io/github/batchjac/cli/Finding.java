package io.github.batchjac.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;

/**
 * One thing that {@code doctor} looked at.
 *
 * @param name what was looked for
 * @param status how it is
 * @param found what was found, or why not
 * @param advice what would help, as a sentence; empty if nothing is missing
 * @param facts more about it, numbers and strings, for machines
 */
record Finding(String name, Status status, String found, String advice, Map<String, Object> facts) {

    /** How a thing is: there and used; not there or not used; not known. */
    enum Status {
        OK,
        OFF,
        UNKNOWN;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    static Finding ok(String name, String found) {
        return new Finding(name, Status.OK, found, "", Map.of());
    }

    static Finding off(String name, String why, String advice) {
        return new Finding(name, Status.OFF, why, advice, Map.of());
    }

    static Finding unknown(String name, String why) {
        return new Finding(name, Status.UNKNOWN, "could not be looked at: " + Sentence.oneLine(why), "", Map.of());
    }

    Finding with(String fact, Object value) {
        Map<String, Object> more = new LinkedHashMap<>(facts);
        more.put(fact, value);
        return new Finding(name, status, found, advice, more);
    }

    /** What a look says; that it failed, if it fails, whatever the failure is. */
    static List<Finding> of(String name, Callable<List<Finding>> look) {
        try {
            return look.call();
        } catch (Throwable e) {
            return List.of(unknown(name, e.getMessage() == null ? e.toString() : e.getMessage()));
        }
    }

    /** All of it as one object of JSON. */
    Map<String, Object> toMap() {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("name", name);
        all.put("status", status);
        all.put("found", found);
        all.put("advice", advice);
        all.putAll(facts);
        return all;
    }

    /** What {@link #toMap} gave; null if the line is something else. */
    static @Nullable Finding parse(String line) {
        if (!line.startsWith("{")) {
            return null;
        }
        Map<String, Object> all = new LinkedHashMap<>();
        try (JsonParser json = new JsonFactory().createParser(line)) {
            json.nextToken();
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                String name = json.currentName();
                JsonToken value = json.nextToken();
                all.put(name, value == JsonToken.VALUE_NUMBER_INT ? (Object) json.getLongValue() : json.getText());
            }
            return new Finding(
                    text(all, "name"),
                    Status.valueOf(text(all, "status").toUpperCase(Locale.ROOT)),
                    text(all, "found"),
                    text(all, "advice"),
                    all);
        } catch (IOException | IllegalArgumentException e) {
            return null;
        }
    }

    private static String text(Map<String, Object> all, String name) {
        return Objects.requireNonNullElse(all.remove(name), "").toString();
    }
}
