package io.github.batchjac.backend.cuda.ptx;

import io.github.batchjac.backend.cuda.ptx.GlobalMemory.Allocation;
import io.github.batchjac.backend.cuda.ptx.GlobalMemory.Page;
import io.github.batchjac.backend.cuda.ptx.PtxFault.Kind;

/** Loads, stores and atomics of a warp, with all checks. */
final class MemoryAccess {
    /** Where shared and local memory are among generic addresses. */
    static final long SHARED_BASE = 1L << 56;
    /** The first address of shared memory that is a kernel's, in its own space: what is below is the driver's, on cards from sm_80 on. */
    static final long SHARED_START = 1024;

    static final long LOCAL_BASE = 1L << 57;

    private final Block block;
    private final Executor executor;
    private final GlobalMemory global;
    private final SharedMemory shared;
    private final Counters counters;
    private final long launch;
    private final int frame;
    private final int staticBytes;
    private final int dynamicBase;
    private final Requests requests = new Requests();
    private final long[] addresses = new long[32];
    private Allocation recent = new Allocation(0, 0);

    MemoryAccess(Block block, Executor executor) {
        this.block = block;
        this.executor = executor;
        global = block.launch.memory;
        shared = block.shared;
        counters = block.counters;
        launch = block.launch.serial;
        frame = block.kernel.frame();
        staticBytes = block.kernel.sharedBytes();
        dynamicBase = block.kernel.dynamicBase();
    }

    void parameter(Instruction i, Warp w, int mask) {
        byte[] bytes = block.launch.parameters;
        for (int rest = mask; rest != 0; rest &= rest - 1) {
            int l = Integer.numberOfTrailingZeros(rest);
            long offset = w.registers[i.a + l] + i.immediate;
            int width = i.size * i.registers.length;
            if (offset < 0 || offset + width > bytes.length) {
                throw executor.fault(Kind.OUT_OF_BOUNDS, i, w, 1 << l, "parameter byte " + offset);
            }
            if (offset % width != 0) {
                throw executor.fault(Kind.MISALIGNED, i, w, 1 << l, "parameter byte " + offset);
            }
            for (int n = 0; n < i.registers.length; n++) {
                long value = get(bytes, (int) offset + n * i.size, i.size, i.signed);
                if (mask == -1 && i.uniform) {
                    java.util.Arrays.fill(w.registers, i.registers[n], i.registers[n] + 32, value);
                } else {
                    w.registers[i.registers[n] + l] = value;
                }
            }
            if (mask == -1 && i.uniform) {
                return;
            }
        }
    }

    private static long get(byte[] data, int at, int size, boolean signed) {
        switch (size) {
            case 4 -> {
                int value = (int) GlobalMemory.INTS.get(data, at);
                return signed ? value : value & 0xffffffffL;
            }
            case 8 -> {
                return (long) GlobalMemory.LONGS.get(data, at);
            }
            case 1 -> {
                return signed ? data[at] : data[at] & 0xff;
            }
            default -> {
                int value = data[at] & 0xff | data[at + 1] << 8;
                return signed ? value : value & 0xffff;
            }
        }
    }

    private static void put(byte[] data, int at, int size, long value) {
        switch (size) {
            case 4 -> GlobalMemory.INTS.set(data, at, (int) value);
            case 8 -> GlobalMemory.LONGS.set(data, at, value);
            case 1 -> data[at] = (byte) value;
            default -> {
                data[at] = (byte) value;
                data[at + 1] = (byte) (value >> 8);
            }
        }
    }

    private static boolean written(byte[] written, int at, int bytes) {
        switch (bytes) {
            case 4 -> {
                return (int) GlobalMemory.INTS.get(written, at) == 0x01010101;
            }
            case 8 -> {
                return (long) GlobalMemory.LONGS.get(written, at) == 0x0101010101010101L;
            }
            case 16 -> {
                return ((long) GlobalMemory.LONGS.get(written, at) & (long) GlobalMemory.LONGS.get(written, at + 8))
                        == 0x0101010101010101L;
            }
            default -> {
                for (int b = at; b < at + bytes; b++) {
                    if (written[b] == 0) {
                        return false;
                    }
                }
                return true;
            }
        }
    }

    private static void setWritten(byte[] written, int at, int bytes) {
        switch (bytes) {
            case 4 -> GlobalMemory.INTS.set(written, at, 0x01010101);
            case 8 -> GlobalMemory.LONGS.set(written, at, 0x0101010101010101L);
            default -> java.util.Arrays.fill(written, at, at + bytes, (byte) 1);
        }
    }

