package io.github.batchjac.backend.cuda;

import io.github.batchjac.graph.Op;
import io.github.batchjac.plan.Operand;
import io.github.batchjac.plan.Slot;
import io.github.batchjac.plan.Step;
import io.github.batchjac.structure.Structure.Kronecker;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Sums over the batch. Each term is summed tile by tile, sample after sample within a tile, into a row of its partial sums;
 * the rows of finished tiles are added to the total in order. So how the batch is cut into pieces changes no bit: a tile
 * may come in several pieces, the next one continues its row.
 */
final class Sums {
    private final int tile;
    private final List<Slot> outs = new ArrayList<>();
    private final Map<Slot, List<Integer>> terms = new LinkedHashMap<>();

    Sums(int tile) {
        this.tile = tile;
    }

    /** Sums one term into its partial sums. */
    Action of(Step.SumBatch s) {
        int index = outs.size();
        Slot out = s.out();
        outs.add(out);
        terms.computeIfAbsent(out, k -> new ArrayList<>()).add(index);
        Operand term = s.term();
        Slot a = term.part();
        @Nullable Slot weights = s.weights();
        if (term.structure() instanceof Kronecker kronecker) {
            Slot x = term.vector();
            // (m, n) = A xᵀ; in row form (n, m) = x Aᵀ
            Slot r = kronecker.rowForm() ? x : a;
            Slot c = kronecker.rowForm() ? a : x;
            return (k, f, piece) -> k.matrix()
                    .sumOuter(
                            f.partial(index),
                            f.at(r),
                            f.at(c),
                            f.at(weights),
                            piece.offset(),
                            piece.samples(),
                            r.size(),
                            c.size(),
                            tile);
        }
        return (k, f, piece) -> k.reductions()
                .sumBatch(f.partial(index), f.at(a), f.at(weights), piece.offset(), piece.samples(), a.size(), tile);
    }

    /** Adds the finished tiles of a piece to the totals. */
    void finish(Kernels k, Frame f, Piece piece) {
        if (!piece.closes()) {
            return;
        }
        long tiles = tiles(piece.offset() + (long) piece.samples());
        terms.forEach((out, indices) -> {
            int n = out.size();
            long sum = f.partial(indices.get(0));
            for (int i : indices.subList(1, indices.size())) {
                Strided left = new Strided(sum, n);
                Strided right = new Strided(f.partial(i), n);
                k.elementwise().arithmetic(Op.Arithmetic.ADD, sum, n, left, n, right, n, tiles);
            }
            k.reductions().addTiles(f.at(out), sum, tiles, n);
        });
    }

    long tiles(long samples) {
        return (samples + tile - 1) / tile;
    }

    /** Elements of a row of each term's partial sums. */
    List<Integer> sizes() {
        return outs.stream().map(Slot::size).toList();
    }
}
