package io.github.batchjac.backend.cuda;

import io.github.batchjac.backend.Erf;
import io.github.batchjac.backend.cuda.BenchCase.Given;
import io.github.batchjac.backend.cuda.BenchCase.Near;
import io.github.batchjac.backend.cuda.BenchCase.Numbers;
import io.github.batchjac.backend.cuda.BenchCase.Oracle;
import io.github.batchjac.backend.cuda.BenchCase.Sum;
import io.github.batchjac.graph.Elementwise;
import io.github.batchjac.graph.Elementwise.Kind;
import io.github.batchjac.graph.Op;
import io.github.batchjac.tensor.Precision;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Every kernel at widths 10, 32, 128 and 512, a GiB at a time, and at the sizes whose floors are known. */
final class BenchCases {
    private static final Set<Kind> POSITIVE = EnumSet.of(Kind.LOG, Kind.SQRT, Kind.RECIPROCAL);

    /** Samples that are summed by one thread. */
    private static final int TILE = 1024;

    private final Precision precision;
    private final boolean tiny;
    private final long room;
    private final @Nullable CublasProducts cublas;
    private final List<BenchCase> cases = new ArrayList<>();

    /**
     * @param room bytes that a case's outputs may take
     * @param cublas to compare our own products with, where it is found
     */
    BenchCases(Precision precision, boolean tiny, long room, @Nullable CublasProducts cublas) {
        this.precision = precision;
        this.tiny = tiny;
        this.room = room;
        this.cublas = cublas;
    }

    /** All of a family. */
    List<BenchCase> of(String family) {
        cases.clear();
        switch (family) {
            case "elementwise" -> elementwise();
            case "softmax" -> softmax();
            case "losses" -> losses();
            case "diagonals" -> diagonals();
            case "dense" -> dense();
            case "reductions" -> reductions();
            case "matrix" -> matrix();
            case "networks" -> networks();
            default -> throw new IllegalArgumentException("no family is named " + family);
        }
        return List.copyOf(cases);
    }

    private int[] widths() {
        return tiny ? new int[] {10, 33} : new int[] {10, 32, 128, 512};
    }

    /** With one for which a row does not fit into shared memory. */
    private int[] widthsOfRows() {
        return tiny ? widths() : new int[] {10, 32, 128, 512, 16384};
    }

    /** Samples of so many elements that together make a GiB. */
    private long batch(long elements) {
        return tiny ? 3 : Math.max(1, Math.min(1L << 30, room / 4) / (elements * precision.bytes()));
    }

    /** So many samples in float32, half as many in float64, fewer if there is no room. */
    private long samples(long wanted, long elements) {
        long bytes = elements * precision.bytes();
        return tiny ? 3 : Math.max(1, Math.min(wanted * Float.BYTES / precision.bytes(), (room - (64 << 20)) / bytes));
    }

    /** A size, or a small one. */
    private int size(int wanted, int small) {
        return tiny ? small : wanted;
    }

    private BenchCase add(String kernel, String shape, Object... sizes) {
        BenchCase added = new BenchCase(kernel, String.format(shape, sizes));
        cases.add(added);
        return added;
    }

    private static Strided each(long address, long stride) {
        return new Strided(address, stride);
    }

    // diagonals

    private void diagonals() {
        for (int n : widths()) {
            denseDiagonal(batch((long) n * n), 1, n);
            panels(batch((long) n * n), n);
            addOne(batch(n), n);
        }
        denseDiagonal(batch(3 * 32 * 32), 3, 32);
        denseDiagonal(samples(4096, 512 * 512), 1, size(512, 7));
    }

    private void denseDiagonal(long batch, int repeat, int n) {
        int rows = repeat * n;
        add("dense_diagonal", "B=%d repeat=%d n=%d", batch, repeat, n)
                .reads(batch * rows)
                .writes(batch * rows * n, (g, i) -> Near.exactly(i / n % n == i % n ? g.at(0, i / n) : 0))
                .launch((k, at) -> k.diagonals().denseDiagonal(at[1], each(at[0], rows), batch, repeat, n));
    }

