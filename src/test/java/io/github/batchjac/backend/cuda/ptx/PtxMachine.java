package io.github.batchjac.backend.cuda.ptx;

import io.github.batchjac.backend.cuda.ptx.PtxFault.Kind;
import io.github.batchjac.backend.cuda.ptx.PtxFunction.Variable;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongFunction;

/**
 * A device that executes PTX, one launch at a time, and fails with a {@link PtxFault} at the first thing that is wrong.
 * Shared memory starts unwritten in each block; global memory keeps what was written.
 */
public final class PtxMachine {
    private final GlobalMemory memory = new GlobalMemory();
    private final int sharedLimit;
    private final List<LaunchReport> reports = new ArrayList<>();
    private long serial;
    private Approximate approximate = new Approximate(0);
    private long limit = 1L << 32;
    private int workers = 1;
    private LongFunction<long[]> order = count -> null;

    /** A module's variables in the memory of this machine. */
    public static final class Loaded {
        private final PtxModule module;
        private final Map<String, Long> symbols = new HashMap<>();

        private Loaded(PtxModule module) {
            this.module = module;
        }

        public PtxModule module() {
            return module;
        }
    }

    /** @param sharedLimit bytes of shared memory that a block may have */
    public PtxMachine(int sharedLimit) {
        this.sharedLimit = sharedLimit;
    }

    public GlobalMemory memory() {
        return memory;
    }

    /** Approximate instructions are off by up to 2 ulp from here on; correctly rounded for seed 0. */
    public synchronized PtxMachine jitter(long seed) {
        approximate = new Approximate(seed);
        return this;
    }

    /** Instructions after which a warp is thought not to end. */
    public synchronized PtxMachine limit(long instructions) {
        limit = instructions;
        return this;
    }

    /**
     * How many blocks of a launch may run at once. With more than one, a race between two blocks that run at the same moment
     * may go unnoticed.
     */
    public synchronized PtxMachine workers(int count) {
        workers = count;
        return this;
    }

    /** Given the number of blocks of a launch, those that run, in that order; null for all in ascending order. */
    public synchronized PtxMachine order(LongFunction<long[]> chosen) {
        order = chosen;
        return this;
    }

    public synchronized Loaded load(PtxModule module) {
        Loaded loaded = new Loaded(module);
        for (Variable variable : module.variables()) {
            if (variable.initial() != null) {
                loaded.symbols.put(
                        variable.name(),
                        memory.constant(variable.initial(), variable.space().equals("const")));
            }
        }
        return loaded;
    }

    public synchronized void unload(Loaded loaded) {
        loaded.symbols.values().forEach(memory::free);
        loaded.symbols.clear();
    }

    /**
     * Runs a kernel.
     *
     * @param parameters of all arguments, in order, as PTX lays them out
     * @param offsets where each argument starts
     */
    public synchronized LaunchReport launch(
            Loaded loaded, String entry, long blocks, int threads, int sharedBytes, byte[] parameters, int[] offsets) {
        Kernel kernel = loaded.module().compact(entry);
        check(kernel, blocks, threads, sharedBytes, parameters, offsets);
        Launch launch = new Launch(
                kernel,
                memory,
                loaded.symbols,
                ++serial,
                blocks,
                threads,
                sharedBytes,
                parameters,
                approximate,
                limit,
                order.apply(blocks));
        Recorder recorder = loaded.module().recorder();
        Recorder.Take take = recorder.begin(launch);
        List<Block> ran = new ArrayList<>();
        Counters counters = run(launch, ran);
        recorder.end(take, launch, ran, counters.warpInstructions);
        LaunchReport report = new LaunchReport(entry, launch.count(), threads, sharedBytes, counters);
        reports.add(report);
        return report;
    }

    private Counters run(Launch launch, List<Block> blocks) {
        Counters counters = new Counters();
        int count = Math.min(workers, launch.count());
        for (int n = 0; n < Math.max(1, count); n++) {
            blocks.add(new Block(launch));
        }
        AtomicInteger next = new AtomicInteger();
        AtomicReference<Throwable> failure = new AtomicReference<>();
        List<Thread> threads = new ArrayList<>();
        try {
            for (Block block : blocks.subList(1, blocks.size())) {
                Thread thread = new Thread(() -> blocks(launch, block, next, failure), "ptx");
                thread.start();
                threads.add(thread);
            }
            blocks(launch, blocks.get(0), next, failure);
        } finally {
            for (Thread thread : threads) {
                join(thread);
            }
            for (Block block : blocks) {
                counters.add(block.counters);
                launch.kernel.module().coverage().add(launch.kernel, block.covered);
            }
        }
        Throwable failed = failure.get();
        if (failed instanceof Error error) {
            throw error;
        }
        if (failed instanceof RuntimeException exception) {
            throw exception;
        }
        return counters;
    }

    static void join(Thread thread) {
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private static void blocks(Launch launch, Block block, AtomicInteger next, AtomicReference<Throwable> failure) {
        try {
            for (int n = next.getAndIncrement();
                    n < launch.count() && failure.get() == null;
                    n = next.getAndIncrement()) {
                block.run(launch.block(n), n);
            }
        } catch (RuntimeException | Error e) {
            failure.compareAndSet(null, e);
        }
    }

    private void check(Kernel kernel, long blocks, int threads, int sharedBytes, byte[] parameters, int[] offsets) {
        String name = kernel.name() + ": ";
        if (blocks < 1 || blocks > Integer.MAX_VALUE || threads < 1 || threads > kernel.maxThreads()) {
            throw new PtxFault(
                    Kind.LAUNCH, name + blocks + " blocks of " + threads + " threads, at most " + kernel.maxThreads());
        }
        if (sharedBytes < 0 || kernel.dynamicBase() + sharedBytes > sharedLimit) {
            throw new PtxFault(
                    Kind.LAUNCH,
                    name + kernel.dynamicBase() + " + " + sharedBytes + " bytes of shared memory, at most "
                            + sharedLimit);
        }
        if (offsets.length != kernel.offsets().length) {
            throw new PtxFault(
                    Kind.LAUNCH, name + offsets.length + " arguments for " + kernel.offsets().length + " parameters");
        }
        for (int n = 0; n < offsets.length; n++) {
            int end = n + 1 < offsets.length ? offsets[n + 1] : parameters.length;
            long bytes = kernel.parameters().get(n).bytes();
            boolean fits = offsets[n] == kernel.offsets()[n] && end - offsets[n] >= bytes;
            boolean exact = n + 1 < offsets.length || parameters.length == kernel.parameterBytes();
            if (!fits || !exact) {
                throw new PtxFault(
                        Kind.LAUNCH,
                        name + "argument " + n + " is bytes " + offsets[n] + " to " + end + ", the parameter is "
                                + kernel.offsets()[n] + " to " + (kernel.offsets()[n] + bytes));
            }
        }
    }

    /** Of the launches since the last call. */
    public synchronized List<LaunchReport> reports() {
        List<LaunchReport> all = List.copyOf(reports);
        reports.clear();
        return all;
    }
}
