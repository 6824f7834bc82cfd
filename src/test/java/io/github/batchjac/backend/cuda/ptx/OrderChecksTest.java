package io.github.batchjac.backend.cuda.ptx;

import static io.github.batchjac.backend.cuda.ptx.Snippets.fails;
import static io.github.batchjac.backend.cuda.ptx.Snippets.kernel;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.backend.cuda.ptx.PtxFault.Kind;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Barriers, races in shared memory, and lanes that move values between them. */
class OrderChecksTest {
    private static final String SHARED = ".shared .align 16 .b8 s[4096];\n";
    private static final String NEIGHBOUR = """
            mov.u32 %r9, s;
            shl.b32 %r1, %t, 2;
            add.s32 %r1, %r1, %r9;
            st.shared.u32 [%r1], %t;
            SYNC
            xor.b32 %r2, %t, DISTANCE;
            shl.b32 %r2, %r2, 2;
            add.s32 %r2, %r2, %r9;
            ld.shared.u32 %r3, [%r2];
            st.global.u32 [%rd0], %r3;
            """;

    private final Snippets lab = new Snippets();

    private void exchange(int threads, int distance, String between) {
        String body = NEIGHBOUR.replace("SYNC", between).replace("DISTANCE", Integer.toString(distance));
        long out = lab.room(threads * 4L);
        lab.run(kernel(1, SHARED, body), 1, threads, 0, out);
        assertThat(lab.readInts(out, threads))
                .containsExactly(
                        IntStream.range(0, threads).map(t -> t ^ distance).toArray());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 16, 32, 64})
    void aBarrierOrdersABlock(int distance) {
        exchange(128, distance, "bar.sync 0;");
        exchange(128, distance, "barrier.sync 0;");
        exchange(128, distance, "bar.sync 0, 128;");
        exchange(128, distance, "bar.sync 3;");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 16, 32, 64})
    void aMissingBarrierIsARace(int distance) {
        fails(distance < 32 ? Kind.SHARED_RACE : Kind.UNINITIALISED, () -> exchange(128, distance, ""));
    }

    @Test
    void lockstepOrdersNothingAndAWarpBarrierOrdersItsWarp() {
        exchange(32, 1, "bar.warp.sync -1;");
        exchange(64, 8, "bar.warp.sync -1;");
        String vote = "setp.eq.s32 %q1, %t, 0;\nvote.sync.any.pred %q2, %q1, -1;";
        fails(Kind.SHARED_RACE, () -> exchange(32, 1, vote));
        fails(Kind.SHARED_RACE, () -> exchange(32, 1, "shfl.sync.bfly.b32 %r5, %t, 0, 31, -1;"));
        fails(Kind.SHARED_RACE, () -> exchange(32, 1, ""));
    }

    @Test
    void aBarrierOfSomeLanesOrdersThose() {
        String halves = "and.b32 %r5, %t, 16;\nshl.b32 %r6, 65535, %r5;\nbar.warp.sync %r6;";
        exchange(32, 8, halves);
        fails(Kind.SHARED_RACE, () -> exchange(32, 16, halves));
    }

    @Test
    void aWriteAfterAReadNeedsABarrierToo() {
        String body = """
                setp.eq.s32 %q1, %t, 0;
                @%q1 st.shared.u32 [s], %t;
                bar.sync 0;
                ld.shared.u32 %r1, [s];
                SYNC
                setp.eq.s32 %q2, %t, LAST;
                @%q2 st.shared.u32 [s], %t;
                """;
        for (int last : new int[] {0, 5, 63}) {
            String text = kernel(0, SHARED, body.replace("LAST", Integer.toString(last)));
            lab.run(text.replace("SYNC", "bar.sync 0;"), 1, 64, 0);
            fails(Kind.SHARED_RACE, () -> lab.run(text.replace("SYNC", ""), 1, 64, 0));
            fails(Kind.SHARED_RACE, () -> lab.run(text.replace("SYNC", "bar.warp.sync -1;"), 1, 64, 0));
        }
        String oneWarp = kernel(0, SHARED, body.replace("LAST", "7").replace("SYNC", "bar.warp.sync -1;"));
        lab.run(oneWarp, 1, 32, 0);
    }

    @Test
    void twoWritersOfOneWordRaceEvenWithTheSameValue() {
        fails(Kind.SHARED_RACE, () -> lab.run(kernel(0, SHARED, "st.shared.u32 [s], 5;"), 1, 2, 0));
        fails(
                Kind.SHARED_RACE,
                () -> lab.run(
                        kernel(
                                0,
                                SHARED,
                                "and.b32 %r1, %t, 31;\nsetp.eq.s32 %q1, %r1, 0;\n" + "@%q1 st.shared.u32 [s], 5;"),
                        1,
                        64,
                        0));
        lab.run(kernel(0, SHARED, "st.shared.u32 [s], 5;\nst.shared.u32 [s], 6;"), 1, 1, 0);
    }

    @Test
    void bytesOfOneWordMayBelongToDifferentThreads() {
        String body = "cvt.u16.u32 %h1, %t;\nmov.u32 %r1, s;\nadd.s32 %r1, %r1, %t;\nst.shared.u8 [%r1], %h1;";
        lab.run(kernel(0, SHARED, body), 1, 64, 0);
    }

    @Test
    void atomicsOnSharedMemoryAreOrderedAmongThemselvesOnly() {
        String body =
                "setp.eq.s32 %q1, %t, 0;\n@%q1 st.shared.u32 [s], 0;\nbar.sync 0;\natom.shared.add.u32 %r1, [s], 2;\n"
                        + "SYNC\nld.shared.u32 %r2, [s];\nst.global.u32 [%rd0], %r2;";
        long out = lab.room(256);
        lab.run(kernel(1, SHARED, body.replace("SYNC", "bar.sync 0;")), 1, 64, 0, out);
        assertThat(lab.readInts(out, 64)).containsOnly(128);
        fails(Kind.SHARED_RACE, () -> lab.run(kernel(1, SHARED, body.replace("SYNC", "")), 1, 64, 0, lab.room(256)));
    }

    @Test
    void aBarrierThatSomeLanesOfAWarpDoNotReachFails() {
        String half = "setp.lt.s32 %q1, %t, 16;\n@%q1 bra L;\nbar.sync 0;\nL:";
        fails(Kind.BARRIER, () -> lab.run(32, half));
        fails(Kind.BARRIER, () -> lab.run(32, "setp.lt.s32 %q1, %t, 16;\n@%q1 bar.sync 0;"));
        fails(Kind.BARRIER, () -> lab.run(32, "setp.lt.s32 %q1, %t, 16;\n@%q1 ret;\nbar.sync 0;"));
    }

    @Test
    void aBarrierThatSomeWarpsDoNotReachFails() {
        fails(Kind.BARRIER, () -> lab.run(64, "setp.lt.s32 %q1, %t, 32;\n@%q1 bra L;\nbar.sync 0;\nL:"));
        fails(Kind.BARRIER, () -> lab.run(64, "setp.lt.s32 %q1, %t, 32;\n@%q1 ret;\nbar.sync 0;"));
        fails(
                Kind.BARRIER,
                () -> lab.run(64, "setp.lt.s32 %q1, %t, 32;\n@%q1 bra L;\nbar.sync 0;\nret;\nL:\nbar.sync 0;"));
        fails(Kind.BARRIER, () -> lab.run(64, "setp.lt.s32 %q1, %t, 32;\n@%q1 bar.sync 1;\n@!%q1 bar.sync 2;"));
    }

    @Test
    void aNamedBarrierIsForSomeWarps() {
        String body = """
                and.b32 %r7, %t, 64;
                shr.u32 %r7, %r7, 6;
                add.s32 %r7, %r7, 1;
                """;
        exchange(128, 32, body + "bar.sync %r7, 64;");
        fails(Kind.BARRIER, () -> exchange(128, 32, "bar.sync 1, 96;"));
        fails(Kind.SHARED_RACE, () -> exchange(128, 64, body + "bar.sync %r7, 64;"));
    }

    @Test
    void shufflesMoveAsTheManualSays() {
        String body = """
                shfl.sync.OP.b32 %r1|%q1, %t, %p1x, CLAMP, -1;
                selp.b32 %r2, 100, 0, %q1;
                add.s32 %r1, %r1, %r2;
                st.global.u32 [%rd0], %r1;
                """;
        long out = lab.room(128);
        String up = body.replace("OP", "up").replace("%p1x", "3").replace("CLAMP", "0");
        lab.run(32, up, out);
        assertThat(lab.readInts(out, 32))
                .containsExactly(
                        IntStream.range(0, 32).map(l -> l < 3 ? l : 100 + l - 3).toArray());
        lab.run(32, body.replace("OP", "down").replace("%p1x", "5").replace("CLAMP", "31"), out);
        assertThat(lab.readInts(out, 32))
                .containsExactly(IntStream.range(0, 32)
                        .map(l -> l > 26 ? l : 100 + l + 5)
                        .toArray());
        lab.run(32, body.replace("OP", "bfly").replace("%p1x", "9").replace("CLAMP", "31"), out);
        assertThat(lab.readInts(out, 32))
                .containsExactly(IntStream.range(0, 32).map(l -> 100 + (l ^ 9)).toArray());
        String segments = Integer.toString((24 << 8) + 7 | 24 << 8); // groups of 8: mask 24, clamp 7
        lab.run(32, body.replace("OP", "idx").replace("%p1x", "2").replace("CLAMP", segments), out);
        assertThat(lab.readInts(out, 32))
                .containsExactly(
                        IntStream.range(0, 32).map(l -> 100 + l / 8 * 8 + 2).toArray());
        lab.run(32, body.replace("OP", "down").replace("%p1x", "3").replace("CLAMP", segments), out);
        assertThat(lab.readInts(out, 32))
                .containsExactly(IntStream.range(0, 32)
                        .map(l -> l % 8 > 4 ? l : 100 + l + 3)
                        .toArray());
    }

    @Test
    void aShuffleReadsOnlyLanesThatTakePart() {
        String bfly = "shfl.sync.bfly.b32 %r1, %t, 16, 31, -1;";
        lab.run(32, bfly);
        fails(Kind.LANE, () -> lab.run(31, bfly));
        fails(Kind.LANE, () -> lab.run(32, "setp.lt.s32 %q1, %t, 16;\n@%q1 " + bfly));
        fails(Kind.LANE, () -> lab.run(32, "setp.lt.s32 %q1, %t, 16;\n@%q1 ret;\n" + bfly));
        fails(Kind.LANE, () -> lab.run(32, "shfl.sync.bfly.b32 %r1, %t, 16, 31, 65535;"));
        lab.run(16, "shfl.sync.bfly.b32 %r1, %t, 8, 31, 65535;");
        fails(Kind.LANE, () -> lab.run(32, "setp.lt.s32 %q1, %t, 16;\n@%q1 bra L;\n" + bfly + "\nret;\nL:\n" + bfly));
    }

    @Test
    void lanesThatLeaveALoopAtDifferentTimesMeetAgain() {
        String body = """
                mov.u32 %r1, 0;
                LOOP:
                setp.ge.s32 %q1, %r1, %t;
                @%q1 bra DONE;
                add.s32 %r1, %r1, 1;
                setp.eq.s32 %q2, %r1, 1000;
                @%q2 ret;
                bra.uni LOOP;
                DONE:
                shfl.sync.bfly.b32 %r2, %r1, 31, 31, -1;
                st.global.u32 [%rd0], %r2;
                """;
        long out = lab.room(128);
        LaunchReport report = lab.run(32, body, out);
        assertThat(lab.readInts(out, 32))
                .containsExactly(IntStream.range(0, 32).map(l -> 31 - l).toArray());
        assertThat(report.storeSectorRatio()).isEqualTo(1);
    }

    @Test
    void bothSidesOfABranchAreTakenAndVotesCountActiveLanes() {
        String body = """
                setp.lt.s32 %q1, %t, 10;
                @%q1 bra L;
                activemask.b32 %r1;
                vote.sync.ballot.b32 %r2, %q1, %r1;
                bra.uni M;
                L:
                activemask.b32 %r1;
                vote.sync.ballot.b32 %r2, %q1, %r1;
                M:
                setp.gt.s32 %q2, %t, -1;
                vote.sync.all.pred %q3, %q2, -1;
                selp.b32 %r3, 0, 7, %q3;
                add.s32 %r2, %r2, %r3;
                st.global.u32 [%rd0], %r2;
                """;
        long out = lab.room(128);
        lab.run(32, body, out);
        assertThat(lab.readInts(out, 32))
                .containsExactly(
                        IntStream.range(0, 32).map(l -> l < 10 ? 1023 : 0).toArray());
    }

    @Test
    void predicatesCanBeConstant() {
        String body = """
                mov.pred %q1, 0;
                mov.pred %q2, -1;
                setp.lt.s32 %q3, %t, 16;
                @%q3 mov.pred %q1, 1;
                @%q3 mov.pred %q2, 0;
                selp.b32 %r1, 1, 0, %q1;
                @%q2 add.s32 %r1, %r1, 10;
                st.global.u32 [%rd0], %r1;
                """;
        long out = lab.room(128);
        lab.run(32, body, out);
        assertThat(lab.readInts(out, 32))
                .containsExactly(
                        IntStream.range(0, 32).map(l -> l < 16 ? 1 : 10).toArray());
    }
}