    private void panels(long batch, int n) {
        long square = (long) n * n;
        add("scale_rows", "B=%d n=%d cols=%d", batch, n, n)
                .reads(batch * n)
                .reads(batch * square)
                .writes(batch * square, (g, i) -> Near.exactly(rounded(g.at(0, i / n) * g.at(1, i))))
                .launch((k, at) -> k.diagonals().scaleRows(at[2], each(at[0], n), each(at[1], square), batch, n, n));
        add("scale_columns", "B=%d rows=%d n=%d", batch, n, n)
                .reads(batch * square)
                .reads(batch * n)
                .writes(batch * square, (g, i) -> Near.exactly(rounded(g.at(0, i) * g.at(1, i / square * n + i % n))))
                .launch((k, at) -> k.diagonals().scaleColumns(at[2], each(at[0], square), each(at[1], n), batch, n, n));
        long half = Math.max(1, batch / 2);
        add("tile_rows", "B=%d repeat=2 n=%d cols=%d", half, n, n)
                .reads(half * 2 * n)
                .reads(half * square)
                .writes(
                        half * 2 * square,
                        (g, i) ->
                                Near.exactly(rounded(g.at(0, i / n) * g.at(1, i / (2 * square) * square + i % square))))
                .launch((k, at) ->
                        k.diagonals().tileRows(at[2], each(at[0], 2 * n), each(at[1], square), half, 2, n, n));
        add("fold_rows", "B=%d rows=%d repeat=2 n=%d", half, n, n)
                .reads(half * 2 * square)
                .reads(half * 2 * n)
                .writes(half * square, (g, i) -> {
                    long b = i / square;
                    long row = i / n;
                    long j = i % n;
                    return new Sum()
                            .add(g.at(0, row * 2 * n + j) * g.at(1, b * 2 * n + j))
                            .add(g.at(0, row * 2 * n + n + j) * g.at(1, b * 2 * n + n + j))
                            .near();
                })
                .launch((k, at) ->
                        k.diagonals().foldRows(at[2], each(at[0], 2 * square), each(at[1], 2 * n), half, n, 2, n));
    }

    private void addOne(long batch, int n) {
        add("add_one", "B=%d n=%d", batch, n)
                .reads(batch * n)
                .writes(batch * n, (g, i) -> Near.exactly(rounded(1 + g.at(0, i))))
                .launch((k, at) -> k.diagonals().addOne(at[1], each(at[0], n), batch, n));
    }

    /** In the precision of the moment. */
    private double rounded(double x) {
        return precision == Precision.F32 ? (float) x : x;
    }

    // dense

    private void dense() {
        for (int n : widths()) {
            int m = Math.min(n, 64);
            kroneckerIdentity(batch((long) m * m * n), m, n, false);
            kroneckerIdentity(batch((long) m * m * n), m, n, true);
            outer(batch((long) n * n), n, n, false);
            outer(batch((long) n * n), n, n, true);
            kronecker(batch(4L * n * n), 4, n, n, true);
            repeat(batch(4L * n), 4, n);
        }
        kroneckerIdentity(samples(256, 64 * 64 * 256), size(64, 5), size(256, 9), false);
        outer(samples(4096, 512 * 512), size(512, 9), size(512, 11), false);
        transpose(size(precision == Precision.F32 ? 16384 : 8192, 33), size(8192, 67));
    }

    private void kroneckerIdentity(long batch, int m, int n, boolean rowForm) {
        long each = (long) m * m * n;
        add(rowForm ? "kronecker_identity_rows" : "kronecker_identity", "B=%d m=%d n=%d", batch, m, n)
                .reads(batch * n)
                .writes(batch * each, (g, at) -> {
                    long b = at / each;
                    long i = at / ((long) m * n) % m;
                    long j = rowForm ? at % m : at / n % m;
                    long l = rowForm ? at / m % n : at % n;
                    return Near.exactly(i == j ? g.at(0, b * n + l) : 0);
                })
                .launch((k, at) -> k.dense().kroneckerIdentity(at[1], each(at[0], n), batch, m, n, rowForm));
    }

    private void outer(long batch, int m, int n, boolean scaled) {
        long each = (long) m * n;
        BenchCase of = add("outer", "B=%d m=%d n=%d%s", batch, m, n, scaled ? " scaled" : "")
                .reads(batch * m)
                .reads(batch * n);
        if (scaled) {
            of.reads(batch);
        }
        of.writes(batch * each, (g, i) -> {
                    long b = i / each;
                    double r = g.at(0, i / n);
                    double x = g.at(1, b * n + i % n);
                    return Near.exactly(rounded((scaled ? rounded(g.at(2, b) * r) : r) * x));
                })
                .launch((k, at) -> k.dense()
                        .outer(
                                at[scaled ? 3 : 2],
                                each(at[0], m),
                                each(at[1], n),
                                scaled ? each(at[2], 1) : Strided.NONE,
                                batch,
                                m,
                                n));
    }

    private void kronecker(long batch, int rows, int m, int n, boolean rowForm) {
        long each = (long) m * n;
        add("kronecker_rows", "B=%d k=%d m=%d n=%d", batch, rows, m, n)
                .reads(batch * rows * m)
                .reads(batch * n)
                .writes(batch * rows * each, (g, i) -> {
                    long row = i / each;
                    return Near.exactly(rounded(g.at(0, row * m + i % m) * g.at(1, row / rows * n + i / m % n)));
                })
                .launch((k, at) -> k.dense()
                        .kronecker(at[2], each(at[0], (long) rows * m), each(at[1], n), batch, rows, m, n, rowForm));
    }

    private void repeat(long batch, int times, int n) {
        add("repeat", "B=%d times=%d n=%d", batch, times, n)
                .reads(batch * n)
                .writes(batch * times * n, (g, i) -> Near.exactly(g.at(0, i / ((long) times * n) * n + i % n)))
                .launch((k, at) -> k.dense().repeat(at[1], each(at[0], n), batch, times, n));
    }

