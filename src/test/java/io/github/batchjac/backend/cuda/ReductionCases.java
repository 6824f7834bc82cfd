package io.github.batchjac.backend.cuda;

import io.github.batchjac.backend.cuda.BenchCase.Given;
import io.github.batchjac.backend.cuda.BenchCase.Near;
import io.github.batchjac.backend.cuda.BenchCase.Numbers;
import io.github.batchjac.backend.cuda.BenchCase.Oracle;
import io.github.batchjac.backend.cuda.BenchCase.Sum;
import io.github.batchjac.tensor.Precision;
import java.util.List;

/** Norms, dot products, sums over the batch. */
final class ReductionCases extends BenchCases {
    ReductionCases(Precision precision, boolean tiny, long room) {
        super(precision, tiny, room);
    }

    @Override
    void addAll() {
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

    private void zero(Kernels k, long address, long elements) {
        k.queue().device().zero(address, elements * precision.bytes(), k.queue().stream());
    }
}
