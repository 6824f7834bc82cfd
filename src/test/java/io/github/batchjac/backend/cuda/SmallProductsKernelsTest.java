package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.backend.cuda.SmallProductPlan.Tile;
import io.github.batchjac.tensor.Precision;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** Small products by every shape of tiles, wherever in a sector operands and results start: every entry against its chain, bit for bit. */
@ParameterizedClass
@EnumSource(Precision.class)
@Tag("cuda")
class SmallProductsKernelsTest extends MatrixTrial {
    /** Numbers that A, B and the result start behind a sector, and that lie between samples of A and of B. */
    private static final int[][] PLACES = {
        {0, 0, 0, 0, 0},
        {1, 1, 1, 0, 0},
        {2, 2, 2, 0, 0},
        {4, 4, 4, 0, 0},
        {5, 2, 3, 0, 0},
        {0, 3, 6, 0, 0},
        {0, 0, 1, 1, 0},
        {1, 0, 0, 0, 3},
        {0, 2, 0, 4, 4},
    };

    /** @param batch products: a block has all it can, another one few */
    private record Shape(int batch, int m, int k, int n) {}

    /** Shapes for each kernel: with and without gaps in shared memory, with all that k leaves beyond fours. */
    private Map<String, Map<List<Integer>, Shape>> shapes(int pack) {
        Map<String, Map<List<Integer>, Shape>> shapes = new TreeMap<>();
        for (int draw = 0; draw < 2000; draw++) {
            int m = 6 + random.nextInt(30);
            int k = 6 + random.nextInt(30);
            int n = 6 + random.nextInt(30);
            SmallProductPlan plan =
                    SmallProductSearch.cheapest(m, k, n, pack, sharedPerBlock()).orElseThrow();
            List<Integer> kind = List.of(
                    Math.min(plan.a().gap(), 1),
                    Math.min(plan.b().gap(), 1),
                    Math.min(plan.c().gap(), 1),
                    k % 4);
            shapes.computeIfAbsent(plan.tile().kernel(), kernel -> new HashMap<>())
                    .putIfAbsent(kind, new Shape(plan.samples() + 3, m, k, n));
        }
        return shapes;
    }

    @Test
    void everyShapeOfTilesIsOneChainPerEntry() {
        int pack = 16 / precision.bytes();
        Set<String> launched = new HashSet<>();
        shapes(pack)
                .values()
                .forEach(some -> some.values().forEach(shape -> {
                    for (int[] place : PLACES) {
                        launched.add(product(shape, place));
                    }
                }));
        assertThat(launched)
                .containsExactlyInAnyOrderElementsOf(
                        Tile.all(pack).stream().map(Tile::kernel).toList());
    }

    private String product(Shape shape, int[] place) {
        int batch = shape.batch;
        Operand a = new Operand(numbers(batch * (shape.m * shape.k + place[3])), 0, shape.m * shape.k + place[3]);
        Operand b = new Operand(numbers(batch * (shape.k * shape.n + place[4])), 0, shape.k * shape.n + place[4]);
        double[] expected = chains(a, b, batch, shape.m, shape.k, shape.n);
        try (Lab own = new Lab(precision)) {
            long out = own.output(place[2], (long) batch * shape.m * shape.n);
            Strided left = new Strided(own.numbers(place[0], whole(a)), a.stride());
            Strided right = new Strided(own.numbers(place[1], whole(b)), b.stride());
            new MatrixKernels(own.queue(), 1, sharedPerBlock())
                    .batched(out, left, right, batch, shape.m, shape.k, shape.n);
            assertSame(own.read(out), expected, shape + " at " + Arrays.toString(place));
            return plain(own.reports().get(0));
        }
    }

    private static double[] whole(Operand operand) {
        return Arrays.copyOf(operand.values(), operand.values().length - 1);
    }
}
