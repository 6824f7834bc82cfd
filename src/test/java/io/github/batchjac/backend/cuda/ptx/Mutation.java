package io.github.batchjac.backend.cuda.ptx;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
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
 * {@value #EFFORT} or {@value #PATIENCE} warp instructions for each mutant, those first in which its instruction has most outcomes.
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
 *       numbers ({@code shr.s 31; shr.u 32−k; add; shr.s k}), if it never computed something else. Sizes and indices are never
 *       negative, the compiler does not know.
 *   <li>{@link Verdict#NEUTRAL}: an operand is the constant 0, with which {@code xor} is {@code or}, and a sum a difference; or the
 *       bits in which two masks differ are 0, as the number is too small (see {@link Dataflow}).
 * </ul>
 *
 * <p>A barrier is never equivalent, and a change that takes several instructions is never a detour. That is evidence, not proof. A mutant whose instruction computed the same as ever wherever it was run is a survivor.
 */
public final class Mutation {
    /** Differences up to this many units in the last place are counted apart. */
    static final int ROUNDING = 4;
    /** Warp instructions spent on a mutant before it is said to be equivalent, but for {@value #EVIDENCE} launches. */
    static final long EFFORT = 500_000;
    /** The same of one that lives and has no excuse. */
    static final long PATIENCE = 3_000_000;

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
        NEUTRAL,
        SURVIVED,
        /** No launch that was kept executes the instruction. */
        UNREACHED,
        /** Not PTX. */
        INVALID;

        boolean killed() {
            return this == CHECK || this == RESULT || this == ROUNDING;
        }

        boolean equivalent() {
            return this == DETOUR || this == MASKED || this == SIGN || this == NEUTRAL;
        }
    }

    record Outcome(Mutant mutant, Verdict verdict, String by) {}

    private record Launched(Recording recording, Counters counters) {}

    private final PtxModule module;
    private final Map<String, List<Launched>> launches = new ConcurrentHashMap<>();
    private final Map<String, Dataflow> dataflows = new ConcurrentHashMap<>();
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
        List<Launched> again = new ArrayList<>(launches(mutant.entry()));
        int at = pc;
        again.removeIf(launched -> !launched.recording().executes(at));
        again.sort(Comparator.comparingInt(
                (Launched launched) -> -launched.recording().outcomes(at)));
        // of several instructions there are more, whichever way the kernel goes; and nothing excuses a barrier
        boolean oneForOne = original.code().length == kernel.code().length && !mutant.barrier();
        int detours = 0;
        int infected = 0;
        long spent = 0;
        int runs = 0;
        Outcome rounding = null;
        for (Launched launched : again) {
            Recording recording = launched.recording();
            boolean excused = detours >= EVIDENCE || infected >= EVIDENCE;
            if (runs > EVIDENCE && spent + recording.cost() > (excused ? EFFORT : PATIENCE)) {
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
        Dataflow dataflow = dataflows.computeIfAbsent(mutant.entry(), name -> new Dataflow(original));
        String evidence = runs + " launches, " + infected + " infected, " + detours + " detours";
        if (detours >= EVIDENCE || infected >= EVIDENCE) {
            return new Outcome(mutant, detours >= EVIDENCE ? Verdict.DETOUR : Verdict.MASKED, evidence);
        }
        Verdict verdict = runs == 0
                ? Verdict.UNREACHED
                : infected > 0
                        ? Verdict.SURVIVED
                        : dataflow.signOfDivision(mutant.instruction())
                                ? Verdict.SIGN
                                : dataflow.same(mutant) ? Verdict.NEUTRAL : Verdict.SURVIVED;
        return new Outcome(mutant, verdict, evidence);
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
}
