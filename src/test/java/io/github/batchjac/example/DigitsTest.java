package io.github.batchjac.example;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Backends;
import io.github.batchjac.io.NpyReader;
import io.github.batchjac.tensor.Shape;
import java.io.IOException;
import org.junit.jupiter.api.Test;

class DigitsTest {
    @Test
    void theClassifierKnowsDigitsThatItNeverSaw() throws IOException {
        try (Backend backend = Backends.best()) {
            assertThat(DigitsTraining.heldOutAccuracy(Digits.classifier(), backend))
                    .isGreaterThanOrEqualTo(0.95);
        }
    }

    @Test
    void theDataAreWhatTheySay() throws IOException {
        try (NpyReader x = Digits.images();
                NpyReader y = Digits.labels()) {
            assertThat(x.shape()).isEqualTo(Shape.of(1797, 64));
            assertThat(y.shape()).isEqualTo(Shape.of(1797));
        }
        assertThat(Digits.classifier().output().shape()).isEqualTo(Shape.of(10));
    }

    /** So that the stored network can be made again; trains for real. */
    @Test
    void trainingReachesWhatTheStoredNetworkReaches() throws IOException {
        try (Backend backend = Backends.cpu(1)) {
            DigitsTraining.Trained trained = DigitsTraining.train(backend, line -> {});
            assertThat(trained.heldOut()).isGreaterThanOrEqualTo(0.95);
            assertThat(trained.training()).isGreaterThanOrEqualTo(trained.heldOut());
        }
    }
}
