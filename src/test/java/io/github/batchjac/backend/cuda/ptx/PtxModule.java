package io.github.batchjac.backend.cuda.ptx;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The text of a module, parsed, with its kernels decoded when first asked for. A text is parsed once in a JVM; nothing of
 * a device is in it.
 */
public final class PtxModule {
    private static final Map<String, PtxModule> PARSED = new ConcurrentHashMap<>();

    private final List<PtxFunction.Variable> variables;
    private final Map<String, PtxFunction> functions;
    private final Map<String, Kernel> kernels = new ConcurrentHashMap<>();
    private final Map<String, Kernel> compact = new ConcurrentHashMap<>();
    private final Map<String, Decoder> decoders = new ConcurrentHashMap<>();
    private final Coverage coverage = new Coverage();
    private final Recorder recorder = new Recorder();

    PtxModule(List<PtxFunction.Variable> variables, Map<String, PtxFunction> functions) {
        this.variables = List.copyOf(variables);
        this.functions = functions;
    }

    /** @throws PtxFault if the text says what this machine does not know */
    public static PtxModule of(String ptx) {
        return PARSED.computeIfAbsent(ptx, text -> {
            PtxModule module = new PtxParser(text).parse();
            module.entries().forEach(module::kernel);
            return module;
        });
    }

    List<PtxFunction.Variable> variables() {
        return variables;
    }

    PtxFunction function(String name) {
        return functions.get(name);
    }

    /** Names of its kernels. */
    public Set<String> entries() {
        Set<String> names = new TreeSet<>();
        functions.forEach((name, function) -> {
            if (function.entry()) {
                names.add(name);
            }
        });
        return names;
    }

    public boolean has(String entry) {
        return functions.containsKey(entry) && functions.get(entry).entry();
    }

    Kernel kernel(String entry) {
        return kernels.computeIfAbsent(entry, name -> {
            Decoder decoder = new Decoder(this, functions.get(name));
            decoders.put(name, decoder);
            return decoder.decode();
        });
    }

    /** A kernel with another instruction, or several, as text, in place of one of its own; null for nothing. */
    Kernel kernel(String entry, PtxInstruction instruction, String replacement) {
        kernel(entry);
        boolean several = replacement != null && replacement.contains(";");
        if (several
                || functions.get(entry).body().stream().anyMatch(i -> i.opcode().startsWith("call"))) {
            return with(instruction, replacement).kernel(entry);
        }
        return decoders.get(entry).with(PtxParser.instruction(instruction.index(), instruction.line(), replacement));
    }

    /** Launches of it in this JVM, to run again. */
    Recorder recorder() {
        return recorder;
    }

    /** A kernel ready to run. */
    Kernel compact(String entry) {
        return compact.computeIfAbsent(entry, name -> RegisterAllocator.allocate(kernel(name)));
    }

    /** What was executed of it so far, in this JVM. */
    public Coverage coverage() {
        return coverage;
    }

    /** The instructions of a kernel and of the device functions that it calls. */
    public List<PtxInstruction> instructions(String entry) {
        TreeMap<Integer, PtxInstruction> all = new TreeMap<>();
        for (Instruction i : kernel(entry).code()) {
            if (i.source != null) {
                all.put(i.source.index(), i.source);
            }
        }
        return new ArrayList<>(all.values());
    }

    /** A copy of this module that lacks an instruction. */
    public PtxModule without(PtxInstruction instruction) {
        return with(instruction, null);
    }

    /** A copy of this module with another instruction, or several, as text, in place of one. */
    public PtxModule with(PtxInstruction instruction, String replacement) {
        Map<String, PtxFunction> changed = new HashMap<>(functions);
        functions.forEach((name, function) -> {
            int at = function.body().indexOf(instruction);
            if (at < 0) {
                return;
            }
            List<PtxInstruction> body = new ArrayList<>(function.body());
            List<String> texts = replacement == null ? Arrays.asList((String) null) : List.of(replacement.split(";"));
            body.remove(at);
            for (int n = 0; n < texts.size(); n++) {
                body.add(at + n, PtxParser.instruction(instruction.index(), instruction.line(), texts.get(n)));
            }
            Map<String, Integer> labels = new HashMap<>();
            function.labels()
                    .forEach((label, index) -> labels.put(label, index > at ? index + texts.size() - 1 : index));
            changed.put(
                    name,
                    new PtxFunction(
                            function.name(),
                            function.entry(),
                            function.returns(),
                            function.parameters(),
                            function.maxThreads(),
                            body,
                            labels,
                            function.predicates(),
                            function.variables(),
                            function.tables()));
        });
        return new PtxModule(variables, changed);
    }
}
