package io.github.batchjac.backend.cuda.ptx;

/** Rounding modes, as numbers. */
final class Rounding {
    static final int NEAREST = 0;
    static final int ZERO = 1;
    static final int DOWN = 2;
    static final int UP = 3;
    /** To a whole number, of which {@code NEAREST_INTEGER + mode} is meant. */
    static final int INTEGER = 4;

    private Rounding() {}

    static int of(String name) {
        int mode = switch (name.charAt(1)) {
            case 'n' -> NEAREST;
            case 'z' -> ZERO;
            case 'm' -> DOWN;
            case 'p' -> UP;
            default -> throw new NumberFormatException("rounding " + name);
        };
        return name.length() == 3 ? INTEGER + mode : mode;
    }
}
