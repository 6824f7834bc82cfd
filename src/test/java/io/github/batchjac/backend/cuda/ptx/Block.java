package io.github.batchjac.backend.cuda.ptx;

import io.github.batchjac.backend.cuda.ptx.PtxFault.Kind;

/** Runs blocks of one launch, one after another: its warps in turns from barrier to barrier. */
final class Block {
    /** In registers that nobody wrote: not a number as a float and as a double, out of bounds as an address. */
    private static final long JUNK = 0x7ff5_a5a5_7fb5_a5a5L;

    final Launch launch;
    final Kernel kernel;
    final Counters counters = new Counters();
    final byte[] covered;
    final SharedMemory shared;
    final Warp[] warps;
    /** The block that runs, and the number of its first thread in the order in which threads run, from 1. */
    long index;

    int firstThread;
    private final Executor executor;

    Block(Launch launch) {
        this.launch = launch;
        kernel = launch.kernel;
        covered = new byte[kernel.code().length];
        shared = new SharedMemory(kernel.dynamicBase() + launch.sharedBytes, kernel.narrowShared());
        warps = new Warp[(launch.threads + 31) / 32];
        for (int w = 0; w < warps.length; w++) {
            warps[w] = new Warp(w, kernel);
            constants(warps[w]);
        }
        executor = new Executor(this);
    }

    private void constants(Warp warp) {
        long[] r = warp.registers;
        java.util.Arrays.fill(r, JUNK);
        java.util.Arrays.fill(warp.predicates, (int) (JUNK >>> 16));
        for (Kernel.Constant constant : kernel.constants()) {
            java.util.Arrays.fill(r, constant.register(), constant.register() + 32, constant.value());
        }
        for (Kernel.Symbol symbol : kernel.symbols()) {
            long address = launch.symbols.get(symbol.name()) + symbol.addend();
            java.util.Arrays.fill(r, symbol.register(), symbol.register() + 32, address);
        }
        specials(warp);
    }

    private void specials(Warp warp) {
        for (Kernel.Special special : kernel.specials()) {
            for (int l = 0; l < 32; l++) {
                warp.registers[special.register() + l] = switch (special.name()) {
                    case "%tid.x", "%tid" -> warp.number * 32 + l;
                    case "%ntid.x" -> launch.threads;
                    case "%ctaid.x", "%ctaid" -> index;
                    case "%nctaid.x" -> launch.blocks;
                    case "%ntid.y", "%ntid.z", "%nctaid.y", "%nctaid.z" -> 1;
                    case "%tid.y", "%tid.z", "%ctaid.y", "%ctaid.z" -> 0;
                    case "%laneid" -> l;
                    case "%warpid" -> warp.number;
                    case "%nwarpid" -> warps.length;
                    case "%lanemask_eq" -> 1L << l;
                    case "%lanemask_lt" -> (1L << l) - 1;
                    case "%lanemask_le" -> (2L << l) - 1;
                    case "%lanemask_gt" -> 0xffffffffL & -(2L << l);
                    case "%lanemask_ge" -> 0xffffffffL & -(1L << l);
                    default -> throw new IllegalStateException(special.name());
                };
            }
        }
    }

    /** @param ordinal how many blocks ran before */
    void run(long block, int ordinal) {
        index = block;
        firstThread = ordinal * launch.threads + 1;
        shared.clear();
        for (Warp warp : warps) {
            int lanes = Math.min(32, launch.threads - warp.number * 32);
            warp.start(lanes == 32 ? -1 : (1 << lanes) - 1);
            for (Kernel.Special special : kernel.specials()) {
                if (special.name().startsWith("%ctaid")) {
                    long value = special.name().endsWith("y") || special.name().endsWith("z") ? 0 : block;
                    java.util.Arrays.fill(warp.registers, special.register(), special.register() + 32, value);
                }
            }
        }
        while (true) {
            boolean ran = false;
            for (Warp warp : warps) {
                if (warp.barrier < 0 && !warp.done()) {
                    executor.run(warp);
                    ran = true;
                }
            }
            boolean released = release();
            if (!ran && !released) {
                break;
            }
        }
        for (Warp warp : warps) {
            if (!warp.done()) {
                throw executor.fault(Kind.BARRIER, kernel.code()[warp.barrierPc], warp, warp.live, "never complete");
            }
        }
    }

    /** Opens the barriers that are complete. */
    private boolean release() {
        boolean any = false;
        for (int id = 0; id < 16; id++) {
            int arrived = 0;
            int wanted = 0;
            int at = -1;
            int waiting = 0;
            int early = 0;
            boolean left = false;
            for (Warp warp : warps) {
                left |= warp.live != full(warp);
                early += warp.arrivedEarly >>> id & 1;
                if (warp.barrier == id) {
                    if (at >= 0
                            && (warp.barrierPc != at || warp.barrierThreads != wanted)
                            && warp.barrierThreads == 0) {
                        throw executor.fault(
                                Kind.BARRIER,
                                kernel.code()[warp.barrierPc],
                                warp,
                                warp.live,
                                "while other warps wait at line " + kernel.code()[at].source.line());
                    }
                    at = warp.barrierPc;
                    wanted = warp.barrierThreads;
                    arrived += 32;
                    waiting |= 1 << warp.number;
                }
            }
            if (waiting == 0) {
                continue;
            }
            if (wanted == 0) {
                boolean all = Integer.bitCount(waiting) == warps.length;
                if (left) {
                    Warp warp = warps[Integer.numberOfTrailingZeros(waiting)];
                    throw executor.fault(
                            Kind.BARRIER,
                            kernel.code()[at],
                            warp,
                            warp.live,
                            "but some threads of the block have left");
                }
                if (!all) {
                    continue;
                }
                shared.barrier();
            } else {
                if (arrived + 32 * early < wanted) {
                    continue;
                }
                if (arrived + 32 * early > wanted) {
                    Warp warp = warps[Integer.numberOfTrailingZeros(waiting)];
                    throw executor.fault(
                            Kind.BARRIER, kernel.code()[at], warp, warp.live, "more threads than the barrier is for");
                }
                int taking = waiting;
                for (Warp warp : warps) {
                    if ((warp.arrivedEarly >>> id & 1) != 0) {
                        taking |= 1 << warp.number;
                        warp.arrivedEarly &= ~(1 << id);
                    }
                }
                shared.barrier(taking);
            }
            for (Warp warp : warps) {
                if (warp.barrier == id) {
                    warp.barrier = -1;
                }
            }
            any = true;
        }
        return any;
    }

    private int full(Warp warp) {
        int lanes = Math.min(32, launch.threads - warp.number * 32);
        return lanes == 32 ? -1 : (1 << lanes) - 1;
    }
}
