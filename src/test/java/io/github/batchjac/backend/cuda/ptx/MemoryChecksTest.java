package io.github.batchjac.backend.cuda.ptx;

import static io.github.batchjac.backend.cuda.ptx.Snippets.fails;
import static io.github.batchjac.backend.cuda.ptx.Snippets.kernel;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.batchjac.backend.cuda.ptx.PtxFault.Kind;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MemoryChecksTest {
    private final Snippets lab = new Snippets();

    @Test
    void anAccessOneByteBeyondAnAllocationFails() {
        long seven = lab.room(7);
        lab.machine.memory().zero(seven, 7);
        lab.run(7, "cvt.u64.u32 %rd1, %t;\nadd.s64 %rd1, %p0, %rd1;\nld.global.u8 %h1, [%rd1];", seven);
        fails(
                Kind.OUT_OF_BOUNDS,
                () -> lab.run(8, "cvt.u64.u32 %rd1, %t;\nadd.s64 %rd1, %p0, %rd1;\nld.global.u8 %h1, [%rd1];", seven));
        fails(Kind.OUT_OF_BOUNDS, () -> lab.run(1, "ld.global.u8 %h1, [%p0+-1];", seven));
        fails(Kind.OUT_OF_BOUNDS, () -> lab.run(1, "ld.global.u32 %r1, [%p0+4];", seven));
        fails(Kind.OUT_OF_BOUNDS, () -> lab.run(1, "st.global.u32 [%p0+4], %t;", seven));
        fails(Kind.OUT_OF_BOUNDS, () -> lab.run(1, "ld.global.u32 %r1, [%p0];", 0));
        fails(Kind.OUT_OF_BOUNDS, () -> lab.run(1, "ld.global.u32 %r1, [%p0];", -8));
        fails(Kind.OUT_OF_BOUNDS, () -> lab.run(1, "ld.global.u32 %r1, [%p0];", Long.MIN_VALUE));
    }

    @Test
    void aFaultNamesKernelBlockThreadAndLine() {
        long room = lab.room(4);
        assertThatThrownBy(() -> lab.run(kernel(1, "", "st.global.u32 [%rd0], %t;"), 1, 4, 0, room))
                .hasMessageContaining("k, block 0, thread 1")
                .hasMessageContaining("st.global.u32 [%rd0], %t")
                .hasMessageContaining("line ")
                .hasMessageContaining(Long.toHexString(room + 4));
    }

    @Test
    void whatWasFreedIsNotUsed() {
        long room = lab.ints(1, 2);
        lab.machine.memory().free(room);
        fails(Kind.FREED, () -> lab.run(1, "ld.global.u32 %r1, [%p0];", room));
        fails(Kind.FREED, () -> lab.machine.memory().copyOut(ByteBuffer.allocate(4), room));
        fails(Kind.FREED, () -> lab.machine.memory().free(room));
    }

    @ParameterizedTest
    @ValueSource(ints = {4, 8, 12})
    void aVectorIsAlignedToItsWholeWidth(int offset) {
        long room = lab.ints(new int[16]);
        lab.run(1, "ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [%p0+16];", room);
        fails(Kind.MISALIGNED, () -> lab.run(1, "ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [%p0+" + offset + "];", room));
        fails(Kind.MISALIGNED, () -> lab.run(1, "st.global.v4.u32 [%p0+" + offset + "], {%r1, %r2, %r3, %r4};", room));
    }

    @Test
    void scalarsAreAligned() {
        long room = lab.ints(new int[4]);
        fails(Kind.MISALIGNED, () -> lab.run(1, "ld.global.f64 %fd1, [%p0+4];", room));
        fails(Kind.MISALIGNED, () -> lab.run(1, "ld.global.u16 %h1, [%p0+1];", room));
        fails(
                Kind.MISALIGNED,
                () -> lab.run(kernel(0, ".shared .align 8 .b8 s[64];", "st.shared.u64 [s+4], %t8;"), 1, 1, 0));
    }

    @Test
    void whatWasNeverWrittenIsNotRead() {
        long room = lab.room(8);
        lab.run(1, "st.global.u16 [%p0+2], %h1;", room);
        lab.run(1, "ld.global.u16 %h1, [%p0+2];", room);
        fails(Kind.UNINITIALISED, () -> lab.run(1, "ld.global.u32 %r1, [%p0];", room));
        fails(Kind.UNINITIALISED, () -> lab.run(1, "ld.global.u32 %r1, [%p0+4];", room));
        fails(
                Kind.UNINITIALISED,
                () -> lab.run(kernel(0, ".shared .align 4 .b8 s[64];", "ld.shared.u32 %r1, [s];"), 1, 1, 0));
        fails(
                Kind.UNINITIALISED,
                () -> lab.run(kernel(0, ".local .align 4 .b8 l[64];", "ld.local.u32 %r1, [l];"), 1, 1, 0));
    }

    @Test
    void sharedMemoryIsUnwrittenAgainInTheNextBlock() {
        String once = kernel(0, ".shared .align 4 .b8 s[64];", """
                mov.u32 %r1, %ctaid.x;
                setp.ne.s32 %q1, %r1, 0;
                @!%q1 st.shared.u32 [s], %t;
                ld.shared.u32 %r2, [s];
                """);
        lab.run(once, 1, 1, 0);
        fails(Kind.UNINITIALISED, () -> lab.run(once, 2, 1, 0));
    }

    @Test
    void copiesOutAreOfWrittenBytesOnlyAndCopiesWithinKeepWhatIsUnwritten() {
        GlobalMemory memory = lab.machine.memory();
        long from = lab.room(9000);
        long to = lab.room(9000);
        memory.zero(from + 10, 8000);
        memory.copy(to, from, 9000);
        memory.copyOut(ByteBuffer.allocate(8000), to + 10);
        fails(Kind.UNINITIALISED, () -> memory.copyOut(ByteBuffer.allocate(8001), to + 10));
        fails(Kind.UNINITIALISED, () -> memory.copyOut(ByteBuffer.allocate(8001), to + 9));
        fails(Kind.OUT_OF_BOUNDS, () -> memory.copy(to + 1, from, 9000));
    }

    @Test
    void aByteIsWrittenOnceInALaunch() {
        long room = lab.room(4);
        String body = "st.global.u32 [%p0], %t;";
        lab.run(1, body, room);
        lab.run(1, body, room); // another launch may
        fails(Kind.WRITTEN_TWICE, () -> lab.run(2, body, room));
        fails(Kind.WRITTEN_TWICE, () -> lab.run(1, body + body, room));
        fails(Kind.WRITTEN_TWICE, () -> lab.run(kernel(1, "", body), 2, 1, 0, room));
    }

    @Test
    void neighbouringBytesMayBeWrittenByDifferentThreads() {
        long room = lab.room(32);
        lab.run(
                32,
                "cvt.u64.u32 %rd1, %t;\nadd.s64 %rd1, %p0, %rd1;\ncvt.u16.u32 %h1, %t;\nst.global.u8 [%rd1], %h1;",
                room);
        assertThat(lab.readInts(room, 2)).containsExactly(0x03020100, 0x07060504);
    }

    @Test
    void aByteThatOneThreadReadsNoOtherWritesInThatLaunch() {
        long room = lab.ints(new int[64]);
        lab.run(32, "ld.global.u32 %r1, [%rd0];\nst.global.u32 [%rd0], %r1;", room); // in place
        fails(
                Kind.GLOBAL_RACE,
                () -> lab.run(32, "ld.global.u32 %r1, [%p0];\nst.global.u32 [%rd0], %r1;", room)); // read, then written
        fails(
                Kind.GLOBAL_RACE,
                () -> lab.run(32, "st.global.u32 [%rd0], %t;\nld.global.u32 %r1, [%p0];", room)); // written, then read
        String acrossBlocks = kernel(1, "", """
                mov.u32 %r1, %ctaid.x;
                setp.eq.s32 %q1, %r1, 0;
                @%q1 ld.global.u32 %r2, [%p0];
                @!%q1 st.global.u32 [%p0], %r1;
                """);
        fails(Kind.GLOBAL_RACE, () -> lab.run(acrossBlocks, 2, 1, 0, room));
        lab.machine.order(count -> new long[] {1, 0});
        fails(Kind.GLOBAL_RACE, () -> lab.run(acrossBlocks, 2, 1, 0, room));
    }

    @Test
    void atomicsOnIntegersShareAWord() {
        long room = lab.ints(0, 5);
        lab.run(32, "red.global.add.u32 [%p0], 3;\natom.global.max.s32 %r1, [%p0+4], %t;", room);
        assertThat(lab.readInts(room, 2)).containsExactly(96, 31);
        fails(Kind.GLOBAL_RACE, () -> lab.run(32, "red.global.add.u32 [%p0], 3;\nld.global.u32 %r1, [%p0];", room));
    }

    @Test
    void sharedMemoryEndsWhereTheLaunchSays() {
        String last =
                kernel(0, ".shared .align 4 .b8 s[8];\n.extern .shared .align 16 .b8 d[];", "st.shared.u32 [d+4], %t;");
        fails(
                Kind.OUT_OF_BOUNDS,
                () -> lab.run(kernel(0, ".shared .align 4 .b8 s[8];", "st.shared.u32 [s+8], %t;"), 1, 1, 0));
        lab.run(last.replace(".extern", "").replace("d[]", "d[8]"), 1, 1, 0);
        String dynamic = ".extern .shared .align 16 .b8 d[];\n" + kernel(0, "", "st.shared.u32 [d+4], %t;");
        lab.run(".version 6.3\n" + dynamic, 1, 1, 8);
        fails(Kind.OUT_OF_BOUNDS, () -> lab.run(".version 6.3\n" + dynamic, 1, 1, 7));
    }

    @Test
    void localMemoryEndsWithItsFrame() {
        String variables = ".local .align 4 .b8 l[8];";
        lab.run(kernel(0, variables, "st.local.u32 [l+4], %t;\nld.local.u32 %r1, [l+4];"), 1, 32, 0);
        fails(Kind.OUT_OF_BOUNDS, () -> lab.run(kernel(0, variables, "st.local.u32 [l+8], %t;"), 1, 1, 0));
    }

    @Test
    void constantsOfTheModuleAreReadAndNotWritten() {
        String table = ".global .align 4 .u32 g[2] = {7, 0x10};\n.const .align 4 .b8 c[4] = {1, 2, 0, 0};\n"
                + kernel(1, "", """
                        mov.u64 %rd1, g;
                        ld.global.u32 %r1, [%rd1+4];
                        ld.const.u32 %r2, [c];
                        add.s32 %r1, %r1, %r2;
                        st.global.u32 [%p0], %r1;
                        """);
        long room = lab.room(4);
        lab.run(table, 1, 1, 0, room);
        assertThat(lab.readInts(room, 1)).containsExactly(16 + 0x201);
        fails(Kind.READ_ONLY, () -> lab.run(table.replace("st.global.u32 [%p0]", "st.global.u32 [c]"), 1, 1, 0, room));
    }

    @Test
    void anArrayOfTerabytesTakesThePagesThatAreUsed() {
        long bytes = 5L << 40;
        long room = lab.room(bytes);
        lab.machine.memory().zero(room, bytes);
        lab.machine.order(count -> new long[] {count - 1});
        long blocks = 1L << 30;
        String last = kernel(1, "", """
                mov.u32 %r1, %ctaid.x;
                mul.wide.u32 %rd1, %r1, 5120;
                mul.wide.u32 %rd2, %t, 160;
                add.s64 %rd1, %rd1, %rd2;
                add.s64 %rd1, %rd1, %p0;
                ld.global.u64 %rd3, [%rd1+152];
                add.s64 %rd3, %rd3, 5;
                st.global.u64 [%rd1+152], %rd3;
                """);
        LaunchReport report = lab.run(last, blocks, 32, 0, room);
        assertThat(report.blocks()).isEqualTo(1);
        assertThat(lab.readLongs(room + bytes - 8, 1)).containsExactly(5);
        assertThat(lab.machine.memory().pages()).isLessThan(10);
    }

    @Test
    void genericAddressesReachAllMemories() {
        long room = lab.room(12);
        lab.run(kernel(1, ".shared .align 4 .b8 s[4];\n.local .align 4 .b8 l[4];", """
                        cvta.shared.u64 %rd1, s;
                        mov.u64 %rd3, l;
                        cvta.local.u64 %rd2, %rd3;
                        st.u32 [%rd1], 7;
                        st.u32 [%rd2], 8;
                        ld.shared.u32 %r1, [s];
                        ld.local.u32 %r2, [l];
                        ld.u32 %r3, [%rd1];
                        st.u32 [%p0], %r1;
                        st.u32 [%p0+4], %r2;
                        cvta.to.shared.u64 %rd4, %rd1;
                        ld.shared.u32 %r3, [%rd4];
                        st.global.u32 [%p0+8], %r3;
                        """), 1, 1, 0, room);
        assertThat(lab.readInts(room, 3)).containsExactly(7, 8, 7);
    }
}
