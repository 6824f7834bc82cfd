package io.github.batchjac.cli;

import java.io.Closeable;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/** A bar on stderr for a run of more than a second, if a person watches: the launcher says whether it is a terminal. */
final class Progress implements Closeable {
    private static final String TERMINAL = "batchjac.stderr.tty";
    private static final long PATIENCE_NANOS = 1_000_000_000;
    private static final int WIDTH = 80;

    private final String task;
    private final long total;
    private final boolean watched;
    private final long started = System.nanoTime();
    private @Nullable ProgressBar bar;

    private Progress(String task, long total, boolean watched) {
        this.task = task;
        this.total = total;
        this.watched = watched;
    }

    static Progress of(String task, long total, boolean quiet) {
        return new Progress(task, total, !quiet && Boolean.getBoolean(TERMINAL));
    }

    /** So many samples are done. */
    void reach(long done) {
        if (!watched) {
            return;
        }
        ProgressBar shown = bar;
        if (shown == null && done < total && System.nanoTime() - started > PATIENCE_NANOS) {
            shown = new ProgressBarBuilder()
                    .setTaskName(task)
                    .setInitialMax(total)
                    .setStyle(ProgressBarStyle.UNICODE_BLOCK)
                    .setConsumer(new ConsoleProgressBarConsumer(System.err, WIDTH))
                    .build();
            bar = shown;
        }
        if (shown != null) {
            shown.stepTo(done);
        }
    }

    @Override
    public void close() {
        ProgressBar shown = bar;
        if (shown != null) {
            shown.close();
        }
    }
}
