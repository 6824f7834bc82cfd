package io.github.batchjac.cli;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.plan.Order;
import io.github.batchjac.plan.Plan;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** A command that turns a model and a batch into arrays in a file; below {@code plan}, one that says how it would. */
abstract class Computation implements Callable<Integer> {
    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    CommandSpec spec;

    @Mixin
    final ModelArgument model = new ModelArgument();

    @Parameters(
            index = "1",
            arity = "0..1",
            paramLabel = "INPUT",
            description =
                    "The batch: an .npy file (B, n), an .npz keyed by the model's input names, or example:digits.")
    @Nullable String input;

    @Option(
            names = "--out",
            paramLabel = "FILE",
            description =
                    "Where the result goes: .npy for one array, .npz for several by name. It appears whole or not at all.")
    @Nullable Path out;

    @Mixin
    final DeviceOptions device = new DeviceOptions();

    @Mixin
    final WorkOptions work = new WorkOptions();

    @Mixin
    final OutputOptions output = new OutputOptions();

    private @Nullable PlanOptions plan;

    /** This command, to explain its plan. */
    void explain(PlanOptions options) {
        this.plan = options;
    }

    /** Refuses combinations of options that make no sense whatever the model. */
    void checkUsage() {}

    /** What is to be computed; adds to {@code inputs} what it needs beside the model's inputs. */
    abstract Task task(Graph graph, Inputs inputs) throws IOException;

    @Override
    public final Integer call() throws IOException {
        PlanOptions explaining = plan;
        if (explaining == null) {
            require(input, "INPUT");
            require(out, "--out FILE");
        } else if (input == null && explaining.batch == null) {
            throw usage("name an INPUT, or how many samples: --batch N");
        }
        checkUsage();
        try (Sources sources = new Sources()) {
            Graph graph = model.load();
            Inputs inputs = new Inputs(sources, work.precision, !model.allowNonFinite);
            if (input != null) {
                inputs.model(graph, input);
            }
            Task task = task(graph, inputs);
            if (explaining == null) {
                new Run(this, task, inputs.batch()).run(require(out, "--out FILE"));
            } else {
                long batch = explaining.batch == null ? inputs.batch().count() : explaining.batch;
                explain(task, batch, explaining.order);
            }
        }
        return 0;
    }

    private void explain(Task task, long batch, Order order) {
        try (Backend backend = device.backend()) {
            Plan made = Plan.of(task.graph(), task.request(), work.workload(backend, batch), order);
            output.report(
                    Summary.plan(title(), made, backend, device.describe(backend.description())),
                    spec.commandLine().getOut());
        }
    }

    /** Whether there are files to take shapes from, or a plan is made without. */
    boolean planning() {
        return plan != null;
    }

    /** The seeds to plan for where no file tells. */
    int plannedSeeds() {
        return plan == null ? 0 : plan.seeds;
    }

    /** {@code jacobian}, {@code plan jacobian}. */
    String title() {
        return (planning() ? "plan " : "") + spec.name();
    }

    /** {@code value}, which a user must give. */
    <T> T require(@Nullable T value, String name) {
        if (value == null) {
            throw usage("missing " + name);
        }
        return value;
    }

    ParameterException usage(String message) {
        return new ParameterException(spec.commandLine(), message);
    }
}
