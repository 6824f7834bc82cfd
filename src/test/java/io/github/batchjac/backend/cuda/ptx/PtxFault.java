package io.github.batchjac.backend.cuda.ptx;

/** A kernel did what no kernel may. An error and not an exception, so that nothing under test swallows it. */
public final class PtxFault extends AssertionError {
    private static final long serialVersionUID = 1;

    /** What is wrong. */
    public enum Kind {
        /** The text is not PTX, or more of it than this machine knows. */
        TEXT,
        /** More threads than {@code .maxntid}, too much shared memory, arguments unlike the parameters. */
        LAUNCH,
        OUT_OF_BOUNDS,
        FREED,
        MISALIGNED,
        /** A read of bytes that nobody wrote. */
        UNINITIALISED,
        /** A byte of global memory written twice in one launch. */
        WRITTEN_TWICE,
        /** A byte of global memory that one thread reads and another writes in one launch. */
        GLOBAL_RACE,
        /** A byte of shared memory used by two threads, at least once to write, and nothing between that orders them. */
        SHARED_RACE,
        /** A barrier that some threads do not reach, or not with the others. */
        BARRIER,
        /** A lane of a warp-wide instruction that takes no part in it. */
        LANE,
        TRAP,
        /** Too many instructions: it does not end. */
        ENDLESS,
        READ_ONLY
    }

    private final Kind kind;

    PtxFault(Kind kind, String message) {
        super(kind + ": " + message);
        this.kind = kind;
    }

    public Kind kind() {
        return kind;
    }
}
