package io.github.batchjac.io;

import java.io.IOException;
import java.io.Serial;

/** A file's contents are not what was expected: one sentence that names the file, what came and what was expected. */
public final class FormatException extends IOException {
    @Serial
    private static final long serialVersionUID = 1L;

    public FormatException(String message) {
        super(message);
    }

    public FormatException(String message, Throwable cause) {
        super(message, cause);
    }
}