    private void transpose(int rows, int cols) {
        add("transpose", "%d×%d", rows, cols)
                .reads((long) rows * cols)
                .writes((long) rows * cols, (g, i) -> Near.exactly(g.at(0, i % rows * cols + i / rows)))
                .launch((k, at) -> k.dense().transpose(at[1], at[0], rows, cols));
    }

    // reductions

    private void reductions() {
        for (int n : widths()) {
            long batch = batch(n);
            Oracle sum = (g, b) -> {
                Sum s = new Sum();
                for (int j = 0; j < n; j++) {
                    s.add(g.at(0, b * n + j));
                }
                return s.near();
            };
            add("sum_components", "B=%d n=%d", batch, n)
                    .reads(batch * n)
                    .writes(batch, sum)
                    .launch((k, at) -> k.reductions().sumComponents(at[1], at[0], batch, n, 1));
            add("half_squared_norms", "B=%d n=%d", batch, n)
                    .reads(batch * n)
                    .writes(batch, (g, b) -> Near.within(8, squares(g, 0, b, n) / 2))
                    .launch((k, at) -> k.reductions().halfSquaredNorms(at[1], at[0], batch, n));
            add("dot", "B=%d n=%d", batch, n)
                    .reads(batch * n)
                    .reads(batch * n)
                    .writes(batch, (g, b) -> dot(g, 0, b * n, 1, b * n, n).near())
                    .launch((k, at) -> k.reductions().dot(at[2], each(at[0], n), each(at[1], n), batch, n));
            norm(batch, n, 0);
            sumBatch(batch, n);
        }
        norm(samples(1 << 20, 1024), size(512, 11), size(512, 13));
        long batch = batch(4);
        add("join_norms", "B=%d of 3", batch)
                .reads(batch)
                .reads(batch)
                .reads(batch)
                .writes(
                        batch,
                        (g, b) ->
                                Near.within(8, Math.sqrt(square(g.at(0, b)) + square(g.at(1, b)) + square(g.at(2, b)))))
                .launch((k, at) -> k.reductions()
                        .joinNorms(at[3], List.of(each(at[0], 1), each(at[1], 1), each(at[2], 1)), batch));
        add("clip_factors", "B=%d", batch)
                .reads(batch, Numbers.POSITIVE)
                .writes(batch, (g, b) -> Near.within(2, Math.min(1, 2 / g.at(0, b))))
                .launch((k, at) -> k.reductions().clipFactors(at[1], at[0], 2, batch));
        int n = size(1 << 18, 33);
        int tiles = size(256, 3);
        add("add_tiles", "tiles=%d n=%d", tiles, n)
                .reads((long) tiles * n)
                .writes(n, (g, i) -> {
                    Sum sum = new Sum();
                    for (int t = 0; t < tiles; t++) {
                        sum.add(g.at(0, (long) t * n + i));
                    }
                    return sum.near();
                })
                .prepare((k, at) -> zero(k, at[1], n))
                .launch((k, at) -> k.reductions().addTiles(at[1], at[0], tiles, n));
    }

    private void zero(Kernels k, long address, long elements) {
        k.queue().device().zero(address, elements * precision.bytes(), k.queue().stream());
    }

    private static double square(double x) {
        return x * x;
    }

    private static double squares(Given g, int operand, long b, int n) {
        return dot(g, operand, b * n, operand, b * n, n).near().value();
    }

    private static Sum dot(Given g, int u, long from, int v, long with, int n) {
        Sum sum = new Sum();
        for (int j = 0; j < n; j++) {
            sum.add(g.at(u, from + j) * g.at(v, with + j));
        }
        return sum;
    }

    private void norm(long batch, int n, int nx) {
        BenchCase of = add("norm", "B=%d n=%d nx=%d", batch, n, nx).reads(batch * n);
        if (nx > 0) {
            of.reads(batch * nx);
        }
        of.writes(
                        batch,
                        (g, b) -> Near.within(
                                8, Math.sqrt(squares(g, 0, b, n)) * (nx == 0 ? 1 : Math.sqrt(squares(g, 1, b, nx)))))
                .launch((k, at) -> k.reductions()
                        .norm(
                                at[nx == 0 ? 1 : 2],
                                each(at[0], n),
                                n,
                                nx == 0 ? Strided.NONE : each(at[1], nx),
                                nx,
                                batch));
    }

    private void sumBatch(long batch, int n) {
        long tiles = (batch + TILE - 1) / TILE;
        add("sum_batch", "B=%d n=%d tile=%d", batch, n, TILE)
                .reads(batch * n)
                .reads(batch)
                .writes(tiles * n, (g, i) -> {
                    Sum sum = new Sum();
                    long first = i / n * TILE;
                    for (long b = first; b < Math.min(batch, first + TILE); b++) {
                        sum.add(g.at(0, b * n + i % n) * g.at(1, b));
                    }
                    return sum.near();
                })
                .launch((k, at) -> k.reductions().sumBatch(at[2], at[0], at[1], 0, batch, n, TILE));
    }

