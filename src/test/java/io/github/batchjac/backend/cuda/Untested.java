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
}
