package io.github.batchjac.backend.cuda.ptx;

import static io.github.batchjac.backend.cuda.ptx.Snippets.fails;
import static io.github.batchjac.backend.cuda.ptx.Snippets.kernel;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.backend.cuda.ptx.PtxFault.Kind;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Launches: what they are checked for, what is counted, and what else can be asked of a machine. */
class LaunchTest {
    private static final String GLOBAL_INDEX = """
            mov.u32 %r1, %ctaid.x;
            mov.u32 %r2, %ntid.x;
            mad.lo.s32 %r1, %r1, %r2, %t;
            mul.wide.u32 %rd1, %r1, 4;
            add.s64 %rd1, %p0, %rd1;
            """;

    private final Snippets lab = new Snippets();

    @Test
    void threadsStayWithinTheKernelsLimit() {
        String text = kernel(0, "", "").replace(".maxntid 1024, 1, 1", ".maxntid 64, 1, 1");
        lab.run(text, 1, 64, 0);
        fails(Kind.LAUNCH, () -> lab.run(text, 1, 65, 0));
        fails(Kind.LAUNCH, () -> lab.run(text, 1, 0, 0));
        fails(Kind.LAUNCH, () -> lab.run(text, 0, 1, 0));
        fails(Kind.LAUNCH, () -> lab.run(text, 1L << 31, 1, 0));
    }

    @Test
    void staticAndDynamicSharedMemoryFitTheDevice() {
        String text = kernel(0, ".shared .align 4 .b8 s[1024];", "st.shared.u32 [s], %t;");
        lab.run(text, 1, 1, 47 << 10);
        fails(Kind.LAUNCH, () -> lab.run(text, 1, 1, (47 << 10) + 1));
    }

    @Test
    void argumentsMatchTheParametersByteForByte() {
        String text = kernel(2, "", "");
        PtxMachine.Loaded loaded = lab.machine.load(PtxModule.of(text));
        lab.machine.launch(loaded, "k", 1, 1, 0, new byte[16], new int[] {0, 8});
        fails(Kind.LAUNCH, () -> lab.machine.launch(loaded, "k", 1, 1, 0, new byte[8], new int[] {0}));
        fails(Kind.LAUNCH, () -> lab.machine.launch(loaded, "k", 1, 1, 0, new byte[24], new int[] {0, 8, 16}));
        fails(Kind.LAUNCH, () -> lab.machine.launch(loaded, "k", 1, 1, 0, new byte[12], new int[] {0, 8}));
        fails(Kind.LAUNCH, () -> lab.machine.launch(loaded, "k", 1, 1, 0, new byte[12], new int[] {0, 4}));
        fails(Kind.LAUNCH, () -> lab.machine.launch(loaded, "k", 1, 1, 0, new byte[24], new int[] {0, 8}));
    }

    @Test
    void parametersOfAllSizesAndStructuresAreRead() {
        String text = """
                .version 6.3
                .target sm_75
                .address_size 64
                .visible .entry k(.param .u64 p0, .param .s32 p1, .param .f64 p2, .param .align 8 .b8 p3[24])
                {
                .reg .b64 %rd<9>;
                .reg .b32 %r<9>;
                ld.param.u64 %rd1, [p0];
                ld.param.s32 %rd2, [p1];
                ld.param.f64 %rd3, [p2];
                ld.param.v2.u32 {%r1, %r2}, [p3+8];
                mov.b64 %rd4, p3;
                ld.param.u64 %rd5, [%rd4+16];
                st.global.u64 [%rd1], %rd2;
                st.global.u64 [%rd1+8], %rd3;
                st.global.u32 [%rd1+16], %r2;
                st.global.u32 [%rd1+20], %r1;
                st.global.u64 [%rd1+24], %rd5;
                ret;
                }
                """;
        long out = lab.room(32);
        java.nio.ByteBuffer bytes = java.nio.ByteBuffer.allocate(48).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(out)
                .putInt(-5)
                .putInt(0)
                .putDouble(2.5)
                .putLong(1)
                .putInt(2)
                .putInt(3)
                .putLong(4);
        lab.machine.launch(lab.machine.load(PtxModule.of(text)), "k", 1, 1, 0, bytes.array(), new int[] {0, 8, 16, 24});
        assertThat(lab.readLongs(out, 4)).containsExactly(-5, Double.doubleToRawLongBits(2.5), 3 + (2L << 32), 4);
    }

