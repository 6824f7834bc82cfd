package io.github.batchjac;

import static io.github.batchjac.graph.Functions.halfSquaredNorm;
import static io.github.batchjac.graph.Functions.input;
import static io.github.batchjac.graph.Functions.linear;
import static io.github.batchjac.graph.Functions.parameter;
import static io.github.batchjac.graph.Functions.tanh;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Value;
import io.github.batchjac.plan.Reduction;
import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;
import org.junit.jupiter.api.Test;

class NetTest {
    private final Tensor w = Tensor.of(new double[] {1, 2, 3, -1, 0, 0.5}, 2, 3);
    private final Value z = linear(parameter("w", w), input("x", 3));
    private final Net net = Net.of(Graph.of(tanh(z)));
    private final Tensor x = Tensor.of(new double[] {0.1, 0.2, -0.3, 0.5, 0, 0.25}, 2, 3);

    @Test
    void aJacobianInOneCall() {
        Tensor j = net.jacobian("x").apply(x);
        assertThat(j.shape()).isEqualTo(Shape.of(2, 2, 3));
        double z00 = 0.1 + 0.4 - 0.9;
        double slope = 1 - Math.tanh(z00) * Math.tanh(z00);
        for (int k = 0; k < 3; k++) {
            assertThat(j.get(k)).isCloseTo(slope * w.get(k), org.assertj.core.data.Offset.offset(1e-14));
        }
    }

    @Test
    void oneAndSeveralSeeds() {
        Tensor j = net.jacobian("x").apply(x);
        Tensor v = Tensor.of(new double[] {1, 0, 0, 1}, 2, 2);
        Tensor g = net.vjp("x").apply(x, v);
        assertThat(g.shape()).isEqualTo(Shape.of(2, 3));
        assertThat(g.get(0)).isCloseTo(j.get(0), org.assertj.core.data.Offset.offset(1e-15));
        assertThat(g.get(5)).isCloseTo(j.get(11), org.assertj.core.data.Offset.offset(1e-15));
        assertThat(net.vjp("x")
                        .apply(x, Tensor.of(new double[2 * 5 * 2], 2, 5, 2))
                        .shape())
                .isEqualTo(Shape.of(2, 5, 3));
        assertThat(net.jvp("x").apply(x, Tensor.of(new double[6], 2, 3)).shape())
                .isEqualTo(Shape.of(2, 2));
        assertThat(net.jvp("x").apply(x, Tensor.of(new double[24], 2, 3, 4)).shape())
                .isEqualTo(Shape.of(2, 2, 4));
        assertThat(net.jvp("w").apply(x, w).shape()).isEqualTo(Shape.of(2, 2));
    }

    @Test
    void gradientsAreReducedAsAskedFor() {
        Net loss = Net.of(Graph.of(halfSquaredNorm(z)));
        assertThat(loss.gradient("w", Reduction.NONE).apply(x).shape()).isEqualTo(Shape.of(2, 2, 3));
        assertThat(loss.gradient("w", Reduction.SUM).apply(x).shape()).isEqualTo(Shape.of(2, 3));
        assertThat(net.forward().apply(x).shape()).isEqualTo(Shape.of(2, 2));
    }

    @Test
    void mistakesSayBothShapes() {
        assertThatThrownBy(() -> net.jacobian("x").apply(Tensor.of(new double[4], 2, 2)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("(2, 2)")
                .hasMessageContaining("(2, 3)");
        assertThatThrownBy(() -> net.jacobian("y").apply(x)).hasMessageContaining("x");
    }
}