    // softmax

    private void softmax() {
        for (int n : widthsOfRows()) {
            long batch = batch(n);
            add("softmax", "B=%d n=%d", batch, n)
                    .reads(batch * n)
                    .writes(batch * n, (g, i) -> Near.within(16, g.q(0, i / n, n, (int) (i % n))))
                    .writes(batch, (g, b) -> rest(g, 0, b, n))
                    .launch((k, at) -> k.softmax().softmax(at[1], at[2], at[0], batch, n));
            add("log_softmax", "B=%d n=%d", batch, n)
                    .reads(batch * n)
                    .writes(batch * n, (g, i) -> Near.within(16, Math.log(g.q(0, i / n, n, (int) (i % n)))))
                    .writes(batch * n, (g, i) -> Near.within(16, g.q(0, i / n, n, (int) (i % n))))
                    .writes(batch, (g, b) -> rest(g, 0, b, n))
                    .launch((k, at) -> k.softmax().logSoftmax(at[1], at[2], at[3], at[0], batch, n));
            denseSoftmax(batch((long) n * n), n, false);
            denseSoftmax(batch((long) n * n), n, true);
            timesRows(batch(n), 1, n);
            timesRows(batch(8L * n), 8, n);
            timesColumns(batch((long) n * 32), n, size(32, 3));
        }
        denseSoftmax(samples(4_200_000, 100), 10, false);
        denseSoftmax(samples(65536, 128 * 128), size(128, 67), false);
        timesRows(samples(65536, 1024), 1, size(1024, 129));
        timesColumns(samples(16384, 128 * 128), size(128, 35), size(128, 5));
    }

    /** Of the numerators, the largest is 1. */
    private static Near rest(Given g, int operand, long b, int n) {
        double sum = g.softmax(operand, b, n).value;
        return Near.within(32, (sum - 1) / sum);
    }

    /** A case whose operands 0, 1 and 2 are logits, and q and rest of them. */
    private BenchCase ofSoftmax(String kernel, String shape, long batch, int n, Object... sizes) {
        return add(kernel, shape, sizes)
                .from(batch * n)
                .reads(batch * n, Numbers.WORK)
                .reads(batch, Numbers.WORK)
                .prepare((k, at) -> k.softmax().softmax(at[1], at[2], at[0], batch, n));
    }

    private void denseSoftmax(long batch, int n, boolean log) {
        long square = (long) n * n;
        ofSoftmax(log ? "dense_log_softmax" : "dense_softmax", "B=%d n=%d", batch, n, batch, n)
                .writes(batch * square, (g, at) -> {
                    long b = at / square;
                    int i = (int) (at / n % n);
                    int j = (int) (at % n);
                    double q = g.q(0, b, n, i);
                    if (log) {
                        return Near.within(64, (i == j ? 1 : 0) - g.q(0, b, n, j));
                    }
                    return Near.within(64, i == j ? q * (1 - q) : -q * g.q(0, b, n, j));
                })
                .launch((k, at) -> {
                    if (log) {
                        k.softmax().denseLogSoftmax(at[3], each(at[1], n), each(at[2], 1), batch, n);
                    } else {
                        k.softmax().denseSoftmax(at[3], each(at[1], n), each(at[2], 1), batch, n);
                    }
                });
    }

    private void timesRows(long batch, int rows, int n) {
        long panel = (long) rows * n;
        String shape = "B=%d rows=%d n=%d";
        ofSoftmax("softmax_times_rows", shape, batch, n, batch, rows, n)
                .reads(batch * panel)
                .writes(batch * panel, (g, at) -> column(g, at / panel, at / n * n, 1, n, (int) (at % n)))
                .launch((k, at) -> k.softmax()
                        .softmaxTimesRows(at[4], each(at[3], panel), each(at[1], n), each(at[2], 1), batch, rows, n));
        ofSoftmax("rows_times_log_softmax", shape, batch, n, batch, rows, n)
                .reads(batch * panel)
                .writes(batch * panel, (g, at) -> {
                    double q = g.q(0, at / panel, n, (int) (at % n));
                    Sum sum = new Sum().add(g.at(3, at));
                    for (int j = 0; j < n; j++) {
                        sum.add(-q * g.at(3, at / n * n + j));
                    }
                    return sum.near();
                })
                .launch((k, at) -> k.softmax()
                        .rowsTimesLogSoftmax(
                                at[4], each(at[3], panel), each(at[1], n), each(at[2], 1), batch, rows, n));
        ofSoftmax("rows_times_log_softmax_transposed", shape, batch, n, batch, rows, n)
                .reads(batch * panel)
                .writes(batch * panel, (g, at) -> logColumn(g, at / panel, at, at / n * n, 1, n))
                .launch((k, at) -> k.softmax()
                        .rowsTimesLogSoftmaxTransposed(
                                at[4], each(at[3], panel), each(at[1], n), each(at[2], 1), batch, rows, n));
    }

