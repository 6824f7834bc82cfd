package io.github.batchjac.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** Who takes part, and how each is started. */
final class Candidates {
    /** The limit's name among the contenders. */
    static final String LIMIT = "limit";

    /** Ours, on all threads. */
    static final String OURS = "batchjac";

    /** How peers' names end that write every entry of a result on every call, also where zeros are from the call before. */
    static final String WHOLE = "-whole";

    private static final String PEERS_HINT =
            "apt install python3-numpy python3-torch libopenblas0-pthread, or pip; or set "
                    + "BATCHJAC_PYTHON to a Python that has it";

    /**
     * Memory that was given back would be fetched anew, page by page, on every call: that is what would be measured. So it is
     * kept, and in huge pages.
     */
    private static final Map<String, String> KEEP_MEMORY = Map.of(
            "MALLOC_MMAP_MAX_",
            "0",
            "MALLOC_TRIM_THRESHOLD_",
            "17179869184",
            "MALLOC_TOP_PAD_",
            "67108864",
            "GLIBC_TUNABLES",
            "glibc.malloc.hugetlb=1:glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=17179869184:glibc.malloc.top_pad=67108864",
            "PYTHONDONTWRITEBYTECODE",
            "1");

    /**
     * How to start a contender.
     *
     * @param fresh whether every item gets a process of its own, as a user's program would
     * @param ours whether it is this library
     */
    record Candidate(String name, List<String> command, Map<String, String> environment, boolean fresh, boolean ours) {}

    private final Path peers;
    private final int threads;
    private final List<Candidate> present = new ArrayList<>();
    private final List<String> absent = new ArrayList<>();

    private Candidates(Path peers, int threads) {
        this.peers = peers;
        this.threads = threads;
    }

    /** @param peers the folder of the Python scripts; @param withPeers whether others than ours take part */
    static Candidates find(Path peers, int threads, boolean oneThread, boolean withPeers, List<String> devices) {
        Candidates c = new Candidates(peers, threads);
        c.add(new Candidate(LIMIT, java("limit", Integer.toString(threads)), Map.of(), false, false));
        for (String device : devices) {
            boolean cpu = device.equals("cpu");
            String name = cpu ? OURS : OURS + "-" + device;
            c.add(new Candidate(name, java("worker", device, cpu ? "" + threads : "0"), Map.of(), true, true));
            if (cpu && oneThread && threads > 1) {
                c.add(new Candidate(OURS + "-1", java("worker", device, "1"), Map.of(), true, true));
            }
        }
        if (withPeers) {
            c.addPeers();
        }
        return c;
    }

    List<Candidate> present() {
        return present;
    }

    /** A sentence for each that is missing: what, and how to get it. */
    List<String> absent() {
        return absent;
    }

    private void add(Candidate candidate) {
        present.add(candidate);
    }

    private void addPeers() {
        python(
                "numpy",
                "numpy_peer.py",
                List.of("seed", "whole", "hand"),
                List.of("numpy-seed", "numpy" + WHOLE, "numpy"),
                List.of());
        Optional<String> torch = python(
                "torch",
                "torch_peer.py",
                List.of("vmap", "whole", "hand"),
                List.of("torch-vmap", "torch" + WHOLE, "torch"),
                List.of());
        if (torch.isPresent() && says(torch.get(), "import torch; exit(not hasattr(torch, 'compile'))")) {
            python("torch", "torch_peer.py", List.of("compiled"), List.of("torch-compiled"), List.of());
        }
        if (torch.isPresent() && says(torch.get(), "import torch; exit(not torch.cuda.is_available())")) {
            python(
                    "torch",
                    "torch_peer.py",
                    List.of("vmap", "whole", "hand", "compiled"),
                    List.of("torch-vmap-cuda", "torch-cuda" + WHOLE, "torch-cuda", "torch-compiled-cuda"),
                    List.of("cuda"));
        }
        python("jax", "jax_peer.py", List.of("vmap", "hand"), List.of("jax-vmap", "jax"), List.of());
        python("cupy", "cupy_peer.py", List.of("hand"), List.of("cupy"), List.of());
        try {
            Class.forName("io.github.batchjac.bench.DjlWorker");
            Map<String, String> environment = new HashMap<>(KEEP_MEMORY);
            environment.put("OMP_NUM_THREADS", "" + threads);
            environment.put("DJL_CACHE_DIR", Main.home().resolve("target/djl").toString());
            add(new Candidate("djl", java("djl", "" + threads), environment, false, false));
        } catch (ClassNotFoundException e) {
            absent.add("djl is missing: bench/run.sh fetches it unless told --no-peers or --no-djl");
        }
    }

    private Optional<String> python(
            String module, String script, List<String> kinds, List<String> names, List<String> more) {
        Optional<String> python =
                pythons().stream().filter(p -> says(p, "import " + module)).findFirst();
        if (python.isEmpty()) {
            absent.add(
                    String.join(", ", names) + " missing: no Python here imports " + module + " (" + PEERS_HINT + ")");
        }
        for (int i = 0; python.isPresent() && i < kinds.size(); i++) {
            List<String> command = new ArrayList<>(
                    List.of(python.get(), peers.resolve(script).toString(), kinds.get(i), Integer.toString(threads)));
            command.addAll(more);
            add(new Candidate(names.get(i), command, KEEP_MEMORY, false, false));
        }
        return python;
    }

    private static List<String> pythons() {
        List<String> pythons = new ArrayList<>();
        String chosen = System.getenv("BATCHJAC_PYTHON");
        if (chosen != null && !chosen.isEmpty()) {
            pythons.add(chosen);
        }
        pythons.add("python3");
        pythons.add("/usr/bin/python3");
        return pythons;
    }

    private static boolean says(String python, String code) {
        try {
            Process process = new ProcessBuilder(python, "-c", code)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return process.waitFor(120, TimeUnit.SECONDS) && process.exitValue() == 0;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** This JVM again, with the options that the launcher gives a user, and huge pages. */
    private static List<String> java(String... arguments) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        if (Runtime.version().feature() >= 22) {
            command.add("--enable-native-access=ALL-UNNAMED");
        }
        if (Runtime.version().feature() >= 24) {
            command.add("--sun-misc-unsafe-memory-access=allow");
        }
        command.addAll(List.of("--add-modules", "jdk.incubator.vector"));
        if (hugePages()) {
            command.add("-XX:+UseTransparentHugePages");
        }
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
        command.addAll(List.of(arguments));
        return command;
    }

    /** Whether a process gets huge pages that asks for them, as the peers' allocator does. */
    private static boolean hugePages() {
        try {
            return !Files.readString(Path.of("/sys/kernel/mm/transparent_hugepage/enabled"))
                    .contains("[never]");
        } catch (IOException e) {
            return false;
        }
    }

    /** The folder of the peers' scripts, beside the sources. */
    static Path scripts() {
        Path folder = Path.of(System.getProperty("batchjac.bench.home", "bench"), "peers");
        return Files.isDirectory(folder) ? folder : Path.of("peers");
    }
}
