package io.github.batchjac.backend.cuda.ptx;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Changes a module's instructions one at a time, and runs launches again that were made in this JVM, each with the memory that
 * it had then. A mutant is killed if the machine finds a fault, or if memory is different afterwards.
 *
 * <p>Different means one bit, which is stricter than a test with a bound; those whose results were never off by more than
 * {@value #ROUNDING} ulp are counted apart. On the other hand only some of the launches are run again (see {@link Recorder}), up to
 * {@value #EFFORT} warp instructions for each mutant.
 *
 * <p>Some mutants are equivalent: no launch could tell. They are recognised by what they did where they lived:
 *
 * <ul>
 *   <li>{@link Verdict#DETOUR}: in {@value #EVIDENCE} launches or more the kernel went another way, that is other instructions or
 *       requests were made, to the same bits everywhere. Such mutants choose between ways to the same result: wide or narrow
 *       accesses, 32 or 64 bits for a division, a loop that is skipped where it would do nothing, an early return. What
 *       they cost is for the tests of figures.
 *   <li>{@link Verdict#MASKED}: in {@value #EVIDENCE} launches or more the instruction computed something else, and nothing came of
 *       it: no other way, no other bit anywhere. Such values are of lanes or iterations that do not count: what a select
 *       discards later, bits that are shifted out, an address that is never used, a start that is overwritten.
 *   <li>{@link Verdict#SIGN}: a part of the division of a signed number by a power of two which adds to negative
 *       numbers ({@code shr.s 31; shr.u 32−k; add; shr.s k}). Sizes and indices are never negative, the compiler does not know.
 * </ul>
 *
 * <p>A barrier is never equivalent, and a change that takes several instructions is never a detour. That is evidence, not proof. A mutant whose instruction computed the same as ever wherever it was run is a survivor.
 */
public final class Mutation {
    /** Differences up to this many units in the last place are counted apart. */
    static final int ROUNDING = 4;
    /** Warp instructions spent on a mutant before it is said to live, but for {@value #EVIDENCE} launches. Four times that on a barrier. */
    static final long EFFORT = 60_000;

    static final int EVIDENCE = 4;

    /** What became of a mutant. */
    public enum Verdict {
        /** The machine found a fault. */
        CHECK,
        /** Other results. */
        RESULT,
        /** Other results, but close ones. */
        ROUNDING,
        DETOUR,
        MASKED,
        SIGN,
        SURVIVED,
        /** No launch that was kept executes the instruction. */
        UNREACHED,
        /** Not PTX. */
        INVALID;

        boolean killed() {
            return this == CHECK || this == RESULT || this == ROUNDING;
        }

        boolean equivalent() {
            return this == DETOUR || this == MASKED || this == SIGN;
        }
    }

    record Outcome(Mutant mutant, Verdict verdict, String by) {}

    private record Launched(Recording recording, Counters counters) {}

    private final PtxModule module;
    private final Map<String, List<Launched>> launches = new ConcurrentHashMap<>();
    private final List<String> unlike = Collections.synchronizedList(new ArrayList<>());

    /** @param module of which launches were made in this JVM */
    public Mutation(PtxModule module) {
        this.module = module;
    }

    /**
     * All barriers left out, and some other mutants.
     *
     * @param sample how many others; all if negative
     */
    public MutationReport run(int sample, int threads) {
        List<Mutant> all = new ArrayList<>();
        for (String entry : module.entries()) {
            module.instructions(entry).forEach(i -> all.addAll(Mutant.of(entry, i)));
        }
        List<Mutant> others = new ArrayList<>(all);
        others.removeIf(Mutant::barrier);
        Collections.shuffle(others, new Random(1));
        List<Mutant> chosen = new ArrayList<>(all);
        chosen.removeIf(mutant -> !mutant.barrier());
        chosen.addAll(sample < 0 ? others : others.subList(0, Math.min(sample, others.size())));
        return new MutationReport(all.size(), outcomes(chosen, threads), unlike);
    }

    private List<Outcome> outcomes(List<Mutant> mutants, int threads) {
        ConcurrentLinkedQueue<Outcome> outcomes = new ConcurrentLinkedQueue<>();
        AtomicInteger next = new AtomicInteger();
        Runnable work = () -> {
            for (int n = next.getAndIncrement(); n < mutants.size(); n = next.getAndIncrement()) {
                outcomes.add(judge(mutants.get(n)));
            }
        };
        List<Thread> workers = new ArrayList<>();
        for (int n = 0; n < threads; n++) {
            Thread worker = new Thread(work, "mutants");
            worker.start();
            workers.add(worker);
        }
        for (Thread worker : workers) {
            PtxMachine.join(worker);
        }
        return List.copyOf(outcomes);
    }

    /** Launches to run again, those that the kernel as it is takes to the same bits. */
    private List<Launched> launches(String entry) {
        return launches.computeIfAbsent(entry, name -> {
            List<Launched> same = new ArrayList<>();
            for (Recording recording : module.recorder().recordings(entry)) {
                try {
                    Recording.Result result = recording.run(module.kernel(entry));
                    if (result.difference() == 0) {
                        same.add(new Launched(recording, result.counters()));
                    } else {
                        unlike.add(entry + ": other results");
                    }
                } catch (PtxFault fault) {
                    unlike.add(fault.getMessage());
                }
            }
            return same;
        });
    }

    Outcome judge(Mutant mutant) {
        List<Launched> again = launches(mutant.entry());
        Kernel original = module.kernel(mutant.entry());
        Kernel kernel;
        try {
            kernel = module.kernel(mutant.entry(), mutant.instruction(), mutant.replacement());
        } catch (PtxFault e) {
            return new Outcome(mutant, Verdict.INVALID, e.getMessage());
        }
        int pc = 0;
        while (original.code()[pc].source.index() != mutant.instruction().index()) {
            pc++;
        }
        Instruction watched = watched(original, kernel, pc);
        // of several instructions there are more, whichever way the kernel goes; and nothing excuses a barrier
        boolean oneForOne = original.code().length == kernel.code().length && !mutant.barrier();
        // and more is done to find one out
        long effort = mutant.barrier() ? 4 * EFFORT : EFFORT;
        int detours = 0;
        int infected = 0;
        long spent = 0;
        int runs = 0;
        Outcome rounding = null;
        for (Launched launched : again) {
            Recording recording = launched.recording();
            if (!recording.executes(pc) || runs > EVIDENCE && spent + recording.cost() > effort) {
                continue;
            }
            runs++;
            spent += recording.cost();
            try {
                watched.differed = false;
                Recording.Result result = recording.run(kernel);
                if (result.difference() > ROUNDING) {
                    return new Outcome(mutant, Verdict.RESULT, "launch " + runs);
                }
                if (result.difference() > 0) {
                    rounding = new Outcome(mutant, Verdict.ROUNDING, result.difference() + " ulp");
                }
                detours += oneForOne && !result.counters().same(launched.counters()) ? 1 : 0;
                infected += watched.differed ? 1 : 0;
            } catch (PtxFault fault) {
                boolean text = fault.kind() == PtxFault.Kind.TEXT;
                return new Outcome(
                        mutant,
                        text ? Verdict.INVALID : Verdict.CHECK,
                        fault.kind().toString());
            }
        }
        if (rounding != null) {
            return rounding;
        }
        Verdict verdict = runs == 0
                ? Verdict.UNREACHED
                : detours >= EVIDENCE
                        ? Verdict.DETOUR
                        : infected >= EVIDENCE
                                ? Verdict.MASKED
                                : signOfDivision(original, pc) ? Verdict.SIGN : Verdict.SURVIVED;
        return new Outcome(mutant, verdict, runs + " launches, " + infected + " infected, " + detours + " detours");
    }

    /** What only computes is watched; of others it is not known whether they do anything else. */
    private static Instruction watched(Kernel original, Kernel kernel, int pc) {
        Instruction before = original.code()[pc];
        Instruction after = kernel.code()[pc];
        Instruction watched = new Instruction();
        boolean same = original.code().length == kernel.code().length;
        if (same && before.kind < Instruction.LOAD && after.kind < Instruction.LOAD && after.kind != Instruction.NOP) {
            watched.kind = Instruction.WATCHED;
            watched.pc = pc;
            watched.source = after.source;
            watched.watched = new Instruction[] {before, after};
            kernel.code()[pc] = watched;
        }
        return watched;
    }

    /** {@code shr.s32 s, x, 31} or {@code shr.s64 s, x, 63}, and {@code shr.u t, s, k} and {@code add y, x, t} after one. */
    private static boolean signOfDivision(Kernel kernel, int pc) {
        PtxInstruction i = kernel.code()[pc].source;
        if (isSign(i)) {
            return true;
        }
        for (String operand : i.operands()
                .subList(Math.min(1, i.operands().size()), i.operands().size())) {
            for (int before = pc - 1; before >= 0 && before >= pc - 12; before--) {
                PtxInstruction source = kernel.code()[before].source;
                if (source.operands().isEmpty() || !source.operands().get(0).equals(operand)) {
                    continue;
                }
                boolean shift = i.opcode().startsWith("shr.u") && isSign(source);
                boolean sum = i.opcode().startsWith("add.s")
                        && source.opcode().startsWith("shr.u")
                        && signOfDivision(kernel, before);
                if (shift || sum) {
                    return true;
                }
                break;
            }
        }
        return false;
    }

    private static boolean isSign(PtxInstruction i) {
        return i.opcode().equals("shr.s32") && i.operands().get(2).equals("31")
                || i.opcode().equals("shr.s64") && i.operands().get(2).equals("63");
    }
}
