package io.github.batchjac.backend.cuda;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

/**
 * What {@code untested.txt} admits of kernels: how many of their instructions no test executes, and how many of their barriers can
 * be left out unseen. What is not listed is 0.
 */
record Untested(int instructions, int barriers) {
    private static final String HEAD = """
            # What tests do not see of the kernels: to become less, never more. See CONTRIBUTING.md, "Mutants of the kernels".
            # A run of all tests writes target/untested.txt, to be put here when it is shorter.
            # kernel                             instructions never executed, barriers that can be left out unseen
            """;
    private static final Untested NOTHING = new Untested(0, 0);
    private static final Map<String, Untested> LISTED = read();

    private static Map<String, Untested> read() {
        Map<String, Untested> listed = new TreeMap<>();
        try (BufferedReader lines = new BufferedReader(
                new InputStreamReader(Untested.class.getResourceAsStream("untested.txt"), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String[] words = line.strip().split("\\s+");
                if (!line.isBlank() && !line.startsWith("#")) {
                    listed.put(words[0], new Untested(Integer.parseInt(words[1]), Integer.parseInt(words[2])));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return listed;
    }

    static Untested of(String kernel) {
        return LISTED.getOrDefault(kernel, NOTHING);
    }

    /** What would be listed now: each kernel with {@code instructions} that were not executed and {@code barriers} that live. */
    static String list(Map<String, Untested> kernels) {
        StringBuilder text = new StringBuilder(HEAD);
        new TreeMap<>(kernels)
                .forEach((kernel, some) -> text.append(
                        some.equals(NOTHING)
                                ? ""
                                : "%-44s %6d %6d%n".formatted(kernel, some.instructions(), some.barriers())));
        return text.toString();
    }
}
