package io.github.batchjac.cli;

import java.util.Arrays;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How another command would be carried out, without carrying it out. */
@Command(
        name = "plan",
        header = "Explain how a computation would be done: order, structures, cost, memory.",
        customSynopsis = "batchjac plan forward|jacobian|vjp|jvp|gradient MODEL [INPUT] --batch N [options]",
        description = "Takes the arguments of the command that it explains; files may be left out.",
        subcommands = {},
        footer = {
            "",
            "Examples:",
            "  batchjac plan jacobian model.onnx --batch 4096",
            "  batchjac plan jacobian example:digits --batch 100000 --memory 64M",
            "  batchjac plan gradient model.onnx --batch 256 --loss softmax-cross-entropy --reduce mean"
        })
final class PlanCommand implements Callable<Integer> {
    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    CommandSpec spec;

    @CommandLine.Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "This text.")
    boolean help;

    @Override
    public Integer call() {
        throw new ParameterException(spec.commandLine(), "which command? plan forward, jacobian, vjp, jvp or gradient");
    }

    /** {@code command}, to be put below {@code plan}. */
    static CommandLine explaining(Computation command) {
        PlanOptions options = new PlanOptions();
        command.explain(options);
        CommandLine line = new CommandLine(command);
        CommandSpec spec = line.getCommandSpec();
        spec.addMixin("plan", CommandSpec.forAnnotatedObject(options));
        CommandLine.Model.UsageMessageSpec usage = spec.usageMessage();
        usage.header("How 'batchjac " + spec.name() + "' would be done: order, structures, cost, memory.");
        usage.description();
        usage.customSynopsis(
                Arrays.stream(usage.customSynopsis()).map(PlanCommand::planned).toArray(String[]::new));
        usage.footer("", "Example:", "  " + example(spec.name()));
        return line;
    }

    private static String planned(String synopsis) {
        return synopsis.replaceFirst("batchjac (\\w+) MODEL INPUT", "batchjac plan $1 MODEL [INPUT] --batch N")
                .replaceFirst("--(target|cotangent|tangent) \\S+ ", "[$0")
                .replaceFirst("(\\[--(?:target|cotangent|tangent) \\S+) ", "$1] ")
                .replaceFirst(" --out \\S+", "");
    }

    private static String example(String command) {
        return "batchjac plan " + command + " model.onnx --batch 4096"
                + switch (command) {
                    case "vjp", "jvp" -> " --seeds 3";
                    case "gradient" -> " --loss softmax-cross-entropy --reduce mean";
                    default -> "";
                };
    }
}
