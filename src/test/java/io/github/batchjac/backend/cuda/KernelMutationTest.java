package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.backend.cuda.ptx.Mutation;
import io.github.batchjac.backend.cuda.ptx.MutationReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
        assertThat(report.unlike()).as("launches that are not the same again").isEmpty();
        System.out.println(report.summary());
        assertThat(report.barriers())
                .as("barriers that nobody misses, by kernel")
                .isEmpty();
        // a sample may be three standard deviations off
        double deviation = Math.sqrt(KILLED * (1 - KILLED) / report.relevant());
        assertThat(report.rate())
                .as("%s; see %s", report.summary(), file)
                .isGreaterThanOrEqualTo(KILLED - (SAMPLE < 0 ? 0 : 3 * deviation));
    }
}
