package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The shipped module becomes machine code for every architecture that we name: no register spills, none too many. */
class PtxAssemblyTest {
    private static final Pattern FUNCTION =
            Pattern.compile("(?:Compiling entry function|Function properties for) '?(\\w+)'?");
    private static final Pattern SPILLS =
            Pattern.compile("(\\d+) bytes stack frame, (\\d+) bytes spill stores, (\\d+) bytes spill loads");
    private static final Pattern REGISTERS = Pattern.compile("Used (\\d+) registers");
    private static final Pattern ENTRY = Pattern.compile("\\.entry\\s+(\\w+)\\([^)]*\\)\\s*(?:\\.maxntid\\s+(\\d+))?");

    /** Registers of a multiprocessor, from sm_75 on. */
    private static final int REGISTERS_IN_ALL = 65536;

    private static final int REGISTERS_OF_A_THREAD = 255;

    @ParameterizedTest
    @ValueSource(strings = {"sm_75", "sm_80", "sm_86", "sm_89", "sm_90"})
    void everyKernelKeepsItsNumbersInRegisters(String architecture, @TempDir Path folder) throws Exception {
        String library = NativeLibraries.file("JNvPTXCompiler");
        assumeTrue(
                PtxAssembler.class.getResource("/lib/" + library) != null,
                "JCuda has no assembler for this machine: " + library + " is not on the class path");
        String ptx = new String(
                PtxAssemblyTest.class.getResourceAsStream("batchjac.ptx").readAllBytes(), StandardCharsets.US_ASCII);
        assertThat(ptx).as("without a header the assembler crashes").startsWith(".version 6.3\n.target sm_75\n");
        Path file = Files.writeString(folder.resolve("batchjac.ptx"), ptx);
        // unpacks the library to a fixed name in java.io.tmpdir
        String said = assemble(folder, file, architecture);
        Map<String, Integer> threads = new TreeMap<>();
        Matcher entry = ENTRY.matcher(ptx);
        while (entry.find()) {
            threads.put(entry.group(1), entry.group(2) == null ? 1024 : Integer.parseInt(entry.group(2)));
        }
        Map<String, Integer> registers = new TreeMap<>();
        List<String> spilling = new ArrayList<>();
        Set<String> told = new TreeSet<>();
        String function = "";
        for (String line : said.lines().toList()) {
            Matcher name = FUNCTION.matcher(line);
            if (name.find()) {
                function = name.group(1);
            }
            Matcher spills = SPILLS.matcher(line);
            if (spills.find()) {
                told.add(function);
                if (!(spills.group(2).equals("0") && spills.group(3).equals("0"))) {
                    spilling.add(function + ": " + spills.group());
                }
            }
            Matcher used = REGISTERS.matcher(line);
            if (used.find()) {
                registers.put(function, Integer.parseInt(used.group(1)));
            }
        }
        assertThat(spilling).as(architecture).isEmpty();
        assertThat(told).as(said).isEqualTo(threads.keySet());
        assertThat(registers.keySet()).as(said).isEqualTo(threads.keySet());
        registers.forEach((kernel, count) -> assertThat(count)
                .as(kernel + " on " + architecture)
                .isLessThanOrEqualTo(Math.min(REGISTERS_OF_A_THREAD, REGISTERS_IN_ALL / threads.get(kernel))));
    }

    private static String assemble(Path folder, Path ptx, String architecture) throws Exception {
        Forked.Ending ending = Forked.java(
                PtxAssembler.class, folder, Map.of(), "-Djava.io.tmpdir=" + folder, ptx.toString(), architecture);
        assertThat(ending.output()).contains("assembled");
        assertThat(ending.code()).as(ending.output()).isZero();
        return ending.output();
    }
}
