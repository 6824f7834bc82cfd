package io.github.batchjac.cli;

import io.github.batchjac.io.FormatException;
import io.github.batchjac.plan.Memory;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;

/** What went wrong, as one line for a person. */
final class Sentence {
    private Sentence() {}

    static String of(Throwable e) {
        return oneLine(text(e));
    }

    /** Whether {@code e} speaks of what was asked for, and not of a mistake in this program. */
    static boolean isExpected(Throwable e) {
        return e instanceof Failure
                || e instanceof IOException
                || e instanceof IllegalArgumentException
                || e instanceof OutOfMemoryError;
    }

    private static String text(Throwable e) {
        if (e instanceof OutOfMemoryError) {
            return "the Java heap of " + Memory.bytes(Runtime.getRuntime().maxMemory())
                    + " is full; lower --memory, or give more with BATCHJAC_JAVA_OPTS=-Xmx8g (" + e.getMessage() + ")";
        } else if (e instanceof FileSystemException f && f.getReason() == null && f.getFile() != null) {
            return f.getFile() + ": " + reason(f);
        } else if (e instanceof FormatException || isExpected(e)) {
            return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        }
        return "this is a bug in batchjac: " + e
                + " (BATCHJAC_TRACE=1 or --trace shows where; please report it with that trace)";
    }

    private static String reason(FileSystemException e) {
        if (e instanceof NoSuchFileException) {
            return "no such file or directory";
        }
        return e instanceof AccessDeniedException
                ? "permission denied"
                : e.getClass().getSimpleName().replace("Exception", "");
    }

    /** {@code text} without line breaks and other control characters. */
    static String oneLine(String text) {
        return text.strip().replaceAll("\\s*\\R\\s*", " ").replaceAll("\\p{Cntrl}", "?");
    }
}
