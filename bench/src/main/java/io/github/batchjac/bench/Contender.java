package io.github.batchjac.bench;

import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A process that obeys the line protocol of {@link Worker}, seen from the driver. */
final class Contender implements AutoCloseable {
    private final String name;
    private final Process process;
    private final BufferedReader answers;
    private final BufferedWriter requests;
    private String description = "";

    private Contender(String name, Process process) {
        this.name = name;
        this.process = process;
        this.answers = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        this.requests = new BufferedWriter(new OutputStreamWriter(process.getOutputStream(), StandardCharsets.UTF_8));
    }

    /** Starts a process; what it says on stderr goes to {@code log}. */
    static Contender start(String name, List<String> command, Map<String, String> environment, Path log)
            throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().putAll(environment);
        builder.redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()));
        Process process = builder.start();
        endFirst(process);
        return new Contender(name, process);
    }

    /** Where memory runs out, Linux is to end a contender, which the run survives, and not the run. */
    private static void endFirst(Process process) {
        try {
            Files.writeString(Path.of("/proc", Long.toString(process.pid()), "oom_score_adj"), "500");
        } catch (IOException e) {
            // another system, or none of our business there
        }
    }

    String name() {
        return name;
    }

    /** What computes, as the contender put it when it loaded the last item. */
    String description() {
        return description;
    }

    /** An answer that is not a success. */
    static final class Refused extends IOException {
        private static final long serialVersionUID = 1;

        Refused(String message) {
            super(message);
        }
    }

    /** Empty if the item is ready, else why this contender does not have it. */
    String load(Item item, Precision precision, Path folder) throws IOException {
        String answer = ask("load " + item.name() + " " + precision + " " + item.batch() + " " + folder);
        if (answer.startsWith("missing ")) {
            return answer.substring("missing ".length());
        }
        description = answer.replaceFirst("^ready ?", "");
        return "";
    }

    /** Every {@code step}-th sample of the results, by name. */
    Map<String, Tensor> results(Path folder, int step) throws IOException {
        ask("check " + folder + " " + step);
        return Worker.read(folder);
    }

    /** Nanoseconds per call. */
    double time(double milliseconds) throws IOException {
        return Double.parseDouble(ask("time " + milliseconds));
    }

    /** Whether the process is still there: the system may have ended it, for want of memory. */
    boolean isAlive() {
        return process.isAlive();
    }

    private String ask(String request) throws IOException {
        String answer;
        try {
            requests.write(request + "\n");
            requests.flush();
            answer = answers.readLine();
        } catch (IOException e) { // it reads no longer
            answer = null;
        }
        if (answer == null) {
            throw new Refused(name + " has ended in the middle of " + request.split(" ")[0]);
        }
        if (answer.startsWith("failed")) {
            throw new Refused(name + " " + answer);
        }
        return answer;
    }

    /** Ends the process: asks it to, then makes it. */
    @Override
    public void close() {
        try {
            requests.write("quit\n");
            requests.close();
            if (!process.waitFor(5, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (IOException e) {
            process.destroyForcibly();
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
