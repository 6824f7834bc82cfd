package io.github.batchjac.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Threads that do the same thing to different parts, the caller among them. They spin for their next turn, so that a limit is
 * not a measurement of how fast threads wake up; they sleep when nothing has come for a while, for
 * others are measured then.
 */
final class Team implements AutoCloseable {
    /** One thread's part of the whole. */
    interface Part {
        void run(int part, int parts);
    }

    private static final int SPINS = 20_000;

    private final int size;
    private final List<Thread> threads = new ArrayList<>();
    private final AtomicInteger left = new AtomicInteger();
    private volatile int round;
    private volatile Part part = (i, n) -> {};
    private volatile boolean closed;

    Team(int size) {
        this.size = size;
        for (int t = 1; t < size; t++) {
            int mine = t;
            Thread thread = new Thread(() -> follow(mine), "limit-" + t);
            thread.setDaemon(true);
            threads.add(thread);
        }
        threads.forEach(Thread::start);
    }

    private void wake() {
        for (Thread thread : threads) {
            LockSupport.unpark(thread);
        }
    }

    int size() {
        return size;
    }

    private void follow(int mine) {
        int seen = 0;
        while (!closed) {
            int spins = 0;
            while (round == seen && !closed) {
                if (++spins < SPINS) {
                    Thread.onSpinWait();
                } else {
                    LockSupport.park(this);
                }
            }
            if (!closed) {
                seen = round;
                part.run(mine, size);
                left.decrementAndGet();
            }
        }
    }

    /** Returns when all parts are done. */
    void run(Part work) {
        part = work;
        left.set(size - 1);
        round = round + 1; // by this thread only
        wake();
        work.run(0, size);
        while (left.get() > 0) {
            Thread.onSpinWait();
        }
    }

    @Override
    public void close() {
        closed = true;
        wake();
    }
}
