package io.github.batchjac.backend.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * The kernels as they are shipped: one module of PTX, made by {@code kernels/build.sh}. The driver is given a kernel at a
 * time: it compiles all that a module holds, which for the whole takes many seconds.
 */
final class Ptx {
    private static final String RESOURCE = "batchjac.ptx";
    private static final String ENTRY = ".visible .entry ";

    private final String prelude;
    private final Map<String, String> kernels;

    private Ptx(String prelude, Map<String, String> kernels) {
        this.prelude = prelude;
        this.kernels = kernels;
    }

    private static final class Shipped {
        static final Ptx PTX = of(text());
    }

    static Ptx shipped() {
        return Shipped.PTX;
    }

    /** The module's text. */
    static String text() {
        try (InputStream in = Ptx.class.getResourceAsStream(RESOURCE)) {
            if (in == null) {
                throw new IllegalStateException("the library's jar lacks its kernels, " + RESOURCE);
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Takes a module apart: a kernel ends at the first line that is a closing brace. */
    static Ptx of(String text) {
        StringBuilder prelude = new StringBuilder();
        Map<String, String> kernels = new HashMap<>();
        int from = 0;
        for (int entry = text.indexOf(ENTRY); entry >= 0; entry = text.indexOf(ENTRY, from)) {
            prelude.append(text, from, entry);
            int end = text.indexOf("\n}\n", entry);
            if (end < 0) {
                throw new IllegalStateException("the shipped kernels are damaged: the last one has no end");
            }
            int name = entry + ENTRY.length();
            from = end + 3;
            kernels.put(text.substring(name, text.indexOf('(', name)), text.substring(entry, from));
        }
        return new Ptx(prelude.append(text.substring(from)).toString(), kernels);
    }

    Set<String> names() {
        return kernels.keySet();
    }

    /** A module with this kernel alone. */
    String module(String kernel) {
        String body = kernels.get(kernel);
        if (body == null) {
            throw new IllegalArgumentException("there is no kernel " + kernel);
        }
        return prelude + body;
    }
}
