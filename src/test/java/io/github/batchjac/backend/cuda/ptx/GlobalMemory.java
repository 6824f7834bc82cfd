package io.github.batchjac.backend.cuda.ptx;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;

/**
 * The memory of a device: allocations of any size in pages that exist once something is written to them, with gaps between
 * them. Each byte knows whether it was ever written; in a launch also who wrote it and who read it. Addresses are
 * never given out twice, so that whatever is used after it was freed is found out.
 */
public final class GlobalMemory {
    static final int PAGE = 4096;
    private static final int PAGE_BITS = 12;
    private static final long FIRST = 0x7f00_ff00_0000L;
    private static final long GAP = 0x1_0100;
    /** Of copies, which are many, and hold less. */
    static final int FEW_PAGES = 1 << 10;

    private static final int DIRECT_PAGES = 1 << 22;
    static final VarHandle INTS = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    static final VarHandle LONGS = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private final ConcurrentSkipListMap<Long, Allocation> allocations = new ConcurrentSkipListMap<>();
    private long next = FIRST;

    GlobalMemory() {}

    /** With these and no others, which are used as they are. */
    GlobalMemory(Iterable<Allocation> all) {
        all.forEach(allocation -> allocations.put(allocation.base, allocation));
    }

    /** A range of bytes with an address. */
    static final class Allocation {
        final long base;
        final long size;
        volatile boolean freed;
        boolean readOnly;
        private Page[] pages;
        private final Map<Long, Page> sparse;
        /** Ranges that were filled with zeros as a whole, from → to, for pages that do not exist yet. */
        private final TreeMap<Long, Long> zeroed = new TreeMap<>();

        Allocation(long base, long size) {
            this(base, size, DIRECT_PAGES);
        }

        /** @param direct how many pages it may have to have an array of them all */
        Allocation(long base, long size, int direct) {
            this.base = base;
            this.size = size;
            long count = (size + PAGE - 1) >>> PAGE_BITS;
            pages = count <= direct ? new Page[(int) count] : new Page[0];
            sparse = count <= direct ? Map.of() : new ConcurrentHashMap<>();
        }

        /** The page that holds the byte at {@code offset}, or null if nothing was ever written there. */
        Page existing(long offset) {
            long number = offset >>> PAGE_BITS;
            return number < pages.length ? pages[(int) number] : sparse.get(number);
        }

        Page page(long offset) {
            Page page = existing(offset);
            return page != null ? page : create(offset >>> PAGE_BITS);
        }

        private synchronized Page create(long number) {
            Page page = existing(number << PAGE_BITS);
            if (page != null) {
                return page;
            }
            long from = number << PAGE_BITS;
            int bytes = (int) Math.min(PAGE, size - from);
            page = new Page((bytes + 15) & ~15);
            Map.Entry<Long, Long> start = zeroed.floorEntry(from);
            long first = start == null ? from : start.getKey();
            for (Map.Entry<Long, Long> range : zeroed.tailMap(first).entrySet()) {
                if (range.getKey() >= from + bytes) {
                    break;
                }
                int low = (int) (Math.max(range.getKey(), from) - from);
                int high = (int) (Math.min(range.getValue(), from + bytes) - from);
                if (low < high) {
                    Arrays.fill(page.written, low, high, (byte) 1);
                }
            }
            VarHandle.releaseFence();
            if (number < pages.length) {
                pages[(int) number] = page;
            } else {
                sparse.put(number, page);
            }
            return page;
        }

        /** The same bytes at the same address, in another memory; nobody has used them in a launch. */
        synchronized Allocation copy() {
            Allocation copy = new Allocation(base, size, FEW_PAGES);
            copy.freed = freed;
            copy.readOnly = readOnly;
            copy.zeroed.putAll(zeroed);
            for (int n = 0; n < pages.length; n++) {
                if (pages[n] != null) {
                    copy.put(n, pages[n].copy());
                }
            }
            sparse.forEach((number, page) -> copy.put(number, page.copy()));
            return copy;
        }

        /** Sets a page of an allocation that nobody else knows yet. */
        void put(long number, Page page) {
            if (number < pages.length) {
                pages[(int) number] = page;
            } else {
                sparse.put(number, page);
            }
        }

        /** Takes the pages of another one that are the same, so that they are there once. Neither may be written any more. */
        void share(Allocation other) {
            for (long number : numbers(other)) {
                Page mine = existing(number << PAGE_BITS);
                Page page = other.existing(number << PAGE_BITS);
                if (mine != null && page != null && mine.same(page)) {
                    put(number, page);
                }
            }
        }

        Map<Long, Long> zeroed() {
            return zeroed;
        }

        /** How many pages {@link #copy} copies. */
        long held() {
            long held = sparse.size();
            for (Page page : pages) {
                held += page == null ? 0 : 1;
            }
            return held;
        }

