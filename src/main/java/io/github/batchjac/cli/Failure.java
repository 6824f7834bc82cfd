package io.github.batchjac.cli;

import java.io.Serial;

/** What a person asked for cannot be done, for a reason that the message says in one sentence. */
final class Failure extends RuntimeException {
    @Serial
    private static final long serialVersionUID = 1L;

    Failure(String message) {
        super(message);
    }

    Failure(String message, Throwable cause) {
        super(message, cause);
    }
}