    /** Works out where the lanes point; the space that they point to. */
    private int locate(Instruction i, Warp w, int mask) {
        long[] r = w.registers;
        int a = i.a;
        for (int l = 0; l < 32; l++) {
            addresses[l] = r[a + l] + i.immediate;
        }
        int width = i.size * i.registers.length;
        int space = i.space;
        if (space == Instruction.GENERIC) {
            space = generic(i, w, mask);
        }
        if (width > 1) {
            for (int rest = mask; rest != 0; rest &= rest - 1) {
                int l = Integer.numberOfTrailingZeros(rest);
                if ((addresses[l] & width - 1) != 0) {
                    throw at(Kind.MISALIGNED, i, w, l, width + " bytes");
                }
            }
        }
        return space;
    }

    private int generic(Instruction i, Warp w, int mask) {
        int space = -1;
        for (int rest = mask; rest != 0; rest &= rest - 1) {
            int l = Integer.numberOfTrailingZeros(rest);
            int own = (addresses[l] & LOCAL_BASE) != 0
                    ? Instruction.LOCAL
                    : (addresses[l] & SHARED_BASE) != 0 ? Instruction.SHARED : Instruction.GLOBAL;
            if (space >= 0 && own != space) {
                throw at(Kind.OUT_OF_BOUNDS, i, w, l, "lanes of one access point to different memories");
            }
            space = own;
            addresses[l] &= SHARED_BASE - 1;
        }
        return space;
    }

    private PtxFault at(Kind kind, Instruction i, Warp w, int lane, String what) {
        return executor.fault(kind, i, w, 1 << lane, "address " + Long.toHexString(addresses[lane]) + ", " + what);
    }

    /** The allocation that holds these bytes. */
    private Allocation allocation(Instruction i, Warp w, int lane, int width) {
        long address = addresses[lane];
        Allocation allocation = global.at(address);
        if (allocation == null || address - allocation.base > allocation.size - width) {
            long offset = allocation == null ? address : address - allocation.base;
            throw at(
                    Kind.OUT_OF_BOUNDS,
                    i,
                    w,
                    lane,
                    width + " bytes at offset " + offset + GlobalMemory.near(allocation));
        }
        if (allocation.freed) {
            throw at(Kind.FREED, i, w, lane, "freed");
        }
        recent = allocation;
        return allocation;
    }

    void load(Instruction i, Warp w, int mask) {
        switch (locate(i, w, mask)) {
            case Instruction.SHARED -> loadShared(i, w, mask);
            case Instruction.LOCAL -> loadLocal(i, w, mask);
            default -> loadGlobal(i, w, mask);
        }
    }

    private void loadGlobal(Instruction i, Warp w, int mask) {
        int size = i.size;
        int[] registers = i.registers;
        int width = size * registers.length;
        long[] r = w.registers;
        requests.count(addresses, mask, width);
        counters.loadSectors += requests.sectors;
        counters.idealLoadSectors += requests.ideal;
        int thread = block.firstThread + w.number * 32;
        Page page = null;
        long pageNumber = -1;
        Allocation pageOf = null;
        for (int rest = mask; rest != 0; rest &= rest - 1) {
            int l = Integer.numberOfTrailingZeros(rest);
            Allocation allocation = recent;
            long offset = addresses[l] - allocation.base;
            if (offset < 0 || offset > allocation.size - width || allocation.freed) {
                allocation = allocation(i, w, l, width);
                offset = addresses[l] - allocation.base;
            }
            if (offset >>> 12 != pageNumber || allocation != pageOf) {
                page = allocation.page(offset);
                page.begin(launch);
                pageNumber = offset >>> 12;
                pageOf = allocation;
            }
            int at = (int) offset & GlobalMemory.PAGE - 1;
            if (!written(page.written, at, width)) {
                throw at(
                        Kind.UNINITIALISED,
                        i,
                        w,
                        l,
                        "byte " + offset + " of " + allocation.size + " was never written");
            }
            if (width < 4) {
                page.refine();
            }
            int shift = page.shift;
            int last = at + width - 1 >> shift;
            int[] writers = page.writersSoFar();
            if (writers != null) {
                for (int g = at >> shift; g <= last; g++) {
                    int other = writers[g];
                    if (other != 0 && other != thread + l) {
                        throw at(Kind.GLOBAL_RACE, i, w, l, "written in this launch by " + block.launch.thread(other));
                    }
                }
            }
            int[] readers = page.readers();
            for (int g = at >> shift; g <= last; g++) {
                int before = readers[g];
                if (before == 0) {
                    readers[g] = thread + l;
                } else if (before != thread + l) {
                    readers[g] = Page.MANY;
                }
            }
            byte[] data = page.data;
            for (int n = 0; n < registers.length; n++) {
                r[registers[n] + l] = get(data, at + n * size, size, i.signed);
            }
        }
    }