    private void timesColumns(long batch, int n, int cols) {
        long panel = (long) n * cols;
        String shape = "B=%d n=%d cols=%d";
        ofSoftmax("softmax_times_columns", shape, batch, n, batch, n, cols)
                .reads(batch * panel)
                .writes(
                        batch * panel,
                        (g, at) ->
                                column(g, at / panel, at / panel * panel + at % cols, cols, n, (int) (at / cols % n)))
                .launch((k, at) -> k.softmax()
                        .softmaxTimesColumns(
                                at[4], each(at[3], panel), each(at[1], n), each(at[2], 1), batch, n, cols));
        ofSoftmax("log_softmax_times_columns", shape, batch, n, batch, n, cols)
                .reads(batch * panel)
                .writes(batch * panel, (g, at) -> logColumn(g, at / panel, at, at / panel * panel + at % cols, cols, n))
                .launch((k, at) -> k.softmax()
                        .logSoftmaxTimesColumns(
                                at[4], each(at[3], panel), each(at[1], n), each(at[2], 1), batch, n, cols));
    }

    /** Entry i of (diag q − qqᵀ)·g, g the elements {@code first + j·step} of operand 3. */
    private static Near column(Given g, long b, long first, int step, int n, int i) {
        double qi = g.q(0, b, n, i);
        Sum s = g.softmax(0, b, n);
        Sum sum = new Sum();
        for (int j = 0; j < n; j++) {
            double qj = Math.exp(g.at(0, b * n + j) - s.shift) / s.value;
            sum.add((i == j ? qi * (1 - qi) : -qi * qj) * g.at(3, first + (long) j * step));
        }
        return sum.near();
    }

    /** {@code g_i − ⟨q,g⟩}. */
    private static Near logColumn(Given g, long b, long at, long first, int step, int n) {
        Sum s = g.softmax(0, b, n);
        Sum sum = new Sum().add(g.at(3, at));
        for (int j = 0; j < n; j++) {
            sum.add(-Math.exp(g.at(0, b * n + j) - s.shift) / s.value * g.at(3, first + (long) j * step));
        }
        return sum.near();
    }

    // losses

    private void losses() {
        for (int n : widthsOfRows()) {
            losses(batch(n), n);
            labels(batch(n), n, true);
        }
        labels(samples(65536, 1024), size(1024, 65), false);
    }

    private void losses(long batch, int n) {
        add("squared_error", "B=%d n=%d", batch, n)
                .reads(batch * n)
                .reads(batch * n)
                .writes(batch, (g, b) -> {
                    Sum sum = new Sum();
                    for (int j = 0; j < n; j++) {
                        sum.add(square(g.at(0, b * n + j) - g.at(1, b * n + j)) / 2);
                    }
                    return sum.near();
                })
                .writes(batch * n, (g, i) -> Near.exactly(rounded(g.at(1, i) - g.at(0, i))))
                .launch((k, at) -> k.losses().squaredError(at[2], at[3], each(at[0], n), each(at[1], n), batch, n));
        long half = Math.max(1, batch / 2);
        add("cross_entropy", "B=%d n=%d", half, n)
                .reads(half * n, Numbers.POSITIVE)
                .reads(half * n, Numbers.POSITIVE)
                .writes(half, (g, b) -> {
                    Sum sum = new Sum();
                    for (int j = 0; j < n; j++) {
                        sum.add(-g.at(0, b * n + j) * Math.log(g.at(1, b * n + j)));
                    }
                    return sum.near();
                })
                .writes(half * n, (g, i) -> Near.within(2, -g.at(0, i) / g.at(1, i)))
                .launch((k, at) -> k.losses().crossEntropy(at[2], at[3], each(at[0], n), each(at[1], n), half, n));
        add("softmax_cross_entropy", "B=%d n=%d", half, n)
                .reads(half * n, Numbers.POSITIVE)
                .reads(half * n)
                .writes(half, (g, b) -> {
                    Sum s = g.softmax(1, b, n);
                    Sum sum = new Sum();
                    for (int j = 0; j < n; j++) {
                        sum.add(g.at(0, b * n + j) * (Math.log(s.value) + s.shift - g.at(1, b * n + j)));
                    }
                    return sum.near();
                })
                .writes(half * n, (g, i) -> {
                    double q = g.q(1, i / n, n, (int) (i % n));
                    Sum sum = new Sum();
                    for (int j = 0; j < n; j++) {
                        sum.add(j == i % n ? -g.at(0, i) * (1 - q) : g.at(0, i / n * n + j) * q);
                    }
                    return sum.near();
                })
                .launch((k, at) ->
                        k.losses().softmaxCrossEntropy(at[2], at[3], each(at[0], n), each(at[1], n), half, n));
    }

