package io.github.batchjac.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.github.batchjac.backend.Backend;
import io.github.batchjac.plan.Memory;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Result;
import io.github.batchjac.tensor.ElementType;
import io.github.batchjac.tensor.Shape;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/** What a command did: lines for people, one JSON object for machines. */
final class Summary {
    private final String heading;
    private final Map<String, String> lines = new LinkedHashMap<>();
    private final Map<String, @Nullable Object> facts = new LinkedHashMap<>();

    Summary(String command, String heading) {
        this.heading = heading;
        fact("command", command);
    }

    Summary line(String name, String text) {
        lines.put(name, text);
        return this;
    }

    /** A number, a boolean, a string, or a list or map of such. */
    Summary fact(String name, @Nullable Object value) {
        facts.put(name, value);
        return this;
    }

    static Summary run(
            Computation command, Task task, Plan plan, String device, String description, double seconds, Path out) {
        List<String> wrt = task.request().wrt();
        String model = command.model.model;
        long batch = plan.workload().batch();
        Summary s = new Summary(
                command.title(),
                command.title() + " of " + model + (wrt.isEmpty() ? "" : " wrt " + String.join(", ", wrt)));
        s.fact("model", model);
        s.planned(plan, device, description);
        s.fact("seconds", seconds);
        s.fact("samples_per_second", batch / seconds);
        s.fact("out", out.toString());
        List<Result> written = plan.results().stream()
                .filter(r -> task.arrays().containsKey(r.name()))
                .toList();
        s.fact("arrays", written.stream().map(r -> array(task, r, batch, plan)).toList());
        ElementType type = ElementType.of(plan.workload().precision());
        double bytes = written.stream()
                .mapToDouble(r -> (double) r.shape(batch).elements() * type.bytes())
                .sum();
        String shapes =
                written.size() == 1 ? type + " " + written.get(0).shape(batch) : written.size() + " arrays, " + type;
        s.line("result", shapes + ", " + Memory.bytes((long) bytes) + ", in " + out);
        s.line("device", description);
        s.line("plan", plan(plan));
        s.line("time", Sizes.time(seconds) + ", " + Sizes.rate(batch / seconds) + " samples/s");
        return s;
    }

    static Summary plan(String command, Plan plan, Backend backend, String description) {
        Summary s = new Summary(command, plan.explain() + "\ndevice: " + description);
        s.planned(plan, backend.name(), description);
        s.fact("explanation", plan.explain());
        return s;
    }

    private void planned(Plan plan, String device, String description) {
        Memory memory = plan.memory();
        fact("wrt", plan.request().wrt());
        fact("batch", plan.workload().batch());
        fact("precision", plan.workload().precision().toString());
        fact("device", device);
        fact("device_description", description);
        fact("order", plan.order());
        fact("chunk", memory.chunk());
        fact("chunks", chunks(plan));
        fact("peak_bytes", memory.peakBytes());
        fact("memory_bytes", plan.workload().memory());
    }

    static long chunks(Plan plan) {
        long chunk = plan.memory().chunk();
        return plan.workload().batch() / chunk + (plan.workload().batch() % chunk == 0 ? 0 : 1);
    }

    /** {@code reverse order; 1 chunk of 64 samples; peak 3 MiB of 2 GiB}. */
    static String plan(Plan plan) {
        long chunks = chunks(plan);
        String order = plan.order();
        return (order == null ? "" : order + " order; ") + chunks + (chunks == 1 ? " chunk" : " chunks") + " of "
                + plan.memory().chunk() + (chunks > 1 ? " samples at most; peak " : " samples; peak ")
                + Memory.bytes(plan.memory().peakBytes()) + " of "
                + Memory.bytes(plan.workload().memory());
    }

    private static Map<String, Object> array(Task task, Result result, long batch, Plan plan) {
        Shape shape = result.shape(batch);
        Map<String, Object> array = new LinkedHashMap<>();
        array.put("name", String.valueOf(task.arrays().get(result.name())));
        array.put("dtype", ElementType.of(plan.workload().precision()).toString());
        array.put("shape", LongStream.of(shape.axes()).boxed().toList());
        return array;
    }

    void print(PrintWriter out) {
        out.println(heading);
        int width = lines.keySet().stream().mapToInt(String::length).max().orElse(0);
        lines.forEach((name, text) -> out.println("  " + name + " ".repeat(width - name.length() + 2) + text));
        out.flush();
    }

    void printJson(PrintWriter out) {
        printJson(facts, out);
    }

    /** A value as {@link #fact} takes it, on one line. */
    static void printJson(Object value, PrintWriter out) {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
            write(json, value);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        out.println(text);
        out.flush();
    }

    private static void write(JsonGenerator json, @Nullable Object value) throws IOException {
        if (value instanceof Map<?, ?> map) {
            json.writeStartObject();
            for (Map.Entry<?, ?> e : map.entrySet()) {
                json.writeFieldName(String.valueOf(e.getKey()));
                write(json, e.getValue());
            }
            json.writeEndObject();
        } else if (value instanceof List<?> list) {
            json.writeStartArray();
            for (Object item : list) {
                write(json, item);
            }
            json.writeEndArray();
        } else if (value instanceof Double d) {
            if (Double.isFinite(d)) {
                json.writeNumber(d);
            } else {
                json.writeNull(); // JSON has no infinities
            }
        } else if (value instanceof Number n) {
            json.writeNumber(n.longValue());
        } else if (value instanceof Boolean b) {
            json.writeBoolean(b);
        } else if (value == null) {
            json.writeNull();
        } else {
            json.writeString(value.toString());
        }
    }
}
