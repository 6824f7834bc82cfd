package io.github.batchjac.plan;

import java.util.List;

/**
 * What is wanted of a graph. Results are keyed by the name of the input or parameter they are with respect to, or by
 * {@link #VALUE}, {@link #TANGENT}, {@link #NORM}. With output shape {@code X...} and {@code A...} the shape of a name:
 *
 * <table>
 * <caption>Results and their shapes</caption>
 * <tr><td>{@link #forward}</td><td>{@code VALUE (B, X...)}</td></tr>
 * <tr><td>{@link #jacobian}</td><td>{@code (B, X..., A...)}</td></tr>
 * <tr><td>{@link #structured}</td><td>the parts of each Jacobian's structure, named by {@link Plan#part}</td></tr>
 * <tr><td>{@link #vjp}</td><td>{@code (B, A...)}, with k cotangents {@code (B, k, A...)}</td></tr>
 * <tr><td>{@link #jvp}</td><td>{@code TANGENT (B, X...)}, with k tangents {@code (B, X..., k)}</td></tr>
 * <tr><td>{@link #gradient}</td><td>{@code (B, A...)}, reduced {@code (A...)}; the output must be one number</td></tr>
 * <tr><td>{@link #norms}</td><td>{@code (B)} for each name, and {@code NORM (B)} over all of them together</td></tr>
 * <tr><td>{@link #clippedSum}</td><td>{@code (A...)}: {@code Σ_b min(1, limit/‖g_b‖) g_b}, and {@code NORM (B)}</td></tr>
 * </table>
 *
 * @param kind which of the above
 * @param wrt names of inputs and parameters; empty for {@code FORWARD}
 * @param seeds number of cotangents or tangents at once; 0 for one without an axis of its own
 * @param reduction over the batch, for {@code GRADIENT}
 * @param limit the largest norm a sample may contribute with, for {@code CLIPPED_SUM}
 * @param value whether {@link #VALUE} is wanted as well
 */
public record Request(Kind kind, List<String> wrt, int seeds, Reduction reduction, double limit, boolean value) {

    /** Key of the graph's output among the results. */
    public static final String VALUE = "@value";

    /** Key of the directional derivative among the results of {@link #jvp}. */
    public static final String TANGENT = "@tangent";

    /** Key of the norm of a sample's whole gradient, over all names, among the results. */
    public static final String NORM = "@norm";

    /** Key of the cotangents {@code (B, X...)} or {@code (B, k, X...)} among the inputs of {@link #vjp}. */
    public static final String COTANGENT = "@cotangent";

    /** The kinds of request. */
    public enum Kind {
        FORWARD,
        JACOBIAN,
        STRUCTURED,
        VJP,
        JVP,
        GRADIENT,
        NORMS,
        CLIPPED_SUM
    }

    public Request {
        wrt = List.copyOf(wrt);
        if (kind != Kind.FORWARD && wrt.isEmpty()) {
            throw new IllegalArgumentException(
                    "nothing to differentiate with respect to: name an input or a parameter");
        }
        if (wrt.stream().distinct().count() != wrt.size()) {
            throw new IllegalArgumentException("a name is given twice: " + String.join(", ", wrt));
        }
        if (seeds < 0) {
            throw new IllegalArgumentException("seeds is " + seeds + ", expected 0 (one seed, no axis) or more");
        }
        if (kind == Kind.CLIPPED_SUM && !(limit > 0 && limit < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("the clipping norm is " + limit + ", expected a positive number");
        }
    }

    private static Request of(Kind kind, String... wrt) {
        return new Request(kind, List.of(wrt), 0, Reduction.NONE, kind == Kind.CLIPPED_SUM ? 1 : 0, false);
    }

    /** The graph's output. */
    public static Request forward() {
        return of(Kind.FORWARD);
    }

    /** The dense Jacobians with respect to the named inputs and parameters. */
    public static Request jacobian(String... wrt) {
        return of(Kind.JACOBIAN, wrt);
    }

    /** The Jacobians as the products left them, not made dense. Backends that know no structures refuse. */
    public static Request structured(String... wrt) {
        return of(Kind.STRUCTURED, wrt);
    }

    /** {@code v·∂f}, v given as {@link #COTANGENT}. */
    public static Request vjp(String... wrt) {
        return of(Kind.VJP, wrt);
    }

    /** {@code Σ ∂f·t} over the names, each t given as {@link #tangent(String)}. */
    public static Request jvp(String... wrt) {
        return of(Kind.JVP, wrt);
    }

    /** The gradient of a graph whose output is one number, per sample unless {@link #reduce}d. */
    public static Request gradient(String... wrt) {
        return of(Kind.GRADIENT, wrt);
    }

    /** The Euclidean norms of per-sample gradients, without the gradients. */
    public static Request norms(String... wrt) {
        return of(Kind.NORMS, wrt);
    }

    /** The sum of per-sample gradients, each first scaled down to norm {@code limit} (over all names together). */
    public static Request clippedSum(double limit, String... wrt) {
        return new Request(Kind.CLIPPED_SUM, List.of(wrt), 0, Reduction.SUM, limit, false);
    }

    /** Key of the tangents for {@code name} among the inputs of {@link #jvp}: {@code (B, A...[, k])}, for a parameter {@code (A...[, k])}. */
    public static String tangent(String name) {
        return "@tangent " + name;
    }

    /** This request with k cotangents or tangents at once. */
    public Request seeds(int k) {
        return new Request(kind, wrt, k, reduction, limit, value);
    }

    /** This gradient, reduced over the batch. */
    public Request reduce(Reduction over) {
        if (kind != Kind.GRADIENT) {
            throw new IllegalArgumentException("only gradients are reduced over the batch, not " + kind);
        }
        return new Request(kind, wrt, seeds, over, limit, value);
    }

    /** This request, and the graph's output beside it. */
    public Request withValue() {
        return new Request(kind, wrt, seeds, reduction, limit, true);
    }

    /** Whether the graph's output must be one number. */
    public boolean needsScalar() {
        return kind == Kind.GRADIENT || kind == Kind.NORMS || kind == Kind.CLIPPED_SUM;
    }

    /** Whether results per name are summed over the batch. */
    public boolean reduced() {
        return kind == Kind.CLIPPED_SUM || (kind == Kind.GRADIENT && reduction != Reduction.NONE);
    }
}
