package io.github.batchjac.plan;

/** A memory budget that not even one tile of samples fits into. The message says what is needed. */
public final class BudgetException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;
    private final long needed;

    BudgetException(String message, long needed) {
        super(message);
        this.needed = needed;
    }

    /** The least number of bytes that would do. */
    public long needed() {
        return needed;
    }
}