    @Test
    void deviceFunctionsAreCalledWithTheirOwnRegisters() {
        String function = """
                .version 6.3
                .target sm_75
                .address_size 64
                .func (.param .b32 out) twice(.param .b32 in)
                {
                .reg .b32 %r<3>;
                .reg .pred %q<2>;
                ld.param.u32 %r1, [in];
                setp.gt.s32 %q1, %r1, 10;
                @%q1 bra BIG;
                add.s32 %r1, %r1, %r1;
                st.param.b32 [out+0], %r1;
                ret;
                BIG:
                mov.u32 %r2, 99;
                st.param.b32 [out+0], %r2;
                ret;
                }
                """;
        String body = """
                mov.u32 %r1, 1000;
                { .param .b32 a; .param .b32 b;
                st.param.b32 [a+0], %t;
                call.uni (b), twice, (a);
                ld.param.b32 %r2, [b+0]; }
                add.s32 %r1, %r1, %r2;
                { .param .b32 a; .param .b32 b;
                st.param.b32 [a+0], %r2;
                call (b), twice, (a);
                ld.param.b32 %r2, [b+0]; }
                add.s32 %r1, %r1, %r2;
                st.global.u32 [%rd0], %r1;
                """;
        long out = lab.room(128);
        lab.run(function + kernel(1, "", body).replaceFirst("(?s).*size 64", ""), 1, 32, 0, out);
        assertThat(lab.readInts(out, 32))
                .containsExactly(IntStream.range(0, 32)
                        .map(t -> 1000 + twice(t) + twice(twice(t)))
                        .toArray());
    }

    private static int twice(int a) {
        return a > 10 ? 99 : 2 * a;
    }

    @Test
    void tablesOfBranchesSendEachLaneItsWay() {
        String body = """
                and.b32 %r1, %t, 3;
                mov.u32 %r2, 0;
                T: .branchtargets L0, L1, L2, L3;
                brx.idx %r1, T;
                L0: add.s32 %r2, %r2, 1;
                L1: add.s32 %r2, %r2, 10;
                L2: add.s32 %r2, %r2, 100;
                L3:
                st.global.u32 [%rd0], %r2;
                """;
        long out = lab.room(128);
        LaunchReport report = lab.run(32, body, out);
        assertThat(lab.readInts(out, 4)).containsExactly(111, 110, 100, 0);
        assertThat(report.storeSectorRatio()).isEqualTo(1); // together again at L3
        fails(Kind.OUT_OF_BOUNDS, () -> lab.run(32, body.replace("and.b32 %r1, %t, 3", "and.b32 %r1, %t, 7"), out));
    }

    @Test
    void whatDoesNotEndIsStopped() {
        lab.machine.limit(1000);
        fails(Kind.ENDLESS, () -> lab.run(32, "L: bra L;"));
        fails(Kind.TRAP, () -> lab.run(32, "trap;"));
    }

    @ParameterizedTest
    @CsvSource({
        "1, 1, 4", // 128 bytes of 32 lanes: 4 sectors, 4 at best
        "2, 2, 8",
        "4, 4, 16",
        "8, 8, 32",
        "33, 8, 32",
    })
    void lanesThatAreApartTouchMoreSectors(int stride, double ratio, long sectors) {
        long room = lab.room(4L * 32 * stride);
        LaunchReport report = lab.run(
                32,
                "mul.wide.u32 %rd1, %t, " + 4 * stride + ";\nadd.s64 %rd1, %rd1, %p0;\nst.global.u32 [%rd1], %t;",
                room);
        assertThat(report.storeSectors()).isEqualTo(sectors);
        assertThat(report.storeSectorRatio()).isEqualTo(ratio);
    }

