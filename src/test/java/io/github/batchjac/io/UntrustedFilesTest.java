package io.github.batchjac.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Thousands of damaged files: each is read, or refused with an {@link IOException}; nothing else may happen. */
@Timeout(value = 120, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class UntrustedFilesTest {
    private static final int VARIANTS = 1000;

    @TempDir
    Path directory;

    private interface Reading {
        void read(byte[] bytes) throws IOException;
    }

    /** One to four bytes overwritten, a bit flipped, a range removed or repeated, or the end cut off. */
    private static byte[] damaged(byte[] whole, Random random) {
        byte[] bytes = whole.clone();
        int at = random.nextInt(bytes.length);
        switch (random.nextInt(5)) {
            case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
            case 1 -> {
                for (int i = 0; i <= random.nextInt(4); i++) {
                    bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
                }
            }
            case 2 -> bytes = Arrays.copyOf(bytes, at);
            case 3 -> {
                int n = Math.min(1 + random.nextInt(16), bytes.length - at);
                System.arraycopy(whole, at + n, bytes, at, bytes.length - at - n);
                bytes = Arrays.copyOf(bytes, bytes.length - n);
            }
            default -> {
                int from = random.nextInt(bytes.length);
                int n = Math.min(random.nextInt(64), bytes.length - Math.max(at, from));
                System.arraycopy(whole, from, bytes, at, n);
            }
        }
        return bytes;
    }

    private static void assertOnlyRefusals(byte[] whole, long seed, Reading reading) {
        Random random = new Random(seed);
        int refused = 0;
        for (int variant = 0; variant < VARIANTS; variant++) {
            byte[] bytes = damaged(whole, random);
            try {
                reading.read(bytes);
            } catch (FormatException e) {
                assertThat(e.getMessage()).hasSizeLessThan(2000).doesNotContain("\n");
                refused++;
            } catch (IOException | RuntimeException | Error e) {
                fail("variant " + variant, e);
            }
        }
        assertThat(refused).isPositive();
    }

    @ParameterizedTest
    @ValueSource(strings = {"deep_linear", "gated", "residual_tanh", "sigmoid_logits", "tanh_softmax"})
    void damagedModelsAreReadOrRefused(String name) throws IOException {
        byte[] whole = Files.readAllBytes(OnnxModelTest.golden(name, "model.onnx"));
        assertOnlyRefusals(whole, name.hashCode(), bytes -> OnnxModel.parse(bytes, "test", null));
    }

    /** Most bytes of a golden model are weights; here most are structure. */
    @ParameterizedTest
    @ValueSource(ints = {11, 13, 18})
    void damagedStructureIsReadOrRefused(int opset) {
        Models model = new Models(opset)
                .input("x", 2, 2)
                .integers("s", 0, -1)
                .integers("a", 1)
                .weight("w", 2, 4)
                .weight("b", 1, 2)
                .node("Reshape", "f", "x s")
                .node("Transpose", "v", "w", Models.ints("perm", 1L, 0L))
                .node("MatMul", "m", "f v")
                .node("Add", "z", "m b")
                .node("Unsqueeze", "u", "z a")
                .node("Squeeze", "q", "u a")
                .constant("two", Models.floats(new float[] {2}))
                .node("Pow", "p", "q two")
                .node("Gemm", "g", "p w b", Models.attribute("alpha", 0.5f))
                .node("Flatten", "h", "p")
                .node("Cast", "c", "h", Models.attribute("to", 1))
                .node("Dropout", "d", "c")
                .node("LogSoftmax", "y", "d", Models.attribute("axis", -1))
                .output("y");
        assertOnlyRefusals(model.bytes(), opset, bytes -> OnnxModel.parse(bytes, "test", null));
    }

    @ParameterizedTest
    @ValueSource(strings = {"f4_5x3.npy", "i4_4.npy", "f4_v3.npy", "f4_axes.npy"})
    void damagedArraysAreReadOrRefused(String name) throws IOException {
        byte[] whole = Files.readAllBytes(NpyReaderTest.resource("npy/" + name));
        Path file = directory.resolve(name);
        assertOnlyRefusals(whole, name.hashCode(), bytes -> NpyReader.read(Files.write(file, bytes)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"stored.npz", "deflated.npz"})
    void damagedArchivesAreReadOrRefused(String name) throws IOException {
        byte[] whole = Files.readAllBytes(NpyReaderTest.resource("npy/" + name));
        Path file = directory.resolve(name);
        assertOnlyRefusals(whole, name.hashCode(), bytes -> NpzReader.read(Files.write(file, bytes)));
    }
}
