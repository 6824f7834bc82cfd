package io.github.batchjac.io;

import static io.github.batchjac.io.ArrayWriterTest.array;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NpzReaderTest {
    @TempDir
    Path directory;

    @Test
    void storedArraysAreWhatNumPyWrote() throws IOException {
        Map<String, Tensor> arrays = NpzReader.read(NpyReaderTest.resource("npy/stored.npz"));
        assertThat(arrays.keySet()).containsExactly("a", "labels", "0.weight");
        ArrayWriterTest.assertSame(array(arrays, "a"), NpyReader.read(NpyReaderTest.resource("npy/f4_5x3.npy")));
        assertThat(array(arrays, "labels").longs()).containsExactly(3, 1, 2);
        assertThat(array(arrays, "0.weight").doubles()).containsExactly(1, 2);
    }

    @Test
    void deflatedArraysAreWhatNumPyWroteInAnyOrderOfReading() throws IOException {
        try (NpzReader reader = NpzReader.open(NpyReaderTest.resource("npy/deflated.npz"));
                NpyReader a = reader.array("a")) {
            assertThat(reader.read("zeros").shape()).isEqualTo(Shape.of(100, 100));
            assertThat(a.read(3, 2).floats()).containsExactly(2.25f, 2.5f, 2.75f, 3, 3.25f, 3.5f);
            assertThat(a.read(0, 1).floats()).containsExactly(0, 0.25f, 0.5f);
            assertThat(a.read(4, 1).floats()).containsExactly(3, 3.25f, 3.5f);
        }
    }

    @Test
    void anUnknownNameIsRefusedWithThoseThatExist() throws IOException {
        try (NpzReader reader = NpzReader.open(NpyReaderTest.resource("npy/stored.npz"))) {
            assertThatThrownBy(() -> reader.read("b"))
                    .isInstanceOf(FormatException.class)
                    .hasMessageContaining("no array \"b\", only \"a, labels, 0.weight\"");
        }
    }

    @Test
    void whatIsNoZipIsRefused() throws IOException {
        Path file = Files.writeString(directory.resolve("x.npz"), "no zip at all, but long enough to hold its end");
        assertThatThrownBy(() -> NpzReader.open(file))
                .isInstanceOf(FormatException.class)
                .hasMessageStartingWith(file + ": is not a sound .npz file");
        Path empty = Files.createFile(directory.resolve("empty.npz"));
        assertThatThrownBy(() -> NpzReader.open(empty)).isInstanceOf(FormatException.class);
    }

    @Test
    void anEntryThatIsNoArrayIsRefused() throws IOException {
        Path file = zip("readme.txt", "hello".getBytes(StandardCharsets.US_ASCII));
        assertThatThrownBy(() -> NpzReader.open(file)).hasMessageContaining("expected names that end in .npy");
        Path other = zip("a.npy", "hello".getBytes(StandardCharsets.US_ASCII));
        assertThatThrownBy(() -> NpzReader.read(other)).hasMessageContaining("x.npz:a: is not an .npy file");
    }

    @Test
    void anEntryWithMoreBytesThanItsHeaderImpliesIsNotInflated() throws IOException {
        byte[] header = NpyReaderTest.npyWithHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}");
        Path file = zip("a.npy", java.util.Arrays.copyOf(header, 50_000_000));
        assertThatThrownBy(() -> NpzReader.read(file)).hasMessageContaining("trailing bytes");
    }

    @Test
    void anEntryThatClaimsMoreThanDeflateCanHoldIsRefusedBeforeAllocation() throws IOException {
        byte[] header = NpyReaderTest.npyWithHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (500000000,)}");
        Path file = zip("a.npy", header);
        byte[] bytes = Files.readAllBytes(file);
        ByteBuffer zip = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i + 46 < bytes.length; i++) {
            if (zip.getInt(i) == 0x02014b50) {
                zip.putInt(i + 24, 2_000_000_000 + header.length);
            }
        }
        Files.write(file, bytes);
        assertThatThrownBy(() -> NpzReader.read(file))
                .isInstanceOf(FormatException.class)
                .hasMessageContaining("cannot hold");
    }

    @Test
    void aChangedNumberIsFoundByItsChecksum() throws IOException {
        byte[] bytes = Files.readAllBytes(NpyReaderTest.resource("npy/stored.npz"));
        int at = new String(bytes, StandardCharsets.ISO_8859_1).indexOf("NUMPY") + 127 + 30;
        bytes[at] ^= 1;
        Path file = Files.write(directory.resolve("x.npz"), bytes);
        assertThatThrownBy(() -> NpzReader.read(file))
                .isInstanceOf(FormatException.class)
                .hasMessageContaining("the checksum of \"a.npy\" does not match its bytes");
    }

    private Path zip(String name, byte[] contents) throws IOException {
        Path file = directory.resolve("x.npz");
        try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(file))) {
            out.putNextEntry(new ZipEntry(name));
            out.write(contents);
        }
        return file;
    }
}