    @Test
    void wideAccessesAndBroadcastsAreIdealAndAMisalignedRowIsNot() {
        long room = lab.room(1024);
        lab.machine.memory().zero(room, 1024);
        String wide =
                "mul.wide.u32 %rd1, %t, 16;\nadd.s64 %rd1, %rd1, %p0;\nld.global.v4.u32 {%r1, %r2, %r3, %r4}, [%rd1];";
        LaunchReport report = lab.run(32, wide, room);
        assertThat(report.loadSectors()).isEqualTo(16);
        assertThat(report.sectorRatio()).isEqualTo(1);
        report = lab.run(32, "ld.global.u32 %r1, [%p0+4];", room);
        assertThat(report.loadSectors()).isEqualTo(1);
        assertThat(report.sectorRatio()).isEqualTo(1);
        report = lab.run(32, "ld.global.u32 %r1, [%rd0+4];", room);
        assertThat(report.loadSectors()).isEqualTo(5);
        assertThat(report.idealLoadSectors()).isEqualTo(4);
        report = lab.run(32, "shl.b64 %rd1, %t4, 1;\nadd.s64 %rd1, %rd1, %p0;\nld.global.f64 %fd1, [%rd1];", room);
        assertThat(report.loadSectors()).isEqualTo(8);
        assertThat(report.sectorRatio()).isEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource({"0, 1", "4, 1", "8, 2", "12, 1", "16, 4", "64, 16", "128, 32", "132, 1"})
    void strideDecidesBankConflictsOfWords(int stride, int transactions) {
        LaunchReport report = lab.run(
                kernel(
                        0,
                        ".shared .align 16 .b8 s[8192];",
                        "mov.u32 %r1, s;\nmad.lo.u32 %r1, %t, " + stride + ", %r1;\n"
                                + (stride == 0 ? "setp.eq.s32 %q1, %t, 0;\n@%q1 " : "") + "st.shared.u32 [%r1], %t;\n"
                                + "bar.sync 0;\nld.shared.u32 %r2, [%r1];"),
                1,
                32,
                0);
        assertThat(report.idealSharedTransactions()).isEqualTo(2);
        assertThat(report.sharedTransactions()).isEqualTo(stride == 0 ? 2 : 2L * transactions);
    }

    @ParameterizedTest
    @CsvSource({"8, 2, 2", "16, 2, 4", "128, 2, 32", "16, 4, 4", "32, 4, 8", "128, 4, 32", "144, 4, 4"})
    void wideAccessesGoInHalvesAndQuarters(int stride, int words, int transactions) {
        String vector = words == 2 ? "st.shared.v2.u32 [%r1], {%t, %t};" : "st.shared.v4.u32 [%r1], {%t, %t, %t, %t};";
        LaunchReport report = lab.run(
                kernel(
                        0,
                        ".shared .align 16 .b8 s[8192];",
                        "mov.u32 %r1, s;\nmad.lo.u32 %r1, %t, " + stride + ", %r1;\n" + vector),
                1,
                32,
                0);
        assertThat(report.idealSharedTransactions()).isEqualTo(words);
        assertThat(report.sharedTransactions()).isEqualTo(transactions);
        assertThat(report.bankConflictRatio()).isEqualTo((double) transactions / words);
    }

    @Test
    void instructionsAreCountedPerWarpAndPerLane() {
        long room = lab.room(40 * 4);
        LaunchReport report = lab.run(40, "st.global.u32 [%rd0], %t;", room);
        // load parameter, tid, two products, address, store, return
        assertThat(report.warpInstructions()).isEqualTo(2 * 7);
        assertThat(report.laneInstructions()).isEqualTo(40 * 7);
        assertThat(report.instructionsPerSector()).isEqualTo(14 / 5d);
        assertThat(lab.machine.reports()).containsExactly(report);
        assertThat(lab.machine.reports()).isEmpty();
    }

    @Test
    void blocksRunInTheOrderThatIsAskedForAndSeveralAtOnce() {
        for (int workers : new int[] {1, 3}) {
            long out = lab.room(4 * 32 * 50);
            lab.machine
                    .workers(workers)
                    .order(count -> IntStream.range(0, (int) count)
                            .mapToLong(i -> count - 1 - i)
                            .toArray());
            LaunchReport report = lab.run(kernel(1, "", GLOBAL_INDEX + "st.global.u32 [%rd1], %r1;"), 50, 32, 0, out);
            assertThat(lab.readInts(out, 1600))
                    .containsExactly(IntStream.range(0, 1600).toArray());
            assertThat(report.blocks()).isEqualTo(50);
            assertThat(report.laneInstructions()).isEqualTo(1600L * 12);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void aFaultOfAnyBlockFailsTheLaunch(int workers) {
        lab.machine.workers(workers);
        long out = lab.room(4 * 32 * 50 - 4);
        fails(
                Kind.OUT_OF_BOUNDS,
                () -> lab.run(kernel(1, "", GLOBAL_INDEX + "st.global.u32 [%rd1], %r1;"), 50, 32, 0, out));
    }

    @Test
    void coverageTellsWhatWasNeverExecuted() {
        String text = kernel(
                1,
                "",
                "setp.gt.s32 %q1, %t, 3;\n@%q1 bra L;\nst.global.u32 [%rd0], %t;\nret;\nL:\nst.global.u32 [%rd0], 7;\n");
        PtxModule module = PtxModule.of(text);
        long out = lab.room(128);
        assertThat(module.coverage().missed(module, "k")).hasSameSizeAs(module.instructions("k"));
        lab.run(text, 1, 3, 0, out);
        assertThat(module.coverage().missed(module, "k"))
                .extracting(PtxInstruction::text)
                .containsExactly("st.global.u32 [%rd0], 7", "ret");
        lab.run(text, 1, 32, 0, out);
        assertThat(module.coverage().missed(module, "k")).isEmpty();
    }

    @Test
    void aMutantLacksOrReplacesOneInstruction() {
        String text = kernel(1, "", "add.s32 %r1, %t, 5;\nst.global.u32 [%rd0], %r1;");
        PtxModule module = PtxModule.of(text);
        List<PtxInstruction> all = module.instructions("k");
        PtxInstruction addition = all.stream()
                .filter(i -> i.text().startsWith("add.s32"))
                .findFirst()
                .orElseThrow();
        assertThat(addition.kind()).isEqualTo("add");
        assertThat(all.get(all.size() - 2).kind()).isEqualTo("st.global");
        long out = lab.room(4);
        byte[] address = new byte[8];
        java.nio.ByteBuffer.wrap(address)
                .order(java.nio.ByteOrder.LITTLE_ENDIAN)
                .putLong(out);
        lab.machine.launch(
                lab.machine.load(module.with(addition, "sub.s32 %r1, %t, 5")), "k", 1, 1, 0, address, new int[] {0});
        assertThat(lab.readInts(out, 1)).containsExactly(-5);
        lab.machine.launch(lab.machine.load(module.without(addition)), "k", 1, 1, 0, address, new int[] {0});
        assertThat(Float.intBitsToFloat(lab.readInts(out, 1)[0]))
                .as("what a register holds that nobody wrote")
                .isNaN();
        lab.run(text, 1, 1, 0, out);
        assertThat(lab.readInts(out, 1)).containsExactly(5);
        assertThat(module.without(addition).instructions("k")).hasSize(all.size());
    }
}
