package io.github.batchjac.tensor;

/** What a {@link Tensor} holds: numbers in one of the two precisions, or class indices. */
public enum ElementType {
    F32("float32", Float.BYTES),
    F64("float64", Double.BYTES),
    I64("int64", Long.BYTES);

    private final String title;
    private final int bytes;

    ElementType(String title, int bytes) {
        this.title = title;
        this.bytes = bytes;
    }

    public static ElementType of(Precision precision) {
        return precision == Precision.F32 ? F32 : F64;
    }

    public int bytes() {
        return bytes;
    }

    @Override
    public String toString() {
        return title;
    }
}
