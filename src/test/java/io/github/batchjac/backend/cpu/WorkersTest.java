package io.github.batchjac.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class WorkersTest {

    /** Back to back, when helpers spin, and after pauses, when they sleep and may come too late. */
    @Test
    void everyTurnIsDoneOnceBeforeTheLoopReturnsAndNoWorkerIsTwice() {
        try (Workers workers = new Workers(3)) {
            for (int loop = 0; loop < 3000; loop++) {
                if (loop % 30 == 0) {
                    LockSupport.parkNanos(300_000);
                }
                int turns = loop % 13;
                AtomicIntegerArray done = new AtomicIntegerArray(turns);
                AtomicIntegerArray busy = new AtomicIntegerArray(workers.count());
                AtomicInteger clashes = new AtomicInteger();
                workers.run(turns, (worker, index) -> {
                    clashes.addAndGet(busy.getAndIncrement(worker));
                    done.incrementAndGet(index);
                    busy.decrementAndGet(worker);
                });
                assertThat(clashes).hasValue(0);
                for (int i = 0; i < turns; i++) {
                    assertThat(done.get(i)).as("loop %d, turn %d", loop, i).isEqualTo(1);
                }
            }
        }
    }

    /** The caller's own turn waits for another one: it ends only if a helper does that. */
    @Test
    void helpersTakePart() {
        try (Workers workers = new Workers(2)) {
            for (int loop = 0; loop < 20; loop++) {
                CountDownLatch both = new CountDownLatch(2);
                workers.run(2, (worker, index) -> {
                    both.countDown();
                    try {
                        both.await();
                    } catch (InterruptedException e) {
                        throw new IllegalStateException(e);
                    }
                });
                assertThat(both.getCount()).isZero();
            }
        }
    }

    @Test
    void theFirstFailureReachesTheCallerAndTheNextLoopIsWhole() {
        try (Workers workers = new Workers(2)) {
            assertThatThrownBy(() -> workers.run(100, (worker, index) -> {
                        if (index == 7) {
                            throw new IllegalArgumentException("turn 7");
                        }
                    }))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("turn 7");
            AtomicInteger done = new AtomicInteger();
            workers.run(100, (worker, index) -> done.incrementAndGet());
            assertThat(done).hasValue(100);
        }
    }

    @Test
    void aClosedTeamSaysSo() {
        Workers workers = new Workers(2);
        workers.close();
        assertThatThrownBy(() -> workers.run(2, (worker, index) -> {}))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
    }
}
