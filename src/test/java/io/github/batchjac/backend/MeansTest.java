package io.github.batchjac.backend;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.tensor.Tensor;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MeansTest {

    /** Also where the batch is no float. */
    @ParameterizedTest
    @ValueSource(longs = {1, 3, 1000, (1 << 24) + 1, 5_000_000_029L})
    void aMeanIsTheSumsQuotientRoundedOnce(long batch) {
        Random random = new Random(batch);
        float[] sums = new float[1000];
        for (int i = 0; i < sums.length; i++) {
            sums[i] = (float) (random.nextGaussian() * batch);
        }
        float[] means = sums.clone();
        Program.divide(Tensor.of(means, means.length), batch);
        for (int i = 0; i < sums.length; i++) {
            BigDecimal exact = new BigDecimal(sums[i]).divide(BigDecimal.valueOf(batch), new MathContext(60));
            assertThat(means[i]).isEqualTo(Float.parseFloat(exact.toString()));
        }
    }
}