        /** Numbers of the pages that this or the other one holds. */
        Set<Long> numbers(Allocation other) {
            Set<Long> numbers = new TreeSet<>(sparse.keySet());
            numbers.addAll(other.sparse.keySet());
            for (int n = 0; n < pages.length; n++) {
                if (pages[n] != null || n < other.pages.length && other.pages[n] != null) {
                    numbers.add((long) n);
                }
            }
            return numbers;
        }

        private synchronized void zero(long from, long bytes) {
            long at = from;
            while (at < from + bytes) {
                int inside = (int) (at & (PAGE - 1));
                long length = Math.min(PAGE - inside, from + bytes - at);
                Page page = existing(at);
                if (page != null) {
                    Arrays.fill(page.data, inside, inside + (int) length, (byte) 0);
                    Arrays.fill(page.written, inside, inside + (int) length, (byte) 1);
                } else if (pages.length == 0) {
                    break;
                }
                at += length;
            }
            if (at < from + bytes) { // pages are few: those that exist
                sparse.forEach((number, page) -> {
                    long start = number << PAGE_BITS;
                    int low = (int) (Math.max(start, from) - start);
                    int high = (int) (Math.min(start + PAGE, from + bytes) - start);
                    if (low < high && low < PAGE) {
                        Arrays.fill(page.data, low, Math.min(high, page.data.length), (byte) 0);
                        Arrays.fill(page.written, low, Math.min(high, page.data.length), (byte) 1);
                    }
                });
            }
            mark(from, from + bytes);
        }

        private void mark(long from, long to) {
            long first = from;
            long last = to;
            Map.Entry<Long, Long> before = zeroed.floorEntry(from);
            if (before != null && before.getValue() >= from) {
                first = before.getKey();
                last = Math.max(last, before.getValue());
            }
            for (Map.Entry<Long, Long> after = zeroed.ceilingEntry(first);
                    after != null && after.getKey() <= last;
                    after = zeroed.ceilingEntry(first)) {
                last = Math.max(last, after.getValue());
                zeroed.remove(after.getKey());
            }
            zeroed.put(first, last);
        }
    }

    /**
     * A page's bytes, whether each was written, and for the launch at hand by whom, in pieces of four bytes (one byte where
     * a kernel uses less than four). Threads are numbered from 1 in the order in which they run.
     */
    static final class Page {
        static final int MANY = -1;
        static final int ATOMIC = -2;

        private static final int[] NONE = {};

        final byte[] data;
        final byte[] written;
        int shift = 2;
        private int[] writer = NONE;
        private int[] reader = NONE;
        /** Whether there was a write, or a read, in the launch at hand. */
        private volatile boolean writers;

        private volatile boolean readers;
        private volatile long launch;

        Page(int bytes) {
            data = new byte[bytes];
            written = new byte[bytes];
        }

        Page copy() {
            Page copy = new Page(data.length);
            System.arraycopy(data, 0, copy.data, 0, data.length);
            System.arraycopy(written, 0, copy.written, 0, written.length);
            return copy;
        }

        boolean same(Page other) {
            return Arrays.equals(data, other.data) && Arrays.equals(written, other.written);
        }

        /** Forgets who read and wrote in launches before this one. */
        void begin(long current) {
            if (launch != current) {
                restart(current);
            }
        }

        private synchronized void restart(long current) {
            if (launch != current) {
                writers = false;
                readers = false;
                launch = current;
            }
        }

        /** Who wrote in this launch; null if nobody did. */
        int[] writersSoFar() {
            return writers ? writer : null;
        }

        int[] readersSoFar() {
            return readers ? reader : null;
        }

        /** Who wrote in this launch, to add to. */
        int[] writers() {
            return writers ? writer : firstWriter();
        }

        int[] readers() {
            return readers ? reader : firstReader();
        }

        private synchronized int[] firstWriter() {
            if (!writers) {
                writer = cleared(writer);
                writers = true;
            }
            return writer;
        }

        private synchronized int[] firstReader() {
            if (!readers) {
                reader = cleared(reader);
                readers = true;
            }
            return reader;
        }

        private int[] cleared(int[] old) {
            if (old.length == 0) {
                return new int[data.length >> shift];
            }
            Arrays.fill(old, 0);
            return old;
        }

        /** From here on each byte by itself. */
        synchronized void refine() {
            if (shift == 0) {
                return;
            }
            writer = refined(writer);
            reader = refined(reader);
            shift = 0;
        }

        private int[] refined(int[] coarse) {
            int[] fine = new int[coarse.length << shift];
            for (int b = 0; b < fine.length; b++) {
                fine[b] = coarse[b >> shift];
            }
            return fine;
        }
    }

    /** Uninitialised bytes, aligned to 256. */
    public synchronized long allocate(long bytes) {
        Allocation allocation = new Allocation(next, bytes);
        allocations.put(next, allocation);
        long address = next;
        next = (next + bytes + GAP + 255) / 256 * 256;
        return address;
    }