    private void labels(long batch, int n, boolean loss) {
        BenchCase of = add("softmax_cross_entropy_labels", "B=%d n=%d%s", batch, n, loss ? "" : " gradient only")
                .labels(batch, n)
                .reads(batch * n)
                .writes(batch * n, (g, i) -> {
                    double q = g.q(1, i / n, n, (int) (i % n));
                    return Near.within(64, i % n == g.at(0, i / n) ? q - 1 : q);
                });
        if (loss) {
            of.writes(batch, (g, b) -> {
                Sum s = g.softmax(1, b, n);
                return new Sum()
                        .add(Math.log(s.value))
                        .add(s.shift - g.at(1, b * n + (long) g.at(0, b)))
                        .near();
            });
        }
        of.launch((k, at) -> k.losses()
                .softmaxCrossEntropyLabels(loss ? at[3] : 0, at[2], each(at[0], 1), each(at[1], n), batch, n));
    }

    // elementwise

    private void elementwise() {
        long count = batch(1) * (tiny ? 67 : 1);
        for (Kind kind : Kind.values()) {
            boolean sloped = kind == Kind.LEAKY_RELU || kind == Kind.ELU;
            Elementwise f = new Elementwise(kind, sloped ? 0.25 : 0);
            add("map " + f, "%d elements, value and derivative", count)
                    .reads(count, POSITIVE.contains(kind) ? Numbers.POSITIVE : Numbers.NORMAL)
                    .writes(count, (g, i) -> value(kind, g.at(0, i)))
                    .writes(count, (g, i) -> derivative(kind, g.at(0, i)))
                    .launch((k, at) -> k.elementwise().map(f, at[1], at[2], at[0], count));
        }
        for (int n : widths()) {
            for (Op.Arithmetic op : Op.Arithmetic.values()) {
                arithmetic(op, batch(2L * n), n, n);
                arithmetic(op, batch(n), n, 1);
            }
            arithmetic(null, batch(2L * n), n, n);
            arithmetic(null, batch(n), n, 1);
        }
    }

    /** @param op null for the derivative of a quotient with respect to the divisor */
    private void arithmetic(Op.@Nullable Arithmetic op, long batch, int n, int nb) {
        String form = nb == n ? "" : ", one number each";
        add(op == null ? "divide_derivative" : op.toString(), "B=%d n=%d%s", batch, n, form)
                .reads(batch * n)
                .reads(batch * nb, Numbers.POSITIVE)
                .writes(batch * n, (g, i) -> {
                    double a = g.at(0, i);
                    double b = g.at(1, i / n * nb + i % nb);
                    if (op == null) {
                        return Near.within(4, -a / square(b));
                    }
                    return Near.exactly(rounded(
                            switch (op) {
                                case ADD -> a + b;
                                case SUBTRACT -> a - b;
                                case MULTIPLY -> a * b;
                                case DIVIDE -> a / b;
                            }));
                })
                .launch((k, at) -> {
                    Strided a = each(at[0], n);
                    Strided b = each(at[1], nb);
                    if (op == null) {
                        k.elementwise().divideDerivative(at[2], n, a, n, b, nb, batch);
                    } else {
                        k.elementwise().arithmetic(op, at[2], n, a, n, b, nb, batch);
                    }
                });
    }

    /** Within 16 roundings, beside those of a term that cancels. */
    private static Near value(Kind kind, double z) {
        double value = switch (kind) {
            case IDENTITY -> z;
            case NEGATE -> -z;
            case SIGMOID -> 1 / (1 + Math.exp(-z));
            case TANH -> Math.tanh(z);
            case RELU -> Math.max(z, 0);
            case LEAKY_RELU -> z > 0 ? z : z / 4;
            case ELU -> z > 0 ? z : Math.expm1(z) / 4;
            case SOFTPLUS -> Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
            case SILU -> z / (1 + Math.exp(-z));
            case GELU -> z * Erf.normal(z);
            case GELU_TANH -> z / 2 * (1 + Math.tanh(inner(z)));
            case EXP -> Math.exp(z);
            case LOG -> Math.log(z);
            case SQUARE -> z * z;
            case SQRT -> Math.sqrt(z);
            case SIN -> Math.sin(z);
            case COS -> Math.cos(z);
            case RECIPROCAL -> 1 / z;
            case ERF -> Erf.erf(z);
        };
        return new Near(value, 16 * Math.max(Math.abs(value), kind == Kind.GELU_TANH ? Math.abs(z) : 0));
    }

    private static double inner(double z) {
        return Math.sqrt(2 / Math.PI) * (z + 0.044715 * z * z * z);
    }