    void store(Instruction i, Warp w, int mask) {
        switch (locate(i, w, mask)) {
            case Instruction.SHARED -> storeShared(i, w, mask);
            case Instruction.LOCAL -> storeLocal(i, w, mask);
            default -> storeGlobal(i, w, mask);
        }
    }

    private void storeGlobal(Instruction i, Warp w, int mask) {
        int size = i.size;
        int[] registers = i.registers;
        int width = size * registers.length;
        long[] r = w.registers;
        requests.count(addresses, mask, width);
        counters.storeSectors += requests.sectors;
        counters.idealStoreSectors += requests.ideal;
        int thread = block.firstThread + w.number * 32;
        Page page = null;
        long pageNumber = -1;
        Allocation pageOf = null;
        for (int rest = mask; rest != 0; rest &= rest - 1) {
            int l = Integer.numberOfTrailingZeros(rest);
            Allocation allocation = recent;
            long offset = addresses[l] - allocation.base;
            if (offset < 0 || offset > allocation.size - width || allocation.freed) {
                allocation = allocation(i, w, l, width);
                offset = addresses[l] - allocation.base;
            }
            if (allocation.readOnly) {
                throw at(Kind.READ_ONLY, i, w, l, "constant memory");
            }
            if (offset >>> 12 != pageNumber || allocation != pageOf) {
                page = allocation.page(offset);
                page.begin(launch);
                pageNumber = offset >>> 12;
                pageOf = allocation;
            }
            int at = (int) offset & GlobalMemory.PAGE - 1;
            if (width < 4) {
                page.refine();
            }
            int shift = page.shift;
            int last = at + width - 1 >> shift;
            int[] readers = page.readersSoFar();
            if (readers != null) {
                for (int g = at >> shift; g <= last; g++) {
                    int before = readers[g];
                    if (before != 0 && before != thread + l) {
                        throw at(Kind.GLOBAL_RACE, i, w, l, "read in this launch by " + block.launch.thread(before));
                    }
                }
            }
            int[] writers = page.writers();
            for (int g = at >> shift; g <= last; g++) {
                int other = writers[g];
                if (other != 0) {
                    throw at(
                            Kind.WRITTEN_TWICE,
                            i,
                            w,
                            l,
                            "offset " + offset + " of " + allocation.size + ", written before in this launch by "
                                    + block.launch.thread(other));
                }
                writers[g] = thread + l;
            }
            byte[] data = page.data;
            for (int n = 0; n < registers.length; n++) {
                put(data, at + n * size, size, r[registers[n] + l]);
            }
            setWritten(page.written, at, width);
        }
    }

    /** From an address of a lane to its place. */
    private void inShared(Instruction i, Warp w, int l, int width) {
        long offset = addresses[l] -= SHARED_START;
        boolean between = offset + width > staticBytes && offset < dynamicBase;
        if (offset < 0 || offset > shared.size - width || between) {
            throw at(Kind.OUT_OF_BOUNDS, i, w, l, width + " bytes, the block has " + shared.size + " of shared memory");
        }
    }

    private PtxFault race(Instruction i, Warp w, int l, int other) {
        String who = other == SharedMemory.SEVERAL ? "several threads" : "thread " + other;
        return at(Kind.SHARED_RACE, i, w, l, "used before by " + who + " with no barrier between");
    }

    private void countShared(Instruction i, int mask, int width) {
        counters.sharedTransactions += requests.transactions(addresses, mask, width);
        counters.idealSharedTransactions += requests.ideal;
    }

    private void loadShared(Instruction i, Warp w, int mask) {
        int size = i.size;
        int[] registers = i.registers;
        int width = size * registers.length;
        long[] r = w.registers;
        byte[] data = shared.data;
        int thread = w.number * 32;
        for (int rest = mask; rest != 0; rest &= rest - 1) {
            int l = Integer.numberOfTrailingZeros(rest);
            inShared(i, w, l, width);
            int at = (int) addresses[l];
            int other = shared.read(at, width, thread + l);
            if (other != SharedMemory.NOBODY) {
                throw other == SharedMemory.UNWRITTEN
                        ? at(Kind.UNINITIALISED, i, w, l, "shared memory that was never written")
                        : race(i, w, l, other);
            }
            if (size == 4) {
                for (int n = 0; n < registers.length; n++) {
                    int value = (int) GlobalMemory.INTS.get(data, at + 4 * n);
                    r[registers[n] + l] = i.signed ? value : value & 0xffffffffL;
                }
            } else {
                for (int n = 0; n < registers.length; n++) {
                    r[registers[n] + l] = get(data, at + n * size, size, i.signed);
                }
            }
        }
        countShared(i, mask, width);
    }

