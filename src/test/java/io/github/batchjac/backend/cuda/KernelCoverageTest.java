package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.backend.cuda.ptx.PtxInstruction;
import io.github.batchjac.backend.cuda.ptx.PtxModule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/** After all tests of kernels: what they executed of the shipped PTX. */
@Order(Integer.MAX_VALUE - 1)
class KernelCoverageTest {
    /** Lines around an instruction that are shown, and how many instructions. */
    private static final int AROUND = 3;

    private static final int SHOWN = 40;

    @Test
    void theTestsExecuteEveryInstructionOfTheShippedModule() throws IOException {
        RanClasses.requireKernelTests();
        PtxModule module = Lab.shipped();
        String[] lines = Lab.shippedText().split("\n");
        StringBuilder missed = new StringBuilder();
        int instructions = 0;
        int executed = 0;
        for (String entry : module.entries()) {
            int count = module.instructions(entry).size();
            List<PtxInstruction> never = module.coverage().missed(module, entry);
            instructions += count;
            executed += count - never.size();
            describe(missed, entry, count, never, lines);
        }
        Files.writeString(Path.of("target", "unexecuted.txt"), missed);
        System.out.printf("%d of %d PTX instructions were never executed%n", instructions - executed, instructions);
        assertThat(missed)
                .as(
                        "%d of %d PTX instructions were never executed; see target/unexecuted.txt",
                        instructions - executed, instructions)
                .isEmpty();
        assertThat(executed).isPositive();
    }

    private static void describe(StringBuilder to, String entry, int all, List<PtxInstruction> never, String[] lines) {
        if (never.isEmpty()) {
            return;
        }
        to.append("\n")
                .append(entry)
                .append(": ")
                .append(never.size())
                .append(" of ")
                .append(all);
        Set<Integer> marked = never.stream().map(PtxInstruction::line).collect(Collectors.toCollection(HashSet::new));
        int shown = 0;
        int next = 0;
        for (PtxInstruction instruction : never) {
            if (shown++ == SHOWN) {
                to.append("\n    …");
                return;
            }
            int from = Math.max(next, instruction.line() - AROUND);
            if (from > next && next > 0) {
                to.append("\n    --");
            }
            for (; from <= instruction.line() + AROUND && from <= lines.length; from++) {
                String mark = marked.contains(from) ? "  > " : "    ";
                to.append("\n").append(mark).append(from).append(": ").append(lines[from - 1].strip());
            }
            next = Math.max(next, from);
        }
    }
}
