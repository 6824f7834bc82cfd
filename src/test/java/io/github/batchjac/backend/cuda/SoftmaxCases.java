package io.github.batchjac.backend.cuda;

import io.github.batchjac.backend.cuda.BenchCase.Given;
import io.github.batchjac.backend.cuda.BenchCase.Near;
import io.github.batchjac.backend.cuda.BenchCase.Numbers;
import io.github.batchjac.backend.cuda.BenchCase.Sum;
import io.github.batchjac.tensor.Precision;

/** Softmax and its logarithm, their Jacobians, and products with these. */
final class SoftmaxCases extends BenchCases {
    SoftmaxCases(Precision precision, boolean tiny, long room) {
        super(precision, tiny, room);
    }

    @Override
    void addAll() {
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
}