    private void storeShared(Instruction i, Warp w, int mask) {
        int width = i.size * i.registers.length;
        for (int rest = mask; rest != 0; rest &= rest - 1) {
            int l = Integer.numberOfTrailingZeros(rest);
            inShared(i, w, l, width);
            int at = (int) addresses[l];
            int other = shared.write(at, width, w.number * 32 + l);
            if (other != SharedMemory.NOBODY) {
                throw race(i, w, l, other);
            }
            for (int n = 0; n < i.registers.length; n++) {
                put(shared.data, at + n * i.size, i.size, w.registers[i.registers[n] + l]);
            }
        }
        countShared(i, mask, width);
    }

    private int local(Instruction i, Warp w, int l, int width) {
        long offset = addresses[l];
        if (offset < 0 || offset > frame - width) {
            throw at(Kind.OUT_OF_BOUNDS, i, w, l, width + " bytes, a thread has " + frame + " of local memory");
        }
        return l * frame + (int) offset;
    }

    private void loadLocal(Instruction i, Warp w, int mask) {
        int width = i.size * i.registers.length;
        for (int rest = mask; rest != 0; rest &= rest - 1) {
            int l = Integer.numberOfTrailingZeros(rest);
            int at = local(i, w, l, width);
            if (!written(w.localWritten, at, width)) {
                throw at(Kind.UNINITIALISED, i, w, l, "local memory that was never written");
            }
            for (int n = 0; n < i.registers.length; n++) {
                w.registers[i.registers[n] + l] = get(w.local, at + n * i.size, i.size, i.signed);
            }
        }
    }

    private void storeLocal(Instruction i, Warp w, int mask) {
        int width = i.size * i.registers.length;
        for (int rest = mask; rest != 0; rest &= rest - 1) {
            int l = Integer.numberOfTrailingZeros(rest);
            int at = local(i, w, l, width);
            for (int n = 0; n < i.registers.length; n++) {
                put(w.local, at + n * i.size, i.size, w.registers[i.registers[n] + l]);
            }
            setWritten(w.localWritten, at, width);
        }
    }

    /** Lane by lane, on integers. */
    void atomic(Instruction i, Warp w, int mask) {
        i.registers = i.registers.length == 0 ? new int[1] : i.registers;
        int space = locate(i, w, mask);
        int width = i.size;
        for (int rest = mask; rest != 0; rest &= rest - 1) {
            int l = Integer.numberOfTrailingZeros(rest);
            byte[] data;
            int at;
            if (space == Instruction.SHARED) {
                inShared(i, w, l, width);
                data = shared.data;
                at = (int) addresses[l];
                if (!shared.written(at, width)) {
                    throw at(Kind.UNINITIALISED, i, w, l, "shared memory that was never written");
                }
                int other = shared.atomic(at, width, w.number * 32 + l);
                if (other != SharedMemory.NOBODY) {
                    throw race(i, w, l, other);
                }
            } else {
                Allocation allocation = allocation(i, w, l, width);
                long offset = addresses[l] - allocation.base;
                Page page = allocation.page(offset);
                page.begin(launch);
                at = (int) offset & GlobalMemory.PAGE - 1;
                data = page.data;
                if (!written(page.written, at, width)) {
                    throw at(Kind.UNINITIALISED, i, w, l, "byte " + offset + " was never written");
                }
                int[] writers = page.writers();
                int[] readers = page.readersSoFar();
                for (int g = at >> page.shift; g <= at + width - 1 >> page.shift; g++) {
                    if (writers[g] != 0 && writers[g] != Page.ATOMIC || readers != null && readers[g] != 0) {
                        throw at(Kind.GLOBAL_RACE, i, w, l, "used in this launch other than by atomics");
                    }
                    writers[g] = Page.ATOMIC;
                }
            }
            long old = get(data, at, width, i.signed);
            put(data, at, width, combined(i, old, w.registers[i.b + l], w.registers[i.c + l]));
            w.registers[i.d + l] = old;
        }
    }

    private static long combined(Instruction i, long old, long b, long c) {
        long bits = i.size == 8 ? -1 : 0xffffffffL;
        long sameB = i.size == 8 ? b : i.signed ? (int) b : b & bits;
        return switch (i.op) {
            case ADD -> old + b;
            case AND -> old & b;
            case OR -> old | b;
            case XOR -> old ^ b;
            case EXCH -> b;
            case CAS -> ((old ^ b) & bits) == 0 ? c : old;
            case MIN_S -> Math.min(old, sameB);
            case MAX_S -> Math.max(old, sameB);
            case MIN_U -> Bits.minUnsigned(old, sameB);
            case MAX_U -> Bits.maxUnsigned(old, sameB);
            case INC -> Long.compareUnsigned(old, sameB) >= 0 ? 0 : old + 1;
            case DEC -> old == 0 || Long.compareUnsigned(old, sameB) > 0 ? b : old - 1;
            default -> throw i.source.unknown("unknown atomic");
        };
    }
}
