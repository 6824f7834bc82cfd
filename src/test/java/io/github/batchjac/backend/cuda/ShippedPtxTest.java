package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The module in the resources is what {@code kernels/build.sh} makes of the sources beside it. */
class ShippedPtxTest {
    private static final Path KERNELS = Path.of("kernels");

    private static byte[] resource(String name) throws IOException {
        try (InputStream in = ShippedPtxTest.class.getResourceAsStream(name)) {
            assertThat(in).as("resource " + name).isNotNull();
            return in.readAllBytes();
        }
    }

    private static Properties recorded() throws IOException {
        Properties recorded = new Properties();
        try (InputStream in = ShippedPtxTest.class.getResourceAsStream("batchjac.properties")) {
            recorded.load(in);
        }
        return recorded;
    }

    private static String ptx() throws IOException {
        return new String(resource("batchjac.ptx"), StandardCharsets.US_ASCII);
    }

    private static String sha256(byte[]... pieces) throws NoSuchAlgorithmException {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        for (byte[] piece : pieces) {
            digest.update(piece);
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    @Test
    void theModuleIsTheOneThatWasRecorded() throws Exception {
        assertThat(recorded().getProperty("ptx"))
                .as("batchjac.ptx was changed by hand: run kernels/build.sh")
                .isEqualTo(sha256(resource("batchjac.ptx")));
    }

    @Test
    void theModuleIsMadeOfTheSourcesAsTheyAre() throws Exception {
        List<byte[]> sources = new ArrayList<>();
        for (String end : List.of(".cu", ".cuh")) {
            for (String name : files(end)) {
                sources.add(Files.readAllBytes(KERNELS.resolve(name)));
            }
        }
        sources.add(Files.readAllBytes(KERNELS.resolve("build.sh")));
        assertThat(recorded().getProperty("sources"))
                .as("kernels/ was changed since the module was built: run kernels/build.sh")
                .isEqualTo(sha256(sources.toArray(byte[][]::new)));
    }

    private static List<String> files(String end) throws IOException {
        try (Stream<Path> files = Files.list(KERNELS)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(end))
                    .sorted()
                    .toList();
        }
    }

    @Test
    void everyDriverSinceCuda10TakesTheModule() throws Exception {
        assertThat(ptx().lines().limit(3)).containsExactly(".version 6.3", ".target sm_75", ".address_size 64");
        // of later versions: assemblers from CUDA 13 on refuse them under that header, earlier ones pass over them
        assertThat(ptx().lines().filter(line -> line.contains(".pragma")))
                .allMatch(line -> line.strip().equals(".pragma \"nounroll\";"));
    }

    @Test
    void everyKernelComesInBothPrecisions() throws Exception {
        List<String> names = Pattern.compile("\\.entry\\s+(\\w+)")
                .matcher(ptx())
                .results()
                .map(match -> match.group(1))
                .toList();
        assertThat(names).isNotEmpty().doesNotHaveDuplicates().allMatch(name -> name.matches("[a-z0-9_]+_f(32|64)"));
        List<String> singles =
                names.stream().filter(name -> name.endsWith("_f32")).toList();
        List<String> doubles = names.stream()
                .filter(name -> name.endsWith("_f64"))
                .map(name -> name.replace("_f64", "_f32"))
                .toList();
        assertThat(doubles).containsExactlyInAnyOrderElementsOf(singles);
    }

    /** Where nvcc is the one that was used. */
    @Test
    void buildingAgainGivesTheSameBytes(@TempDir Path folder) throws Exception {
        String version = output(List.of("nvcc", "--version"));
        String compiler = recorded().getProperty("compiler");
        assumeTrue(version != null, "there is no nvcc on the PATH");
        assumeTrue(
                version.contains(", V" + compiler),
                "the module was built by nvcc " + compiler + ", on the PATH is another");
        String said = output(List.of("sh", KERNELS.resolve("build.sh").toString(), folder.toString()));
        assertThat(folder.resolve("batchjac.ptx")).as(said).hasBinaryContent(resource("batchjac.ptx"));
        assertThat(folder.resolve("batchjac.properties")).hasBinaryContent(resource("batchjac.properties"));
    }

    /** What a command says, or null if there is no such command. */
    private static String output(List<String> command) throws Exception {
        Process process;
        try {
            process = new ProcessBuilder(command).redirectErrorStream(true).start();
        } catch (IOException e) {
            return null;
        }
        process.getOutputStream().close();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(5, TimeUnit.MINUTES)).isTrue();
        return said;
    }
}
