package io.github.batchjac.bench;

import io.github.batchjac.io.ArrayWriter;
import io.github.batchjac.io.NpyReader;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The other end of the line protocol, for contenders in Java. Each request is a line and so is its answer:
 *
 * <pre>
 * load ITEM PRECISION BATCH FOLDER    ready | missing SENTENCE
 * check FOLDER STEP                   done: every STEP-th sample of each result is in FOLDER/RESULT.npy
 * time MILLISECONDS                   nanoseconds per call
 * quit
 * </pre>
 *
 * What goes wrong is answered with {@code failed SENTENCE}.
 */
abstract class Worker {
    private String description = "";

    /** Prepares an item; a sentence if this contender does not have it, empty if it is ready. */
    abstract String load(Item item, Precision precision, Map<String, Tensor> files);

    /** The results of one run, by file name. */
    abstract Map<String, Tensor> results();

    /** What is timed. */
    abstract void run();

    /** Nanoseconds of one run. */
    double time(double milliseconds) {
        return Stopwatch.time(milliseconds, this::run);
    }

    /** What computes, for the record; told with {@code ready}. */
    void describe(String text) {
        description = text.replace('\n', ' ');
    }

    /** Obeys until told to quit or the driver is gone. */
    final void serve() throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        System.setOut(System.err); // whatever a library prints goes to the log
        for (String line = in.readLine(); line != null && !line.equals("quit"); line = in.readLine()) {
            out.println(answer(line));
        }
    }

    private String answer(String line) {
        String[] words = line.split(" ", 5);
        try {
            switch (words[0]) {
                case "load" -> {
                    Item item = Items.named(words[1], Integer.parseInt(words[3]));
                    String missing = load(item, precision(words[2]), read(Path.of(words[4])));
                    return missing.isEmpty() ? ("ready " + description).strip() : "missing " + missing;
                }
                case "check" -> {
                    write(Path.of(words[1]), Integer.parseInt(words[2]));
                    return "done";
                }
                case "time" -> {
                    return Double.toString(time(Double.parseDouble(words[1])));
                }
                default -> {
                    return "failed what is " + words[0] + "?";
                }
            }
        } catch (IOException | RuntimeException | LinkageError | OutOfMemoryError e) {
            return "failed " + String.valueOf(e).replace('\n', ' ');
        }
    }

    static Precision precision(String name) {
        return name.equals(Precision.F64.toString()) ? Precision.F64 : Precision.F32;
    }

    /** Every array of a folder by its file's name. */
    static Map<String, Tensor> read(Path folder) throws IOException {
        Map<String, Tensor> files = new LinkedHashMap<>();
        try (DirectoryStream<Path> paths = Files.newDirectoryStream(folder, "*.npy")) {
            for (Path path : paths) {
                files.put(path.getFileName().toString().replaceFirst("\\.npy$", ""), NpyReader.read(path));
            }
        }
        return files;
    }

    static void write(Path folder, Map<String, Tensor> files) throws IOException {
        Files.createDirectories(folder);
        for (Map.Entry<String, Tensor> e : files.entrySet()) {
            ArrayWriter.write(folder.resolve(e.getKey() + ".npy"), e.getValue());
        }
    }

    private void write(Path folder, int step) throws IOException {
        Map<String, Tensor> some = new LinkedHashMap<>();
        results().forEach((name, tensor) -> some.put(name, step == 1 ? tensor : Item.every(step, tensor)));
        write(folder, some);
    }
}
