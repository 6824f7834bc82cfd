package io.github.batchjac.cli;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Program;
import io.github.batchjac.io.ArrayWriter;
import io.github.batchjac.plan.Memory;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Result;
import io.github.batchjac.tensor.ElementType;
import io.github.batchjac.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Carries a task out: plans, opens the output, streams the batch through a program into it, and says what it did. */
final class Run {
    private final Computation command;
    private final Task task;
    private final Batch batch;

    Run(Computation command, Task task, Batch batch) {
        this.command = command;
        this.task = task;
        this.batch = batch;
    }

    void run(Path out) throws IOException {
        requireRoom(out);
        try (Backend backend = command.device.backend()) {
            Plan plan = Plan.of(task.graph(), task.request(), command.work.workload(backend, batch.count()));
            requireHeap(plan);
            try (ArrayWriter writer = ArrayWriter.open(out, declared(plan))) {
                long start = System.nanoTime();
                String device;
                try (Program program = backend.prepare(plan);
                        Progress progress = Progress.of(command.title(), batch.count(), command.output.quiet)) {
                    write(writer, program.stream(batch, (first, results) -> {
                        write(writer, results);
                        progress.reach(first + samples(results));
                    }));
                    device = command.device.describe(program.description());
                }
                writer.commit();
                double seconds = (System.nanoTime() - start) * 1e-9;
                report(Summary.run(command, task, plan, backend.name(), device, seconds, out), out);
            }
        }
    }

    private void requireRoom(Path out) {
        List<String> names = task.names();
        if (names.size() > 1 && out.toString().endsWith(".npy")) {
            throw new Failure(out + ": an .npy file holds one array, the result is " + names.size() + ": "
                    + String.join(", ", names) + "; name an .npz file, or choose one with --wrt");
        }
    }

    private static void requireHeap(Plan plan) {
        long heap = Runtime.getRuntime().maxMemory();
        if (plan.memory().chunkBytes() > heap) {
            throw new Failure("one chunk's inputs and results would take "
                    + Memory.bytes(plan.memory().chunkBytes()) + ", the Java heap has " + Memory.bytes(heap)
                    + "; lower --memory, or give more with BATCHJAC_JAVA_OPTS=-Xmx8g");
        }
    }

    private List<ArrayWriter.Array> declared(Plan plan) {
        List<ArrayWriter.Array> arrays = new ArrayList<>();
        for (Result result : plan.results()) {
            String name = task.arrays().get(result.name());
            if (name != null) {
                arrays.add(new ArrayWriter.Array(
                        name, ElementType.of(plan.workload().precision()), result.shape(batch.count())));
            }
        }
        return arrays;
    }

    private void write(ArrayWriter writer, Map<String, Tensor> results) throws IOException {
        for (Map.Entry<String, Tensor> e : results.entrySet()) {
            String name = task.arrays().get(e.getKey());
            if (name != null) {
                writer.append(name, e.getValue());
            }
        }
    }

    private static long samples(Map<String, Tensor> results) {
        return results.values().stream()
                .mapToLong(t -> t.shape().axis(0))
                .findFirst()
                .orElse(0);
    }

    /** Unless the result itself goes to stdout, or to another device. */
    private void report(Summary summary, Path out) {
        if (!Files.exists(out) || Files.isRegularFile(out)) {
            command.output.report(summary, command.spec.commandLine().getOut());
        }
    }
}