    private static Near derivative(Kind kind, double z) {
        double e = Math.exp(-Math.abs(z));
        double sigmoid = 1 / (1 + Math.exp(-z));
        double t = Math.tanh(inner(z));
        double value = switch (kind) {
            case IDENTITY -> 1;
            case NEGATE -> -1;
            case SIGMOID -> e / square(1 + e);
            case TANH -> 4 * e * e / square(1 + e * e);
            case RELU -> z > 0 ? 1 : 0;
            case LEAKY_RELU -> z > 0 ? 1 : 0.25;
            case ELU -> z > 0 ? 1 : Math.exp(z) / 4;
            case SOFTPLUS -> sigmoid;
            case SILU -> sigmoid * (1 + z * (1 - sigmoid));
            case GELU -> Erf.normal(z) + z * density(z);
            case GELU_TANH -> (1 + t) / 2 + z / 2 * (1 - t * t) * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * z * z);
            case EXP -> Math.exp(z);
            case LOG -> 1 / z;
            case SQUARE -> 2 * z;
            case SQRT -> 0.5 / Math.sqrt(z);
            case SIN -> Math.cos(z);
            case COS -> -Math.sin(z);
            case RECIPROCAL -> -1 / (z * z);
            case ERF -> 2 / Math.sqrt(Math.PI) * Math.exp(-z * z);
        };
        boolean cancels = kind == Kind.SILU || kind == Kind.GELU || kind == Kind.GELU_TANH;
        return new Near(value, (cancels ? 64 : 16) * (Math.abs(value) + (cancels ? 1 : 0)));
    }

    private static double density(double z) {
        return Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI);
    }

    // matrix products

    private void matrix() {
        for (int n : widths()) {
            long rows = batch(n);
            timesShared(rows, n, n, "", cublas != null);
            timesShared(rows, n, n, " scaled", false);
            timesShared(rows, n, n, " transposed, bias", false);
            batched(batch((long) n * n), n, n, n);
            batched(batch((long) n * n), 1, n, n);
            batched(batch((long) n * n), n, n, 1);
            sumOuter(tiny ? 5 : 65536, n, n);
            kroneckerTimesDense(batch(8L * n * n), n, 8, n);
        }
        timesShared(tiny ? 3 : samples(262144, 512), size(512, 65), size(512, 31), "", cublas != null);
        if (!tiny) {
            timesShared(65536, 64, 1024, "", cublas != null);
            timesShared(samples(1 << 20, 512), 512, 8, "", cublas != null);
            for (int rows : new int[] {8, 64, 512, 1024, 4096}) {
                timesShared(rows, 512, 512, "", cublas != null);
            }
        }
        batched(samples(262144, 3 * 32 * 32), 32, 32, 32);
        batched(samples(4_200_000, 300), 10, 10, 10);
        batched(samples(65536, 2 * 32 * 256), 32, 256, 32);
        sumOuter(tiny ? 3 : 4096, size(512, 9), size(512, 7));
    }

    /** @param beside whether to time cuBLAS as well */
    private void timesShared(long rows, int k, int n, String form, boolean beside) {
        boolean scaled = form.contains("scaled");
        boolean transposed = form.contains("transposed");
        boolean bias = form.contains("bias");
        Oracle oracle = (g, at) -> {
            Sum sum = new Sum();
            long row = at / n;
            int j = (int) (at % n);
            for (int i = 0; i < k; i++) {
                double a = g.at(0, row * k + i) * (scaled ? g.at(2, row * k + i) : 1);
                sum.add(a * g.at(1, transposed ? (long) j * k + i : (long) i * n + j));
            }
            return (bias ? sum.add(g.at(2, j)) : sum).near();
        };
        BenchCase of = add("times_shared", "rows=%d k=%d n=%d%s", rows, k, n, form)
                .reads(rows * k)
                .reads((long) k * n);
        if (scaled || bias) {
            of.reads(scaled ? rows * k : n);
        }
        int out = of.operands.size();
        of.writes(rows * n, oracle)
                .flops(2.0 * rows * k * n)
                .launch((kernels, at) -> kernels.matrix()
                        .timesShared(
                                at[out],
                                each(at[0], k),
                                rows,
                                1,
                                k,
                                scaled ? each(at[2], k) : Strided.NONE,
                                at[1],
                                transposed,
                                n,
                                bias ? at[2] : 0));
        if (beside) {
            add("times_shared by cuBLAS", "rows=%d k=%d n=%d%s", rows, k, n, form)
                    .reads(rows * k)
                    .reads((long) k * n)
                    .writes(rows * n, oracle)
                    .flops(2.0 * rows * k * n)
                    .launch((kernels, at) -> cublas.rowsTimesShared(at[2], rows, n, k, at[0], at[1], false, precision));
        }
    }

    private void batched(long batch, int m, int k, int n) {
        long a = (long) m * k;
        long b = (long) k * n;
        long c = (long) m * n;
        // both operands come from one stretch of memory
        long count = Math.max(1, Math.min(batch, (room - (64 << 20)) / ((a + b) * precision.bytes())));
        add("batched", "B=%d m=%d k=%d n=%d", count, m, k, n)
                .reads(count * a)
                .reads(count * b)
                .writes(count * c, (g, at) -> {
                    long sample = at / c;
                    Sum sum = new Sum();
                    for (int i = 0; i < k; i++) {
                        sum.add(g.at(0, sample * a + at % c / n * k + i) * g.at(1, sample * b + (long) i * n + at % n));
                    }
                    return sum.near();
                })
                .flops(2.0 * count * m * k * n)
                .launch((kernels, at) ->
                        kernels.matrix().batched(at[2], each(at[0], a), each(at[1], b), count, m, k, n));
    }

    private void kroneckerTimesDense(long batch, int m, int n, int c) {
        long t = (long) m * n * c;
        add("kronecker_times_dense", "B=%d m=%d n=%d c=%d", batch, m, n, c)
                .reads(batch * n)
                .reads(batch * t)
                .writes(batch * m * c, (g, at) -> {
                    long b = at / ((long) m * c);
                    long j = at / c % m;
                    Sum sum = new Sum();
                    for (int l = 0; l < n; l++) {
                        sum.add(g.at(0, b * n + l) * g.at(1, b * t + (j * n + l) * c + at % c));
                    }
                    return sum.near();
                })
                .flops(2.0 * batch * t)
                .launch((k, at) ->
                        k.matrix().kroneckerTimesDense(at[2], each(at[0], n), each(at[1], t), batch, m, n, c));
    }

    private void sumOuter(long batch, int m, int n) {
        long tiles = (batch + TILE - 1) / TILE;
        long square = (long) m * n;
        add("sum_outer", "B=%d m=%d n=%d tile=%d", batch, m, n, TILE)
                .reads(batch * m)
                .reads(batch * n)
                .writes(tiles * square, (g, at) -> {
                    long first = at / square * TILE;
                    Sum sum = new Sum();
                    for (long b = first; b < Math.min(batch, first + TILE); b++) {
                        sum.add(g.at(0, b * m + at / n % m) * g.at(1, b * n + at % n));
                    }
                    return sum.near();
                })
                .flops(2.0 * batch * square)
                .launch((k, at) -> k.matrix().sumOuter(at[2], at[0], at[1], 0, 0, batch, m, n, TILE));
    }

    // networks

    private void networks() {
        network(batch(10 * 10), 10, 32, 32, 10);
        network(batch(32 * 10), 32, 64, 10);
        network(batch(10 * 64), 10, 64, 64, 64);
        // the smallest that is worth a kernel of its own
        network(samples(1 << 20, 64 * 10), 64, 64, 64, 10);
    }

    /** Layers without bias, leaky rectifiers between them. */
    private void network(long batch, int... widths) {
        int layers = widths.length - 1;
        int in = widths[0];
        int out = widths[layers];
        double multiplied = 0;
        BenchCase of = add("network_jacobian", "B=%d widths %s", batch, Arrays.toString(widths))
                .reads(batch * in);
        for (int l = 0; l < layers; l++) {
            of.reads((long) widths[l] * widths[l + 1]);
            // the values, and the narrower side's panel
            multiplied += (double) widths[l] * widths[l + 1] * (l == 0 ? 1 : 1 + Math.min(in, out));
        }
        Elementwise leaky = new Elementwise(Kind.LEAKY_RELU, 0.25);
        of.writes(batch * out * in, (g, at) -> entry(g, at, widths))
                .flops(2 * batch * multiplied)
                .launch((k, at) -> {
                    List<Network.Layer> table = new ArrayList<>();
                    for (int l = 0; l < layers; l++) {
                        table.add(new Network.Layer(
                                at[l + 1], 0, widths[l], widths[l + 1], false, l == layers - 1 ? null : leaky));
                    }
                    k.networks().jacobian(at[layers + 1], 0, new Network(table), at[0], batch);
                });
    }

    private static Near entry(Given g, long at, int[] widths) {
        int layers = widths.length - 1;
        int in = widths[0];
        long b = at / ((long) in * widths[layers]);
        int i = (int) (at / in % widths[layers]);
        double[] z = new double[in];
        double[] column = new double[in];
        double[] magnitudes = new double[in];
        for (int j = 0; j < in; j++) {
            z[j] = g.at(0, b * in + j);
        }
        column[(int) (at % in)] = 1;
        magnitudes[(int) (at % in)] = 1;
        for (int l = 0; l < layers; l++) {
            double[] nextZ = new double[widths[l + 1]];
            double[] nextColumn = new double[widths[l + 1]];
            double[] nextMagnitudes = new double[widths[l + 1]];
            for (int r = 0; r < widths[l + 1]; r++) {
                for (int c = 0; c < widths[l]; c++) {
                    double w = g.at(l + 1, (long) r * widths[l] + c);
                    nextZ[r] += w * z[c];
                    nextColumn[r] += w * column[c];
                    nextMagnitudes[r] += Math.abs(w * magnitudes[c]);
                }
                double slope = l == layers - 1 || nextZ[r] > 0 ? 1 : 0.25;
                nextZ[r] *= slope;
                nextColumn[r] *= slope;
                nextMagnitudes[r] *= slope;
            }
            z = nextZ;
            column = nextColumn;
            magnitudes = nextMagnitudes;
        }
        return new Near(column[i], layers * 80 * magnitudes[i]);
    }
}
