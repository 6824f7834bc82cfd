package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.backend.cuda.ptx.LaunchReport;
import io.github.batchjac.tensor.Precision;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Tag("cuda")
class LabTest {

    @ParameterizedTest
    @EnumSource(Precision.class)
    void theShippedModuleScalesSamples(Precision precision) {
        try (Lab lab = new Lab(precision)) {
            int batch = 67;
            int n = 9;
            double[] c = new double[batch];
            double[] a = new double[batch * n];
            for (int i = 0; i < a.length; i++) {
                a[i] = i - 100;
                c[i / n] = i / n + .5;
            }
            long out = lab.output(a.length);
            new DiagonalKernels(lab.queue())
                    .scaleRows(out, new Strided(lab.numbers(c), 1), new Strided(lab.numbers(a), n), batch, 1, n);
            double[] read = lab.read(out);
            for (int i = 0; i < a.length; i++) {
                assertThat(read[i]).isEqualTo(c[i / n] * a[i]);
            }
            LaunchReport report = lab.reports().get(0);
            assertThat(report.storeSectorRatio()).isEqualTo(1);
        }
    }
}
