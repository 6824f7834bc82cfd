package io.github.batchjac.example;

import io.github.batchjac.graph.Graph;
import io.github.batchjac.io.NpyReader;
import io.github.batchjac.io.OnnxModel;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;

/** Handwritten digits and a network 64-32-10 that tells them apart, both within the program. */
public final class Digits {
    /** What the names of examples begin with. */
    public static final String SCHEME = "example:";

    /** What the command line calls this example. */
    public static final String NAME = SCHEME + "digits";

    /** Whom to name, and under which licence the images are. */
    public static final String SOURCE = "UCI Optical Recognition of Handwritten Digits,"
            + " E. Alpaydin & C. Kaynak 1998, CC BY 4.0 (as Debian's python3-sklearn ships it)";

    private Digits() {}

    /** Float32 {@code (1797, 64)}: 8×8 grey images, 0 paper to 1 ink. */
    public static NpyReader images() throws IOException {
        return NpyReader.of(resource("digits_x.npy"), NAME);
    }

    /** Int64 {@code (1797)}: 0 to 9. */
    public static NpyReader labels() throws IOException {
        return NpyReader.of(resource("digits_y.npy"), NAME);
    }

    /** From {@code x (64)} to ten logits; written by {@link DigitsTraining}. */
    public static Graph classifier() throws IOException {
        return OnnxModel.parse(resource("digits.onnx"), NAME, null).graph();
    }

    private static byte[] resource(String name) throws IOException {
        try (InputStream in = Digits.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new FileNotFoundException("the program lacks its resource " + name);
            }
            return in.readAllBytes();
        }
    }
}
