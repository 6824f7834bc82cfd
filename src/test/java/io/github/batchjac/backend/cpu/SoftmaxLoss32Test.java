package io.github.batchjac.backend.cpu;

import static io.github.batchjac.backend.cpu.Softmax32Test.ENTRY;
import static io.github.batchjac.backend.cpu.Softmax32Test.SIZES;
import static io.github.batchjac.backend.cpu.Softmax32Test.U;
import static io.github.batchjac.backend.cpu.Softmax32Test.batch;
import static io.github.batchjac.backend.cpu.Softmax32Test.kinds;
import static io.github.batchjac.backend.cpu.Softmax32Test.row;
import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Softmax cross-entropy of targets that are distributions, against 60 digits. */
class SoftmaxLoss32Test {
    static Stream<Kernels32> twins() {
        return Twins.kernels32();
    }

    @ParameterizedTest
    @MethodSource("twins")
    void distributionsKeepTheirDigits(Kernels32 kernels) {
        Worst losses = new Worst("loss of a distribution " + Twins.name(kernels));
        Worst gradients = new Worst("gradient of a distribution " + Twins.name(kernels));
        for (int n : SIZES) {
            Random random = new Random(n);
            float[] x = batch(n);
            int batch = kinds(n).length;
            float[] target = new float[x.length];
            for (int b = 0; b < batch; b++) {
                for (int i = 0; i < n; i++) {
                    boolean absent = Float.isInfinite(x[b * n + i]) || (b % 3 == 0 && i != n / 2);
                    target[b * n + i] = absent ? 0f : b % 3 == 0 ? 1f : (float) random.nextDouble();
                }
            }
            float[] loss = new float[batch];
            float[] gradient = new float[x.length];
            kernels.losses().softmaxCrossEntropy(loss, 0, gradient, 0, target, 0, x, 0, batch, n);
            for (int b = 0; b < batch; b++) {
                double[] row = row(x, b, n);
                double[] t = row(target, b, n);
                Exact.Distribution exact = Exact.softmaxCrossEntropy(t, row);
                String at = "n " + n + " row " + b;
                losses.see(Exact.ulps(loss[b], exact.loss()), ENTRY, at);
                for (int i = 0; i < n; i++) {
                    // of one target alone Σ_{k≠i} is exact
                    BigDecimal rounded =
                            b % 3 == 0 ? BigDecimal.ZERO : exact.targets().multiply(exact.q()[i]);
                    BigDecimal unit = exact.up()[i]
                            .add(exact.down()[i])
                            .add(rounded)
                            .multiply(U.multiply(Exact.TWO))
                            .add(Exact.of(Float.MIN_VALUE));
                    gradients.see(Exact.inUnits(gradient[b * n + i], exact.gradient(i), unit), ENTRY, at);
                }
            }
        }
        losses.check();
        gradients.check();
    }

    /** Logits that are all the same lose log n, whoever it is. */
    @Test
    void bothTwinsGiveCountsTheSameLogarithms() {
        Worst worst = new Worst("log n");
        for (int n = 1; n < 5000; n += 1 + n / 10) {
            int batch = 3;
            float[] x = new float[batch * n];
            float[] target = new float[batch * n];
            Arrays.fill(x, 0.75f);
            for (int b = 0; b < batch; b++) {
                target[b * n + b * (n - 1) / 2] = 1f;
            }
            for (Kernels32 kernels : twins().toList()) {
                float[] loss = new float[batch];
                kernels.losses().softmaxCrossEntropy(loss, 0, null, 0, target, 0, x, 0, batch, n);
                worst.see(Exact.ulps(loss[0], Exact.log1p(Exact.of(n - 1))), 2, n);
                assertThat(loss).as(Twins.name(kernels)).containsOnly(Math32.log1p(n - 1f));
            }
        }
        worst.check();
    }

    /** Sums that overflow on the way. */
    @ParameterizedTest
    @MethodSource("twins")
    void evenSumsThatOverflowHaveTheSameBitsEverywhere(Kernels32 kernels) {
        int batch = 19;
        for (int n : new int[] {16, 17, 32, 64}) {
            for (int second = 1; second < n; second++) {
                float[] x = new float[batch * n];
                float[] target = new float[batch * n];
                for (int b = 0; b < batch; b++) {
                    target[b * n] = Float.MAX_VALUE;
                    target[b * n + second] = -1.5f * Math.ulp(Float.MAX_VALUE);
                }
                float[] gradient = new float[batch * n];
                kernels.losses().softmaxCrossEntropy(null, 0, gradient, 0, target, 0, x, 0, batch, n);
                for (int b = 1; b < batch; b++) {
                    assertThat(Arrays.copyOfRange(gradient, b * n, b * n + n))
                            .as("n %d, %d, row %d", n, second, b)
                            .isEqualTo(Arrays.copyOf(gradient, n));
                }
            }
        }
    }
}
