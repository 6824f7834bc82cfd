package io.github.batchjac.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.batchjac.io.ArrayWriter.Array;
import io.github.batchjac.tensor.ElementType;
import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ArrayWriterTest {
    private static final String OLD = "what was there before";

    @TempDir
    Path directory;

    @AfterEach
    void noTemporaryFileIsLeft() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            assertThat(files.filter(f -> f.getFileName().toString().startsWith(".")))
                    .isEmpty();
        }
    }

    private Path occupied(String name) throws IOException {
        return Files.writeString(directory.resolve(name), OLD);
    }

    private static List<Array> one(ElementType type, long... shape) {
        return List.of(new Array("a", type, Shape.of(shape)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"f4_5x3", "f8_4", "i8_3x2", "f8_scalar", "f4_0x4", "f4_axes"})
    void theBytesAreNumPysOwn(String name) throws IOException {
        Path numpy = NpyReaderTest.resource("npy/" + name + ".npy");
        Path file = directory.resolve("out.npy");
        ArrayWriter.write(file, NpyReader.read(numpy));
        assertThat(file).hasSameBinaryContentAs(numpy);
    }

    @Test
    void theBytesDoNotDependOnTheChunks() throws IOException {
        float[] data = new float[700_001];
        Random random = new Random(1);
        for (int i = 0; i < data.length; i++) {
            data[i] = random.nextFloat();
        }
        Path whole = directory.resolve("whole.npy");
        ArrayWriter.write(whole, Tensor.of(data, 700_001));
        Path chunked = directory.resolve("chunked.npy");
        try (ArrayWriter writer = ArrayWriter.open(chunked, one(ElementType.F32, 700_001))) {
            for (int at = 0; at < data.length; ) {
                int n = Math.min(random.nextInt(300_000), data.length - at);
                writer.append("a", data, at, n);
                at += n;
            }
            writer.commit();
        }
        assertThat(chunked).hasSameBinaryContentAs(whole);
    }

    @Test
    void anUncommittedWriterLeavesTheTargetAsItWas() throws IOException {
        for (String name : List.of("x.npy", "x.npz")) {
            Path file = occupied(name);
            try (ArrayWriter writer = ArrayWriter.open(file, one(ElementType.F32, 4))) {
                writer.append("a", new float[4], 0, 4);
            }
            assertThat(file).hasContent(OLD);
        }
    }

    @Test
    void aCommitWithMissingElementsIsRefusedAndLeavesTheTargetAsItWas() throws IOException {
        Path file = occupied("x.npy");
        try (ArrayWriter writer = ArrayWriter.open(file, one(ElementType.F64, 2, 3))) {
            writer.append("a", new double[5], 0, 5);
            assertThatThrownBy(writer::commit)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("a has shape (2, 3), but 5 of its 6 elements came");
        }
        assertThat(file).hasContent(OLD);
    }

    @Test
    void tooManyElementsAWrongTypeAndAnUnknownNameAreRefused() throws IOException {
        Path file = occupied("x.npy");
        try (ArrayWriter writer = ArrayWriter.open(file, one(ElementType.F64, 2))) {
            assertThatThrownBy(() -> writer.append("a", new double[3], 0, 3)).hasMessageContaining("3 more came");
            assertThatThrownBy(() -> writer.append("a", new float[2], 0, 2)).hasMessageContaining("declared float64");
            assertThatThrownBy(() -> writer.append("b", new double[2], 0, 2)).hasMessageContaining("named b, only a");
            assertThatThrownBy(() -> writer.append("a", new double[2], 1, 2))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            writer.append("a", new double[2], 0, 2);
            writer.commit();
        }
        assertThat(NpyReader.read(file).shape()).isEqualTo(Shape.of(2));
    }

    @Test
    void aClosedWriterTakesNothing() throws IOException {
        ArrayWriter writer = ArrayWriter.open(directory.resolve("x.npy"), one(ElementType.F64, 2));
        writer.close();
        writer.close();
        assertThatThrownBy(() -> writer.append("a", new double[2], 0, 2)).isInstanceOf(IllegalStateException.class);
        assertThat(directory).isEmptyDirectory();
    }

    @Test
    void theTargetAppearsOnlyWithTheCommit() throws IOException {
        Path file = directory.resolve("x.npy");
        try (ArrayWriter writer = ArrayWriter.open(file, one(ElementType.I64, 1))) {
            writer.append("a", new long[] {7}, 0, 1);
            assertThat(file).doesNotExist();
            writer.commit();
            assertThat(NpyReader.read(file).longs()).containsExactly(7);
        }
    }

    @Test
    void aNewFileHasUsualPermissionsAndAReplacedOneKeepsItsOwn() throws IOException {
        assumeTrue(directory.getFileSystem().supportedFileAttributeViews().contains("posix"));
        Path usual = Files.createFile(directory.resolve("usual"));
        Path file = directory.resolve("x.npy");
        ArrayWriter.write(file, Tensor.of(new float[1], 1));
        assertThat(Files.getPosixFilePermissions(file)).isEqualTo(Files.getPosixFilePermissions(usual));
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-rw-r--"));
        ArrayWriter.write(file, Tensor.of(new float[2], 2));
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-rw-r--");
    }

    @Test
    void theFileBehindALinkIsReplacedNotTheLink() throws IOException {
        Path file = occupied("real.npy");
        Path link = Files.createSymbolicLink(directory.resolve("link.npy"), file);
        ArrayWriter.write(link, Tensor.of(new float[1], 1));
        assertThat(Files.isSymbolicLink(link)).isTrue();
        assertThat(NpyReader.read(file).size()).isEqualTo(1);
    }

    @Test
    void targetsThatCannotBeWrittenAreRefusedAtOnce() throws IOException {
        Path missing = directory.resolve("missing").resolve("x.npy");
        assertThatThrownBy(() -> ArrayWriter.open(missing, one(ElementType.F32, 1)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(missing + ": cannot be written: there is no directory");
        Path folder = Files.createDirectory(directory.resolve("folder.npy"));
        assertThatThrownBy(() -> ArrayWriter.open(folder, one(ElementType.F32, 1)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("is a directory");
        Path inFile = occupied("file").resolve("x.npy");
        assertThatThrownBy(() -> ArrayWriter.open(inFile, one(ElementType.F32, 1)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("not a directory");
    }

    @Test
    void otherSuffixesAndWrongNumbersOfArraysAreRefused() {
        assertThatThrownBy(() -> ArrayWriter.open(directory.resolve("x.csv"), one(ElementType.F32, 1)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("expected a name in .npy or .npz");
        assertThatThrownBy(() -> ArrayWriter.open(directory.resolve("x.npy"), List.of()))
                .hasMessageContaining("holds one array, not 0");
        assertThat(directory).isEmptyDirectory();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "/etc/passwd", "../x", "a/../b", "a//b", "a\\b", "a\u0000b", "."})
    void unsafeNamesAreRefused(String name) {
        List<Array> arrays = List.of(new Array(name, ElementType.F32, Shape.of(1)));
        assertThatThrownBy(() -> ArrayWriter.open(directory.resolve("x.npz"), arrays))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("unsafe");
    }

    @Test
    void twoArraysOfOneNameAreRefused() {
        Array a = new Array("a", ElementType.F32, Shape.of(1));
        assertThatThrownBy(() -> ArrayWriter.open(directory.resolve("x.npz"), List.of(a, a)))
                .hasMessageContaining("two arrays are named a");
        assertThat(directory).isEmptyDirectory();
    }

    @Test
    void aFullDiskIsASentenceWithTheBytesNeeded() throws IOException {
        Path full = Path.of("/dev/full");
        assumeTrue(Files.exists(full));
        try (ArrayWriter writer = ArrayWriter.open(full, one(ElementType.F32, 1000))) {
            assertThatThrownBy(() -> {
                        writer.append("a", new float[1000], 0, 1000);
                        writer.commit();
                    })
                    .isInstanceOf(IOException.class)
                    .hasMessageStartingWith("/dev/full: cannot be written: ")
                    .hasMessageContaining("needs 4128 bytes");
        }
    }

    @Test
    void aDeviceIsWrittenStraightTo() throws IOException {
        Path sink = Path.of("/dev/null");
        assumeTrue(Files.exists(sink));
        ArrayWriter.write(sink, Tensor.of(new float[3], 3));
        ArrayWriter.write(sink, Map.of("a", Tensor.of(new float[3], 3), "b", Tensor.of(new long[3], 3)));
        assertThat(Files.isRegularFile(sink)).isFalse();
    }

    @Test
    void anNpzIsReadBackWhateverTheOrderOfTheChunks() throws IOException {
        Random random = new Random(2);
        for (int round = 0; round < 20; round++) {
            Map<String, Tensor> arrays = new LinkedHashMap<>();
            arrays.put("jacobian", random(random, ElementType.F32, 40_000));
            arrays.put("0.weight", random(random, ElementType.F64, 7));
            arrays.put("empty", random(random, ElementType.F32, 0));
            arrays.put("labels", random(random, ElementType.I64, 300_000));
            arrays.put("last", random(random, ElementType.F32, 1));
            Path file = directory.resolve("x.npz");
            List<Array> declared = arrays.entrySet().stream()
                    .map(e -> new Array(
                            e.getKey(), e.getValue().type(), e.getValue().shape()))
                    .toList();
            try (ArrayWriter writer = ArrayWriter.open(file, declared)) {
                Map<String, Integer> at = new LinkedHashMap<>();
                while (at.values().stream().mapToInt(n -> n).sum() < 340_008) {
                    String name = declared.get(random.nextInt(5)).name();
                    Tensor t = array(arrays, name);
                    int from = at.getOrDefault(name, 0);
                    int to = Math.min(t.size(), from + random.nextInt(1 + t.size()));
                    writer.append(name, t.samples(from, to));
                    at.put(name, to);
                }
                writer.commit();
            }
            Map<String, Tensor> back = NpzReader.read(file);
            assertThat(back.keySet()).containsExactlyElementsOf(arrays.keySet());
            back.forEach((name, t) -> assertSame(t, array(arrays, name)));
        }
    }

    private static Tensor random(Random random, ElementType type, int n) {
        return switch (type) {
            case F32 -> {
                float[] data = new float[n];
                for (int i = 0; i < n; i++) {
                    data[i] = random.nextFloat();
                }
                yield Tensor.of(data, n);
            }
            case F64 -> Tensor.of(random.doubles(n).toArray(), n);
            case I64 -> Tensor.of(random.longs(n).toArray(), n);
        };
    }

    static Tensor array(Map<String, Tensor> arrays, String name) {
        return Objects.requireNonNull(arrays.get(name), name);
    }

    static void assertSame(Tensor came, Tensor expected) {
        assertThat(came.type()).isEqualTo(expected.type());
        assertThat(came.shape()).isEqualTo(expected.shape());
        boolean same = switch (came.type()) {
            case F32 -> Arrays.equals(came.floats(), expected.floats());
            case F64 -> Arrays.equals(came.doubles(), expected.doubles());
            case I64 -> Arrays.equals(came.longs(), expected.longs());
        };
        assertThat(same).isTrue();
    }

    @Test
    void anNpzWithMoreThan65535ArraysIsReadBack() throws IOException {
        Map<String, Tensor> arrays = new LinkedHashMap<>();
        for (int i = 0; i < 65_600; i++) {
            arrays.put("a" + i, Tensor.of(new float[] {i}, 1));
        }
        Path file = directory.resolve("x.npz");
        ArrayWriter.write(file, arrays);
        try (NpzReader reader = NpzReader.open(file)) {
            assertThat(reader.names()).hasSize(65_600);
            assertThat(reader.read("a65599").floats()).containsExactly(65_599);
        }
    }

    @Test
    void aShapeBeyondCountingIsRefused() {
        assertThatThrownBy(() -> ArrayWriter.open(directory.resolve("x.npy"), one(ElementType.F64, 1L << 61)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("2^63");
        assertThat(directory).isEmptyDirectory();
    }

    /** 32 and 64 bit fields at their border, without writing 4 GB. */
    @Test
    void sizesAndOffsetsBeyond32BitsTake64() {
        long large = 0xffffffffL;
        assertThat(ZipDirectory.localHeader("a", large - 1, 0)).hasSize(31);
        assertThat(ZipDirectory.localHeader("a", large, 0)).hasSize(51);
        ZipDirectory directory = new ZipDirectory();
        directory.add("a", 5, 0, large);
        assertThat(directory.end(large + 100)).hasSize(46 + 1 + 12 + 56 + 20 + 22);
    }
}
