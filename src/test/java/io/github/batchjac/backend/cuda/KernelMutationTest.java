package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.backend.cuda.ptx.Mutation;
import io.github.batchjac.backend.cuda.ptx.MutationReport;
import io.github.batchjac.backend.cuda.ptx.PtxModule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/**
 * After all tests of kernels: whether what they launched of the shipped PTX tells mutants from it, see {@link Mutation}. All barriers are
 * left out, one at a time, and a sample of other mutants is made: a small one here, a large one in the profile {@code mutation}.
 */
@Order(Integer.MAX_VALUE)
class KernelMutationTest {
    /** How many mutants besides the barriers; all of them if negative. */
    private static final int SAMPLE = Integer.getInteger("batchjac.mutants", 400);

    private static final int THREADS = Integer.getInteger(
            "batchjac.mutants.threads", Math.min(2, Runtime.getRuntime().availableProcessors()));

    /** To be killed, of those that are not equivalent. */
    private static final double KILLED = 0.95;

    @Test
    void everyBarrierIsNeededAndOtherMutantsAreKilled() throws IOException {
        RanClasses.requireKernelTests();
        MutationReport report = new Mutation(Lab.shipped()).run(SAMPLE, THREADS);
        Path file = Path.of("target", "mutants.txt");
        Files.createDirectories(file.getParent());
        Files.writeString(file, report.text());
        Files.writeString(file.resolveSibling("untested.txt"), Untested.list(untested(report)));
        assertThat(report.unlike()).as("launches that are not the same again").isEmpty();
        System.out.println(report.summary());
        report.barriers()
                .forEach((kernel, lines) -> assertThat(lines)
                        .as("%s: barriers that nobody misses, more than untested.txt says", kernel)
                        .hasSizeLessThanOrEqualTo(Untested.of(kernel).barriers()));
        // a sample may be three standard deviations off
        double deviation = Math.sqrt(KILLED * (1 - KILLED) / report.relevant());
        assertThat(report.rate())
                .as("%s; see %s", report.summary(), file)
                .isGreaterThanOrEqualTo(KILLED - (SAMPLE < 0 ? 0 : 3 * deviation));
    }

    private static Map<String, Untested> untested(MutationReport report) {
        PtxModule module = Lab.shipped();
        Map<String, Untested> untested = new TreeMap<>();
        for (String entry : module.entries()) {
            int instructions = module.coverage().missed(module, entry).size();
            int barriers = report.barriers().getOrDefault(entry, List.of()).size();
            untested.put(entry, new Untested(instructions, barriers));
        }
        return untested;
    }
}
