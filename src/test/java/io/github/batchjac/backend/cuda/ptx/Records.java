package io.github.batchjac.backend.cuda.ptx;

import io.github.batchjac.backend.cuda.ptx.GlobalMemory.Allocation;
import io.github.batchjac.backend.cuda.ptx.GlobalMemory.Page;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Hands what was executed of a module, and the launches that were kept, from the JVMs that run tests to the one that looks at
 * them: each writes a file when it ends, to the folder that {@value #FOLDER} names.
 */
public final class Records {
    /** System property: where files are written; unset for nowhere. */
    public static final String FOLDER = "batchjac.test.records";

    private static final String SUFFIX = ".launches";
    private static final Set<PtxModule> KEPT = ConcurrentHashMap.newKeySet();

    private Records() {}

    /** The folder, or null. */
    public static Path folder() {
        String folder = System.getProperty(FOLDER);
        return folder == null ? null : Path.of(folder);
    }

    /** Writes a file about this module when the JVM ends. */
    public static void keep(PtxModule module) {
        Path folder = folder();
        if (folder != null && KEPT.add(module)) {
            String name = ProcessHandle.current().pid() + "-" + module.fingerprint() + SUFFIX;
            Runtime.getRuntime().addShutdownHook(new Thread(() -> write(module, folder, name)));
        }
    }

    private static void write(PtxModule module, Path folder, String name) {
        try {
            Files.createDirectories(folder);
            try (DataOutputStream out =
                    new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(folder.resolve(name))))) {
                write(module, out);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Adds what the files say of this module to what is known of it. */
    public static void read(PtxModule module, Path folder) {
        try (var files = Files.newDirectoryStream(folder, "*-" + module.fingerprint() + SUFFIX)) {
            for (Path file : files) {
                try (DataInputStream in = new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
                    read(module, in);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void write(PtxModule module, DataOutputStream out) throws IOException {
        Set<String> entries = module.entries();
        out.writeInt(entries.size());
        for (String entry : entries) {
            out.writeUTF(entry);
            longs(out, module.coverage().executed(entry).toLongArray());
            List<Recording> recordings = module.recorder().recordings(entry);
            out.writeInt(recordings.size());
            for (Recording recording : recordings) {
                write(recording, out);
            }
        }
    }

    private static void read(PtxModule module, DataInputStream in) throws IOException {
        int entries = in.readInt();
        for (int n = 0; n < entries; n++) {
            String entry = in.readUTF();
            module.coverage().add(entry, BitSet.valueOf(longs(in)));
            int recordings = in.readInt();
            for (int r = 0; r < recordings; r++) {
                module.recorder().add(recording(entry, in));
            }
        }
    }

    private static void write(Recording recording, DataOutputStream out) throws IOException {
        out.writeLong(recording.blocks());
        out.writeInt(recording.threads());
        out.writeInt(recording.sharedBytes());
        out.writeInt(recording.parameters().length);
        out.write(recording.parameters());
        out.writeLong(recording.approximate().seed());
        out.writeBoolean(recording.order() != null);
        longs(out, recording.order() == null ? new long[0] : recording.order());
        out.writeInt(recording.symbols().size());
        for (Map.Entry<String, Long> symbol : recording.symbols().entrySet()) {
            out.writeUTF(symbol.getKey());
            out.writeLong(symbol.getValue());
        }
        memory(out, recording.before(), null);
        memory(out, recording.after(), recording.before());
        longs(out, recording.features().toLongArray());
        out.writeLong(recording.cost());
        out.writeBoolean(recording.drawn());
    }

    private static Recording recording(String entry, DataInputStream in) throws IOException {
        long blocks = in.readLong();
        int threads = in.readInt();
        int sharedBytes = in.readInt();
        byte[] parameters = in.readNBytes(in.readInt());
        Approximate approximate = new Approximate(in.readLong());
        boolean ordered = in.readBoolean();
        long[] order = longs(in);
        Map<String, Long> symbols = new HashMap<>();
        int count = in.readInt();
        for (int n = 0; n < count; n++) {
            String name = in.readUTF();
            symbols.put(name, in.readLong());
        }
        List<Allocation> before = memory(in, null);
        List<Allocation> after = memory(in, before);
        BitSet features = BitSet.valueOf(longs(in));
        return new Recording(
                entry,
                blocks,
                threads,
                sharedBytes,
                parameters,
                approximate,
                ordered ? order : null,
                symbols,
                before,
                after,
                features,
                in.readLong(),
                in.readBoolean());
    }

    private static void longs(DataOutputStream out, long[] numbers) throws IOException {
        out.writeInt(numbers.length);
        for (long number : numbers) {
            out.writeLong(number);
        }
    }

    private static long[] longs(DataInputStream in) throws IOException {
        long[] numbers = new long[in.readInt()];
        for (int n = 0; n < numbers.length; n++) {
            numbers[n] = in.readLong();
        }
        return numbers;
    }

    /** @param before what pages may be the same as; null for nothing */
    private static void memory(DataOutputStream out, List<Allocation> allocations, List<Allocation> before)
            throws IOException {
        out.writeInt(allocations.size());
        for (int n = 0; n < allocations.size(); n++) {
            Allocation allocation = allocations.get(n);
            out.writeLong(allocation.base);
            out.writeLong(allocation.size);
            out.writeBoolean(allocation.readOnly);
            Map<Long, Long> zeroed = allocation.zeroed();
            out.writeInt(zeroed.size());
            for (Map.Entry<Long, Long> range : zeroed.entrySet()) {
                out.writeLong(range.getKey());
                out.writeLong(range.getValue());
            }
            Set<Long> numbers = allocation.numbers(allocation);
            out.writeInt(numbers.size());
            for (long number : numbers) {
                Page page = allocation.page(number * GlobalMemory.PAGE);
                out.writeLong(number);
                boolean same = before != null && before.get(n).existing(number * GlobalMemory.PAGE) == page;
                out.writeBoolean(same);
                if (!same) {
                    out.write(page.data);
                    out.write(page.written);
                }
            }
        }
    }

    private static List<Allocation> memory(DataInputStream in, List<Allocation> before) throws IOException {
        List<Allocation> allocations = new ArrayList<>();
        int count = in.readInt();
        for (int n = 0; n < count; n++) {
            Allocation allocation = new Allocation(in.readLong(), in.readLong(), GlobalMemory.FEW_PAGES);
            allocation.readOnly = in.readBoolean();
            int ranges = in.readInt();
            for (int r = 0; r < ranges; r++) {
                long from = in.readLong();
                allocation.zeroed().put(from, in.readLong());
            }
            int pages = in.readInt();
            for (int p = 0; p < pages; p++) {
                long number = in.readLong();
                if (in.readBoolean()) {
                    allocation.put(number, before.get(n).existing(number * GlobalMemory.PAGE));
                } else {
                    Page page = allocation.page(number * GlobalMemory.PAGE);
                    in.readFully(page.data);
                    in.readFully(page.written);
                }
            }
            allocations.add(allocation);
        }
        return allocations;
    }
}
