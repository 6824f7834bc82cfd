package io.github.batchjac.backend.cpu;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A fixed team of threads for short parallel loops: the caller is worker 0, the others spin for a while after each loop
 * before they park, because waking a parked thread takes longer than a small Jacobian. Nobody waits for one that wakes when all is
 * done: twelve microseconds of work after a pause took a hundred so, and take 17. One loop at a time.
 */
final class Workers implements AutoCloseable {

    /** One turn of a loop. */
    @FunctionalInterface
    interface Turn {
        /**
         * Does turn {@code index}.
         *
         * @param worker 0 to workers − 1: no two turns run with the same worker at the same time
         */
        void run(int worker, int index);
    }

    private static final class Loop {
        private static final int OVER = -1;

        private final Turn turn;
        private final int turns;
        private final AtomicInteger next = new AtomicInteger();
        /** Helpers at work, or {@link #OVER}. */
        private final AtomicInteger busy = new AtomicInteger();

        private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

        Loop(Turn turn, int turns) {
            this.turn = turn;
            this.turns = turns;
        }

        /** A helper that wakes up too late finds the loop over. */
        void help(int worker) {
            if (busy.getAndUpdate(n -> n == OVER ? OVER : n + 1) != OVER) {
                work(worker);
                busy.decrementAndGet();
            }
        }

        /** Waits for the helpers that are at work. */
        void end() {
            for (int spins = 0; !busy.compareAndSet(0, OVER); spins++) {
                pause(spins);
            }
        }

        void work(int worker) {
            try {
                for (int i = next.getAndIncrement(); i < turns; i = next.getAndIncrement()) {
                    turn.run(worker, i);
                }
            } catch (Throwable t) {
                // the other workers stop after their turn; whoever called run() gets the first failure
                failure.compareAndSet(null, t);
                next.set(turns);
            }
        }
    }

    /** About 20 µs of spinning. */
    private static final int SPINS = 2_000;

    private final Thread[] helpers;
    private volatile @Nullable Loop current;
    private volatile boolean closed;

    Workers(int workers) {
        helpers = new Thread[workers - 1];
        for (int i = 0; i < helpers.length; i++) {
            int worker = i + 1;
            helpers[i] = new Thread(() -> help(worker), "batchjac-worker-" + worker);
            helpers[i].setDaemon(true);
            helpers[i].start();
        }
    }

    int count() {
        return helpers.length + 1;
    }

    /** Runs turns 0 to {@code turns − 1}, each once, and returns when all are done. Turns start in order. */
    synchronized void run(int turns, Turn turn) {
        if (closed) {
            throw new IllegalStateException("the backend is closed");
        }
        if (turns <= 1 || helpers.length == 0) {
            for (int i = 0; i < turns; i++) {
                turn.run(0, i);
            }
            return;
        }
        Loop loop = new Loop(turn, turns);
        current = loop;
        for (Thread helper : helpers) {
            LockSupport.unpark(helper);
        }
        loop.work(0);
        loop.end();
        Throwable failure = loop.failure.get();
        if (failure instanceof Error e) {
            throw e;
        } else if (failure instanceof RuntimeException e) {
            throw e;
        }
    }

    /** Waits a moment: on the processor at first, then leaving it to others. */
    static void pause(int spins) {
        if (spins < SPINS) {
            Thread.onSpinWait();
        } else {
            LockSupport.parkNanos(1_000);
        }
    }

    private void help(int worker) {
        Loop done = null;
        int idle = 0;
        while (!closed) {
            Loop loop = current;
            if (loop != null && loop != done) {
                loop.help(worker);
                done = loop;
                idle = 0;
            } else if (++idle < SPINS) {
                Thread.onSpinWait();
            } else {
                LockSupport.park(this);
            }
        }
    }

    @Override
    public void close() {
        closed = true;
        for (Thread helper : helpers) {
            LockSupport.unpark(helper);
        }
    }
}
