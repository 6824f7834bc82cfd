package io.github.batchjac.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.batchjac.tensor.ElementType;
import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The files under {@code npy/} were written by NumPy 2. */
class NpyReaderTest {
    @TempDir
    Path directory;

    static Path resource(String name) {
        try {
            return Path.of(NpyReaderTest.class.getResource("/" + name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Path npy(String name) {
        return resource("npy/" + name + ".npy");
    }

    @ParameterizedTest
    @ValueSource(strings = {"f4_5x3", "f4_v2", "f4_v3"})
    void float32OfEveryFormatVersionIsWhatNumPyWrote(String name) throws IOException {
        Tensor t = NpyReader.read(npy(name));
        assertThat(t.shape()).isEqualTo(Shape.of(5, 3));
        for (int i = 0; i < 15; i++) {
            assertThat(t.floats()[i]).isEqualTo(i / 4f);
        }
    }

    @Test
    void float64IsWhatNumPyWrote() throws IOException {
        assertThat(NpyReader.read(npy("f8_4")).doubles())
                .containsExactly(1.5, -0.0, Double.POSITIVE_INFINITY, Double.NaN);
    }

    @Test
    void int64IsWhatNumPyWrote() throws IOException {
        assertThat(NpyReader.read(npy("i8_3x2")).longs()).containsExactly(1, -2, 3, 1L << 62, 5, 6);
    }

    @Test
    void int32IsWidened() throws IOException {
        Tensor t = NpyReader.read(npy("i4_4"));
        assertThat(t.longs()).containsExactly(1, -2, 3, Integer.MAX_VALUE);
    }

    @Test
    void aScalarHasNoAxes() throws IOException {
        Tensor t = NpyReader.read(npy("f8_scalar"));
        assertThat(t.shape()).isEqualTo(Shape.scalar());
        assertThat(t.doubles()).containsExactly(2.5);
        try (NpyReader reader = NpyReader.open(npy("f8_scalar"))) {
            assertThatThrownBy(() -> reader.read(0, 1)).hasMessageContaining("one number");
        }
    }

    @Test
    void anEmptyBatchIsRead() throws IOException {
        assertThat(NpyReader.read(npy("f4_0x4")).shape()).isEqualTo(Shape.of(0, 4));
    }

    @Test
    void aRangeOfSamplesIsThatPartOfTheWhole() throws IOException {
        Tensor all = NpyReader.read(npy("f4_5x3"));
        try (NpyReader reader = NpyReader.open(npy("f4_5x3"))) {
            for (int first = 0; first <= 5; first++) {
                for (int samples = 0; samples <= 5 - first; samples++) {
                    Tensor part = reader.read(first, samples);
                    assertThat(part.shape()).isEqualTo(Shape.of(samples, 3));
                    assertThat(part.floats())
                            .containsExactly(all.samples(first, first + samples).floats());
                }
            }
            float[] into = new float[8];
            reader.read(1, 2, into, 2);
            assertThat(into).containsExactly(0, 0, 0.75f, 1, 1.25f, 1.5f, 1.75f, 2);
        }
    }

    @Test
    void aRangeOutsideTheArrayIsRefused() throws IOException {
        try (NpyReader reader = NpyReader.open(npy("f4_5x3"))) {
            assertThatThrownBy(() -> reader.read(4, 2)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> reader.read(-1, 2)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> reader.read(0, 3, new float[8], 0)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> reader.read(0, 1, new double[8], 0)).hasMessageContaining("expected float64");
        }
    }

    @Test
    void arraysLongerThanTheBufferAreWhole() throws IOException {
        double[] data = new double[300_007];
        Arrays.setAll(data, i -> i * 0.5);
        Path file = directory.resolve("long.npy");
        ArrayWriter.write(file, Tensor.of(data, 300_007));
        assertThat(NpyReader.read(file).doubles()).isEqualTo(data);
    }

    /** A hole of 12 GB takes no space; positions beyond 2³¹ bytes and elements must still be right. */
    @Test
    void samplesBeyond2To31ElementsAreReached() throws IOException {
        Path file = directory.resolve("sparse.npy");
        Shape shape = Shape.of(3_000_000_001L);
        byte[] header = NpyHeader.write(ElementType.F32, shape);
        try (var channel = java.nio.channels.FileChannel.open(
                file, java.nio.file.StandardOpenOption.CREATE_NEW, java.nio.file.StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap(header));
            ByteBuffer last = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
            last.putFloat(7).flip();
            channel.write(last, header.length + 4 * 3_000_000_000L);
        }
        try (NpyReader reader = NpyReader.open(file)) {
            assertThat(reader.samples()).isEqualTo(3_000_000_001L);
            assertThat(reader.read(2_999_999_999L, 2).floats()).containsExactly(0, 7);
            assertThatThrownBy(reader::readAll)
                    .isInstanceOf(FormatException.class)
                    .hasMessageContaining("3000000001 elements");
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';', quoteCharacter = '`', textBlock = """
                    bad_bigendian  ; is big-endian (>f4), expected little-endian (<f4)
                    bad_fortran    ; is in Fortran order, expected C order
                    bad_object     ; holds Python objects (a pickle), which are never loaded
                    bad_structured ; holds records (a structured type)
                    bad_f2         ; holds elements of type "<f2", expected one of <f4, <f8, <i8, <i4
                    bad_u1         ; holds elements of type "|u1"
                    bad_c8         ; holds elements of type "<c8"
                    bad_str        ; holds elements of type "<U2"
                    """)
    void whatIsNoPlainArrayOfRealsIsRefusedByName(String name, String message) {
        assertThatThrownBy(() -> NpyReader.open(npy(name)))
                .isInstanceOf(FormatException.class)
                .hasMessageStartingWith(npy(name) + ": ")
                .hasMessageContaining(message);
    }

    @Test
    void aFileCutAnywhereIsRefusedAsTruncated() throws IOException {
        byte[] whole = Files.readAllBytes(npy("f4_5x3"));
        for (int length = 6; length < whole.length; length++) {
            Path file = Files.write(directory.resolve("cut.npy"), Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> NpyReader.open(file))
                    .isInstanceOf(FormatException.class)
                    .hasMessageContaining("truncated");
        }
        Path file = Files.write(directory.resolve("cut.npy"), Arrays.copyOf(whole, whole.length - 7));
        assertThatThrownBy(() -> NpyReader.open(file))
                .hasMessageContaining("53 bytes of data came")
                .hasMessageContaining("float32 (5, 3) has 60");
    }

    @Test
    void trailingBytesAreRefused() throws IOException {
        byte[] whole = Files.readAllBytes(npy("f4_5x3"));
        Path file = Files.write(directory.resolve("long.npy"), Arrays.copyOf(whole, whole.length + 1));
        assertThatThrownBy(() -> NpyReader.open(file)).hasMessageContaining("trailing bytes: 61");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "x", "PK\u0003\u0004 this is a zip", "\u0093NUMPX\u0001\u0000"})
    void whatDoesNotBeginAsNpyIsRefused(String start) throws IOException {
        Path file = Files.write(directory.resolve("x.npy"), start.getBytes(StandardCharsets.ISO_8859_1));
        assertThatThrownBy(() -> NpyReader.open(file))
                .isInstanceOf(FormatException.class)
                .hasMessageContaining("x.npy: ");
    }

    @Test
    void anUnknownVersionIsRefused() throws IOException {
        byte[] bytes = Files.readAllBytes(npy("f4_5x3"));
        bytes[6] = 4;
        Path file = Files.write(directory.resolve("x.npy"), bytes);
        assertThatThrownBy(() -> NpyReader.open(file)).hasMessageContaining("version 4.0");
    }

    @Test
    void anAbsurdHeaderLengthIsRefusedBeforeItIsAllocated() throws IOException {
        byte[] bytes = Files.readAllBytes(npy("f4_v2"));
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(8, -1);
        Path file = Files.write(directory.resolve("x.npy"), bytes);
        assertThatThrownBy(() -> NpyReader.open(file)).hasMessageContaining("a header of 4294967295 bytes");
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';', quoteCharacter = '`', textBlock = """
                    {'descr': '<f4', 'fortran_order': False, 'shape': (-5, 3)}                  ; negative axis
                    {'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)} ; more than 2^63 elements
                    {'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904,)}   ; whose bytes 2^63 does not count
                    {'descr': '<f4', 'fortran_order': False, 'shape': (0, 4294967296, 4294967296)} ; whose bytes 2^63 does not count
                    {'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}  ; expected an integer below 2^63
                    {'descr': '<f4', 'fortran_order': False, 'shape': (4294967301,)}            ; truncated: 0 bytes of data came
                    {'descr': '<f4', 'fortran_order': False, 'shape': ((((((((((1)))))))))}     ; expected an integer
                    {'descr': '<f4', 'fortran_order': False, 'shape': 5}                        ; expected '('
                    {'descr': '<f4', 'fortran_order': 0, 'shape': (5,)}                         ; neither True nor False
                    {'descr': '<f4', 'fortran_order': False}                                    ; expected descr, fortran_order and shape
                    {'descr': '<f4', 'fortran_order': False, 'shape': (5,), 'x': 'y'}           ; the key "x"
                    {'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (5,)}     ; comes twice
                    {'descr': '<f4', 'fortran_order': False, 'shape': (5,)} import os           ; something follows
                    {'descr': '<f4                                                              ; does not end
                    ['descr', '<f4']                                                            ; expected '{'
                    """)
    void aHeaderThatSaysSomethingElseIsRefused(String header, String message) throws IOException {
        Path file = directory.resolve("x.npy");
        Files.write(file, npyWithHeader(header));
        assertThatThrownBy(() -> NpyReader.open(file))
                .isInstanceOf(FormatException.class)
                .hasMessageContaining(message);
    }

    static byte[] npyWithHeader(String header) {
        byte[] text = header.getBytes(StandardCharsets.ISO_8859_1);
        ByteBuffer bytes = ByteBuffer.allocate(10 + text.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.put((byte) 0x93).put("NUMPY".getBytes(StandardCharsets.US_ASCII));
        bytes.put((byte) 1).put((byte) 0).putShort((short) text.length).put(text);
        return bytes.array();
    }

    @Test
    void tooManyAxesAreRefused() throws IOException {
        Path file = directory.resolve("x.npy");
        Files.write(
                file, npyWithHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (" + "1, ".repeat(65) + ")}"));
        assertThatThrownBy(() -> NpyReader.open(file)).hasMessageContaining("more than 64 axes");
    }

    @Test
    void aHeaderOfPython2IsRead() throws IOException {
        Path file = directory.resolve("x.npy");
        Files.write(file, npyWithHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (0L, 3L), }\n"));
        assertThat(NpyReader.read(file).shape()).isEqualTo(Shape.of(0, 3));
    }

    @Test
    void aMissingFileAndADirectoryAreRefusedInASentence() {
        Path missing = directory.resolve("missing.npy");
        assertThatThrownBy(() -> NpyReader.open(missing))
                .isInstanceOf(IOException.class)
                .hasMessage(missing + ": no such file");
        assertThatThrownBy(() -> NpyReader.open(directory))
                .isInstanceOf(IOException.class)
                .hasMessage(directory + ": is a directory, expected a file");
    }
}