    /** @return its size */
    public long free(long address) {
        Allocation allocation = allocations.get(address);
        if (allocation == null || allocation.freed) {
            throw new PtxFault(
                    allocation == null ? PtxFault.Kind.OUT_OF_BOUNDS : PtxFault.Kind.FREED,
                    "free of " + Long.toHexString(address) + ", which is not allocated");
        }
        allocation.freed = true;
        allocation.pages = new Page[0];
        if (!allocation.sparse.isEmpty()) {
            allocation.sparse.clear();
        }
        return allocation.size;
    }

    /** Bytes of the allocation that starts at an address; -1 if none does. */
    public long size(long address) {
        Allocation allocation = allocations.get(address);
        return allocation == null || allocation.freed ? -1 : allocation.size;
    }

    long constant(byte[] contents, boolean readOnly) {
        long address = allocate(Math.max(contents.length, 1));
        copyIn(address, ByteBuffer.wrap(contents));
        allocations.get(address).readOnly = readOnly;
        return address;
    }

    /** The allocation at or below an address, or null. */
    Allocation at(long address) {
        Map.Entry<Long, Allocation> entry = allocations.floorEntry(address);
        return entry == null ? null : entry.getValue();
    }

    private Allocation range(long address, long bytes, String what) {
        Allocation allocation = at(address);
        String where = what + " of " + bytes + " bytes at " + Long.toHexString(address);
        if (bytes < 0 || allocation == null || address - allocation.base > allocation.size - bytes) {
            throw new PtxFault(PtxFault.Kind.OUT_OF_BOUNDS, where + near(allocation));
        }
        if (allocation.freed) {
            throw new PtxFault(PtxFault.Kind.FREED, where);
        }
        return allocation;
    }

    static String near(Allocation allocation) {
        return allocation == null
                ? ", below all allocations"
                : ", the allocation there has " + allocation.size + " bytes from " + Long.toHexString(allocation.base);
    }

    public void copyIn(long to, ByteBuffer from) {
        Allocation allocation = range(to, from.remaining(), "copy to the device");
        long offset = to - allocation.base;
        while (from.hasRemaining()) {
            Page page = allocation.page(offset);
            int inside = (int) (offset & (PAGE - 1));
            int length = Math.min(from.remaining(), PAGE - inside);
            from.get(page.data, inside, length);
            Arrays.fill(page.written, inside, inside + length, (byte) 1);
            offset += length;
        }
    }

    /** @throws PtxFault also if any of these bytes was never written */
    public void copyOut(ByteBuffer to, long from) {
        Allocation allocation = range(from, to.remaining(), "copy from the device");
        long offset = from - allocation.base;
        while (to.hasRemaining()) {
            Page page = allocation.page(offset);
            int inside = (int) (offset & (PAGE - 1));
            int length = Math.min(to.remaining(), PAGE - inside);
            for (int b = inside; b < inside + length; b++) {
                if (page.written[b] == 0) {
                    throw new PtxFault(
                            PtxFault.Kind.UNINITIALISED,
                            "copy from the device of byte " + (offset + b - inside) + " of the " + allocation.size
                                    + " at " + Long.toHexString(allocation.base));
                }
            }
            to.put(page.data, inside, length);
            offset += length;
        }
    }

    /** Bytes that were never written stay so. */
    public void copy(long to, long from, long bytes) {
        Allocation source = range(from, bytes, "copy on the device");
        Allocation target = range(to, bytes, "copy on the device");
        if (from < to + bytes && to < from + bytes && bytes > 0) {
            throw new PtxFault(PtxFault.Kind.OUT_OF_BOUNDS, "copy on the device between ranges that overlap");
        }
        for (long done = 0; done < bytes; ) {
            long read = from - source.base + done;
            long write = to - target.base + done;
            int inside = (int) (read & (PAGE - 1));
            int outside = (int) (write & (PAGE - 1));
            int length = (int) Math.min(Math.min(PAGE - inside, PAGE - outside), bytes - done);
            Page page = source.page(read);
            Page copy = target.page(write);
            System.arraycopy(page.data, inside, copy.data, outside, length);
            System.arraycopy(page.written, inside, copy.written, outside, length);
            done += length;
        }
    }

    public void zero(long address, long bytes) {
        Allocation allocation = range(address, bytes, "zeros");
        if (bytes > 0) {
            allocation.zero(address - allocation.base, bytes);
        }
    }

    /** How many pages hold something: what the sparse memory really takes. */
    long pages() {
        long count = 0;
        for (Allocation allocation : allocations.values()) {
            count += allocation.sparse.size();
            for (Page page : allocation.pages) {
                count += page == null ? 0 : 1;
            }
        }
        return count;
    }
}
