package io.github.batchjac.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.Charset;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command {@code batchjac}. Exit codes: 0 fine, 1 failed with one line on stderr, 2 wrong usage. */
@Command(
        name = "batchjac",
        header = "Batched Jacobians: structured, planned by cost, within a memory budget.",
        customSynopsis = "batchjac COMMAND ... [--help]",
        versionProvider = Main.Version.class,
        footer = {
            "",
            "Examples:",
            "  batchjac demo                                        see it at work on handwritten digits",
            "  batchjac jacobian model.onnx x.npy --out j.npy       (B, out..., in...)",
            "  batchjac plan jacobian model.onnx --batch 4096       how it would be done, and at what cost",
            "  batchjac check model.onnx x.npy                      every device against the reference",
            "  batchjac doctor                                      what this machine has and lacks",
            "  batchjac jacobian --help                             more, for each command",
            "",
            "MODEL is an .onnx file or example:digits; INPUT an .npy file (B, n) or example:digits."
        })
public final class Main implements Callable<Integer> {
    private static final int FAILED = 1;
    private static final int MISUSED = 2;
    private static final int HELP_WIDTH = 110;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    CommandSpec spec;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "This text.")
    boolean help;

    @Option(
            names = {"-V", "--version"},
            versionHelp = true,
            description = "Print the version.")
    boolean version;

    Main() {}

    @Override
    public Integer call() {
        spec.commandLine().usage(spec.commandLine().getErr());
        return MISUSED;
    }

    public static void main(String[] args) {
        Charset charset = Charset.forName(System.getProperty("native.encoding", "UTF-8"));
        // not System.out, which keeps a full disk to itself
        PrintWriter out =
                new PrintWriter(new OutputStreamWriter(new FileOutputStream(FileDescriptor.out), charset), true);
        PrintWriter err = new PrintWriter(new OutputStreamWriter(System.err, charset), true);
        int code = run(args, out, err);
        out.flush();
        err.flush();
        System.exit(code);
    }

    /** Runs one command and returns its exit code. */
    public static int run(String[] args, PrintWriter out, PrintWriter err) {
        boolean trace = Arrays.asList(args).contains("--trace") || "1".equals(System.getenv("BATCHJAC_TRACE"));
        try {
            int code = commandLine(args)
                    .setOut(out)
                    .setErr(err)
                    .setParameterExceptionHandler((e, given) -> misused(e, err))
                    .setExecutionExceptionHandler((e, line, parsed) -> failed(e, trace, err))
                    .execute(args);
            // a PrintWriter keeps its errors to itself
            return code == 0 && out.checkError()
                    ? failed(new Failure("standard output could not be written to the end"), trace, err)
                    : code;
        } catch (Throwable e) { // errors, a full heap among them, pass picocli by
            return failed(e, trace, err);
        }
    }

    private static int failed(Throwable e, boolean trace, PrintWriter err) {
        err.println("batchjac: " + Sentence.of(e));
        if (trace) {
            e.printStackTrace(err);
        }
        err.flush();
        return FAILED;
    }

    private static int misused(ParameterException e, PrintWriter err) {
        CommandLine line = e.getCommandLine();
        String message = Sentence.oneLine(String.valueOf(e.getMessage()));
        if (e instanceof UnmatchedArgumentException u) {
            String first = u.getUnmatched().get(0);
            boolean command = !first.startsWith("-") && !line.getSubcommands().isEmpty();
            message = (command ? "there is no command " : "unexpected argument ") + first;
            if (!u.getSuggestions().isEmpty()) {
                message += "; did you mean " + u.getSuggestions().get(0) + "?";
            }
        }
        err.println("batchjac: " + message + " (see " + line.getCommandSpec().qualifiedName() + " --help)");
        err.flush();
        return MISUSED;
    }

    /** With the one command that is asked for: looking at all of them would take longer than most computations. */
    private static CommandLine commandLine(String[] args) {
        CommandLine main = new CommandLine(new Main());
        Map<String, Supplier<CommandLine>> commands = commands();
        Supplier<CommandLine> wanted = args.length == 0 ? null : commands.get(args[0]);
        if (wanted != null) {
            main.addSubcommand(args[0], wanted.get());
        } else {
            commands.forEach((name, command) -> main.addSubcommand(name, command.get()));
        }
        layOut(main);
        return main.setUsageHelpWidth(HELP_WIDTH);
    }

    /** Help that begins with what the command does and how it is called, options in the order in which they are declared. */
    private static void layOut(CommandLine line) {
        CommandLine.Model.UsageMessageSpec usage = line.getCommandSpec().usageMessage();
        usage.sortOptions(false);
        usage.synopsisHeading("%nUsage: ");
        usage.descriptionHeading("%n");
        usage.parameterListHeading("%nArguments:%n");
        usage.optionListHeading("%nOptions:%n");
        usage.commandListHeading("%nCommands:%n");
        line.getSubcommands().values().forEach(Main::layOut);
    }

    private static Map<String, Supplier<CommandLine>> commands() {
        Map<String, Supplier<CommandLine>> commands = new LinkedHashMap<>();
        commands.put("demo", () -> new CommandLine(new DemoCommand()));
        commands.put("forward", () -> new CommandLine(new ForwardCommand()));
        commands.put("jacobian", () -> new CommandLine(new JacobianCommand()));
        commands.put("vjp", () -> new CommandLine(new VjpCommand()));
        commands.put("jvp", () -> new CommandLine(new JvpCommand()));
        commands.put("gradient", () -> new CommandLine(new GradientCommand()));
        commands.put("plan", Main::plan);
        commands.put("check", () -> new CommandLine(new CheckCommand()));
        commands.put("doctor", () -> new CommandLine(new DoctorCommand()));
        commands.put("train-example", () -> new CommandLine(new TrainExampleCommand()));
        return commands;
    }

    private static CommandLine plan() {
        CommandLine plan = new CommandLine(new PlanCommand());
        for (Computation command : List.of(
                new ForwardCommand(),
                new JacobianCommand(),
                new VjpCommand(),
                new JvpCommand(),
                new GradientCommand())) {
            CommandLine line = PlanCommand.explaining(command);
            plan.addSubcommand(line.getCommandName(), line);
        }
        return plan;
    }

    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = Main.class.getPackage().getImplementationVersion();
            return new String[] {"batchjac " + (version == null ? "(unpackaged)" : version)};
        }
    }
}
