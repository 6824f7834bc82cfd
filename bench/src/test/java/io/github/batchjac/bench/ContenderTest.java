package io.github.batchjac.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The protocol, with a process at its other end that prints to stdout as libraries do. */
class ContenderTest {
    @TempDir
    Path folder;

    /** Doubles its input; knows no softmax. */
    static final class Doubling extends Worker {
        private Tensor x = Tensor.of(new float[0], 0);
        private Tensor out = x;

        public static void main(String[] args) throws IOException {
            new Doubling().serve();
        }

        @Override
        String load(Item item, Precision precision, Map<String, Tensor> files) {
            System.out.println("noise");
            if (item.formula().startsWith("softmax")) {
                return "no softmax";
            }
            x = files.get("x");
            describe("doubles in " + precision);
            return "";
        }

        @Override
        Map<String, Tensor> results() {
            run();
            return Map.of("y", out);
        }

        @Override
        void run() {
            if (x.size() == 0) {
                throw new IllegalStateException("nothing\nloaded");
            }
            float[] y = x.floats().clone();
            for (int i = 0; i < y.length; i++) {
                y[i] *= 2;
            }
            out = Tensor.of(y, x.shape());
        }
    }

    private Contender start() throws IOException {
        List<String> command = List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Doubling.class.getName());
        return Contender.start("doubling", command, Map.of(), folder.resolve("log"));
    }

    @Test
    void loadCheckTimeQuit() throws IOException {
        Item item = Items.named("sigmoid-jacobian/5", 3);
        Path inputs = folder.resolve("inputs");
        Worker.write(inputs, item.files(Precision.F32));
        try (Contender contender = start()) {
            assertThatThrownBy(() -> contender.time(1)).hasMessageContaining("nothing loaded");
            assertThat(contender.load(item, Precision.F32, inputs)).isEmpty();
            assertThat(contender.description()).isEqualTo("doubles in float32");
            Tensor y = contender.results(folder.resolve("results"), 2).get("y");
            assertThat(y.shape().axes()).containsExactly(2, 5);
            float[] x = item.files(Precision.F32).get("x").floats();
            assertThat(y.floats()[5]).isEqualTo(2 * x[10]);
            assertThat(contender.time(2)).isPositive();
            Item other = Items.named("softmax-jacobian/5", 3);
            assertThat(contender.load(other, Precision.F32, inputs)).isEqualTo("no softmax");
        }
        assertThat(Files.readString(folder.resolve("log"))).contains("noise");
    }

    @Test
    @Timeout(60)
    void aProcessThatEndsIsAnErrorAndNotAHang() throws IOException {
        try (Contender contender = Contender.start("gone", List.of("true"), Map.of(), folder.resolve("log"))) {
            for (int i = 0; i < 3; i++) { // in the middle, and when it has long been gone
                assertThatThrownBy(() -> contender.time(1))
                        .isInstanceOf(Contender.Refused.class)
                        .hasMessageContaining("gone has ended");
            }
            while (contender.isAlive()) {
                Thread.onSpinWait(); // its output ends a moment before it does
            }
        }
    }

    @Test
    @Timeout(60)
    @EnabledOnOs(OS.LINUX)
    void whereMemoryRunsOutItEndsFirst() throws IOException {
        Path log = folder.resolve("log");
        List<String> command = List.of("sh", "-c", "read line && cat /proc/self/oom_score_adj >&2");
        try (Contender contender = Contender.start("short-lived", command, Map.of(), log)) {
            assertThatThrownBy(() -> contender.time(1)).isInstanceOf(Contender.Refused.class);
        }
        assertThat(Integer.parseInt(Files.readString(log).strip()))
                .isGreaterThan(Integer.parseInt(
                        Files.readString(Path.of("/proc/self/oom_score_adj")).strip()));
    }
}
